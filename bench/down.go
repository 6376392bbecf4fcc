package main

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// clientWays are options that a host's client may have.
var clientWays = []struct {
	name string
	edit func(*redis.Options)
}{
	{"default client", func(*redis.Options) {}},
	{"ContextTimeoutEnabled", func(o *redis.Options) { o.ContextTimeoutEnabled = true }},
	{"no read timeout, 2 connections, 10 retries", fewConnections},
	// What doc.go of redisstore says for clients like the one before.
	{"the same with DialerRetries 1000", func(o *redis.Options) {
		fewConnections(o)
		o.DialerRetries, o.DialerRetryTimeout = 1000, 50*time.Millisecond
	}},
}

func fewConnections(o *redis.Options) { o.ReadTimeout, o.PoolSize, o.MaxRetries = -1, 2, 10 }

// down has 64 callers ask a Redis that freezes, and one that refuses
// connections, through clients of different options.
func down(tb redistest.TB, b *bench) {
	ways := clientWays
	if !b.slowly("a Redis that is down, seen by clients of other than default options (R2)") {
		ways = ways[:1]
	}
	for _, way := range ways {
		for _, fault := range []string{"frozen", "refused"} {
			b.step("faults: %s, %s", fault, way.name)
			server := redistest.Start(tb)
			proxy := server.Proxy(tb)
			store, end := openStore(tb, proxy.Addr, redisstore.Options{Timeout: budget}, way.edit)
			outage := map[string]struct{ begin, end func() }{
				"frozen":  {server.Freeze, server.Thaw},
				"refused": {func() { proxy.Refuse(); proxy.CutAll() }, proxy.Accept},
			}[fault]
			oneOutage(tb, b, fault+", "+way.name, store, outage.begin, outage.end)
			end()
			server.Kill()
		}
	}
}

// oneOutage measures how long callers wait while Redis is down, and when it is
// used again.
func oneOutage(tb redistest.TB, b *bench, name string, store *redisstore.Store, begin, end func()) {
	const table = "A server that is down, 64 callers, budget 500 ms"
	ask := func(n int) error {
		_, err := store.Allow(tb.Context(), recovery.LimitRequest{Key: "down:" + strconv.Itoa(n), Policy: hourPolicy})
		return err
	}
	must(tb, ask(0))
	begin()
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		longest time.Duration
		refused []time.Duration
	)
	until := time.Now().Add(4 * budget)
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
	end()
	ended := time.Now()
	for ask(1) != nil {
		if time.Since(ended) > 10*time.Second {
			tb.Fatalf("%s: not open again after 10 s", name)
		}
		time.Sleep(time.Millisecond)
	}
	reopened := time.Since(ended)
	b.add(table, name, "", "longest wait ms", micros(longest)/1000)
	b.add(table, name, "", "open again after ms", micros(reopened)/1000)
	b.hold("R2", name+", longest wait over the budget, ms", micros(longest-budget)/1000, "<=", 10)
	b.hold("R2", name+", open again after, ms", micros(reopened)/1000, "<=", 250)
	if len(refused) == 0 {
		b.note("%s: no call was refused at once.", name)
		return
	}
	b.add(table, name, "", "refusal us", micros(median(refused)))
	b.hold("R2", name+", a call while it is down, us", micros(median(refused)), "<=", 10)
}
