package asynqqueue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// asynq drops fractions of a second, and no pause ends too early.
func TestPausesEndInWholeSeconds(t *testing.T) {
	now := time.Unix(1000, 300_000_000)
	for pause, want := range map[time.Duration]time.Time{
		-1: now, 0: now, 1: time.Unix(1001, 0), time.Second: time.Unix(1002, 0), 700 * time.Millisecond: time.Unix(1001, 0), 10 * time.Second: time.Unix(1011, 0),
	} {
		if got := asynqqueue.Due(now, pause); !got.Equal(want) {
			t.Errorf("a pause of %v ends at %v, want %v", pause, got, want)
		}
	}
}

// With the defaults, no pause ends too early.
func TestPausesAreKept(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	var mu sync.Mutex
	var at []time.Time
	d := &diary{perform: func(_ context.Context, _ recovery.Job, n int) error {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
		if n < 3 {
			return errSome
		}
		return nil
	}}
	q := start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Backoff = nil }), d)
	job := newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
	if first, second := at[1].Sub(at[0]), at[2].Sub(at[1]); first < 750*time.Millisecond || second < 1500*time.Millisecond {
		t.Errorf("pauses of %v and %v", first, second)
	}
}

// Nothing but NotAfter ends the attempts at a job. By default asynq would give
// it up after 25 of them, tell nobody, and keep its payload for 90 days.
func TestAttemptsAreNotCounted(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	const attempts = 30
	d := &diary{perform: func(_ context.Context, _ recovery.Job, n int) error {
		if n < attempts {
			return errSome
		}
		return nil
	}}
	q := start(t, newQueue(t, client, nil), d)
	job := newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
	if tried := d.tried(job.ID); tried != attempts {
		t.Errorf("%d attempts, want %d", tried, attempts)
	}
}

// A job whose worker was killed comes back after a pause that grows: it may be
// the job that kills.
func TestPausesGrowForAJobThatKillsItsWorker(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	const name = "killer"
	job := newJob()
	enqueue(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Name, o.EnqueueOnly, o.Workers = name, true, 0 }), job)
	for want := range 3 {
		takeAndDie(t, client, name, job.ID)
		asked := make(chan int, 10)
		q := start(t, newQueue(t, client, func(o *asynqqueue.Options) {
			o.Name, o.Backoff = name, func(n int) time.Duration { asked <- n; return time.Hour }
		}), &diary{})
		select {
		case n := <-asked:
			if n != want+1 {
				t.Errorf("after %d workers were lost, the pause is that after attempt %d", want+1, n)
			}
		case <-time.After(testenv.Patience(patience)):
			t.Fatal("the job of a lost worker did not come back")
		}
		eventually(t, "the job waits", func() bool {
			s, err := q.Stats(t.Context())
			return err == nil && s.Retrying == 1
		})
		must(t, shutdown(t, q, patience))
		must(t, asynq.NewInspectorFromRedisClient(client).RunTask(name, job.ID))
	}
}

// takeAndDie does in Redis what a worker of asynq does that takes a pending job
// and is then killed, and lets its lease end.
func takeAndDie(t *testing.T, client *redis.Client, name, id string) {
	t.Helper()
	ctx, prefix := t.Context(), "asynq:{"+name+"}:"
	if taken, err := client.LMove(ctx, prefix+"pending", prefix+"active", "RIGHT", "LEFT").Result(); err != nil || taken != id {
		t.Fatalf("took %q, %v", taken, err)
	}
	must(t, client.HSet(ctx, prefix+"t:"+id, "state", "active").Err())
	must(t, client.HDel(ctx, prefix+"t:"+id, "pending_since").Err())
	must(t, client.ZAdd(ctx, prefix+"lease", redis.Z{Score: float64(time.Now().Add(-time.Hour).Unix()), Member: id}).Err())
}
