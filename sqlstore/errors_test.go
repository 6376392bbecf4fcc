package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// A stateError is an error as drivers of PostgreSQL return it, and a codeError
// one of modernc.org/sqlite.
type (
	stateError struct{ state, text string }
	codeError  int
)

func (e stateError) Error() string    { return e.text }
func (e stateError) SQLState() string { return e.state }
func (e codeError) Error() string     { return "SQL logic error" }
func (e codeError) Code() int         { return int(e) }

// What a database gave up in favour of another statement is known by the errors
// of every driver, also after this package has wrapped them.
func TestConflictsAreKnown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{stateError{"40001", "could not serialize access"}, true},
		{stateError{"40P01", "deadlock detected"}, true},
		{stateError{"55P03", "could not obtain lock"}, true},
		{stateError{"23505", "duplicate key"}, false},
		{errors.New("Error 1213 (40001): Deadlock found"), true},
		{errors.New("Error 1205: Lock wait timeout exceeded"), true},
		{errors.New("Error 1062 (23000): Duplicate entry"), false},
		{codeError(5), true},
		{codeError(6), true},
		{codeError(5 | 2<<8), true}, // SQLITE_BUSY_SNAPSHOT
		{codeError(8), false},
		{errors.New("database is locked"), true}, // github.com/mattn/go-sqlite3
		{errors.New("database table is locked: users"), true},
		{errors.New("sqlite3: database is locked"), true}, // github.com/ncruces/go-sqlite3
		{errors.New("attempt to write a readonly database"), false},
		// What somebody typed is quoted.
		{stateError{"22023", `invalid value: "Error 1213: database is locked"`}, false},
		{errors.New("Error 1062 (23000): Duplicate entry 'database is locked'"), false},
	} {
		for range 3 {
			if got := sqlstore.IsConflict(tt.err); got != tt.want {
				t.Errorf("a conflict: %v, want %v: %v", got, tt.want, tt.err)
			}
			if tt.err != nil {
				tt.err = fmt.Errorf("sqlstore: %w", tt.err)
			}
		}
	}
}

// An error says once whose it is, also where it was wrapped before.
func TestErrorsNameThePackageOnce(t *testing.T) {
	t.Parallel()
	err := sqlstore.Wrap(sqlstore.Wrap(errors.New("connection refused")))
	if err.Error() != "sqlstore: connection refused" {
		t.Errorf("%v", err)
	}
	db := sql.OpenDB(downDatabase{})
	defer func() { _ = db.Close() }()
	columns := sqlstore.Columns{Table: "users", ID: "id", PasswordHash: "hash", Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "true"}}}
	statements, err := columns.Statements(sqlstore.SQLite, []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}})
	if err != nil {
		t.Fatal(err)
	}
	leads, err := sqlstore.NewLeads(db, sqlstore.PostgreSQL, nil, statements)
	if err != nil {
		t.Fatal(err)
	}
	_, found := leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: "1"})
	_, ended := sqlstore.EndSessions(t.Context(), db, sqlstore.SQLite, "DELETE FROM sessions WHERE user_id = :id")
	for _, err := range []error{
		found, ended, leads.Check(t.Context()), leads.SetPasswordHash(t.Context(), "1", "hash"),
		columns.Check(t.Context(), db, sqlstore.PostgreSQL, nil, nil), sqlstore.Migrate(t.Context(), db, sqlstore.SQLite),
	} {
		if err == nil || strings.Count(err.Error(), "sqlstore: ") != 1 {
			t.Errorf("%v", err)
		}
	}
}

// downDatabase is a database that nobody reaches.
type downDatabase struct{}

func (downDatabase) Connect(context.Context) (driver.Conn, error) {
	return nil, errors.New("connection refused")
}

func (downDatabase) Driver() driver.Driver { return nil }
