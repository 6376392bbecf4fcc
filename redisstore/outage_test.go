package redisstore_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// waitMargin is how much later than its budget a call may return, on a machine
// that oversleeps by at most late: the timer, the goroutine that it wakes and
// the caller can each be late.
func waitMargin(late time.Duration) time.Duration { return 10*time.Millisecond + 3*late }

// clients are options that a host's client may have, and with which it behaves
// in its own way while Redis is down. A small pool has failed to connect as often
// as it has connections by the time that anybody knows of the outage.
var clients = []struct {
	name  string
	edit  func(*redis.Options)
	small bool
}{
	{"default", func(*redis.Options) {}, false},
	{"contexts", func(o *redis.Options) { o.ContextTimeoutEnabled = true }, false},
	{"connects once", func(o *redis.Options) { o.DialerRetries = 1 }, false},
	{"one connection", func(o *redis.Options) { o.PoolSize = 1 }, true},
	{"two connections, contexts, no retries", func(o *redis.Options) {
		o.PoolSize, o.ContextTimeoutEnabled, o.MaxRetries = 2, true, -1
	}, true},
	{"two connections, no read timeout, 10 retries", func(o *redis.Options) {
		o.PoolSize, o.ReadTimeout, o.MaxRetries = 2, -1, 10
	}, true},
	{"three connections, which are kept", func(o *redis.Options) { o.PoolSize, o.MinIdleConns = 3, 3 }, true},
	{"no wait for a connection", func(o *redis.Options) { o.PoolSize, o.PoolTimeout = 2, time.Millisecond }, true},
	{"a long wait for a connection", func(o *redis.Options) { o.PoolSize, o.PoolTimeout = 2, time.Minute }, true},
}

// A poolWatch sees when a client's pool tries to connect.
type poolWatch struct {
	last  atomic.Int64  // attempt, in Unix nanoseconds
	alone chan struct{} // an attempt that was long after the one before
}

// watch makes the pool's attempts seen. Others have the deadline of a call, if
// any, and the pool's have the client's DialTimeout.
func (w *poolWatch) watch(o *redis.Options) {
	w.alone = make(chan struct{}, 1)
	dial := redis.NewDialer(o)
	o.DialTimeout = time.Minute
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > 30*time.Second {
			now := time.Now().UnixNano()
			if now-w.last.Swap(now) > int64(500*time.Millisecond) {
				select {
				case w.alone <- struct{}{}:
				default:
				}
			}
		}
		return conn, err
	}
}

// next waits until a pool that tries once a second has just tried. It returns
// also if the pool tries not at all.
func (w *poolWatch) next() {
	select {
	case <-w.alone: // of before
	default:
	}
	select {
	case <-w.alone:
	case <-time.After(2500 * time.Millisecond):
	}
}

// R2, A92: Redis is frozen, or gone. Whatever the options of the host's client
// are, nobody waits longer than the budget, and nobody at all once it is known;
// and Redis is used again as soon as it answers, though a small pool, which has
// just tried to connect, does so again only after a second.
func TestOutage(t *testing.T) {
	outages := []struct {
		name  string
		begin func(*redistest.Server)
		end   func(*redistest.Server)
	}{
		{"frozen", (*redistest.Server).Freeze, (*redistest.Server).Thaw},
		{"refused", (*redistest.Server).Kill, (*redistest.Server).Restart},
	}
	few := make(chan struct{}, 4) // more would make each other late
	for _, outage := range outages {
		for _, client := range clients {
			t.Run(outage.name+"/"+client.name, func(t *testing.T) {
				t.Parallel() // with the other outages alone
				few <- struct{}{}
				defer func() { <-few }()
				server := redistest.Start(t)
				var pool poolWatch
				s := newStore(t, server.Client(t, client.edit, pool.watch), func(o *redisstore.Options) { o.Timeout = 250 * time.Millisecond })
				ref := put(t, newStore(t, server.Client(t), nil))
				works(t, s)
				late := testenv.Lateness(t)
				outage.begin(server)
				var longest, through atomic.Int64
				var wg sync.WaitGroup
				end := time.Now().Add(time.Duration(size(600, 1500, 1500)) * time.Millisecond)
				for r := range 64 {
					wg.Go(func() {
						for time.Now().Before(end) {
							began := time.Now()
							var err error
							if r%2 == 0 {
								_, err = s.Allow(context.Background(), recovery.LimitRequest{Key: "hot", Policy: limit})
							} else {
								_, err = s.Claim(context.Background(), "id", ref)
							}
							took := int64(time.Since(began))
							for old := longest.Load(); took > old && !longest.CompareAndSwap(old, took); old = longest.Load() {
							}
							if err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
								through.Add(1)
							}
							time.Sleep(20 * time.Millisecond) // for the other outages
						}
					})
				}
				wg.Wait()
				margin := waitMargin(late())
				wait := time.Duration(longest.Load())
				if wait > 250*time.Millisecond+margin {
					t.Errorf("somebody waited %v, want at most %v more than 250 ms", wait, margin)
				}
				if through.Load() > 0 {
					t.Errorf("%d calls were answered by nobody", through.Load())
				}
				costs := make([]time.Duration, 0, 2000)
				for len(costs) < cap(costs) {
					began := time.Now()
					_, err := s.Allow(context.Background(), recovery.LimitRequest{Key: "hot", Policy: limit})
					if errors.Is(err, redisstore.ErrDown) {
						costs = append(costs, time.Since(began))
					} else if err == nil {
						t.Fatal("let through")
					}
				}
				slices.Sort(costs)
				median, most := costs[len(costs)/2], 10*time.Microsecond
				if raceDetector {
					most *= 10
				}
				if median > most && median > testenv.Patience(most) {
					t.Errorf("a refused call costs %v, want at most %v", median, most)
				}
				failsClosed(t, s, ref)
				pool.next()
				outage.end(server)
				late = testenv.Lateness(t)
				again := works(t, s)
				margin = waitMargin(late())
				allowed := 250 * time.Millisecond
				if raceDetector {
					allowed *= 2
				}
				if client.small && outage.name == "refused" {
					allowed += time.Second
				}
				if again > allowed && again > testenv.Patience(allowed)+margin {
					t.Errorf("used again after %v, want at most %v", again, allowed)
				}
				t.Logf("longest wait %v (margin %v), %v a call while down, used again after %v", wait, margin, median, again)
			})
		}
	}
}

