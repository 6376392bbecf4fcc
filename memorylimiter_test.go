package recovery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

var caller = recovery.DefaultLimits().Caller

// ask is one take, which must not fail.
func ask(t testing.TB, l recovery.Limiter, key string, tier recovery.Tier, id string) recovery.Decision {
	t.Helper()
	d, err := l.Take(context.Background(), recovery.Take{Key: key, Tier: tier, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return d[0]
}

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
	tiers := []recovery.Tier{
		caller,
		recovery.DefaultLimits().ClientForgot,
		recovery.DefaultLimits().ClientReset,
		recovery.DefaultLimits().Lead,
		{Limits: []recovery.Limit{{N: 1, Window: time.Millisecond}}},
		{Limits: []recovery.Limit{{N: 3, Window: time.Minute}, {N: 3, Window: time.Hour}}, Trickle: 2 * time.Minute},
		{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}, Trickle: time.Hour},
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
				m.calls = m.calls[max(0, len(m.calls)-40):] // more than any tier counts
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
	if m.tier.Trickle == 0 && d.Reset != slices.Max(resets) {
		t.Fatalf("reset in %v, want %v", d.Reset, slices.Max(resets))
	}
}

// Keys that share a window are refused early, and never admitted where they
// would not have been alone, however they move between logs of their own and
// shared ones.
func TestMemoryLimiterOverflowNeverAdmitsMore_A53(t *testing.T) {
	// One class, as the longest window is the same; sizes differ.
	tiers := []recovery.Tier{
		{Limits: []recovery.Limit{{N: 2, Window: 10 * time.Second}}},
		{Limits: []recovery.Limit{{N: 5, Window: 10 * time.Second}, {N: 1, Window: time.Second}}},
		{Limits: []recovery.Limit{{N: 9, Window: 10 * time.Second}}},
		{Limits: []recovery.Limit{{N: 3, Window: 4 * time.Second}}, Trickle: 10 * time.Second},
	}
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 1 + r.IntN(6), OverflowWindows: 1 + r.IntN(4)})
			models := map[int]*slidingLog{}
			ids := map[string]bool{}
			allowed, denied, early := 0, 0, 0
			for i := range 20_000 {
				switch r.IntN(10) {
				case 0:
					time.Sleep(10 * time.Second)
				case 1:
					time.Sleep(10*time.Second - time.Nanosecond)
				case 2, 3, 4:
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				}
				n := r.IntN(16)
				m := models[n]
				if m == nil {
					m = &slidingLog{tier: tiers[n%len(tiers)]}
					models[n] = m
				}
				id := ""
				if r.IntN(3) == 0 {
					id = "job " + strconv.Itoa(r.IntN(i/50+1)) // some again
				}
				again := id != "" && ids[id]
				d := ask(t, l, "key-"+strconv.Itoa(n), m.tier, id)
				now := time.Now()
				switch {
				case d.Allowed && again:
					// Either counted now or known: in both cases no more than
					// the job that the ID stands for.
				case d.Allowed:
					if allowed++; !m.allows(now) {
						t.Fatalf("seed %d, call %d: admitted over the limit of key %d", seed, i, n)
					}
					m.calls = append(m.calls, now)
				default:
					if denied++; m.allows(now) {
						early++
					}
					if d.RetryAfter <= 0 {
						t.Fatalf("seed %d, call %d: RetryAfter %v", seed, i, d.RetryAfter)
					}
				}
				if id != "" && d.Allowed {
					ids[id] = true
				}
				m.calls = m.calls[max(0, len(m.calls)-20):]
			}
			if early == 0 || allowed == 0 {
				t.Errorf("seed %d: %d admitted, %d refused, %d of them early: the overflow was not met", seed, allowed, denied, early)
			}
		})
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

// The last key that fits has a log of its own, and the next shares one only
// until a key dies.
func TestMemoryLimiterMaxKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := recovery.Tier{Limits: []recovery.Limit{{N: 1, Window: 10 * time.Second}}}
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 3, OverflowWindows: 1})
		for _, step := range []struct {
			sentence string
			after    time.Duration
			key      string
			want     bool
		}{
			{"the first key", 0, "a", true},
			{"the second", 0, "b", true},
			{"the third", time.Second, "c", true},
			{"the fourth shares a window with nobody yet", time.Second, "d", true},
			{"the fifth shares it with the fourth", time.Second, "e", false},
			{"the first two die; whoever shares a window goes on sharing it", 7 * time.Second, "e", false},
			{"the first key again, which would share it now too", 0, "a", false},
			{"a nanosecond before the shared window opens", 2*time.Second - time.Nanosecond, "e", false},
			{"it is open, and there is room", time.Nanosecond, "e", true},
			{"and for another", 0, "d", true},
		} {
			time.Sleep(step.after)
			if d := ask(t, l, step.key, one, ""); d.Allowed != step.want {
				t.Errorf("%s: admitted %v, want %v", step.sentence, d.Allowed, step.want)
			}
		}
	})
}

