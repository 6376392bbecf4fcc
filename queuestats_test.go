package recovery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// The numbers of both queues, in one shape: while mail is down, deliveries are
// retried, and in the end they are given up.
func TestQueueStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("connection refused")
		var hold chan struct{}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
			o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Workers: 2})
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				if hold != nil {
					<-hold
					return nil
				}
				return down
			})
		})
		stats := func() recovery.QueueStats {
			t.Helper()
			queue, deliveries, err := p.QueueStats(t.Context())
			if err != nil || queue != (recovery.QueueStats{}) {
				t.Errorf("the public queue: %+v, %v", queue, err)
			}
			return deliveries
		}
		for range 3 {
			post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		}
		time.Sleep(10 * time.Minute)
		if s := stats(); s.Waiting != 3 || s.Retrying != 3 || s.Running != 0 || s.GivenUp != 0 || s.Oldest != 0 {
			t.Errorf("while mail is down: %+v", s)
		}
		time.Sleep(2 * time.Hour)
		if s := stats(); s != (recovery.QueueStats{GivenUp: 3}) {
			t.Errorf("after the links expired: %+v", s)
		}
		hold = make(chan struct{})
		for range 5 {
			post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		}
		time.Sleep(20 * time.Second)
		s := stats()
		if s.Oldest < 19*time.Second || s.Oldest > 21*time.Second {
			t.Errorf("the oldest waits for %v, want about 20 s", s.Oldest)
		}
		s.Oldest = 0
		if s != (recovery.QueueStats{Waiting: 3, Running: 2, GivenUp: 3}) {
			t.Errorf("while both workers are busy: %+v", s)
		}
		close(hold)
		settle()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := p.QueueStats(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
	})
}

// A queue of the host's that tells nothing is no failure of the other.
func TestQueueStatsOfAnotherQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Queue = struct{ recovery.WorkerQueue }{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})}
			o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
		})
		if _, _, err := p.QueueStats(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v, want ErrUnsupported", err)
		}
	})
}
