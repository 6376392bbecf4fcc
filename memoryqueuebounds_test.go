package recovery_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A59: a full queue says so at once and to everybody.
func TestMemoryQueueCapacity_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Capacity: 10, Workers: 3, AttemptTimeout: time.Hour, FirstRetry: time.Minute},
			func(_ context.Context, j recovery.Job) error {
				<-hold
				if j.ID < "5" {
					return errors.New("again")
				}
				return nil
			})
		for i := range 10 {
			enqueue(t, q, job(strconv.Itoa(i)))
			synctest.Wait()
		}
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Waiting: 7, Running: 3}) {
			t.Errorf("%+v", s)
		}
		begin := time.Now()
		wantErr(t, q.Enqueue(t.Context(), job("more")), recovery.ErrQueueFull)
		if d := time.Since(begin); d != 0 {
			t.Errorf("that took %v", d)
		}
		close(hold)
		time.Sleep(time.Second)
		// What waits for its next attempt counts.
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Waiting: 5}) {
			t.Errorf("%+v", s)
		}
		for i := range 6 {
			j := job("new" + strconv.Itoa(i))
			j.NotBefore = time.Now().Add(time.Hour / 2)
			if err := q.Enqueue(t.Context(), j); (err == nil) != (i < 5) {
				t.Errorf("job %d: %v", i, err)
			}
		}
		if w.most() != 3 {
			t.Errorf("%d ran at once, want 3", w.most())
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		wantErr(t, q.Enqueue(ended, job("gone")), context.Canceled)
	})
}

// A59: no more than Workers run, whatever the jobs do.
func TestMemoryQueueWorkersAreTheBound_A59(t *testing.T) {
	tests := []struct {
		sentence string
		perform  func(ctx context.Context, j recovery.Job) error
		bury     func(ctx context.Context, j recovery.Job)
	}{
		{"jobs that take a second", func(context.Context, recovery.Job) error { time.Sleep(time.Second); return nil }, nil},
		{"jobs that fail", func(context.Context, recovery.Job) error { time.Sleep(time.Second); return errors.New("no") }, nil},
		{"jobs that panic", func(context.Context, recovery.Job) error { time.Sleep(time.Second); panic("no") }, nil},
		{"jobs that ignore their context", func(context.Context, recovery.Job) error { time.Sleep(10 * time.Minute); return nil }, nil},
		{"dead letters that take long", func(context.Context, recovery.Job) error { return recovery.ErrPermanent }, func(context.Context, recovery.Job) { time.Sleep(time.Second) }},
		{"dead letters that panic", func(context.Context, recovery.Job) error { return recovery.ErrPermanent }, func(context.Context, recovery.Job) { panic("no") }},
		{"dead letters of jobs that ignore their context", func(context.Context, recovery.Job) error { time.Sleep(2 * time.Hour); return nil }, func(context.Context, recovery.Job) { time.Sleep(time.Hour) }},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 4}, test.perform)
				w.bury = test.bury
				for i := range 100 {
					enqueue(t, q, job(strconv.Itoa(i)))
				}
				for range 2 * 60 {
					time.Sleep(time.Minute)
					if s := q.Stats(); s.Running > 4 || s.Abandoned > s.Running {
						t.Fatalf("%+v", s)
					}
				}
				if w.most() > 4 {
					t.Errorf("%d workers were held at once, want at most 4", w.most())
				}
			})
		})
	}
}

// A59: an attempt that ignores its context is given up and its job tried again
// elsewhere; it holds its worker until it returns, and is counted.
func TestMemoryQueueGivesUpOnAStuckAttempt_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		first := true
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2}, func(ctx context.Context, j recovery.Job) error {
			if first && j.ID == "stuck" {
				first = false
				<-stuck // whatever ctx says
				return errors.New("too late to matter")
			}
			return nil
		})
		begin := time.Now()
		enqueue(t, q, job("stuck"))
		time.Sleep(35*time.Second - time.Nanosecond)
		synctest.Wait()
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1}) {
			t.Errorf("within timeout and grace: %+v", s)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1, Abandoned: 1, Waiting: 1}) {
			t.Errorf("after the grace: %+v", s)
		}
		time.Sleep(2 * time.Second)
		if at := w.at("stuck", begin); len(at) != 2 || at[1] < 35*time.Second {
			t.Errorf("attempts at %v, want two", at)
		}
		// The other worker does the rest, one job at a time.
		for i := range 20 {
			enqueue(t, q, job(strconv.Itoa(i)))
		}
		time.Sleep(time.Second)
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 1, Abandoned: 1}) {
			t.Errorf("after the others: %+v", s)
		}
		close(stuck)
		synctest.Wait()
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) {
			t.Errorf("after it returned: %+v", s)
		}
		if at := w.at("stuck", begin); len(at) != 2 {
			t.Errorf("its late return had effect: attempts at %v", at)
		}
		if _, dead := w.deadLetter("stuck"); dead {
			t.Error("it became a dead letter although its second attempt succeeded")
		}
	})
}

// When every worker is stuck the queue fills and says so, and recovers.
func TestMemoryQueueAllWorkersStuck_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		q, w := startQueue(t, recovery.MemoryQueueOptions{Workers: 2, Capacity: 5}, func(ctx context.Context, j recovery.Job) error {
			select {
			case <-stuck:
				return nil
			case <-time.After(30 * time.Minute):
				return nil
			}
		})
		for i := range 5 {
			enqueue(t, q, job(strconv.Itoa(i)))
		}
		time.Sleep(time.Minute)
		if s := q.Stats(); s != (recovery.MemoryQueueStats{Running: 2, Abandoned: 2, Waiting: 5}) {
			t.Errorf("%+v", s)
		}
		wantErr(t, q.Enqueue(t.Context(), job("more")), recovery.ErrQueueFull)
		close(stuck)
		time.Sleep(time.Minute)
		if s := q.Stats(); s != (recovery.MemoryQueueStats{}) || w.most() > 2 {
			t.Errorf("%+v, at most %d at once", s, w.most())
		}
		enqueue(t, q, job("more"))
	})
}

// A59: the Service's answer to a full queue is 503 for everybody, at once.
func TestFullQueueIsTheSameForEverybody_A59(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 8, Workers: 1})
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				<-hold
				return nil
			})
		})
		h := p.Handler()
		for range 8 {
			if w := post(h, "/forgot-password", `{"email":"johnwick@example.com"}`); w.Code != 202 {
				t.Fatal(answer(w))
			}
		}
		begin := time.Now()
		known, unknown := post(h, "/forgot-password", `{"email":"johnwick@example.com"}`), post(h, "/forgot-password", `{"email":"nobody@example.com"}`)
		if known.Code != 503 || answer(known) != answer(unknown) || time.Since(begin) != 0 {
			t.Errorf("%q and %q after %v", answer(known), answer(unknown), time.Since(begin))
		}
		close(hold)
		settle()
		if w := post(h, "/forgot-password", `{"email":"nobody@example.com"}`); w.Code != 202 {
			t.Errorf("with room again: %q", answer(w))
		}
	})
}
