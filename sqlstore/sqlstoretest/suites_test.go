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
		db := wide(open(t))
		first, second := newStore(t, db, d), newStore(t, wide(open(t)), d)
		// Writes to SQLite are one after the other anyway.
		parallel := d.dialect != sqlstore.SQLite
		t.Run("Limiter", func(t *testing.T) {
			t.Parallel()
			h := recoverytest.LimiterHarness{
				New:      func(*testing.T) recovery.Limiter { return first },
				Another:  func(*testing.T, recovery.Limiter) recovery.Limiter { return second },
				Parallel: parallel,
				Patience: testenv.Patience(2 * time.Second),
			}
			h.Stall, h.Break, h.Mend = faults[recovery.Limiter](db, d, "recovery_limits")
			if d.dialect == sqlstore.SQLite {
				h.Stall = nil // it locks all tables, and the other suite uses one
			}
			recoverytest.TestLimiter(t, h)
		})
		t.Run("TokenStore", func(t *testing.T) {
			t.Parallel()
			h := recoverytest.TokenStoreHarness{
				New:      func(*testing.T) recovery.TokenStore { return first },
				Another:  func(*testing.T, recovery.TokenStore) recovery.TokenStore { return second },
				Parallel: parallel,
				Patience: testenv.Patience(2 * time.Second),
				Dump:     func(t *testing.T, _ recovery.TokenStore) []byte { return []byte(dump(t, db, "recovery_tokens")) },
				Purge:    func(t *testing.T, _ recovery.TokenStore) { waitForFreed(t, db, first, "recovery_tokens") },
			}
			h.Stall, h.Break, h.Mend = faults[recovery.TokenStore](db, d, "recovery_tokens")
			if d.dialect == sqlstore.SQLite {
				h.Stall = nil
			}
			recoverytest.TestTokenStore(t, h)
		})
	})
}

// faults returns the hooks of a harness. The first locks the table, so that no
// statement is answered, the second takes it away, so that each is an error, and
// the third ends either.
func faults[S any](db *sql.DB, d database, table string) (stall, take, mend func(*testing.T, S)) {
	lock := map[sqlstore.Dialect][]string{
		sqlstore.PostgreSQL: {"BEGIN", "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"},
		sqlstore.MySQL:      {"LOCK TABLES " + table + " WRITE"},
		sqlstore.SQLite:     {"BEGIN EXCLUSIVE"},
	}[d.dialect]
	unlock := "ROLLBACK"
	if d.dialect == sqlstore.MySQL {
		unlock = "UNLOCK TABLES"
	}
	var end func(t *testing.T)
	stall = func(t *testing.T, _ S) {
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		on := func(t *testing.T, statement string) {
			if _, err := conn.ExecContext(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for _, statement := range lock {
			on(t, statement)
		}
		end = func(t *testing.T) {
			on(t, unlock)
			_ = conn.Close()
		}
	}
	take = func(t *testing.T, _ S) {
		execute(t, db, "ALTER TABLE "+table+" RENAME TO away_"+table)
		end = func(t *testing.T) { execute(t, db, "ALTER TABLE away_"+table+" RENAME TO "+table) }
	}
	return stall, take, func(t *testing.T, _ S) { end(t) }
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
