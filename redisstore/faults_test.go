package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
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
