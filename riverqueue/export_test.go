package riverqueue

import (
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery/durablequeue"
)

const (
	Kind      = kind
	LeaseTime = leaseTime
)

func (q *Queue) Name() string { return q.opts.Name }

// Keep does what the keeper does every five seconds.
func (q *Queue) Keep() {
	q.keepLeases()
	q.keepRows()
}

// SetClock makes the clock of PostgreSQL be ahead of what it says. It is called
// before Start.
func (q *Queue) SetClock(ahead time.Duration) {
	q.clock = q.newClock(func() (time.Time, error) {
		now, err := q.askTime()
		return now.Add(ahead), err
	})
}

// RiverTime is the clock that River goes by.
func (q *Queue) RiverTime() time.Time { return riverTime{q}.Now() }

// NewLogger is the logger as River gets it. failing says that the log tells of an
// outage of PostgreSQL already.
func NewLogger(log *slog.Logger, failing bool) *slog.Logger {
	return newLogger(log, durablequeue.NewOutages("works again"), func() bool { return failing })
}
