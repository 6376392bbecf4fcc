package riverqueue

import (
	"context"
	"log/slog"

	"github.com/seed-51359b35/recovery/durablequeue"
)

// line is what every line of River is called in the host's log.
const line = "riverqueue: a log line of River"

// trouble is what its warnings and errors are called.
const trouble = "riverqueue: River, which performs the jobs, reports a failure. If PostgreSQL is down, jobs wait there and go on when it is back"

// riverCause is the cause of all that River warns of.
const riverCause = "river"

// A handler writes River's lines to the host's log. Of warnings and errors it
// writes the first, and one with a count at growing intervals: while PostgreSQL
// is down, River logs that several times a second.
type handler struct {
	log     *slog.Logger
	outages *durablequeue.Outages
	failing func() bool // the log tells already that PostgreSQL fails
}

func newLogger(log *slog.Logger, outages *durablequeue.Outages, failing func() bool) *slog.Logger {
	return slog.New(handler{log, outages, failing})
}

// Enabled implements [slog.Handler].
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.log.Enabled(ctx, hostLevel(level))
}

// hostLevel returns the level of one of River's lines in the host's log. What
// River informs of, such as its start and each attempt that failed, are details
// for the host.
func hostLevel(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return slog.LevelDebug
	}
	return level
}

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "err", "error", "job_id":
			text += ", " + a.Key + ": " + a.Value.String()
		}
		return true
	})
	text = durablequeue.Redact(text)
	level := hostLevel(r.Level)
	switch {
	case level < slog.LevelWarn:
		h.log.Log(ctx, level, line, "river", text)
	case h.failing():
		h.log.Log(ctx, slog.LevelDebug, line, "river", text)
	default:
		// While PostgreSQL is down, each part of River has a line of its own for
		// that. A worker that gets a job ends the outage.
		h.outages.Failed(ctx, h.log, level, riverCause, trouble, "river", text)
	}
	return nil
}

// WithAttrs implements [slog.Handler]. Handle would not write them.
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(string) slog.Handler { return h }
