package asynqqueue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

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
