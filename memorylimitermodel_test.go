package recovery_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

func TestMemoryLimiterTraces(t *testing.T) {
	playTraces(t, func(t *testing.T) func() bool {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		return func() bool { return ask(t, l, "k", caller, "").Allowed }
	})
}

// arrivals are pauses between calls: most are short, some end windows to the
// nanosecond.
func arrivals(r *rand.Rand) time.Duration {
	switch r.IntN(20) {
	case 0:
		return 5*time.Second - time.Nanosecond
	case 1:
		return 5 * time.Second
	case 2:
		return time.Minute
	case 3:
		return time.Hour
	case 4, 5, 6, 7, 8:
		return 0
	}
	return time.Duration(r.Int64N(int64(2 * time.Second)))
}

// L1: random arrivals, decision by decision.
func TestMemoryLimiterAgreesWithTheModel(t *testing.T) {
	tiers := []recovery.LimitPolicy{
		caller,
		recovery.DefaultLimits().ClientForgot,
		recovery.DefaultLimits().ClientReset,
		recovery.DefaultLimits().Lead,
		{Limits: []recovery.Limit{{N: 1, Window: time.Millisecond}}},
		{Limits: []recovery.Limit{{N: 3, Window: time.Minute}, {N: 3, Window: time.Hour}}, ThenOneEvery: 2 * time.Minute},
		{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}, ThenOneEvery: time.Hour},
	}
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
			models := map[string]*slidingLog{}
			for i := range 50_000 / slower {
				if i%5 == 0 { // several calls at one instant are the hard case
					time.Sleep(arrivals(r))
				}
				n := r.IntN(3 * len(tiers))
				key, tier := "key-"+strconv.Itoa(n), tiers[n%len(tiers)]
				m := models[key]
				if m == nil {
					m = &slidingLog{tier: tier}
					models[key] = m
				}
				now := time.Now()
				want, got := m.take(now), ask(t, l, key, tier, "")
				if got.Allowed != want {
					t.Fatalf("call %d: allowed %v, want %v", i, got.Allowed, want)
				}
				if !want {
					if got.Remaining != 0 {
						t.Fatalf("call %d: refused with %d remaining", i, got.Remaining)
					}
					if i%4 != 0 {
						continue // the model's RetryAfter takes its time
					}
					if wait := m.retryAfter(now); got.RetryAfter != wait {
						t.Fatalf("call %d: RetryAfter %v, want %v", i, got.RetryAfter, wait)
					}
				} else {
					checkLeft(t, m, got, now)
				}
				m.calls = m.calls[max(0, len(m.calls)-60):] // more than any tier counts
			}
		})
	}
}

// checkLeft holds what an admission says is left against the model, which has
// counted it.
func checkLeft(t *testing.T, m *slidingLog, d recovery.Decision, now time.Time) {
	t.Helper()
	if d.RetryAfter != 0 {
		t.Fatalf("admitted, to be tried again in %v", d.RetryAfter)
	}
	least := -1
	var resets []time.Duration
	for _, limit := range m.tier.Limits {
		in := slices.DeleteFunc(slices.Clone(m.calls), func(c time.Time) bool { return now.Sub(c) >= limit.Window })
		left := max(0, limit.N-len(in))
		if least < 0 || left < least {
			least, resets = left, nil
		}
		if left == least {
			resets = append(resets, in[0].Add(limit.Window).Sub(now))
		}
	}
	if d.Remaining != least {
		t.Fatalf("%d remaining, want %d", d.Remaining, least)
	}
	// What the trickle admitted stands in windows that hold more than N.
	if m.tier.ThenOneEvery == 0 && d.Reset != slices.Max(resets) {
		t.Fatalf("reset in %v, want %v", d.Reset, slices.Max(resets))
	}
}

// Without more keys than MaxKeys there is no overflow, and small options change
// nothing.
func TestMemoryLimiterIsExactBelowMaxKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 8, OverflowWindows: 1})
		models := make([]slidingLog, 8)
		for i := range 20_000 {
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
			n := r.IntN(len(models))
			models[n].tier = caller
			if got, want := ask(t, l, strconv.Itoa(n), caller, "").Allowed, models[n].take(time.Now()); got != want {
				t.Fatalf("call %d: admitted %v, want %v", i, got, want)
			}
			models[n].calls = models[n].calls[max(0, len(models[n].calls)-25):]
		}
	})
}

func FuzzMemoryLimiterAgainstModel(f *testing.F) {
	f.Add([]byte{25, 5, 0, 0, 0, 49, 1, 0, 51, 2, 0, 0}, uint8(0))
	f.Add([]byte{1, 60, 1, 100, 2, 200}, uint8(60))
	f.Fuzz(func(t *testing.T, script []byte, trickle uint8) {
		if len(script) < 4 || len(script) > 400 {
			return
		}
		tier := recovery.LimitPolicy{
			Limits: []recovery.Limit{
				{N: 1 + int(script[0]%30), Window: (1 + time.Duration(script[1])) * 100 * time.Millisecond},
				{N: 1 + int(script[2]%30), Window: (1 + time.Duration(script[3])) * time.Second},
			},
			ThenOneEvery: time.Duration(trickle) * time.Second,
		}
		synctest.Test(t, func(t *testing.T) {
			l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
			m := slidingLog{tier: tier}
			for i, b := range script[4:] {
				time.Sleep(time.Duration(b) * 50 * time.Millisecond)
				want, got := m.take(time.Now()), ask(t, l, "k", tier, "")
				if got.Allowed != want || !want && got.RetryAfter != m.retryAfter(time.Now()) {
					t.Fatalf("call %d: %+v, want %v", i, got, want)
				}
			}
		})
	})
}
