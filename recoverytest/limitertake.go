package recoverytest

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

var limiterTakeClauses = []clause[*limits]{
	{"no-takes", "Take returns as many decisions as takes: none for none.", func(e *limits) {
		e.take()
	}},
	{"decisions-in-order", "Take decides each take on its own, in order, and returns as many decisions.", func(e *limits) {
		full, free := recovery.LimitRequest{Key: random(), Policy: lasting(1)}, recovery.LimitRequest{Key: random(), Policy: lasting(9)}
		e.take(full)
		takes := []recovery.LimitRequest{full, free, free, full, free}
		for i, d := range e.take(takes...) {
			if want := takes[i].Key == free.Key; d.Allowed != want {
				e.errorf("take %d of 5: Allowed is %v, want %v", i+1, d.Allowed, want)
			}
			if d.Limit != takes[i].Policy.Limits[0] {
				e.errorf("take %d of 5: Limit is %v, want %v", i+1, d.Limit, takes[i].Policy.Limits[0])
			}
		}
		// The refused in the middle spent nothing, the admitted did.
		if d := e.take(free)[0]; d.Remaining != 5 {
			e.errorf("Remaining is %d after 4 of 9 calls, want 5", d.Remaining)
		}
	}},
	{"same-key-twice", "An admitted call is counted in the same atomic step: two takes of one call on one key both count.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: lasting(3)}
		for i, d := range e.take(take, take, take, take, take) {
			if d.Allowed != (i < 3) {
				e.errorf("take %d of 5 at a limit of 3: Allowed is %v", i+1, d.Allowed)
			}
		}
		if e.take(take)[0].Allowed {
			e.errorf("admitted after three takes in one call at a limit of 3")
		}
	}},
	{"id-repeats", "An ID makes the take repeatable: one with an ID that the log still holds is admitted and not counted again.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: lasting(3), ID: random()}
		e.want("one take ten times", e.admitted(10, take), 10)
		take.ID = ""
		e.want("others after it, at a limit of 3", e.admitted(5, take), 2)
	}},
	{"id-repeats-full", "A take with an ID that the log still holds is admitted, also when the window is full.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: lasting(3), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.want("the first", e.admitted(1, first), 1)
		e.want("others after it", e.admitted(5, other), 2)
		e.want("the first again", e.admitted(3, first), 3)
		e.want("others after that", e.admitted(3, other), 0)
	}},
	{"id-repeats-in-one-call", "Takes are decided in order: one with the ID of another in the same call is not counted again.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: lasting(2), ID: random()}
		for _, d := range e.take(take, take, take) {
			if !d.Allowed {
				e.errorf("a repeated take was refused")
			}
		}
		take.ID = random()
		e.want("another after it", e.admitted(1, take), 1)
		take.ID = random()
		e.want("a third", e.admitted(1, take), 0)
	}},
	{"id-repeats-remaining", "Remaining is how many calls Limit still admits now: after a repeated take as many as before it.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: lasting(5), ID: random()}
		for range 4 {
			if d := e.take(take)[0]; d.Remaining != 4 {
				e.errorf("Remaining is %d after one call, repeated, at a limit of 5, want 4", d.Remaining)
			}
		}
	}},
	{"id-refused", "A refused call is not counted at all: its ID is not held.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: e.tier(1, 3)}
		e.take(take)
		take.ID = random()
		if e.take(take, take)[1].Allowed {
			e.errorf("a take was admitted because one with its ID had been refused")
		}
		e.advance(e.ticks(3.5))
		e.want("the refused, after the window", e.admitted(1, take), 1)
		take.ID = ""
		if e.take(take)[0].Allowed && e.timing.exact() {
			e.errorf("a take that was refused at first was not counted when it was admitted")
		}
	}},
	{"id-of-another-key", "An ID is one of the key's log: under another key it is another take.", func(e *limits) {
		id := random()
		a := recovery.LimitRequest{Key: random(), Policy: lasting(1), ID: id}
		b := recovery.LimitRequest{Key: random(), Policy: lasting(1)}
		e.take(a, b)
		b.ID = id
		if e.take(b)[0].Allowed {
			e.errorf("a take was admitted under a full key because another key holds its ID")
		}
	}},
	{"id-racing", "A take with an ID is counted once, however many repeat it at once.", func(e *limits) {
		take := recovery.LimitRequest{Key: random(), Policy: lasting(5), ID: random()}
		e.race(64, func(int) {
			if !e.take(take)[0].Allowed {
				e.errorf("a repeated take was refused")
			}
		})
		take.ID = ""
		e.want("others after it, at a limit of 5", e.admitted(9, take), 4)
	}},
	{"racing", "An admitted call is counted in the same atomic step: of 64 callers at once exactly N are admitted (A54).", func(e *limits) {
		for round := range 20 {
			takes := make([]recovery.LimitRequest, 8)
			admitted := make([]atomic.Int32, len(takes))
			for i := range takes {
				takes[i] = recovery.LimitRequest{Key: random(), Policy: lasting(25)}
			}
			e.race(64, func(i int) {
				n := (i + round) % len(takes)
				for j := range takes {
					// Each key by each caller, in another order.
					k := (n + j) % len(takes)
					if e.take(takes[k])[0].Allowed {
						admitted[k].Add(1)
					}
				}
			})
			for k := range admitted {
				e.want("64 calls at once at a limit of 25", int(admitted[k].Load()), 25)
			}
		}
	}},
	{"racing-batches", "An admitted call is counted in the same atomic step, also where calls with several takes race.", func(e *limits) {
		a, b := recovery.LimitRequest{Key: random(), Policy: lasting(25)}, recovery.LimitRequest{Key: random(), Policy: lasting(40)}
		var as, bs atomic.Int32
		e.race(64, func(i int) {
			takes := []recovery.LimitRequest{a, b}
			if i%2 == 0 {
				takes = []recovery.LimitRequest{b, a}
			}
			for j, d := range e.take(takes...) {
				if !d.Allowed {
					continue
				}
				if takes[j].Key == a.Key {
					as.Add(1)
				} else {
					bs.Add(1)
				}
			}
		})
		e.want("64 calls at once at a limit of 25", int(as.Load()), 25)
		e.want("64 calls at once at a limit of 40", int(bs.Load()), 40)
	}},
	{"keys-are-apart", "Key names what is limited: another key has a window of its own, however much alike it is.", func(e *limits) {
		name := random()
		for _, key := range []string{
			name, name + ":", name + "1", ":" + name, "{" + name + "}", strings.ToLower(name), name[1:], name + "*", "*" + name, name + "%",
			name + `\`, name + `'"`, name + name, name + printable(3, 128-len(name)), name + printable(3, 127-len(name)),
		} {
			e.want("a fresh key", e.admitted(3, recovery.LimitRequest{Key: key, Policy: lasting(2)}), 2)
		}
	}},
	{"malformed", "A take without a key, or whose tier says nothing valid, is an error.", func(e *limits) {
		good := recovery.LimitRequest{Key: random(), Policy: lasting(1)}
		one := func(l recovery.Limit) recovery.LimitPolicy { return recovery.LimitPolicy{Limits: []recovery.Limit{l}} }
		for what, take := range map[string]recovery.LimitRequest{
			"no key":             {Policy: lasting(1)},
			"a key of 129 bytes": {Key: strings.Repeat("k", 129), Policy: lasting(1)},
			"a key with a space": {Key: "two words", Policy: lasting(1)},
			"no limits":          {Key: random()},
			"nine limits":        {Key: random(), Policy: recovery.LimitPolicy{Limits: make([]recovery.Limit, 9)}},
			"N of 0":             {Key: random(), Policy: one(recovery.Limit{N: 0, Window: time.Hour})},
			"N of -1":            {Key: random(), Policy: one(recovery.Limit{N: -1, Window: time.Hour})},
			"N of 100,001":       {Key: random(), Policy: one(recovery.Limit{N: 100_001, Window: time.Hour})},
			"no window":          {Key: random(), Policy: one(recovery.Limit{N: 1})},
			"a window too short": {Key: random(), Policy: one(recovery.Limit{N: 1, Window: time.Microsecond})},
			"a window too long":  {Key: random(), Policy: one(recovery.Limit{N: 1, Window: 32 * 24 * time.Hour})},
			"a negative trickle": {Key: random(), Policy: recovery.LimitPolicy{Limits: good.Policy.Limits, ThenOneEvery: -1}},
		} {
			if _, err := e.pick().Allow(e.ctx, take); err == nil {
				e.errorf("a take with %s succeeded", what)
			}
			if _, err := e.pick().Allow(e.ctx, recovery.LimitRequest{Key: random(), Policy: lasting(1)}, take); err == nil {
				e.errorf("a take with %s succeeded beside a good one", what)
			}
		}
		e.want("a good take", e.admitted(1, good), 1)
	}},
	{"context-ended", "A Take whose ctx had ended before is an error: it admits nothing.", func(e *limits) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		decisions, err := e.pick().Allow(ctx, recovery.LimitRequest{Key: random(), Policy: lasting(1)})
		if err == nil {
			e.errorf("Take succeeded though its ctx had ended, with %v", decisions)
		}
	}},
}
