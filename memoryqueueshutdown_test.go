package recovery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

func TestMemoryQueueShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2}, func(_ context.Context, j recovery.Job) error {
			time.Sleep(time.Second)
			if strings.HasPrefix(j.ID, "bad") {
				return errors.New("no")
			}
			return nil
		})
		begin := time.Now()
		future := job("future")
		future.NotBefore = begin.Add(time.Hour / 2)
		enqueue(t, q, job("now"), job("bad"), future, job("bad-2"))
		synctest.Wait()
		lost(t, q.Shutdown(t.Context()), 2)
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("four jobs of a second took two workers %v", d)
		}
		for _, id := range []string{"now", "future", "bad", "bad-2"} {
			if at := w.at(id, begin); len(at) != 1 {
				t.Errorf("%s: attempts at %v, want one last", id, at)
			}
			if _, dead := w.deadLetter(id); dead != strings.HasPrefix(id, "bad") {
				t.Errorf("%s: dead %v", id, dead)
			}
		}
		if err := q.Enqueue(t.Context(), job("late")); !errors.Is(err, recovery.ErrQueueFull) {
			t.Errorf("Enqueue after Shutdown: %v", err)
		}
		if err := q.Start(w); err == nil {
			t.Error("started again")
		}
		lost(t, q.Shutdown(t.Context()), 2) // a second Shutdown says the same
	})
}

func TestMemoryQueueShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := 0
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 1, AttemptTimeout: time.Hour}, func(ctx context.Context, j recovery.Job) error {
			<-ctx.Done()
			ended++
			return ctx.Err()
		})
		begin := time.Now()
		enqueue(t, q, job("running"), job("waiting-1"), job("waiting-2"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := q.Shutdown(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if e, ok := errors.AsType[*recovery.ShutdownError](err); !ok || e.CutShort != 1 || e.Lost != 3 {
			t.Errorf("%v, want one attempt cut short, and three jobs lost", err)
		}
		// A well-behaved attempt ends with its context, and is waited for.
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("Shutdown took %v, want 10s", d)
		}
		if ended == 0 {
			t.Error("the attempt was not waited for")
		}
		for _, id := range []string{"running", "waiting-1", "waiting-2"} {
			if cause, dead := w.deadLetter(id); !dead || cause == nil {
				t.Errorf("%s: dead %v, %v", id, dead, cause)
			}
		}
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
			t.Errorf("%+v is left", s)
		}
		// The bubble ends only when every goroutine of the queue has.
	})
}

func TestMemoryQueueShutdownDoesNotWaitForTheStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 1, Grace: 3 * time.Second}, func(context.Context, recovery.Job) error {
			<-stuck
			return nil
		})
		enqueue(t, q, job("stuck"), job("waiting"))
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		wantErr(t, q.Shutdown(ctx), context.DeadlineExceeded)
		if d := time.Since(begin); d != 13*time.Second {
			t.Errorf("Shutdown took %v, want its time and the grace", d)
		}
		synctest.Wait() // the attempt's grace ends at the same instant
		for _, id := range []string{"stuck", "waiting"} {
			if _, dead := w.deadLetter(id); !dead {
				t.Errorf("%s is no dead letter", id)
			}
		}
		close(stuck)
	})
}

func TestMemoryQueueShutdownWhileDrainingAStuckAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2}, func(_ context.Context, j recovery.Job) error {
			if j.ID == "stuck" {
				<-stuck
			}
			return nil
		})
		enqueue(t, q, job("stuck"))
		synctest.Wait()
		done := make(chan error)
		go func() { done <- q.Shutdown(context.Background()) }()
		time.Sleep(time.Minute)
		if cause, dead := w.deadLetter("stuck"); !dead || !errors.Is(cause, context.DeadlineExceeded) {
			t.Errorf("dead %v, %v", dead, cause)
		}
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned %v while an attempt ran", err)
		default:
		}
		close(stuck)
		lost(t, <-done, 1)
	})
}

func TestMemoryQueueBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: -1, Workers: -1, AttemptTimeout: -1, Grace: -1, FirstRetry: -1, MaxRetry: -1})
		wantErr(t, q.Enqueue(t.Context(), job("early")), recovery.ErrQueueFull)
		if err := q.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := q.Start(&worker{}); err == nil {
			t.Error("started after Shutdown")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		q, w := startQueue(t, recovery.MemoryQueueOptions{}, nil)
		if err := q.Start(w); err == nil {
			t.Error("started twice")
		}
	})
}