// To connect takes longer than a call may. Redis is used again all the same
// once it is back.
func TestOutageBehindSlowConnections(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			budget := testenv.Patience(60 * time.Millisecond)
			options := append([]func(*redis.Options){func(o *redis.Options) {
				dial := redis.NewDialer(o)
				o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
					time.Sleep(budget * 3 / 2)
					return dial(context.WithoutCancel(ctx), network, addr)
				}
			}}, way.client...)
			s := newStore(t, server.Client(t, options...), func(o *redisstore.Options) { o.Timeout = budget })
			works(t, s)
			server.Kill()
			testenv.Eventually(t, 20*time.Second, "Redis counts as down", func() bool {
				_, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit})
				return errors.Is(err, redisstore.ErrDown)
			})
			server.Restart()
			works(t, s)
		})
	}
}

// A rerouting is a hook that knows where the server is.
type rerouting struct{ addr string }

func (h rerouting) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, _ string) (net.Conn, error) { return next(ctx, network, h.addr) }
}

func (rerouting) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (rerouting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Only a hook of the host can connect. Redis is used again all the same once it
// is back.
func TestOutageBehindADialHook(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(rerouting{server.Addr})
	s := newStore(t, client, func(o *redisstore.Options) { o.Timeout = testenv.Patience(250 * time.Millisecond) })
	works(t, s)
	server.Kill()
	testenv.Eventually(t, 20*time.Second, "Redis counts as down", func() bool {
		_, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit})
		return errors.Is(err, redisstore.ErrDown)
	})
	server.Restart()
	works(t, s)
}

// R2: go-redis' pool, after as many refused connections as it has room for,
// tries only once a second. So in a long outage the tries are not left to it, if
// connecting without it has worked before.
func TestLongOutageDoesNotWearTheClientOut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var down atomic.Bool
	var pooled, direct atomic.Int64
	client := server.Client(t, func(o *redis.Options) {
		dial := redis.NewDialer(o)
		o.PoolSize = 100
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			// Only the pool's own attempts have a deadline, the DialTimeout.
			if _, ok := ctx.Deadline(); ok {
				pooled.Add(1)
			} else {
				direct.Add(1)
			}
			if down.Load() {
				return nil, errors.New("refused")
			}
			return dial(context.WithoutCancel(ctx), network, addr)
		}
	})
	s := newStore(t, client, func(o *redisstore.Options) { o.Timeout = testenv.Patience(250 * time.Millisecond) })
	testenv.Eventually(t, 10*time.Second, "New tries whether it can connect, beside the pool", func() bool { return pooled.Load() >= 2 })
	works(t, s)
	down.Store(true)
	server.Restart() // and so all connections end
	ask := func() {
		_, _ = s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit})
		time.Sleep(time.Millisecond)
	}
	testenv.Eventually(t, 20*time.Second, "calls try without the pool", func() bool { ask(); return direct.Load() > 0 })
	testenv.Eventually(t, 20*time.Second, "the pool's own attempts end", func() bool {
		before := pooled.Load()
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			ask()
		}
		return pooled.Load() == before
	})
	before, from := pooled.Load(), direct.Load()
	testenv.Eventually(t, 60*time.Second, "more than 40 tries", func() bool { ask(); return direct.Load() > from+40 })
	if n := pooled.Load() - before; n > 0 {
		t.Errorf("the pool tried %d times, want it left alone", n)
	}
	down.Store(false)
	works(t, s)
}

// R2: the failures of an outage that begins while a call is out do not count for
// go-redis' pool either, which never forgets them. The pool is left alone from the
// first failure on: neither the next calls nor the question why the connection
// ended make it try.
func TestFirstFailureDoesNotWearTheClientOut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	var pooled atomic.Int64
	client := proxy.Client(t, func(o *redis.Options) {
		dial := redis.NewDialer(o)
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if _, ok := ctx.Deadline(); ok { // only the pool's own attempts have one
				pooled.Add(1)
			}
			return dial(context.WithoutCancel(ctx), network, addr)
		}
	})
	s := newStore(t, client, func(o *redisstore.Options) { o.Timeout = testenv.Patience(10 * time.Second) })
	testenv.Eventually(t, 10*time.Second, "New tries whether it can connect, beside the pool", func() bool { return pooled.Load() >= 2 })
	ask := func() error {
		_, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit})
		return err
	}
	for range 3 {
		works(t, s)
		server.Freeze()
		out := make(chan error, 1)
		sent := client.PoolStats().Hits
		go func() { out <- ask() }()
		testenv.Eventually(t, 10*time.Second, "a call is out", func() bool { return client.PoolStats().Hits > sent })
		before := pooled.Load()
		proxy.Refuse()
		proxy.CutAll()
		if err := <-out; err == nil {
			t.Error("a call was answered by nobody")
		}
		for range 3 {
			if err := ask(); err == nil {
				t.Error("a call was answered by nobody")
			}
		}
		if n := pooled.Load() - before; n > 0 {
			t.Errorf("the pool tried to connect %d times, want it left alone", n)
		}
		server.Thaw()
		proxy.Accept()
	}
}
