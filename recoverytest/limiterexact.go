package recoverytest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-51359b35/recovery"
)

// burst is n calls at one time, which is in ticks, and how many of them have to
// be allowed.
type burst struct {
	at         float64
	n, allowed int
}

// trace makes bursts of calls under a limit of 25 calls in 5 ticks. On a real
// clock only the judge decides, because a burst takes time there.
func trace(bursts ...burst) func(e *limits) {
	return func(e *limits) {
		j := e.judge(e.policy(25, 5))
		total, want := 0, 0
		for _, b := range bursts {
			if last := bursts[len(bursts)-1].at; !e.timing.exact() && e.now() > e.ticks(last+1) {
				return // calls take so long that the rest would take minutes
			}
			e.at(e.ticks(b.at))
			total += j.calls(b.n).allowed
			want += b.allowed
			if e.timing.exact() && total != want {
				e.fatalf("Allow, up to %v, with a limit of 25 in %v: it allowed %d calls, want %d", e.ticks(b.at), e.ticks(5), total, want)
			}
		}
	}
}

// steady is a hundred calls in every tick, for 12 ticks.
func steady() (bursts []burst) {
	for i := range 1200 {
		b := burst{at: float64(i) / 100, n: 1}
		if i%500 < 25 {
			b.allowed = 1
		}
		bursts = append(bursts, b)
	}
	return bursts
}

const exactWindow = "Never more than N in any interval of length Window, and never a refusal while there are fewer (A54): "

