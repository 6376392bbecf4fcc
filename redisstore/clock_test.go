package redisstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/redisstore"
)

// clock is a simulated server whose clock the test sets.
type clock struct {
	server *miniredis.Miniredis
	store  *redisstore.Store
	now    time.Time
}

func newClock(t *testing.T) *clock {
	t.Helper()
	c := &clock{server: miniredis.RunT(t), now: time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)}
	client := redis.NewClient(&redis.Options{Addr: c.server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	c.store = newStore(t, client, func(o *redisstore.Options) { o.DenialCache = -1 })
	c.server.SetTime(c.now)
	return c
}

// step sets the clock; time that passes frees keys too.
func (c *clock) step(d time.Duration) {
	c.now = c.now.Add(d)
	c.server.SetTime(c.now)
	if d > 0 {
		c.server.FastForward(d)
	}
}

func (c *clock) take(t *testing.T, key string, tier recovery.LimitPolicy) recovery.Decision {
	t.Helper()
	d, err := c.store.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: tier})
	must(t, err)
	return d[0]
}

// A94, L2: the server's clock is set back, by less than a window and by more:
// a full window stays full, and is free again within its length.
func TestClockSetBack(t *testing.T) {
	for _, window := range []time.Duration{5 * time.Second, time.Hour, 24 * time.Hour} {
		for _, back := range []time.Duration{time.Millisecond, time.Second, time.Minute, 5 * time.Hour} {
			t.Run(fmt.Sprintf("window %v, back %v", window, back), func(t *testing.T) {
				c := newClock(t)
				tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: window}}}
				for range 3 {
					if !c.take(t, "key", tier).Allowed {
						t.Fatal("refused before the limit")
					}
					c.step(100 * time.Millisecond)
				}
				c.step(-back)
				d := c.take(t, "key", tier)
				if d.Allowed {
					t.Fatal("admitted a fourth call")
				}
				if d.RetryAfter > window+time.Millisecond {
					t.Errorf("RetryAfter is %v, more than the window", d.RetryAfter)
				}
				c.step(window + time.Millisecond)
				if !c.take(t, "key", tier).Allowed {
					t.Error("still refused a whole window later")
				}
			})
		}
	}
}

// A window of more than an hour is counted in milliseconds: never too early.
func TestLongWindowsAreNeverShort(t *testing.T) {
	for _, micros := range []time.Duration{0, 1, 400, 999} {
		c := newClock(t)
		c.step(micros * time.Microsecond)
		tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 2 * time.Hour}}}
		c.take(t, "key", tier)
		c.step(2*time.Hour - time.Microsecond)
		if c.take(t, "key", tier).Allowed {
			t.Errorf("at %d us, admitted a microsecond early", micros)
		}
		c.step(2*time.Millisecond + time.Microsecond)
		if !c.take(t, "key", tier).Allowed {
			t.Errorf("at %d us, refused two milliseconds late", micros)
		}
	}
}

// A trickle of more than 2^32 milliseconds, far longer than any window, must
// not make an old call look young.
func TestTrickleLongerThanTheClockOfALog(t *testing.T) {
	c := newClock(t)
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: 24 * time.Hour}}, ThenOneEvery: 60 * 24 * time.Hour}
	c.take(t, "key", tier)
	c.step(1<<32*time.Millisecond - 10*time.Hour)
	for i := range 2 {
		if !c.take(t, "key", tier).Allowed {
			t.Errorf("call %d of two was refused by one seven weeks ago", i+1)
		}
		c.step(11 * time.Hour)
	}
}

// A94: a token ends by the server's clock, whatever this machine's says.
func TestTokensEndByTheServersClock(t *testing.T) {
	c := newClock(t)
	ref := recovery.TokenRef{Slot: fresh("slot"), Digest: "digest"}
	token, err := c.store.Put(t.Context(), ref.Slot, link("digest"))
	must(t, err)
	if want := c.now.Add(10 * time.Minute); !token.Expires.Equal(want) {
		t.Errorf("Expires is %v, want %v", token.Expires, want)
	}
	c.step(10*time.Minute - time.Millisecond)
	_, err = c.store.Peek(t.Context(), ref)
	must(t, err)
	c.step(time.Millisecond)
	if _, err := c.store.Claim(t.Context(), "id", ref); !errors.Is(err, recovery.ErrTokenNotFound) {
		t.Errorf("Claim at the end: %v", err)
	}
}

