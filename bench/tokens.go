package main

import (
	"cmp"
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
			Keys: [][]byte{recovery.NewKey()}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
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
	store, end := openStore(tb, server.Addr, redisstore.Options{})
	defer end()
	for _, callers := range callerCounts {
		setting := callersSetting(callers)
		b.step("tokens: %s", setting)
		s, floor := b.claims(tb, store, func() { must(tb, admin.FlushAll(tb.Context()).Err()) }, names, callers, func(own slice) (s, floor series) {
			return b.withFloor(tb, server.Addr, "claims, "+setting, callers, own)
		})
		b.addSeries(table, "claim", setting, s, floor)
		if bound, ok := map[int]float64{1: 0.60, 16: 0.90, 64: 1.2}[callers]; ok {
			b.hold("T1", "claim, x floor, "+setting, s.speedup(floor), ">=", bound)
		}
		must(tb, admin.FlushAll(tb.Context()).Err())
		// This is what whoever guesses causes.
		s, floor = b.operations(tb, server.Addr, "claims of absent tokens, "+setting, callers, func(ctx context.Context, caller, i int) error {
			_, err := store.Claim(ctx, claimID(caller, i), names.ref(i*callers+caller))
			if errors.Is(err, recovery.ErrTokenNotFound) {
				return nil
			}
			return fmt.Errorf("an absent token was answered with %v", err)
		})
		b.addSeries(table, "claim of an absent token", setting, s, floor)
	}
	must(tb, admin.FlushAll(tb.Context()).Err())
	putTokens(tb, store, names, 0, 1000)
	usage, expiry := keyMemory(tb, admin)
	size := usage + expiry
	b.add("Memory of a token", "one live link", "", "bytes", size)
	b.add("Memory of a token", "one live link", "", "of these by MEMORY USAGE", usage)
	b.hold("T3", "bytes per live token", size, "<=", 250)
}

// openStore opens a store on a client with edited options. Without a timeout of
// its own it waits as long as a busy machine needs.
func openStore(tb redistest.TB, addr string, options redisstore.Options, edits ...func(*redis.Options)) (*redisstore.Store, func()) {
	client := at(addr).client(edits...)
	options.Logger, options.Timeout = quiet, cmp.Or(options.Timeout, patient)
	store, err := redisstore.New(client, options)
	must(tb, err)
	return store, closer(client)
}

func claimID(caller, i int) string {
	return "bench" + strconv.Itoa(caller) + "x" + strconv.Itoa(i)
}

func putTokens(tb redistest.TB, store recovery.TokenStore, names tokenNames, from, n int) {
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

// claims claims fresh tokens, each once, in turn with what beside measures.
// clear removes all tokens.
func (b *bench) claims(tb redistest.TB, store recovery.TokenStore, clear func(), names tokenNames, callers int,
	beside func(own slice) (s, floor series),
) (s, floor series) {
	ctx := tb.Context()
	claim := func(ctx context.Context, caller, i int) error {
		_, err := store.Claim(ctx, claimID(caller, i), names.ref(i*callers+caller))
		return err
	}
	fresh := func(n int) {
		clear()
		putTokens(tb, store, names, 0, n)
	}
	// As many tokens as take about a slice.
	warm := max(callers, pick(b, 2_000, 1_000)/callers*callers)
	fresh(warm)
	speed := run(ctx, load{callers: callers, most: warm}, claim)
	n := max(callers, int(speed.rate()*b.slice.Seconds())/callers*callers)
	return beside(func() sample {
		fresh(n)
		return run(ctx, load{callers: callers, most: n}, claim)
	})
}

// operations measures an op in turn with the floor.
func (b *bench) operations(tb redistest.TB, addr, setting string, callers int, f op) (s, floor series) {
	run(tb.Context(), load{callers: callers, length: b.slice / 2}, f)
	return b.withFloor(tb, addr, setting, callers, func() sample {
		return run(tb.Context(), load{callers: callers, length: b.slice}, f)
	})
}

// withFloor is beside with the floor of Redis.
func (b *bench) withFloor(tb redistest.TB, addr, setting string, callers int, own slice) (s, floor series) {
	d, end := open(tb, floorTarget, at(addr))
	defer end()
	ask := asking(d, keys(1000), callers, nil)
	return b.beside(tb, floorRun{setting: setting, callers: callers}, ask, own)
}

// beside measures something that must not fail in turn with a floor, and keeps
// the floor for the account of drift.
func (b *bench) beside(tb redistest.TB, account floorRun, floor op, own slice) (s, floors series) {
	callers := account.callers
	run(tb.Context(), load{callers: callers, length: b.slice / 2}, floor)
	both := inTurn(b.rounds, []slice{
		func() sample { return run(tb.Context(), load{callers: callers, length: b.slice}, floor) }, own,
	})
	for _, one := range both {
		if _, err := one.failures(); err != nil {
			tb.Fatalf("%s: %v", account.setting, err)
		}
	}
	account.rates = both[0].each(sample.rate)
	b.floors = append(b.floors, account)
	return both[1], both[0]
}
