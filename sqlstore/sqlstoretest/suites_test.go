package sqlstoretest

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// The suites run on two stores, each with connections of its own, as two
// processes have them.
func TestStoreKeepsTheContracts(t *testing.T) {
	t.Parallel()
	on(t, append(slices.Clone(databases), pgBouncer), func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		first, second := newStore(t, db, d), newStore(t, open(t), d)
		// Units of time are longer on a slow machine.
		tick := min(testenv.Patience(100*time.Millisecond), 400*time.Millisecond)
		t.Run("Limiter", func(t *testing.T) {
			t.Parallel()
			recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
				New:     func(*testing.T) recovery.Limiter { return first },
				Another: func(*testing.T, recovery.Limiter) recovery.Limiter { return second },
				Tick:    tick,
			})
		})
		t.Run("TokenStore", func(t *testing.T) {
			t.Parallel()
			recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
				New:     func(*testing.T) recovery.TokenStore { return first },
				Another: func(*testing.T, recovery.TokenStore) recovery.TokenStore { return second },
				Tick:    tick,
				Dump:    func(t *testing.T, _ recovery.TokenStore) []byte { return []byte(dump(t, db, "recovery_tokens")) },
				Purge:   func(t *testing.T, _ recovery.TokenStore) { waitForFreed(t, db, first, "recovery_tokens") },
			})
		})
	})
}

// waitForFreed uses a store until it has freed every expired row of a table.
func waitForFreed(t testing.TB, db *sql.DB, s *sqlstore.Store, table string) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, "expired rows are freed", func() bool {
		_, err := s.Put(context.Background(), fresh(), recovery.TokenSpec{Digest: "d", TTL: time.Minute, MaxLive: 1})
		if err != nil {
			t.Fatal(err)
		}
		var left int
		now := time.Now().UnixMicro()
		if err := db.QueryRow("SELECT count(*) FROM " + table + " WHERE expires < " + itoa(now)).Scan(&left); err != nil {
			t.Fatal(err)
		}
		return left == 0
	})
}
