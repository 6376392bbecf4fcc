package recoverytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A LimiterHarness is what [TestLimiter] needs to know of a limiter. New is
// required.
type LimiterHarness struct {
	// New returns a limiter for one clause. It registers with t.Cleanup how to
	// close what it opens. The limiter may share a server with others, because
	// the suite draws its keys at random.
	New func(t *testing.T) recovery.Limiter

	// Another returns a second instance on the same counts, as another process
	// would have it. The suite then spreads its calls over both. Optional, for
	// limiters that are shared.
	Another func(t *testing.T, first recovery.Limiter) recovery.Limiter

	// Bubble is synctest.Test for a limiter that lives in this process: every
	// clause runs in a bubble of its own. Calls must take no time in it, so a
	// limiter that sleeps, to be like a server, is tested without. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Advance moves the limiter's clock, which must not move otherwise. It is
	// for simulated servers. Optional; without it the suite takes the clock to
	// run as that of package time, and sleeps. It then judges every decision
	// by the instants before and after its call, so that a slow server fails
	// no clause.
	Advance func(t *testing.T, d time.Duration)

	// Tick is the unit of the times that have to pass. On a real clock about
	// 150 ticks pass in the whole suite. Default 1 s with Bubble or Advance,
	// where it must be a multiple of 100 ms. On a real clock the suite measures
	// how long a call takes, and chooses 100 ms to 1 s.
	Tick time.Duration

	// Stall makes the limiter's server not answer, and Break makes it refuse
	// every call, as one that is down. Mend ends that, and is required with one
	// of them. All are optional, and get the instance that New returned.
	Stall, Break, Mend func(t *testing.T, l recovery.Limiter)

	// Patience is how long Allow may go on after its ctx has ended. Default 2 s.
	Patience time.Duration

	// Dump returns everything that the limiter holds under its own prefix or in
	// its own tables. No other program may write there during the clause.
	// Optional, but only with it the suite can test that keys are freed. Purge
	// frees what has ended, for a limiter that does not do so by itself.
	Dump  func(t *testing.T, l recovery.Limiter) []byte
	Purge func(t *testing.T, l recovery.Limiter)

	// Parallel runs clauses side by side, as many at once as -parallel says: for
	// a server that is far away, so that clauses mostly wait. The hooks are then
	// called from several goroutines at once. Clauses that make the server fail,
	// or look at everything that it holds, run alone, before the others. The
	// others end when the test does, as every parallel subtest. Parallel has no
	// effect with Bubble or Advance.
	Parallel bool

	// Arrivals is how many calls arrive at random. Default 10,000 with Bubble
	// or Advance and 1,000 without.
	Arrivals int

	// Seed repeats the random arrivals of a run that failed, which prints its
	// seed. Default: a random one.
	Seed uint64
}

// TestLimiter tests a [recovery.Limiter], with one subtest for each clause of
// its contract.
func TestLimiter(t *testing.T, h LimiterHarness) {
	t.Helper()
	limiterSuite(h).test(t)
}

func limiterSuite(h LimiterHarness) suite[*limits] {
	if h.Patience <= 0 {
		h.Patience = 2 * time.Second
	}
	return suite[*limits]{
		timing: newTiming(h.Bubble, h.Advance, h.Tick),
		setup: func(p *probe) *limits {
			first := h.New(p.t)
			return &limits{probe: p, alternate: instances(p.t, first, h.Another), h: h, first: first, ctx: p.t.Context()}
		},
		ask: func(e *limits) {
			_, _ = e.first.Allow(e.ctx, recovery.LimitRequest{Key: random(), Policy: e.policy(1, 1)})
		},
		clauses:  slices.Concat(limiterExactClauses, limiterRequestClauses, limiterIDClauses, limiterBoundsClauses),
		alone:    limiterFaultClauses,
		parallel: h.Parallel,
	}
}

// limits is what the clauses of the limiter suite work with.
type limits struct {
	*probe
	*alternate[recovery.Limiter]
	h     LimiterHarness
	first recovery.Limiter
	ctx   context.Context
}

// policy returns a policy of pairs of N and a window in ticks:
// policy(25, 5, 100, 60) is 25 calls in 5 ticks and 100 in 60.
func (e *limits) policy(pairs ...int) recovery.LimitPolicy {
	var t recovery.LimitPolicy
	for pair := range slices.Chunk(pairs, 2) {
		t.Limits = append(t.Limits, recovery.Limit{N: pair[0], Window: e.ticks(float64(pair[1]))})
	}
	return t
}

// longPolicy is n calls in a window that is longer than any clause.
func longPolicy(n int) recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: longTTL}}}
}

