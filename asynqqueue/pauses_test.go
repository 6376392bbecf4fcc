package asynqqueue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
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
