package riverqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

// errClosed is returned after Shutdown.
var errClosed = fmt.Errorf("riverqueue: %w: it is shut down", recovery.ErrQueueFull)

// Enqueue implements [recovery.Queue]. It returns nil once PostgreSQL has
// committed the job. Enqueue may be called before Start.
//
// Enqueue returns ctx's error when ctx ends, and an error that wraps
// [context.DeadlineExceeded] when PostgreSQL does not answer within
// [Options].Timeout. After these two errors the job may be in the queue all the
// same. It is then performed, and a job that the caller enqueues again may be
// performed twice. After the following errors the job is not in the queue: one
// that wraps [recovery.ErrQueueFull], for a full queue and after Shutdown, and
// one that wraps [recovery.ErrPermanent], for a job that
// [recovery.Job.Validate] refuses.
//
// A job whose ID is in the queue already is not added again. A job that was
// done is added again, because the queue forgets what it has done.
func (q *Queue) Enqueue(ctx context.Context, job recovery.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-q.closing:
		return errClosed
	default:
	}
	asking, cancel := context.WithTimeout(ctx, q.opts.Timeout)
	defer cancel()
	stored := durablequeue.Stored(job, q.clock.Skew(asking))
	encoded, err := durablequeue.Encode(stored)
	if err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	// The code below looks at NotBefore and at nothing else of the job. So the
	// time that Enqueue takes does not tell whom the job is about (A22).
	switch err := q.depth.Reserve(asking); {
	case errors.Is(err, recovery.ErrQueueFull):
		return err
	case err != nil:
		return callError(ctx, asking, err)
	}
	defer q.depth.Settle()
	_, err = q.client.Insert(asking, task{ID: job.ID, Job: encoded}, q.insertOpts(job.NotBefore, stored.NotBefore))
	return callError(ctx, asking, err)
}

// callError returns the error of a call that a caller made with parent, and
// that PostgreSQL got with ctx, a child with a deadline.
func callError(parent, ctx context.Context, err error) error {
	end, _ := ctx.Deadline()
	switch {
	case err == nil:
		return nil
	case parent.Err() != nil:
		return parent.Err()
	case ctx.Err() != nil || !time.Now().Before(end):
		return fmt.Errorf("riverqueue: PostgreSQL did not answer in time: %w", context.DeadlineExceeded)
	}
	return fmt.Errorf("riverqueue: %w", err)
}
