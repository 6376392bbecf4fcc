package main

import (
	"context"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-chi/httprate"
	httprateredis "github.com/go-chi/httprate-redis"
	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// middlewarePart has wrk ask a bare handler and limited ones, on the same
// cores.
func middlewarePart(tb redistest.TB, b *bench, server *redistest.Server) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.note("wrk is not installed, so middleware (L7, L8) was not measured. Debian has it: apt-get install wrk.")
		return
	}
	const table = "Middleware under wrk -c64"
	kinds := []string{"bare", "redis_rate", "httprate", "ours"}
	for _, abuse := range []bool{false, true} {
		setting, n := "ordinary traffic", 30_000
		if abuse {
			setting, n = "one caller over its limit", 1
		}
		b.step("handlers: middleware, %s", setting)
		slices := make([]slice, len(kinds))
		for i, kind := range kinds {
			var addr string
			defer startChild(tb, "middleware", childArgs{Redis: server.Addr, Kind: kind, N: n}, &addr)()
			slices[i] = func() sample { return runWrk(tb, b, wrk, addr) }
		}
		all := inTurn(pick(b, b.rounds, 1), slices)
		for i, kind := range kinds {
			b.add(table, kind, setting, "per second", median(all[i].each(sample.rate)))
			b.add(table, kind, setting, "x bare handler", all[i].speedup(all[0]))
		}
		own := all[len(kinds)-1].speedup(all[0])
		if abuse {
			b.hold("L7", "middleware under abuse, x bare handler", own, ">=", 0.90)
		} else {
			b.hold("L8", "middleware on ordinary traffic, x bare handler", own, ">=", 0.50)
		}
	}
}

// wrkCount finds how many requests wrk made, and in how long.
var wrkCount = regexp.MustCompile(`(\d+) requests in ([0-9.]+)s`)

func runWrk(tb redistest.TB, b *bench, wrk, addr string) sample {
	seconds := strconv.Itoa(max(1, int(2*b.slice/time.Second)))
	out, err := exec.CommandContext(tb.Context(), wrk, "-t1", "-c64", "-d"+seconds, "http://"+addr+"/").CombinedOutput()
	if err != nil {
		tb.Fatalf("wrk: %v: %s", err, out)
	}
	m := wrkCount.FindSubmatch(out)
	if m == nil {
		tb.Fatalf("wrk said %s", out)
	}
	n, err := strconv.Atoi(string(m[1]))
	must(tb, err)
	took, err := time.ParseDuration(string(m[2]) + "s")
	must(tb, err)
	return sample{ops: n, elapsed: took}
}

// middlewareChild serves a handler behind one of the limiters. Callers take
// turns among args.N keys.
func middlewareChild(tb redistest.TB, args childArgs, say func(any)) {
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	names, next := keys(args.N), atomic.Uint64{}
	key := func() string { return names[next.Add(1)%uint64(len(names))] }
	client := at(args.Redis).client().(*redis.Client)
	tb.Cleanup(closer(client))
	handler := http.Handler(bare)
	switch args.Kind {
	case "ours":
		store, err := redisstore.New(client, redisstore.Options{Logger: quiet})
		must(tb, err)
		handler = oursMiddleware(store, key, bare)
	case "redis_rate":
		l := redis_rate.NewLimiter(client)
		limit := redis_rate.Limit{Rate: limitN, Burst: limitN, Period: limitWindow}
		// As in its documentation's example of a middleware.
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			res, err := l.Allow(r.Context(), key(), limit)
			if err != nil {
				http.Error(w, "unavailable", http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("RateLimit-Remaining", strconv.Itoa(res.Remaining))
			if res.Allowed == 0 {
				w.Header().Set("RateLimit-RetryAfter", strconv.Itoa(int(res.RetryAfter/time.Second)))
				http.Error(w, "rate limited", http.StatusTooManyRequests)
				return
			}
			bare(w, r)
		})
	case "httprate":
		handler = httprate.Limit(limitN, limitWindow,
			httprate.WithKeyFuncs(func(*http.Request) (string, error) { return key(), nil }),
			httprateredis.WithRedisLimitCounter(&httprateredis.Config{Client: client, WindowLength: limitWindow, FallbackDisabled: true}),
		)(bare)
	}
	say(listen(tb, handler))
}

// oursMiddleware is how a host limits a handler of its own.
func oursMiddleware(store *redisstore.Store, key func() string, next http.Handler) http.Handler {
	decide := func(ctx context.Context) (recovery.Decision, error) {
		decisions, err := store.Allow(ctx, recovery.LimitRequest{Key: key(), Policy: limitPolicy})
		if err != nil {
			return recovery.Decision{}, err
		}
		return decisions[0], nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := decide(r.Context())
		if err != nil {
			http.Error(w, "unavailable", http.StatusServiceUnavailable)
			return
		}
		recovery.Quotas{{Scope: recovery.ScopeCaller, Policy: limitPolicy, Decision: d}}.SetHeader(w.Header())
		if !d.Allowed {
			w.Header().Set("Retry-After", strconv.Itoa(int((d.RetryAfter+time.Second-1)/time.Second)))
			http.Error(w, "rate limited", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}