var limiterExactClauses = []clause[*limits]{
	{"trace-a", "Limiter", exactWindow + "of 25 calls at 4.9 and 25 at 5.1 ticks, on the edge of a fixed window, 25 and 0 are allowed.",
		trace(burst{4.9, 25, 25}, burst{5.1, 25, 0})},
	{"trace-b", "Limiter", exactWindow + "of 1 call at 0, 24 at 4.9 and 25 at 5.1 ticks, 1, 24 and 1 are allowed.",
		trace(burst{0, 1, 1}, burst{4.9, 24, 24}, burst{5.1, 25, 1})},
	{"trace-c", "Limiter", exactWindow + "of 100 calls in every tick, for 12 ticks, 75 are allowed.",
		trace(steady()...)},
	{"trace-d", "Limiter", exactWindow + "of 25 calls at 0.2 and 25 at 5.9 ticks, 25 and 25 are allowed.",
		trace(burst{0.2, 25, 25}, burst{5.9, 25, 25})},
	{"half-open", "Limit", "The interval is half open: a call leaves it exactly Window after it was made.", func(e *limits) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		j := e.judge(e.policy(2, 3))
		j.wantCalls("at first", 3, 2)
		e.advance(e.ticks(3) - time.Millisecond)
		j.wantCalls("a millisecond before the end of the window", 1, 0)
		e.advance(time.Millisecond)
		j.wantCalls("at the end of the window", 3, 2)
	}},
	{"random-arrivals", "Limiter", exactWindow + "also when calls arrive at random.", func(e *limits) {
		seed, n := e.h.Seed, e.h.Arrivals
		if seed == 0 {
			seed = rand.Uint64()
		}
		if n <= 0 {
			n = 1000
			if e.timing.exact() {
				n = 10_000
			}
		}
		least := min(n, 100)
		if e.timing.exact() {
			least = n
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		thenOne := e.policy(3, 7)
		thenOne.ThenOneEvery = e.ticks(2)
		judges := []*judge{
			e.judge(e.policy(25, 5)), e.judge(e.policy(1, 1)), e.judge(e.policy(4, 1, 9, 5, 20, 30)), e.judge(thenOne),
			e.judge(e.person(8, 1, 1, 3, 8, 5, 40)), e.judge(e.policy(9, 1, 12, 2, 14, 3, 16, 4, 17, 5, 18, 6, 19, 7, 20, 8)),
		}
		for i := range e.roundsWithin(4*enough, n, least) {
			if judges[rnd.IntN(len(judges))].call(); e.failed() {
				e.fatalf("this was arrival %d of the seed %d: set LimiterHarness.Seed to it to see the same again", i, seed)
			}
			e.pause(rnd)
		}
	}},
	{"several-limits", "LimitPolicy", "The limits of a policy hold together, and a call that one of them refuses is counted by none.", func(e *limits) {
		j := e.judge(e.policy(2, 4, 3, 12))
		n := e.fewer(20, 4)
		j.wantCalls("at first", n, 2)
		e.at(e.ticks(5))
		j.wantCalls("after the shorter window", n, 1)
		e.at(e.ticks(9.5))
		j.wantCalls("while the longer window is full", n, 0)
		e.at(e.ticks(13))
		j.wantCalls("after the longer window", n, 2)
	}},
	{"refused-not-counted", "Limiter.Allow", "A refused call is not counted at all.", func(e *limits) {
		j := e.judge(e.policy(3, 6))
		j.calls(3)
		for range 5 {
			e.advance(e.ticks(1))
			j.calls(e.fewer(10, 3))
		}
		e.at(e.ticks(6.5))
		j.wantCalls("after the allowed calls have left the window", 4, 3)
	}},
	{"retry-after", "Decision.RetryAfter", "RetryAfter is how long until a call could be allowed: a call that waits as long is not refused, and no earlier call can succeed.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: e.policy(3, 6)}
		for range 3 {
			e.allow(request)
			e.advance(e.ticks(0.5))
		}
		for range 3 {
			asked := e.now()
			d := e.allow(request)[0]
			if d.Allowed {
				e.fatalf("a fourth call with a limit of %v: Allow allowed it, want a refusal", request.Policy.Limits[0])
			}
			refused := d.RetryAfter
			if early := d.RetryAfter - e.ticks(0.6); early > 0 {
				e.advance(early)
				if again := e.allow(request)[0]; again.Allowed {
					if e.now() >= asked+refused {
						continue // it came too late to be too early
					}
					e.fatalf("a call %v before the RetryAfter of the last refusal has passed: Allow allowed it, want a refusal, because no call before that can be allowed", e.ticks(0.6))
				}
				d.RetryAfter -= early
			}
			e.advance(d.RetryAfter)
			if again := e.allow(request)[0]; !again.Allowed {
				e.errorf("a call when the RetryAfter of the last refusal (%v) has passed: Allow refused it, with RetryAfter %v, want it allowed", refused, again.RetryAfter)
			}
		}
	}},
	{"then-one-every", "LimitPolicy.ThenOneEvery", "ThenOneEvery allows a call in spite of a full window once the last allowed call is that long ago (A58).", func(e *limits) {
		policy := e.policy(2, 60)
		policy.ThenOneEvery = e.ticks(4)
		j := e.judge(policy)
		j.wantCalls("at first", 4, 2)
		e.advance(e.ticks(2.5))
		j.wantCalls("before ThenOneEvery has passed", 3, 0)
		for range 3 {
			e.advance(e.ticks(4.5))
			j.wantCalls("after ThenOneEvery has passed", 3, 1)
		}
	}},
	{"then-one-every-windows", "LimitPolicy.ThenOneEvery", "ThenOneEvery allows a call although any of several limits is reached, once the last allowed call is that long ago. The default limits of a person have this form (A58).", func(e *limits) {
		ticks := 18
		judges := []*judge{e.judge(e.person(4, 1, 1, 2, 4, 3, 14)), e.judge(e.person(2, 2, 6, 3, 14)), e.judge(e.person(6, 3, 2, 4, 9))}
		if e.timing.exact() {
			ticks = 120
			judges = append(judges, e.judge(e.person(60, 1, 1, 5, 60, 10, 1440)))
		}
		for range ticks {
			for _, j := range judges {
				j.calls(2)
			}
			e.advance(e.ticks(1))
		}
	}},
	{"fields", "Decision.Limit", "Limit is the limit that refused, or the one that has the fewest calls left; Remaining is how many calls it still allows now.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 5, Window: longTTL}, {N: 3, Window: longTTL / 2}}}}
		for left := 2; left >= 0; left-- {
			if d := e.allow(request)[0]; !d.Allowed || d.Remaining != left || d.Limit != request.Policy.Limits[1] {
				e.errorf("Allow with the limits 5 in 10m and 3 in 5m: Allowed is %v, Remaining %d, Limit %v, want true, %d, %v", d.Allowed, d.Remaining, d.Limit, left, request.Policy.Limits[1])
			}
		}
		if d := e.allow(request)[0]; d.Allowed || d.Remaining != 0 || d.Limit != request.Policy.Limits[1] {
			e.errorf("Allow of a fourth call with the limits 5 in 10m and 3 in 5m: Allowed is %v, Remaining %d, Limit %v, want false, 0, %v", d.Allowed, d.Remaining, d.Limit, request.Policy.Limits[1])
		}
	}},
	{"fields-tie", "Decision.Limit", "Limit is the limit that refused, or the one that has the fewest calls left; of several, the one that stays so for longest.", func(e *limits) {
		short, longer := recovery.Limit{N: 2, Window: longTTL / 2}, recovery.Limit{N: 2, Window: longTTL}
		for _, both := range [][]recovery.Limit{{short, longer}, {longer, short}} {
			request := recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: both}}
			for i := range 4 {
				if d := e.allow(request)[0]; d.Limit != longer {
					e.errorf("Allow, call %d with the limits %v and %v: Limit is %v, want %v", i+1, both[0], both[1], d.Limit, longer)
				}
			}
		}
	}},
	{"reset", "Decision.Reset", "Reset is how long until the oldest call in Limit's window leaves it, this one included if it was allowed.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: e.policy(2, 10)}
		for _, want := range []float64{10, 7, 4} {
			d := e.allow(request)[0]
			if off := (d.Reset - e.ticks(want)).Abs(); off > e.ticks(0.5) || e.timing.exact() && off != 0 {
				e.errorf("Allow of calls %v apart, with a limit of %v: Reset is %v, want %v", e.ticks(3), request.Policy.Limits[0], d.Reset, e.ticks(want))
			}
			e.advance(e.ticks(3))
		}
	}},
	{"idle", "Limit", "A call leaves the interval: a key that was idle for its longest window is as a new one.", func(e *limits) {
		j := e.judge(e.policy(4, 1, 8, 4))
		for range 3 {
			j.wantCalls("after a pause", 6, 4)
			e.advance(e.ticks(4.5))
		}
	}},
	{"large", "Limit", "N is 1 to 100,000: a large limit is as exact as a small one.", func(e *limits) {
		n, batch := 1000, 250
		if e.timing.bubble != nil {
			n, batch = 100_000, 1000
		}
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(n)}
		allowed := 0
		for range n/batch + 1 {
			requests := make([]recovery.LimitRequest, batch)
			for i := range requests {
				requests[i] = request
			}
			for _, d := range e.allow(requests...) {
				if d.Allowed {
					allowed++
				}
			}
		}
		e.wantAllowed(fmt.Sprintf("calls of %d requests each, at a limit of %d", batch, n), tally{allowed, n + batch}, n)
	}},
	{"shortest-window", "Limit", "Window is 1 ms to 31 days: one of a millisecond ends.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Millisecond}}}}
		for range 5 {
			if !e.allow(request)[0].Allowed {
				e.errorf("a call %v after the last, with a limit of 1 in 1ms: Allow refused it, want it allowed", max(e.ticks(0.1), 2*time.Millisecond))
			}
			e.advance(max(e.ticks(0.1), 2*time.Millisecond))
		}
	}},
	{"longest-window", "Limit", "Window is 1 ms to 31 days: one of 31 days forgets nothing before its end.", func(e *limits) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		j := e.judge(recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 31 * day}}})
		for range 8 {
			j.calls(2)
			e.advance(10*day + 7*time.Hour)
		}
		e.advance(40 * day)
		j.wantCalls("after a long pause", 5, 3)
	}},
}

// person returns a policy like the default ones for a person: several windows,
// and then one call in so many ticks.
func (e *limits) person(thenOneEvery int, pairs ...int) recovery.LimitPolicy {
	policy := e.policy(pairs...)
	policy.ThenOneEvery = e.ticks(float64(thenOneEvery))
	return policy
}

// pause lets a random time pass between two arrivals. Mostly it is 0, so that
// there are bursts. Sometimes it is so long that windows become empty.
func (e *limits) pause(rnd *rand.Rand) {
	if !e.timing.exact() {
		if rnd.IntN(50) == 0 {
			e.advance(time.Duration(rnd.Int64N(int64(e.ticks(1.5)))))
		}
		return
	}
	var d time.Duration
	switch n := rnd.IntN(100); {
	case n < 50:
	case n < 96:
		d = time.Duration(rnd.Int64N(int64(e.ticks(0.2))))
	case n < 99:
		d = time.Duration(rnd.Int64N(int64(e.ticks(3))))
	default:
		d = time.Duration(rnd.Int64N(int64(e.ticks(20))))
	}
	// Many stores count in whole milliseconds.
	if d = d.Round(time.Millisecond); d > 0 {
		e.advance(d)
	}
}
