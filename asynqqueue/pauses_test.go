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

func TestPauses(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	for _, tt := range []struct {
		name      string
		edit      func(o *asynqqueue.Options)
		n         int
		low, high time.Duration
	}{
		{"the first is a second, less up to a quarter", nil, 1, 750 * time.Millisecond, time.Second},
		{"the second is twice that", nil, 2, 1500 * time.Millisecond, 2 * time.Second},
		{"the ninth is 256 s", nil, 9, 192 * time.Second, 256 * time.Second},
		{"the tenth is the longest", nil, 10, 225 * time.Second, 300 * time.Second},
		{"and so is every one after it", nil, 1 << 30, 225 * time.Second, 300 * time.Second},
		{"asynq counts from 0", nil, 0, 750 * time.Millisecond, time.Second},
		{"Backoff decides", func(o *asynqqueue.Options) {
			o.Backoff = func(n int) time.Duration { return time.Duration(n) * time.Minute }
		}, 7, 7 * time.Minute, 7 * time.Minute},
		{"Backoff is negative", func(o *asynqqueue.Options) { o.Backoff = func(int) time.Duration { return -1 } }, 1, 0, 0},
		{"Backoff is too much", func(o *asynqqueue.Options) { o.Backoff = func(int) time.Duration { return 1 << 62 } }, 1, 24 * time.Hour, 24 * time.Hour},
		{"Backoff panics", func(o *asynqqueue.Options) { o.Backoff = func(int) time.Duration { panic("host") } }, 1, 5 * time.Minute, 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(t, client, func(o *asynqqueue.Options) {
				o.Backoff = nil
				if tt.edit != nil {
					tt.edit(o)
				}
			})
			seen := map[time.Duration]bool{}
			for range 50 {
				p := q.Pause(tt.n)
				if p < tt.low || p > tt.high {
					t.Fatalf("%v, want %v to %v", p, tt.low, tt.high)
				}
				seen[p] = true
			}
			if tt.edit == nil && len(seen) < 10 {
				t.Errorf("%d different pauses of 50: jobs that failed together come back together", len(seen))
			}
		})
	}
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
	if taken, err := client.RPopLPush(ctx, prefix+"pending", prefix+"active").Result(); err != nil || taken != id {
		t.Fatalf("took %q, %v", taken, err)
	}
	must(t, client.HSet(ctx, prefix+"t:"+id, "state", "active").Err())
	must(t, client.HDel(ctx, prefix+"t:"+id, "pending_since").Err())
	must(t, client.ZAdd(ctx, prefix+"lease", redis.Z{Score: float64(time.Now().Add(-time.Hour).Unix()), Member: id}).Err())
}
