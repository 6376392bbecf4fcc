package asynqqueue_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A web node whose clock is an hour ahead of the worker's, or behind it: the mail
// goes out at once, and the log of the process whose clock is not that of Redis
// says so. Before, every job was too old, or waited for an hour.
func TestClocksAnHourApart(t *testing.T) {
	for _, tt := range []struct {
		name                string
		web, worker, server time.Duration // what the three clocks show
	}{
		{"the web node is ahead", time.Hour, 0, 0},
		{"the web node is behind", 0, time.Hour, time.Hour},
		{"the worker is behind", time.Hour, 0, time.Hour},
		{"the worker is ahead", 0, time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when the clocks of synctest start
			server.SetTime(start.Add(tt.server))
			var webLog, workerLog safeBuffer
			inProcess(t, server, tt.web, &webLog, func(t *testing.T, queues [2]*asynqqueue.Queue) {
				s := clockService(t, queues, nil)
				_, err := s.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"}})
				must(t, err)
				must(t, s.Shutdown(t.Context()))
			}, func(o *asynqqueue.Options) { o.EnqueueOnly, o.Workers = true, 0 })
			inProcess(t, server, tt.worker, &workerLog, func(t *testing.T, queues [2]*asynqqueue.Queue) {
				var sent atomic.Int64
				s := clockService(t, queues, func(context.Context, recovery.Message) error { sent.Add(1); return nil })
				for began := time.Now(); sent.Load() == 0 && time.Since(began) < time.Minute; {
					time.Sleep(100 * time.Millisecond)
				}
				must(t, s.Shutdown(t.Context()))
				if n := sent.Load(); n != 1 {
					t.Errorf("%d messages were sent within a minute", n)
				}
			}, nil)
			for name, log := range map[string]*safeBuffer{"web node": &webLog, "worker": &workerLog} {
				ahead := map[string]time.Duration{"web node": tt.web, "worker": tt.worker}[name] - tt.server
				told := strings.Contains(log.String(), "this machine's clock and that of Redis differ")
				if told != (ahead != 0) || told && !strings.Contains(log.String(), "ahead="+ahead.String()) {
					t.Errorf("the log of the %s, which is %v ahead of Redis:\n%s", name, ahead, log.String())
				}
			}
		})
	}
}

// inProcess runs f with two queues, as a process whose clock shows the time.
func inProcess(t *testing.T, server *miniredis.Miniredis, shows time.Duration, log *safeBuffer, f func(t *testing.T, queues [2]*asynqqueue.Queue), edit func(*asynqqueue.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(shows)
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		defer func() { _ = client.Close() }()
		var queues [2]*asynqqueue.Queue
		for i, name := range []string{"requests", "deliveries"} {
			o := asynqqueue.Options{Name: name, Logger: debugLogger(log), Workers: 2}
			if edit != nil {
				edit(&o)
			}
			var err error
			queues[i], err = asynqqueue.New(client, o)
			must(t, err)
		}
		f(t, queues)
	})
}

func clockService(t *testing.T, queues [2]*asynqqueue.Queue, notify recovery.NotifierFunc) *recovery.Service {
	t.Helper()
	if notify == nil {
		notify = func(context.Context, recovery.Message) error { return nil }
	}
	s, err := recovery.New(leadStore("ada@example.com"), recovery.NewMemoryTokenStore(), notify, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Queue:                   queues[0], DeliveryQueue: queues[1], Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	return s
}
