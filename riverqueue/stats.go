package riverqueue

import (
	"context"
	"errors"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Stats are the present numbers of a [Queue]. Running and Abandoned are those
// of this instance. The others are those of the whole queue, in all instances.
type Stats struct {
	// Pending jobs wait for a worker, Scheduled ones for their NotBefore, and
	// Retrying ones for the end of a pause after a failed attempt. Active ones
	// are with a worker, or were when it died.
	Pending, Scheduled, Retrying, Active int
	// OldestPending is how long the first of the pending jobs has waited.
	OldestPending time.Duration
	// Paused reports that somebody paused the queue with River's tools. Jobs
	// are then accepted and not performed.
	Paused bool
	// Running is how many attempts run here. Abandoned is how many of those did
	// not return after their context ended, and still hold a worker.
	Running, Abandoned int
}

// Depth returns how many jobs the queue holds. [Options].MaxDepth bounds this
// number.
func (s Stats) Depth() int { return s.Pending + s.Scheduled + s.Retrying + s.Active }

// Stats returns the present numbers, or an error: that of ctx, one that wraps
// [context.DeadlineExceeded] when PostgreSQL does not answer within
// [Options].Timeout, or the error that PostgreSQL answers with. After Shutdown
// it always returns an error.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	if q.workers.Closed() {
		return Stats{}, errors.New("riverqueue: Stats after Shutdown")
	}
	var s Stats
	if err := q.workers.Call(ctx, q.opts.Timeout, func(ctx context.Context) (err error) { s, err = q.rows.stats(ctx); return err }); err != nil {
		return Stats{}, err
	}
	s.Running, s.Abandoned = q.workers.Running(), q.workers.Abandoned()
	return s, nil
}

// QueueStats implements [recovery.QueueStatsReporter]. Its errors are those of
// [Queue.Stats].
func (q *Queue) QueueStats(ctx context.Context) (recovery.QueueStats, error) {
	s, err := q.Stats(ctx)
	if err != nil {
		return recovery.QueueStats{}, err
	}
	return recovery.QueueStats{
		Waiting: s.Pending + s.Scheduled + s.Retrying, Retrying: s.Retrying, Oldest: s.OldestPending,
		Running: s.Running, Abandoned: s.Abandoned, GivenUp: q.workers.GivenUp(),
	}, nil
}
