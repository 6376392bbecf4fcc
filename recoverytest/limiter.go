package recoverytest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A LimiterHarness is what [TestLimiter] needs to know of a limiter.
type LimiterHarness struct {
	// New returns a limiter for one clause; what it opens is closed with
	// t.Cleanup. It may share a server with others: the suite draws its keys at
	// random.
	New func(t *testing.T) recovery.Limiter

	// Another returns a second instance on the same counts, as another process
	// would have it. The suite then spreads its calls over both. Optional; for
	// limiters that are shared.
	Another func(t *testing.T, first recovery.Limiter) recovery.Limiter

	// Bubble is synctest.Test for a limiter that lives in this process: every
	// clause runs in a bubble of its own. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Advance moves the limiter's clock, which must not move otherwise: a
	// simulated server wants it. Optional; without it the clock is taken to
	// run as package time does, and the suite sleeps. Then every decision is
	// judged by the instants before and after its call, so that a slow server
	// fails no clause.
	Advance func(t *testing.T, d time.Duration)

	// Tick is the unit of the spans that have to pass: about 150 of them in
	// the whole suite on a real clock. Default 1 s with Bubble or Advance,
	// where it must be a multiple of 100 ms, and 100 ms without.
	Tick time.Duration

	// Arrivals is how many calls arrive at random. Default 10,000 with Bubble
	// or Advance and 1,000 without.
	Arrivals int

	// Seed makes the random arrivals repeat those that failed. Default: at
	// random.
	Seed uint64
}

// TestLimiter proves a [recovery.Limiter], one subtest for each clause of its
// contract.
func TestLimiter(t *testing.T, h LimiterHarness) {
	t.Helper()
	limiterSuite(h).test(t)
}

func limiterSuite(h LimiterHarness) suite[*limits] {
	return suite[*limits]{
		timing: newTiming(h.Bubble, h.Advance, h.Tick),
		setup: func(p *probe) *limits {
			return &limits{probe: p, alternate: instances(p.t, h.New(p.t), h.Another), h: h, ctx: p.t.Context()}
		},
		clauses: slices.Concat(limiterExactClauses, limiterTakeClauses),
	}
}

// limits is what the clauses of Limiter work with.
type limits struct {
	*probe
	*alternate[recovery.Limiter]
	h   LimiterHarness
	ctx context.Context
}

// tier is n calls in each number of ticks: tier(25, 5, 100, 60).
func (e *limits) tier(pairs ...int) recovery.LimitPolicy {
	var t recovery.LimitPolicy
	for pair := range slices.Chunk(pairs, 2) {
		t.Limits = append(t.Limits, recovery.Limit{N: pair[0], Window: e.ticks(float64(pair[1]))})
	}
	return t
}

// lasting is n calls in a window that no clause sees the end of.
func lasting(n int) recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: long}}}
}

func (e *limits) take(takes ...recovery.LimitRequest) []recovery.Decision {
	decisions, err := e.pick().Allow(e.ctx, takes...)
	if err != nil {
		e.fatalf("Take: %v", err)
	}
	if len(decisions) != len(takes) {
		e.fatalf("Take returned %d decisions for %d takes", len(decisions), len(takes))
	}
	for _, d := range decisions {
		if !d.Allowed && d.RetryAfter <= 0 {
			e.errorf("a call was refused with RetryAfter %v", d.RetryAfter)
		}
		if d.Allowed && d.RetryAfter != 0 {
			e.errorf("a call was admitted with RetryAfter %v", d.RetryAfter)
		}
		if d.Remaining < 0 {
			e.errorf("Remaining is %d", d.Remaining)
		}
	}
	return decisions
}

// admitted takes n times, one by one, and counts.
func (e *limits) admitted(n int, take recovery.LimitRequest) (admitted int) {
	for range n {
		if e.take(take)[0].Allowed {
			admitted++
		}
	}
	return admitted
}

func (e *limits) want(what string, got, want int) {
	if got != want {
		e.errorf("%s: %d admitted, want %d", what, got, want)
	}
}

// A judge knows what was admitted under one key, each call as the span of time
// in which it was decided, and finds decisions that no instant in it explains.
// Where the clock stands still the spans are instants and the judgement exact.
type judge struct {
	*limits
	take recovery.LimitRequest
	log  []span
	// slack is what a store may lose by keeping whole milliseconds, and two
	// clocks by running apart. Nothing where the clock stands still.
	slack time.Duration
	// longest is the longest call so far. A limiter may remember a denial, and
	// does not know when within its call it was decided: then it must not say
	// too short a wait.
	longest time.Duration
}

type span struct{ from, to time.Duration }

