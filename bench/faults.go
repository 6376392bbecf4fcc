package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// faultsPart measures what faults cost, and what they must not cost. The tests
// of redisstore have more of them.
func faultsPart(tb redistest.TB, b *bench) {
	lostReplies(tb, b)
	lostGroups(tb, b)
	down(tb, b)
	failover(tb, b)
	replicated(tb, b)
	stalledLink(tb, b)
}

// budget is the default of a store's Timeout, which everything here is about.
const budget = 500 * time.Millisecond

// lostReplies resets connections between a claim and its reply, and has the
// caller claim again by the same id, as a Service does.
func lostReplies(tb redistest.TB, b *bench) {
	n := pick(b, 100_000, 500)
	b.step("faults: %d lost replies", n)
	server := redistest.Start(tb)
	proxy := server.Proxy(tb)
	var names tokenNames
	names.slot, names.spec = realToken(tb)
	writer, endWriter := openStore(tb, server.Addr, redisstore.Options{})
	defer endWriter()
	store, end := openStore(tb, proxy.Addr, redisstore.Options{Timeout: budget})
	defer end()
	burnt, twice := 0, 0
	for i := range n {
		_, err := writer.Put(tb.Context(), names.slotOf(i), names.specOf(i))
		must(tb, err)
		before := proxy.Commands("EVALSHA", "EVAL")
		proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Reset, Commands: []string{"EVALSHA", "EVAL"}, Times: 1})
		_, err = store.Claim(tb.Context(), claimID(0, i), names.ref(i))
		if ran := proxy.Commands("EVALSHA", "EVAL") - before; ran > 1 {
			twice++
		}
		proxy.Clear()
		if err == nil {
			continue // the reply came before the reset
		}
		// A breaker may have opened; it closes within a tenth of a second.
		for range 100 {
			if _, err = store.Claim(tb.Context(), claimID(0, i), names.ref(i)); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err != nil {
			burnt++
		}
	}
	b.hold("R1", fmt.Sprintf("%d lost replies, scripts that ran twice unasked", n), float64(twice), "=", 0)
	b.hold("R1", fmt.Sprintf("%d lost replies, links burnt", n), float64(burnt), "=", 0)
}

// lostGroups loses replies to calls that decide for many callers at once. Each
// key is asked once, so the next call shows what the first one counted.
func lostGroups(tb redistest.TB, b *bench) {
	n := pick(b, 100_000, 5_000)
	b.step("faults: %d decisions of 64 callers while replies are lost", n)
	server := redistest.Start(tb)
	proxy := server.Proxy(tb)
	store, end := openStore(tb, proxy.Addr, redisstore.Options{Timeout: budget})
	defer end()
	judge, endJudge := openStore(tb, server.Addr, redisstore.Options{})
	defer endJudge()
	const most = 10
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: most, Window: time.Hour}}}
	const callers = 64
	n = n / callers * callers
	answered := make([]bool, n)
	stop := make(chan struct{})
	var loser sync.WaitGroup
	loser.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Reset, Commands: []string{"EVALSHA", "EVAL"}, Times: 1})
			}
		}
	})
	s := run(tb.Context(), load{callers: callers, most: n}, func(ctx context.Context, caller, i int) error {
		_, err := store.Allow(ctx, recovery.LimitRequest{Key: numbered("lost:0000000000", i*callers+caller), Policy: policy})
		answered[i*callers+caller] = err == nil
		if errors.Is(err, redisstore.ErrDown) {
			time.Sleep(time.Millisecond)
		}
		return err
	})
	close(stop)
	loser.Wait()
	lost := proxy.Struck(redistest.Replies)
	proxy.Clear()
	var twice, missing atomic.Int64
	seen := run(tb.Context(), load{callers: callers, most: n}, func(ctx context.Context, caller, i int) error {
		at := i*callers + caller
		d, err := judge.Allow(ctx, recovery.LimitRequest{Key: numbered("lost:0000000000", at), Policy: policy})
		if err != nil {
			return err
		}
		switch before := most - 1 - d[0].Remaining; {
		case before > 1:
			twice.Add(1)
		case before < 1 && answered[at]:
			missing.Add(1)
		}
		return nil
	})
	must(tb, seen.err)
	b.add("Replies lost on the way to 64 callers", "ours", "", "decisions", float64(s.ops))
	b.add("Replies lost on the way to 64 callers", "ours", "", "calls that failed", float64(s.errors))
	b.add("Replies lost on the way to 64 callers", "ours", "", "replies lost", float64(lost))
	b.hold("R1", "64 callers, keys counted twice by one call", float64(twice.Load()), "=", 0)
	b.hold("R1", "64 callers, answered calls that were not counted", float64(missing.Load()), "=", 0)
}