// A53: a flood of keys evicts no counter, and does not close the limiter to
// those who were there before, nor to all who come after.
func TestMemoryLimiterUnderAFloodOfKeys_A53(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 1000, OverflowWindows: 100})
		spend := func(key string) {
			for range caller.Limits[0].N {
				if !ask(t, l, key, caller, "").Allowed {
					t.Fatalf("%s was refused early", key)
				}
			}
		}
		spend("early-victim")
		regular := slidingLog{tier: caller}
		flood := func(from, n int) (in int) {
			for i := range n {
				if ask(t, l, "flood-"+strconv.Itoa(from+i), caller, "").Allowed {
					in++
				}
				if i%1000 == 0 { // somebody who was there before goes on as ever
					if got, want := ask(t, l, "regular", caller, "").Allowed, regular.take(time.Now()); got != want {
						t.Fatalf("a regular key was admitted %v, want %v", got, want)
					}
				}
			}
			return in
		}
		if in := flood(0, 20_000); in < 1000+100*20 {
			t.Errorf("%d of 20,000 new keys were admitted", in)
		}
		if ask(t, l, "early-victim", caller, "").Allowed {
			t.Error("the counter of a key was evicted")
		}
		// Time goes on and so does the flood: a trickle of newcomers gets in at
		// all times, because shared windows open as their calls age.
		for second := range 30 {
			time.Sleep(time.Second)
			if in := flood(1_000_000+second*2000, 2000); second%5 == 4 && in == 0 {
				t.Errorf("second %d: nobody new got in", second)
			}
		}
		// And when it is over, so are its effects.
		time.Sleep(5 * time.Second)
		spend("late-comer")
		if ask(t, l, "late-comer", caller, "").Allowed {
			t.Error("26 in 5 s")
		}
		spend("early-victim")
	})
	synctest.Test(t, func(t *testing.T) {
		// A key that shares a window is no way to a second quota either.
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 10, OverflowWindows: 1})
		for i := range 10 {
			ask(t, l, "early-"+strconv.Itoa(i), caller, "")
		}
		time.Sleep(4 * time.Second)
		for range 25 {
			if !ask(t, l, "victim", caller, "").Allowed {
				t.Fatal("refused early")
			}
		}
		time.Sleep(2 * time.Second) // the early keys are dead and there is room
		for i := range 20 {
			ask(t, l, "other-"+strconv.Itoa(i), caller, "")
			if ask(t, l, "victim", caller, "").Allowed {
				t.Fatal("25 calls were forgotten when the key moved")
			}
		}
	})
}

// Long windows take no room from short ones: each length has its own.
func TestMemoryLimiterClassesDoNotCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 10, OverflowWindows: 1})
		day := recovery.Tier{Limits: []recovery.Limit{{N: 1, Window: 24 * time.Hour}}}
		for i := range 1000 {
			ask(t, l, "flood-"+strconv.Itoa(i), day, "")
		}
		for i := range 10 {
			for j := range 25 {
				if !ask(t, l, strconv.Itoa(i), caller, "").Allowed {
					t.Fatalf("key %d was refused at call %d", i, j+1)
				}
			}
		}
	})
}

// The flood ends: memory is that of the keys in use. Here on the clock of the
// bubble, with windows of a minute.
func TestMemoryLimiterFreesExpiredKeys(t *testing.T) {
	const keys = 50_000
	minute := recovery.Tier{Limits: []recovery.Limit{{N: 60, Window: time.Minute}}}
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: keys})
		empty := heap()
		for i := range keys {
			ask(t, l, "flood-"+strconv.Itoa(i), minute, "")
		}
		full := heap()
		time.Sleep(time.Minute)
		for range keys { // each call frees two
			ask(t, l, "regular", minute, "")
		}
		after := heap()
		t.Logf("%d keys: %d bytes each; %d bytes of all are left after they expired", keys, (full-empty)/keys, after-empty)
		if after-empty > (full-empty)/20 {
			t.Errorf("%d of %d bytes are held after every key expired", after-empty, full-empty)
		}
		runtime.KeepAlive(l)
	})
}

