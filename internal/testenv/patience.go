package testenv

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Deadline limits a wait. A slow machine gets more time. How slow it is, is
// measured only when the time of a quiet machine has passed, so a Deadline
// costs nothing if the wait is short.
type Deadline struct {
	began        time.Time
	quiet, limit time.Duration
}

// Within returns a deadline for what a quiet machine does within d.
func Within(d time.Duration) *Deadline {
	return &Deadline{began: time.Now(), quiet: d, limit: d}
}

// Over reports whether the time has passed. It never says so before d.
func (d *Deadline) Over() bool {
	if time.Since(d.began) <= d.limit {
		return false
	}
	d.limit = max(d.limit, Patience(d.quiet))
	return time.Since(d.began) > d.limit
}

// Lateness measures by how much this machine oversleeps from now on, until the
// function that it returns is called for the first time. That function returns
// the worst case: the margin of a duration that was measured meanwhile. A
// duration with several waits in it needs the margin several times.
func Lateness(t testing.TB) (worst func() time.Duration) {
	var most atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			began := time.Now()
			time.Sleep(time.Millisecond)
			most.Store(max(most.Load(), int64(time.Since(began)-time.Millisecond)))
		}
	})
	end := sync.OnceFunc(func() { close(stop); wg.Wait() })
	t.Cleanup(end)
	return func() time.Duration {
		end()
		return time.Duration(most.Load())
	}
}

// maxTries is how often [Steady] tries on a machine that keeps stalling.
const maxTries = 10

// Steady fails the test if f returns an error. If the machine stood still for
// longer than d meanwhile, it runs f again, because the error then says nothing
// about the code. It must be possible to run f more than once.
func Steady(t testing.TB, d time.Duration, f func() error) {
	t.Helper()
	for try := 1; ; try++ {
		worst := Lateness(t)
		err := f()
		late := worst()
		if err == nil {
			return
		}
		if late <= d || try == maxTries {
			t.Errorf("%v (try %d, the machine stood still for %v)", err, try, late)
			return
		}
		t.Logf("again, because the machine stood still for %v: %v", late, err)
	}
}
