package recoverytest

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

var limiterRequestClauses = []clause[*limits]{
	{"no-requests", "Allow returns as many decisions as there are requests: none for none.", func(e *limits) {
		e.allow()
	}},
	{"decisions-in-order", "Allow decides each request on its own, in order, and returns as many decisions.", func(e *limits) {
		full, free := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}, recovery.LimitRequest{Key: random(), Policy: longPolicy(9)}
		e.allow(full)
		requests := []recovery.LimitRequest{full, free, free, full, free}
		for i, d := range e.allow(requests...) {
			if want := requests[i].Key == free.Key; d.Allowed != want {
				e.errorf("request %d of 5: Allowed is %v, want %v", i+1, d.Allowed, want)
			}
			if d.Limit != requests[i].Policy.Limits[0] {
				e.errorf("request %d of 5: Limit is %v, want %v", i+1, d.Limit, requests[i].Policy.Limits[0])
			}
		}
		// The refused request in the middle was not counted, the allowed ones
		// were.
		if d := e.allow(free)[0]; d.Remaining != 5 {
			e.errorf("the fourth of 9 calls, after a refusal of another key: Remaining is %d, want 5", d.Remaining)
		}
	}},
	{"same-key-twice", "An allowed request is counted in the same atomic step: two requests of one call for one key both count.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(3)}
		for i, d := range e.allow(request, request, request, request, request) {
			if d.Allowed != (i < 3) {
				e.errorf("request %d of 5 in one call at a limit of 3: Allowed is %v, want %v", i+1, d.Allowed, i < 3)
			}
		}
		if e.allow(request)[0].Allowed {
			e.errorf("a request after three allowed ones of one call, at a limit of 3, was allowed, want a refusal")
		}
	}},
	{"id-repeats", "An ID makes the request repeatable: a request with an ID that the log still holds is allowed and not counted again.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(3), ID: random()}
		e.wantAllowed("one request ten times", e.countAllowed(10, request), 10)
		request.ID = ""
		e.wantAllowed("others after it, at a limit of 3", e.countAllowed(5, request), 2)
	}},
	{"id-repeats-full", "A request with an ID that the log still holds is allowed, also when the window is full.", func(e *limits) {
		first := recovery.LimitRequest{Key: random(), Policy: longPolicy(3), ID: random()}
		other := recovery.LimitRequest{Key: first.Key, Policy: first.Policy}
		e.wantAllowed("the first request", e.countAllowed(1, first), 1)
		e.wantAllowed("others after it", e.countAllowed(5, other), 2)
		e.wantAllowed("the first request again", e.countAllowed(3, first), 3)
		e.wantAllowed("others after that", e.countAllowed(3, other), 0)
	}},
	{"id-repeats-in-one-call", "Requests are decided in order: one with the ID of another in the same call is not counted again.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(2), ID: random()}
		for _, d := range e.allow(request, request, request) {
			if !d.Allowed {
				e.errorf("a repeated request was refused, want it allowed")
			}
		}
		request.ID = random()
		e.wantAllowed("another request after it", e.countAllowed(1, request), 1)
		request.ID = random()
		e.wantAllowed("a third request", e.countAllowed(1, request), 0)
	}},
	{"id-repeats-remaining", "Remaining is how many calls Limit still allows now: after a repeated request as many as before it.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(5), ID: random()}
		for range 4 {
			if d := e.allow(request)[0]; d.Remaining != 4 {
				e.errorf("one request, repeated, at a limit of 5: Remaining is %d, want 4", d.Remaining)
			}
		}
	}},
	{"id-refused", "A refused request is not counted at all: the log does not hold its ID.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: e.policy(1, 3)}
		e.allow(request)
		request.ID = random()
		if e.allow(request, request)[1].Allowed {
			e.errorf("a request was allowed after one with its ID had been refused, want a refusal")
		}
		e.advance(e.ticks(3.5))
		e.wantAllowed("the refused request, after the window", e.countAllowed(1, request), 1)
		request.ID = ""
		if e.allow(request)[0].Allowed && e.timing.exact() {
			e.errorf("a request at a limit of 1 was allowed after another had been refused and then allowed, want a refusal")
		}
	}},
	{"id-of-another-key", "An ID belongs to the log of its key: with another key it is another request.", func(e *limits) {
		id := random()
		a := recovery.LimitRequest{Key: random(), Policy: longPolicy(1), ID: id}
		b := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}
		e.allow(a, b)
		b.ID = id
		if e.allow(b)[0].Allowed {
			e.errorf("a request for a full key was allowed with an ID that another key holds, want a refusal")
		}
	}},
	{"id-racing", "A request with an ID is counted once, however many callers repeat it at once.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(5), ID: random()}
		e.race(64, func(int) {
			if !e.allow(request)[0].Allowed {
				e.errorf("a repeated request was refused, want it allowed")
			}
		})
		request.ID = ""
		e.wantAllowed("others after it, at a limit of 5", e.countAllowed(9, request), 4)
	}},
	{"racing", "An allowed request is counted in the same atomic step: of 64 callers at once exactly N are allowed (A54).", func(e *limits) {
		for round := range 20 {
			requests := make([]recovery.LimitRequest, 8)
			allowed := make([]atomic.Int32, len(requests))
			for i := range requests {
				requests[i] = recovery.LimitRequest{Key: random(), Policy: longPolicy(25)}
			}
			e.race(64, func(i int) {
				n := (i + round) % len(requests)
				for j := range requests {
					// Every caller asks for every key, in an order of its own.
					k := (n + j) % len(requests)
					if e.allow(requests[k])[0].Allowed {
						allowed[k].Add(1)
					}
				}
			})
			for k := range allowed {
				e.wantAllowed("64 calls at once at a limit of 25", int(allowed[k].Load()), 25)
			}
		}
	}},
	{"racing-batches", "An allowed request is counted in the same atomic step, also when calls with several requests race.", func(e *limits) {
		a, b := recovery.LimitRequest{Key: random(), Policy: longPolicy(25)}, recovery.LimitRequest{Key: random(), Policy: longPolicy(40)}
		var as, bs atomic.Int32
		e.race(64, func(i int) {
			requests := []recovery.LimitRequest{a, b}
			if i%2 == 0 {
				requests = []recovery.LimitRequest{b, a}
			}
			for j, d := range e.allow(requests...) {
				if !d.Allowed {
					continue
				}
				if requests[j].Key == a.Key {
					as.Add(1)
				} else {
					bs.Add(1)
				}
			}
		})
		e.wantAllowed("64 calls at once at a limit of 25", int(as.Load()), 25)
		e.wantAllowed("64 calls at once at a limit of 40", int(bs.Load()), 40)
	}},
	{"keys-are-apart", "Key names what is limited: another key has a window of its own, however similar it is.", func(e *limits) {
		name := random()
		for _, key := range []string{
			name, name + ":", name + "1", ":" + name, "{" + name + "}", strings.ToLower(name), name[1:], name + "*", "*" + name, name + "%",
			name + `\`, name + `'"`, name + name, name + printable(3, 128-len(name)), name + printable(3, 127-len(name)),
		} {
			e.wantAllowed("a fresh key", e.countAllowed(3, recovery.LimitRequest{Key: key, Policy: longPolicy(2)}), 2)
		}
	}},
	{"malformed", "A request without a key, or with an invalid policy, is an error.", func(e *limits) {
		good := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}
		one := func(l recovery.Limit) recovery.LimitPolicy { return recovery.LimitPolicy{Limits: []recovery.Limit{l}} }
		for what, request := range map[string]recovery.LimitRequest{
			"no key":                  {Policy: longPolicy(1)},
			"a key of 129 bytes":      {Key: strings.Repeat("k", 129), Policy: longPolicy(1)},
			"a key with a space":      {Key: "two words", Policy: longPolicy(1)},
			"no limits":               {Key: random()},
			"nine limits":             {Key: random(), Policy: recovery.LimitPolicy{Limits: make([]recovery.Limit, 9)}},
			"N of 0":                  {Key: random(), Policy: one(recovery.Limit{N: 0, Window: time.Hour})},
			"N of -1":                 {Key: random(), Policy: one(recovery.Limit{N: -1, Window: time.Hour})},
			"N of 100,001":            {Key: random(), Policy: one(recovery.Limit{N: 100_001, Window: time.Hour})},
			"no window":               {Key: random(), Policy: one(recovery.Limit{N: 1})},
			"a window too short":      {Key: random(), Policy: one(recovery.Limit{N: 1, Window: time.Microsecond})},
			"a window too long":       {Key: random(), Policy: one(recovery.Limit{N: 1, Window: 32 * 24 * time.Hour})},
			"a negative ThenOneEvery": {Key: random(), Policy: recovery.LimitPolicy{Limits: good.Policy.Limits, ThenOneEvery: -1}},
		} {
			if _, err := e.pick().Allow(e.ctx, request); err == nil {
				e.errorf("a request with %s: no error, want one", what)
			}
			if _, err := e.pick().Allow(e.ctx, recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}, request); err == nil {
				e.errorf("a request with %s, beside a good one: no error, want one", what)
			}
		}
		e.wantAllowed("a good request after the malformed ones", e.countAllowed(1, good), 1)
	}},
	{"context-ended", "A call of Allow whose ctx had ended before is an error: it allows nothing.", func(e *limits) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		decisions, err := e.pick().Allow(ctx, recovery.LimitRequest{Key: random(), Policy: longPolicy(1)})
		if err == nil {
			e.errorf("Allow with a ctx that had ended returned %v and no error, want an error", decisions)
		}
	}},
}
