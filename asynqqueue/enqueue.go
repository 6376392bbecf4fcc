package asynqqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
	"github.com/seed-51359b35/recovery/redisguard"
)

const (
	// maxInlineWait is how far away NotBefore may be for a job that is pending
	// at once. A worker then waits for NotBefore. asynq schedules in whole
	// seconds, which is too coarse for the pause of up to 250 ms after a
	// request.
	maxInlineWait = time.Second
	// taskTimeout is the time after which asynq would end a task. The attempts
	// of this package end by themselves, long before.
	taskTimeout = 24 * time.Hour
)

// ErrDown is returned by [Queue.Enqueue], without a question to Redis, after
// five calls in succession to which Redis did not answer, or answered with an
// error. Every 100 ms one caller tries again.
var ErrDown = errors.New("asynqqueue: Redis accepts no jobs")

// errClosed is returned after Shutdown.
var errClosed = fmt.Errorf("%w: it is shut down", recovery.ErrQueueFull)

// errCallerDeadline is returned when the caller's own deadline left Redis too
// little time. It does not show that Redis is down.
var errCallerDeadline = fmt.Errorf("asynqqueue: the caller's deadline came before an answer of Redis: %w", context.DeadlineExceeded)

// Enqueue implements [recovery.Queue]. It returns nil once Redis has the job.
// Whether the job survives a crash of Redis depends on how Redis persists its
// data. Enqueue may be called before Start.
//
// Enqueue returns ctx's error when ctx ends, and an error that wraps
// [context.DeadlineExceeded] when Redis does not answer within
// [Options].Timeout. After these two errors the job may be in the queue all the
// same. It is then performed, and a job that the caller enqueues again may be
// performed twice. After the following errors the job is not in the queue:
// [ErrDown]; an error that wraps [recovery.ErrQueueFull], for a full queue and
// after Shutdown; and an error that wraps [recovery.ErrPermanent], for a job
// that [recovery.Job.Validate] refuses.
//
// A job whose ID is in the queue already is not added again. A job that was
// done is added again, because the queue forgets what it has done.
func (q *Queue) Enqueue(ctx context.Context, job recovery.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.workers.Closed() {
		return errClosed
	}
	budget, tooShort := callBudget(ctx, q.opts.Timeout)
	asking, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	stored := durablequeue.Stored(job, q.clock.Skew(asking))
	payload, err := durablequeue.Encode(stored)
	if err != nil {
		return fmt.Errorf("asynqqueue: %w", err)
	}
	// The code below looks at NotBefore and at nothing else of the job. So the
	// time that Enqueue takes does not tell whom the job is about (A22).
	opts := []asynq.Option{
		asynq.Queue(q.opts.Name), asynq.TaskID(job.ID), asynq.MaxRetry(maxRetries), asynq.Timeout(taskTimeout),
	}
	if time.Until(job.NotBefore) > maxInlineWait {
		opts = append(opts, asynq.ProcessAt(stored.NotBefore))
	}
	return q.health.call(func() error {
		switch err := q.depth.Reserve(asking); {
		case errors.Is(err, recovery.ErrQueueFull):
			return err
		case err != nil:
			return timeoutError(asking, tooShort)
		}
		defer q.depth.Settle()
		return q.send(asking, tooShort, asynq.NewTask(taskType, payload), opts)
	})
}

// send gives a task to Redis in a goroutine, and stops waiting when ctx ends.
// Without the goroutine it might wait for longer: the client of a Cluster waits
// for a connection and a reply until its own timeouts, whatever the context
// says, and a dialer of the host may ignore the context too.
func (q *Queue) send(ctx context.Context, tooShort bool, task *asynq.Task, opts []asynq.Option) error {
	done := make(chan error, 1)
	end, _ := ctx.Deadline()
	if !q.workers.Background(func() {
		// The command goes on when the caller's context is cancelled, because
		// it may have been sent already.
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
		defer cancel()
		_, err := q.enqueuer.EnqueueContext(ctx, task, opts...)
		if errors.Is(err, asynq.ErrTaskIDConflict) {
			// The job is in the queue: go-redis repeated the command after a
			// lost reply, or the caller enqueued the job again.
			err = nil
		}
		if refusal := redisguard.Refusal(ctx, q.client, err); refusal != nil {
			err = refusal
		}
		done <- err
	}) {
		return errClosed
	}
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done: // the answer and the end of ctx came together
		default:
			err = ctx.Err()
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || !time.Now().Before(end):
		return timeoutError(ctx, tooShort)
	}
	return fmt.Errorf("asynqqueue: %w", err)
}

// timeoutError returns the error of a call whose ctx has ended before an answer
// came.
func timeoutError(ctx context.Context, tooShort bool) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case tooShort:
		return errCallerDeadline
	}
	return fmt.Errorf("asynqqueue: Redis did not answer in time: %w", context.DeadlineExceeded)
}

// callBudget returns how much of d the parent's deadline leaves. It also
// reports whether that is under a quarter of d. A call that is not answered in
// so short a time does not show that Redis is down.
func callBudget(parent context.Context, d time.Duration) (budget time.Duration, tooShort bool) {
	if t, ok := parent.Deadline(); ok {
		left := max(0, time.Until(t))
		return min(d, left), left < d/4
	}
	return d, false
}
