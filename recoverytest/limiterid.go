package recoverytest

import (
	"strings"

	"github.com/seed-51359b35/recovery"
)

// limiterIDClauses are about requests that are repeated.
var limiterIDClauses = []clause[*limits]{
	{"id-repeats", "An ID makes the request repeatable: a request with an ID that the log still holds is allowed and not counted again.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(3), ID: random()}
		e.wantAllowed("one request ten times", e.countAllowed(10, request), 10)
		request.ID = ""
		e.wantAllowed("others after it, at a limit of 3", e.countAllowed(5, request), 2)
	}},
	{"id-repeats-full", "A request with an ID that the log still holds is allowed, also when the window is full.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: longPolicy(3), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.wantAllowed("others after it", e.countAllowed(5, other), 2)
		e.wantAllowed("the first request again", e.countAllowed(3, first), 3)
		e.wantAllowed("others after that", e.countAllowed(3, other), 0)
	}},
	{"id-repeats-in-one-call", "Requests are decided in order: one with the ID of another in the same call is not counted again.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(2), ID: random()}
		for _, d := range e.allow(request, request, request) {
			if !d.Allowed {
				e.errorf("a repeated request was refused, want it allowed")
			}
		}
		request.ID = random()
		e.wantAllowed("another request after it", e.countAllowed(1, request), 1)
		request.ID = random()
		e.wantAllowed("a third request", e.countAllowed(1, request), 0)
	}},
	{"id-repeats-remaining", "Remaining is how many calls Limit still allows now: after a repeated request as many as before it.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(5), ID: random()}
		for range 4 {
			if d := e.allow(request)[0]; d.Remaining != 4 {
				e.errorf("one request, repeated, at a limit of 5: Remaining is %d, want 4", d.Remaining)
			}
		}
	}},
	{"id-refused", "A refused request is not counted at all: the log does not hold its ID.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: e.policy(1, 3)}
		e.allow(request)
		request.ID = random()
		if e.allow(request, request)[1].Allowed {
			e.errorf("a request was allowed after one with its ID had been refused, want a refusal")
		}
		e.advance(e.ticks(3.5))
		e.wantAllowed("the refused request, after the window", e.countAllowed(1, request), 1)
		request.ID = ""
		if e.allow(request)[0].Allowed && e.timing.exact() {
			e.errorf("a request at a limit of 1 was allowed after another had been refused and then allowed, want a refusal")
		}
	}},
	{"id-of-another-key", "An ID belongs to the log of its key: with another key it is another request.", func(e *limits) {
		id := random()
		a := recovery.LimitRequest{Key: random(), Policy: longPolicy(1), ID: id}
		b := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}
		e.allow(a, b)
		b.ID = id
		if e.allow(b)[0].Allowed {
			e.errorf("a request for a full key was allowed with an ID that another key holds, want a refusal")
		}
	}},
	{"id-racing", "A request with an ID is counted once, however many callers repeat it at once.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(5), ID: random()}
		e.race(64, func(int) {
			if !e.allow(request)[0].Allowed {
				e.errorf("a repeated request was refused, want it allowed")
			}
		})
		request.ID = ""
		e.wantAllowed("others after it, at a limit of 5", e.countAllowed(9, request), 4)
	}},
	{"id-repeats-moves-nothing", "A request with an ID that was allowed before does not count again: its call stays where it was, and leaves the window as if it had not been repeated.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: e.policy(1, 4), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.advance(e.ticks(2))
		e.wantAllowed("the first request again", e.countAllowed(1, first), 1)
		e.advance(e.ticks(2.5))
		e.wantAllowed("another, 4.5 ticks after the first and 2.5 after its repetition, in a window of 4", e.countAllowed(1, other), 1)
	}},
	{"id-remembered", "A limiter remembers an ID at least as long as the call is within the longest Window and is one of the newest N, for the largest N.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: e.policy(2, 2, 4, 16), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.advance(e.ticks(8))
		e.wantAllowed("the first request again, after the shorter window", e.countAllowed(2, first), 2)
		e.wantAllowed("others at the same time, when the first call has left the window of 2 ticks, where its repetition must not put it back (the repeated request moves nothing)",
			e.countAllowed(3, other), 2)
		e.advance(e.ticks(2.5))
		e.wantAllowed("the first request again, when its call is the fourth", e.countAllowed(1, first), 1)
		e.wantAllowed("others, at a limit of 4 in the longer window", e.countAllowed(3, other), 1)
		if e.timing.exact() {
			e.wantAllowed("the first request again, when it is the oldest of four", e.countAllowed(1, first), 1)
		}
	}},
	{"id-any-text", "An ID is any text, and is compared byte by byte.", func(e *limits) {
		name := random()
		texts := []string{
			name, strings.ToLower(name), name + " ", " " + name, name + "\n", name + "\x00", name + "x", name[1:], "*", "%", "0", "-", ",", `\`, `'"`,
			"\u00e4" + name, "a\u0308" + name, "\xff" + name, strings.Repeat("i", 64), strings.Repeat("i", 65), strings.Repeat("i", 1000),
		}
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(len(texts) + 5)}
		for _, request.ID = range texts {
			e.wantAllowed("a request with an ID, twice", e.countAllowed(2, request), 2)
		}
		request.ID = ""
		if d := e.allow(request)[0]; d.Remaining != 4 {
			e.errorf("after %d requests with an ID of their own, each of them twice, and another at a limit of %d: Remaining is %d, want 4", len(texts), len(texts)+5, d.Remaining)
		}
	}},
}
