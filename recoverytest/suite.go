package recoverytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A clause is one sentence of a contract and the test of it.
type clause[E any] struct {
	name string // of the subtest
	// where is the name in package recovery in whose documentation the sentence
	// stands, such as TokenStore.Put, and text is the sentence. A failure prints
	// both.
	where, text string
	run         func(e E)
}

// A suite is the clauses of one contract. A clause reports to a [probe] and not
// to a testing.T. So the tests of this package can run a suite that must fail,
// and look at the failures.
type suite[E any] struct {
	timing  timing
	setup   func(p *probe) E
	clauses []clause[E]
	// alone are clauses that make the implementation fail for all who use it, or
	// look at everything that it holds. None of them runs beside another clause.
	alone []clause[E]
	// parallel makes the other clauses run side by side on a real clock.
	parallel bool
	// ask makes one call, to measure how long calls take. It is nil if no clause
	// needs time to pass.
	ask func(e E)
}

// test runs each clause as a subtest.
func (s suite[E]) test(t *testing.T) {
	t.Helper()
	s.timing = s.measured(t)
	var mu sync.Mutex
	var left []string
	t.Cleanup(func() { // when the parallel clauses have ended
		if len(left) > 0 {
			t.Logf("-short left out %d of %d clauses, because they need time to pass: %s", len(left), len(s.all()), strings.Join(left, ", "))
		}
	})
	for i, c := range s.all() {
		t.Run(c.name, func(t *testing.T) {
			t.Helper()
			if s.parallel && i >= len(s.alone) && !s.timing.exact() {
				t.Parallel()
			}
			v := s.examine(t, c)
			if v.short {
				mu.Lock()
				left = append(left, c.name)
				mu.Unlock()
			}
			v.report(t, c.where, c.text)
		})
	}
}

// all returns all clauses, those first that run alone.
func (s suite[E]) all() []clause[E] { return slices.Concat(s.alone, s.clauses) }

// attempts is how often a clause is run on a real clock, while its failures may
// be the machine's fault, and longerTick by how much the tick grows at most.
// It is twice as long for the second and the third run, which is mostly enough.
// After that it is also as long as all calls of the last run together needed:
// twice as long may be much too short on a machine that is busy now and was not
// when the tick was chosen.
const (
	attempts   = 5
	patient    = 3 // runs before the calls of the last one decide
	longerTick = 8
)

// examine runs one clause, and again where a failure proves nothing: the clause
// let time pass, and its calls took so much of it that they may have come too
// late. A clause that let no time pass is never run again, because a race that
// is lost in one run of two is a fault.
func (s suite[E]) examine(t *testing.T, c clause[E]) (v verdict) {
	if s.timing.bubble != nil {
		return s.inBubble(t, c)
	}
	longest := longerTick * max(longestTick, s.timing.tick)
	for n := 1; ; n++ {
		p := s.probe(t)
		s.once(p, c)
		v = p.verdict()
		if len(v.failures) == 0 || s.timing.exact() || !v.waited || v.calls <= s.timing.tick/4 {
			return v
		}
		needed := (4 * v.calls).Round(10 * time.Millisecond)
		if n == attempts || s.timing.tick == longest {
			v.note = fmt.Sprintf("this may be the machine's fault, and not the implementation's: the calls of this clause took %v, and Tick was %v. "+
				"Set Tick to %v or more and run it again.", v.calls.Round(time.Millisecond), s.timing.tick, needed)
			return v
		}
		if n < patient {
			needed = 0
		}
		s.timing.tick = min(max(2*s.timing.tick, needed), longest)
		t.Logf("it failed, perhaps because its calls took %v: it is run again with a Tick of %v", v.calls.Round(time.Millisecond), s.timing.tick)
	}
}

// inBubble runs one clause in a bubble. A goroutine that the implementation
// leaves there is a panic of the bubble, which would end the program before
// anything that the clause found is printed. It is a failure of the clause
// instead.
func (s suite[E]) inBubble(t *testing.T, c clause[E]) (v verdict) {
	w := newWatch()
	defer w.stop()
	var p *probe
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if p == nil {
			panic(r)
		}
		v = p.verdict()
		v.failures = append(v.failures, fmt.Sprintf("goroutines of the implementation, or the clause itself, still waited when nothing could wake them "+
			"(%v), want every call to return, and what it began to end", r))
	}()
	s.timing.bubble(t, func(t *testing.T) {
		p = s.probe(t)
		p.watch = w
		s.once(p, c)
		v = p.verdict()
	})
	return v
}

func (s suite[E]) probe(t *testing.T) *probe {
	return &probe{t: t, timing: s.timing, begun: time.Now()}
}

func (s suite[E]) once(p *probe, c clause[E]) {
	defer p.guard()
	e := s.setup(p)
	p.begun = time.Now()
	c.run(e)
}

// A verdict is what one run of a clause found.
type verdict struct {
	done     bool // false if a hook of the harness ended the test
	failures []string
	note     string // says that the failures may be the machine's fault
	skipped  string
	short    bool          // -short left the clause out
	waited   bool          // the clause let time pass
	calls    time.Duration // how much longer the run took than it had to wait
}

func (v verdict) report(t *testing.T, where, text string) {
	t.Helper()
	switch {
	case len(v.failures) > 0:
		if v.note != "" {
			v.failures = append(v.failures, v.note)
		}
		t.Errorf("the contract says (recovery.%s):\n\t%s\nbut:\n\t%s", where, text, strings.Join(v.failures, "\n\t"))
	case v.skipped != "":
		t.Skip(v.skipped)
	case !v.done && !t.Failed():
		// A hook called Skip inside a bubble. That has no effect outside.
		t.Skip("the harness skipped this clause")
	}
}

