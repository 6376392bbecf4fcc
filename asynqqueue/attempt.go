package asynqqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-51359b35/recovery"
)

const (
	// maxStartWait is how long a job may hold a worker while its NotBefore has
	// not come. The wait is longer only if the clocks of processes disagree.
	maxStartWait = 2 * time.Second
	// workerWait is how long a job waits here for a worker. A worker is free,
	// unless an attempt was given up after asynq had asked for this job. Other
	// instances get the job then.
	workerWait = time.Second
	// awaitPause comes between two attempts of a job that waits for a reply. It
	// is for a notifier that does not wait until the first attempt has ended.
	awaitPause = 100 * time.Millisecond
)

// errAbandoned reports an attempt that did not return when its context ended.
var errAbandoned = fmt.Errorf("asynqqueue: the attempt ignores its context: %w", context.DeadlineExceeded)

// process is asynq's handler. It returns nil for a job that is done, RevokeTask
// for a job that is given up, and a [*requeueError] for any other. It returns
// in good time, because asynq starts no other job in its place before it
// returns.
func (q *Queue) process(ctx context.Context, task *asynq.Task) error {
	id, _ := asynq.GetTaskID(ctx)
	job, err := openTask(id, task)
	newer := errors.Is(err, errNewerVersion)
	if err != nil && !newer {
		// No other instance will understand this task either. Its type and its
		// payload may be anything that somebody wrote to Redis, so they must
		// not get into logs.
		q.log.Error("asynqqueue: dropping a task that is not of this queue", "task", redactPayloads(id), "reason", err.Error())
		return asynq.RevokeTask
	}
	failures, _ := asynq.GetRetryCount(ctx)
	wait := time.Until(job.NotBefore)
	if wait > maxStartWait {
		return &requeueError{pause: wait}
	}
	if wait > 0 && !q.sleep(ctx, wait) {
		return &requeueError{}
	}
	timer := time.NewTimer(workerWait)
	defer timer.Stop()
	select {
	case q.workers <- struct{}{}:
	case <-timer.C:
		return &requeueError{pause: time.Second}
	case <-ctx.Done():
		return &requeueError{}
	case <-q.ctx.Done():
		return &requeueError{}
	}
	q.begun.Add(1)
	defer q.begun.Add(-1)
	w := &worker{queue: q}
	w.holders.Store(1)
	defer w.release()
	if newer {
		err = w.leaveForOthers(ctx, job, failures+1)
	} else {
		err = w.perform(ctx, job, failures+1)
	}
	switch {
	case err == nil || errors.Is(err, asynq.RevokeTask):
		q.depth.jobRemoved()
	case q.ctx.Err() != nil:
		q.handedBack.Add(1)
	}
	return err
}

func openTask(id string, task *asynq.Task) (recovery.Job, error) {
	if task.Type() != taskType {
		return recovery.Job{}, errors.New("its type is not that of a job")
	}
	return decode(id, task.Payload())
}

// sleep waits for d and reports true. It reports false at once when the queue
// or the task has ended.
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

// A worker is one of [Options].Workers. Two goroutines hold it: asynq's, and
// the one that runs the host's code. The worker is free again when both have
// returned.
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
		return w.giveUp(ctx, job, fmt.Errorf("asynqqueue: %w: the job is too old", recovery.ErrPermanent))
	}
	perform := func(ctx context.Context) error { return q.handler.Perform(ctx, job) }
	err := w.call(ctx, perform)
	// While a message waits for an answer, no other instance may have the job: it
	// would send the message again.
	for errors.Is(err, recovery.ErrAwaitingReply) && q.sleep(ctx, awaitPause) {
		err = w.call(ctx, perform)
	}
	if err == nil {
		return nil
	}
	if q.ctx.Err() != nil || ctx.Err() != nil {
		// Shutdown ended the attempt, or the lease is lost. Nobody knows how
		// the attempt would have ended.
		return &requeueError{}
	}
	pause := q.pause(n)
	if errors.Is(err, recovery.ErrPermanent) || !pauseEnd(time.Now(), pause).Before(job.NotAfter) {
		return w.giveUp(ctx, job, err)
	}
	// The Service logs what fails, once for many attempts. An attempt that does
	// not return is known only here. The text of the error is not logged: it may
	// quote what the host's mail server said about an address.
	if errors.Is(err, errAbandoned) {
		q.outages.Failed(ctx, q.log, slog.LevelWarn, "abandoned", "asynqqueue: an attempt ignores its context and holds a worker", "job", job.ID, "attempt", n)
	} else {
		q.log.Debug("asynqqueue: an attempt failed", "job", job.ID, "attempt", n, "pause", pause)
	}
	return &requeueError{pause: pause, failed: true}
}

// giveUp hands a job to DeadLetter and makes asynq delete it. DeadLetter is the
// host's code, so it holds the worker, and has no more time than an attempt.
func (w *worker) giveUp(ctx context.Context, job recovery.Job, cause error) error {
	err := w.call(ctx, func(ctx context.Context) error {
		w.queue.handler.DeadLetter(ctx, job, cause)
		return nil
	})
	if w.queue.ctx.Err() != nil || ctx.Err() != nil {
		return &requeueError{} // nobody knows whether DeadLetter did its work
	}
	if err != nil {
		w.queue.log.Error("asynqqueue: DeadLetter did not return in time, or panicked", "job", job.ID)
	}
	return asynq.RevokeTask
}

// call runs the host's code in a goroutine of its own. So call can return even
// if that code ignores its context.
func (w *worker) call(ctx context.Context, f func(ctx context.Context) error) error {
	q := w.queue
	ctx, cancel := context.WithTimeout(ctx, q.opts.AttemptTimeout)
	defer cancel()
	defer context.AfterFunc(q.ctx, cancel)()
	const running, returned, givenUp = 0, 1, 2
	var state atomic.Int32
	result := make(chan error, 1)
	w.holders.Add(1)
	go func() {
		defer w.release()
		err := recoverPanic(ctx, f)
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
	if !state.CompareAndSwap(running, givenUp) {
		q.abandoned.Add(-1)
		return <-result
	}
	return errAbandoned
}

// recoverPanic calls f and turns a panic into an error. The error has the stack
// of the panic, but not its value, which may quote a secret.
func recoverPanic(ctx context.Context, f func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("asynqqueue: panic (%T)\n%s", p, debug.Stack())
		}
	}()
	return f(ctx)
}
