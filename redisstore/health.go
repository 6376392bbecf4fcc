package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// health knows whether Redis answers, and whether the client's auto-pipeliner
// can be trusted to reach it.
type health struct {
	breaker *gobreaker.CircuitBreaker[struct{}]
	down    atomic.Bool
	avoid   atomic.Int64 // until when, since began, the auto-pipeliner is not used
	patient time.Duration
	began   time.Time
}

func newHealth(client redis.UniversalClient, log *slog.Logger) *health {
	h := &health{began: time.Now(), patient: patience(client)}
	h.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: "redisstore",
		// Short, so that Redis is used again at once when it is back; one
		// caller at a time tries, and the others are told without waiting.
		Timeout:      100 * time.Millisecond,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		IsSuccessful: answers,
		IsExcluded: func(err error) bool {
			return errors.Is(err, context.Canceled) || errors.Is(err, errHurried)
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case to == gobreaker.StateOpen:
				h.avoidPipe()
				h.down.Store(true)
				if from == gobreaker.StateClosed {
					log.Error("redisstore: Redis does not answer, refusing until it does")
				}
			case to == gobreaker.StateClosed:
				h.down.Store(false)
				log.Info("redisstore: Redis answers again")
			}
		},
	})
	return h
}

// patience is how long go-redis waits for a reply before it gives a connection
// up.
func patience(client redis.UniversalClient) time.Duration {
	return min(max(readTimeout(client), time.Second), 10*time.Second) + time.Second
}

func readTimeout(client redis.UniversalClient) time.Duration {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ReadTimeout
	case *redis.ClusterClient:
		return c.Options().ReadTimeout
	}
	return 0
}

// avoidPipe leaves the auto-pipeliner alone for a while. All its callers share
// one connection to each server: where that is dead and the network did not say
// so, nobody gets an answer until go-redis gives it up; and after refused
// connections it pauses longer than Redis takes to restart.
func (h *health) avoidPipe() {
	h.avoid.Store(int64(time.Since(h.began) + h.patient))
}

func (h *health) avoidsPipe() bool {
	until := h.avoid.Load()
	return until != 0 && int64(time.Since(h.began)) < until
}

// errHurried is a caller whose own deadline left Redis too little time for
// anybody to conclude that it is down.
var errHurried = fmt.Errorf("redisstore: the caller's deadline came before an answer of Redis: %w", context.DeadlineExceeded)

// late is what became of an operation whose budget is spent.
func late(short bool) error {
	if short {
		return errHurried
	}
	return fmt.Errorf("redisstore: Redis did not answer in time: %w", context.DeadlineExceeded)
}

// answers reports whether an error came from a Redis that does its work: then
// it is the script's business and none of the breaker's.
func answers(err error) bool {
	var answer redis.Error
	if err == nil || errors.Is(err, ErrTooFewReplicas) {
		return true
	}
	if !errors.As(err, &answer) {
		return false
	}
	for _, state := range []string{"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY"} {
		if strings.HasPrefix(answer.Error(), state) {
			return false
		}
	}
	return true
}

// guarded asks the breaker first.
func (s *Store) guarded(ctx context.Context, f func() (struct{}, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.health.breaker.Execute(f)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return ErrDown
	}
	return err
}

// knock tries while Redis is down whether it accepts a connection at all. The
// client itself, after as many failures as it may have connections, tries only
// once a second, and must not be driven there by our asking.
func (s *Store) knock(ctx context.Context) error {
	c, ok := s.client.(*redis.Client)
	if !ok || !s.health.down.Load() {
		return nil
	}
	o := c.Options()
	conn, err := o.Dialer(ctx, o.Network, o.Addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
