package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// lostReplies is how many replies TestLostReplies loses:
// RECOVERY_LOST_REPLIES sets it, and 100000 is the count of the goals.
func lostReplies() int {
	if n, err := strconv.Atoi(os.Getenv("RECOVERY_LOST_REPLIES")); err == nil {
		return n
	}
	return size(1_000, 10_000, 4_000)
}

var runs = []string{"EVALSHA", "EVAL"}

// R1: a reply that is lost on a default client, which by itself would send the
// script again and report success. Each attempt runs the script once at most,
// and the same claim made again wins: no link is burnt.
func TestLostReplies(t *testing.T) {
	server := redistest.Start(t)
	direct := newStore(t, server.Client(t), nil)
	works(t, direct) // so that the server knows the scripts
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Hour}}}
	modes := []struct {
		name string
		mode redistest.Mode
		wait time.Duration
	}{
		{"silence", redistest.Swallow, 25 * time.Millisecond},
		{"EOF", redistest.Cut, 250 * time.Millisecond},
		{"reset", redistest.Reset, 250 * time.Millisecond},
	}
	const workers = 16
	for _, m := range modes {
		for _, way := range ways {
			t.Run(m.name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				budget := testenv.Patience(m.wait)
				each := max(1, lostReplies()/(len(modes)*len(ways)*workers*2))
				var injected, burnt, twice atomic.Int64
				var wg sync.WaitGroup
				for w := range workers {
					proxy := server.Proxy(t)
					s := newStore(t, proxy.Client(t, way.client...), func(o *redisstore.Options) { o.Timeout = budget })
					key := fresh("log")
					wg.Go(func() {
						ctx := context.Background()
						var takes, attempts int64
						began := proxy.Commands(runs...)
						for i := range each {
							ref := recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"}
							if _, err := direct.Put(ctx, ref.Slot, link("digest")); err != nil {
								t.Error(err)
								return
							}
							id := fmt.Sprintf("w%di%d", w, i)
							deadline := testenv.Within(30 * time.Second)
							proxy.Set(redistest.Replies, redistest.Fault{Mode: m.mode, Commands: runs, Times: 1})
							for {
								attempts++
								_, err := s.Claim(ctx, id, ref)
								if err == nil {
									break
								}
								if errors.Is(err, recovery.ErrTokenNotFound) || deadline.Over() {
									burnt.Add(1)
									t.Errorf("a link is burnt: %v", err)
									return
								}
								pause(err)
							}
							if _, err := direct.Claim(ctx, "other", ref); !errors.Is(err, recovery.ErrTokenNotFound) {
								t.Errorf("a second winner: %v", err)
							}
							proxy.Set(redistest.Replies, redistest.Fault{Mode: m.mode, Commands: runs, Times: 1})
							for {
								takes++
								if deadline.Over() {
									t.Error("a take is never counted")
									return
								}
								_, err := s.Allow(ctx, recovery.LimitRequest{Key: key, Policy: tier})
								if err == nil {
									break
								}
								pause(err)
							}
							injected.Add(int64(proxy.Struck(redistest.Replies)))
						}
						// What a caller gave up may run later, but no more often.
						if ran := int64(proxy.Commands(runs...) - began); ran > attempts+takes {
							twice.Add(ran - attempts - takes)
						}
						d, err := direct.Allow(ctx, recovery.LimitRequest{Key: key, Policy: tier})
						if err != nil {
							t.Error(err)
						} else if counted := int64(100_000 - 1 - d[0].Remaining); counted > takes {
							twice.Add(1)
							t.Errorf("%d attempts were counted %d times", takes, counted)
						}
					})
				}
				wg.Wait()
				t.Logf("%d links, %d burnt, %d scripts run twice", each*workers, burnt.Load(), twice.Load())
				if burnt.Load()+twice.Load() > 0 {
					t.Fail()
				}
			})
		}
	}
}

// pause waits where the breaker is open.
func pause(err error) {
	if errors.Is(err, redisstore.ErrDown) {
		time.Sleep(2 * time.Millisecond)
	}
}

