package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// callerCounts is how many ask at once.
var callerCounts = []int{1, 16, 64, 256}

// keys are names of the length that callers have.
func keys(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("caller:%012d", i)
	}
	return names
}

// manyKeys is how many keys it takes that a call is denied hardly ever, and
// that there are several calls in the window of most: what is compared is the
// work of admitting.
func manyKeys(callers int) int {
	if callers == 1 {
		return 1_500
	}
	return 12_000
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
	limiterDenials(tb, b, server.Addr, admin)
	limiterCosts(tb, b, server.Addr, admin)
	groupSizes(tb, b, server.Addr, admin)
	scriptTimes(tb, b, server.Addr, admin)
	undo()
	limiterFar(tb, b, server)
}

// open opens a target and ends the run if it cannot.
func open(tb redistest.TB, t target, p place) (decide, func()) {
	d, end, err := t.open(p)
	if err != nil {
		tb.Fatalf("%s: %v", t.name, err)
	}
	return d, end
}

// asking is a target as an op over keys, of which no two callers use the same
// at once if there are more keys than callers.
func asking(d decide, names []string, callers int, admitted *atomic.Int64) op {
	return func(ctx context.Context, caller, i int) error {
		ok, err := d(ctx, names[(i*callers+caller)%len(names)])
		if ok && admitted != nil {
			admitted.Add(1)
		}
		return err
	}
}

// A contest is targets that were measured in turn with the floor.
type contest struct {
	table, setting string
	floor          series
	of             map[string]series // by the target's name
}

// compete measures limiters in turn with the floor, each on so many keys of its
// own, writes what they reached, and keeps the floor for the account of drift.
func (b *bench) compete(tb redistest.TB, p place, table string, targets []target, keyCount, callers int) contest {
	setting := callersSetting(callers)
	b.step("%s: %s", table, setting)
	ctx := tb.Context()
	admitted := make([]atomic.Int64, len(targets)+1)
	slices := make([]slice, len(targets)+1)
	for n, t := range append([]target{floorTarget}, targets...) {
		d, end := open(tb, t, p)
		defer end()
		names := keys(keyCount)
		for i := range names {
			// Two ways to use ours would otherwise share their windows.
			names[i] = fmt.Sprintf("%02d:%s", n, names[i])
		}
		l := load{callers: callers, length: b.slice}
		// Connections, scripts and the first windows are not the subject.
		warm := run(ctx, load{callers: callers, length: b.slice / 2}, asking(d, names, callers, nil))
		l.start = warm.ops / callers
		if t.local && keyCount == 1 {
			l.every = 64
		}
		slices[n] = func() sample {
			s := run(ctx, l, asking(d, names, callers, &admitted[n]))
			l.start += s.ops / callers
			return s
		}
	}
	all := inTurn(b.rounds, slices)
	c := contest{table, setting, all[0], map[string]series{}}
	b.floors = append(b.floors, floorRun{
		setting: table + ", " + setting, callers: callers, elsewhere: len(p.addrs) > 1 || p.far, rates: c.floor.each(sample.rate),
	})
	for n, t := range targets {
		s := all[n+1]
		c.of[t.name] = s
		b.addSeries(table, t.name, setting, s, c.floor)
		asked := 0
		for _, one := range s {
			asked += one.ops
		}
		b.add(table, t.name, setting, "admitted %", 100*float64(admitted[n+1].Load())/float64(max(1, asked)))
		if share, err := s.failures(); err != nil {
			b.note("%s, %s: %.2g %% errors, the first: %v", t.name, setting, 100*share, err)
		}
	}
	if _, err := c.floor.failures(); err != nil {
		tb.Fatalf("the floor failed: %v", err)
	}
	return c
}

// addSeries writes what a series reached beside the floor.
func (b *bench) addSeries(table, name, setting string, s, floor series) {
	b.add(table, name, setting, "per second", median(s.each(sample.rate)))
	b.add(table, name, setting, "floor", median(floor.each(sample.rate)))
	b.add(table, name, setting, "x floor", s.speedup(floor))
	b.add(table, name, setting, "p50 us", median(s.each(p50Micros)))
	b.add(table, name, setting, "p99 us", median(s.each(p99Micros)))
	b.add(table, name, setting, "p99 x floor", s.over(floor, p99Micros))
}

const speedTable = "Limiter, 25 in 5 s, many keys"

func callersSetting(callers int) string {
	if callers == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", callers)
}

// limiterSpeed is about calls that are admitted.
func limiterSpeed(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	for _, callers := range callerCounts {
		c := b.compete(tb, at(addr), speedTable, append([]target{getTarget}, limiters...), manyKeys(callers), callers)
		must(tb, admin.FlushAll(tb.Context()).Err())
		own := c.of[ours.name]
		if callers == 1 {
			b.hold("L3", "x floor, 1 caller", own.speedup(c.floor), ">=", 0.75)
			b.hold("L3", "x redis_rate, 1 caller", own.speedup(c.of[redisRate.name]), ">=", 1)
			continue
		}
		of := ", " + c.setting
		b.hold("L4", "x floor"+of, own.speedup(c.floor), ">=", map[int]float64{16: 1.3, 64: 1.9, 256: 2.5}[callers])
		b.hold("L4", "x rueidislimiter"+of, own.speedup(c.of[rueidisLimiter.name]), ">=", 1)
		if callers == 64 {
			b.hold("L4", "p99 x floor's"+of, own.over(c.floor, p99Micros), "<=", 0.45)
		}
	}
}

// limiterDenials is about one key that is far over its limit.
func limiterDenials(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	for _, callers := range pick(b, callerCounts, []int{1, 64}) {
		c := b.compete(tb, at(addr), "Limiter, one key over its limit",
			[]target{redisRate, rueidisLimiter, zset, ours, oursAsking}, 1, callers)
		must(tb, admin.FlushAll(tb.Context()).Err())
		b.hold("L7", "hot denied key, x floor, "+c.setting, c.of[ours.name].speedup(c.floor), ">=", 80)
	}
}

// limiterFar has a network in between.
func limiterFar(tb redistest.TB, b *bench, server *redistest.Server) {
	var addr string
	stop := startChild(tb, "proxy", childArgs{Redis: server.Addr, Micros: 2200}, &addr, "GOMAXPROCS=256")
	defer stop()
	p := at(addr)
	p.far = true
	c := b.compete(tb, p, "Limiter, 2.2 ms away",
		[]target{redisRate, httprateCounter, rueidisLimiter, ours, oursContexts}, manyKeys(64), 64)
	b.hold("L4", "x floor at 2.2 ms, 64 callers", c.of[ours.name].speedup(c.floor), ">=", 3.5)
}

func must(tb redistest.TB, err error) {
	if err != nil {
		tb.Helper()
		tb.Fatalf("%v", err)
	}
}
