package main

import (
	"fmt"
	"time"

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

// scriptCommands are the commands that run a script.
var scriptCommands = []string{"EVALSHA", "EVAL"}

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
		before := proxy.Commands(scriptCommands...)
		proxy.Set(redistest.Replies, redistest.Fault{Mode: redistest.Reset, Commands: scriptCommands, Times: 1})
		_, err = store.Claim(tb.Context(), claimID(0, i), names.ref(i))
		if ran := proxy.Commands(scriptCommands...) - before; ran > 1 {
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