// waitMargin is how much later than its budget a call may return, on a machine
// that oversleeps by at most late: the timer, the goroutine that it wakes and
// the caller can each be late.
func waitMargin(late time.Duration) time.Duration { return 10*time.Millisecond + 3*late }

// R2, A92: Redis is frozen, or gone, and the host's client has go-redis'
// defaults. Nobody waits longer than the budget, and nobody at all once it is
// known; and it is used again as soon as it answers.
func TestOutage(t *testing.T) {
	outages := []struct {
		name  string
		begin func(*redistest.Server)
		end   func(*redistest.Server)
	}{
		{"frozen", (*redistest.Server).Freeze, (*redistest.Server).Thaw},
		{"refused", (*redistest.Server).Kill, (*redistest.Server).Restart},
	}
	for _, outage := range outages {
		for _, way := range ways {
			t.Run(outage.name+"/"+way.name, func(t *testing.T) {
				t.Parallel() // with the other outages alone
				server := redistest.Start(t)
				s := newStore(t, server.Client(t, way.client...), func(o *redisstore.Options) { o.Timeout = 250 * time.Millisecond })
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
							time.Sleep(4 * time.Millisecond) // for the other outages
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
				outage.end(server)
				late = testenv.Lateness(t)
				again := works(t, s)
				margin = waitMargin(late())
				allowed := 250 * time.Millisecond
				if raceDetector {
					allowed *= 2
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

// A92: what a server says while it cannot do its work.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	real := []struct {
		name       string
		args       []string
		begin, end func(t *testing.T, s *redistest.Server)
	}{
		{"READONLY: the master became a replica", nil,
			func(t *testing.T, s *redistest.Server) { do(t, s, "REPLICAOF", "127.0.0.1", "1") },
			func(t *testing.T, s *redistest.Server) { do(t, s, "REPLICAOF", "NO", "ONE") }},
		{"OOM: memory is full and nothing may be evicted", []string{"--maxmemory-policy", "noeviction"},
			func(t *testing.T, s *redistest.Server) { do(t, s, "CONFIG", "SET", "maxmemory", "1") },
			func(t *testing.T, s *redistest.Server) { do(t, s, "CONFIG", "SET", "maxmemory", "0") }},
		{"NOREPLICAS: too few replicas for any write", nil,
			func(t *testing.T, s *redistest.Server) { do(t, s, "CONFIG", "SET", "min-replicas-to-write", "1") },
			func(t *testing.T, s *redistest.Server) { do(t, s, "CONFIG", "SET", "min-replicas-to-write", "0") }},
	}
	for _, way := range ways {
		for _, tt := range real {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t, tt.args...)
				s := newStore(t, server.Client(t, way.client...), nil)
				ref := put(t, s)
				tt.begin(t, server)
				for range 3 {
					failsClosed(t, s, ref)
				}
				tt.end(t, server)
				works(t, s)
				if _, err := s.Claim(t.Context(), "id", ref); err != nil {
					t.Errorf("the link is burnt: %v", err)
				}
			})
		}
		for _, word := range []string{
			"LOADING Redis is loading the dataset in memory",
			"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
			"CLUSTERDOWN The cluster is down",
			"TRYAGAIN Multiple keys request during rehashing of slot",
			"BUSY Redis is busy running a script.",
			"NOAUTH Authentication required.",
			"ERR unknown",
		} {
			t.Run(way.name+"/"+word[:6], func(t *testing.T) {
				t.Parallel()
				server := miniredis.RunT(t)
				o := &redis.Options{Addr: server.Addr()}
				for _, option := range way.client {
					option(o)
				}
				client := redis.NewClient(o)
				t.Cleanup(func() { _ = client.Close() })
				s := newStore(t, client, nil)
				ref := put(t, s)
				server.SetError(word)
				for range 3 {
					failsClosed(t, s, ref)
				}
				server.SetError("")
				works(t, s)
				if _, err := s.Claim(t.Context(), "id", ref); err != nil {
					t.Errorf("the link is burnt: %v", err)
				}
			})
		}
	}
}

func do(t *testing.T, s *redistest.Server, args ...any) {
	t.Helper()
	if _, err := s.Do(args...); err != nil {
		t.Fatal(err)
	}
}

// A92: a server that forgot the scripts gets them again, for one key and for
// several at once, and each runs once.
func TestForgottenScripts(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			s := newStore(t, server.Client(t, way.client...), nil)
			a, b, c := put(t, s), put(t, s), put(t, s)
			server.ScriptFlush()
			if _, err := s.Claim(t.Context(), "id", a); err != nil {
				t.Error(err)
			}
			server.ScriptFlush()
			if _, err := s.Claim(t.Context(), "id", b, recovery.TokenRef{Slot: fresh("none"), Digest: "digest"}); err != nil {
				t.Error(err)
			}
			server.ScriptFlush()
			must(t, s.Delete(t.Context(), a.Slot, b.Slot, c.Slot))
			server.ScriptFlush()
			one, two := fresh("log"), fresh("log")
			d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: one, Policy: limit}, recovery.LimitRequest{Key: two, Policy: limit})
			if err != nil || d[0].Remaining != 24 || d[1].Remaining != 24 {
				t.Errorf("%+v, %v", d, err)
			}
			server.Restart()
			works(t, s)
		})
	}
}

