package riverqueue

import (
	"context"
	"time"

	"github.com/seed-51359b35/recovery/durablequeue"
)

const (
	// keepEvery is how often a worker process looks after the queue.
	keepEvery = durablequeue.RenewInterval
	// leaseTime is after how long without a renewal a job is taken from its
	// worker. River does not notice a worker's death for an hour. With keepEvery,
	// a dead worker's job is back within 25 s.
	leaseTime = durablequeue.LeaseTime
	// scheduleAhead is how long before its time a job becomes available. River
	// hands it out at its time all the same. It is longer than keepEvery, so
	// that no job is late.
	scheduleAhead = 2 * keepEvery
	// statementTimeout is under keepEvery, so that the next renewal comes in
	// time.
	statementTimeout = 4 * time.Second
)

// keep calls f every five seconds until no attempt runs any more.
func (q *Queue) keep(f func()) {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		f()
		select {
		case <-ticker.C:
		case <-q.drained:
			return
		}
	}
}

// keepLeases renews the leases of jobs that run here. It does nothing else, so
// that nothing delays it.
func (q *Queue) keepLeases() {
	_ = q.try("renew the leases of jobs that run here", func(ctx context.Context) error {
		ended, err := q.leases.Renew(func(ids []int64) ([]int64, error) { return q.rows.renew(ctx, ids) })
		if ended > 0 {
			q.log.Warn("riverqueue: attempts end, because other workers have their jobs or may get them", "attempts", ended)
		}
		return err
	})
}

// keepRows does for this queue what a leader of River does for all of them. It
// does not touch jobs of other queues and kinds.
func (q *Queue) keepRows() {
	_ = q.try("take over jobs of workers that died", func(ctx context.Context) error {
		n, err := q.rows.rescue(ctx)
		if n > 0 {
			q.log.Warn("riverqueue: jobs of workers that died are performed again", "jobs", n)
		}
		return err
	})
	_ = q.try("make jobs available", q.rows.schedule)
	_ = q.try("delete jobs that are done", q.rows.remove)
}

// try runs statements that no caller waits for, and logs if they fail.
func (q *Queue) try(action string, f func(ctx context.Context) error) error {
	return q.workers.Try(action, statementTimeout, f)
}
