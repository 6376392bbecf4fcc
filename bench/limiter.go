package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// keys are names of the length that callers have.
func keys(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("caller:%012d", i)
	}
	return names
}

// manyKeys is how many keys it takes that hardly any call is denied: what is
// compared is the work of admitting.
func manyKeys(callers int) []string {
	if callers == 1 {
		return keys(4_000)
	}
	return keys(30_000)
}

// limiterPart compares all limiters with the floor.
func limiterPart(tb redistest.TB, b *bench) {
	server := redistest.Start(tb)
	admin := server.Client(tb)
	undo, ok := split(server.PID())
	if !ok {
		b.note("The server and this process could not be given a core each.")
	}
	defer undo()
	limiterSpeed(tb, b, server.Addr, admin)
	limiterCosts(tb, b, server.Addr, admin)
	limiterScripts(tb, b, server.Addr, admin)
	undo()
	limiterFar(tb, b, server)
}

// open opens a target and ends the run if it cannot.
func open(tb redistest.TB, t target, at place) (decide, func()) {
	d, end, err := t.open(at)
	if err != nil {
		tb.Fatalf("%s: %v", t.name, err)
	}
	return d, end
}

// asking is a target as an op over keys, of which no two callers use the same
// at once.
func asking(d decide, names []string, callers int, admitted *atomic.Int64) op {
	return func(ctx context.Context, caller, i int) error {
		ok, err := d(ctx, names[(i*callers+caller)%len(names)])
		if ok && admitted != nil {
			admitted.Add(1)
		}
		return err
	}
}

func limiterSpeed(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	ctx := tb.Context()
	for _, callers := range []int{1, 16, 64} {
		for _, hot := range []bool{false, true} {
			setting := fmt.Sprintf("%d callers, many keys", callers)
			names, targets := manyKeys(callers), append([]target{getTarget}, limiters...)
			if hot {
				setting = fmt.Sprintf("%d callers, one key", callers)
				names = []string{"hot"}
				targets = append(targets, oursPlainAsking, oursBatchedAsking, oursAllow)
			}
			b.step("limiter: %s", setting)
			for _, t := range targets {
				p := b.pairedWithFloor(tb, addr, t, names, callers, hot)
				b.addPair("Limiter, 25 in 5 s", t.name, setting, p)
				b.add("Limiter, 25 in 5 s", t.name, setting, "admitted %", 100*p.admits)
				limiterGoals(b, t, callers, hot, p)
				if err := admin.FlushAll(ctx).Err(); err != nil {
					tb.Fatalf("%v", err)
				}
			}
		}
	}
}

// pairedWithFloor measures a limiter and the floor in turn.
func (b *bench) pairedWithFloor(tb redistest.TB, addr string, t target, names []string, callers int, hot bool) pair {
	ctx := tb.Context()
	floor, endFloor := open(tb, floorTarget, place{addr: addr})
	defer endFloor()
	d, end := open(tb, t, place{addr: addr})
	defer end()
	l := load{callers: callers, length: b.slice}
	if hot && t.local {
		l.every = 64
	}
	var admitted atomic.Int64
	var done int64
	// Connections, scripts and the first windows are not the subject.
	run(ctx, load{callers: callers, length: b.slice / 2}, asking(floor, names, callers, nil))
	warm := run(ctx, load{callers: callers, length: b.slice}, asking(d, names, callers, nil))
	next := warm.ops / callers
	p := paired(b.rounds, func(int) sample {
		return run(ctx, load{callers: callers, length: b.slice}, asking(floor, names, callers, nil))
	}, func(int) sample {
		own := l
		own.start = next
		s := run(ctx, own, asking(d, names, callers, &admitted))
		next += s.ops / callers
		done += int64(s.ops)
		return s
	})
	p.admits = float64(admitted.Load()) / float64(max(1, done))
	if p.err != nil {
		b.note("%s, %d callers: %.2g %% errors, the first: %v", t.name, callers, 100*p.errorShare, p.err)
	}
	return p
}