// A probe is one run of a clause: it collects failures and moves the clock.
type probe struct {
	t      *testing.T // for the harness's hooks
	timing timing
	begun  time.Time
	watch  *watch // of a bubble

	mu        sync.Mutex
	failures  []string
	skipped   string
	short     bool
	moved     time.Duration // the sum of all calls of advance
	slept     time.Duration // how long these calls took
	overslept time.Duration // how much longer they took than asked
	raced     string        // the line of the clause that began goroutines last
}

// endClause is the value of a panic that ends a clause, from any of its
// goroutines.
type endClause struct{}

// maxFailures is how many failures of a clause are kept, so that the output of
// a clause with a thousand rounds stays readable.
const maxFailures = 5

func (p *probe) errorf(format string, args ...any) {
	line, clause := place()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !clause && p.raced != "" {
		line = p.raced
	}
	failure := line + fmt.Sprintf(format, args...)
	if len(p.failures) < maxFailures && !slices.Contains(p.failures, failure) {
		p.failures = append(p.failures, failure)
	}
}

// place returns the line of the clause that is running, such as
// "leadfind.go:20: ", for whoever wants to read what the clause does. It reports
// false in a goroutine that a helper of the clause began.
func place() (line string, clause bool) {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		// The outermost function of this package that is not of this file is
		// the clause. Those within are its helpers.
		f, more := frames.Next()
		if file := filepath.Base(f.File); strings.Contains(f.Function, "/recoverytest.") && file != "suite.go" && !strings.HasSuffix(file, "_test.go") {
			line = fmt.Sprintf("%s:%d: ", file, f.Line)
			// Clauses are functions of variables, and have no name.
			clause = strings.Contains(f.Function, ".init.") || strings.Contains(f.Function, ".glob.")
		}
		if !more {
			return line, clause
		}
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

// guard is deferred where a clause runs. A panic of the implementation is a
// failure of this clause. The other clauses still run.
func (p *probe) guard() {
	switch v := recover().(type) {
	case nil, endClause:
	default:
		p.errorf("panic: %v\n%s", v, debug.Stack())
	}
}

// mark keeps the line of the clause, for failures of the goroutines that it
// begins.
func (p *probe) mark() {
	if line, clause := place(); clause {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.raced = line
	}
}

// race calls f n times at once, with 0 to n-1, and waits for all calls.
func (p *probe) race(n int, f func(i int)) {
	p.mark()
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

// advance makes the time d pass. With -short, a clause that needs time to pass
// on a real clock ends here.
func (p *probe) advance(d time.Duration) {
	if testing.Short() && !p.timing.exact() {
		p.mu.Lock()
		p.short = true
		p.mu.Unlock()
		p.skip("left out with -short, because it needs time to pass")
	}
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

// ticks returns n units of the harness's time, rounded to whole microseconds,
// because the clocks of servers count in those.
func (p *probe) ticks(n float64) time.Duration {
	return time.Duration(n * float64(p.timing.tick)).Round(time.Microsecond)
}

// now returns the time since the run began, on the clock of the implementation.
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
		short:    p.short && len(p.failures) == 0,
		waited:   p.moved > 0,
		calls:    time.Since(p.begun) - p.slept + p.overslept,
	}
}

// within calls f and fails if f has not returned within the patience. The
// goroutine that still runs is then left behind. In a bubble that happens only
// after two hours, because time costs little there, and a goroutine that is left
// behind is one failure more.
func (p *probe) within(patience time.Duration, what string, f func()) {
	p.mark()
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
		p.errorf("%s: it did not return, want it to return within %v%s", what, patience, p.advice())
		if p.timing.bubble != nil {
			timer.Reset(2 * time.Hour)
			select {
			case <-done:
			case <-timer.C:
			}
		}
		panic(endClause{})
	}
}

// advice is what to do if only the machine is slow. In a bubble it cannot be.
func (p *probe) advice() string {
	if p.timing.bubble != nil {
		return ""
	}
	return " (on a machine that is busier than that, set Patience to more)"
}

// wantError fails if err does not wrap the error that the contract names.
func (p *probe) wantError(err, want error, what string) {
	if !errors.Is(err, want) {
		p.errorf("%s: it returned %s, want an error that wraps %s", what, outcomeOf(err), errorName(want))
	}
}

// outcomeOf describes what a call returned as its error.
func outcomeOf(err error) string {
	if err == nil {
		return "no error"
	}
	return fmt.Sprintf("the error %q", err)
}

// errorName returns the name by which a program refers to the error.
func errorName(err error) string {
	for named, name := range map[error]string{
		recovery.ErrLeadNotFound: "recovery.ErrLeadNotFound", recovery.ErrNotWritten: "recovery.ErrNotWritten",
		recovery.ErrVersionChanged: "recovery.ErrVersionChanged", recovery.ErrTokenNotFound: "recovery.ErrTokenNotFound",
		recovery.ErrTokenSpent: "recovery.ErrTokenSpent", recovery.ErrQueueFull: "recovery.ErrQueueFull",
		recovery.ErrPermanent: "recovery.ErrPermanent", context.DeadlineExceeded: "context.DeadlineExceeded",
	} {
		if errors.Is(err, named) {
			return name
		}
	}
	return fmt.Sprintf("%q", err)
}

// random returns a name that no other run has used, so that runs can share a
// store.
func random() string { return rand.Text() }

// printable returns n bytes: the printable bytes of ASCII in order, from an
// offset on.
func printable(offset, n int) string {
	const first, count = '!', '~' - '!' + 1
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(first + (offset+i)%count)
	}
	return string(b)
}

// alternate tests several instances as if they were one. Each call goes to the
// next instance, so a clause fails if an instance does not share its contents.
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