// A92: a slot of the Cluster that moves answers ASK and MOVED.
func TestMovingSlot(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	t.Run("a slot that moves", func(t *testing.T) {
		s := newStore(t, cluster.Client(t), nil)
		ref := put(t, s)
		moved := recovery.TokenRef{Slot: "{" + ref.Slot + "}", Digest: "digest"}
		m := cluster.Migrate(t, ref.Slot)
		if _, err := s.Put(t.Context(), moved.Slot, link("digest")); err != nil {
			t.Errorf("Put of a key that is elsewhere already: %v", err)
		}
		m.Finish(t)
		for _, r := range []recovery.TokenRef{ref, moved} {
			if _, err := s.Claim(t.Context(), "id", r); err != nil {
				t.Errorf("Claim after the move: %v", err)
			}
			if _, err := s.Claim(t.Context(), "other", r); !errors.Is(err, recovery.ErrTokenNotFound) {
				t.Errorf("a second winner: %v", err)
			}
		}
		works(t, s)
	})
	t.Run("a slot that nobody serves", func(t *testing.T) {
		s := newStore(t, cluster.Client(t), func(o *redisstore.Options) {
			o.Timeout = testenv.Patience(250 * time.Millisecond)
		})
		works(t, s)
		ref := put(t, newStore(t, cluster.Client(t), nil))
		master, replica := cluster.MasterOf(t, ref.Slot), cluster.ReplicaOf(t, ref.Slot)
		replica.Kill()
		master.Kill()
		if token, err := s.Claim(context.Background(), "id", ref); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("Claim = %v, %v", token, err)
		}
		master.Restart()
		replica.Restart()
		cluster.WaitHealthy(t)
		works(t, s)
	})
}

// A caller that has no time, or has gone, says nothing about Redis.
func TestHurriedCallersDoNotOpenTheBreaker(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			s := newStore(t, server.Client(t, way.client...), nil)
			ref := put(t, s)
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
				_, _ = s.Peek(ctx, ref)
				cancel()
				ctx, cancel = context.WithCancel(t.Context())
				cancel()
				if _, err := s.Claim(ctx, "id", ref); !errors.Is(err, context.Canceled) {
					t.Errorf("a ctx that has ended: %v", err)
				}
			}
			server.Freeze()
			for range 10 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
				if _, err := s.Peek(ctx, ref); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Peek = %v", err)
				}
				cancel()
			}
			server.Thaw()
			if _, err := s.Peek(t.Context(), ref); err != nil {
				t.Errorf("the breaker is open: %v", err)
			}
		})
	}
}
