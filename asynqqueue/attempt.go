package asynqqueue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

const (
	// maxStartWait is how long a job may hold a worker while its NotBefore has
	// not come. The wait is longer only if the clocks of processes disagree.
	maxStartWait = 2 * time.Second
	// workerWait is how long a job waits here for a worker. A worker is free,
	// unless an attempt was given up after asynq had asked for this job. Other
	// instances get the job then.
	workerWait = time.Second
	// taskType is the type of every task of this package.
	taskType = "recovery:job"
)

// process is asynq's handler. It returns nil for a job that is done, RevokeTask
// for a job that is given up, and a [*requeueError] for any other. It returns
// in good time, because asynq starts no other job in its place before it
// returns.
func (q *Queue) process(ctx context.Context, task *asynq.Task) error {
	q.workers.Outages().Works(ctx, asynqCause) // it has given a job out
	id, _ := asynq.GetTaskID(ctx)
	job, problem := openTask(id, task)
	if problem != nil && !errors.Is(problem, durablequeue.ErrNewerVersion) {
		// No other instance will understand this task either. Its type and its
		// payload may be anything that somebody wrote to Redis, so they must
		// not get into logs.
		q.log.Error("asynqqueue: dropping a task that is not of this queue", "task", durablequeue.Redact(id), "reason", problem.Error())
		return asynq.RevokeTask
	}
	job = durablequeue.GivenOut(job, q.clock.Skew(ctx))
	failures, _ := asynq.GetRetryCount(ctx)
	wait := time.Until(job.NotBefore)
	if wait > maxStartWait {
		return &requeueError{pause: wait}
	}
	if wait > 0 && !q.workers.Sleep(ctx, wait) {
		return &requeueError{}
	}
	w := q.workers.Take(ctx, workerWait)
	switch {
	case w != nil:
	case ctx.Err() != nil, q.workers.Context().Err() != nil:
		return &requeueError{}
	default:
		return &requeueError{pause: time.Second}
	}
	defer w.Release()
	switch r := w.Perform(ctx, job, problem, failures+1); r.Verdict {
	case durablequeue.Done:
		q.depth.JobRemoved()
		return nil
	case durablequeue.GivenUp:
		q.depth.JobRemoved()
		return asynq.RevokeTask
	case durablequeue.Failed:
		return &requeueError{pause: r.Pause, failed: true}
	}
	return &requeueError{}
}

func openTask(id string, task *asynq.Task) (recovery.Job, error) {
	if task.Type() != taskType {
		return recovery.Job{}, errors.New("its type is not that of a job")
	}
	return durablequeue.Decode(id, task.Payload())
}
