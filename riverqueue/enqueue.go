package riverqueue

import (
	"context"

	"github.com/seed-51359b35/recovery"
)

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
	// This looks at NotBefore and at nothing else of the job. So the time that
	// Enqueue takes does not tell whom the job is about (A22).
	return q.workers.Enqueue(ctx, job, q.opts.Timeout, q.depth, q.clock, func(ctx context.Context, stored recovery.Job, encoded []byte) error {
		_, err := q.client.Insert(ctx, task{ID: job.ID, Job: encoded}, q.insertOpts(job.NotBefore, stored.NotBefore))
		return err
	})
}
