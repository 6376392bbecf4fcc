package sqlstore_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// The limiter decides as MemoryLimiter does, in every field, whatever the policy
// is and whenever calls arrive.
func TestLimitsAgainstTheModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			var policy recovery.LimitPolicy
			for range 1 + rnd.IntN(4) {
				policy.Limits = append(policy.Limits, recovery.Limit{N: 1 + rnd.IntN(8), Window: time.Duration(1+rnd.IntN(20)) * time.Second})
			}
			if rnd.IntN(2) == 0 {
				policy.ThenOneEvery = time.Duration(1+rnd.IntN(10)) * time.Second
			}
			model, record := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), ""
			for call := range 300 {
				request := recovery.LimitRequest{Key: "key", Policy: policy}
				if rnd.IntN(3) == 0 {
					request.ID = fmt.Sprint("id", rnd.IntN(20))
				}
				want, err := model.Allow(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				got, after, err := sqlstore.DecideLimit(record, request, time.Now().UnixMicro())
				if err != nil {
					t.Fatal(err)
				}
				if got.Allowed {
					record = after
				}
				if got != want[0] {
					t.Fatalf("seed %d, call %d of %v: %+v, want %+v", seed, call, policy, got, want[0])
				}
				time.Sleep(time.Duration(rnd.IntN(3_000_000)) * time.Microsecond)
			}
		})
	}
}

// A clock that is set back neither forgets calls nor locks anybody out until it
// has caught up.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	const second = int64(1_000_000)
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: 10 * time.Second}}}
	request := recovery.LimitRequest{Key: "key", Policy: policy}
	now, record := int64(1_800_000_000)*second, ""
	call := func() bool {
		d, after, err := sqlstore.DecideLimit(record, request, now)
		if err != nil {
			t.Fatal(err)
		}
		record = after
		return d.Allowed
	}
	call()
	now += second
	call()
	for _, back := range []int64{3600 * second, second / 2} {
		now -= back
		if call() {
			t.Fatalf("set back by %d s: a third call was allowed", back/second)
		}
		now += 8 * second
		if call() {
			t.Fatal("a call was allowed 8 s later, want a refusal")
		}
		now += 2*second + second/2
		if !call() {
			t.Fatal("a call was refused 10 s later, want it allowed")
		}
		now += 2 * second
		call()
	}
}

// Wrong guesses are not lost where a slot holds nothing else.
func TestFailuresOutliveTheirCodes(t *testing.T) {
	t.Parallel()
	code := recovery.TokenSpec{Digest: "a", TTL: time.Second, MaxLive: 1, Code: true, MaxTries: 9, MaxFailures: 2, FailureWindow: time.Hour}
	_, record, _ := sqlstore.Put("", code, 1)
	for range 2 {
		_, record, _ = sqlstore.Peek(record, recovery.TokenRef{Digest: "wrong"}, 2)
	}
	code.Digest = "b"
	const later = 5_000_000
	if got, _, err := sqlstore.Put(record, code, later); got != "too many guesses" || err != nil {
		t.Errorf("a code after two wrong guesses at the one before it: %s, %v, want too many guesses", got, err)
	}
}

// What a newer version wrote is not read, and neither is what others wrote.
func TestForeignRecords(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		"2 1 2 3": "newer version", "x": "did not write", "1 !": "did not write", "1 -5": "did not write",
	} {
		_, _, err := sqlstore.DecideLimit(record, recovery.LimitRequest{}, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a limit with %q: %v, want %q", record, err, want)
		}
	}
	for record, want := range map[string]string{
		"2\nd s 1 l": "newer version", "x": "did not write", "1\nd s x l": "did not write", "1\nd s 1 q": "did not write",
		"1\nd s 1": "did not write", "1\nd s 1 l x - -": "did not write", "1\n\n1": "did not write", "1\n\n1 x": "did not write",
		"1\nd s 1 l 0 - @x": "did not write", "1\nd s 1 c 1 - #%": "did not write",
	} {
		_, _, err := sqlstore.Peek(record, recovery.TokenRef{Digest: "d"}, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a slot with %q: %v, want %q", record, err, want)
		}
	}
}

// golden is what one version wrote, at the time At.
type golden struct {
	At          int64
	Limit, Slot string
}

var goldenPolicy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: time.Minute}, {N: 4, Window: time.Hour}}, ThenOneEvery: 30 * time.Minute}

