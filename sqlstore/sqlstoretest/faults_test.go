package sqlstoretest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

func liveLink() recovery.TokenSpec {
	return recovery.TokenSpec{Digest: "digest", State: "s", TTL: 10 * time.Minute, MaxLive: 3}
}

var policy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: 5 * time.Minute}}}

// put puts a new token and returns where.
func put(t testing.TB, s *sqlstore.Store) recovery.TokenRef {
	t.Helper()
	ref := recovery.TokenRef{Slot: fresh(), Digest: "digest"}
	if _, err := s.Put(context.Background(), ref.Slot, liveLink()); err != nil {
		t.Fatal(err)
	}
	return ref
}

// A row is locked by somebody else, who does not let go. Nobody waits longer
// than his context, or than Timeout, and nothing is counted or claimed by the
// statements that were given up.
func TestWhoWaitsForALockLeavesInTime(t *testing.T) {
	t.Parallel()
	lock := map[string]string{
		"PostgreSQL": "UPDATE recovery_tokens SET expires = expires WHERE name = '%'",
		"MariaDB":    "UPDATE recovery_tokens SET expires = expires + 1 WHERE name = '%'",
		"SQLite":     "UPDATE recovery_tokens SET expires = expires WHERE name = '%'",
	}
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		patient := newStore(t, db, d)
		hasty, err := sqlstore.New(open(t), d.dialect, sqlstore.Options{Timeout: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		ref := put(t, patient)
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(strings.ReplaceAll(lock[d.name], "%", ref.Slot)); err != nil {
			t.Fatal(err)
		}
		wait := func(s *sqlstore.Store, limit time.Duration) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			began := time.Now()
			_, err := s.Claim(ctx, "late", ref)
			if err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
				t.Errorf("a claim of a locked slot: error is %v, want another one", err)
			}
			if took := time.Since(began); took > testenv.Patience(2*time.Second) {
				t.Errorf("it took %v, want about 300 ms", took)
			}
		}
		wait(patient, 300*time.Millisecond)
		wait(hasty, time.Minute)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		// What was given up may still be on its way, and then be without
		// effect or have won the token.
		testenv.Eventually(t, 20*time.Second, "the token can be released and claimed", func() bool {
			if err := patient.Release(t.Context(), "late", ref); err != nil {
				return false
			}
			_, err := patient.Claim(t.Context(), "next", ref)
			return err == nil
		})
		if _, err := patient.Claim(t.Context(), "late", ref); !errors.Is(err, recovery.ErrTokenNotFound) {
			t.Errorf("a claim with a barred ID: error is %v, want ErrTokenNotFound", err)
		}
	})
}

// The server crashes again and again, while many callers of two instances race
// for tokens. Every token has one winner at most, and what was acknowledged is
// not lost.
func TestOneWinnerWhileTheServerCrashes(t *testing.T) {
	t.Parallel()
	tokens, racers := 60, 16
	if testenv.Long() {
		tokens, racers = 2000, 64
	}
	for _, d := range own {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			server := d.server(t)
			driver, source := d.source(server)
			db := connect(t, driver, source)
			if err := sqlstore.Migrate(t.Context(), db, d.dialect); err != nil {
				t.Fatal(err)
			}
			stores := []*sqlstore.Store{newStore(t, db, d.database), newStore(t, connect(t, driver, source), d.database)}
			refs := make([]recovery.TokenRef, tokens)
			for i := range refs {
				refs[i] = put(t, stores[0])
			}
			winners := make([]atomic.Int32, tokens)
			var claimed, failed atomic.Int32
			var wg sync.WaitGroup
			for r := range racers {
				wg.Go(func() {
					for i, ref := range refs {
						won, errs := claim(t, stores[r%2], ref, "racer"+itoa(int64(r)))
						failed.Add(int32(errs))
						if won {
							winners[i].Add(1)
							claimed.Add(1)
						}
					}
				})
			}
			crashes := 0
			for ; crashes < 3; crashes++ {
				before := claimed.Load()
				testenv.Eventually(t, time.Minute, "some tokens are claimed", func() bool {
					return claimed.Load() >= min(before+int32(tokens/8), int32(tokens))
				})
				if err := errors.Join(server.Kill(), server.Restart()); err != nil {
					t.Fatal(err)
				}
			}
			wg.Wait()
			for i := range winners {
				if n := winners[i].Load(); n != 1 {
					t.Errorf("token %d has %d winners, want 1", i, n)
				}
			}
			t.Logf("%d tokens, %d racers, %d crashes, %d errors", tokens, racers, crashes, failed.Load())
		})
	}
}