func (b *bench) addPair(table, target, setting string, p pair) {
	b.add(table, target, setting, "per second", p.rate)
	b.add(table, target, setting, "floor", p.floor)
	b.add(table, target, setting, "x floor", p.ratio)
	b.add(table, target, setting, "p50 us", micros(p.p50))
	b.add(table, target, setting, "p99 us", micros(p.p99))
	b.add(table, target, setting, "p99 x floor", p.p99Ratio)
}

func limiterGoals(b *bench, t target, callers int, hot bool, p pair) {
	at := fmt.Sprintf("x floor, %d callers, many keys", callers)
	switch {
	case !hot && t.name == oursPlain.name:
		b.hold("L3", t.name+", "+at, p.ratio, ">=", map[int]float64{1: 0.95, 16: 0.95, 64: 0.90}[callers])
	case !hot && t.name == oursBatched.name:
		b.hold("L4", t.name+", "+at, p.ratio, ">=", map[int]float64{1: 0.95, 16: 1.40, 64: 1.55}[callers])
		if callers == 64 {
			b.hold("L4", t.name+", p99 x floor's, 64 callers", p.p99Ratio, "<=", 0.70)
		}
	case hot && t.name == oursAllow.name:
		b.hold("L7", fmt.Sprintf("%s, x floor, %d callers", t.name, callers), p.ratio, ">=", 80)
	}
}

// limiterCosts is what one decision takes besides time.
func limiterCosts(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	const table = "What a decision costs"
	b.step("limiter: round trips, allocations, bytes")
	ctx := tb.Context()
	for _, t := range append([]target{floorTarget, getTarget}, append(limiters, oursAllow)...) {
		must(tb, admin.FlushAll(ctx).Err())
		names := keys(2_000)
		if t.name == oursAllow.name {
			names = []string{"hot"}
		}
		// Round trips: the second call of each key, when scripts are loaded.
		w := &wire{}
		d, end := open(tb, t, place{addr: addr, dial: w.dial})
		ask := func(i int) {
			if _, err := d(ctx, names[i%len(names)]); err != nil {
				tb.Fatalf("%s: %v", t.name, err)
			}
		}
		for i := range 100 {
			ask(i % 50)
		}
		before := w.writes.Load()
		for i := range 50 {
			ask(i)
		}
		b.add(table, t.name, "", "round trips", float64(w.writes.Load()-before)/50)
		end()

		d, end = open(tb, t, place{addr: addr})
		b.add(table, t.name, "", "allocations", allocations(pick(b, 10_000, 3_000), ask))
		if t.memory && t.name != oursAllow.name {
			total, usage := bytesPerKey(tb, admin, d)
			b.add(table, t.name, "", "bytes per key at 25 calls", total)
			b.add(table, t.name, "", "of these by MEMORY USAGE", usage)
		}
		end()
	}
	for _, t := range []target{oursPlain, oursBatched} {
		b.hold("L2", t.name+", round trips per decision", b.value(table, t.name, "", "round trips"), "=", 1)
		b.hold("L9", t.name+", allocations per decision", b.value(table, t.name, "", "allocations"), "<=", 10)
	}
	b.hold("L6", "ours, bytes per key at 25 calls", b.value(table, oursPlain.name, "", "bytes per key at 25 calls"), "<=", 245)
	b.hold("L7", oursAllow.name+", round trips", b.value(table, oursAllow.name, "", "round trips"), "=", 0)
	b.hold("L7", oursAllow.name+", allocations", b.value(table, oursAllow.name, "", "allocations"), "<=", 0.01)
}

