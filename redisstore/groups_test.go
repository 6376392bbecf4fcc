package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
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

// A counting is a hook that counts the runs of scripts, and what they decided.
type counting struct{ runs, keys, largest atomic.Int64 }

func (*counting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") {
			keys := int64(cmd.Args()[2].(int))
			h.runs.Add(1)
			h.keys.Add(keys)
			for old := h.largest.Load(); keys > old && !h.largest.CompareAndSwap(old, keys); old = h.largest.Load() {
			}
		}
		return next(ctx, cmd)
	}
}

func (*counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Concurrent calls share scripts, and each caller gets its own decision.
func TestConcurrentCallsShareScripts(t *testing.T) {
	server := redistest.Start(t)
	client, hook := server.Client(t), &counting{}
	client.AddHook(hook)
	s := newStore(t, client, func(o *redisstore.Options) { o.DenialCache, o.Timeout = -1, testenv.Patience(5*time.Second) })
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			key := fresh("log")
			policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 20 + c, Window: time.Minute}}}
			for i := range 20 + c + 5 {
				d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: policy})
				if err != nil {
					t.Error(err)
					return
				}
				if want := i < 20+c; d[0].Allowed != want || want && d[0].Remaining != 20+c-i-1 || d[0].Limit != policy.Limits[0] {
					t.Errorf("caller %d, call %d: %+v", c, i, d[0])
				}
			}
		})
	}
	wg.Wait()
	runs, keys := hook.runs.Load(), hook.keys.Load()
	t.Logf("%d keys in %d runs, at most %d in one", keys, runs, hook.largest.Load())
	if keys < 64*20 || runs*2 > keys {
		t.Errorf("%d keys took %d runs of the script, want at most half as many", keys, runs)
	}
	if hook.largest.Load() > 64 {
		t.Errorf("one script had %d keys, want at most 64", hook.largest.Load())
	}
}

// What one key holds is nobody else's business: a key of another program, or of
// a newer version of this library, is an error for its caller, and the others of
// the group get their answers.
func TestStrangeKeyFailsAlone(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	strange := map[string]func(key string) error{
		"a list":            func(key string) error { return client.LPush(t.Context(), key, "x").Err() },
		"text":              func(key string) error { return client.Set(t.Context(), key, "hello", 0).Err() },
		"long text":         func(key string) error { return client.Set(t.Context(), key, strings.Repeat("hello", 9), 0).Err() },
		"a log that is cut": func(key string) error { return client.Set(t.Context(), key, "\x00\x00\x00\x00", 0).Err() },
		"a log with half an ID": func(key string) error {
			return client.Set(t.Context(), key, "\x01"+strings.Repeat("\x00", 15), 0).Err()
		},
		"a newer version":    func(key string) error { return client.Set(t.Context(), key, "2\n"+strings.Repeat("\x02", 14), 0).Err() },
		"a slot of rubbish":  func(key string) error { return client.Set(t.Context(), key, "1\nrubbish", 0).Err() },
		"rubbish of guesses": func(key string) error { return client.Set(t.Context(), key, "1\n\n\nrubbish", 0).Err() },
	}
	s := newStore(t, client, func(o *redisstore.Options) { o.DenialCache = -1 })
	ref, log := put(t, s), fresh("log")
	for name, write := range strange {
		t.Run(name, func(t *testing.T) {
			key := fresh("strange")
			must(t, write(key))
			// All in one script: a request with an ID, which takes the long way,
			// is among them.
			d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: limit}, recovery.LimitRequest{Key: log, Policy: limit})
			if err == nil {
				t.Errorf("Allow = %+v", d)
			}
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					other := put(t, s)
					if _, err := s.Peek(t.Context(), other); err != nil {
						t.Errorf("another slot: %v", err)
					}
					if _, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit, ID: fmt.Sprint(i)}); err != nil {
						t.Errorf("another log: %v", err)
					}
				})
				wg.Go(func() {
					own := recovery.TokenRef{Slot: key, Digest: "digest"}
					if name == "a list" || strings.Contains(name, "rubbish") || name == "a newer version" {
						if token, err := s.Claim(t.Context(), "id", own); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
							t.Errorf("Claim = %v, %v", token, err)
						}
					}
					if _, err := s.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: limit, ID: "id"}); err == nil || strings.Contains(err.Error(), "Lua") {
						t.Errorf("Allow with an ID: %v", err)
					}
				})
			}
			wg.Wait()
			if _, err := s.Peek(t.Context(), ref); err != nil {
				t.Errorf("Redis counts as down: %v", err)
			}
		})
	}
}

