package riverqueue_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// lockTable makes every statement about jobs wait until unlock is called.
func lockTable(t testing.TB, pool *pgxpool.Pool) (unlock func()) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	must(t, err)
	for _, sql := range []string{"BEGIN", "LOCK TABLE river_job"} {
		_, err = conn.Exec(t.Context(), sql)
		must(t, err)
	}
	unlock = sync.OnceFunc(func() { _ = conn.Close(context.Background()) })
	t.Cleanup(unlock)
	return unlock
}

// The difference from a MemoryQueue: the next instance performs the jobs that
// wait when an instance ends.
func TestWaitingJobsStay(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold, began := make(chan struct{}), make(chan struct{}, 1)
	first := &diary{perform: func(context.Context, recovery.Job, int) error {
		began <- struct{}{}
		<-hold
		return nil
	}}
	edit := func(o *riverqueue.Options) { o.Name, o.Workers = "stay", 1 }
	q := start(t, newQueue(t, pool, edit), first)
	var jobs []recovery.Job
	for range 10 {
		jobs = append(jobs, newJob())
	}
	enqueue(t, q, jobs[0])
	<-began
	enqueue(t, q, jobs[1:]...)
	done := make(chan error, 1)
	go func() { done <- shutdown(t, q, patience) }()
	eventually(t, "Shutdown has begun", func() bool {
		_, err := q.Stats(t.Context())
		return err != nil
	})
	select {
	case err := <-done:
		t.Fatalf("Shutdown returned while a worker ran: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(hold)
	must(t, <-done)
	if !first.performed(jobs[0].ID) || len(first.attempts) != 1 || len(first.dead) != 0 {
		t.Errorf("%d jobs were tried and %d given up, want the one that ran", len(first.attempts), len(first.dead))
	}
	if err := q.Enqueue(t.Context(), newJob()); !errors.Is(err, recovery.ErrQueueFull) {
		t.Errorf("Enqueue after Shutdown = %v", err)
	}
	if _, err := q.Stats(t.Context()); err == nil {
		t.Error("Stats after Shutdown succeeded")
	}
	second := &diary{}
	start(t, newQueue(t, pool, edit), second)
	waitDone(t, second, jobs[1:]...)
	if second.tried(jobs[0].ID) != 0 {
		t.Error("what was done is done again")
	}
}

// A job that an instance cannot finish is handed back, and that is no failed
// attempt.
func TestUnfinishedJobsAreHandedBack(t *testing.T) {
	t.Parallel()
	pool := database(t)
	const workers = 4
	var n sync.Map
	edit := func(o *riverqueue.Options) {
		o.Name, o.Workers = "back", workers
		o.Backoff = func(i int) time.Duration { n.Store(i, true); return 0 }
	}
	first := &diary{perform: func(ctx context.Context, _ recovery.Job, _ int) error { <-ctx.Done(); return ctx.Err() }}
	q := start(t, newQueue(t, pool, edit), first)
	var jobs []recovery.Job
	for range workers + 4 {
		jobs = append(jobs, newJob())
	}
	enqueue(t, q, jobs...)
	eventually(t, "all workers at work", func() bool { return first.busy() == workers })
	second := &diary{perform: func(_ context.Context, _ recovery.Job, n int) error {
		if n == 1 {
			return errSome
		}
		return nil
	}}
	start(t, newQueue(t, pool, edit), second)
	began := time.Now()
	err := shutdown(t, q, 50*time.Millisecond)
	if e, ok := errors.AsType[*recovery.ShutdownError](err); !ok || !errors.Is(err, context.DeadlineExceeded) ||
		e.CutShort != workers || e.Kept != workers || e.Lost != 0 {
		t.Errorf("Shutdown = %v, want %d attempts cut short and as many jobs kept", err, workers)
	}
	if took := time.Since(began); tooLong(took, 3*time.Second) {
		t.Errorf("Shutdown took %v", took)
	}
	waitDone(t, second, jobs...)
	t.Logf("the other instance had done all %v after Shutdown began", time.Since(began))
	n.Range(func(i, _ any) bool {
		if i != 1 {
			t.Errorf("the first attempt that failed counts as number %v", i)
		}
		return true
	})
}

// Shutdown returns even if an attempt or a call to PostgreSQL does not.
func TestShutdownEnds(t *testing.T) {
	t.Parallel()
	t.Run("while an attempt ignores its context", func(t *testing.T) {
		t.Parallel()
		pool := database(t)
		hold := make(chan struct{})
		d := &diary{perform: func(context.Context, recovery.Job, int) error { <-hold; return nil }}
		q := start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Grace = 100 * time.Millisecond }), d)
		enqueue(t, q, newJob())
		eventually(t, "a job at work", func() bool { return d.busy() > 0 })
		began := time.Now()
		err := shutdown(t, q, 50*time.Millisecond)
		if !errors.Is(err, context.DeadlineExceeded) || tooLong(time.Since(began), 5*time.Second) {
			t.Errorf("Shutdown = %v after %v", err, time.Since(began))
		}
		if e, ok := errors.AsType[*recovery.ShutdownError](err); !ok || e.CutShort != 1 || e.Kept != 1 || e.Lost != 0 {
			t.Errorf("Shutdown = %v, want one attempt cut short and its job kept", err)
		}
		close(hold)
		must(t, shutdown(t, q, patience)) // and again, when it has returned
	})
	t.Run("while an attempt that was given up still runs", func(t *testing.T) {
		t.Parallel()
		pool := database(t)
		hold := make(chan struct{})
		d := &diary{perform: func(context.Context, recovery.Job, int) error { <-hold; return nil }}
		q := start(t, newQueue(t, pool, func(o *riverqueue.Options) {
			o.AttemptTimeout, o.Grace, o.Workers = 20*time.Millisecond, 10*time.Millisecond, 1
		}), d)
		enqueue(t, q, newJob())
		eventually(t, "it is given up", func() bool { s, err := q.Stats(t.Context()); return err == nil && s.Abandoned == 1 })
		if err := shutdown(t, q, 3*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown = %v, while a worker runs", err)
		}
		close(hold)
		must(t, shutdown(t, q, patience))
	})
	t.Run("while PostgreSQL does not answer", func(t *testing.T) {
		t.Parallel()
		pool := database(t)
		d := &diary{perform: func(ctx context.Context, _ recovery.Job, _ int) error { <-ctx.Done(); return ctx.Err() }}
		q := start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Grace = 100 * time.Millisecond }), d)
		enqueue(t, q, newJob())
		eventually(t, "a job at work", func() bool { return d.busy() > 0 })
		unlock := lockTable(t, pool)
		began := time.Now()
		if err := shutdown(t, q, 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || tooLong(time.Since(began), 5*time.Second) {
			t.Errorf("Shutdown = %v after %v", err, time.Since(began))
		}
		unlock()
		must(t, shutdown(t, q, patience))
	})
	t.Run("from many goroutines", func(t *testing.T) {
		t.Parallel()
		pool := database(t)
		q := start(t, newQueue(t, pool, nil), &diary{})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := shutdown(t, q, patience); err != nil {
					t.Error(err)
				}
				_ = q.Enqueue(context.Background(), newJob())
			})
		}
		wg.Wait()
	})
}

