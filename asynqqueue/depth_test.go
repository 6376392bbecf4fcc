package asynqqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// A59: the bound does not need a question to Redis for each job.
func TestDepthIsAskedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, inside atomic.Int64
		d := asynqqueue.NewDepth(1000, func(done func(int, error)) bool {
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
			d := asynqqueue.NewDepth(50, func(done func(int, error)) bool {
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
			d := asynqqueue.NewDepth(10, func(done func(int, error)) bool {
				go done(0, errSome)
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
			d := asynqqueue.NewDepth(1, func(done func(int, error)) bool { answer <- done; return true })
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

// The bound holds for all instances together, and a job that is done makes
// room.
func TestMaxDepth(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	name := "full"
	edit := func(o *asynqqueue.Options) { o.Name, o.MaxDepth = name, 20 }
	web := newQueue(t, server.Client(t), func(o *asynqqueue.Options) {
		edit(o)
		o.EnqueueOnly, o.Workers = true, 0
	})
	worker := newQueue(t, server.Client(t), edit)
	must(t, web.Start(&diary{}))
	var jobs []recovery.Job
	fill := func(q *asynqqueue.Queue) error {
		for range 100 {
			job := newJob()
			if err := q.Enqueue(t.Context(), job); err != nil {
				return err
			}
			jobs = append(jobs, job)
		}
		return nil
	}
	if err := fill(web); !errors.Is(err, recovery.ErrQueueFull) || len(jobs) != 20 {
		t.Fatalf("took %d jobs, want 20: %v", len(jobs), err)
	}
	if err := fill(worker); !errors.Is(err, recovery.ErrQueueFull) || len(jobs) != 20 {
		t.Errorf("another instance took %d more: %v", len(jobs)-20, err)
	}
	began := time.Now()
	for range 1000 {
		if err := web.Enqueue(t.Context(), newJob()); !errors.Is(err, recovery.ErrQueueFull) {
			t.Fatalf("Enqueue = %v", err)
		}
	}
	t.Logf("1,000 refusals took %v", time.Since(began))
	d := &diary{}
	start(t, worker, d)
	waitDone(t, d, jobs...)
	eventually(t, "room again", func() bool { return web.Enqueue(t.Context(), newJob()) == nil })
	empty(t, web)
	if stats, err := web.Stats(t.Context()); err != nil || stats != (asynqqueue.Stats{}) {
		t.Errorf("%+v, %v", stats, fmt.Sprint(err))
	}
}