func (e *limits) judge(t recovery.LimitPolicy) *judge {
	j := &judge{limits: e, take: recovery.LimitRequest{Key: random(), Policy: t}}
	if !e.timing.exact() {
		j.slack = 3 * time.Millisecond
	}
	return j
}

// call takes once, judges the decision, and reports whether it was admitted.
func (j *judge) call() bool {
	from := j.now()
	d := j.limits.take(j.take)[0]
	now := span{from, j.now()}
	j.longest = max(j.longest, now.to-now.from)
	j.decision(d, now)
	if d.Allowed {
		j.log = append(j.log, now)
	}
	return d.Allowed
}

func (j *judge) calls(n int) (admitted int) {
	for range n {
		if j.call() {
			admitted++
		}
	}
	return admitted
}

// decision judges d, made in the span now.
func (j *judge) decision(d recovery.Decision, now span) {
	surely, perhaps := false, false // whether a window is full
	var wait span
	remaining := span{1 << 40, 1 << 40}
	for _, l := range j.take.Policy.Limits {
		least, most := j.inWindow(l, now)
		remaining.from = min(remaining.from, time.Duration(max(0, l.N-most-1)))
		remaining.to = min(remaining.to, time.Duration(max(0, l.N-least-1)))
		if least >= l.N {
			surely = true
			wait.from = max(wait.from, j.log[len(j.log)-l.N].from+l.Window-now.to)
		}
		if most >= l.N {
			perhaps = true
			wait.to = max(wait.to, j.log[len(j.log)-l.N].to+l.Window-now.from)
		}
	}
	trickled := false
	if t := j.take.Policy.ThenOneEvery; t > 0 && len(j.log) > 0 {
		last := j.log[len(j.log)-1]
		open := span{last.from + t - now.to, last.to + t - now.from}
		trickled = open.from <= j.slack // may be open
		perhaps = perhaps && open.to > -j.slack
		wait.from, wait.to = min(wait.from, open.from), min(wait.to, open.to)
	}
	switch {
	case d.Allowed && surely && !trickled:
		j.errorf("call at %v, after %d: admitted over the limit", now.from, len(j.log))
	case !d.Allowed && !perhaps:
		j.errorf("call at %v, after %d: refused while fewer than the limit were made", now.from, len(j.log))
	case !d.Allowed && (d.RetryAfter < wait.from-j.slack || d.RetryAfter > wait.to+j.slack+j.longest):
		j.errorf("call at %v: RetryAfter is %v, want %v to %v", now.from, d.RetryAfter, wait.from, wait.to)
	case !d.Allowed && d.Remaining != 0:
		j.errorf("call at %v: refused with Remaining %d", now.from, d.Remaining)
	case d.Allowed && (d.Remaining < int(remaining.from) || d.Remaining > int(remaining.to)):
		j.errorf("call at %v: Remaining is %d, want %d to %d", now.from, d.Remaining, remaining.from, remaining.to)
	}
	if !slices.Contains(j.take.Policy.Limits, d.Limit) {
		j.errorf("call at %v: Limit is %v, not one of the tier's", now.from, d.Limit)
	} else if j.timing.exact() {
		j.window(d, now)
	}
}

// window judges what a decision says of its Limit, where the clock stands
// still.
func (j *judge) window(d recovery.Decision, now span) {
	in, _ := j.inWindow(d.Limit, now)
	if !d.Allowed && in < d.Limit.N {
		j.errorf("call at %v: %v refused with %d calls in the window", now.from, d.Limit, in)
	}
	if d.Allowed && d.Remaining != max(0, d.Limit.N-in-1) {
		j.errorf("call at %v: Remaining is %d, but %v has %d left", now.from, d.Remaining, d.Limit, d.Limit.N-in-1)
	}
	reset := d.Limit.Window
	if in > 0 {
		reset = j.log[len(j.log)-in].from + d.Limit.Window - now.from
	}
	// With a trickle a window holds more calls than its N, and what is older
	// than the youngest N need not be remembered.
	if d.Reset != reset && j.take.Policy.ThenOneEvery == 0 {
		j.errorf("call at %v: Reset is %v, want %v, when the oldest call leaves the window of %v", now.from, d.Reset, reset, d.Limit)
	}
}

// inWindow is how many calls are in l's window at the least and at the most.
func (j *judge) inWindow(l recovery.Limit, now span) (least, most int) {
	for _, call := range slices.Backward(j.log) {
		if now.from-call.to >= l.Window+j.slack {
			break
		}
		most++
		if now.to-call.from < l.Window-j.slack {
			least++
		}
	}
	return least, most
}

// at waits until the clock shows t.
func (e *limits) at(t time.Duration) {
	if d := t - e.now(); d > 0 {
		e.advance(d)
	}
}
