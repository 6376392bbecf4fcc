package riverqueue

import (
	"context"
	"log/slog"
	"time"
)

const (
	// keepEvery is how often a worker process looks after the queue.
	keepEvery = 5 * time.Second
	// leaseTime is after how long without a renewal a job is taken from its
	// worker. With keepEvery, a dead worker's job is back within 25 s.
	leaseTime = 20 * time.Second
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
	_ = q.try("renew the leases of jobs that run here", q.renew)
	if n := q.leases.expire(); n > 0 {
		q.log.Warn("riverqueue: PostgreSQL could not be told that jobs run here, so their attempts end", "attempts", n)
	}
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

func (q *Queue) renew(ctx context.Context) error {
	asked := q.leases.ids()
	if len(asked) == 0 {
		return nil
	}
	at := time.Now()
	found, err := q.rows.renew(ctx, asked)
	if err != nil {
		return err
	}
	if n := q.leases.renew(asked, found, at); n > 0 {
		q.log.Warn("riverqueue: jobs that run here were given to other workers, so their attempts end", "attempts", n)
	}
	return nil
}

// try runs statements that no caller waits for, and logs if they fail. what
// completes the sentence "PostgreSQL failed to".
func (q *Queue) try(what string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	err := f(ctx)
	if err != nil {
		q.workers.Outages().Failed(ctx, q.log, slog.LevelError, what, "riverqueue: PostgreSQL failed to "+what, "error", err)
	} else {
		q.workers.Outages().Works(ctx, what)
	}
	return err
}