// A user who may not GET is told so, and not that the key holds rubbish.
func TestMissingPermissionIsNamed(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client(t)
	must(t, admin.Do(t.Context(), "ACL", "SETUSER", "recovery", "on", ">pw", "~*",
		"+evalsha", "+eval", "+info", "+wait", "+set", "+del", "+time").Err())
	s := newStore(t, server.Client(t, func(o *redis.Options) { o.Username, o.Password = "recovery", "pw" }), nil)
	_, allow := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit})
	_, claim := s.Claim(t.Context(), "id", recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"})
	for name, err := range map[string]error{"Allow": allow, "Claim": claim} {
		if _, ok := errors.AsType[redis.Error](err); !ok || !strings.Contains(err.Error(), "can't run this command") {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, admin.Do(t.Context(), "ACL", "SETUSER", "recovery", "+get").Err())
	works(t, s)
}

// Masters of a Cluster come and go, and only so many are remembered.
func TestMastersAreBounded(t *testing.T) {
	client := redis.NewClusterClient(&redis.ClusterOptions{})
	defer func() { _ = client.Close() }()
	s := newStore(t, client, func(o *redisstore.Options) { o.Timeout = 10 * time.Millisecond })
	for i := range 3 * redisstore.MaxNodes {
		address := fmt.Sprint("master", i)
		if s.NodeAt(address) != s.NodeAt(address) {
			t.Fatal("a master has two nodes at once")
		}
		if n := s.Nodes(); n == 0 || n > redisstore.MaxNodes {
			t.Fatalf("%d nodes are kept, want 1 to %d", n, redisstore.MaxNodes)
		}
	}
}

// A link whose line this library did not write is no link, for whoever asks.
func TestLinkOfRubbish(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	s := newStore(t, client, nil)
	for _, rubbish := range []string{"x", " 0", " 0 -", " 0 - - -", " x - -"} {
		ref := recovery.TokenRef{Slot: fresh("rubbish"), Digest: "digest"}
		must(t, client.Set(t.Context(), ref.Slot, "1\ndigest state 99999999999999 l"+rubbish, 0).Err())
		if token, err := s.Peek(t.Context(), ref); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("%q: Peek = %v, %v", rubbish, token, err)
		}
		if token, err := s.Claim(t.Context(), "id", ref); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("%q: Claim = %v, %v", rubbish, token, err)
		}
	}
}

// A92: the server forgets its scripts while 64 callers use them. Nobody sees an
// error, and nothing runs twice.
func TestScriptsForgottenUnderLoad(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			s := newStore(t, server.Client(t, way.client...), func(o *redisstore.Options) { o.Timeout = testenv.Patience(5 * time.Second) })
			works(t, s)
			key := fresh("log")
			policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Hour}}}
			stop := make(chan struct{})
			var flushing, wg sync.WaitGroup
			flushing.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(2 * time.Millisecond):
						server.ScriptFlush()
					}
				}
			})
			each := size(100, 400, 100)
			for range 64 {
				wg.Go(func() {
					for range each {
						if _, err := s.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: policy}); err != nil {
							t.Error(err)
							return
						}
						ref := put(t, s)
						if _, err := s.Claim(t.Context(), "id", ref); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			close(stop)
			flushing.Wait()
			d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: policy})
			if want := 100_000 - 64*each - 1; err != nil || d[0].Remaining != want {
				t.Errorf("%+v, %v: want %d left", d, err, want)
			}
		})
	}
}

