package recovery_test

import (
	"context"
	"fmt"
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
func ask(t testing.TB, l recovery.Limiter, key string, tier recovery.LimitPolicy, id string) recovery.Decision {
	t.Helper()
	d, err := l.Allow(context.Background(), recovery.LimitRequest{Key: key, Policy: tier, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return d[0]
}

func TestMemoryLimiterTrickle_A58(t *testing.T) {
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: 24 * time.Hour}}, ThenOneEvery: time.Hour}
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
	two := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}}
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
	one := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
	synctest.Test(t, func(t *testing.T) {
		l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		d, err := l.Allow(t.Context(),
			recovery.LimitRequest{Key: "a", Policy: one}, recovery.LimitRequest{Key: "a", Policy: one}, recovery.LimitRequest{Key: "b", Policy: one})
		if err != nil || len(d) != 3 || !d[0].Allowed || d[1].Allowed || !d[2].Allowed {
			t.Errorf("%+v, %v", d, err)
		}
		if d, err := l.Allow(t.Context()); err != nil || len(d) != 0 {
			t.Errorf("no takes: %v, %v", d, err)
		}
	})
}

func TestMemoryLimiterRefusesNonsense(t *testing.T) {
	limits := func(n int, w time.Duration) recovery.LimitPolicy {
		return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: w}}}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		sentence string
		ctx      context.Context
		take     recovery.LimitRequest
	}{
		{"no key", t.Context(), recovery.LimitRequest{Policy: caller}},
		{"no limits", t.Context(), recovery.LimitRequest{Key: "k"}},
		{"an N of 0", t.Context(), recovery.LimitRequest{Key: "k", Policy: limits(0, time.Second)}},
		{"an N over 100,000", t.Context(), recovery.LimitRequest{Key: "k", Policy: limits(100_001, time.Second)}},
		{"a window under 1 ms", t.Context(), recovery.LimitRequest{Key: "k", Policy: limits(1, time.Microsecond)}},
		{"a window over 31 days", t.Context(), recovery.LimitRequest{Key: "k", Policy: limits(1, 32*24*time.Hour)}},
		{"a negative trickle", t.Context(), recovery.LimitRequest{Key: "k", Policy: recovery.LimitPolicy{Limits: caller.Limits, ThenOneEvery: -1}}},
		{"nine limits", t.Context(), recovery.LimitRequest{Key: "k", Policy: recovery.LimitPolicy{Limits: slices.Repeat(caller.Limits, 9)}}},
		{"a context that has ended", ended, recovery.LimitRequest{Key: "k", Policy: caller}},
	}
	l := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: -1, OverflowWindows: -1})
	for _, test := range tests {
		if _, err := l.Allow(test.ctx, recovery.LimitRequest{Key: "counted", Policy: caller}, test.take); err == nil {
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
	hour := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: time.Hour}}}
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

func BenchmarkMemoryLimiter(b *testing.B) {
	person := recovery.DefaultLimits().Lead
	for _, bench := range []struct {
		name string
		keys int
		tier recovery.LimitPolicy
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
			take := make([]recovery.LimitRequest, 1)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				take[0] = recovery.LimitRequest{Key: names[i%len(names)], Policy: bench.tier}
				if bench.ids {
					take[0].ID = names[i%len(names)]
				}
				i++
				if _, err := l.Allow(context.Background(), take...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
