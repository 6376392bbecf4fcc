package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/seed-51359b35/recovery/internal/testenv"
)

// TB is [testenv.TB].
type TB = testenv.TB

// ErrSkipped is returned by [Run] when its function skipped, because there is
// no redis-server.
var ErrSkipped = errors.New("redistest: skipped")

// Run calls f with a [TB], for a program that is not a test. It returns once
// every cleanup has run. The error joins all failures that were reported with
// Errorf and Fatalf. After Skipf the error wraps [ErrSkipped] and has the
// reason. Logf writes to standard error.
//
// f runs on a goroutine of its own, because Fatalf and Skipf end it.
func Run(ctx context.Context, name string, f func(tb TB)) error {
	ctx, cancel := context.WithCancel(ctx)
	p := &program{name: name, ctx: ctx}
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Fatalf ends the goroutine with Goexit, which also runs deferred
		// calls. The context ends before the cleanups, as that of a test does.
		defer p.cleanUp()
		defer cancel()
		defer func() { panicked = recover() }()
		f(p)
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return p.err()
}

// program is the TB of [Run].
type program struct {
	name string
	ctx  context.Context

	mu       sync.Mutex
	cleanups []func()
	errs     []error
}

func (p *program) Helper()                  {}
func (p *program) Name() string             { return p.name }
func (p *program) Context() context.Context { return p.ctx }

func (p *program) Cleanup(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cleanups = append(p.cleanups, f)
}

func (p *program) TempDir() string {
	dir, err := os.MkdirTemp("", "redistest-*")
	if err != nil {
		p.Fatalf("redistest: %v", err)
	}
	p.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (p *program) Failed() bool { return p.err() != nil }

func (p *program) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (p *program) Errorf(format string, args ...any) {
	p.report(fmt.Errorf(format, args...))
}

func (p *program) Fatalf(format string, args ...any) {
	p.report(fmt.Errorf(format, args...))
	runtime.Goexit()
}

func (p *program) Skipf(format string, args ...any) {
	p.report(fmt.Errorf("%w: %s", ErrSkipped, fmt.Sprintf(format, args...)))
	runtime.Goexit()
}

func (p *program) report(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

func (p *program) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}

// cleanUp runs the cleanups, the last one first. A cleanup may add others.
func (p *program) cleanUp() {
	for {
		p.mu.Lock()
		n := len(p.cleanups)
		if n == 0 {
			p.mu.Unlock()
			return
		}
		f := p.cleanups[n-1]
		p.cleanups = p.cleanups[:n-1]
		p.mu.Unlock()
		f()
	}
}
