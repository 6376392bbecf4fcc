package asynqqueue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
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