// heap is the bytes that are in use, signed so that differences may be negative.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer or a pool held in the first
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A53, H7: whatever arrives, memory has a bound.
func TestMemoryLimiterMemoryIsBounded(t *testing.T) {
	keys := 1_000_000
	if testing.Short() || raceDetector {
		keys = 200_000
	}
	l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	person := recovery.DefaultLimits().Lead
	empty := heap()
	var first int64
	start := time.Now()
	for i := range keys {
		ask(t, l, "recovery:l:lead:"+strconv.Itoa(1_000_000_000_000+i), person, "JOB"+strconv.Itoa(i))
		if i == keys/4 {
			first = heap() - empty
		}
	}
	last := heap() - empty
	t.Logf("%d keys in %v: %d KiB after a quarter, %d KiB at the end", keys, time.Since(start).Round(time.Millisecond), first>>10, last>>10)
	if last > 64<<20 {
		t.Errorf("%d bytes, want under 64 MiB", last)
	}
	runtime.KeepAlive(l)
}

func TestMemoryLimiterTrickle_A58(t *testing.T) {
	tier := recovery.Tier{Limits: []recovery.Limit{{N: 2, Window: 24 * time.Hour}}, Trickle: time.Hour}
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		for _, step := range []struct {
			sentence string
			after    time.Duration
			want     bool
			retry    time.Duration
		}{
			{"the first of two", 0, true, 0},
			{"the second", time.Minute, true, 0},
			{"a third is over the limit", time.Minute, false, 59 * time.Minute},
			{"asking does not put it off", 58 * time.Minute, false, time.Minute},
			{"an hour after the last", time.Minute, true, 0},
			{"not another", 0, false, time.Hour},
			{"an hour after that", time.Hour, true, 0},
			{"after two days", 48 * time.Hour, true, 0},
			{"the window itself is open again", 0, true, 0},
			{"and full", 0, false, time.Hour},
		} {
			time.Sleep(step.after)
			if d := ask(t, l, "k", tier, ""); d.Allowed != step.want || d.RetryAfter != step.retry {
				t.Errorf("%s: %+v", step.sentence, d)
			}
		}
	})
}

func TestMemoryLimiterID(t *testing.T) {
	two := recovery.Tier{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}}
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		for _, step := range []struct {
			sentence  string
			after     time.Duration
			key, id   string
			want      bool
			remaining int
		}{
			{"a call without an ID", 0, "k", "", true, 1},
			{"a job", time.Second, "k", "job", true, 0},
			{"the job again, which is paid for", time.Second, "k", "job", true, 0},
			{"another job", 0, "k", "other", false, 0},
			{"which was refused and stays so", 0, "k", "other", false, 0},
			{"the job with another key", 0, "l", "job", true, 1},
			{"the job again, after the first call left", 58 * time.Second, "k", "job", true, 1},
			{"the other job now", 0, "k", "other", true, 0},
			{"the job's place opens when it ages, repeated or not", time.Second, "k", "third", true, 0},
		} {
			time.Sleep(step.after)
			if d := ask(t, l, step.key, two, step.id); d.Allowed != step.want || d.Remaining != step.remaining {
				t.Errorf("%s: %+v, want %v and %d remaining", step.sentence, d, step.want, step.remaining)
			}
		}
	})
}

func TestMemoryLimiterDecidesEachTakeOnItsOwn(t *testing.T) {
	one := recovery.Tier{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		d, err := l.Take(t.Context(),
			recovery.Take{Key: "a", Tier: one}, recovery.Take{Key: "a", Tier: one}, recovery.Take{Key: "b", Tier: one})
		if err != nil || len(d) != 3 || !d[0].Allowed || d[1].Allowed || !d[2].Allowed {
			t.Errorf("%+v, %v", d, err)
		}
		if d, err := l.Take(t.Context()); err != nil || len(d) != 0 {
			t.Errorf("no takes: %v, %v", d, err)
		}
	})
}

