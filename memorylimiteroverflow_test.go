package recovery_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// Keys that share a window are refused early, and never admitted where they
// would not have been alone, however they move between logs of their own and
// shared ones.
func TestMemoryLimiterOverflowNeverAdmitsMore_A53(t *testing.T) {
	// One class, as the longest window is the same; sizes differ.
	tiers := []recovery.LimitPolicy{
		{Limits: []recovery.Limit{{N: 2, Window: 10 * time.Second}}},
		{Limits: []recovery.Limit{{N: 5, Window: 10 * time.Second}, {N: 1, Window: time.Second}}},
		{Limits: []recovery.Limit{{N: 9, Window: 10 * time.Second}}},
		{Limits: []recovery.Limit{{N: 3, Window: 4 * time.Second}}, ThenOneEvery: 10 * time.Second},
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

// The last key that fits has a log of its own, and the next shares one only
// until a key dies.
func TestMemoryLimiterMaxKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 10 * time.Second}}}
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
		day := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 24 * time.Hour}}}
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
	minute := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 60, Window: time.Minute}}}
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

// A53, H7: whatever arrives, memory has a bound.
func TestMemoryLimiterMemoryIsBounded(t *testing.T) {
	keys := 200_000
	if testenv.Long() && !raceDetector {
		keys = 1_000_000
	}
	l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	person := recovery.DefaultLimits().Lead
	empty := heap()
	var first int64
	start := time.Now()
	for i := range keys {
		ask(t, l, fmt.Sprintf("recovery:l:lead:1%012d", i), person, "JOB"+strconv.Itoa(i))
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
