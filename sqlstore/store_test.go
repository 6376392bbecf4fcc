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
