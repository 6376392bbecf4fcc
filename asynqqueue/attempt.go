package asynqqueue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-51359b35/recovery"
)

const (
	// longestWait is how long a job may hold a place while its NotBefore has
	// not come. Only clocks that disagree make it longer.
	longestWait = 2 * time.Second
	// patience is how long a job waits here for a worker. There is one unless
	// attempts were given up and still run; then other instances get the job.
	patience = time.Second
)

// errAbandoned is an attempt that did not return when its context ended.
var errAbandoned = fmt.Errorf("asynqqueue: the attempt ignores its context: %w", context.DeadlineExceeded)

// process is asynq's handler. It returns nil for a job that is done,
// RevokeTask for one that is given up, and otherwise an [*again]; and it
// returns in good time, because asynq starts no other job in its place before.
func (q *Queue) process(ctx context.Context, task *asynq.Task) error {
	id, _ := asynq.GetTaskID(ctx)
	job, err := open(id, task)
	newer := errors.Is(err, errNewer)
	if err != nil && !newer {
		// Nobody else will ever understand it either. Its type and payload are
		// whatever somebody wrote there, and not for logs.
		q.log.Error("asynqqueue: dropping a task that is not of this queue", "task", clean(id), "reason", err.Error())
		return asynq.RevokeTask
	}
	failures, _ := asynq.GetRetryCount(ctx)
	wait := time.Until(job.NotBefore)
	if wait > longestWait {
		return &again{pause: wait}
	}
	if wait > 0 && !q.sleep(ctx, wait) {
		return &again{}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case q.workers <- struct{}{}:
	case <-timer.C:
		return &again{pause: time.Second}
	case <-ctx.Done():
		return &again{}
	case <-q.ctx.Done():
		return &again{}
	}
	w := &worker{queue: q}
	w.holders.Store(1)
	defer w.release()
	if newer {
		err = w.leave(ctx, job, failures+1)
	} else {
		err = w.perform(ctx, job, failures+1)
	}
	if err == nil || errors.Is(err, asynq.RevokeTask) {
		q.depth.left()
	}
	return err
}

// upgradeTime is how long a job of a newer version is left for other instances,
// from when it was enqueued or, where that is later, from when this instance
// started.
const upgradeTime = 15 * time.Minute

// leave hands back a job that this version cannot read, for an instance that
// can. When none has taken it for a while, or it is too old, it is given up.
func (w *worker) leave(ctx context.Context, job recovery.Job, n int) error {
	q := w.queue
	if !q.newerSeen.Swap(true) {
		q.log.Warn("asynqqueue: jobs wait that a newer version of this library enqueued", "advice", "bring all instances to the same version")
	}
	since := job.NotBefore
	if since.Before(q.born) {
		since = q.born
	}
	pause := q.pause(n)
	if time.Since(since) >= upgradeTime || !due(time.Now(), pause).Before(job.NotAfter) {
		return w.bury(ctx, job, errNewer)
	}
	return &again{pause: pause, failed: true}
}

func open(id string, task *asynq.Task) (recovery.Job, error) {
	if task.Type() != taskType {
		return recovery.Job{}, errors.New("its type is another")
	}
	return decode(id, task.Payload())
}

// sleep waits, or reports false if the queue or the task has ended.
func (q *Queue) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-q.ctx.Done():
	}
	return false
}

// A worker is a place among [Options].Workers. It is free again when everybody
// who holds it has returned: asynq's goroutine, and the host's code.
type worker struct {
	queue   *Queue
	holders atomic.Int32
}

func (w *worker) release() {
	if w.holders.Add(-1) == 0 {
		<-w.queue.workers
	}
}

// perform makes the n-th attempt and decides what becomes of the job.
func (w *worker) perform(ctx context.Context, job recovery.Job, n int) error {
	q := w.queue
	if !time.Now().Before(job.NotAfter) {
		return w.bury(ctx, job, fmt.Errorf("asynqqueue: %w: the job is too old", recovery.ErrPermanent))
	}
	err := w.call(ctx, func(ctx context.Context) error { return q.handler.Perform(ctx, job) })
	if err == nil {
		return nil
	}
	if q.ctx.Err() != nil || ctx.Err() != nil {
		// Shutdown ended it, or the lease is lost: nobody knows how it would
		// have ended.
		return &again{}
	}
	pause := q.pause(n)
	if errors.Is(err, recovery.ErrPermanent) || !due(time.Now(), pause).Before(job.NotAfter) {
		return w.bury(ctx, job, err)
	}
	// Not the error's text, which may quote what the host's mail server said
	// of an address. The dead letter's cause is the host's to look at.
	q.log.Warn("asynqqueue: an attempt failed", "job", job.ID, "attempt", n, "pause", pause, "abandoned", errors.Is(err, errAbandoned))
	return &again{pause: pause, failed: true}
}

// bury hands a job to DeadLetter and has it deleted. It is the host's code, so
// it holds the worker and is given up as an attempt is.
func (w *worker) bury(ctx context.Context, job recovery.Job, cause error) error {
	err := w.call(ctx, func(ctx context.Context) error {
		w.queue.handler.DeadLetter(ctx, job, cause)
		return nil
	})
	if w.queue.ctx.Err() != nil || ctx.Err() != nil {
		return &again{} // nobody knows whether it was heard
	}
	if err != nil {
		w.queue.log.Error("asynqqueue: DeadLetter did not return in time, or panicked", "job", job.ID)
	}
	return asynq.RevokeTask
}

// call runs the host's code in a goroutine of its own, so that it can be given
// up when it ignores its context.
func (w *worker) call(ctx context.Context, f func(ctx context.Context) error) error {
	q := w.queue
	ctx, cancel := context.WithTimeout(ctx, q.opts.AttemptTimeout)
	defer cancel()
	defer context.AfterFunc(q.ctx, cancel)()
	const running, returned, left = 0, 1, 2
	var state atomic.Int32
	result := make(chan error, 1)
	w.holders.Add(1)
	go func() {
		defer w.release()
		err := guarded(ctx, f)
		if !state.CompareAndSwap(running, returned) {
			q.abandoned.Add(-1)
		}
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(q.opts.Grace)
	defer grace.Stop()
	select {
	case err := <-result:
		return err
	case <-grace.C:
	}
	q.abandoned.Add(1)
	if !state.CompareAndSwap(running, left) {
		q.abandoned.Add(-1)
		return <-result
	}
	return errAbandoned
}

// guarded makes an error of a panic, with its stack and without its value,
// which may quote a secret.
func guarded(ctx context.Context, f func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("asynqqueue: panic (%T)\n%s", p, debug.Stack())
		}
	}()
	return f(ctx)
}
