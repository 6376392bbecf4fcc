package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// A90, CVE-2025-29923: a reply is lost inside a connection, so that those
// behind it answer the wrong commands. Whoever gets somebody else's record is
// told so and sees nothing of it.
func TestRepliesOutOfStep(t *testing.T) {
	server := redistest.Start(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			proxy := server.Proxy(t)
			direct := newStore(t, server.Client(t), nil)
			options := append([]func(*redis.Options){func(o *redis.Options) { o.PoolSize = 4 }}, way.client...)
			s := newStore(t, proxy.Client(t, options...), func(o *redisstore.Options) { o.Timeout = testenv.Patience(50 * time.Millisecond) })
			var refs []recovery.TokenRef
			for i := range 64 {
				ref := recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"}
				spec := link("digest")
				spec.State = "state" + strconv.Itoa(i)
				_, err := direct.Put(t.Context(), ref.Slot, spec)
				must(t, err)
				refs = append(refs, ref)
			}
			works(t, s)
			stop := make(chan struct{})
			var breaking, wg sync.WaitGroup
			breaking.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
						proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Drop, Commands: runs, Times: 1})
					}
				}
			})
			var wrong, refusedCount, fine atomic.Int64
			// Longer where nothing has been lost or answered by then.
			var enough atomic.Bool
			deadline := testenv.Within(20 * time.Second)
			breaking.Go(func() {
				time.Sleep(time.Duration(size(600, 1500, 800)) * time.Millisecond)
				for (proxy.Struck(redistest.Replies) == 0 || fine.Load() == 0) && !deadline.Over() {
					time.Sleep(5 * time.Millisecond)
				}
				enough.Store(true)
			})
			for i, ref := range refs {
				wg.Go(func() {
					for !enough.Load() {
						token, err := s.Peek(context.Background(), ref)
						switch {
						case err == nil && (token.Slot != ref.Slot || token.State != "state"+strconv.Itoa(i)):
							wrong.Add(1)
						case err == nil:
							fine.Add(1)
						case errors.Is(err, recovery.ErrTokenNotFound):
							t.Errorf("a live token was not found")
						default:
							if token != (recovery.TokenRecord{}) {
								wrong.Add(1)
							}
							if errors.Is(err, redisstore.ErrWrongReply) {
								refusedCount.Add(1)
							}
							pause(err)
						}
					}
				})
			}
			wg.Wait()
			close(stop)
			breaking.Wait()
			proxy.Clear()
			t.Logf("%d answers, %d wrong ones refused", fine.Load(), refusedCount.Load())
			if wrong.Load() > 0 || fine.Load() == 0 {
				t.Errorf("%d callers got somebody else's record", wrong.Load())
			}
			works(t, s)
		})
	}
}

