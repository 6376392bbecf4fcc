package riverqueue

import (
	"context"
	"errors"
	"log/slog"
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

// River stores the text of an error in the job's row. So these texts are fixed,
// and never those of the host's errors, which may quote an address (A31, A39).
var (
	errFailed  = errors.New("the attempt failed")
	errGivenUp = errors.New("given up")
	errForeign = errors.New("not a job of this library")
)

// A performer is River's worker for all jobs of a queue.
type performer struct {
	river.WorkerDefaults[task]
	queue *Queue
}

// NextRetry implements [river.Worker]. River does not accept a time before it
// asked.
func (p *performer) NextRetry(row *river.Job[task]) time.Time {
	return time.Now().Add(row.Args.pause)
}

// Work implements [river.Worker]. While it runs, River begins no other job in
// its place. So it returns only when the host's code has returned, even if that
// ignores its context: a worker that is lost gets no job.
func (p *performer) Work(ctx context.Context, row *river.Job[task]) error {
	q := p.queue
	q.workers.Outages().Works(ctx, riverCause) // it has given a job out
	select {
	case <-q.closing:
		return river.JobSnooze(0) // River's client was not told in time
	default:
	}
	job, problem := durablequeue.Decode(row.Args.ID, row.Args.Job)
	if problem != nil && !errors.Is(problem, durablequeue.ErrNewerVersion) {
		// No other instance will understand it either. It may be anything that
		// somebody wrote into the table, so it must not get into logs.
		q.log.Error("riverqueue: dropping a row that is no job", "row", row.ID, "reason", problem.Error())
		return river.JobCancel(errForeign)
	}
	wait := time.Until(job.NotBefore)
	if wait > maxStartWait {
		return river.JobSnooze(wait)
	}
	lease := q.leases.begin(ctx, row.ID)
	defer lease.end()
	if wait > 0 && !q.workers.Sleep(lease.ctx, wait) {
		return river.JobSnooze(0)
	}
	w := q.workers.Take(lease.ctx, workerWait)
	if w == nil {
		return river.JobSnooze(0)
	}
	result := w.Perform(lease.ctx, job, problem, row.Attempt)
	w.Release()
	lease.end() // from here on, that the row is gone says nothing
	if w.Stuck() {
		q.giveAway(row.ID, result)
		<-w.Free()
		return nil // the row that River had is gone
	}
	switch result.Verdict {
	case durablequeue.Done, durablequeue.GivenUp:
		q.depth.JobRemoved()
		return q.remove(row.ID, result.Verdict)
	case durablequeue.HandedBack:
		return river.JobSnooze(0)
	}
	if row.Attempt >= row.MaxAttempts {
		return river.JobSnooze(result.Pause) // River would discard it
	}
	row.Args.pause = result.Pause
	return errFailed
}

// remove deletes a job that is done or given up. River would do so too, but up
// to 250 ms later, together with others. All of these would be performed again
// if the process were killed meanwhile. What River does to a row that is gone
// has no effect.
func (q *Queue) remove(id int64, verdict durablequeue.Verdict) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	if err := q.rows.delete(ctx, id); err != nil {
		q.workers.Outages().Failed(ctx, q.log, slog.LevelError, "acknowledge", "riverqueue: PostgreSQL could not be told at once that a job is done", "error", err)
		if verdict == durablequeue.GivenUp {
			return river.JobCancel(errGivenUp)
		}
	}
	return nil
}

// giveAway does what River would do, for a job whose attempt ignores its
// context. The job gets another row, so that nothing that River does about the
// old one later reaches it.
func (q *Queue) giveAway(id int64, result durablequeue.Result) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	var err error
	switch result.Verdict {
	case durablequeue.Done, durablequeue.GivenUp:
		err = q.rows.delete(ctx, id)
	case durablequeue.Failed, durablequeue.HandedBack:
		err = q.rows.move(ctx, id, result.Pause)
	}
	if err != nil {
		// The job comes back as after a crash.
		q.workers.Outages().Failed(ctx, q.log, slog.LevelError, "give away", "riverqueue: a job could not be handed to other workers", "error", err)
	}
}
