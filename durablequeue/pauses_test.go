package durablequeue_test

import (
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/durablequeue"
)

func TestPauses(t *testing.T) {
	for _, tt := range []struct {
		name      string
		backoff   func(n int) time.Duration
		n         int
		low, high time.Duration
	}{
		{"the first is a second, less up to a quarter", nil, 1, 750 * time.Millisecond, time.Second},
		{"the second is twice that", nil, 2, 1500 * time.Millisecond, 2 * time.Second},
		{"the ninth is 256 s", nil, 9, 192 * time.Second, 256 * time.Second},
		{"the tenth is the longest", nil, 10, 225 * time.Second, 300 * time.Second},
		{"and so is every one after it", nil, 1 << 30, 225 * time.Second, 300 * time.Second},
		{"a storage that counts from 0", nil, 0, 750 * time.Millisecond, time.Second},
		{"Backoff decides", func(n int) time.Duration { return time.Duration(n) * time.Minute }, 7, 7 * time.Minute, 7 * time.Minute},
		{"Backoff is negative", func(int) time.Duration { return -1 }, 1, 0, 0},
		{"Backoff is too much", func(int) time.Duration { return 1 << 62 }, 1, 24 * time.Hour, 24 * time.Hour},
		{"Backoff panics", func(int) time.Duration { panic("host") }, 1, 5 * time.Minute, 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := newWorkers(&handler{}, func(o *durablequeue.Options) { o.Backoff = tt.backoff })
			seen := map[time.Duration]bool{}
			for range 50 {
				p := w.Pause(tt.n)
				if p < tt.low || p > tt.high {
					t.Fatalf("%v, want %v to %v", p, tt.low, tt.high)
				}
				seen[p] = true
			}
			if tt.backoff == nil && len(seen) < 10 {
				t.Errorf("%d different pauses of 50: jobs that failed together come back together", len(seen))
			}
		})
	}
}
