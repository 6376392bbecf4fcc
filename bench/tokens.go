package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// recorder is a token store that notes what a Service puts, so that what is
// measured has the names and sizes of real tokens.
type recorder struct {
	recovery.TokenStore
	mu    sync.Mutex
	slots []string
	specs []recovery.TokenSpec
}

// Put implements [recovery.TokenStore].
func (r *recorder) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	r.mu.Lock()
	r.slots, r.specs = append(r.slots, slot), append(r.specs, spec)
	r.mu.Unlock()
	return r.TokenStore.Put(ctx, slot, spec)
}

// realToken is the slot and spec of a token that a Service made.
func realToken(tb redistest.TB) (slot string, spec recovery.TokenSpec) {
	r := &recorder{TokenStore: recovery.NewMemoryTokenStore()}
	s, err := recovery.New(newLeads(1), r, recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }),
		recovery.Options{
			Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
			DangerouslyKeepSessions: true, Logger: quiet,
		})
	must(tb, err)
	defer func() { _ = s.Shutdown(context.Background()) }()
	_, err = s.IssueToken(tb.Context(), recovery.IssueRequest{
		Key: recovery.LeadKey{Field: "EmailAddress", Value: mailOf(0)}, Requester: recovery.Requester{Caller: "bench"},
	})
	must(tb, err)
	return r.slots[0], r.specs[0]
}

// tokenNames makes many slots, and one digest in each, of the length of real
// ones.
type tokenNames struct {
	slot string
	spec recovery.TokenSpec
}

func (t tokenNames) slotOf(n int) string { return numbered(t.slot, n) }
func (t tokenNames) specOf(n int) recovery.TokenSpec {
	spec := t.spec
	spec.Digest = numbered(spec.Digest, n)
	return spec
}

func (t tokenNames) ref(n int) recovery.TokenRef {
	return recovery.TokenRef{Slot: t.slotOf(n), Digest: numbered(t.spec.Digest, n)}
}

// numbered is a name of the same length that ends in n.
func numbered(name string, n int) string {
	digits := fmt.Sprintf("%010d", n)
	return name[:len(name)-len(digits)] + digits
}

func tokensPart(tb redistest.TB, b *bench) {
	server := redistest.Start(tb)
	admin := server.Client(tb)
	undo, _ := split(server.PID())
	defer undo()
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	const table = "Token store"
	for _, callers := range []int{1, 16, 64} {
		b.step("tokens: %d callers", callers)
		setting := strconv.Itoa(callers) + " callers"
		for _, how := range []struct {
			name    string
			options redisstore.Options
		}{
			{"claim, plain client", redisstore.Options{NoBatching: true}},
			{"claim, batched", redisstore.Options{}},
		} {
			store, end := openStore(tb, server.Addr, how.options)
			p := b.claims(tb, admin, server.Addr, store, names, callers)
			b.addPair(table, how.name, setting, p)
			switch {
			case how.options.NoBatching:
				b.hold("T1", how.name+", x floor, "+setting, p.ratio, ">=", 0.97)
			case callers == 64:
				b.hold("T1", how.name+", x floor, "+setting, p.ratio, ">=", 1.55)
			}
			end()
		}
		store, end := openStore(tb, server.Addr, redisstore.Options{NoBatching: true})
		must(tb, admin.FlushAll(tb.Context()).Err())
		p := b.operations(tb, server.Addr, callers, func(ctx context.Context, caller, i int) error {
			_, err := store.Claim(ctx, claimID(caller, i), names.ref(i*callers+caller))
			if errors.Is(err, recovery.ErrTokenNotFound) {
				return nil
			}
			return fmt.Errorf("an absent token was answered with %v", err)
		})
		b.addPair(table, "claim of an absent token, plain client", setting, p)
		b.hold("T1", "claim of an absent token, x floor, "+setting, p.ratio, ">=", 0.97)
		end()
	}
	store, end := openStore(tb, server.Addr, redisstore.Options{})
	defer end()
	must(tb, admin.FlushAll(tb.Context()).Err())
	putTokens(tb, store, names, 0, 1000)
	usage, expiry := keyMemory(tb, admin)
	size := usage + expiry
	b.add("Memory of a token", "one live link", "", "bytes", size)
	b.add("Memory of a token", "one live link", "", "of these by MEMORY USAGE", usage)
	b.hold("T3", "bytes per live token", size, "<=", 250)
}

func openStore(tb redistest.TB, addr string, options redisstore.Options) (*redisstore.Store, func()) {
	client := place{addr: addr}.client()
	options.Logger = quiet
	store, err := redisstore.New(client, options)
	must(tb, err)
	return store, closer(client)
}

func claimID(caller, i int) string {
	return "bench" + strconv.Itoa(caller) + "x" + strconv.Itoa(i)
}

func putTokens(tb redistest.TB, store *redisstore.Store, names tokenNames, from, n int) {
	const callers = 64
	s := run(tb.Context(), load{callers: callers, most: (n + callers - 1) / callers * callers}, func(ctx context.Context, caller, i int) error {
		at := i*callers + caller
		if at >= n {
			return nil
		}
		_, err := store.Put(ctx, names.slotOf(from+at), names.specOf(from+at))
		return err
	})
	must(tb, s.err)
}

// claims claims fresh tokens, each once, in turn with the floor.
func (b *bench) claims(tb redistest.TB, admin *redis.Client, addr string, store *redisstore.Store, names tokenNames, callers int) pair {
	floor, end := open(tb, floorTarget, place{addr: addr})
	defer end()
	writer, endWriter := openStore(tb, addr, redisstore.Options{})
	defer endWriter()
	ctx := tb.Context()
	floorOp := asking(floor, keys(1000), callers, nil)
	claim := func(ctx context.Context, caller, i int) error {
		_, err := store.Claim(ctx, claimID(caller, i), names.ref(i*callers+caller))
		return err
	}
	// As many tokens as take about a slice.
	warm := run(ctx, load{callers: callers, length: b.slice}, floorOp)
	n := max(callers, warm.ops/callers*callers)
	must(tb, admin.FlushAll(ctx).Err())
	putTokens(tb, writer, names, 0, min(n, 10*callers))
	run(ctx, load{callers: callers, most: min(n, 10*callers)}, claim)
	p := paired(b.rounds, func(int) sample {
		must(tb, admin.FlushAll(ctx).Err())
		putTokens(tb, writer, names, 0, n)
		return run(ctx, load{callers: callers, length: b.slice}, floorOp)
	}, func(int) sample {
		return run(ctx, load{callers: callers, most: n}, claim)
	})
	if p.err != nil {
		tb.Fatalf("a claim of a live token failed: %v", p.err)
	}
	return p
}

// operations measures an op in turn with the floor.
func (b *bench) operations(tb redistest.TB, addr string, callers int, f op) pair {
	floor, end := open(tb, floorTarget, place{addr: addr})
	defer end()
	ctx := tb.Context()
	l := load{callers: callers, length: b.slice}
	floorOp := asking(floor, keys(1000), callers, nil)
	run(ctx, load{callers: callers, length: b.slice / 2}, floorOp)
	run(ctx, load{callers: callers, length: b.slice / 2}, f)
	p := paired(b.rounds, func(int) sample { return run(ctx, l, floorOp) }, func(int) sample { return run(ctx, l, f) })
	if p.err != nil {
		tb.Fatalf("%v", p.err)
	}
	return p
}