// bytesPerKey is what Redis keeps of one caller after 25 calls, all keys of the
// limiter together.
func bytesPerKey(tb redistest.TB, admin *redis.Client, d decide) (bytes, usageOnly float64) {
	const callers = 200
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
	return (usage + expiry) * n / callers, usage * n / callers
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

// The least that a script must do which keeps something: read and write it.
const (
	getSet    = `redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return 1`
	getSetTTL = `redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1], 'PX', 5000) return 1`
)

// limiterScripts is the time that scripts take on the server, by its own
// statistics.
func limiterScripts(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	const table = "The script's own time, at 12 calls in the window on average"
	b.step("limiter: script times")
	ctx := tb.Context()
	names := keys(1_000)
	value := strings.Repeat("x", 8+4*12)
	lua := func(source string) decide {
		sha, err := admin.ScriptLoad(ctx, source).Result()
		must(tb, err)
		return func(ctx context.Context, key string) (bool, error) {
			return true, admin.EvalSha(ctx, sha, []string{"getset:" + key}, value).Err()
		}
	}
	// Both in turn, as everywhere; the medians are compared.
	rounds := max(3, b.rounds)
	measure := func(d decide) float64 {
		must(tb, admin.FlushDB(ctx).Err())
		run(ctx, load{callers: 4, most: 4_000}, asking(d, names, 4, nil))
		must(tb, admin.ConfigResetStat(ctx).Err())
		s := run(ctx, load{callers: 4, most: pick(b, 20_000, 6_000), start: 1_000}, asking(d, names, 4, nil))
		if s.err != nil {
			tb.Fatalf("%v", s.err)
		}
		return scriptMicros(tb, admin)
	}
	base, withTTL := lua(getSet), lua(getSetTTL)
	for _, t := range []target{redisRate, ulule, sethvargo, rueidisLimiter, zset, oursPlainAsking} {
		d, end := open(tb, t, place{addr: addr})
		var times, ratios, ttlRatios []float64
		for range rounds {
			low, ttl, own := measure(base), measure(withTTL), measure(d)
			times, ratios, ttlRatios = append(times, own), append(ratios, own/low), append(ttlRatios, own/ttl)
		}
		end()
		b.add(table, t.name, "", "us", median(times))
		b.add(table, t.name, "", "x GET+SET", median(ratios))
		b.add(table, t.name, "", "x GET+SET with a TTL", median(ttlRatios))
	}
	b.hold("L5", "ours, the script's time, x Lua GET+SET with a TTL", b.value(table, oursPlainAsking.name, "", "x GET+SET with a TTL"), "<=", 1.5)
}

// scriptMicros is the server's usec_per_call of the scripts since the last
// reset.
func scriptMicros(tb redistest.TB, admin *redis.Client) float64 {
	info, err := admin.Info(tb.Context(), "commandstats").Result()
	must(tb, err)
	var calls, usec float64
	for line := range strings.Lines(info) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "cmdstat_evalsha" && name != "cmdstat_eval" {
			continue
		}
		for field := range strings.SplitSeq(rest, ",") {
			k, v, _ := strings.Cut(field, "=")
			n, _ := strconv.ParseFloat(v, 64)
			switch k {
			case "calls":
				calls += n
			case "usec":
				usec += n
			}
		}
	}
	return usec / calls
}

// limiterFar has a network in between.
func limiterFar(tb redistest.TB, b *bench, server *redistest.Server) {
	const table = "Limiter, 2.2 ms away, 64 callers"
	b.step("limiter: at 2.2 ms")
	var addr string
	stop := startChild(tb, "proxy", childArgs{Redis: server.Addr, Micros: 2200}, &addr, "GOMAXPROCS=256")
	defer stop()
	for _, t := range []target{redisRate, httprateCounter, rueidisLimiter, oursPlain, oursBatched} {
		p := b.pairedWithFloor(tb, addr, t, manyKeys(64), 64, false)
		b.addPair(table, t.name, "", p)
		if t.name == oursBatched.name {
			b.hold("L4", t.name+", x floor at 2.2 ms, 64 callers", p.ratio, ">=", 3.2)
		}
	}
}

func must(tb redistest.TB, err error) {
	if err != nil {
		tb.Helper()
		tb.Fatalf("%v", err)
	}
}
