package durablequeue

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/outage"
)

// Options configure [Workers]. All but Backoff and PauseEnd are required.
type Options struct {
	_ [0]func()

	// Package begins every line in the log and every error: "asynqqueue".
	Package string
	// Workers is how many attempts run at once. At 0 none runs.
	Workers int
	// AttemptTimeout is when the context of an attempt ends.
	AttemptTimeout time.Duration
	// Grace is how long an attempt may go on after its context ended before it
	// is given up.
	Grace time.Duration
	// FirstRetry is the pause after the first attempt. The pause doubles up to
	// MaxRetry, less up to a quarter at random.
	FirstRetry, MaxRetry time.Duration
	// Backoff, if set, replaces FirstRetry and MaxRetry: it returns the pause
	// after the n-th attempt. n counts from 1.
	Backoff func(n int) time.Duration
	// PauseEnd returns when a pause that begins now ends, for a storage that
	// keeps coarse times. Default: after the pause.
	PauseEnd func(now time.Time, pause time.Duration) time.Time
	// Logger receives what fails, without payloads and errors of the host.
	Logger *slog.Logger
}

// Workers perform the attempts of one queue in one process, and know whether it
// was started or shut down. They are safe for concurrent use.
type Workers struct {
	opts    Options
	handler recovery.JobHandler
	outages *Outages
	failing failing
	slots   chan struct{} // holds one element for each worker that is busy
	ctx     context.Context
	cancel  context.CancelFunc

	abandoned  atomic.Int64
	begun      atomic.Int64 // jobs that have a worker
	givenUp    atomic.Int64 // dead letters
	handedBack atomic.Int64 // jobs whose attempts End ended

	newerJobs        sightings
	newerVersionSeen atomic.Bool // a job of a newer version was seen and logged

	closing    chan struct{} // closed when Shutdown begins
	mu         sync.Mutex
	started    bool
	goroutines sync.WaitGroup // added to under mu, and never after ended is made
	ended      chan struct{}  // made by Shutdown, closed when nothing runs any more
}

// Outages writes a line when an outage begins, one with a count at growing
// intervals, and one when it is over. It is here because modules of their own
// import no internal package.
type Outages = outage.Log

// NewOutages returns an Outages. over is the line that says that an outage is
// over.
func NewOutages(over string) *Outages { return outage.New(over) }

// NewWorkers returns workers that are all free. Start comes before Take.
func NewWorkers(opts Options) *Workers {
	if opts.PauseEnd == nil {
		opts.PauseEnd = func(now time.Time, pause time.Duration) time.Time { return now.Add(max(0, pause)) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Workers{
		opts: opts, outages: NewOutages(opts.Package + ": works again"),
		slots: make(chan struct{}, opts.Workers), closing: make(chan struct{}),
		ctx: ctx, cancel: cancel,
	}
}

// Outages returns what keeps outages from filling the log.
func (w *Workers) Outages() *Outages { return w.outages }

// Context ends when End is called, and all attempts with it.
func (w *Workers) Context() context.Context { return w.ctx }

// Running returns how many workers are busy, with Abandoned ones.
func (w *Workers) Running() int { return len(w.slots) }

// Abandoned returns how many attempts did not return after their context ended,
// and still hold a worker.
func (w *Workers) Abandoned() int { return int(w.abandoned.Load()) }

// GivenUp returns how many jobs were given up so far.
func (w *Workers) GivenUp() int { return int(w.givenUp.Load()) }

// AnyFree reports whether a worker is free.
func (w *Workers) AnyFree() bool { return len(w.slots) < cap(w.slots) }

// Take returns a free worker, for which it waits for a while. It returns nil if
// there is none then, or if ctx ends, or the workers do.
func (w *Workers) Take(ctx context.Context, wait time.Duration) *Worker {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case w.slots <- struct{}{}:
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return nil
	case <-w.ctx.Done():
		return nil
	}
	w.begun.Add(1)
	one := &Worker{pool: w, free: make(chan struct{})}
	one.holders.Store(1)
	return one
}

// Sleep waits for d and reports true. It reports false at once when ctx ends or
// the workers do.
func (w *Workers) Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-w.ctx.Done():
	}
	return false
}

// Drain waits until every worker is free, and keeps them all. So no attempt
// begins afterwards.
func (w *Workers) Drain() {
	for range cap(w.slots) {
		w.slots <- struct{}{}
	}
}

// End ends the contexts of all attempts. Their jobs are handed back.
func (w *Workers) End() { w.cancel() }

// A Worker is one of [Options].Workers. Two goroutines hold it: its user's, and
// the one that runs the host's code. The worker is free again when both have
// returned.
type Worker struct {
	pool    *Workers
	holders atomic.Int32
	free    chan struct{}
	stuck   bool
}

// Stuck reports, after Perform, that code of the host ignored its context. It
// may still run.
func (w *Worker) Stuck() bool { return w.stuck }

// Release gives the worker back. It is called once, after Perform.
func (w *Worker) Release() {
	w.pool.begun.Add(-1)
	w.release()
}

// Free is closed when the worker was released and runs no code of the host.
func (w *Worker) Free() <-chan struct{} { return w.free }

func (w *Worker) release() {
	if w.holders.Add(-1) == 0 {
		<-w.pool.slots
		close(w.free)
	}
}
