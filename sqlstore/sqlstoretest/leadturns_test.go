package sqlstoretest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// locked counts the calls of the SQL function locked, by its argument. It is how
// often a lead's row was read in order to write it.
var locked sync.Map

func init() {
	sqlite.MustRegisterScalarFunction("locked", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		n, _ := locked.LoadOrStore(args[0], new(atomic.Int64))
		return n.(*atomic.Int64).Add(1), nil
	})
}

// Writers whose transactions were given up do not go on to have one another
// given up: each tries a few times, and not once for each of the others.
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	on(t, []database{strict, databases[2], plain}, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		_, id := users(t, db, d)
		const writers = 64
		// A writer reads the row before it writes, and once more afterwards. Side
		// by side they read it 500 to 1500 times.
		most := int64(3 * writers)
		key := fresh()
		count := "locked('" + key + "')"
		read := func() int64 {
			n, _ := locked.Load(key)
			return n.(*atomic.Int64).Load()
		}
		if d.dialect == sqlstore.PostgreSQL {
			// The first tries are made side by side. Each of them that writes can
			// undo the try of the one whose turn it is.
			most = 4 * writers
			execute(t, db, "CREATE SEQUENCE locked")
			count = "nextval('locked')"
			read = func() (n int64) {
				if err := db.QueryRow("SELECT last_value FROM locked").Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
		s, err := leadColumns.Statements(d.dialect, leadFields)
		if err != nil {
			t.Fatal(err)
		}
		s.Lock = strings.Replace(s.Find["LeadId"], "SELECT ", "SELECT "+count+" AS locked, ", 1)
		if d.dialect != sqlstore.SQLite {
			s.Lock += " FOR UPDATE"
		}
		leads, err := sqlstore.NewLeads(db, d.dialect, leadFields, s)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				if err := leads.SetPasswordHash(t.Context(), id, fresh()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		n := read()
		t.Logf("%d reads", n)
		if n > most {
			t.Errorf("%d writers read the row %d times, want no more than %d", writers, n, most)
		}
	})
}

// Without WAL, readers of SQLite lock a commit out. Once it was tried, it keeps
// new readers out, so that it gets its turn although there is always one.
func TestCommitBesideReaders(t *testing.T) {
	t.Parallel()
	on(t, []database{plain}, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		leads, id := users(t, db, d)
		d.person(t, db, "sam@example.com")
		d.person(t, db, "lou@example.com")
		reading, err := db.Query("SELECT id FROM users")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reading.Close() }()
		if !reading.Next() {
			t.Fatal("the table is empty")
		}
		written := make(chan error, 1)
		go func() { written <- leads.SetPasswordHash(context.Background(), id, "new") }()
		read := func() error {
			var n int
			return db.QueryRow("SELECT count(*) FROM users").Scan(&n)
		}
		testenv.Eventually(t, 20*time.Second, "a new reader is kept out", func() bool { return read() != nil })
		for range 200 {
			if read() == nil {
				t.Fatal("a new reader came before the commit, want it kept out")
			}
			time.Sleep(time.Millisecond)
		}
		if err := reading.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		if hash := hashOf(t, db, id); hash != "new" {
			t.Errorf("the hash is %q, want the new one", hash)
		}
	})
}
