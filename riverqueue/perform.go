package riverqueue

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"github.com/seed-51359b35/recovery/durablequeue"
)

const (
	// maxStartWait is how long a job may hold a worker while its NotBefore has
	// not come. Under load NotBefore has passed before a worker is free.
	maxStartWait = time.Second
	// workerWait is how long a job waits here for a worker. One is free whenever
	// River has a job for it.
	workerWait = time.Second
)

// errFailed is what River stores in the row of a job that failed. Its text is
// never that of the host's error, which may quote an address (A31, A39).
var errFailed = errors.New("the attempt failed")

// A performer is River's worker for all jobs of a queue.
type performer struct {
	river.WorkerDefaults[task]
	queue *Queue
}

// NextRetry implements [river.Worker]. River does not accept a time before it
// asked.
func (p *performer) NextRetry(row *river.Job[task]) time.Time {
	return riverTime{p.queue}.Now().Add(row.Args.pause)
}

// Work implements [river.Worker]. While it runs, River begins no other job in
// its place. So it returns only when the host's code has returned, even if that
// ignores its context: a worker that is lost gets no job.
func (p *performer) Work(ctx context.Context, row *river.Job[task]) error {
	q := p.queue
	q.workers.Outages().Works(ctx, riverCause) // it has given a job out
	if q.workers.Closed() {
		return river.JobSnooze(0) // River's client was not told in time
	}
	job, problem := durablequeue.Decode(row.Args.ID, row.Args.Job)
	if problem != nil && !errors.Is(problem, durablequeue.ErrNewerVersion) {
		// No other instance will understand it either. It may be anything that
		// somebody wrote into the table, so it must not get into logs.
		q.log.Error("riverqueue: dropping a row that is no job", "row", row.ID, "reason", problem.Error())
		return q.remove(row.ID)
	}
	job = durablequeue.GivenOut(job, q.clock.Skew(ctx))
	wait := time.Until(job.NotBefore)
	if wait > maxStartWait {
		return river.JobSnooze(wait)
	}
	lease := q.leases.Begin(ctx, row.ID, time.Now())
	defer lease.End()
	if wait > 0 && !q.workers.Sleep(lease.Context(), wait) {
		return river.JobSnooze(0)
	}
	w := q.workers.Take(lease.Context(), workerWait)
	if w == nil {
		return river.JobSnooze(0)
	}
	result := w.Perform(lease.Context(), job, problem, row.Attempt)
	w.Release()
	lease.End() // from here on, that the row is gone says nothing
	if w.Stuck() {
		err := q.giveAway(row.ID, result)
		<-w.Free()
		if err == nil {
			return nil // the row that River had is gone
		}
	}
	switch result.Verdict {
	case durablequeue.Done, durablequeue.GivenUp:
		q.depth.JobRemoved()
		return q.remove(row.ID)
	case durablequeue.HandedBack:
		return river.JobSnooze(0)
	}
	if row.Attempt >= row.MaxAttempts {
		return river.JobSnooze(result.Pause) // River would discard it
	}
	row.Args.pause = result.Pause
	return errFailed
}

// remove deletes a job that is done or given up. It returns nil, so that River
// counts the job as completed if it is still there, and keepRows deletes it.
// River would delete it too, but up to 250 ms later, together with others. All
// of these would be performed again if the process were killed meanwhile.
func (q *Queue) remove(id int64) error {
	_ = q.try("delete a job that is done", func(ctx context.Context) error { return q.rows.delete(ctx, id) })
	return nil
}

// giveAway does what River would do, for a job whose attempt ignores its
// context. The job gets another row, so that nothing that River does about the
// old one later reaches it.
func (q *Queue) giveAway(id int64, result durablequeue.Result) error {
	return q.try("hand a job to other workers", func(ctx context.Context) error {
		if result.Verdict == durablequeue.Failed || result.Verdict == durablequeue.HandedBack {
			return q.rows.move(ctx, id, result.Pause)
		}
		return q.rows.delete(ctx, id)
	})
}
