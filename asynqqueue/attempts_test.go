package asynqqueue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/durablequeue"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A log that goroutines share.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func debugLogger(w *safeBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// dump returns every key and value.
func dump(t testing.TB, client *redis.Client) string {
	t.Helper()
	ctx := context.Background()
	keys, err := client.Keys(ctx, "*").Result()
	must(t, err)
	sort.Strings(keys)
	var b strings.Builder
	for _, key := range keys {
		kind, _ := client.Type(ctx, key).Result()
		var value any
		switch kind {
		case "string":
			value = client.Get(ctx, key).Val()
		case "hash":
			value = client.HGetAll(ctx, key).Val()
		case "list":
			value = client.LRange(ctx, key, 0, -1).Val()
		case "set":
			value = client.SMembers(ctx, key).Val()
		case "zset":
			value = client.ZRangeWithScores(ctx, key, 0, -1).Val()
		}
		fmt.Fprintf(&b, "%s %s %v\n", key, kind, value)
	}
	return b.String()
}

// A59: an attempt that hangs forever costs its worker and nothing else. Its job
// is tried by another worker, and no more attempts run than there are workers.
func TestAttemptsThatIgnoreTheirContext(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	hold := make(chan struct{})
	stuck := &diary{perform: func(context.Context, recovery.Job, int) error { <-hold; return nil }}
	edit := func(o *asynqqueue.Options) {
		o.Name, o.Workers, o.AttemptTimeout, o.Grace = "stuck", 2, 30*time.Millisecond, 10*time.Millisecond
	}
	q := start(t, newQueue(t, client, edit), stuck)
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
	start(t, newQueue(t, client, edit), healthy)
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

// An attempt that ends with its context counts as any other failure.
func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	d := &diary{perform: func(ctx context.Context, _ recovery.Job, n int) error {
		if n > 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.AttemptTimeout = testenv.Patience(300 * time.Millisecond) }), d)
	job := newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
	if n := d.tried(job.ID); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

