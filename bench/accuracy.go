package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// A call is one decision and the span in which it was taken. Clocks are this
// process's, so what is concluded holds for every instant within the spans.
type call struct {
	sent, answered time.Duration // since the beginning
	admitted       bool
	// unknown says that its caller had left before the answer. It may have
	// been admitted.
	unknown bool
}

// A trace is when calls are made, after the edge of a window of a clock that
// counts in fives.
type trace struct {
	name  string
	calls func() []time.Duration
}

func burst(n int, at time.Duration) []time.Duration { return slices.Repeat([]time.Duration{at}, n) }

var traces = []trace{
	{"A: 25 at 4.9 s, 25 at 5.1 s", func() []time.Duration {
		return append(burst(25, 4900*time.Millisecond), burst(25, 5100*time.Millisecond)...)
	}},
	{"B: 1 at 0 s, 24 at 4.9 s, 25 at 5.1 s", func() []time.Duration {
		return append(append(burst(1, 0), burst(24, 4900*time.Millisecond)...), burst(25, 5100*time.Millisecond)...)
	}},
	{"C: 100 a second for 12 s", func() []time.Duration {
		times := make([]time.Duration, 1200)
		for i := range times {
			times[i] = time.Duration(i) * 10 * time.Millisecond
		}
		return times
	}},
	{"D: 25 at 0.2 s, 25 at 5.9 s", func() []time.Duration {
		return append(burst(25, 200*time.Millisecond), burst(25, 5900*time.Millisecond)...)
	}},
}

// randomTrace is arrivals of one key, on average as many as the limit, so that
// it is often just reached.
func randomTrace() []time.Duration {
	var times []time.Duration
	for at := time.Duration(0); at < 12*time.Second; {
		at += time.Duration(rand.ExpFloat64() * float64(limitWindow) / (1.2 * limitN))
		times = append(times, at)
	}
	return times
}

// accuracyPart plays the traces to everybody at once.
func accuracyPart(tb redistest.TB, b *bench) {
	server := redistest.Start(tb)
	var polite obedience
	playTraces(tb, b, at(server.Addr), "Accuracy, 25 in 5 s", limiters, func(edge time.Time) { polite = obey(tb, server, edge) })
	polite.hold(b)
	manyArrivals(tb, b, server, false)
	manyArrivals(tb, b, server, true)
	manyInstances(tb, b, server)
}

// playTraces plays the traces in real time to all targets at once, and calls
// also meanwhile. No limiter here can be given another clock, and windows are
// the real 5 s.
func playTraces(tb redistest.TB, b *bench, p place, table string, targets []target, also func(edge time.Time)) {
	b.step("%s: traces A to D and random arrivals, 13 s", table)
	const randomKeys = 40
	type playing struct {
		target, trace string
		calls         [][]call // of one key each
	}
	var all []*playing
	// A limiter that aligns its windows with the clock does so at whole
	// multiples of them.
	edge := time.Now().Truncate(limitWindow).Add(limitWindow)
	if time.Until(edge) < time.Second {
		edge = edge.Add(limitWindow)
	}
	var wg sync.WaitGroup
	for n, t := range targets {
		d, end := open(tb, t, p)
		defer end()
		start := func(name string, times ...[]time.Duration) {
			p := &playing{t.name, name, make([][]call, len(times))}
			all = append(all, p)
			for i := range times {
				key := fmt.Sprintf("%d:%c%d", n, name[0], i)
				wg.Go(func() { p.calls[i] = play(tb.Context(), d, key, edge, times[i]) })
			}
		}
		for _, tr := range traces {
			start(tr.name, tr.calls())
		}
		times := make([][]time.Duration, randomKeys)
		for i := range times {
			times[i] = randomTrace()
		}
		start("random arrivals", times...)
	}
	wg.Go(func() { also(edge) })
	wg.Wait()
	for _, p := range all {
		admitted, most, refused := 0, 0, 0
		for _, calls := range p.calls {
			m, f := judge(calls, limitN, limitWindow)
			most, refused = max(most, m), refused+f
			for _, c := range calls {
				if c.admitted {
					admitted++
				}
			}
		}
		b.add(table, p.target, p.trace, "admitted", float64(admitted))
		b.add(table, p.target, p.trace, "most in any 5 s", float64(most))
		b.add(table, p.target, p.trace, "refused falsely", float64(refused))
		if isOurs(p.target) {
			b.hold("L1", p.target+", "+p.trace+", most in any 5 s", float64(most), "<=", limitN)
			b.hold("L1", p.target+", "+p.trace+", refused falsely", float64(refused), "=", 0)
		}
	}
}

// play makes one key's calls, each as soon after its time as the one before
// allows. A call that failed was not admitted.
func play(ctx context.Context, d decide, key string, edge time.Time, times []time.Duration) []call {
	calls := make([]call, 0, len(times))
	for _, at := range times {
		time.Sleep(time.Until(edge.Add(at)))
		sent := time.Since(edge)
		ok, err := d(ctx, key)
		if err == nil {
			calls = append(calls, call{sent: sent, answered: time.Since(edge), admitted: ok})
		}
	}
	return calls
}

// judge returns the most calls that were for certain admitted within one
// window, and how many refusals were for certain wrong: however the decisions
// lie in their spans, fewer than n were in the window before. Calls of one key
// are in order of sending, and may overlap.
func judge(calls []call, n int, window time.Duration) (most, refusedFalsely int) {
	var admitted, perhaps []call
	for _, c := range calls {
		if c.admitted {
			admitted = append(admitted, c)
		}
		if c.admitted || c.unknown {
			perhaps = append(perhaps, c)
		}
	}
	for i, first := range admitted {
		inside := 0
		for _, c := range admitted[i:] {
			if c.sent-first.sent >= window {
				break
			}
			if c.answered-first.sent < window {
				inside++
			}
		}
		most = max(most, inside)
	}
	for _, c := range calls {
		if c.admitted || c.unknown {
			continue
		}
		possible := 0
		for _, a := range perhaps {
			if a.sent < c.answered && a.answered > c.sent-window {
				possible++
			}
		}
		if possible < n {
			refusedFalsely++
		}
	}
	return most, refusedFalsely
}

// manyInstances has 16 instances race with 64 callers each for 8 keys.
func manyInstances(tb redistest.TB, b *bench, server *redistest.Server) {
	b.step("accuracy: 16 instances with 64 callers each on 8 keys")
	names := keys(8)
	// A window that no scheduler outlasts.
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: limitN, Window: time.Minute}}}
	admitted := make([]atomic.Int64, len(names))
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 16 {
		client := at(server.Addr).client()
		defer func() { _ = client.Close() }()
		store, err := redisstore.New(client, redisstore.Options{Timeout: 10 * time.Second, Logger: quiet})
		must(tb, err)
		for range 64 {
			wg.Go(func() {
				for i, name := range names {
					d, err := store.Allow(tb.Context(), recovery.LimitRequest{Key: "race:" + name, Policy: policy})
					if err != nil {
						failed.Add(1)
					} else if d[0].Allowed {
						admitted[i].Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	wrong := 0
	for i := range admitted {
		if admitted[i].Load() != limitN {
			wrong++
		}
	}
	b.hold("L1", "ours, 16 instances x 64 callers, keys with other than exactly 25", float64(wrong), "=", 0)
	if n := failed.Load(); n > 0 {
		b.note("%d calls of the racing instances failed.", n)
	}
}
