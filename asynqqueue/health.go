package asynqqueue

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/redisguard"
)

// health keeps whether Redis accepts jobs.
type health struct {
	guard        *redisguard.Guard
	depthUnknown atomic.Bool
	log          *slog.Logger
}

func newHealth(client redis.UniversalClient, log *slog.Logger) *health {
	return &health{log: log, guard: redisguard.New(redisguard.Options{
		Down: ErrDown, Logger: log, Client: client,
		WhenDown: "asynqqueue: Redis accepts no jobs, so the queue refuses jobs until it does",
		WhenUp:   "asynqqueue: Redis accepts jobs again",
		Ignore: func(err error) bool {
			return errors.Is(err, errCallerDeadline) || errors.Is(err, recovery.ErrQueueFull)
		},
	})}
}

// call calls f, or returns [ErrDown] while Redis accepts no jobs.
func (h *health) call(f func() error) (err error) {
	done, err := h.guard.Allow()
	if err != nil {
		return err
	}
	// A call that never ended would be the last: no other may try while it does.
	err = errPanicked
	defer func() { done(err) }()
	return f()
}

// errPanicked is what the guard is told of a call that panicked.
var errPanicked = errors.New("asynqqueue: a call panicked")

// reportDepthError logs once that MaxDepth is not enforced, after Redis answered a
// question for the depth with an error. If it does not answer, nothing is logged:
// it takes no job then, and the guard logs that.
func (h *health) reportDepthError(err error) {
	// asynq keeps the text of some answers and not their type.
	_, silent := errors.AsType[net.Error](err)
	silent = silent || errors.Is(err, io.EOF)
	if unknown := err != nil; h.depthUnknown.Swap(unknown) != unknown && unknown && !silent && !h.guard.Down() {
		h.log.Warn("asynqqueue: the depth of the queue is not known, so MaxDepth is not enforced", "error", err)
	}
}

// readTime is a script, because a command without a key would ask any node of a
// Cluster.
var readTime = redis.NewScript("return redis.call('TIME')")

// askTime is what q.clock asks.
func (q *Queue) askTime() (time.Time, error) {
	ctx, cancel := context.WithTimeout(q.workers.Context(), q.opts.Timeout)
	defer cancel()
	parts, err := readTime.Run(ctx, q.client, []string{"asynq:{" + q.opts.Name + "}:pending"}).StringSlice()
	if err != nil {
		if text := strings.ToLower(err.Error()); strings.Contains(text, "noperm") || strings.Contains(text, "acl") || strings.Contains(text, "can't run this command") {
			q.noTime.Do(func() {
				q.log.Warn("asynqqueue: the user in Redis may not ask for the time, so a clock that differs is neither noticed nor made up for. It needs TIME", "error", err)
			})
		}
		return time.Time{}, err
	}
	if len(parts) != 2 {
		return time.Time{}, errors.New("it has not two parts")
	}
	seconds, err := strconv.ParseInt(parts[0], 10, 64)
	micros, err2 := strconv.ParseInt(parts[1], 10, 64)
	return time.Unix(seconds, 1000*micros), errors.Join(err, err2)
}

// ClockSkew implements [recovery.ClockedQueue]. It asks Redis for its time once a
// minute, and waits for the first answer, for up to [Options].Timeout. A
// difference of more than 30 seconds is logged.
func (q *Queue) ClockSkew(ctx context.Context) time.Duration { return q.clock.Skew(ctx) }

// warnOfRisks logs a warning if Redis can drop or lose jobs (A53).
func (q *Queue) warnOfRisks() {
	ctx, cancel := context.WithTimeout(q.workers.Context(), q.opts.Timeout)
	defer cancel()
	err := redisguard.WarnOfEviction(ctx, q.client, q.log, "asynqqueue", "jobs")
	if err == nil {
		err = redisguard.Info(ctx, q.client, "persistence", "aof_enabled", func(server, enabled string) {
			if enabled == "0" {
				q.log.Warn("asynqqueue: Redis keeps no append-only file, so a crash of Redis can lose jobs; set appendonly yes", "server", server)
			}
		})
	}
	if err != nil {
		q.log.Debug("asynqqueue: Redis does not say how it keeps jobs", "error", err)
	}
}
