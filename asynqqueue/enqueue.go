package asynqqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-51359b35/recovery"
)

const (
	// A job that starts sooner is pending at once, and a worker waits for its
	// NotBefore. asynq schedules in whole seconds, which is no use for the
	// pause of up to 250 ms of a request.
	soon = time.Second
	// taskTimeout is what asynq would end a task after. The attempts of this
	// package end by themselves, long before.
	taskTimeout = 24 * time.Hour
)

// ErrDown is returned by [Queue.Enqueue] without asking, after five calls in
// succession to which Redis did not answer, or answered with an error. One
// caller tries again every 100 ms.
var ErrDown = errors.New("asynqqueue: Redis takes no jobs")

// errClosed is what comes after Shutdown.
var errClosed = fmt.Errorf("%w: it is shut down", recovery.ErrQueueFull)

// errHurried is a caller whose own deadline left Redis too little time for
// anybody to conclude that it is down.
var errHurried = fmt.Errorf("asynqqueue: the caller's deadline came first: %w", context.DeadlineExceeded)

// Enqueue implements [recovery.Queue]. It returns nil once Redis has the job:
// whether the job survives a crash of Redis is up to its persistence. It may be
// called before Start.
//
// It returns ctx's error when ctx ends, and an error that wraps
// [context.DeadlineExceeded] when Redis does not answer within
// [Options].Timeout: then the job may be in the queue all the same, and
// is performed then, once more if it is repeated. [ErrDown] and
// [recovery.ErrQueueFull], for a full queue and after Shutdown, say that it is
// not; so does [recovery.ErrPermanent], for a job that no queue takes: an ID that
// is not 1 to 128 of printable ASCII without spaces, a payload that is not 1 to
// 16,384 bytes, a time before 1970 or after 2261.
//
// A job whose ID is in the queue already is not added again. One that was done
// is: the queue forgets what it has done.
func (q *Queue) Enqueue(ctx context.Context, job recovery.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	payload, err := encode(job)
	if err != nil {
		return err
	}
	select {
	case <-q.closing:
		return errClosed
	default:
	}
	// Nothing below looks at the job but its NotBefore, so that nobody can
	// tell by the time it takes whom it is about (A22).
	opts := []asynq.Option{
		asynq.Queue(q.opts.Name), asynq.TaskID(job.ID), asynq.MaxRetry(maxRetries), asynq.Timeout(taskTimeout),
	}
	if time.Until(job.NotBefore) > soon {
		opts = append(opts, asynq.ProcessAt(job.NotBefore))
	}
	budget, short := cut(ctx, q.opts.Timeout)
	asking, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	return q.health.guarded(func() error {
		switch err := q.depth.admit(asking); {
		case errors.Is(err, recovery.ErrQueueFull):
			return err
		case err != nil:
			return late(asking, short)
		}
		defer q.depth.settle()
		return q.send(asking, short, asynq.NewTask(taskType, payload), opts)
	})
}

// send gives a task to Redis in a goroutine, and stops waiting when ctx ends:
// the client of a Cluster waits for a connection and its reply as long as its
// own timeouts say, whatever the context says, and a dialer of the host's may
// do as it likes.
func (q *Queue) send(ctx context.Context, short bool, task *asynq.Task, opts []asynq.Option) error {
	done := make(chan error, 1)
	end, _ := ctx.Deadline()
	if !q.background(func() {
		// A caller who goes away does not break off what may have been sent.
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
		defer cancel()
		_, err := q.enqueuer.EnqueueContext(ctx, task, opts...)
		if errors.Is(err, asynq.ErrTaskIDConflict) {
			// It is there: go-redis repeated the command after a lost reply,
			// or the caller repeated the job.
			err = nil
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
		case err = <-done: // both at once
		default:
			err = ctx.Err()
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || !time.Now().Before(end):
		return late(ctx, short)
	}
	return fmt.Errorf("asynqqueue: %w", err)
}

// late is what became of a call whose ctx has ended.
func late(ctx context.Context, short bool) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case short:
		return errHurried
	}
	return fmt.Errorf("asynqqueue: no answer in time: %w", context.DeadlineExceeded)
}

// cut is how much of d the parent's deadline leaves, and whether that is so
// little that not to be answered says nothing about Redis.
func cut(parent context.Context, d time.Duration) (left time.Duration, short bool) {
	if t, ok := parent.Deadline(); ok {
		left = max(0, time.Until(t))
		return min(d, left), left < d/4
	}
	return d, false
}