// A31, A39: neither the text of the host's error nor the value of its panic
// gets into Redis or the log. The cause of the dead letter is the host's own
// error, or the panic without its value.
func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	const address = "victim@example.com"
	var log safeBuffer
	d := &diary{perform: func(_ context.Context, job recovery.Job, n int) error {
		if bytes.HasPrefix(job.Payload, []byte("panics")) {
			panic("no such mailbox: " + address)
		}
		return errors.New("no such mailbox: " + address)
	}}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) {
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
	kept := dump(t, client)
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
	for what, text := range map[string]string{"Redis": kept + dump(t, client), "the log": log.String()} {
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

// A job that is done or given up leaves only asynq's counters behind. There is
// no archive, which would keep the payload for 90 days.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	d := &diary{perform: attemptsByPayload}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Name = "left" }), d)
	good, bad, late := newJob(), newJob(), newJob()
	good.Payload, bad.Payload = []byte("twice"), []byte("bad")
	late.NotAfter = time.Now()
	enqueue(t, q, good, bad, late)
	waitDone(t, d, good)
	if cause := waitDead(t, d, bad); !errors.Is(cause, recovery.ErrPermanent) {
		t.Errorf("the cause is %v", cause)
	}
	if cause := waitDead(t, d, late); !errors.Is(cause, recovery.ErrPermanent) || d.tried(late.ID) != 0 {
		t.Errorf("a job that is too old was tried %d times and died of %v", d.tried(late.ID), cause)
	}
	empty(t, q)
	must(t, shutdown(t, q, patience))
	keys, err := client.Keys(t.Context(), "*").Result()
	must(t, err)
	today := time.Now().UTC().Format(time.DateOnly)
	for _, key := range keys {
		if !slices.Contains([]string{
			"asynq:queues", "asynq:{left}:processed", "asynq:{left}:failed",
			"asynq:{left}:processed:" + today, "asynq:{left}:failed:" + today,
		}, key) {
			t.Errorf("%s is left", key)
		}
	}
	for _, id := range []string{good.ID, bad.ID, late.ID} {
		if strings.Contains(dump(t, client), id) {
			t.Errorf("job %s is left", id)
		}
	}
}

// DeadLetter is the host's code too. If it panics or hangs, the job still ends,
// and other jobs still get workers.
func TestDeadLettersThatFail(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
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
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) {
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

// A task that another program put into the queue is dropped once, with a line
// in the log, and does not delay other jobs.
func TestForeignTasks(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	var log safeBuffer
	d := &diary{}
	q := newQueue(t, client, func(o *asynqqueue.Options) { o.Name, o.Logger = "shared", debugLogger(&log) })
	valid, err := durablequeue.Encode(newJob())
	must(t, err)
	foreign := asynq.NewClientFromRedisClient(client)
	const secret = "foreign-secret"
	for id, task := range map[string]*asynq.Task{
		"type":        asynq.NewTask("email:"+secret, valid),
		"empty":       asynq.NewTask(asynqqueue.TaskType, nil),
		"garbage":     asynq.NewTask(asynqqueue.TaskType, []byte(secret+strings.Repeat("x", 100))),
		"version 0":   asynq.NewTask(asynqqueue.TaskType, append([]byte{0}, valid[1:]...)),
		"short":       asynq.NewTask(asynqqueue.TaskType, valid[:17]),
		"id with gap": asynq.NewTask(asynqqueue.TaskType, valid),
	} {
		_, err := foreign.EnqueueContext(t.Context(), task, asynq.Queue("shared"), asynq.TaskID(id), asynq.MaxRetry(5))
		must(t, err)
	}
	job := newJob()
	enqueue(t, q, job)
	start(t, q, d)
	waitDone(t, d, job)
	empty(t, q)
	if n := strings.Count(log.String(), "dropping a task"); n != 6 {
		t.Errorf("%d lines tell of dropped tasks, want 6:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log quotes them:\n%s", log.String())
	}
	if len(d.done) != 1 || len(d.dead) != 0 {
		t.Errorf("they were taken for jobs: %v, %v", d.done, d.dead)
	}
	if n := client.ZCard(t.Context(), "asynq:{shared}:archived").Val(); n != 0 {
		t.Errorf("%d are archived", n)
	}
}

// A job that a newer version enqueued waits for an instance that can read it.
// An instance that cannot read it logs that once, and gives the job up when it
// is too old.
func TestJobsOfANewerVersion(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	var log safeBuffer
	newer := func(q *asynqqueue.Queue, jobs ...recovery.Job) {
		t.Helper()
		for _, j := range jobs {
			payload, err := durablequeue.Encode(j)
			must(t, err)
			payload[0]++
			// A newer version may allow more than this one.
			payload = append(payload, make([]byte, 20<<10)...)
			_, err = asynq.NewClientFromRedisClient(client).EnqueueContext(t.Context(), asynq.NewTask(asynqqueue.TaskType, payload),
				asynq.Queue(q.Name()), asynq.TaskID(j.ID), asynq.MaxRetry(math.MaxInt32))
			must(t, err)
		}
	}
	waiting := &diary{}
	q := newQueue(t, client, func(o *asynqqueue.Options) { o.Logger, o.Backoff = debugLogger(&log), nil })
	// One was enqueued long ago, and is seen here for the first time.
	job, old, tooOld := newJob(), newJob(), newJob()
	old.NotBefore = time.Now().Add(-time.Hour)
	tooOld.NotAfter = time.Now().Add(time.Second)
	newer(q, job, old, tooOld)
	start(t, q, waiting)
	waitDead(t, waiting, tooOld)
	eventually(t, "two jobs wait for their next attempt", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Retrying == 2 && s.Depth() == 2
	})
	if n := strings.Count(log.String(), "a newer version of this library enqueued"); n != 1 {
		t.Errorf("%d lines tell of newer jobs, want 1:\n%s", n, log.String())
	}
	if len(waiting.done) != 0 || waiting.tried(job.ID) != 0 {
		t.Errorf("an older version performed %v", waiting.done)
	}
}

// A worker gets a job long before its NotBefore only if clocks disagree. It
// does not wait then.
func TestJobsFromTheFuture(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	d := &diary{}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Name, o.Workers = "skew", 1 }), d)
	future, job := newJob(), newJob()
	future.NotBefore = time.Now().Add(min(testenv.Patience(5*time.Second), patience/2))
	payload, err := durablequeue.Encode(future)
	must(t, err)
	_, err = asynq.NewClientFromRedisClient(client).EnqueueContext(t.Context(), asynq.NewTask(asynqqueue.TaskType, payload),
		asynq.Queue("skew"), asynq.TaskID(future.ID), asynq.MaxRetry(5))
	must(t, err)
	enqueue(t, q, job)
	waitDone(t, d, job)
	if !time.Now().Before(future.NotBefore) {
		t.Error("the other job waited for it")
	}
	later := newJob() // and as asynq schedules it
	later.NotBefore = time.Now().Add(min(testenv.Patience(3*time.Second), patience/2))
	enqueue(t, q, later)
	if s, err := q.Stats(t.Context()); err != nil || s.Scheduled != 1 || s.Retrying != 1 {
		t.Errorf("%+v, %v: want one scheduled, and one that was handed back", s, err)
	}
	d.mu.Lock()
	d.perform = func(_ context.Context, job recovery.Job, _ int) error {
		if time.Now().Before(job.NotBefore) {
			t.Errorf("performed %v too early", time.Until(job.NotBefore))
		}
		return nil
	}
	d.mu.Unlock()
	waitDone(t, d, future, later)
}

// asynq's tools cannot end an attempt that runs here.
func TestNobodyCancelsFromOutside(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	hold, began := make(chan struct{}), make(chan struct{}, 1)
	d := &diary{perform: func(ctx context.Context, _ recovery.Job, _ int) error {
		began <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return ctx.Err()
	}}
	q := start(t, newQueue(t, client, nil), d)
	job := newJob()
	enqueue(t, q, job)
	<-began
	must(t, asynq.NewInspectorFromRedisClient(client).CancelProcessing(job.ID))
	if n := client.PubSubNumSub(t.Context(), "asynq:cancel").Val()["asynq:cancel"]; n != 0 {
		t.Errorf("%d listen for it", n)
	}
	close(hold)
	waitDone(t, d, job)
	if n := d.tried(job.ID); n != 1 {
		t.Errorf("%d attempts", n)
	}
}
