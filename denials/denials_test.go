package denials_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/denials"
)

func policy(thenOneEvery time.Duration, limits ...recovery.Limit) recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: limits, ThenOneEvery: thenOneEvery}
}

var policies = []recovery.LimitPolicy{
	policy(0, recovery.Limit{N: 1, Window: time.Second}),
	policy(0, recovery.Limit{N: 3, Window: 2 * time.Second}),
	policy(0, recovery.Limit{N: 2, Window: 500 * time.Millisecond}, recovery.Limit{N: 5, Window: 5 * time.Second}),
	policy(700*time.Millisecond, recovery.Limit{N: 2, Window: 10 * time.Second}),
	policy(300*time.Millisecond, recovery.Limit{N: 1, Window: time.Second}, recovery.Limit{N: 3, Window: 8 * time.Second}),
	// The exception lets several calls into the window of one.
	policy(300*time.Millisecond, recovery.Limit{N: 1, Window: time.Second}, recovery.Limit{N: 1000, Window: time.Minute}),
}

const rounding = time.Millisecond

// A server is an exact limiter that takes time to answer and rounds up.
type server struct {
	t       *testing.T
	limiter *recovery.MemoryLimiter
	rnd     *rand.Rand
}

func (s *server) allow(r recovery.LimitRequest) recovery.Decision {
	d, err := s.limiter.Allow(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return d[0]
}

func (s *server) pause(most time.Duration) { time.Sleep(time.Duration(s.rnd.Int64N(int64(most)))) }

func roundUp(d time.Duration) time.Duration { return (d + rounding - 1) / rounding * rounding }

// The contract, against an exact limiter that is asked whenever the cache has
// an answer. Calls of other processes, which the cache does not see, come in
// between.
func TestModel(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			s := &server{t, recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), rand.New(rand.NewPCG(seed, 0))}
			cache, hits, asked := denials.New(1000), 0, 0
			for range 2_000 {
				which := s.rnd.IntN(len(policies))
				r := recovery.LimitRequest{Key: fmt.Sprint("key", which), Policy: policies[which]}
				if s.rnd.IntN(10) == 0 {
					s.allow(r) // by another process
				}
				if s.rnd.IntN(20) == 0 {
					r.ID = fmt.Sprint("id", s.rnd.IntN(3))
				}
				sent := time.Now()
				if d, ok := cache.Lookup(r, sent); ok {
					hits++
					model := s.allow(r)
					switch late, reset := d.RetryAfter-model.RetryAfter, d.Reset-model.Reset; {
					case d.Allowed || model.Allowed || r.ID != "":
						t.Fatalf("seed %d: the cache denies %+v, and the limiter says %+v", seed, r, model)
					case late > 20*time.Millisecond+rounding:
						t.Fatalf("seed %d: told to wait %v longer than the limiter says", seed, late)
					case late < 0:
						t.Fatalf("seed %d: told to come %v too early", seed, -late)
					case d.Limit != model.Limit || reset < 0 || reset > 20*time.Millisecond+rounding:
						t.Fatalf("seed %d: the cache says %+v, the limiter %+v", seed, d, model)
					}
				} else {
					asked++
					s.pause(10 * time.Millisecond)
					d := s.allow(r)
					s.pause(10 * time.Millisecond)
					d.RetryAfter, d.Reset = roundUp(d.RetryAfter), roundUp(d.Reset)
					cache.Remember(r, d, sent, time.Now(), rounding)
				}
				s.pause(60 * time.Millisecond)
			}
			if hits < 300 || asked < 300 {
				t.Errorf("seed %d: %d answers of the cache and %d of the limiter show nothing", seed, hits, asked)
			}
		})
	}
}

var minute = policy(0, recovery.Limit{N: 1, Window: time.Minute})

func request(key string) recovery.LimitRequest {
	return recovery.LimitRequest{Key: key, Policy: minute}
}

// L7: the cache is bounded, and tells a denial's end exactly.
func TestBoundedAndExact(t *testing.T) {
	c, now := denials.New(1600), time.Now()
	denied := recovery.Decision{Reset: time.Minute, RetryAfter: time.Minute}
	remember := func(c *denials.Cache, key string) {
		c.Remember(request(key), denied, now, now, 0)
	}
	for i := range 100_000 {
		remember(c, fmt.Sprint(i))
		if n := c.Len(); n > 1600 {
			t.Fatalf("%d keys, want at most 1,600", n)
		}
	}
	remember(c, "key")
	got, ok := c.Lookup(request("key"), now.Add(20*time.Second))
	if !ok || got.Allowed || got.RetryAfter != 40*time.Second || got.Reset != 40*time.Second {
		t.Errorf("after 20 s: %+v, %v", got, ok)
	}
	if _, ok := c.Lookup(request("key"), now.Add(time.Minute)); ok {
		t.Error("denied at the instant at which it ends")
	}
	one, none, unused := denials.New(1), denials.New(-1), denials.New(1)
	if remember(one, "key"); one.Len() != 1 {
		t.Error("a small cache holds nothing")
	}
	if remember(none, "key"); none.Len() != 0 {
		t.Error("a cache that was turned off holds something")
	}
	unused.Remember(request("key"), recovery.Decision{Allowed: true, Reset: time.Minute}, now, now, 0)
	if unused.Len() != 0 {
		t.Error("a call that was allowed is remembered")
	}
}

// What has ended makes room for what has not.
func TestEndedDenialsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := denials.New(1600)
		for i := range 1600 {
			now := time.Now()
			c.Remember(request(fmt.Sprint("short", i)), recovery.Decision{Reset: time.Second, RetryAfter: time.Second}, now, now, 0)
		}
		time.Sleep(2 * time.Second)
		now, kept := time.Now(), 0
		for i := range 1000 {
			c.Remember(request(fmt.Sprint("long", i)), recovery.Decision{Reset: time.Hour, RetryAfter: time.Hour}, now, now, 0)
		}
		for i := range 1000 {
			if _, ok := c.Lookup(request(fmt.Sprint("long", i)), now); ok {
				kept++
			}
		}
		if kept < 830 {
			t.Errorf("%d of 1,000 denials are kept beside 1,600 that have ended", kept)
		}
	})
}

// Callers in parallel, for the race detector, while the cache overflows.
func TestConcurrentUse(t *testing.T) {
	c := denials.New(64)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 2_000 {
				r, now := request(fmt.Sprint("key", (i*7+w)%200)), time.Now()
				if d, ok := c.Lookup(r, now); ok {
					if d.Allowed {
						t.Error("allowed")
					}
					continue
				}
				c.Remember(r, recovery.Decision{Reset: time.Minute, RetryAfter: time.Minute}, now, now, 0)
			}
		})
	}
	wg.Wait()
	if c.Len() > 64 {
		t.Errorf("%d keys, want at most 64", c.Len())
	}
}

func BenchmarkLookup(b *testing.B) {
	c, now := denials.New(1<<16), time.Now()
	c.Remember(request("hot"), recovery.Decision{Reset: time.Hour, RetryAfter: time.Hour}, now, now, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Lookup(request("hot"), now); !ok {
			b.Fatal("forgotten")
		}
	}
}