// claim claims with one ID until there is an answer.
func claim(t testing.TB, s *sqlstore.Store, ref recovery.TokenRef, id string) (won bool, errs int) {
	for deadline := testenv.Within(2 * time.Minute); !deadline.Over(); errs++ {
		_, err := s.Claim(context.Background(), id, ref)
		if err == nil {
			return true, errs
		}
		if errors.Is(err, recovery.ErrTokenNotFound) {
			return false, errs
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("no answer")
	return false, errs
}

// Sixteen instances with 64 callers each ask for eight keys at once. Each key
// allows exactly as many as its limit says.
func TestManyInstancesCountExactly(t *testing.T) {
	t.Parallel()
	on(t, append(slices.Clone(databases), strict, plain), func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		instances, callers := 4, 16
		if testenv.Long() && d.dialect != sqlstore.SQLite {
			instances, callers = 16, 64
		}
		var keys [8]string
		var allowed [8]atomic.Int32
		for i := range keys {
			keys[i] = fresh()
		}
		var wg sync.WaitGroup
		for range instances {
			db := open(t)
			db.SetMaxOpenConns(4)
			s := newStore(t, db, d)
			for c := range callers {
				wg.Go(func() {
					for n := range 8 {
						k := (c + n) % 8
						decisions, err := s.Allow(t.Context(), recovery.LimitRequest{Key: keys[k], Policy: policy})
						if err != nil {
							t.Error(err)
							return
						}
						if decisions[0].Allowed {
							allowed[k].Add(1)
						}
					}
				})
			}
		}
		wg.Wait()
		for k := range allowed {
			if n := allowed[k].Load(); n != 25 {
				t.Errorf("key %d: %d calls were allowed, want 25", k, n)
			}
		}
	})
}

// Several instances ask for a few keys without a pause. The server decided each
// call between its beginning and its end, so 26 calls that certainly lie within
// one window are one too many.
func TestManyInstancesNeverExceedAWindow(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		instances, callers, lasts, window := 3, 8, 3*time.Second, time.Second
		if testenv.Long() {
			instances, callers, lasts, window = 16, 64, 15*time.Second, 5*time.Second
		}
		type span struct{ began, ended time.Time }
		var keys [8]string
		var mu sync.Mutex
		var allowed [8][]span
		for i := range keys {
			keys[i] = fresh()
		}
		limit := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: window}}}
		// At least until every key has been full and open again, which takes
		// longer on a busy machine.
		began, patience := time.Now(), testenv.Within(time.Minute)
		goOn := func() bool {
			if time.Since(began) < lasts {
				return true
			}
			mu.Lock()
			defer mu.Unlock()
			return slices.ContainsFunc(allowed[:], func(calls []span) bool { return len(calls) < 50 }) && !patience.Over()
		}
		var wg sync.WaitGroup
		for range instances {
			db := open(t)
			db.SetMaxOpenConns(4)
			s := newStore(t, db, d)
			for c := range callers {
				wg.Go(func() {
					for n := c; goOn(); n++ {
						k, began := n%8, time.Now()
						decisions, err := s.Allow(t.Context(), recovery.LimitRequest{Key: keys[k], Policy: limit})
						if err != nil {
							t.Error(err)
							return
						}
						if decisions[0].Allowed {
							mu.Lock()
							allowed[k] = append(allowed[k], span{began, time.Now()})
							mu.Unlock()
						} else {
							time.Sleep(time.Millisecond)
						}
					}
				})
			}
		}
		wg.Wait()
		for k, calls := range allowed {
			if len(calls) < 50 {
				t.Errorf("key %d: %d calls were allowed, want 50 or more", k, len(calls))
			}
			slices.SortFunc(calls, func(a, b span) int { return a.began.Compare(b.began) })
			for i := 25; i < len(calls); i++ {
				last := calls[i].ended
				for _, c := range calls[i-25 : i] {
					if c.ended.After(last) {
						last = c.ended
					}
				}
				if within := last.Sub(calls[i-25].began); within < window {
					t.Fatalf("key %d: 26 calls were allowed within %v, want 25 within %v", k, within, window)
				}
			}
		}
	})
}
