package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// QueueStats are the present numbers of a queue. All queues of this module have
// them in this shape, so that one dashboard and one alarm fit all.
type QueueStats struct {
	// Waiting is how many jobs wait for a worker, for their NotBefore, or for the
	// pause after a failed attempt to end. Retrying is how many of them had a
	// failed attempt. A durable queue counts for all its processes.
	Waiting, Retrying int
	// Oldest is how long the first job that is due has waited for a worker.
	// Beyond a few seconds there are too few workers, or they hang.
	Oldest time.Duration
	// Running is how many attempts run in this process. Abandoned is how many of
	// these did not return although their context ended. Each holds a worker.
	Running, Abandoned int
	// GivenUp is how many jobs became dead letters in this process, since it
	// started.
	GivenUp int
}

// A QueueStatsReporter is a [Queue] that tells its numbers. For authors of
// queues; those of this module do.
type QueueStatsReporter interface {
	Queue
	// QueueStats returns the numbers, or an error: that of ctx, or of the
	// storage. It is safe for concurrent use.
	QueueStats(ctx context.Context) (QueueStats, error)
}

// QueueStats returns the numbers of [Options].Queue and [Options].DeliveryQueue.
// While mail is down, deliveries.Retrying grows. The error wraps
// [errors.ErrUnsupported] if one of them is no [QueueStatsReporter]; the numbers
// of the other are valid all the same.
func (s *Service) QueueStats(ctx context.Context) (queue, deliveries QueueStats, err error) {
	queue, err = statsOf(ctx, "Queue", s.opts.Queue)
	if len(s.queues) == 1 {
		return queue, queue, err
	}
	deliveries, err2 := statsOf(ctx, "DeliveryQueue", s.opts.DeliveryQueue)
	return queue, deliveries, errors.Join(err, err2)
}

func statsOf(ctx context.Context, name string, q Queue) (QueueStats, error) {
	reporter, ok := q.(QueueStatsReporter)
	if !ok {
		return QueueStats{}, fmt.Errorf("recovery: numbers of Options.%s: %w", name, errors.ErrUnsupported)
	}
	stats, err := reporter.QueueStats(ctx)
	if err != nil {
		return QueueStats{}, fmt.Errorf("recovery: numbers of Options.%s: %w", name, err)
	}
	return stats, nil
}

// QueueStats implements [QueueStatsReporter].
func (q *MemoryQueue) QueueStats(ctx context.Context) (QueueStats, error) {
	if err := ctx.Err(); err != nil {
		return QueueStats{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := QueueStats{Waiting: len(q.waiting), Running: q.running, Abandoned: q.abandoned, GivenUp: q.givenUp}
	for _, j := range q.waiting {
		if j.attempts > 0 {
			stats.Retrying++
		}
	}
	if len(q.waiting) > 0 {
		stats.Oldest = max(0, time.Since(q.waiting[0].at)) // the first of the heap
	}
	return stats, nil
}
