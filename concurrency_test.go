package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// narrow is a notifier with so many connections.
type narrow int

func (narrow) Notify(context.Context, recovery.Message) error { return nil }
func (n narrow) MaxConcurrent() int                           { return int(n) }

// New says that workers wait for connections, whether it is the host's queue or
// notifier that has too few, and makes its own queue fit.
func TestWorkersFitConnections(t *testing.T) {
	unlimited := recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil })
	byChannel := func(email, sms recovery.Notifier) recovery.Notifier {
		return recovery.ByChannel(map[recovery.Channel]recovery.Notifier{recovery.ChannelEmail: email, recovery.ChannelSMS: sms})
	}
	for _, test := range []struct {
		sentence string
		notifier recovery.Notifier
		workers  int // of the host's queue, or 0 for that of New
		warns    bool
	}{
		{"fewer connections than workers", narrow(4), 16, true},
		{"as many", narrow(16), 16, false},
		{"more", narrow(64), 16, false},
		{"no limit that is known", unlimited, 16, false},
		{"one channel has fewer", byChannel(narrow(64), narrow(15)), 16, true},
		{"one channel has no limit", byChannel(narrow(16), unlimited), 16, false},
		{"the queue of New", narrow(3), 0, false},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				newPortal(t, func(p *portal, o *recovery.Options) {
					p.notifier = test.notifier
					o.Logger = slog.New(slog.NewTextHandler(&log, nil))
					o.Queue, o.DeliveryQueue = nil, nil
					if test.workers > 0 {
						o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
						o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Workers: test.workers})
					}
				})
				if warns := strings.Contains(log.String(), "more workers than the notifier can use"); warns != test.warns {
					t.Errorf("warns is %v:\n%s", warns, log.String())
				}
			})
		})
	}
}

// While a message waits for an answer, its job keeps its worker and its attempt
// is repeated without a growing pause, also while the queue drains. When Shutdown
// has no more time, the job is a dead letter.
func TestMemoryQueueKeepsAJobThatAwaitsAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered atomic.Bool
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 1}, func(ctx context.Context, j recovery.Job) error {
			if j.ID == "other" || answered.Load() {
				return nil
			}
			<-ctx.Done() // after 30 s
			return fmt.Errorf("%w: %w", recovery.ErrAwaitingReply, ctx.Err())
		})
		begin := time.Now()
		enqueue(t, q, job("slow"))
		synctest.Wait()
		enqueue(t, q, job("other"))
		time.Sleep(5 * time.Minute)
		if at := w.at("slow", begin); len(at) != 10 || len(w.at("other", begin)) != 0 {
			t.Errorf("attempts at %v, the other job's at %v", at, w.at("other", begin))
		}
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1, Waiting: 1}) {
			t.Errorf("%+v", s)
		}
		answered.Store(true)
		time.Sleep(31 * time.Second)
		if len(w.at("other", begin)) != 1 || q.Stats() != (recovery.MemoryQueueStats{}) {
			t.Errorf("after the answer: %+v", q.Stats())
		}
		answered.Store(false)
		enqueue(t, q, job("late"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		if err := q.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if cause, dead := w.deadLetter("late"); !dead || !errors.Is(cause, recovery.ErrAwaitingReply) || len(w.at("late", begin)) != 2 {
			t.Errorf("dead is %v with %v after %d attempts", dead, cause, len(w.at("late", begin)))
		}
	})
}
