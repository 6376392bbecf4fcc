package sqlstoretest

import (
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