// A90: a server, or something in front of it, that answers with another key's
// record, and with much else.
func TestHostileReplies(t *testing.T) {
	server := redistest.Start(t)
	// NONCE stands for the nonce of the call, which only its own reply has.
	tokens := map[string][]string{
		"a record of another call":  {"1", "ok", "digest s 4102444800000 60000"},
		"two records":               {"NONCE", "ok", "digest s 4102444800000 60000", "ok", "digest s 4102444800000 60000"},
		"two tokens":                {"NONCE", "ok", "digest s 4102444800000 60000 digest s 4102444800000 60000"},
		"another token":             {"NONCE", "ok", "tsegid s 4102444800000 60000"},
		"no token":                  {"NONCE", "ok", ""},
		"a record cut short":        {"NONCE", "ok"},
		"a token cut short":         {"NONCE", "ok", "digest s 4102444800000"},
		"an empty state":            {"NONCE", "ok", "digest  4102444800000 60000"},
		"an expiry that is no time": {"NONCE", "ok", "digest s soon 60000"},
		"a lifetime that is none":   {"NONCE", "ok", "digest s 4102444800000 long"},
		"a word that is none":       {"NONCE", "fine", "digest s 4102444800000 60000"},
		"nothing":                   {},
		"the nonce alone":           {"NONCE"},
	}
	for name, reply := range tokens {
		t.Run("tokens/"+name, func(t *testing.T) {
			client := server.Client(t)
			ref := put(t, newStore(t, client, nil))
			hostile := server.Client(t)
			hostile.AddHook(replacing[string]{reply, func(n any) string { return fmt.Sprint(n) }})
			s := newStore(t, hostile, nil)
			if token, err := s.Claim(t.Context(), "id", ref); err == nil || token != (recovery.TokenRecord{}) || !errors.Is(err, redisstore.ErrWrongReply) {
				t.Errorf("Claim = %v, %v", token, err)
			}
			if token, err := s.Put(t.Context(), ref.Slot, link(ref.Digest)); err == nil || token != (recovery.TokenRecord{}) || !errors.Is(err, redisstore.ErrWrongReply) {
				t.Errorf("Put = %v, %v", token, err)
			}
			if token, err := s.Peek(t.Context(), ref); err == nil || token != (recovery.TokenRecord{}) || !errors.Is(err, redisstore.ErrWrongReply) {
				t.Errorf("Peek = %v, %v", token, err)
			}
			if name == "no token" || name == "two tokens" || name == "another token" {
				return // which are lists
			}
			if tokens, err := s.List(t.Context(), ref.Slot); tokens != nil || !errors.Is(err, redisstore.ErrWrongReply) {
				t.Errorf("List = %v, %v", tokens, err)
			}
		})
	}
	limits := map[string][]int64{
		"a decision of another call":  {1, 8, 0},
		"two decisions":               {nonce, 8, 0, 8, 0},
		"half a decision":             {nonce, 8},
		"nothing":                     {},
		"more left than there are":    {nonce, 8 * 1000, 0},
		"a window that is not there":  {nonce, 7, 0},
		"a wait longer than a window": {nonce, -1 - 8*(1<<50), 0},
	}
	for name, reply := range limits {
		t.Run("limits/"+name, func(t *testing.T) {
			hostile := server.Client(t)
			hostile.AddHook(replacing[int64]{reply, func(n any) int64 { return n.(int64) }})
			s := newStore(t, hostile, nil)
			if d, err := s.Allow(t.Context(), recovery.LimitRequest{Key: fresh("log"), Policy: limit}); !errors.Is(err, redisstore.ErrWrongReply) {
				t.Errorf("Allow = %v, %v", d, err)
			}
		})
	}
}

// nonce stands for the nonce of the call.
const nonce = int64(-77)

// A90: every reply is that of the command before it, as a connection that
// nobody noticed to be out of step would have it. All are good replies to a
// take of this very tier.
func TestRepliesOutOfStepDecideNothing_A90(t *testing.T) {
	server := redistest.Start(t)
	for name, tier := range map[string]recovery.LimitPolicy{
		"seconds": {Limits: []recovery.Limit{{N: 2, Window: 5 * time.Second}}},
		"a day":   {Limits: []recovery.Limit{{N: 2, Window: 24 * time.Hour}}},
		"a month": {Limits: []recovery.Limit{{N: 100_000, Window: 31 * 24 * time.Hour}}},
		"trickle": {Limits: []recovery.Limit{{N: 1, Window: time.Minute}, {N: 2, Window: time.Hour}}, ThenOneEvery: 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			// A client that is never gone around, whatever its replies are.
			client := server.Client(t)
			late := &late{}
			client.AddHook(late)
			store := newStore(t, client, func(o *redisstore.Options) { o.DenialCache = -1 })
			a, b := recovery.LimitRequest{Key: fresh("a"), Policy: tier}, recovery.LimitRequest{Key: fresh("b"), Policy: tier}
			for range 4 {
				if _, err := store.Allow(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			late.on = true
			for range 10 {
				for _, take := range []recovery.LimitRequest{a, b} {
					if d, err := store.Allow(t.Context(), take); !errors.Is(err, redisstore.ErrWrongReply) {
						t.Errorf("Allow = %+v, %v", d, err)
					}
				}
			}
		})
	}
}

// late is a hook that hands out the reply of the command before.
type late struct {
	on   bool
	last []int64
}

func (*late) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *late) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if c, ok := cmd.(interface {
			Val() []int64
			SetVal([]int64)
		}); ok {
			was := h.last
			h.last = c.Val()
			if h.on {
				c.SetVal(was)
			}
		}
		return err
	}
}

func (*late) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// replacing is a hook that puts another reply in the place of every script's.
type replacing[V comparable] struct {
	reply []V
	nonce func(any) V // as it stands in a reply
}

func (replacing[V]) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h replacing[V]) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		c, ok := cmd.(interface{ SetVal([]V) })
		if !ok {
			return err
		}
		reply, mark := slices.Clone(h.reply), h.nonce(nonce)
		if _, text := any(mark).(string); text {
			mark, _ = any("NONCE").(V)
		}
		for i, v := range reply {
			if v == mark {
				reply[i] = h.nonce(cmd.Args()[4])
			}
		}
		c.SetVal(reply)
		return err
	}
}

func (replacing[V]) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
