package asynqqueue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// While a message waits for the answer of a slow relay, its job stays with its
// worker for many attempts. No other instance starts the job.
func TestAwaitedJobsStayWithTheirWorker(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	const attempts = 20
	edit := func(o *asynqqueue.Options) { o.Name, o.AttemptTimeout = "held", 300*time.Millisecond }
	relay := func(ctx context.Context, _ recovery.Job, n int) error {
		if n == attempts {
			return nil
		}
		<-ctx.Done()
		return fmt.Errorf("%w: %w", recovery.ErrAwaitingReply, ctx.Err())
	}
	both := [2]*diary{{perform: relay}, {perform: relay}}
	for _, d := range both {
		start(t, newQueue(t, client, edit), d)
	}
	job := newJob()
	web := newQueue(t, client, func(o *asynqqueue.Options) { o.Name, o.Workers, o.EnqueueOnly = "held", 0, true })
	enqueue(t, web, job)
	eventually(t, "an answer", func() bool {
		return both[0].performed(job.ID) && both[0].tried(job.ID) == attempts || both[1].performed(job.ID) && both[1].tried(job.ID) == attempts
	})
	empty(t, web)
	if a, b := both[0].tried(job.ID), both[1].tried(job.ID); a+b != attempts {
		t.Errorf("%d attempts on one instance and %d on the other, want %d on one", a, b, attempts)
	}
	if deaths := len(both[0].deaths(job.ID)) + len(both[1].deaths(job.ID)); deaths != 0 {
		t.Errorf("%d dead letters", deaths)
	}
}

// The numbers are in the shape of all queues.
func TestQueueStats(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	hold := make(chan struct{})
	d := &diary{perform: func(_ context.Context, job recovery.Job, n int) error {
		switch job.Payload[0] {
		case 'f': // fails
			return errSome
		case 'g': // is given up
			return recovery.ErrPermanent
		}
		<-hold
		return nil
	}}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) {
		o.Workers, o.Backoff = 1, func(int) time.Duration { return time.Hour / 2 }
	}), d)
	var reporter recovery.QueueStatsReporter = q
	for _, kind := range "fgww" {
		job := newJob()
		job.Payload = []byte(string(kind))
		enqueue(t, q, job)
	}
	eventually(t, "one failed, one was given up, one runs and one waits", func() bool {
		s, err := reporter.QueueStats(t.Context())
		return err == nil && s.Waiting == 2 && s.Retrying == 1 && s.Running == 1 && s.GivenUp == 1 && s.Abandoned == 0
	})
	close(hold)
	eventually(t, "the others are done", func() bool {
		s, err := reporter.QueueStats(t.Context())
		return err == nil && s == recovery.QueueStats{Waiting: 1, Retrying: 1, GivenUp: 1}
	})
}

// The replies of Redis come later than go-redis waits by default, while a worker
// asks for jobs. The job that comes with a late reply is not lost to the worker:
// it would come back after one to two minutes.
func TestHiccupsDoNotDelayJobs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	d := &diary{}
	named := func(o *asynqqueue.Options) { o.Name = "hiccup" }
	start(t, newQueue(t, proxy.Client(t), named), d) // with the default ReadTimeout of 3 s
	client := server.Client(t)
	web := newQueue(t, client, named)
	first, job := newJob(), newJob()
	enqueue(t, web, first)
	waitDone(t, d, first)
	const late = 4 * time.Second
	proxy.Set(redistest.Replies, redistest.Fault{Delay: late, Commands: []string{"EVALSHA"}})
	began := time.Now()
	enqueue(t, web, job)
	eventually(t, "the job is performed", func() bool { return d.performed(job.ID) })
	if took := time.Since(began); took < late {
		t.Fatalf("the job was performed after %v, so its reply was not late", took)
	}
	proxy.Clear()
	empty(t, web)
	// asynq counts a job whose lease expired as failed.
	if failed := client.Exists(t.Context(), "asynq:{hiccup}:failed").Val(); failed != 0 || d.tried(job.ID) != 1 {
		t.Errorf("the job was given out a second time, and performed %d times", d.tried(job.ID))
	}
}