// allow makes one call, and checks what is true of every decision.
func (e *limits) allow(requests ...recovery.LimitRequest) []recovery.Decision {
	decisions, err := e.pick().Allow(e.ctx, requests...)
	if err != nil {
		e.fatalf("Allow of %d requests: it returned %s, want none", len(requests), outcomeOf(err))
	}
	if len(decisions) != len(requests) {
		e.fatalf("Allow of %[2]d requests: it returned %[1]d decisions, want one for each", len(decisions), len(requests))
	}
	for _, d := range decisions {
		if !d.Allowed && d.RetryAfter <= 0 {
			e.errorf("Allow refused a call: RetryAfter is %v, want more than 0", d.RetryAfter)
		}
		if d.Allowed && d.RetryAfter != 0 {
			e.errorf("Allow allowed a call: RetryAfter is %v, want 0", d.RetryAfter)
		}
		if d.Remaining < 0 {
			e.errorf("Allow returned a decision whose Remaining is %d, want 0 or more", d.Remaining)
		}
	}
	return decisions
}

// A tally is how many of some calls were allowed.
type tally struct{ allowed, calls int }

// countAllowed makes n calls, one after the other.
func (e *limits) countAllowed(n int, request recovery.LimitRequest) tally {
	t := tally{calls: n}
	for range n {
		if e.allow(request)[0].Allowed {
			t.allowed++
		}
	}
	return t
}

func (e *limits) wantAllowed(what string, got tally, want int) {
	if got.allowed != want {
		e.errorf("%s: Allow allowed %d of %d calls, want %d of them", what, got.allowed, got.calls, want)
	}
}

// A judge remembers which calls under one key were allowed. It keeps each call
// as the span of time in which it was decided, and reports a decision that is
// wrong at every instant of its span. If the clock stands still between calls,
// the spans are instants, and the judge is exact.
type judge struct {
	*limits
	request recovery.LimitRequest
	allowed []span
	// slack is the error that is allowed for a store that keeps whole
	// milliseconds, and for two clocks that differ. It is 0 if the clock stands
	// still between calls.
	slack time.Duration
	// longest is the longest call so far. A limiter may remember a refusal, and
	// does not know when within its call it was decided. It may then return a
	// RetryAfter that is too long by this much, but none that is too short.
	longest time.Duration
}

func (e *limits) judge(t recovery.LimitPolicy) *judge {
	j := &judge{limits: e, request: recovery.LimitRequest{Key: random(), Policy: t}}
	if !e.timing.exact() {
		j.slack = 3 * time.Millisecond
	}
	return j
}

// call makes one call, judges the decision, and reports whether the call was
// allowed.
func (j *judge) call() bool {
	from := j.now()
	d := j.limits.allow(j.request)[0]
	now := span{from, j.now()}
	j.longest = max(j.longest, now.to-now.from)
	j.decision(d, now)
	if d.Allowed {
		j.allowed = append(j.allowed, now)
	}
	return d.Allowed
}

// calls makes n calls.
func (j *judge) calls(n int) tally {
	t := tally{calls: n}
	for range n {
		if j.call() {
			t.allowed++
		}
	}
	return t
}

// wantCalls makes n calls, of which want have to be allowed. On a real clock only
// the judge decides, because windows may end between slow calls.
func (j *judge) wantCalls(what string, n, want int) {
	if got := j.calls(n); j.timing.exact() {
		j.wantAllowed(what, got, want)
	}
}

// An expectation is what may be true of a decision that is made in a span.
type expectation struct {
	certainlyFull, possiblyFull bool // whether a window is full
	exempt                      bool // whether ThenOneEvery may allow the call
	wait                        span // the bounds of RetryAfter
	remaining                   span // the bounds of Remaining, as numbers
}

// expect returns the expectation for a decision in the span now.
func (j *judge) expect(now span) expectation {
	x := expectation{remaining: span{1 << 40, 1 << 40}}
	for _, l := range j.request.Policy.Limits {
		atLeast, atMost := j.inWindow(l, now)
		x.remaining.from = min(x.remaining.from, time.Duration(max(0, l.N-atMost-1)))
		x.remaining.to = min(x.remaining.to, time.Duration(max(0, l.N-atLeast-1)))
		if atLeast >= l.N {
			x.certainlyFull = true
			x.wait.from = max(x.wait.from, j.allowed[len(j.allowed)-l.N].from+l.Window-now.to)
		}
		if atMost >= l.N {
			x.possiblyFull = true
			x.wait.to = max(x.wait.to, j.allowed[len(j.allowed)-l.N].to+l.Window-now.from)
		}
	}
	if t := j.request.Policy.ThenOneEvery; t > 0 && len(j.allowed) > 0 {
		last := j.allowed[len(j.allowed)-1]
		open := span{last.from + t - now.to, last.to + t - now.from}
		x.exempt = open.from <= j.slack
		x.possiblyFull = x.possiblyFull && open.to > -j.slack
		x.wait.from, x.wait.to = min(x.wait.from, open.from), min(x.wait.to, open.to)
	}
	return x
}

