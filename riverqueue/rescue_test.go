package riverqueue_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A job that a dead worker had is performed within half a minute.
func TestRescue(t *testing.T) {
	t.Parallel()
	pool := database(t)
	web := newQueue(t, pool, func(o *riverqueue.Options) { o.EnqueueOnly, o.Workers = true, 0 })
	job := newJob()
	enqueue(t, web, job)
	// This is what a worker leaves that was killed a moment after it began.
	run(t, pool, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{dead}'`)
	died := time.Now()
	d := &diary{}
	start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Name = web.Name() }), d)
	for deadline := testenv.Within(40 * time.Second); !d.performed(job.ID); time.Sleep(10 * time.Millisecond) {
		if deadline.Over() {
			t.Fatal("the job does not come back")
		}
	}
	took := time.Since(died)
	if took < riverqueue.LeaseTime-time.Second || tooLong(took, 30*time.Second) {
		t.Errorf("the job came back after %v, want %v to 30 s", took, riverqueue.LeaseTime)
	}
	empty(t, web)
}

// The result of a worker that lost its job does not reach the job. Its attempt
// ends, and counts for nothing.
func TestLostJobs(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var log safeBuffer
	slow := &diary{perform: func(ctx context.Context, _ recovery.Job, _ int) error {
		<-ctx.Done()
		return nil // as if it had been done
	}}
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Workers, o.Logger = 1, debugLogger(&log) })
	start(t, q, slow)
	job := newJob()
	enqueue(t, q, job)
	eventually(t, "a job at work", func() bool { return slow.busy() > 0 })
	old := number(t, pool, `SELECT id FROM river_job`)
	other := newQueue(t, pool, func(o *riverqueue.Options) { o.Name = q.Name() })
	hold, began := make(chan struct{}), make(chan struct{}, 100)
	must(t, other.Start(&diary{perform: func(context.Context, recovery.Job, int) error {
		began <- struct{}{}
		<-hold
		return nil
	}}))
	eventually(t, "the other process takes the job over", func() bool {
		// It looks as if nothing had been renewed for long.
		run(t, pool, `UPDATE river_job SET attempted_at = now() - interval '21 seconds'`)
		other.Keep()
		select {
		case <-began:
			return true
		case <-time.After(300 * time.Millisecond):
			return false
		}
	})
	if id := number(t, pool, `SELECT id FROM river_job`); id == old {
		t.Error("the job has its old row")
	}
	q.Keep()
	eventually(t, "the attempt that lost its job ends", func() bool { return slow.busy() == 0 })
	must(t, shutdown(t, q, patience)) // River has told all that it had to tell
	if n := number(t, pool, `SELECT count(*) FROM river_job WHERE state = 'running'`); n != 1 {
		t.Error("the result of the first worker reached the job of the second")
	}
	close(hold)
	empty(t, other)
	if !strings.Contains(log.String(), "other workers have their jobs") {
		t.Errorf("the log:\n%s", log.String())
	}
}

// While PostgreSQL does not answer for longer than a lease lasts, other
// processes may get the jobs, so the attempts end. Afterwards all is well.
func TestLeasesThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var mu sync.Mutex
	var ended time.Time
	d := &diary{perform: func(ctx context.Context, _ recovery.Job, n int) error {
		if n > 1 {
			return nil
		}
		<-ctx.Done()
		mu.Lock()
		defer mu.Unlock()
		ended = time.Now()
		return ctx.Err()
	}}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.AttemptTimeout = time.Hour }), d)
	job := newJob()
	enqueue(t, q, job)
	eventually(t, "a job at work", func() bool { return d.busy() > 0 })
	began := time.Now()
	unlock := lockTable(t, pool)
	for deadline := testenv.Within(40 * time.Second); d.busy() > 0; time.Sleep(10 * time.Millisecond) {
		if deadline.Over() {
			t.Fatal("the attempt goes on")
		}
	}
	unlock()
	mu.Lock()
	if took := ended.Sub(began); took < 10*time.Second || tooLong(took, 30*time.Second) {
		t.Errorf("the attempt ended after %v", took)
	}
	mu.Unlock()
	waitDone(t, d, job)
	empty(t, q)
}

// A relay takes 31 seconds to answer, longer than an attempt may take, and
// longer than a lease. Each of two instances keeps its jobs, and every mail is
// sent once.
func TestSlowRelay(t *testing.T) {
	t.Parallel()
	pool := database(t)
	const answer = 31 * time.Second
	var mu sync.Mutex
	sent := map[string]time.Time{}
	twice := 0
	relay := func(ctx context.Context, job recovery.Job, _ int) error {
		mu.Lock()
		at, waiting := sent[job.ID]
		if !waiting {
			at = time.Now()
			sent[job.ID] = at
		}
		mu.Unlock()
		select {
		case <-time.After(time.Until(at.Add(answer))):
			return nil
		case <-ctx.Done():
			return errors.Join(recovery.ErrAwaitingReply, ctx.Err())
		}
	}
	name := "relay"
	holders := map[string]int{}
	var queues []*riverqueue.Queue
	var diaries []*diary
	for i := range 2 {
		d := &diary{perform: func(ctx context.Context, job recovery.Job, n int) error {
			mu.Lock()
			if holder, ok := holders[job.ID]; ok && holder != i {
				twice++ // another instance sends the mail again
			}
			holders[job.ID] = i
			mu.Unlock()
			return relay(ctx, job, n)
		}}
		diaries = append(diaries, d)
		queues = append(queues, start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Name, o.AttemptTimeout = name, 10*time.Second }), d))
	}
	var jobs []recovery.Job
	for range 8 { // as many as there are workers
		jobs = append(jobs, newJob())
	}
	enqueue(t, queues[0], jobs...)
	for deadline := testenv.Within(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		done := 0
		for _, job := range jobs {
			if diaries[0].performed(job.ID) || diaries[1].performed(job.ID) {
				done++
			}
		}
		if done == len(jobs) {
			break
		}
		if deadline.Over() {
			t.Fatalf("%d of %d mails were sent", done, len(jobs))
		}
	}
	empty(t, queues[0])
	mu.Lock()
	defer mu.Unlock()
	if twice > 0 {
		t.Errorf("%d times a mail was sent by the other instance too", twice)
	}
	for _, job := range jobs {
		if n := len(diaries[0].deaths(job.ID)) + len(diaries[1].deaths(job.ID)); n > 0 {
			t.Errorf("%d dead letters", n)
		}
	}
}
