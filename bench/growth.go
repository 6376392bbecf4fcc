package main

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

const (
	growthTable   = "Growth"
	growthCallers = 64
)

var (
	// hourPolicy keeps every key alive, and a key that was called a millisecond
	// ago is let through again: so a decision costs the same however few keys
	// share the calls.
	hourPolicy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}, ThenOneEvery: time.Millisecond}
	// abusePolicy denies the second call.
	abusePolicy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
)

// growthPart is H7's: what becomes of cost and memory as everything grows a
// thousandfold.
func growthPart(tb redistest.TB, b *bench) {
	server := redistest.Start(tb)
	undo, _ := split(server.PID())
	defer undo()
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	sizes := pick(b, []int{1_000, 10_000, 100_000, 1_000_000}, []int{1_000, 100_000})
	for _, size := range sizes {
		b.step("growth: %d", size)
		setting := number(float64(size))
		growth(tb, b, server, "live limiter keys", setting, size, func(store *redisstore.Store) (fill, cost op) {
			key := keyNames()
			ask := func(ctx context.Context, n int) error {
				_, err := store.Allow(ctx, recovery.LimitRequest{Key: key(n), Policy: hourPolicy})
				return err
			}
			return spread(size, ask), random(size, ask)
		})
		growth(tb, b, server, "live tokens", setting, size, func(store *redisstore.Store) (fill, cost op) {
			// A claim would end what is to be there, and peeking reads the same.
			return spread(size, func(ctx context.Context, n int) error {
					_, err := store.Put(ctx, names.slotOf(n), names.specOf(n))
					return err
				}), random(size, func(ctx context.Context, n int) error {
					_, err := store.Peek(ctx, names.ref(n))
					return err
				})
		})
		growth(tb, b, server, "attackers over their limit", setting, size, func(store *redisstore.Store) (fill, cost op) {
			key := keyNames()
			ask := func(ctx context.Context, n int) error {
				_, err := store.Allow(ctx, recovery.LimitRequest{Key: key(n), Policy: abusePolicy})
				return err
			}
			return spread(size, func(ctx context.Context, n int) error {
				if err := ask(ctx, n); err != nil {
					return err
				}
				return ask(ctx, n) // denied, and remembered
			}), random(size, ask)
		})
	}
	growthGoals(b, sizes)
}

// growthGoals holds the largest against the smallest.
func growthGoals(b *bench, sizes []int) {
	first, last := number(float64(sizes[0])), number(float64(sizes[len(sizes)-1]))
	ratio := func(what, measure, to, from string) float64 {
		return b.value(growthTable, what, to, measure) / b.value(growthTable, what, from, measure)
	}
	for _, what := range []string{"live limiter keys", "live tokens"} {
		b.hold("H7", what+", cost per request, "+last+" against "+first, 1/ratio(what, "x floor", last, first), "<=", 1.15)
		b.hold("H7", what+", bytes per key, "+last+" against "+first, ratio(what, "bytes per key", last, first), "<=", 1.15)
		b.hold("H7", what+", our memory, "+last+" against "+first, ratio(what, "our MiB", last, first), "<=", 1.15)
	}
	const attackers = "attackers over their limit"
	// Few attackers are answered from memory, many partly by Redis: what must
	// not grow is the price over that of anybody else.
	b.hold("H7", "attackers, cost per request x that of ordinary callers, "+last,
		b.value(growthTable, "live limiter keys", last, "x floor")/b.value(growthTable, attackers, last, "x floor"), "<=", 1.15)
	// The memory of denials grows up to its bound, which is 65,536 keys.
	if b.slowly("our memory for distinct attackers beyond the bound of the memory of denials (H7)") {
		before := number(float64(sizes[len(sizes)-2]))
		b.hold("H7", "attackers, our memory, "+last+" against "+before, ratio(attackers, "our MiB", last, before), "<=", 1.15)
	}
}

// keyNames makes keys as they are asked for: to hold a million of them would be
// this program's memory, not the store's.
func keyNames() func(n int) string {
	return func(n int) string { return numbered("caller:000000000000", n) }
}

// spread calls f once for each number below n.
func spread(n int, f func(ctx context.Context, n int) error) op {
	return func(ctx context.Context, caller, i int) error {
		if at := i*growthCallers + caller; at < n {
			return f(ctx, at)
		}
		return nil
	}
}

// random calls f for numbers below n.
func random(n int, f func(ctx context.Context, n int) error) op {
	return func(ctx context.Context, _, _ int) error { return f(ctx, rand.IntN(n)) }
}

// growth fills a store, and measures what a request then costs and what is
// kept of each.
func growth(tb redistest.TB, b *bench, server *redistest.Server, what, setting string, size int,
	use func(store *redisstore.Store) (fill, cost op)) {
	ctx := tb.Context()
	admin := server.Client(tb)
	must(tb, admin.FlushAll(ctx).Err())
	store, end := openStore(tb, server.Addr, redisstore.Options{})
	defer end()
	fill, cost := use(store)
	// Connections and scripts are there before anything is looked at.
	must(tb, run(ctx, load{callers: growthCallers, most: growthCallers * 8}, fill).err)
	must(tb, admin.FlushAll(ctx).Err())
	s := run(ctx, load{callers: growthCallers, most: (size + growthCallers - 1) / growthCallers * growthCallers}, fill)
	must(tb, s.err)
	usage, expiry := keyMemory(tb, admin)
	b.add(growthTable, what, setting, "bytes per key", usage+expiry)
	cheap, floor := b.operations(tb, server.Addr, what+", "+setting, growthCallers, cost)
	b.add(growthTable, what, setting, "x floor", cheap.speedup(floor))
	b.add(growthTable, what, setting, "p99 us", median(cheap.each(p99Micros)))
	b.add(growthTable, what, setting, "our MiB", heapMiB())
	runtime.KeepAlive(store)
}

// heapMiB is what this process has on its heap after it was cleaned.
func heapMiB() float64 {
	runtime.GC()
	runtime.GC() // what the first one's pools gave up
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
