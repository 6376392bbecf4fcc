package recoverytest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// limiterFaultClauses are about requests that cannot be decided, and about what
// is left when the windows have passed.
var limiterFaultClauses = []clause[*limits]{
	{"malformed", "Limiter", "A malformed request is an error, and counts nothing: neither itself nor the others of its call.", func(e *limits) {
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
				e.errorf("Allow of a request with %s: it returned no error, want one", what)
			}
			for _, both := range [][]recovery.LimitRequest{{good, request}, {request, good}} {
				if _, err := e.pick().Allow(e.ctx, both...); err == nil {
					e.errorf("Allow of a request with %s, beside a good one: it returned no error, want one", what)
				}
			}
			if (recovery.LimitRequest{Key: request.Key, Policy: good.Policy}).Validate() == nil {
				request.Policy = good.Policy
				e.wantAllowed("a good request, at a limit of 1, for the key of a refused one with "+what, e.countAllowed(1, request), 1)
			}
		}
		e.wantAllowed("a good request, at a limit of 1, that was in one call with malformed ones before", e.countAllowed(1, good), 1)
	}},
	{"context-ended", "Limiter", "A call of Allow whose ctx had ended before is an error: it allows nothing, and counts nothing.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}
		for _, ctx := range e.ended() {
			if decisions, err := e.pick().Allow(ctx, request); err == nil {
				e.errorf("Allow with a ctx that had ended: it returned the decisions %+v and no error, want an error", decisions)
			}
		}
		e.wantAllowed("a request after calls whose ctx had ended, at a limit of 1", e.countAllowed(1, request), 1)
	}},
	{"stalled", "Limiter.Allow", "Allow returns when ctx ends, also while the limiter's server does not answer. It then allows nothing.", func(e *limits) {
		request := recovery.LimitRequest{Key: random(), Policy: longPolicy(9)}
		e.allow(request) // so that the key is there
		e.while("Stall", e.h.Stall, func() {
			for range 2 {
				err := e.bounded("Allow while the server does not answer", e.h.Patience, func(ctx context.Context) error {
					_, err := e.first.Allow(ctx, request)
					return err
				})
				if err == nil {
					e.errorf("Allow while the server does not answer: it returned no error, want one")
				}
			}
		})
		e.allow(request)
	}},
	{"broken", "Limiter", "While a limiter cannot count, as when its server is down, it allows nothing: it returns an error, or refuses a call that it knows to be over a limit.", func(e *limits) {
		known := recovery.LimitRequest{Key: random(), Policy: longPolicy(9)}
		full := recovery.LimitRequest{Key: random(), Policy: longPolicy(1)}
		e.allow(known, full)
		e.while("Break", e.h.Break, func() {
			for _, request := range []recovery.LimitRequest{known, full, {Key: random(), Policy: longPolicy(9)}} {
				decisions, err := e.first.Allow(e.ctx, request)
				known := request.Key == full.Key && len(decisions) == 1 && !decisions[0].Allowed
				if err == nil && !known {
					e.errorf("Allow while the server is down: it returned the decisions %+v and no error, want an error", decisions)
				}
			}
		})
		e.wantAllowed("a second request after the server came back, at a limit of 9", e.countAllowed(1, known), 1)
	}},
	{"forgets", "Limiter", "A limiter frees what it holds of a key when its longest window and ThenOneEvery have passed, at the latest while other keys are used or by Purge.", func(e *limits) {
		if e.h.Dump == nil {
			e.skip("needs LimiterHarness.Dump")
		}
		held := func() int { return len(e.h.Dump(e.t, e.first)) }
		request := func() recovery.LimitRequest {
			return recovery.LimitRequest{Key: random(), Policy: e.person(4, 1, 2, 2, 3), ID: random()}
		}
		e.allow(request())
		before := held()
		for range 60 {
			e.allow(request(), request())
		}
		full := held() - before
		if full <= 0 {
			e.fatalf("Dump returned as much after 120 keys were used as before, want everything that the limiter holds")
		}
		e.advance(e.ticks(5))
		last := request()
		for range 130 {
			last.ID = random()
			e.allow(last)
		}
		if e.h.Purge != nil {
			e.h.Purge(e.t, e.first)
		}
		if left := held() - before; left > full/4 {
			e.errorf("Allow for 120 keys made what Dump returns %d bytes longer. After their windows and ThenOneEvery had passed, 130 calls for another key, and Purge if there is one, %d bytes more than before were left, want at most a quarter of it", full, left)
		}
	}},
}

// works reports whether the limiter decides.
func (e *limits) works() bool {
	_, err := e.first.Allow(e.ctx, recovery.LimitRequest{Key: random(), Policy: longPolicy(1)})
	return err == nil
}

// while calls f while a hook of the harness makes the server fail.
func (e *limits) while(name string, begin func(*testing.T, recovery.Limiter), f func()) {
	e.during("LimiterHarness."+name+" and Mend", hook(e.probe, begin, e.first), hook(e.probe, e.h.Mend, e.first), e.works, f)
}
