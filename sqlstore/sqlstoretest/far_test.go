package sqlstoretest

import (
	"database/sql"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A store that is 20 ms away from its database keeps the contracts, with a Tick
// that the suite chooses.
func TestFarStoreKeepsTheContracts(t *testing.T) {
	if !testenv.Long() {
		t.Skip("set RECOVERY_LONG=1 to run it: it takes half a minute")
	}
	t.Parallel()
	onLinks(t, func(t *testing.T, d database, link *sqltest.Link, near, far func(testing.TB) *sql.DB) {
		link.Latency(20 * time.Millisecond)
		db := near(t)
		for _, statement := range usersSchema(d) {
			execute(t, db, statement)
		}
		store := newStore(t, wide(far(t)), d)
		run := func(name string, suite func(t *testing.T)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				t.Cleanup(func() { t.Logf("the suite took %v", time.Since(began).Round(time.Second)) })
				suite(t)
			})
		}
		run("Limiter", func(t *testing.T) {
			h := recoverytest.LimiterHarness{New: func(*testing.T) recovery.Limiter { return store }, Patience: testenv.Patience(2 * time.Second), Parallel: true}
			h.Stall, h.Break, h.Mend = faults[recovery.Limiter](db, d, "recovery_limits")
			recoverytest.TestLimiter(t, h)
		})
		run("TokenStore", func(t *testing.T) {
			h := recoverytest.TokenStoreHarness{New: func(*testing.T) recovery.TokenStore { return store }, Patience: testenv.Patience(2 * time.Second), Parallel: true}
			h.Stall, h.Break, h.Mend = faults[recovery.TokenStore](db, d, "recovery_tokens")
			recoverytest.TestTokenStore(t, h)
		})
		run("LeadStore", func(t *testing.T) {
			h := leadsHarness(t, d, db, wide(far(t)))
			h.Parallel = true
			recoverytest.TestLeadStore(t, h)
		})
	})
}

// wide lets as many calls run at once as a clause makes.
func wide(db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(64)
	db.SetMaxIdleConns(64)
	return db
}
