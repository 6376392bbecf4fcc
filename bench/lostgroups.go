package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// oncePolicy has room for a call that is counted too often.
var oncePolicy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10, Window: time.Hour}}}

// lostGroups loses replies to calls that decide for many callers at once. Each
// key is asked once, so another call shows what the first one counted.
func lostGroups(tb redistest.TB, b *bench) {
	const callers = 64
	length := pick(b, 30*time.Second, 2*time.Second)
	b.step("faults: 64 callers while replies are lost, %v", length)
	server := redistest.Start(tb)
	proxy := server.Proxy(tb)
	store, end := openStore(tb, proxy.Addr, redisstore.Options{Timeout: budget})
	defer end()
	request := func(caller, i int) recovery.LimitRequest {
		return recovery.LimitRequest{Key: numbered("lost:0000000000", i*callers+caller), Policy: oncePolicy}
	}
	answered := make([][]bool, callers)
	stop := loseReplies(proxy)
	s := run(tb.Context(), load{callers: callers, length: length}, func(ctx context.Context, caller, i int) error {
		_, err := store.Allow(ctx, request(caller, i))
		for errors.Is(err, redisstore.ErrDown) { // nothing was asked
			time.Sleep(time.Millisecond)
			_, err = store.Allow(ctx, request(caller, i))
		}
		answered[caller] = append(answered[caller], err == nil)
		return err
	})
	stop()
	judge, endJudge := openStore(tb, server.Addr, redisstore.Options{})
	defer endJudge()
	var twice, missing atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i, ok := range answered[caller] {
				d, err := judge.Allow(tb.Context(), request(caller, i))
				if err != nil {
					tb.Errorf("%v", err)
					return
				}
				switch before := oncePolicy.Limits[0].N - 1 - d[0].Remaining; {
				case before > 1:
					twice.Add(1)
				case before < 1 && ok:
					missing.Add(1)
				}
			}
		})
	}
	wg.Wait()
	const table = "Replies lost on the way to 64 callers"
	b.add(table, "ours", "", "decisions", float64(s.ops))
	b.add(table, "ours", "", "calls that failed", float64(s.errors))
	lost := float64(proxy.Struck(redistest.Replies))
	b.add(table, "ours", "", "replies lost", lost)
	b.hold("R1", "64 callers, replies lost, so that something can be wrong", lost, ">=", 5)
	b.hold("R1", "64 callers, keys counted twice by one call", float64(twice.Load()), "=", 0)
	b.hold("R1", "64 callers, answered calls that were not counted", float64(missing.Load()), "=", 0)
}

// callsBetween is how many calls of the script reach the server between two
// lost replies. All callers of a lost call fail, and then the store asks nothing
// for a while.
const callsBetween = 100

// loseReplies resets a connection instead of passing on a reply, again and
// again, until it is stopped.
func loseReplies(proxy *redistest.Proxy) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		last := 0
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
			if now := proxy.Commands(scriptCommands...); now-last >= callsBetween {
				last = now
				proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Reset, Commands: scriptCommands, Times: 1})
			}
		}
	})
	return func() {
		close(quit)
		wg.Wait()
		proxy.Clear()
	}
}
