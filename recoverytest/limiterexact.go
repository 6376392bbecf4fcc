package recoverytest

import (
	"math/rand/v2"
	"time"

	"github.com/seed-51359b35/recovery"
)

// burst is n calls at a time in ticks, and how many of them are admitted.
type burst struct {
	at       float64
	n, admit int
}

// trace plays bursts at 25 calls in 5 ticks. On a real clock the judge alone
// decides, because a burst takes time there.
func trace(bursts ...burst) func(e *limits) {
	return func(e *limits) {
		j := e.judge(e.tier(25, 5))
		total, want := 0, 0
		for _, b := range bursts {
			e.at(e.ticks(b.at))
			total += j.calls(b.n)
			want += b.admit
			if e.timing.exact() && total != want {
				e.fatalf("%d calls admitted by tick %v, want %d", total, b.at, want)
			}
		}
	}
}

// steady is a hundred calls a tick for 12 ticks.
func steady() (bursts []burst) {
	for i := range 1200 {
		b := burst{at: float64(i) / 100, n: 1}
		if i%500 < 25 {
			b.admit = 1
		}
		bursts = append(bursts, b)
	}
	return bursts
}

const never = "Never more than N in any interval of length Window, and never a refusal while there are fewer (A54): "

var limiterExactClauses = []clause[*limits]{
	{"trace-a", never + "25 at 4.9 and 25 at 5.1, on the edge of a fixed window, are 25 and 0.",
		trace(burst{4.9, 25, 25}, burst{5.1, 25, 0})},
	{"trace-b", never + "1 at 0, 24 at 4.9 and 25 at 5.1 are 1, 24 and 1.",
		trace(burst{0, 1, 1}, burst{4.9, 24, 24}, burst{5.1, 25, 1})},
	{"trace-c", never + "100 a tick for 12 ticks are 75.",
		trace(steady()...)},
	{"trace-d", never + "25 at 0.2 and 25 at 5.9 are 25 and 25.",
		trace(burst{0.2, 25, 25}, burst{5.9, 25, 25})},
	{"half-open", "The interval is half open: a call leaves it exactly Window after it was made.", func(e *limits) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		j := e.judge(e.tier(2, 3))
		e.want("at first", j.calls(3), 2)
		e.advance(e.ticks(3) - time.Millisecond)
		e.want("a millisecond before the end of the window", j.calls(1), 0)
		e.advance(time.Millisecond)
		e.want("at the end of the window", j.calls(3), 2)
	}},
	{"random-arrivals", never + "whatever arrives.", func(e *limits) {
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
		rnd := rand.New(rand.NewPCG(seed, 0))
		trickle := e.tier(3, 7)
		trickle.ThenOneEvery = e.ticks(2)
		judges := []*judge{
			e.judge(e.tier(25, 5)), e.judge(e.tier(1, 1)), e.judge(e.tier(4, 1, 9, 5, 20, 30)), e.judge(trickle),
		}
		for i := range n {
			if judges[rnd.IntN(len(judges))].call(); e.failed() {
				e.fatalf("(arrival %d of seed %d)", i, seed)
			}
			e.pause(rnd)
		}
	}},
	{"several-limits", "The limits of a tier hold together, and a call that one of them refuses is counted by none.", func(e *limits) {
		j := e.judge(e.tier(2, 4, 3, 12))
		e.want("at first", j.calls(20), 2)
		e.at(e.ticks(5))
		e.want("after the shorter window", j.calls(20), 1)
		e.at(e.ticks(9.5))
		e.want("while the longer window is full", j.calls(20), 0)
		e.at(e.ticks(13))
		e.want("after the longer window", j.calls(20), 2)
	}},
	{"refused-not-counted", "A refused call is not counted at all.", func(e *limits) {
		j := e.judge(e.tier(3, 6))
		j.calls(3)
		for range 5 {
			e.advance(e.ticks(1))
			j.calls(10)
		}
		e.at(e.ticks(6.5))
		if n := j.calls(4); e.timing.exact() {
			e.want("once the admitted have left the window", n, 3)
		}
	}},
	{"retry-after", "RetryAfter is how long until a call could be admitted: one that waits as long is not refused, and nothing earlier can succeed.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: e.tier(3, 6)}
		for range 3 {
			e.take(take)
			e.advance(e.ticks(0.5))
		}
		for range 3 {
			d := e.take(take)[0]
			if d.Allowed {
				e.fatalf("a call over the limit was admitted")
			}
			if early := d.RetryAfter - e.ticks(0.6); early > 0 {
				e.advance(early)
				if again := e.take(take)[0]; again.Allowed {
					e.fatalf("a call was admitted %v before RetryAfter", e.ticks(0.6))
				}
				d.RetryAfter -= early
			}
			e.advance(d.RetryAfter)
			if again := e.take(take)[0]; !again.Allowed {
				e.errorf("a call that waited RetryAfter was refused, with RetryAfter %v", again.RetryAfter)
			}
		}
	}},
	{"trickle", "Trickle admits a call in spite of a full window once the last admitted call is that long ago (A58).", func(e *limits) {
		tier := e.tier(2, 60)
		tier.ThenOneEvery = e.ticks(4)
		j := e.judge(tier)
		e.want("at first", j.calls(5), 2)
		e.advance(e.ticks(3))
		e.want("before the trickle", j.calls(5), 0)
		for range 3 {
			e.advance(e.ticks(4.5))
			e.want("after the trickle", j.calls(5), 1)
		}
	}},
	{"fields", "Limit is the window that refused, or the one that has the least left; Remaining is how many calls it still admits now.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 5, Window: long}, {N: 3, Window: long / 2}}}}
		for left := 2; left >= 0; left-- {
			if d := e.take(take)[0]; !d.Allowed || d.Remaining != left || d.Limit != take.Policy.Limits[1] {
				e.errorf("Allowed %v, Remaining %d, Limit %v, want true, %d, %v", d.Allowed, d.Remaining, d.Limit, left, take.Policy.Limits[1])
			}
		}
		if d := e.take(take)[0]; d.Allowed || d.Remaining != 0 || d.Limit != take.Policy.Limits[1] {
			e.errorf("Allowed %v, Remaining %d, Limit %v, want false, 0, %v", d.Allowed, d.Remaining, d.Limit, take.Policy.Limits[1])
		}
	}},
	{"fields-tie", "Limit is the window that refused, or the one that has the least left; of several, the one that stays so for longest.", func(e *limits) {
		short, longer := recovery.Limit{N: 2, Window: long / 2}, recovery.Limit{N: 2, Window: long}
		for _, both := range [][]recovery.Limit{{short, longer}, {longer, short}} {
			take := recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: both}}
			for i := range 4 {
				if d := e.take(take)[0]; d.Limit != longer {
					e.errorf("call %d of %v and %v: Limit is %v, want %v", i+1, both[0], both[1], d.Limit, longer)
				}
			}
		}
	}},
	{"reset", "Reset is how long until the oldest call in Limit's window leaves it, this one included if it was admitted.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: e.tier(2, 10)}
		for _, want := range []float64{10, 7, 4} {
			d := e.take(take)[0]
			if off := (d.Reset - e.ticks(want)).Abs(); off > e.ticks(0.5) || e.timing.exact() && off != 0 {
				e.errorf("Reset is %v, want %v", d.Reset, e.ticks(want))
			}
			e.advance(e.ticks(3))
		}
	}},
	{"idle", "A call leaves the interval: a key that was idle for its longest window is as good as new.", func(e *limits) {
		j := e.judge(e.tier(4, 1, 8, 4))
		for range 3 {
			e.want("after a pause", j.calls(6), 4)
			e.advance(e.ticks(4.5))
		}
	}},
	{"large", "N is 1 to 100,000: a large limit is as exact.", func(e *limits) {
		const n = 3000
		take := recovery.LimitRequest{Key: random(), Policy: lasting(n)}
		admitted := 0
		for range 16 {
			takes := make([]recovery.LimitRequest, 200)
			for i := range takes {
				takes[i] = take
			}
			for _, d := range e.take(takes...) {
				if d.Allowed {
					admitted++
				}
			}
		}
		e.want("3,200 calls at a limit of 3,000", admitted, n)
	}},
	{"shortest-window", "Window is 1 ms to 31 days: one of a millisecond ends.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Millisecond}}}}
		for range 5 {
			if !e.take(take)[0].Allowed {
				e.errorf("refused after the window of a millisecond had passed")
			}
			e.advance(max(e.ticks(0.1), 2*time.Millisecond))
		}
	}},
	{"longest-window", "Window is 1 ms to 31 days: one of 31 days forgets nothing before its end.", func(e *limits) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		const day = 24 * time.Hour
		j := e.judge(recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: 31 * day}}})
		for range 8 {
			j.calls(2)
			e.advance(10*day + 7*time.Hour)
		}
		e.advance(40 * day)
		e.want("after a long pause", j.calls(5), 3)
	}},
}

// pause lets a random time pass between two arrivals: mostly none, so that
// bursts arise, sometimes so much that windows empty.
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
	// Whole milliseconds, as many stores count.
	if d = d.Round(time.Millisecond); d > 0 {
		e.advance(d)
	}
}