func TestMemoryLimiterRefusesNonsense(t *testing.T) {
	limits := func(n int, w time.Duration) recovery.Tier {
		return recovery.Tier{Limits: []recovery.Limit{{N: n, Window: w}}}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		sentence string
		ctx      context.Context
		take     recovery.Take
	}{
		{"no key", t.Context(), recovery.Take{Tier: caller}},
		{"no limits", t.Context(), recovery.Take{Key: "k"}},
		{"an N of 0", t.Context(), recovery.Take{Key: "k", Tier: limits(0, time.Second)}},
		{"an N over 100,000", t.Context(), recovery.Take{Key: "k", Tier: limits(100_001, time.Second)}},
		{"a window under 1 ms", t.Context(), recovery.Take{Key: "k", Tier: limits(1, time.Microsecond)}},
		{"a window over 31 days", t.Context(), recovery.Take{Key: "k", Tier: limits(1, 32*24*time.Hour)}},
		{"a negative trickle", t.Context(), recovery.Take{Key: "k", Tier: recovery.Tier{Limits: caller.Limits, Trickle: -1}}},
		{"nine limits", t.Context(), recovery.Take{Key: "k", Tier: recovery.Tier{Limits: slices.Repeat(caller.Limits, 9)}}},
		{"a context that has ended", ended, recovery.Take{Key: "k", Tier: caller}},
	}
	l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: -1, OverflowWindows: -1})
	for _, test := range tests {
		if _, err := l.Take(test.ctx, recovery.Take{Key: "counted", Tier: caller}, test.take); err == nil {
			t.Errorf("%s: no error", test.sentence)
		}
	}
	// An error in one take counts none of the others.
	if d := ask(t, l, "counted", caller, ""); d.Remaining != 24 {
		t.Errorf("%d remaining, want 24", d.Remaining)
	}
}

// Racing callers take exactly what there is. The 16 x 64 of L1 are those of a
// shared limiter; here is one instance.
func TestMemoryLimiterRace_A54(t *testing.T) {
	l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 6, OverflowWindows: 2})
	hour := recovery.Tier{Limits: []recovery.Limit{{N: 25, Window: time.Hour}}}
	var counts [8]atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := range 8 * 20 {
				n := i % len(counts)
				if ask(t, l, strconv.Itoa(n), hour, "").Allowed {
					counts[n].Add(1)
				}
			}
		})
	}
	wg.Wait()
	shared := int64(0)
	for n := range counts {
		switch got := counts[n].Load(); {
		case got > 25:
			t.Errorf("key %d: %d admitted, want at most 25", n, got)
		case got < 25:
			shared += got
		}
	}
	// Six keys have their own; the two others have a window each or share one.
	if shared != 0 && shared != 25 {
		t.Errorf("%d admitted to the keys that share a window, want 25", shared)
	}
}

func FuzzMemoryLimiterAgainstModel(f *testing.F) {
	f.Add([]byte{25, 5, 0, 0, 0, 49, 1, 0, 51, 2, 0, 0}, uint8(0))
	f.Add([]byte{1, 60, 1, 100, 2, 200}, uint8(60))
	f.Fuzz(func(t *testing.T, script []byte, trickle uint8) {
		if len(script) < 4 || len(script) > 400 {
			return
		}
		tier := recovery.Tier{
			Limits: []recovery.Limit{
				{N: 1 + int(script[0]%30), Window: (1 + time.Duration(script[1])) * 100 * time.Millisecond},
				{N: 1 + int(script[2]%30), Window: (1 + time.Duration(script[3])) * time.Second},
			},
			Trickle: time.Duration(trickle) * time.Second,
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

func BenchmarkMemoryLimiter(b *testing.B) {
	person := recovery.DefaultLimits().Lead
	for _, bench := range []struct {
		name string
		keys int
		tier recovery.Tier
		ids  bool
	}{
		{"hot denied key", 1, caller, false},
		{"1,000 keys", 1000, caller, false},
		{"50,000 keys", 50_000, caller, false},
		{"1,000,000 keys, most in the overflow", 1_000_000, caller, false},
		{"50,000 people, with job IDs", 50_000, person, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
			names := make([]string, bench.keys)
			for i := range names {
				names[i] = fmt.Sprintf("recovery:l:client:%022d", i)
			}
			take := make([]recovery.Take, 1)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				take[0] = recovery.Take{Key: names[i%len(names)], Tier: bench.tier}
				if bench.ids {
					take[0].ID = names[i%len(names)]
				}
				i++
				if _, err := l.Take(context.Background(), take...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
