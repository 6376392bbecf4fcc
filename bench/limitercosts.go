package main

import (
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

const costTable = "What a decision costs"

// limiterCosts is what one decision takes besides time.
func limiterCosts(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	b.step("limiter: round trips, allocations, bytes")
	for _, t := range append([]target{floorTarget, getTarget}, limiters...) {
		must(tb, admin.FlushAll(tb.Context()).Err())
		b.costs(tb, addr, t, keys(2_000))
		if t.memory {
			d, end := open(tb, t, at(addr))
			total, usage := bytesPerKey(tb, admin, d, pick(b, 200, 50))
			end()
			b.add(costTable, t.name, "", "bytes per key at 25 calls", total)
			b.add(costTable, t.name, "", "of these by MEMORY USAGE", usage)
		}
	}
	const hot = "ours, hot denied key"
	denied := ours
	denied.name = hot
	b.costs(tb, addr, denied, []string{"hot"})
	figure := func(name, measure string) float64 { return b.value(costTable, name, "", measure) }
	b.hold("L2", "round trips per decision", figure(ours.name, "round trips"), "=", 1)
	b.hold("L2", "round trips of one request with three policies", b.threePolicies(tb, addr), "=", 1)
	b.hold("L6", "bytes per key at 25 calls", figure(ours.name, "bytes per key at 25 calls"), "<=", 245)
	b.hold("L7", "hot denied key, round trips", figure(hot, "round trips"), "=", 0)
	b.hold("L7", "hot denied key, allocations", figure(hot, "allocations alone"), "<=", 0.01)
	b.hold("L9", "allocations per decision, alone", figure(ours.name, "allocations alone"), "<=", 12)
	b.hold("L9", "allocations per decision, 64 callers", figure(ours.name, "allocations at 64 callers"), "<=", 6)
}

// costs counts a target's round trips and allocations.
func (b *bench) costs(tb redistest.TB, addr string, t target, names []string) {
	asker := func(d decide) func(i int) {
		return func(i int) {
			if _, err := d(tb.Context(), names[i%len(names)]); err != nil {
				tb.Errorf("%s: %v", t.name, err)
			}
		}
	}
	// Round trips: the later calls of each key, when scripts are loaded.
	w := &wire{}
	d, end := open(tb, t, place{addrs: []string{addr}, dial: w.dial})
	ask := asker(d)
	for i := range 100 {
		ask(i % 50)
	}
	before := w.writes.Load()
	for i := range 50 {
		ask(i)
	}
	b.add(costTable, t.name, "", "round trips", float64(w.writes.Load()-before)/50)
	end()
	d, end = open(tb, t, at(addr))
	defer end()
	ask = asker(d)
	b.add(costTable, t.name, "", "allocations alone", allocations(1, pick(b, 10_000, 2_000), ask))
	b.add(costTable, t.name, "", "allocations at 64 callers", allocations(64, pick(b, 40_000, 5_000), ask))
}

// threePolicies is the round trips of a request that asks for its caller, its
// client and its address at once.
func (b *bench) threePolicies(tb redistest.TB, addr string) float64 {
	w := &wire{}
	client := place{addrs: []string{addr}, dial: w.dial}.client()
	defer func() { _ = client.Close() }()
	store, err := redisstore.New(client, redisstore.Options{Timeout: patient, Logger: quiet})
	must(tb, err)
	ask := func() {
		_, err := store.Allow(tb.Context(),
			recovery.LimitRequest{Key: "three:caller", Policy: never},
			recovery.LimitRequest{Key: "three:client", Policy: limitPolicy},
			recovery.LimitRequest{Key: "three:lead", Policy: hourPolicy})
		must(tb, err)
	}
	ask() // which may load scripts
	before := w.writes.Load()
	const n = 10
	for range n {
		ask()
	}
	return float64(w.writes.Load()-before) / n
}

// bytesPerKey is what Redis keeps of one caller after 25 calls, all keys of the
// limiter together.
func bytesPerKey(tb redistest.TB, admin *redis.Client, d decide, callers int) (bytes, usageOnly float64) {
	must(tb, admin.FlushAll(tb.Context()).Err())
	for _, key := range keys(callers) {
		for range limitN {
			if _, err := d(tb.Context(), key); err != nil {
				tb.Fatalf("%v", err)
			}
		}
	}
	n := keyCount(tb, admin)
	usage, expiry := keyMemory(tb, admin)
	perCaller := n / float64(callers)
	return (usage + expiry) * perCaller, usage * perCaller
}

func keyCount(tb redistest.TB, admin *redis.Client) float64 {
	n, err := admin.DBSize(tb.Context()).Result()
	must(tb, err)
	return float64(n)
}

// keyMemory is what a key takes on average: by MEMORY USAGE, of which a thousand
// keys are asked for, and in the table of expiries, which that leaves out.
func keyMemory(tb redistest.TB, admin *redis.Client) (usage, expiry float64) {
	ctx := tb.Context()
	sampled := 0
	for found := admin.Scan(ctx, 0, "*", 1000).Iterator(); sampled < 1000 && found.Next(ctx); sampled++ {
		n, err := admin.MemoryUsage(ctx, found.Val(), 0).Result()
		must(tb, err)
		usage += float64(n)
	}
	stats, err := admin.Do(ctx, "memory", "stats").Result()
	must(tb, err)
	all, _ := stats.(map[any]any)
	db, _ := all["db.0"].(map[any]any)
	table, ok := db["overhead.hashtable.expires"].(int64)
	if !ok || sampled == 0 {
		tb.Fatalf("the server does not say what its keys take")
	}
	return usage / float64(sampled), float64(table) / keyCount(tb, admin)
}
