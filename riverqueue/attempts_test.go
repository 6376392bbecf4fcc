package riverqueue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A59: an attempt that hangs forever costs its worker and nothing else. Its job
// is tried by another worker, and no more attempts run than there are workers.
func TestAttemptsThatIgnoreTheirContext(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold := make(chan struct{})
	stuck := &diary{perform: func(context.Context, recovery.Job, int) error { <-hold; return nil }}
	edit := func(o *riverqueue.Options) {
		o.Name, o.Workers, o.AttemptTimeout, o.Grace = "stuck", 2, 30*time.Millisecond, 10*time.Millisecond
	}
	q := start(t, newQueue(t, pool, edit), stuck)
	var jobs []recovery.Job
	for range 6 {
		jobs = append(jobs, newJob())
	}
	enqueue(t, q, jobs...)
	eventually(t, "both workers are lost", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Abandoned == 2 && s.Running == 2
	})
	// An instance without workers takes no job, so that others get all of them.
	eventually(t, "all jobs wait", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Pending == len(jobs) && s.Active == 0
	})
	healthy := &diary{}
	start(t, newQueue(t, pool, edit), healthy)
	waitDone(t, healthy, jobs...)
	stuck.mu.Lock()
	if stuck.mostRunning > 2 {
		t.Errorf("%d attempts ran at once, want at most 2", stuck.mostRunning)
	}
	stuck.mu.Unlock()
	close(hold)
	eventually(t, "the workers are back", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Abandoned == 0 && s.Running == 0
	})
	again := newJob()
	enqueue(t, q, again)
	eventually(t, "a job after that", func() bool { return stuck.performed(again.ID) || healthy.performed(again.ID) })
	empty(t, q)
}

// PostgreSQL cannot be told that a job is given away, because its attempt ignores
// its context. The attempt returns later, and says nothing of how the job ended:
// the job is tried again.
func TestStuckJobsThatCannotBeGivenAway(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold := make(chan struct{})
	d := &diary{perform: func(_ context.Context, _ recovery.Job, n int) error {
		if n == 1 {
			<-hold
		}
		return nil
	}}
	var log safeBuffer
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) {
		o.Workers, o.Logger = 1, debugLogger(&log)
		o.AttemptTimeout, o.Grace = time.Second, 10*time.Millisecond
	}), d)
	job := newJob()
	enqueue(t, q, job)
	eventually(t, "a job at work", func() bool { return d.busy() > 0 })
	unlock := lockTable(t, pool)
	eventually(t, "it cannot be given away", func() bool { return strings.Contains(log.String(), "failed to hand a job to other workers") })
	unlock()
	close(hold)
	eventually(t, "a second attempt", func() bool { return d.tried(job.ID) > 1 })
	empty(t, q)
}

// An attempt that ends with its context counts as any other failure.
func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	pool := database(t)
	d := &diary{perform: func(ctx context.Context, _ recovery.Job, n int) error {
		if n > 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.AttemptTimeout = testenv.Patience(300 * time.Millisecond) }), d)
	job := newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
	if n := d.tried(job.ID); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

// A31, A39: neither the text of the host's error nor the value of its panic
// gets into PostgreSQL or the log. The cause of the dead letter is the host's own
// error, or the panic without its value.
func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	pool := database(t)
	const address = "victim@example.com"
	var log safeBuffer
	d := &diary{perform: func(_ context.Context, job recovery.Job, n int) error {
		if bytes.HasPrefix(job.Payload, []byte("panics")) {
			panic("no such mailbox: " + address)
		}
		return errors.New("no such mailbox: " + address)
	}}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) {
		o.Logger = debugLogger(&log)
		// The second pause is long enough to be seen, and the third one is
		// longer than the job's life.
		o.Backoff = func(n int) time.Duration { return []time.Duration{0, 3 * time.Second, 2 * time.Hour}[min(n, 3)-1] }
	}), d)
	fails, panics := newJob(), newJob()
	panics.Payload = []byte("panics")
	enqueue(t, q, fails, panics)
	eventually(t, "both retry", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Retrying == 2 && d.tried(fails.ID) > 1 && d.tried(panics.ID) > 1
	})
	kept := dump(t, pool)
	if !strings.Contains(kept, "the attempt failed") {
		t.Errorf("the dump shows no failure:\n%s", kept)
	}
	cause := waitDead(t, d, fails)
	if !strings.Contains(cause.Error(), address) {
		t.Errorf("the cause is %v, want what Perform returned", cause)
	}
	if cause := waitDead(t, d, panics); strings.Contains(cause.Error(), address) || !strings.Contains(cause.Error(), "panic (string)") {
		t.Errorf("the cause of the panic is %v", cause)
	}
	for what, text := range map[string]string{"PostgreSQL": kept + dump(t, pool), "the log": log.String()} {
		if strings.Contains(text, "victim") {
			t.Errorf("%s has the address:\n%s", what, text)
		}
	}
	if !strings.Contains(log.String(), fails.ID) {
		t.Errorf("the log tells of no failed attempt:\n%s", log.String())
	}
}

// attemptsByPayload fails permanently, or once, if the payload says so.
func attemptsByPayload(_ context.Context, job recovery.Job, n int) error {
	switch string(job.Payload) {
	case "bad":
		return fmt.Errorf("%w: so it is", recovery.ErrPermanent)
	case "twice":
		if n < 2 {
			return errSome
		}
	}
	return nil
}

// DeadLetter is the host's code too. If it panics or hangs, the job still ends,
// and other jobs still get workers.
func TestDeadLettersThatFail(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold := make(chan struct{})
	var log safeBuffer
	d := &diary{
		perform: func(context.Context, recovery.Job, int) error { return recovery.ErrPermanent },
	}
	d.bury = func(_ context.Context, job recovery.Job, _ error) {
		if bytes.HasPrefix(job.Payload, []byte("panics")) {
			panic("secret-" + job.ID)
		}
		if bytes.HasPrefix(job.Payload, []byte("hangs")) {
			<-hold
		}
	}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) {
		o.Logger, o.AttemptTimeout, o.Grace = debugLogger(&log), testenv.Patience(300*time.Millisecond), testenv.Patience(100*time.Millisecond)
	}), d)
	panics, hangs, fine := newJob(), newJob(), newJob()
	panics.Payload, hangs.Payload = []byte("panics"), []byte("hangs")
	enqueue(t, q, panics, hangs, fine)
	waitDead(t, d, fine)
	empty(t, q)
	if s, err := q.Stats(t.Context()); err != nil || s.Abandoned != 1 {
		t.Errorf("%+v, %v: want one abandoned", s, err)
	}
	close(hold)
	if strings.Contains(log.String(), "secret-") || strings.Count(log.String(), "DeadLetter did not return") != 2 {
		t.Errorf("the log:\n%s", log.String())
	}
}
