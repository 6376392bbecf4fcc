package sqlstoretest

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/sqlstore"
)

// One statement of the host's ends the sessions of one user, and a statement that the
// database refuses is told at the start.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	on(t, append(databases[:len(databases):len(databases)], pgBouncer), func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		execute(t, db, "CREATE TABLE open_sessions (token VARCHAR(40) PRIMARY KEY, user_id BIGINT NOT NULL)")
		execute(t, db, "INSERT INTO open_sessions (token, user_id) VALUES ('a', 1), ('b', 1), ('c', 11)")
		ender, err := sqlstore.EndSessions(t.Context(), db, d.dialect, "DELETE FROM open_sessions WHERE user_id = :id")
		if err != nil {
			t.Fatal(err)
		}
		count := func() (n int) {
			t.Helper()
			if err := db.QueryRow("SELECT count(*) FROM open_sessions").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := count(); n != 3 {
			t.Errorf("after EndSessions was made, %d of 3 sessions are left", n)
		}
		for _, id := range []string{"1", "7"} {
			if err := ender.EndSessions(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		if n := count(); n != 1 {
			t.Errorf("%d sessions are left, want that of user 11", n)
		}
		for statement, want := range map[string]string{
			"DELETE FROM no_such_table WHERE user_id = :id": "no_such_table",
			"DELETE FROM open_sessions":                     "has no parameter :id",
			"":                                              "is required",
		} {
			if _, err := sqlstore.EndSessions(t.Context(), db, d.dialect, statement); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want an error that says %q", statement, err, want)
			}
		}
	})
}
