package sqlstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// The rules, on tables in memory and an exact clock. The same suites run on real
// databases in package sqlstoretest.
func TestRulesKeepTheContracts(t *testing.T) {
	t.Parallel()
	t.Run("Limiter", func(t *testing.T) {
		recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
			New:    func(*testing.T) recovery.Limiter { return sqlstore.NewMemory() },
			Bubble: synctest.Test,
		})
	})
	t.Run("TokenStore", func(t *testing.T) {
		recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
			New:    func(*testing.T) recovery.TokenStore { return sqlstore.NewMemory() },
			Bubble: synctest.Test,
			Dump: func(_ *testing.T, s recovery.TokenStore) []byte {
				return []byte(sqlstore.DumpTokens(s.(*sqlstore.Store)))
			},
			Purge: func(t *testing.T, s recovery.TokenStore) {
				// Bites follow one another by a second, while it is used.
				for range 3 {
					time.Sleep(2 * time.Second)
					spec := recovery.TokenSpec{Digest: "d", TTL: time.Minute, MaxLive: 1}
					if _, err := s.Put(t.Context(), "slot", spec); err != nil && err != recovery.ErrTokenSpent {
						t.Fatal(err)
					}
					synctest.Wait()
				}
			},
		})
	})
}

// A row is freed between its reading and its writing. What the write inserts
// instead of it counts for nothing, so the call is decided again, on an empty
// row.
func TestRowFreedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sqlstore.NewMemory()
		request := recovery.LimitRequest{Key: "key", Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: time.Hour}}}}
		remaining := func(want int) {
			t.Helper()
			decisions, err := s.Allow(t.Context(), request)
			if err != nil || !decisions[0].Allowed || decisions[0].Remaining != want {
				t.Fatalf("Allow: %+v, %v, want it allowed with %d left", decisions, err, want)
			}
		}
		remaining(2)
		sqlstore.FreeBeforeWrites(s, 1)
		remaining(2)
		remaining(1)
		remaining(0)
	})
}
