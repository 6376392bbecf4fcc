package redisstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// newStore returns a store with a budget that a busy machine does not exceed,
// for tests of other things than time.
func newStore(t testing.TB, client redis.UniversalClient, edit func(*redisstore.Options)) *redisstore.Store {
	t.Helper()
	opts := redisstore.Options{Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	if edit != nil {
		edit(&opts)
	}
	// On a machine that stalls, patience may be more than New takes.
	opts.Timeout = min(opts.Timeout, time.Minute)
	s, err := redisstore.New(client, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A simulated server, on a clock that the suite moves. Denials are remembered
// by this process's clock, so not here.
func TestMiniredis(t *testing.T) {
	t.Parallel()
	// One server for all clauses, whose names never meet.
	server := miniredis.RunT(t)
	now := time.Now().Truncate(time.Millisecond)
	server.SetTime(now)
	advance := func(_ *testing.T, d time.Duration) {
		now = now.Add(d)
		server.SetTime(now)
		server.FastForward(d)
	}
	// With the race detector, on a busy machine, a script waits for seconds.
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: time.Minute})
	t.Cleanup(func() { client.Close() })
	open := func(t *testing.T) *redisstore.Store {
		return newStore(t, client, func(o *redisstore.Options) { o.DenialCache, o.Timeout = -1, time.Minute })
	}
	recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
		New:        func(t *testing.T) recovery.TokenStore { return open(t) },
		Another:    func(t *testing.T, _ recovery.TokenStore) recovery.TokenStore { return open(t) },
		Advance:    advance,
		Operations: size(400, 2000, 400),
		Dump:       func(*testing.T, recovery.TokenStore) []byte { return []byte(server.Dump()) },
	})
	recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
		New:      func(t *testing.T) recovery.Limiter { return open(t) },
		Another:  func(t *testing.T, _ recovery.Limiter) recovery.Limiter { return open(t) },
		Advance:  advance,
		Arrivals: size(1_000, 10_000, 1_500),
		Dump:     func(*testing.T, recovery.Limiter) []byte { return []byte(server.Dump()) },
	})
}

// dump returns every key and value of the servers that a TokenStore may have
// written. A Limiter's suite runs on them at the same time: its logs begin with
// a byte that no token does.
func dump(t testing.TB, clients ...*redis.Client) string {
	t.Helper()
	var lines []string
	for _, c := range clients {
		iter := c.Scan(context.Background(), 0, "*", 1000).Iterator()
		for iter.Next(context.Background()) {
			value, err := c.Get(context.Background(), iter.Val()).Result()
			if err == redis.Nil {
				continue // expired since
			}
			if err != nil {
				t.Fatal(err)
			}
			if value == "" || value[0] >= ' ' {
				lines = append(lines, fmt.Sprintf("%q %q", iter.Val(), value))
			}
		}
		if err := iter.Err(); err != nil {
			t.Fatal(err)
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// suites runs both suites against real servers, through two stores on two
// clients. Units of time are longer on a slow machine, up to what makes the
// suite take a minute.
func suites(t *testing.T, first, second redis.UniversalClient, nodes ...*redis.Client) {
	suitesBehind(t, func(*testing.T) (redis.UniversalClient, *redistest.Proxy) { return first, nil }, second, nodes...)
}

// suitesBehind does the same where the first client of each suite may connect
// through a proxy, which makes the server fail.
func suitesBehind(t *testing.T, connect func(*testing.T) (redis.UniversalClient, *redistest.Proxy), second redis.UniversalClient, nodes ...*redis.Client) {
	tick := min(testenv.Patience(100*time.Millisecond), 400*time.Millisecond)
	store := func(t *testing.T, client redis.UniversalClient) *redisstore.Store {
		return newStore(t, client, nil)
	}
	t.Run("TokenStore", func(t *testing.T) {
		t.Parallel()
		first, proxy := connect(t)
		h := recoverytest.TokenStoreHarness{
			New:     func(t *testing.T) recovery.TokenStore { return store(t, first) },
			Another: func(t *testing.T, _ recovery.TokenStore) recovery.TokenStore { return store(t, second) },
			Tick:    tick,
			Dump:    func(t *testing.T, _ recovery.TokenStore) []byte { return []byte(dump(t, nodes...)) },
		}
		if proxy != nil {
			h.Stall, h.Break, h.Mend = faults[recovery.TokenStore](proxy)
		}
		recoverytest.TestTokenStore(t, h)
	})
	t.Run("Limiter", func(t *testing.T) {
		t.Parallel()
		first, proxy := connect(t)
		h := recoverytest.LimiterHarness{
			New:     func(t *testing.T) recovery.Limiter { return store(t, first) },
			Another: func(t *testing.T, _ recovery.Limiter) recovery.Limiter { return store(t, second) },
			Tick:    tick,
		}
		if proxy != nil {
			h.Stall, h.Break, h.Mend = faults[recovery.Limiter](proxy)
		}
		recoverytest.TestLimiter(t, h)
	})
}

// faults returns the hooks of a harness that make the server behind a proxy not
// answer, refuse connections, and serve again.
func faults[S any](proxy *redistest.Proxy) (stall, refuse, mend func(*testing.T, S)) {
	stall = func(*testing.T, S) { proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Stall}) }
	refuse = func(*testing.T, S) { proxy.Refuse(); proxy.CutAll() }
	mend = func(*testing.T, S) { proxy.Clear(); proxy.Accept() }
	return stall, refuse, mend
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	suitesBehind(t, func(t *testing.T) (redis.UniversalClient, *redistest.Proxy) {
		proxy := server.Proxy(t)
		return proxy.Client(t), proxy
	}, server.Client(t, ways[1].client...), server.Client(t))
}
