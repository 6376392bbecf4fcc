package asynqqueue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/seed-51359b35/recovery/durablequeue"
)

// line is what every line of asynq is called in the host's log.
const line = "asynqqueue: a log line of asynq"

// trouble is what its warnings and errors are called.
const trouble = "asynqqueue: asynq, which performs the jobs, reports a failure. If Redis is down, jobs wait there and go on when it is back"

// asynqCause is the cause of all that asynq warns of.
const asynqCause = "asynq"

// A logger is an [asynq.Logger] that writes asynq's lines to slog. Of warnings and
// errors it writes the first, and one with a count at growing intervals: while
// Redis is down, asynq logs that several times a second.
type logger struct {
	log     *slog.Logger
	outages *durablequeue.Outages
}

func newLogger(log *slog.Logger, outages *durablequeue.Outages) *logger {
	return &logger{log, outages}
}

// Debug implements [asynq.Logger].
func (l *logger) Debug(args ...any) { l.write(slog.LevelDebug, args) }

// Info implements [asynq.Logger], at level Debug. asynq writes there about its
// start and its end, which are details for the host.
func (l *logger) Info(args ...any) { l.write(slog.LevelDebug, args) }

// Warn implements [asynq.Logger].
func (l *logger) Warn(args ...any) { l.write(slog.LevelWarn, args) }

// Error implements [asynq.Logger].
func (l *logger) Error(args ...any) { l.write(slog.LevelError, args) }

// Fatal implements [asynq.Logger], but does not end the process, which belongs
// to the host.
func (l *logger) Fatal(args ...any) { l.write(slog.LevelError, args) }

func (l *logger) write(level slog.Level, args []any) {
	text := durablequeue.Redact(fmt.Sprint(args...))
	// asynq's commands are long, and Redis does not read a long one before a
	// connection is signed in.
	if strings.Contains(text, "unauthenticated") && !strings.Contains(text, "NOAUTH") {
		text += " (NOAUTH: the connection is not signed in to Redis)"
	}
	switch {
	case strings.HasPrefix(text, "cannot subscribe to cancelation channel"):
		return // see workerClient.Subscribe
	case strings.HasPrefix(text, "revoke task"):
		level = slog.LevelDebug // a dead letter, which the Service logs
	}
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	if level < slog.LevelWarn {
		l.log.Log(context.Background(), level, line, "asynq", text)
		return
	}
	// While Redis is down, each part of asynq has a line of its own for that. A
	// worker that gets a job ends the outage.
	l.outages.Failed(context.Background(), l.log, level, asynqCause, trouble, "asynq", text)
}
