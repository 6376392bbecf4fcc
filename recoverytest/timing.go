package recoverytest

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"
)

// timing is how time passes for the implementation that is tested.
type timing struct {
	bubble  func(t *testing.T, f func(t *testing.T))
	advance func(t *testing.T, d time.Duration)
	tick    time.Duration
	given   bool          // the harness chose the tick
	call    time.Duration // how long a call takes, as far as that was measured
}

func newTiming(bubble func(*testing.T, func(*testing.T)), advance func(*testing.T, time.Duration), tick time.Duration) timing {
	tm := timing{bubble: bubble, advance: advance, tick: tick, given: tick > 0}
	if tm.tick <= 0 {
		tm.tick = shortestTick
		if tm.exact() {
			tm.tick = time.Second
		}
	}
	return tm
}

// The ticks that a suite chooses on a real clock. Eight calls fit into a tick:
// that is enough for what most clauses do at one time. A clause that needs more
// is run again with a longer tick.
const (
	shortestTick = 100 * time.Millisecond
	longestTick  = time.Second
	callsInTick  = 8
)

// exact reports whether the clock stands still while the suite does not move
// it. A clause can then make a call at an exact instant.
func (tm timing) exact() bool { return tm.bubble != nil || tm.advance != nil }

// measured returns the timing with the duration of a call, and on a real clock
// with a tick that is long compared with it, unless the harness chose the tick.
func (s suite[E]) measured(t *testing.T) timing {
	tm := s.timing
	if s.ask == nil || tm.bubble != nil {
		return tm
	}
	t.Run("round-trip", func(t *testing.T) {
		p := &probe{t: t, timing: tm, begun: time.Now()}
		defer p.guard() // the clauses report what is wrong
		e := s.setup(p)
		s.ask(e) // this call may open a connection
		var took []time.Duration
		for range 7 {
			start := time.Now()
			s.ask(e)
			took = append(took, time.Since(start))
		}
		tm.call = slices.Sorted(slices.Values(took))[len(took)/2]
		if !tm.given && !tm.exact() {
			tm.tick = min(max(shortestTick, (callsInTick*tm.call).Round(10*time.Millisecond)), longestTick)
		}
		t.Logf("a call takes %v, and Tick is %v", tm.call.Round(time.Microsecond), tm.tick)
	})
	return tm
}

// enough is how long a clause repeats what may show a fault only now and then.
const enough = time.Second

// rounds yields 0 to most-1. Outside of a bubble it ends after a second, but not
// before it has yielded least numbers, so that a slow implementation is tested
// too and no suite takes minutes. With -short it yields least numbers only.
func (p *probe) rounds(most, least int) iter.Seq[int] { return p.roundsWithin(enough, most, least) }

func (p *probe) roundsWithin(enough time.Duration, most, least int) iter.Seq[int] {
	return func(yield func(int) bool) {
		begun := time.Now()
		for i := range most {
			if p.timing.bubble == nil && i >= least && (testing.Short() || time.Since(begun) > enough) {
				return
			}
			if !yield(i) {
				return
			}
		}
	}
}

// fewer returns n, or least if calls take so long that n of them, one after the
// other, would take more than a quarter of a second.
func (p *probe) fewer(n, least int) int {
	if time.Duration(n)*p.timing.call > enough/4 {
		return least
	}
	return n
}

// span is a time that is not known exactly: between the instants before and
// after a call.
type span struct{ from, to time.Duration }

// during calls f while a fault lasts: begin makes it, and mend ends it. It skips
// the clause if the harness has no such hook. It returns when the implementation
// works again: one that knows that its server is down may try again only after a
// while.
func (p *probe) during(name string, begin, mend func(), works func() bool, f func()) {
	if begin == nil || mend == nil {
		p.skip("needs " + name)
	}
	begin()
	func() {
		defer mend()
		f()
	}()
	const patience, pause = 10 * time.Second, 20 * time.Millisecond
	for range patience / pause {
		if works() {
			return
		}
		if p.timing.advance != nil {
			p.timing.advance(p.t, pause)
		}
		time.Sleep(pause)
	}
	p.fatalf("%v after Mend: every call still fails, want the implementation to work again", patience)
}

// hook binds a hook of a harness to the instance that it concerns.
func hook[S any](p *probe, f func(*testing.T, S), s S) func() {
	if f == nil {
		return nil
	}
	return func() { f(p.t, s) }
}

// bounded calls f with a ctx that ends soon, and fails unless f returns within
// the patience after that. It returns f's error.
func (p *probe) bounded(what string, patience time.Duration, f func(ctx context.Context) error) error {
	const soon = 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(p.t.Context(), soon)
	defer cancel()
	var err error
	p.within(soon+patience, what, func() { err = f(ctx) })
	return err
}

// ended returns two contexts that have ended: one was cancelled, and the
// deadline of the other has passed.
func (p *probe) ended() []context.Context {
	cancelled, cancel := context.WithCancel(p.t.Context())
	cancel()
	late, cancel := context.WithDeadline(p.t.Context(), time.Now().Add(-time.Second))
	cancel()
	return []context.Context{cancelled, late}
}
