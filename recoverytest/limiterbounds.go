package recoverytest

import (
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
)

// limiterBoundsClauses are about windows of any length, and about how long and
// how many IDs are remembered.
var limiterBoundsClauses = []clause[*limits]{
	{"odd-windows", "Limit", "Window is 1 ms to 31 days, any number of milliseconds: a call leaves the interval exactly Window after it was made, and no sooner or later.", func(e *limits) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		for _, window := range []time.Duration{
			7 * time.Millisecond, 999 * time.Millisecond, 1234 * time.Millisecond, 61_001 * time.Millisecond, 90 * time.Minute,
			25*time.Hour + time.Millisecond, 8*24*time.Hour - time.Millisecond,
		} {
			j := e.judge(recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: window}}})
			j.wantCalls(fmt.Sprintf("at first, with a window of %v", window), 3, 2)
			e.advance(window - time.Millisecond)
			j.wantCalls(fmt.Sprintf("a millisecond before the end of a window of %v", window), 1, 0)
			e.advance(time.Millisecond)
			j.wantCalls(fmt.Sprintf("at the end of a window of %v", window), 3, 2)
		}
	}},
	{"id-repeats-keeps-exception", "LimitRequest.ID", "The repeated request moves nothing: ThenOneEvery counts from the call itself, and not from its repetition.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: e.person(4, 1, 60), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.advance(e.ticks(2.5))
		e.wantAllowed("the first request again", e.countAllowed(1, first), 1)
		e.advance(e.ticks(2))
		e.wantAllowed("a request without an ID, with a ThenOneEvery of 4 ticks, 4.5 ticks after one with an ID and 2 after its repetition", e.countAllowed(1, other), 1)
	}},
	{"id-remembered-long", "LimitRequest.ID", "A limiter remembers an ID at least as long as the call is within the longest Window, of up to 31 days.", func(e *limits) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		// Each has a key of its own, so that no repetition renews what the next
		// one needs.
		var passed time.Duration
		later := []time.Duration{2 * time.Minute, 2 * time.Hour, 23 * time.Hour, 8 * day, 31*day - time.Minute}
		requests := make([]recovery.LimitRequest, len(later))
		for i := range requests {
			requests[i] = recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 31 * day}}}, ID: random()}
		}
		e.allow(requests...)
		for i, at := range later {
			e.advance(at - passed)
			passed = at
			e.wantAllowed(fmt.Sprintf("a request repeated after %v, in a window of 31 days at a limit of 1", at), e.countAllowed(1, requests[i]), 1)
		}
	}},
	{"id-newest", "LimitRequest.ID", "A limiter remembers the ID of a call that is one of the newest N, also if N is large and the others have IDs too.", func(e *limits) {
		const n = 200
		key := random()
		requests := make([]recovery.LimitRequest, n)
		for i := range requests {
			requests[i] = recovery.LimitRequest{Key: key, Policy: longPolicy(n), ID: random()}
		}
		e.allow(requests...)
		for _, i := range []int{0, 1, n / 2, n - 1} {
			e.wantAllowed(fmt.Sprintf("request %d of %d that were allowed, each with an ID, repeated at a limit of %d", i+1, n, n), e.countAllowed(1, requests[i]), 1)
		}
		other := recovery.LimitRequest{Key: key, Policy: longPolicy(n), ID: random()}
		e.wantAllowed("a request with another ID", e.countAllowed(1, other), 0)
	}},
	{"id-joined-names", "LimitRequest.ID", "An ID belongs to its Key: of two pairs of key and ID that read the same when they are joined, each is a request of its own.", func(e *limits) {
		e.race(len(separators), func(i int) {
			name, sep := random(), separators[i]
			first := recovery.LimitRequest{Key: name, Policy: longPolicy(1), ID: "b" + sep + "c"}
			second := recovery.LimitRequest{Key: name + sep + "b", Policy: longPolicy(1), ID: "c"}
			e.wantAllowed("a first request", e.countAllowed(1, first), 1)
			e.wantAllowed("a request whose key and ID read like those of the first when they are joined by "+quoted(sep), e.countAllowed(1, second), 1)
			third := recovery.LimitRequest{Key: second.Key, Policy: second.Policy, ID: "d"}
			e.wantAllowed("a request with a new ID for the key of the second, at a limit of 1 that the second has used up, where key and ID of two read the same when they are joined by "+quoted(sep), e.countAllowed(1, third), 0)
		})
	}},
}