// The script decides takes of one window on a short way, and all others on a
// long one. A window that is named twice goes the long way, and must be
// decided alike, whatever the arrivals and the clock.
func TestShortAndLongWayAgree(t *testing.T) {
	for _, window := range []time.Duration{40 * time.Millisecond, time.Hour, 3 * time.Hour} {
		t.Run(window.String(), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(window), 1))
			c := newClock(t)
			once := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 7, Window: window}}}
			twice := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 7, Window: window}, {N: 7, Window: window}}}
			denied, back, n := 0, 0, size(600, 3000, 3000)
			for i := range n {
				switch step := rnd.IntN(100); {
				case step == 0:
					c.step(-time.Duration(rnd.Int64N(int64(window))))
					back++
				case step == 1:
					c.step(2 * window)
				case step < 60:
					c.step(time.Duration(rnd.Int64N(int64(window / 5))))
				}
				a, b := c.take(t, "short", once), c.take(t, "long", twice)
				if a != b {
					t.Fatalf("take %d at %v: the short way says %+v, the long one %+v", i, c.now, a, b)
				}
				if !a.Allowed {
					denied++
				}
			}
			if denied < n/10 || denied > n*9/10 || back == 0 {
				t.Errorf("%d of %d were denied, the clock went back %d times: not much of a test", denied, n, back)
			}
		})
	}
}

// A call that has left every window is another call, although it has the ID of
// one that the log still holds.
func TestOldIDsAreNotCounted(t *testing.T) {
	c := newClock(t)
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}}
	take := func(id string) bool {
		t.Helper()
		d, err := c.store.Allow(t.Context(), recovery.LimitRequest{Key: "key", Policy: tier, ID: id})
		must(t, err)
		return d[0].Allowed
	}
	for _, step := range []struct {
		at   time.Duration
		id   string
		want bool
	}{
		{0, "a", true}, {0, "a", true}, {30 * time.Second, "b", true}, {59 * time.Second, "a", true}, {59 * time.Second, "c", false},
		{65 * time.Second, "a", true}, {66 * time.Second, "c", false}, {91 * time.Second, "c", true},
	} {
		now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC).Add(step.at)
		c.step(now.Sub(c.now))
		if got := take(step.id); got != step.want {
			t.Errorf("%s at %v: %v, want %v", step.id, step.at, got, step.want)
		}
	}
}

// Instances with a longer window replace those with a shorter one, under the
// same key, and count in another unit: neither takes the other's log for its own.
func TestWindowThatGrowsDuringADeployment(t *testing.T) {
	c := newClock(t)
	old := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 5, Window: time.Hour}}}
	grown := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 5, Window: 2 * time.Hour}}}
	admitted := map[time.Duration]int{}
	for range 50 {
		for _, tier := range []recovery.LimitPolicy{old, grown} {
			if c.take(t, "key", tier).Allowed {
				admitted[tier.Limits[0].Window]++
			}
			c.step(time.Second)
		}
	}
	if admitted[time.Hour] > 5 || admitted[2*time.Hour] > 5 {
		t.Errorf("admitted %v, want at most 5 each", admitted)
	}
}

// A denial is remembered until the oldest call leaves the window, where that is
// before the key is free: from then on Reset is that of another call.
func TestRememberedDenialEndsWithItsReset(t *testing.T) {
	c := newClock(t)
	client := redis.NewClient(&redis.Options{Addr: c.server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	c.store = newStore(t, client, nil)
	policy := recovery.LimitPolicy{
		Limits:       []recovery.Limit{{N: 1, Window: time.Second}, {N: 3, Window: 1100 * time.Millisecond}},
		ThenOneEvery: 400 * time.Millisecond,
	}
	c.take(t, "key", policy)
	c.step(800 * time.Millisecond)
	c.take(t, "key", policy) // by ThenOneEvery
	c.step(100 * time.Millisecond)
	want := recovery.Decision{Limit: policy.Limits[0], Reset: 100 * time.Millisecond, RetryAfter: 300 * time.Millisecond}
	if d := c.take(t, "key", policy); d != want {
		t.Fatalf("%+v, want %+v", d, want)
	}
	// Denials end by this process's clock. The server's stands still.
	time.Sleep(150 * time.Millisecond)
	if d := c.take(t, "key", policy); d != want {
		t.Errorf("150 ms later: %+v, want %+v", d, want)
	}
}
