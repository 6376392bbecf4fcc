package asynqqueue

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"github.com/seed-51359b35/recovery"
)

// health keeps whether Redis accepts jobs.
type health struct {
	breaker      *gobreaker.CircuitBreaker[struct{}]
	down         atomic.Bool
	depthUnknown atomic.Bool
	log          *slog.Logger
}

func newHealth(log *slog.Logger) *health {
	h := &health{log: log}
	h.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: "asynqqueue",
		// The timeout is short, so that Redis is used again soon after it is
		// back. One caller at a time tries Redis, and the others get ErrDown
		// without waiting.
		Timeout:     100 * time.Millisecond,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsExcluded: func(err error) bool {
			return errors.Is(err, context.Canceled) || errors.Is(err, errCallerDeadline) || errors.Is(err, recovery.ErrQueueFull)
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case to == gobreaker.StateOpen:
				h.down.Store(true)
				if from == gobreaker.StateClosed {
					log.Error("asynqqueue: Redis accepts no jobs, so the queue refuses jobs until it does")
				}
			case to == gobreaker.StateClosed:
				h.down.Store(false)
				log.Info("asynqqueue: Redis accepts jobs again")
			}
		},
	})
	return h
}

// call calls f, or returns [ErrDown] while the breaker is open.
func (h *health) call(f func() error) error {
	_, err := h.breaker.Execute(func() (struct{}, error) { return struct{}{}, f() })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return ErrDown
	}
	return err
}

// reportDepthError logs once that MaxDepth is not enforced, after a question
// for the depth failed. While Redis is down it logs nothing: no job is enqueued
// then, and the breaker logs that.
func (h *health) reportDepthError(err error) {
	if unknown := err != nil; h.depthUnknown.Swap(unknown) != unknown && unknown && !h.down.Load() {
		h.log.Warn("asynqqueue: the depth of the queue is not known, so MaxDepth is not enforced", "error", err)
	}
}

// warnOfRisks logs a warning if Redis can drop or lose jobs (A53). It asks by
// INFO, because managed services answer INFO and refuse CONFIG.
func (q *Queue) warnOfRisks() {
	ctx, cancel := context.WithTimeout(q.ctx, q.opts.Timeout)
	defer cancel()
	check := func(ctx context.Context, node *redis.Client) error {
		server := node.Options().Addr
		policy, err := infoOf(ctx, node, "memory", "maxmemory_policy")
		if err != nil {
			return err
		}
		if policy != "" && policy != "noeviction" {
			q.log.Warn("asynqqueue: this eviction policy can drop jobs; set maxmemory-policy noeviction", "policy", policy, "server", server)
		}
		aof, err := infoOf(ctx, node, "persistence", "aof_enabled")
		if err != nil {
			return err
		}
		if aof == "0" {
			q.log.Warn("asynqqueue: Redis keeps no append-only file, so a crash of Redis can lose jobs; set appendonly yes", "server", server)
		}
		return nil
	}
	var err error
	switch c := q.client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, check)
	case *redis.Client:
		err = check(ctx, c.WithTimeout(q.opts.Timeout))
	}
	if err != nil {
		q.log.Debug("asynqqueue: Redis does not say how it keeps jobs", "error", err)
	}
}

// infoOf returns one value of a section of INFO, or "" if the server does not
// name it.
func infoOf(ctx context.Context, node *redis.Client, section, name string) (string, error) {
	info, err := node.Info(ctx, section).Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value, nil
		}
	}
	return "", nil
}
