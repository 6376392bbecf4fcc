package recoverytest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// A clause is one sentence of a contract and the test of it.
type clause[E any] struct {
	name string // of the subtest
	text string // the sentence, which a failure prints
	run  func(e E)
}

// A suite is the clauses of one contract. Clauses are data, and run against a
// [probe] rather than a testing.T, so that the package's own tests can run a
// suite that must fail and look at what it found.
type suite[E any] struct {
	timing  timing
	setup   func(p *probe) E
	clauses []clause[E]
}

// timing is how time passes for what is tested.
type timing struct {
	bubble  func(t *testing.T, f func(t *testing.T))
	advance func(t *testing.T, d time.Duration)
	tick    time.Duration
}

func newTiming(bubble func(*testing.T, func(*testing.T)), advance func(*testing.T, time.Duration), tick time.Duration) timing {
	tm := timing{bubble, advance, tick}
	if tm.tick <= 0 {
		tm.tick = 100 * time.Millisecond
		if tm.exact() {
			tm.tick = time.Second
		}
	}
	return tm
}

// exact reports whether the clock stands still while the suite does not move
// it, so that instants can be hit and not only approached.
func (tm timing) exact() bool { return tm.bubble != nil || tm.advance != nil }

// test runs each clause as a subtest.
func (s suite[E]) test(t *testing.T) {
	t.Helper()
	for _, c := range s.clauses {
		t.Run(c.name, func(t *testing.T) { s.examine(t, c).report(t, c.text) })
	}
}

// attempts is how often a clause is tried on a real clock when the machine
// stood still for so long that a failure proves nothing.
const attempts = 3

// examine runs one clause, and again where a failure proves nothing.
func (s suite[E]) examine(t *testing.T, c clause[E]) (v verdict) {
	if s.timing.bubble != nil {
		s.timing.bubble(t, func(t *testing.T) { v = s.once(t, c) })
		return v
	}
	for range attempts {
		v = s.once(t, c)
		if len(v.failures) == 0 || s.timing.exact() || v.stall <= s.timing.tick/2 {
			break
		}
	}
	return v
}

func (s suite[E]) once(t *testing.T, c clause[E]) verdict {
	p := &probe{t: t, timing: s.timing, begun: time.Now()}
	func() {
		defer p.guard()
		c.run(s.setup(p))
	}()
	return p.verdict()
}

// A verdict is what one run of a clause found.
type verdict struct {
	done     bool // false if a hook of the harness ended the test
	failures []string
	skipped  string
	stall    time.Duration // how long the run took beyond what it waited for
}

func (v verdict) report(t *testing.T, text string) {
	t.Helper()
	switch {
	case len(v.failures) > 0:
		t.Errorf("the contract says:\n\t%s\nbut:\n\t%s", text, strings.Join(v.failures, "\n\t"))
	case v.skipped != "":
		t.Skip(v.skipped)
	case !v.done && !t.Failed():
		// A hook called Skip inside a bubble, which does not show outside.
		t.Skip("the harness skipped this clause")
	}
}

// A probe is one run of a clause: it collects failures and moves the clock.
type probe struct {
	t      *testing.T // for the harness's hooks
	timing timing
	begun  time.Time

	mu        sync.Mutex
	failures  []string
	skipped   string
	moved     time.Duration // by how much advance was to move the clock
	slept     time.Duration // how long that took
	overslept time.Duration // how much longer than asked
}

// stop ends a clause from whatever goroutine of it.
type endClause struct{}

// maxFailures keeps a clause of a thousand rounds readable.
const maxFailures = 5

func (p *probe) errorf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failures) < maxFailures {
		p.failures = append(p.failures, fmt.Sprintf(format, args...))
	}
}

func (p *probe) fatalf(format string, args ...any) {
	p.errorf(format, args...)
	panic(endClause{})
}

func (p *probe) skip(reason string) {
	p.mu.Lock()
	p.skipped = reason
	p.mu.Unlock()
	panic(endClause{})
}

func (p *probe) failed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.failures) > 0
}

// guard is deferred where a clause runs. A panic of what is tested is a
// failure of this clause; the others still run.
func (p *probe) guard() {
	switch v := recover().(type) {
	case nil, endClause:
	default:
		p.errorf("panic: %v\n%s", v, debug.Stack())
	}
}

// race runs n functions at once and waits for them.
func (p *probe) race(n int, f func(i int)) {
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			defer p.guard()
			<-start
			f(i)
		})
	}
	close(start)
	done.Wait()
}

// advance lets d pass.
func (p *probe) advance(d time.Duration) {
	before := time.Now()
	if p.timing.advance != nil {
		p.timing.advance(p.t, d)
	} else {
		time.Sleep(d)
	}
	took := time.Since(before)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved += d
	p.slept += took
	p.overslept += max(0, took-d)
}

// ticks is n units of the harness's time.
//
// It is a whole number of microseconds, which is what servers' clocks count in.
func (p *probe) ticks(n float64) time.Duration {
	return time.Duration(n * float64(p.timing.tick)).Round(time.Microsecond)
}

// now is the time since the run began, on the clock of what is tested.
func (p *probe) now() time.Duration {
	if p.timing.advance == nil {
		return time.Since(p.begun)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}

func (p *probe) verdict() verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	return verdict{
		done:     true,
		failures: p.failures,
		skipped:  p.skipped,
		stall:    time.Since(p.begun) - p.slept + p.overslept,
	}
}

// within calls f and fails if it has not returned by the end of the patience.
// What then still runs is left behind; in a bubble, where a goroutine left
// behind is a panic and time costs nothing, only after a day.
func (p *probe) within(patience time.Duration, what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.guard()
		f()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		p.errorf("%s did not return within %v", what, patience)
		if p.timing.bubble != nil {
			timer.Reset(24 * time.Hour)
			select {
			case <-done:
			case <-timer.C:
			}
		}
		panic(endClause{})
	}
}

// is reports an error that is not the one the contract names.
func (p *probe) wantError(err, want error, what string) {
	if !errors.Is(err, want) {
		p.errorf("%s: error is %v, want one that wraps %q", what, err, want)
	}
}

// random is a name that no other run has used, so that stores can be shared.
func random() string { return rand.Text() }

// printable is every byte of printable ASCII, from an offset on, n long.
func printable(offset, n int) string {
	const first, count = '!', '~' - '!' + 1
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(first + (offset+i)%count)
	}
	return string(b)
}

// alternate is how several instances are tested as one: call after call goes
// to another, so whatever one of them keeps to itself shows.
type alternate[S any] struct {
	mu   sync.Mutex
	all  []S
	next int
}

func (a *alternate[S]) pick() S {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	return a.all[a.next%len(a.all)]
}

func instances[S any](t *testing.T, first S, another func(*testing.T, S) S) *alternate[S] {
	a := &alternate[S]{all: []S{first}}
	if another != nil {
		a.all = append(a.all, another(t, first))
	}
	return a
}
