package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// faultsPart measures what faults cost. That nothing is let through and no link
// is burnt is what the tests of redisstore are about.
func faultsPart(tb redistest.TB, b *bench) {
	lostReplies(tb, b)
	frozen(tb, b)
	replicated(tb, b)
}

// lostReplies resets connections between a claim and its reply, and has the
// caller claim again by the same id, as a Service does.
func lostReplies(tb redistest.TB, b *bench) {
	n := pick(b, 100_000, 500)
	b.step("faults: %d lost replies", n)
	server := redistest.Start(tb)
	proxy := server.Proxy(tb)
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	writer, endWriter := openStore(tb, server.Addr, redisstore.Options{})
	defer endWriter()
	store, end := openStore(tb, proxy.Addr, redisstore.Options{NoBatching: true})
	defer end()
	burnt, twice := 0, 0
	for i := range n {
		_, err := writer.Put(tb.Context(), names.slotOf(i), names.specOf(i))
		must(tb, err)
		before := proxy.Commands("EVALSHA", "EVAL")
		proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Reset, Commands: []string{"EVALSHA"}, Times: 1})
		_, err = store.Claim(tb.Context(), claimID(0, i), names.ref(i))
		if ran := proxy.Commands("EVALSHA", "EVAL") - before; ran > 1 {
			twice++
		}
		proxy.Clear()
		if err == nil {
			continue // the reply came before the reset
		}
		// A breaker may have opened; it closes within a tenth of a second.
		for range 100 {
			if _, err = store.Claim(tb.Context(), claimID(0, i), names.ref(i)); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err != nil {
			burnt++
		}
	}
	b.hold("R1", fmt.Sprintf("%d lost replies, scripts that ran twice unasked", n), float64(twice), "=", 0)
	b.hold("R1", fmt.Sprintf("%d lost replies, links burnt", n), float64(burnt), "=", 0)
}

// frozen has 64 callers ask a Redis that stops answering.
func frozen(tb redistest.TB, b *bench) {
	b.step("faults: a frozen server")
	const budget = 250 * time.Millisecond
	const table = "A server that freezes, 64 callers"
	for _, how := range []struct {
		name    string
		options redisstore.Options
	}{{"plain client", redisstore.Options{NoBatching: true}}, {"batched", redisstore.Options{}}} {
		server := redistest.Start(tb)
		how.options.Timeout = budget
		store, end := openStore(tb, server.Addr, how.options)
		ask := func(n int) error {
			_, err := store.Allow(tb.Context(), recovery.LimitRequest{Key: "frozen:" + strconv.Itoa(n), Policy: hourPolicy})
			return err
		}
		must(tb, ask(0))
		server.Freeze()
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			longest time.Duration
			refused []time.Duration
		)
		until := time.Now().Add(2 * time.Second)
		for caller := range 64 {
			wg.Go(func() {
				for i := 0; time.Now().Before(until); i++ {
					asked := time.Now()
					err := ask(caller + 64*i)
					took := time.Since(asked)
					mu.Lock()
					longest = max(longest, took)
					if errors.Is(err, redisstore.ErrDown) && i%100 == 0 {
						refused = append(refused, took)
					}
					mu.Unlock()
					if errors.Is(err, redisstore.ErrDown) {
						time.Sleep(time.Millisecond) // callers do not spin
					}
				}
			})
		}
		wg.Wait()
		server.Thaw()
		thawed := time.Now()
		for ask(1) != nil {
			if time.Since(thawed) > 10*time.Second {
				tb.Fatalf("not open again after 10 s")
			}
			time.Sleep(time.Millisecond)
		}
		reopened := time.Since(thawed)
		end()
		b.add(table, how.name, "", "longest wait ms", micros(longest)/1000)
		b.add(table, how.name, "", "open again after ms", micros(reopened)/1000)
		b.hold("R2", how.name+", longest wait over the budget, ms", micros(longest-budget)/1000, "<=", 10)
		b.hold("R2", how.name+", open again after, ms", micros(reopened)/1000, "<=", 250)
		if len(refused) > 0 {
			b.add(table, how.name, "", "refusal us", micros(median(refused)))
			b.hold("R2", how.name+", a call while it is down, us", micros(median(refused)), "<=", 10)
		}
	}
}

// replicated is what it costs that a claim waits for a replica.
func replicated(tb redistest.TB, b *bench) {
	b.step("faults: claims that wait for a replica")
	replicas := redistest.StartMasterReplica(tb, 1)
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	const callers = 64
	one, endOne := openStore(tb, replicas.Master.Addr, redisstore.Options{NoBatching: true, Timeout: 5 * time.Second})
	defer endOne()
	two, endTwo := openStore(tb, replicas.Master.Addr, redisstore.Options{NoBatching: true, Replicas: 1, Timeout: 5 * time.Second})
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
	p := paired(b.rounds, func(int) sample { return claim(one) }, func(int) sample { return claim(two) })
	if p.err != nil {
		tb.Fatalf("%v", p.err)
	}
	b.add("Claims that wait for a replica, 64 callers", "with one", "", "per second", p.rate)
	b.add("Claims that wait for a replica, 64 callers", "without", "", "per second", p.floor)
	b.hold("R4", "claims with one replica required, x without", p.ratio, ">=", 0.58)
}
