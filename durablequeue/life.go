package durablequeue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Start begins the life of a queue in this process: h performs its jobs from now
// on. begin starts what finds them, and hands goroutines that Shutdown has to wait
// for to run. If begin returns an error, Start may be called again. A second call
// after one that returned nil, or a call after Shutdown, is an error.
func (w *Workers) Start(h recovery.JobHandler, begin func(run func(f func())) error) error {
	if h == nil {
		return errors.New(w.opts.Package + ": a handler is required")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started || w.ended != nil {
		return errors.New(w.opts.Package + ": Start was called a second time, or after Shutdown")
	}
	w.handler = h
	err := begin(w.goroutines.Go)
	w.started = err == nil
	return err
}

// Background runs f in a goroutine that Shutdown waits for. It reports false, and
// does not run f, once Shutdown has begun.
func (w *Workers) Background(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return false
	}
	w.goroutines.Go(f)
	return true
}

// Closing is closed when Shutdown begins.
func (w *Workers) Closing() <-chan struct{} { return w.closing }

// Closed reports whether Shutdown has begun.
func (w *Workers) Closed() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

// Shutdown ends the life of a queue. The first call runs end, which waits until
// no attempt runs. Shutdown waits for end and for all goroutines, and then
// returns nil. If ctx ends first, it ends the attempts, waits for [Options].Grace
// and a second more, in which the storage gets the jobs back, and returns a
// [*recovery.ShutdownError].
func (w *Workers) Shutdown(ctx context.Context, end func()) error {
	w.mu.Lock()
	if w.ended == nil {
		w.ended = make(chan struct{})
		close(w.closing)
		go func() {
			defer close(w.ended)
			defer w.End()
			end()
			w.goroutines.Wait()
		}()
	}
	ended := w.ended
	w.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	cut := len(w.slots)
	w.End()
	grace := time.NewTimer(w.opts.Grace + handBackTime)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
	}
	return &recovery.ShutdownError{CutShort: cut, Kept: int(w.handedBack.Load() + w.begun.Load()), Cause: ctx.Err()}
}

// handBackTime is how long Shutdown waits after everything else for unfinished
// jobs to be back in the storage.
const handBackTime = time.Second

// Enqueue puts a job into a storage that heeds contexts, as [recovery.Queue] says.
// depth bounds the queue. clock is that of the storage, or nil if it is the
// machine's. put gives the storage the encoded job: stored is the same with times
// by the storage's clock.
func (w *Workers) Enqueue(ctx context.Context, job recovery.Job, timeout time.Duration, depth *Depth, clock *Clock, put func(ctx context.Context, stored recovery.Job, encoded []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.Closed() {
		return fmt.Errorf("%s: %w: it is shut down", w.opts.Package, recovery.ErrQueueFull)
	}
	return w.Call(ctx, timeout, func(ctx context.Context) error {
		stored := Stored(job, clock.Skew(ctx))
		encoded, err := Encode(stored)
		if err != nil {
			return err
		}
		if err := depth.Reserve(ctx); err != nil {
			return err
		}
		defer depth.Settle()
		return put(ctx, stored, encoded)
	})
}

// Call runs statements that a caller waits for. It returns ctx's error when ctx
// has ended, and one that wraps [context.DeadlineExceeded] after timeout.
func (w *Workers) Call(ctx context.Context, timeout time.Duration, f func(ctx context.Context) error) error {
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := f(asking)
	end, _ := asking.Deadline()
	switch {
	case err == nil || errors.Is(err, recovery.ErrQueueFull):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case asking.Err() != nil || !time.Now().Before(end):
		return fmt.Errorf("%s: the database did not answer in time: %w", w.opts.Package, context.DeadlineExceeded)
	}
	return fmt.Errorf("%s: %w", w.opts.Package, err)
}

// Try runs statements that no caller waits for, and returns their error. It logs
// if they fail, once for many failures. While the storage is down all actions
// fail, so the log tells of the first one until that works again, and of the others
// at level debug. action completes the sentence "failed to".
func (w *Workers) Try(action string, timeout time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	err := f(ctx)
	line := w.opts.Package + ": failed to " + action + ". It is tried again"
	switch {
	case err == nil:
		w.failing.works(action)
		w.outages.Works(ctx, action)
	case w.failing.fails(action):
		w.outages.Failed(ctx, w.opts.Logger, slog.LevelError, action, line, "error", err)
	default:
		w.opts.Logger.DebugContext(ctx, line, "error", err)
	}
	return err
}

// Failing reports whether the log tells of an action of Try that fails now.
func (w *Workers) Failing() bool { return w.failing.now() }

// failing is the action of which the log tells.
type failing struct {
	mu     sync.Mutex
	action string // empty: none
	at     time.Time
}

// failingFor is how long an action that is not tried any more counts as failing.
const failingFor = time.Minute

// fails reports whether the log has to tell of an action that failed.
func (f *failing) fails(action string) bool {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.action != action && f.action != "" && now.Sub(f.at) < failingFor {
		return false
	}
	f.action, f.at = action, now
	return true
}

func (f *failing) works(action string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.action == action {
		f.action = ""
	}
}

func (f *failing) now() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.action != "" && time.Since(f.at) < failingFor
}

// NewDepth returns a Depth for a queue of at most limit jobs. count returns how
// many it holds.
func (w *Workers) NewDepth(limit int, timeout time.Duration, count func(ctx context.Context) (int, error)) *Depth {
	return NewDepth(limit, func(done func(n int, err error)) bool {
		return w.Background(func() {
			n := 0
			err := w.Try("count jobs, so MaxDepth is not enforced", timeout, func(ctx context.Context) (err error) {
				n, err = count(ctx)
				return err
			})
			done(n, err)
		})
	})
}
