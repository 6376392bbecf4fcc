package sqlstoretest

import (
	"strings"
	"sync"
	"testing"

	"github.com/seed-51359b35/recovery/sqlstore"
)

// Ten instances start at once on an empty database, and later again.
func TestMigrateByTenInstancesAtOnce(t *testing.T) {
	t.Parallel()
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			driver, source := d.create(t)
			for range 2 {
				var wg sync.WaitGroup
				for range 10 {
					db := connect(t, driver, source)
					wg.Go(func() {
						if err := sqlstore.Migrate(t.Context(), db, d.dialect); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				put(t, newStore(t, connect(t, driver, source), d))
			}
		})
	}
}

// A user who may make no tables, as programs sign in with in production, can call
// Migrate at every start once the tables are there.
func TestMigrateByUserWhoMayMakeNoTables(t *testing.T) {
	t.Parallel()
	for _, d := range databases[:2] {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			driver, source := d.create(t)
			owner, user := connect(t, driver, source), fresh()
			execute(t, owner, "CREATE USER "+user)
			if d.dialect == sqlstore.PostgreSQL {
				execute(t, owner, "REVOKE CREATE ON SCHEMA public FROM PUBLIC") // as since version 15
				t.Cleanup(func() { execute(t, owner, "DROP OWNED BY "+user+"; DROP USER "+user) })
			} else {
				execute(t, owner, "GRANT SELECT ON * TO "+user)
				t.Cleanup(func() { execute(t, owner, "DROP USER "+user) })
			}
			db := connect(t, driver, strings.NewReplacer("recovery@", user+"@", "root@", user+"@").Replace(source))
			if err := sqlstore.Migrate(t.Context(), db, d.dialect); err == nil || !strings.Contains(err.Error(), "denied") {
				t.Errorf("without the tables: %v, want an error", err)
			}
			if err := sqlstore.Migrate(t.Context(), owner, d.dialect); err != nil {
				t.Fatal(err)
			}
			for _, table := range []string{"recovery_limits", "recovery_tokens"} {
				execute(t, owner, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+table+" TO "+user)
			}
			if err := sqlstore.Migrate(t.Context(), db, d.dialect); err != nil {
				t.Errorf("with the tables: %v, want none", err)
			}
			put(t, newStore(t, db, d))
		})
	}
}
