package riverqueue

import (
	"context"
	"time"

	"github.com/seed-51359b35/recovery/durablequeue"
)

// riverTime is the clock of PostgreSQL, as River's clients read it.
type riverTime struct{ queue *Queue }

// Now implements [rivertype.TimeGenerator].
func (t riverTime) Now() time.Time {
	return time.Now().Add(t.queue.clock.Skew(context.Background()))
}

// NowOrNil implements [rivertype.TimeGenerator]. Nil stands for now() in a
// statement.
func (riverTime) NowOrNil() *time.Time { return nil }

func (q *Queue) newClock(ask func() (time.Time, error)) *durablequeue.Clock {
	return durablequeue.NewClock(durablequeue.ClockOptions{
		Package: "riverqueue", Storage: "PostgreSQL", Ask: ask, Timeout: q.opts.Timeout, Background: q.workers.Background,
		Logger: q.log, Outages: q.workers.Outages(),
	})
}

// askTime is what q.clock asks.
func (q *Queue) askTime() (time.Time, error) {
	ctx, cancel := context.WithTimeout(q.workers.Context(), q.opts.Timeout)
	defer cancel()
	return q.rows.now(ctx)
}

// ClockSkew implements [recovery.ClockedQueue]. It asks PostgreSQL for its time
// once a minute, and waits for the first answer, for up to [Options].Timeout. A
// difference of more than 30 seconds is logged.
func (q *Queue) ClockSkew(ctx context.Context) time.Duration { return q.clock.Skew(ctx) }
