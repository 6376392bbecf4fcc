package durablequeue_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

// A59: the bound does not need a question to Redis for each job.
func TestDepthIsAskedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, inside atomic.Int64
		d := durablequeue.NewDepth(1000, func(done func(int, error)) bool {
			asked.Add(1)
			go func() { time.Sleep(time.Millisecond); done(int(inside.Load()), nil) }()
			return true
		})
		for range 10_000 { // 10 s of 1,000 a second, all performed at once
			if err := d.Reserve(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.Settle()
			time.Sleep(time.Millisecond)
		}
		if n := asked.Load(); n > 25 {
			t.Errorf("asked %d times in 10 s", n)
		}
		asked.Store(0)
		inside.Store(1000)
		time.Sleep(2 * time.Second)
		refused := 0
		for range 10_000 { // 10 s of a full queue
			if err := d.Reserve(t.Context()); errors.Is(err, recovery.ErrQueueFull) {
				refused++
			}
			time.Sleep(time.Millisecond)
		}
		if n := asked.Load(); n > 210 || refused < 9_000 {
			t.Errorf("asked %d times in 10 s of a full queue, which refused %d of 10,000", n, refused)
		}
		inside.Store(0)
		time.Sleep(100 * time.Millisecond)
		if err := d.Reserve(t.Context()); err != nil {
			t.Errorf("there is room again: %v", err)
		}
	})
}

func TestDepthIsBounded(t *testing.T) {
	t.Run("many at once share a question, and what they got is counted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var asked, admitted atomic.Int64
			d := durablequeue.NewDepth(50, func(done func(int, error)) bool {
				asked.Add(1)
				n := int(admitted.Load())
				go func() { time.Sleep(5 * time.Millisecond); done(n, nil) }()
				return true
			})
			for range 3 {
				var wg sync.WaitGroup
				for range 200 {
					wg.Go(func() {
						if d.Reserve(t.Context()) == nil {
							time.Sleep(time.Millisecond)
							admitted.Add(1)
							d.Settle()
						}
					})
				}
				wg.Wait()
			}
			if n := admitted.Load(); n != 50 {
				t.Errorf("%d were admitted, want 50", n)
			}
			if n := asked.Load(); n > 10 {
				t.Errorf("asked %d times", n)
			}
		})
	})
	t.Run("a depth that cannot be asked for bounds by memory, and never for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := durablequeue.NewDepth(10, func(done func(int, error)) bool {
				go done(0, errors.New("no"))
				return true
			})
			for range 100 {
				if err := d.Reserve(t.Context()); err != nil {
					t.Fatal(err)
				}
				d.Settle()
				synctest.Wait()
				time.Sleep(time.Second)
			}
		})
	})
	t.Run("a question without an answer holds nobody for longer than ctx", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			answer := make(chan func(int, error), 2)
			d := durablequeue.NewDepth(1, func(done func(int, error)) bool { answer <- done; return true })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for range 2 {
				if err := d.Reserve(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
			}
			(<-answer)(0, nil)
		})
	})
}
