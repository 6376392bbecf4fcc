package riverqueue

import (
	"log/slog"

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

// NewLogger is the logger as River gets it.
func NewLogger(log *slog.Logger) *slog.Logger {
	return newLogger(log, durablequeue.NewOutages("works again"))
}
