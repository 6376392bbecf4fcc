package asynqqueue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func suite(t *testing.T, client redis.UniversalClient) {
	names := map[recovery.WorkerQueue]string{}
	open := func(t *testing.T, name string) recovery.WorkerQueue {
		q := newQueue(t, client, func(o *asynqqueue.Options) {
			if name == "" {
				name = o.Name
			}
			o.Name, o.MaxDepth, o.Grace = name, 64, time.Second
			// The pauses grow and are short. asynq counts in seconds. On a busy
			// machine a job that is due waits for as long, so those of the clause
			// that compares them are longer.
			long := 1500 * time.Millisecond
			if strings.HasSuffix(t.Name(), "/pauses-grow") {
				long = 5 * time.Second
			}
			o.Backoff = func(n int) time.Duration { return time.Duration(min(n/4, 1)) * long }
		})
		names[q] = name
		return q
	}
	attempts := 0
	if testenv.Long() {
		attempts = 26 // which take as long as all other clauses together
	}
	recoverytest.TestQueue(t, recoverytest.QueueHarness{
		New: func(t *testing.T) recovery.WorkerQueue { return open(t, "") },
		Another: func(t *testing.T, q recovery.WorkerQueue) recovery.WorkerQueue {
			return open(t, names[q])
		},
		Workers:  4,
		Capacity: 64,
		Attempts: attempts,
		// In some clauses a job lives this long, so a longer time would make a
		// long test.
		Patience: min(testenv.Patience(12*time.Second), 30*time.Second),
		Quiet:    300 * time.Millisecond,
	})
}

func TestMiniredis(t *testing.T) {
	t.Parallel()
	_, client := simulated(t)
	suite(t, client)
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	suite(t, redistest.Start(t).Client(t))
}
