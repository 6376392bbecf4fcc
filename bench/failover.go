package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// failover compares the outage of a Sentinel failover with that of a bare
// client in the same failover.
func failover(tb redistest.TB, b *bench) {
	if !b.slowly("Sentinel failovers (R3)") {
		return
	}
	for _, way := range []string{"killed", "frozen"} {
		var ratios []float64
		stuck := 0
		for range 3 {
			b.step("faults: failover, the master is %s", way)
			// A failed wait ends the goroutine of a TB, and this one's servers
			// end with it.
			must(tb, redistest.Run(tb.Context(), "failover", func(tb redistest.TB) {
				own, bare, failed := oneFailover(tb, way)
				b.note("Failover, the master %s: an outage of %v, for a bare client %v.", way, own.Round(time.Millisecond), bare.Round(time.Millisecond))
				ratios = append(ratios, float64(own)/float64(bare))
				stuck += failed
			}))
		}
		b.hold("R3", "failover, the master "+way+", outage x a bare client's", median(ratios), "<=", 1.10)
		b.hold("R3", "failover, the master "+way+", calls of 64 callers that failed afterwards", float64(stuck), "=", 0)
	}
}

func oneFailover(tb redistest.TB, way string) (own, bare time.Duration, failed int) {
	sentinel := redistest.StartSentinel(tb)
	client := sentinel.FailoverClient(tb)
	store, err := redisstore.New(sentinel.FailoverClient(tb), redisstore.Options{Timeout: budget, Logger: quiet})
	must(tb, err)
	ask := func(key string) error {
		_, err := store.Allow(context.Background(), recovery.LimitRequest{Key: key, Policy: hourPolicy})
		return err
	}
	must(tb, ask("first"))
	set := func() error {
		return client.Eval(context.Background(), "return redis.call('SET', KEYS[1], 1, 'PX', 1000)", []string{"bare"}).Err()
	}
	must(tb, set())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { bare = longestOutage(stop, set) })
	wg.Go(func() { own = longestOutage(stop, func() error { return ask("own") }) })
	time.Sleep(200 * time.Millisecond)
	var old *redistest.Server
	if way == "killed" {
		old = sentinel.KillMaster(tb)
	} else {
		old = sentinel.FreezeMaster(tb)
	}
	sentinel.WaitPromotion(tb, old)
	until := time.Now().Add(20 * time.Second)
	for set() != nil || ask("again") != nil {
		if time.Now().After(until) {
			tb.Fatalf("not served 20 s after the promotion")
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	wg.Wait()
	// Nothing hangs on the old master: 64 at once are served.
	var lost atomic.Int64
	for caller := range 64 {
		wg.Go(func() {
			if ask("after"+strconv.Itoa(caller)) != nil {
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	return own, bare, int(lost.Load())
}

// longestOutage calls f until it is told to stop, and returns the longest time
// between two successes.
func longestOutage(stop <-chan struct{}, f func() error) time.Duration {
	var longest time.Duration
	last := time.Now()
	for {
		select {
		case <-stop:
			return max(longest, time.Since(last))
		default:
		}
		if f() == nil {
			longest, last = max(longest, time.Since(last)), time.Now()
		}
		time.Sleep(time.Millisecond)
	}
}

// replicated is what it costs that a claim waits for a replica.
func replicated(tb redistest.TB, b *bench) {
	b.step("faults: claims that wait for a replica")
	replicas := redistest.StartMasterReplica(tb, 1)
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	const callers = 64
	one, endOne := openStore(tb, replicas.Master.Addr, redisstore.Options{})
	defer endOne()
	two, endTwo := openStore(tb, replicas.Master.Addr, redisstore.Options{Replicas: 1})
	defer endTwo()
	n := pick(b, 64_000, 6_400)
	next := 0
	claim := func(store *redisstore.Store) sample {
		from := next
		next += n
		putTokens(tb, one, names, from, n)
		return run(tb.Context(), load{callers: callers, most: n}, func(ctx context.Context, caller, i int) error {
			_, err := store.Claim(ctx, claimID(caller, i), names.ref(from+i*callers+caller))
			return err
		})
	}
	claim(one)
	claim(two)
	both := inTurn(b.rounds, []slice{
		func() sample { return claim(one) },
		func() sample { return claim(two) },
	})
	for _, s := range both {
		if _, err := s.failures(); err != nil {
			tb.Fatalf("%v", err)
		}
	}
	const table = "Claims that wait for a replica, 64 callers"
	b.add(table, "without", "", "per second", median(both[0].each(sample.rate)))
	b.add(table, "with one", "", "per second", median(both[1].each(sample.rate)))
	b.hold("R4", "claims with one replica required, x without", both[1].speedup(both[0]), ">=", 0.58)
}

// stalledLink promotes a replica whose link has stalled while claims went on.
// Without required replicas claims are lost, which shows that this can fail.
func stalledLink(tb redistest.TB, b *bench) {
	for _, required := range []int{1, 0} {
		b.step("faults: a replica behind a stalled link takes over, %d required", required)
		replicas := redistest.StartMasterReplica(tb, 1)
		var names tokenNames
		names.slot, names.spec = realToken(tb)
		store, end := openStore(tb, replicas.Master.Addr, redisstore.Options{Timeout: budget, Replicas: required})
		defer end()
		const tokens = 400
		putTokens(tb, store, names, 0, tokens)
		replicas.WaitSync(tb)
		won := make([]bool, tokens)
		var next, acknowledged atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < tokens; i = next.Add(1) - 1 {
					if i == tokens/2 {
						replicas.Stall(0)
					}
					_, err := store.Claim(tb.Context(), "stalled", names.ref(int(i)))
					if won[i] = err == nil; won[i] {
						acknowledged.Add(1)
					} else if i > tokens/2 {
						return // each more takes its budget
					}
				}
			})
		}
		wg.Wait()
		promoted := replicas.Promote(tb, 0)
		replicas.Master.Kill()
		after, endAfter := openStore(tb, promoted.Addr, redisstore.Options{})
		defer endAfter()
		lost := 0
		for i := range tokens {
			if !won[i] {
				continue
			}
			if _, err := after.Claim(tb.Context(), "other", names.ref(i)); err == nil {
				lost++
			}
		}
		const table = "A replica behind a stalled link takes over"
		setting := fmt.Sprintf("%d required", required)
		b.add(table, "claims", setting, "acknowledged", float64(acknowledged.Load()))
		b.add(table, "claims", setting, "lost", float64(lost))
		if required > 0 {
			b.hold("R4", "acknowledged claims lost behind a stalled link", float64(lost), "=", 0)
			b.hold("R4", "acknowledged claims, so that some can be lost", float64(acknowledged.Load()), ">=", 1)
		} else if lost == 0 {
			b.note("Behind a stalled link nothing was lost without required replicas, so that figure proves nothing.")
		}
	}
}
