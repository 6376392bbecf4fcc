package asynqqueue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

func TestEnqueueing(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	t.Run("the same job twice is one job", func(t *testing.T) {
		d := &diary{}
		q := newQueue(t, client, nil)
		job := newJob()
		enqueue(t, q, job, job, job)
		if s, err := q.Stats(t.Context()); err != nil || s.Pending != 1 {
			t.Errorf("%+v, %v", s, err)
		}
		start(t, q, d)
		waitDone(t, d, job)
		empty(t, q)
		if n := d.tried(job.ID); n != 1 {
			t.Errorf("%d attempts", n)
		}
		enqueue(t, q, job) // what is done is forgotten
		eventually(t, "a second time", func() bool { return d.tried(job.ID) == 2 })
	})
	t.Run("a job that no queue takes", func(t *testing.T) {
		q := newQueue(t, client, nil)
		if err := q.Enqueue(t.Context(), recovery.Job{ID: "id"}); !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("Enqueue = %v", err)
		}
		if s, err := q.Stats(t.Context()); err != nil || s.Depth() != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("one instance enqueues, another works", func(t *testing.T) {
		d := &diary{}
		web := newQueue(t, client, func(o *asynqqueue.Options) { o.Name, o.EnqueueOnly, o.Workers = "split", true, 0 })
		must(t, web.Start(&diary{perform: func(context.Context, recovery.Job, int) error {
			t.Error("the instance that only enqueues performed a job")
			return nil
		}}))
		job := newJob()
		enqueue(t, web, job)
		time.Sleep(100 * time.Millisecond)
		if s, err := web.Stats(t.Context()); err != nil || s.Pending != 1 || s.OldestPending < 50*time.Millisecond {
			t.Errorf("%+v, %v", s, err)
		}
		must(t, shutdown(t, web, patience))
		start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Name = "split" }), d)
		waitDone(t, d, job)
	})
	t.Run("queues of different names share a Redis and nothing else", func(t *testing.T) {
		one, two := &diary{}, &diary{}
		q1, q2 := start(t, newQueue(t, client, nil), one), start(t, newQueue(t, client, nil), two)
		var jobs1, jobs2 []recovery.Job
		for range 20 {
			jobs1, jobs2 = append(jobs1, newJob()), append(jobs2, newJob())
		}
		enqueue(t, q1, jobs1...)
		enqueue(t, q2, jobs2...)
		waitDone(t, one, jobs1...)
		waitDone(t, two, jobs2...)
	})
	t.Run("ctx has ended", func(t *testing.T) {
		q := newQueue(t, client, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Enqueue(ctx, newJob()); !errors.Is(err, context.Canceled) {
			t.Errorf("Enqueue = %v", err)
		}
		if _, err := q.Stats(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Stats = %v", err)
		}
	})
	t.Run("the pause of a request takes no worker from the others", func(t *testing.T) {
		const n, workers = 400, 4
		perform := func(context.Context, recovery.Job, int) error { time.Sleep(2 * time.Millisecond); return nil }
		work := func(pauses bool) time.Duration {
			d := &diary{perform: perform}
			q := newQueue(t, client, func(o *asynqqueue.Options) { o.Workers = workers })
			var jobs []recovery.Job
			for i := range n {
				job := newJob()
				if pauses {
					job.NotBefore = time.Now().Add(time.Duration(i%250) * time.Millisecond)
				}
				jobs = append(jobs, job)
			}
			enqueue(t, q, jobs...)
			began := time.Now()
			start(t, q, d)
			waitDone(t, d, jobs...)
			took := time.Since(began)
			must(t, shutdown(t, q, patience))
			return took
		}
		testenv.Steady(t, 100*time.Millisecond, func() error {
			without, with := work(false), work(true)
			t.Logf("%d jobs with %d workers took %v, with pauses %v", n, workers, without, with)
			if with > 2*without+time.Second {
				return fmt.Errorf("pauses cost %v", with-without)
			}
			return nil
		})
	})
}

// If Redis does not answer, a request waits no longer than the budget, and soon
// not at all, whatever the client's own timeouts are.
func TestFrozenRedis(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(o *redis.Options)
	}{
		{"a client with the defaults", func(*redis.Options) {}},
		{"a client that waits for ever", func(o *redis.Options) { o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = -1, -1, time.Hour }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			budget := min(testenv.Patience(200*time.Millisecond), time.Second)
			var log safeBuffer
			q := newQueue(t, server.Client(t, tt.edit), func(o *asynqqueue.Options) {
				o.Timeout, o.Logger = budget, debugLogger(&log)
			})
			d := &diary{}
			start(t, q, d)
			job := newJob()
			eventually(t, "it works", func() bool { return q.Enqueue(t.Context(), job) == nil })
			waitDone(t, d, job)
			goroutines := runtime.NumGoroutine()
			server.Freeze()
			for i := range 8 {
				began := time.Now()
				err := q.Enqueue(t.Context(), newJob())
				took := time.Since(began)
				switch {
				case i < 5 && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("Enqueue = %v, want DeadlineExceeded", err)
				case i >= 5 && !errors.Is(err, asynqqueue.ErrDown) && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("Enqueue = %v, want ErrDown", err)
				case tooLong(took, 10*budget):
					t.Errorf("Enqueue took %v", took)
				}
			}
			began := time.Now()
			if _, err := q.Stats(t.Context()); err == nil || tooLong(time.Since(began), 10*budget) {
				t.Errorf("Stats: %v after %v", err, time.Since(began))
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := q.Enqueue(ctx, newJob()); !errors.Is(err, context.Canceled) {
				t.Errorf("Enqueue = %v", err)
			}
			server.Thaw()
			eventually(t, "it works again", func() bool {
				job = newJob()
				return q.Enqueue(t.Context(), job) == nil
			})
			waitDone(t, d, job)
			if !strings.Contains(log.String(), "accepts no jobs") || !strings.Contains(log.String(), "accepts jobs again") {
				t.Errorf("the log tells nothing of it:\n%s", log.String())
			}
			eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() < goroutines+30 })
		})
	}
}

// A caller whose deadline is too short, or who has gone, does not show that
// Redis is down.
func TestHurriedCallersDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	q := newQueue(t, server.Client(t), nil)
	enqueue(t, q, newJob())
	server.Freeze()
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if err := q.Enqueue(ctx, newJob()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Enqueue = %v", err)
		}
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		if err := q.Enqueue(ctx, newJob()); !errors.Is(err, context.Canceled) {
			t.Errorf("Enqueue = %v", err)
		}
	}
	server.Thaw()
	if err := q.Enqueue(t.Context(), newJob()); err != nil {
		t.Errorf("the breaker is open: %v", err)
	}
}
