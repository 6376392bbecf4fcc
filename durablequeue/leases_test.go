package durablequeue_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/durablequeue"
)

// A lease lives while it is renewed, and for a while without. It ends before
// another process can get its job.
func TestLeasesEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leases durablequeue.Leases[string]
		one := leases.Begin(t.Context(), "one", time.Now())
		tick := func(err error) (ended int) {
			time.Sleep(durablequeue.RenewInterval)
			ended, got := leases.Renew(func(keys []string) ([]string, error) {
				if !slices.Equal(keys, []string{"one"}) {
					t.Errorf("asked for %q", keys)
				}
				return keys, err
			})
			if got != err {
				t.Errorf("Renew: %v, want %v", got, err)
			}
			return ended
		}
		for range 100 {
			if tick(nil) != 0 || one.Context().Err() != nil {
				t.Fatal("a lease ended that was renewed")
			}
		}
		lastRenewal, lastTick := time.Now(), time.Now()
		over := make(chan time.Time, 1)
		context.AfterFunc(one.Context(), func() { over <- time.Now() })
		ended := 0
		for ended == 0 && time.Since(lastRenewal) < time.Minute {
			// The storage does not answer for most of the time until the next renewal.
			time.Sleep(time.Until(lastTick.Add(durablequeue.RenewInterval)))
			lastTick = time.Now()
			ended, _ = leases.Renew(func([]string) ([]string, error) {
				time.Sleep(durablequeue.RenewInterval * 4 / 5)
				return nil, errSome
			})
		}
		if took := (<-over).Sub(lastRenewal); ended != 1 || took != durablequeue.LeaseTime-durablequeue.RenewInterval {
			t.Errorf("%d leases ended, after %v", ended, took)
		}
		if tick(errSome) != 0 {
			t.Error("a lease ended twice")
		}
		one.Cancel()
		if keys := leases.Keys(); len(keys) != 1 {
			t.Errorf("%q are left before End", keys)
		}
		one.End()
		if keys := leases.Keys(); keys == nil || len(keys) != 0 {
			t.Errorf("%q are left", keys)
		}
	})
}

// The lease of a job that another process has ends at once. One that began while
// the storage was asked belongs to another attempt, and goes on.
func TestLeasesOfJobsThatOthersHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leases durablequeue.Leases[int]
		ours, theirs, again := leases.Begin(t.Context(), 1, time.Now()), leases.Begin(t.Context(), 2, time.Now()), leases.Begin(t.Context(), 3, time.Now())
		time.Sleep(time.Second)
		var second *durablequeue.Lease[int]
		ended, err := leases.Renew(func(keys []int) ([]int, error) {
			time.Sleep(time.Second)
			again.End()
			second = leases.Begin(context.Background(), 3, time.Now())
			return []int{1}, nil
		})
		if ended != 1 || err != nil || ours.Context().Err() != nil || theirs.Context().Err() == nil || second.Context().Err() != nil {
			t.Errorf("%d ended, %v; ours: %v, theirs: %v, the second: %v", ended, err, ours.Context().Err(), theirs.Context().Err(), second.Context().Err())
		}
		again.End() // has no effect on the second
		if keys := leases.Keys(); len(keys) != 3 {
			t.Errorf("%d are left, want 3", len(keys))
		}
	})
}
