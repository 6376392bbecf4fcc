package recoverytest

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/seed-51359b35/recovery"
)

var limiterRequestClauses = []clause[*limits]{
	{"no-requests", "Limiter.Allow", "Allow returns as many decisions as there are requests: none for none.", func(e *limits) {
		e.allow()
	}},
	{"decisions-in-order", "Limiter.Allow", "Allow decides each request on its own, in order, and returns as many decisions.", func(e *limits) {
		full, free := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}, recovery.LimitRequest{Key: random(), Policy: longPolicy(9)}
		e.allow(full)
		requests := []recovery.LimitRequest{full, free, free, full, free}
		const what = "Allow of five requests in one call (for a key that is full, twice for one that is not, for the full one, for the other)"
		for i, d := range e.allow(requests...) {
			if want := requests[i].Key == free.Key; d.Allowed != want {
				e.errorf("%s: in decision %d Allowed is %v, want %v", what, i+1, d.Allowed, want)
			}
			if d.Limit != requests[i].Policy.Limits[0] {
				e.errorf("%s: in decision %d Limit is %v, want %v, that of its request", what, i+1, d.Limit, requests[i].Policy.Limits[0])
			}
		}
		// The refused request in the middle was not counted, the allowed ones
		// were.
		if d := e.allow(free)[0]; d.Remaining != 5 {
			e.errorf("Allow of the fourth of 9 calls for a key, of which three were in one call with refused ones for another: Remaining is %d, want 5", d.Remaining)
		}
	}},
	{"same-key-twice", "Limiter.Allow", "An allowed request is counted in the same atomic step: two requests of one call for one key both count.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(3)}
		for i, d := range e.allow(request, request, request, request, request) {
			if d.Allowed != (i < 3) {
				e.errorf("Allow of five requests in one call for one key, at a limit of 3: in decision %d Allowed is %v, want %v", i+1, d.Allowed, i < 3)
			}
		}
		if e.allow(request)[0].Allowed {
			e.errorf("Allow of a request after five of one call for the same key, at a limit of 3: it was allowed, want a refusal")
		}
	}},
	{"racing", "Limiter.Allow", "An allowed request is counted in the same atomic step: of 64 callers at once exactly N are allowed (A54).", func(e *limits) {
		for round := range e.rounds(20, 2) {
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
				e.wantAllowed("64 callers at once, for one key at a limit of 25", tally{int(allowed[k].Load()), 64}, 25)
			}
		}
	}},
	{"racing-batches", "Limiter.Allow", "An allowed request is counted in the same atomic step, also when calls with several requests race.", func(e *limits) {
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
		e.wantAllowed("64 callers at once, each with two requests in one call, for the key at a limit of 25", tally{int(as.Load()), 64}, 25)
		e.wantAllowed("64 callers at once, each with two requests in one call, for the key at a limit of 40", tally{int(bs.Load()), 64}, 40)
	}},
	{"keys-are-apart", "LimitRequest.Key", "Key names what is limited: another key has a window of its own, however similar it is.", func(e *limits) {
		name := random()
		for _, key := range []string{
			name, name + ":", name + "1", ":" + name, "{" + name + "}", strings.ToLower(name), name[1:], name + "*", "*" + name, name + "%",
			name + `\`, name + `'"`, name + name, name + printable(3, 128-len(name)), name + printable(3, 127-len(name)),
		} {
			e.wantAllowed(fmt.Sprintf("the new key %q, after similar ones were used up, at a limit of 2", key), e.countAllowed(3, recovery.LimitRequest{Key: key, Policy: longPolicy(2)}), 2)
		}
	}},
	{"policies-are-apart", "LimitRequest.Key", "Policy belongs to its Key: the limits of one key are not used for another, in one call or in several.", func(e *limits) {
		requests := []recovery.LimitRequest{
			{Key: random(), Policy: longPolicy(2)}, {Key: random(), Policy: e.policy(1, 2)}, {Key: random(), Policy: e.policy(1, 30)},
			{Key: random(), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 5, Window: longTTL / 2}}}}, {Key: random(), Policy: e.person(2, 1, 30)},
		}
		wants := [][]bool{{true, true, true, true, true}, {true, false, false, true, false}, {false, false, false, true, false}}
		check := func(what string, decisions []recovery.Decision, want []bool) {
			for i, d := range decisions {
				if d.Allowed != want[i] {
					e.errorf("Allow of a request for each of five keys with policies of their own, %s, key %d, with the limit %v: Allowed is %v, want %v", what, i+1, requests[i].Policy.Limits[0], d.Allowed, want[i])
				}
				if d.Limit != requests[i].Policy.Limits[0] {
					e.errorf("Allow of a request for each of five keys with policies of their own, %s, key %d: Limit is %v, want %v, that of its key", what, i+1, d.Limit, requests[i].Policy.Limits[0])
				}
			}
		}
		for n, want := range wants {
			check(fmt.Sprintf("call %d", n+1), e.allow(requests...), want)
		}
		e.advance(e.ticks(2.5))
		var alone []recovery.Decision
		for _, request := range requests {
			alone = append(alone, e.allow(request)[0])
		}
		check("each in a call of its own, 2.5 ticks later", alone, []bool{false, true, false, true, true})
	}},
}