// decision judges d, which was made in the span now.
func (j *judge) decision(d recovery.Decision, now span) {
	x := j.expect(now)
	switch {
	case d.Allowed && x.certainlyFull && !x.exempt:
		j.wrong(now, "it was allowed, want a refusal, because a window is full")
	case !d.Allowed && !x.possiblyFull:
		j.wrong(now, "it was refused, want it allowed, because no window is full, or ThenOneEvery has passed")
	case !d.Allowed && (d.RetryAfter < x.wait.from-j.slack || d.RetryAfter > x.wait.to+j.slack+j.longest):
		j.wrong(now, "it was refused, and RetryAfter is %v, want %s", d.RetryAfter, between(x.wait.from, x.wait.to))
	case !d.Allowed && d.Remaining != 0:
		j.wrong(now, "it was refused, and Remaining is %d, want 0", d.Remaining)
	case d.Allowed && (d.Remaining < int(x.remaining.from) || d.Remaining > int(x.remaining.to)):
		j.wrong(now, "it was allowed, and Remaining is %d, want %s", d.Remaining, between(int(x.remaining.from), int(x.remaining.to)))
	case !slices.Contains(j.request.Policy.Limits, d.Limit):
		j.wrong(now, "Limit is %v, want one of the policy's", d.Limit)
	case j.timing.exact():
		j.window(d, now)
	}
}

// window judges what a decision says of its Limit, if the clock stands still
// between calls.
func (j *judge) window(d recovery.Decision, now span) {
	in, _ := j.inWindow(d.Limit, now)
	if !d.Allowed && in < d.Limit.N {
		j.wrong(now, "Limit is %v, as if it had refused the call, with %d calls in its window, want a limit that is full", d.Limit, in)
	}
	if left := max(0, d.Limit.N-in-1); d.Allowed && d.Remaining != left {
		j.wrong(now, "Limit is %v and Remaining %d, want %d, which this limit has left", d.Limit, d.Remaining, left)
	}
	reset := d.Limit.Window
	if in > 0 {
		reset = j.allowed[len(j.allowed)-in].from + d.Limit.Window - now.from
	}
	// With ThenOneEvery a window can hold more calls than its N. A limiter need
	// not remember calls that are older than the youngest N.
	if d.Reset != reset && j.request.Policy.ThenOneEvery == 0 {
		j.wrong(now, "Limit is %v and Reset %v, want %v, when the oldest call leaves its window", d.Limit, d.Reset, reset)
	}
}

// wrong reports a decision, with the policy and the calls that led to it. Times
// count from the beginning of the clause.
func (j *judge) wrong(now span, format string, args ...any) {
	var policy []string
	for _, l := range j.request.Policy.Limits {
		policy = append(policy, l.String())
	}
	if t := j.request.Policy.ThenOneEvery; t > 0 {
		policy = append(policy, "then one every "+t.String())
	}
	earlier := "no call was allowed before"
	if n := len(j.allowed); n > 0 {
		const last = 5
		var at []string
		for _, call := range j.allowed[max(0, n-last):] {
			at = append(at, call.from.String())
		}
		earlier = fmt.Sprintf("%d were allowed before, the last of them at %s", n, strings.Join(at, ", "))
	}
	j.errorf("Allow of a call at %v with the limits %s (%s): %s", now.from, strings.Join(policy, ", "), earlier, fmt.Sprintf(format, args...))
}

// between describes two bounds.
func between[T comparable](from, to T) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%v to %v", from, to)
}

// inWindow returns how many calls are in l's window, at least and at most.
func (j *judge) inWindow(l recovery.Limit, now span) (atLeast, atMost int) {
	for _, call := range slices.Backward(j.allowed) {
		if now.from-call.to >= l.Window+j.slack {
			break
		}
		atMost++
		if now.to-call.from < l.Window-j.slack {
			atLeast++
		}
	}
	return atLeast, atMost
}

// at waits until the clock shows t.
func (e *limits) at(t time.Duration) {
	if d := t - e.now(); d > 0 {
		e.advance(d)
	}
}
