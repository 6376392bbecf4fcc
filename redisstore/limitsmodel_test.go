package redisstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/redisstore"
)

// A logModel is the log of one key, as the contract of a Limiter words it, on a
// list of calls. It shares no code with the script. Times are in units.
type logModel struct {
	calls   []loggedCall
	last    int64
	expires time.Duration // the time that has to pass until the key is gone
}

type loggedCall struct {
	at int64
	id string
}

// pass lets time pass.
func (m *logModel) pass(d time.Duration) {
	if m.expires -= d; m.expires <= 0 {
		*m = logModel{}
	}
}

// within returns how many calls are younger than a window.
func (m *logModel) within(window, now int64) (n int) {
	for _, c := range m.calls {
		if now-c.at < window {
			n++
		}
	}
	return n
}

func (m *logModel) take(clock time.Time, p recovery.LimitPolicy, id string) recovery.Decision {
	longest, largest := p.ThenOneEvery, 0
	for _, l := range p.Limits {
		longest, largest = max(longest, l.Window), max(largest, l.N)
	}
	unit := time.Microsecond
	if longest > time.Hour {
		unit = time.Millisecond
	}
	units := func(d time.Duration) int64 { return int64((d + unit - 1) / unit) }
	micros, each := clock.UnixMicro(), unit.Microseconds()
	now, logged := micros/each, (micros+each-1)/each
	if back := m.last - logged; back > 0 && len(m.calls) > 0 {
		for i := range m.calls {
			m.calls[i].at -= back
		}
		m.write(p, unit, logged)
	}
	d, wait, reset := recovery.Decision{Allowed: true, Remaining: largest + 1}, int64(0), int64(0)
	for _, l := range p.Limits {
		window := units(l.Window)
		in := m.within(window, now)
		opens := window
		if in > 0 {
			opens = m.calls[len(m.calls)-in].at + window - now
		}
		switch left := l.N - in; {
		case left <= 0:
			free := m.calls[len(m.calls)-l.N].at + window - now
			if d.Allowed || free > wait {
				d.Limit, reset, wait = l, opens, free
			}
			d.Allowed, d.Remaining = false, 0
		case d.Allowed && (left < d.Remaining || left == d.Remaining && opens > reset):
			d.Limit, d.Remaining, reset = l, left, opens
		}
	}
	d.Reset = time.Duration(reset) * unit
	again := id != "" && slices.ContainsFunc(m.calls, func(c loggedCall) bool { return c.id == id && now-c.at < units(longest) })
	switch {
	case again:
		d.Allowed = true
		return d
	case d.Allowed:
		d.Remaining--
	case p.ThenOneEvery > 0:
		left := m.calls[len(m.calls)-1].at + units(p.ThenOneEvery) - now
		d.Allowed, wait = left <= 0, min(wait, left)
	}
	if !d.Allowed {
		d.RetryAfter = time.Duration(wait) * unit
		return d
	}
	window := int64(0)
	for _, l := range p.Limits {
		window = max(window, units(l.Window))
	}
	keep := min(m.within(window, now), largest-1)
	m.calls = append(slices.Clone(m.calls[len(m.calls)-keep:]), loggedCall{logged, id})
	m.write(p, unit, logged)
	return d
}

// write keeps the log for as long as a call of it can matter.
func (m *logModel) write(p recovery.LimitPolicy, unit time.Duration, last int64) {
	longest := p.ThenOneEvery
	for _, l := range p.Limits {
		longest = max(longest, l.Window)
	}
	m.last, m.expires = last, (longest+unit+time.Millisecond-1).Truncate(time.Millisecond)+time.Millisecond
}

// Calls of one and of several requests, with and without IDs, for keys of every
// kind of policy, the same key also twice in a call, while the clock jumps: each
// decision is that of the model. A policy may change while its log stays.
func TestScriptAgreesWithTheModel(t *testing.T) {
	const day = 24 * time.Hour
	kinds := [][]recovery.LimitPolicy{
		{{Limits: []recovery.Limit{{N: 5, Window: 40 * time.Millisecond}}}},
		{{Limits: []recovery.Limit{{N: 6, Window: time.Hour}}}, {Limits: []recovery.Limit{{N: 3, Window: time.Minute}}}},
		{{Limits: []recovery.Limit{{N: 6, Window: 31 * day}}}, {Limits: []recovery.Limit{{N: 4, Window: 2 * time.Hour}}}},
		{{Limits: []recovery.Limit{{N: 2, Window: 30 * time.Millisecond}, {N: 4, Window: time.Second}, {N: 7, Window: time.Hour}}}},
		{{Limits: []recovery.Limit{{N: 1, Window: time.Second}, {N: 3, Window: 1100 * time.Millisecond}}, ThenOneEvery: 400 * time.Millisecond}},
		{{Limits: []recovery.Limit{{N: 1, Window: time.Minute}, {N: 5, Window: time.Hour}, {N: 10, Window: day}}, ThenOneEvery: time.Hour}},
		{{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}, ThenOneEvery: 60 * day}},
	}
	for seed := range uint64(size(2, 20, 4)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			c := &clock{server: miniredis.RunT(t), now: time.Date(2031, 5, 6, 7, 8, 9, 123_456_000, time.UTC)}
			client := redis.NewClient(&redis.Options{Addr: c.server.Addr()})
			t.Cleanup(func() { _ = client.Close() })
			// Denials end by this process's clock, so not here.
			c.store = newStore(t, client, func(o *redisstore.Options) { o.DenialCache = -1 })
			c.server.SetTime(c.now)
			models := make([]logModel, 2*len(kinds))
			allowed, denied := 0, 0
			for i := range size(3_000, 6_000, 3_000) {
				step := time.Duration(random.Int64N(int64([]time.Duration{
					time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 20 * time.Minute, 3 * time.Hour,
				}[random.IntN(5)])))
				switch n := random.IntN(100); {
				case n < 2:
					step = -step
				case n == 3:
					step += 40 * day
				case n < 60:
					step = 0
				}
				step = step.Truncate(time.Microsecond)
				c.step(step)
				if step > 0 {
					for k := range models {
						models[k].pass(step)
					}
				}
				var requests []recovery.LimitRequest
				var want []recovery.Decision
				near := random.IntN(len(models))
				for range 1 + random.IntN(4) {
					k := near
					if random.IntN(2) == 0 {
						k = random.IntN(len(models))
					}
					kind := kinds[k/2]
					r := recovery.LimitRequest{Key: fmt.Sprint("key", k), Policy: kind[0]}
					if random.IntN(4) == 0 {
						r.Policy = kind[random.IntN(len(kind))]
					}
					if k%2 == 1 && random.IntN(2) == 0 {
						r.ID = string(rune('a' + random.IntN(6)))
					}
					requests = append(requests, r)
					want = append(want, models[k].take(c.now, r.Policy, r.ID))
				}
				got, err := c.store.Allow(t.Context(), requests...)
				must(t, err)
				for n := range got {
					if got[n] != want[n] {
						t.Fatalf("call %d at %v, request %d of %+v:\n got %+v\nwant %+v", i, c.now, n, requests, got[n], want[n])
					}
					if got[n].Allowed {
						allowed++
					} else {
						denied++
					}
				}
			}
			if allowed < 500 || denied < 500 {
				t.Errorf("%d allowed, %d denied: not much of a test", allowed, denied)
			}
		})
	}
}
