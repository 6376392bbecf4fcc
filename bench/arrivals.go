package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// A callLog is the calls of one key.
type callLog struct {
	sync.Mutex
	calls []call
}

// manyArrivals are a million random calls of ours, by 64 callers as fast as
// they can, against the same judge. If callers leave, every tenth call is given
// up at once: some before they are sent, some while they are under way.
func manyArrivals(tb redistest.TB, b *bench, server *redistest.Server, leave bool) {
	total := pick(b, 1_000_000, 100_000)
	what := fmt.Sprintf("%d random arrivals", total)
	if leave {
		what += ", every tenth caller leaves"
	}
	b.step("accuracy: %s", what)
	must(tb, server.Client(tb).FlushAll(tb.Context()).Err())
	d, end := open(tb, ours, at(server.Addr))
	defer end()
	// As many keys as are called about as often as the limit.
	logs := make([]callLog, pick(b, 8_000, 3_000))
	names := keys(len(logs))
	// Connections stay, so they are not counted as left behind.
	must(tb, run(tb.Context(), load{callers: 64, most: 6_400}, func(ctx context.Context, caller, i int) error {
		_, err := d(ctx, fmt.Sprintf("warm:%d:%d", caller, i))
		return err
	}).err)
	goroutines, heap := runtime.NumGoroutine(), heapMiB()
	began := time.Now()
	s := run(tb.Context(), load{callers: 64, most: total}, func(ctx context.Context, _, i int) error {
		k := rand.IntN(len(logs))
		leaves := leave && i%10 == 0
		if leaves {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(300))*time.Microsecond)
			defer cancel()
		}
		sent := time.Since(began)
		ok, err := d(ctx, names[k])
		answered := time.Since(began)
		if err != nil && leaves {
			// It may still be under way, as long as a call can be.
			answered = sent + patient
		} else if err != nil {
			return err
		}
		logs[k].Lock()
		logs[k].calls = append(logs[k].calls, call{sent: sent, answered: answered, admitted: ok && err == nil, unknown: err != nil})
		logs[k].Unlock()
		return nil
	})
	must(tb, s.err)
	left := settled(goroutines) - goroutines
	over, refused, admitted, unknown := 0, 0, 0, 0
	for i := range logs {
		slices.SortFunc(logs[i].calls, func(a, b call) int { return cmp.Compare(a.sent, b.sent) })
		most, f := judge(logs[i].calls, limitN, limitWindow)
		if most > limitN {
			over++
		}
		refused += f
		for _, c := range logs[i].calls {
			if c.admitted {
				admitted++
			}
			if c.unknown {
				unknown++
			}
		}
	}
	keyCount := len(logs)
	logs = nil // this program's, not the store's
	b.note("Of %s on %d keys in %v, %d were admitted; %d callers left without an answer.", what, keyCount, s.elapsed.Round(time.Millisecond), admitted, unknown)
	b.hold("L1", what+", keys over their limit", float64(over), "=", 0)
	b.hold("L1", what+", refused falsely", float64(refused), "=", 0)
	if leave {
		b.hold("L1", what+", goroutines left behind", float64(left), "<=", 0)
		// The memory of denials has grown meanwhile, by 100 bytes or so a key.
		b.hold("L1", what+", memory left behind, MiB", heapMiB()-heap, "<=", 3)
	}
}

// settled is how many goroutines there are once no more than before are left,
// or after the time that a call can take.
func settled(before int) int {
	for until := time.Now().Add(patient); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if n := runtime.NumGoroutine(); n <= before {
			return n
		}
	}
	return runtime.NumGoroutine()
}