func TestStart(t *testing.T) {
	t.Parallel()
	pool := database(t)
	q := newQueue(t, pool, nil)
	if err := q.Start(nil); err == nil {
		t.Error("started without a handler")
	}
	start(t, q, &diary{})
	if err := q.Start(&diary{}); err == nil {
		t.Error("started twice")
	}
	must(t, shutdown(t, q, patience))
	never := newQueue(t, pool, nil)
	must(t, shutdown(t, never, patience))
	if err := never.Start(&diary{}); err == nil {
		t.Error("started after Shutdown")
	}
}

// A program that starts before PostgreSQL answers can try again.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var log safeBuffer
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Timeout, o.Logger = 50*time.Millisecond, debugLogger(&log) })
	unlock := lockTable(t, pool)
	if err := q.Start(&diary{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start = %v", err)
	}
	unlock()
	d := &diary{}
	eventually(t, "it starts", func() bool { return q.Start(d) == nil })
	job := newJob()
	eventually(t, "a job", func() bool { return q.Enqueue(t.Context(), job) == nil })
	waitDone(t, d, job)
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "queue="+q.Name()) {
			t.Errorf("the line does not name the queue: %s", line)
		}
	}
}

// Every goroutine ends with Shutdown, River's too. The test is not parallel,
// because it counts goroutines.
func TestGoroutinesEnd(t *testing.T) {
	pool := database(t)
	must(t, pool.Ping(t.Context()))
	before := stacks("river")
	for range 3 {
		d := &diary{}
		q := start(t, newQueue(t, pool, nil), d)
		job := newJob()
		enqueue(t, q, job)
		waitDone(t, d, job)
		if stacks("river") <= before {
			t.Fatal("the test counts the wrong goroutines")
		}
		must(t, shutdown(t, q, patience))
		eventually(t, "all goroutines end", func() bool { return stacks("river") <= before })
	}
}

// stacks counts the goroutines with what in their stacks.
func stacks(what string) (n int) {
	b := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(b[:runtime.Stack(b, true)]), "\n\n") {
		if strings.Contains(stack, what) {
			n++
		}
	}
	return n
}