// R2: one patient caller beside 63 with short deadlines, on a Redis that
// answers late. Each leaves at its own deadline, the patient one gets its answer,
// and nobody takes Redis for down.
func TestPatientCallerBesideHurriedOnes(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			proxy := server.Proxy(t)
			s := newStore(t, proxy.Client(t, way.client...), func(o *redisstore.Options) { o.Timeout = testenv.Patience(2 * time.Second) })
			works(t, s)
			const delay = 100 * time.Millisecond
			proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Pass, Delay: delay, Commands: runs})
			late := testenv.Lateness(t)
			var longest atomic.Int64
			var wg sync.WaitGroup
			for range 63 {
				wg.Go(func() {
					for range 3 {
						ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
						began := time.Now()
						_, err := s.Allow(ctx, recovery.LimitRequest{Key: fresh("log"), Policy: limit})
						cancel()
						if err == nil || errors.Is(err, redisstore.ErrDown) {
							t.Errorf("a hurried caller got %v", err)
						}
						took := int64(time.Since(began))
						for old := longest.Load(); took > old && !longest.CompareAndSwap(old, took); old = longest.Load() {
						}
					}
				})
			}
			for range 3 {
				if _, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit}); err != nil {
					t.Errorf("the patient caller: %v", err)
				}
			}
			wg.Wait()
			proxy.Clear()
			if most := 20*time.Millisecond + waitMargin(late()); time.Duration(longest.Load()) > most {
				t.Errorf("a hurried caller waited %v, want at most %v", time.Duration(longest.Load()), most)
			}
			works(t, s)
		})
	}
}

// Very many takes by 64 callers, of which every tenth gives up at once: no
// window is ever over its limit, no caller is forgotten, and goroutines and
// memory are back where they were.
func TestCallersThatGiveUp(t *testing.T) {
	server := redistest.Start(t)
	s := newStore(t, server.Client(t), func(o *redisstore.Options) { o.DenialCache, o.Timeout = 1_000, testenv.Patience(5*time.Second) })
	works(t, s)
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 200 * time.Millisecond}}}
	takes, keys := size(60_000, 1_000_000, 150_000), make([]string, 97)
	for i := range keys {
		keys[i] = fresh("log")
	}
	type admission struct{ sent, answered time.Time }
	var mu sync.Mutex
	admitted := make([][]admission, len(keys))
	before, memory := runtime.NumGoroutine(), heap()
	var gaveUp atomic.Int64
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			for i := c; i < takes; i += 64 {
				ctx, cancel := context.Background(), func() {}
				if i%10 == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(i%300)*time.Microsecond)
				}
				k := i % len(keys)
				sent := time.Now()
				d, err := s.Allow(ctx, recovery.LimitRequest{Key: keys[k], Policy: policy})
				answered := time.Now()
				cancel()
				switch {
				case err == nil && d[0].Allowed:
					mu.Lock()
					admitted[k] = append(admitted[k], admission{sent, answered})
					mu.Unlock()
				case err != nil && i%10 == 0 && errors.Is(err, context.DeadlineExceeded):
					gaveUp.Add(1)
				case err != nil:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	// A call was decided between sent and answered. So 26 calls, of which the
	// last was answered less than a window after the first was sent, are over
	// the limit for certain.
	count := 0
	for k, calls := range admitted {
		count += len(calls)
		slices.SortFunc(calls, func(a, b admission) int { return a.answered.Compare(b.answered) })
		for i := 25; i < len(calls); i++ {
			first := slices.MinFunc(calls[i-25:i+1], func(a, b admission) int { return a.sent.Compare(b.sent) })
			if span := calls[i].answered.Sub(first.sent); span < policy.Limits[0].Window {
				t.Errorf("key %d: 26 calls within %v", k, span)
			}
		}
	}
	t.Logf("%d takes, %d allowed, %d gave up", takes, count, gaveUp.Load())
	if count == 0 || gaveUp.Load() == 0 {
		t.Error("nobody was allowed, or nobody gave up")
	}
	testenv.Eventually(t, 10*time.Second, "at most 20 goroutines more than before", func() bool {
		return runtime.NumGoroutine() <= before+20
	})
	clear(admitted)
	if after := heap(); after > memory+8<<20 {
		t.Errorf("the heap holds %d bytes more", after-memory)
	}
}

// A client of one server of a Cluster, or of a proxy before one, may not name
// keys of several slots in a script. Such a client gets a script for each key.
func TestSingleClientOfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	client := cluster.Nodes[0].Client(t)
	s := newStore(t, client, func(o *redisstore.Options) { o.DenialCache = -1 })
	// Two keys that this server has, in two slots.
	var own []string
	for i := 0; len(own) < 2; i++ {
		key := fmt.Sprintf("key:%d", i)
		if client.Get(t.Context(), key).Err() == redis.Nil {
			own = append(own, key)
		}
	}
	for want := 24; want > 20; want-- {
		d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: own[0], Policy: limit}, recovery.LimitRequest{Key: own[1], Policy: limit})
		if err != nil || d[0].Remaining != want || d[1].Remaining != want {
			t.Fatalf("%+v, %v: want %d left for both", d, err, want)
		}
	}
}