// Records that an earlier version wrote are read. See testenv.Golden.
func TestGolden(t *testing.T) {
	t.Parallel()
	testenv.Golden(t, writeGolden, func(t *testing.T, g golden) {
		allow := func(id string, after time.Duration) (recovery.Decision, error) {
			d, _, err := sqlstore.DecideLimit(g.Limit, recovery.LimitRequest{Key: "k", Policy: goldenPolicy, ID: id}, g.At+after.Microseconds())
			return d, err
		}
		if d, err := allow("", 0); err != nil || d.Allowed || d.Limit.N != 3 {
			t.Errorf("a fourth call in a minute: %+v, %v, want a refusal", d, err)
		}
		if d, err := allow("an id", 0); err != nil || !d.Allowed {
			t.Errorf("a repeated call: %+v, %v, want it allowed", d, err)
		}
		if d, err := allow("", time.Minute); err != nil || !d.Allowed || d.Remaining != 0 {
			t.Errorf("a call a minute later: %+v, %v, want it allowed", d, err)
		}
		for digest, want := range map[string]string{
			"claimed": "held", "free": "foundstate", "code": "not found", "never": "not found",
		} {
			if got, _, err := sqlstore.Claim(g.Slot, digest, "other", g.At); err != nil || got != want {
				t.Errorf("a claim of the token %q: %q, %v, want %q", digest, got, err, want)
			}
		}
		if got, _, err := sqlstore.Claim(g.Slot, "free", "barred", g.At); err != nil || got != "not found" {
			t.Errorf("a claim with a barred ID: %q, %v, want not found", got, err)
		}
		if got, _, err := sqlstore.Claim(g.Slot, "claimed", "owner", g.At); err != nil || got != "found-" {
			t.Errorf("a repeated claim: %q, %v, want found", got, err)
		}
	})
}

func writeGolden(t *testing.T) golden {
	g := golden{At: 1_800_000_000_000_000}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(3) {
		r := recovery.LimitRequest{Key: "k", Policy: goldenPolicy}
		if i == 1 {
			r.ID = "an id"
		}
		_, after, err := sqlstore.DecideLimit(g.Limit, r, g.At-3_000_000+i*1_000_000)
		check(err)
		g.Limit = after
	}
	link := func(digest, state string) {
		_, after, err := sqlstore.Put(g.Slot, recovery.TokenSpec{Digest: digest, State: state, TTL: time.Hour, MaxLive: 4}, g.At)
		check(err)
		g.Slot = after
	}
	code := recovery.TokenSpec{Digest: "code", TTL: time.Hour, MaxLive: 4, Code: true, MaxTries: 2, MaxFailures: 5, FailureWindow: time.Hour}
	_, after, err := sqlstore.Put(g.Slot, code, g.At)
	check(err)
	g.Slot = after
	link("claimed", "-")
	link("free", "state")
	for range 2 {
		_, g.Slot, err = sqlstore.Peek(g.Slot, recovery.TokenRef{Digest: "wrong"}, g.At)
		check(err)
	}
	_, g.Slot, err = sqlstore.Claim(g.Slot, "claimed", "owner", g.At)
	check(err)
	_, g.Slot, err = sqlstore.Release(g.Slot, "free", "barred", g.At)
	check(err)
	return g
}

// What can be read is written in one form, which reads the same again.
func FuzzLimitRecord(f *testing.F) {
	f.Add("1 1z141z4 2s:abc 5")
	f.Add("1")
	f.Fuzz(func(t *testing.T, record string) {
		r := recovery.LimitRequest{Key: "k", ID: "id", Policy: goldenPolicy}
		_, after, err := sqlstore.DecideLimit(record, r, 1_800_000_000_000_000)
		if err != nil {
			return
		}
		if d, _, err := sqlstore.DecideLimit(after, r, 1_800_000_000_000_000); err != nil || !d.Allowed && len(record) == 0 {
			t.Errorf("%q became %q: %+v, %v", record, after, d, err)
		}
	})
}

// The same for slots.
func FuzzSlotRecord(f *testing.F) {
	f.Add("1\nd -- 5 c 3 id a,b\ne s 6 l\n\n5 100 1 2", "d")
	f.Add("1\nd s 5 c 3 - id,@4,#a%2Cb\ne s 6 l 0 - @3", "d")
	f.Fuzz(func(t *testing.T, record, digest string) {
		word, after, err := sqlstore.Peek(record, recovery.TokenRef{Digest: digest}, 3)
		if err != nil {
			return
		}
		again, same, err := sqlstore.Release(after, "\n", "", 3)
		if err != nil || same != after || again != "done" {
			t.Errorf("%q (%s) became %q and then %q, %v", record, word, after, same, err)
		}
	})
}
