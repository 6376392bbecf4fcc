package riverqueue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/riverqueue"
)

func TestEnqueueing(t *testing.T) {
	t.Parallel()
	pool := database(t)
	t.Run("the same job twice is one job", func(t *testing.T) {
		d := &diary{}
		q := newQueue(t, pool, nil)
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
		q := newQueue(t, pool, nil)
		if err := q.Enqueue(t.Context(), recovery.Job{ID: "id"}); !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("Enqueue = %v", err)
		}
		if s, err := q.Stats(t.Context()); err != nil || s.Depth() != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("one instance enqueues, another works", func(t *testing.T) {
		d := &diary{}
		web := newQueue(t, pool, func(o *riverqueue.Options) { o.Name, o.EnqueueOnly, o.Workers = "split", true, 0 })
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
		start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Name = "split" }), d)
		waitDone(t, d, job)
	})
	t.Run("queues of different names share a database and nothing else", func(t *testing.T) {
		one, two := &diary{}, &diary{}
		q1, q2 := start(t, newQueue(t, pool, nil), one), start(t, newQueue(t, pool, nil), two)
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
		q := newQueue(t, pool, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Enqueue(ctx, newJob()); !errors.Is(err, context.Canceled) {
			t.Errorf("Enqueue = %v", err)
		}
		if _, err := q.Stats(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Stats = %v", err)
		}
	})
}

// While PostgreSQL does not answer, a request waits no longer than the budget,
// and everything works again afterwards.
func TestPostgreSQLDoesNotAnswer(t *testing.T) {
	t.Parallel()
	pool := database(t)
	budget := min(testenv.Patience(200*time.Millisecond), time.Second)
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Timeout = budget })
	d := &diary{}
	eventually(t, "it starts", func() bool { return q.Start(d) == nil })
	job := newJob()
	eventually(t, "it works", func() bool { return q.Enqueue(t.Context(), job) == nil })
	waitDone(t, d, job)
	unlock := lockTable(t, pool)
	for range 4 {
		began := time.Now()
		if err := q.Enqueue(t.Context(), newJob()); !errors.Is(err, context.DeadlineExceeded) || tooLong(time.Since(began), 5*budget) {
			t.Errorf("Enqueue = %v after %v", err, time.Since(began))
		}
	}
	began := time.Now()
	if _, err := q.Stats(t.Context()); !errors.Is(err, context.DeadlineExceeded) || tooLong(time.Since(began), 5*budget) {
		t.Errorf("Stats: %v after %v", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(5*time.Millisecond, cancel)
	if err := q.Enqueue(ctx, newJob()); !errors.Is(err, context.Canceled) {
		t.Errorf("Enqueue = %v", err)
	}
	unlock()
	eventually(t, "it works again", func() bool {
		job = newJob()
		return q.Enqueue(t.Context(), job) == nil
	})
	waitDone(t, d, job)
}

// A job whose NotBefore is far comes when it is due, and waits in PostgreSQL
// until then.
func TestScheduledJobs(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var early atomic.Int64
	d := &diary{perform: func(_ context.Context, job recovery.Job, _ int) error {
		if time.Now().Before(job.NotBefore) {
			early.Add(1)
		}
		return nil
	}}
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Workers = 1 })
	start(t, q, d)
	var jobs []recovery.Job
	for _, wait := range []time.Duration{1500 * time.Millisecond, 4 * time.Second, 7 * time.Second, 11 * time.Second} {
		job := newJob()
		job.NotBefore = job.NotBefore.Add(wait)
		jobs = append(jobs, job)
	}
	enqueue(t, q, jobs...)
	now := newJob()
	enqueue(t, q, now)
	waitDone(t, d, now)
	if time.Until(jobs[1].NotBefore) > 0 {
		eventually(t, "the others wait", func() bool {
			s, err := q.Stats(t.Context())
			return err == nil && s.Scheduled >= 3
		})
	}
	for _, job := range jobs {
		waitDone(t, d, job)
		if late := time.Since(job.NotBefore); tooLong(late, 2*time.Second) {
			t.Errorf("a job was %v late", late)
		}
	}
	if n := early.Load(); n > 0 {
		t.Errorf("%d jobs were early", n)
	}
}
