package snippets_test

import (
	"database/sql"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

func TestMain(m *testing.M) { os.Exit(sqltest.Main(m)) }

var quiet = slog.New(slog.DiscardHandler)

// What people are found by and written to.
var fields = []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}

// tableColumns are the columns of a table that somebody wrote by hand, where
// sign-up stores verified addresses alone, and a row that was deleted stays.
var tableColumns = sqlstore.Columns{
	Table: "users", ID: "id", PasswordHash: "password_hash",
	Status: "CASE WHEN deleted_at IS NULL THEN 'active' ELSE 'disabled' END",
	Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "true"}},
}

func TestTableWrittenByHand(t *testing.T) {
	t.Parallel()
	db := database(t)
	execute(t, db, `CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL, password_hash char(60) NOT NULL, deleted_at timestamptz)`)
	execute(t, db, `CREATE TABLE password_resets (user_id bigint, token text, expires_at timestamptz)`)
	execute(t, db, `INSERT INTO users (email, password_hash, deleted_at) VALUES ('Ada@example.com', 'x', NULL), ('gone@example.com', 'x', now()), ('imported@example.com', '!', NULL)`)

	_, err := tableColumns.Leads(t.Context(), db, sqlstore.PostgreSQL, fields, quiet)
	if err == nil || !strings.Contains(err.Error(), "97") {
		t.Errorf("CHAR(60): %v, want an error that says 97", err)
	}
	execute(t, db, readFile(t, "table.sql"))
	leads, err := tableColumns.Leads(t.Context(), db, sqlstore.PostgreSQL, fields, quiet)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, db, "UPDATE users SET session_stamp = session_stamp + 1") // as EndSessions of docs/sql.md does
	for email, want := range map[string]recovery.LeadStatus{
		"ada@example.com": recovery.StatusActive, "gone@example.com": recovery.StatusDisabled, "imported@example.com": recovery.StatusActive,
	} {
		lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: email})
		if err != nil || lead.Status != want || !lead.Fields["EmailAddress"].Verified {
			t.Errorf("%s: %v, %v", email, lead.Status, err)
		}
	}
}

// database returns a database of its own, which is empty.
func database(t *testing.T) *sql.DB {
	t.Helper()
	server := sqltest.PostgreSQL(t)
	name := "snippets_" + strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))
	open := func(source string) *sql.DB {
		db, err := sql.Open("pgx", source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	execute(t, open(server.URL("postgres")), "CREATE DATABASE "+url.PathEscape(name))
	return open(server.URL(name))
}

func execute(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
