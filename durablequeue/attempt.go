package durablequeue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

// awaitPause comes between two attempts of a job that waits for a reply. It is
// for a notifier that does not wait until the first attempt has ended.
const awaitPause = 100 * time.Millisecond

// A Verdict says what becomes of a job after an attempt.
type Verdict int

const (
	// Done: the job is done, and is deleted.
	Done Verdict = iota
	// GivenUp: DeadLetter has the job, and it is deleted.
	GivenUp
	// Failed: the job comes back after a pause, and the attempt counts.
	Failed
	// HandedBack: the job comes back at once, as if it had not been tried,
	// because nobody knows how the attempt would have ended.
	HandedBack
)

// A Result is what became of an attempt. The error of the host's code is not in
// it: it may quote an address, and no storage may keep that (A31, A39).
type Result struct {
	Verdict Verdict
	// Pause is how long a job waits that failed.
	Pause time.Duration
}

// errAbandoned reports an attempt that did not return when its context ended.
var errAbandoned = fmt.Errorf("the attempt ignores its context: %w", context.DeadlineExceeded)

// Perform makes the n-th attempt, counted from 1, and decides what becomes of
// the job. problem is the error of [Decode], nil or [ErrNewerVersion]. ctx ends
// if the job may no longer be performed here. Perform returns in good time, even
// if the host's code does not: the worker is then not free until that returns.
func (w *Worker) Perform(ctx context.Context, job recovery.Job, problem error, n int) Result {
	var result Result
	if problem != nil {
		result = w.leaveForOthers(ctx, job, n)
	} else {
		result = w.perform(ctx, job, n)
	}
	if w.pool.ctx.Err() != nil && (result.Verdict == Failed || result.Verdict == HandedBack) {
		w.pool.handedBack.Add(1)
	}
	return result
}

func (w *Worker) perform(ctx context.Context, job recovery.Job, n int) Result {
	p := w.pool
	if !time.Now().Before(job.NotAfter) {
		return w.giveUp(ctx, job, fmt.Errorf("%s: %w: the job is too old", p.opts.Package, recovery.ErrPermanent))
	}
	perform := func(ctx context.Context) error { return p.handler.Perform(recovery.WithAttempt(ctx, n), job) }
	err := w.call(ctx, perform)
	// While a message waits for an answer, no other instance may have the job: it
	// would send the message again.
	for errors.Is(err, recovery.ErrAwaitingReply) && p.Sleep(ctx, awaitPause) {
		err = w.call(ctx, perform)
	}
	if err == nil {
		return Result{Verdict: Done}
	}
	if p.ctx.Err() != nil || ctx.Err() != nil {
		return Result{Verdict: HandedBack}
	}
	pause := p.Pause(n)
	if errors.Is(err, recovery.ErrPermanent) || !p.opts.PauseEnd(time.Now(), pause).Before(job.NotAfter) {
		return w.giveUp(ctx, job, err)
	}
	// The Service logs what fails, once for many attempts. An attempt that does
	// not return is known only here. The text of the error is not logged: it may
	// quote what the host's mail server said about an address.
	if errors.Is(err, errAbandoned) {
		p.outages.Failed(ctx, p.opts.Logger, slog.LevelWarn, "abandoned", p.opts.Package+": an attempt ignores its context and holds a worker", "job", job.ID, "attempt", n)
	} else {
		p.opts.Logger.Debug(p.opts.Package+": an attempt failed", "job", job.ID, "attempt", n, "pause", pause)
	}
	return Result{Failed, pause}
}

// giveUp hands a job to DeadLetter. That is the host's code, so it holds the
// worker, and has no more time than an attempt.
func (w *Worker) giveUp(ctx context.Context, job recovery.Job, cause error) Result {
	p := w.pool
	err := w.call(ctx, func(ctx context.Context) error {
		p.handler.DeadLetter(ctx, job, cause)
		return nil
	})
	if p.ctx.Err() != nil || ctx.Err() != nil {
		return Result{Verdict: HandedBack} // nobody knows whether DeadLetter did its work
	}
	p.givenUp.Add(1)
	if err != nil {
		p.opts.Logger.Error(p.opts.Package+": DeadLetter did not return in time, or panicked", "job", job.ID)
	}
	return Result{Verdict: GivenUp}
}

// call runs the host's code in a goroutine of its own. So call can return even
// if that code ignores its context.
func (w *Worker) call(ctx context.Context, f func(ctx context.Context) error) error {
	p := w.pool
	ctx, cancel := context.WithTimeout(ctx, p.opts.AttemptTimeout)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	const running, returned, givenUp = 0, 1, 2
	var state atomic.Int32
	result := make(chan error, 1)
	w.holders.Add(1)
	go func() {
		defer w.release()
		err := w.recoverPanic(ctx, f)
		if !state.CompareAndSwap(running, returned) {
			p.abandoned.Add(-1)
		}
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(p.opts.Grace)
	defer grace.Stop()
	select {
	case err := <-result:
		return err
	case <-grace.C:
	}
	p.abandoned.Add(1)
	if !state.CompareAndSwap(running, givenUp) {
		p.abandoned.Add(-1)
		return <-result
	}
	w.stuck = true
	return errAbandoned
}

// recoverPanic calls f and turns a panic into an error. The error has the stack
// of the panic, but not its value, which may quote a secret.
func (w *Worker) recoverPanic(ctx context.Context, f func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: panic (%T)\n%s", w.pool.opts.Package, p, debug.Stack())
		}
	}()
	return f(ctx)
}
