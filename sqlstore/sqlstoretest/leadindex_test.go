package sqlstoretest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// fillUsers adds n users in large statements.
func fillUsers(t testing.TB, db *sql.DB, n int) {
	t.Helper()
	const each = 500
	for from := 0; from < n; from += each {
		var values []string
		for i := from; i < from+each; i++ {
			values = append(values, fmt.Sprintf("('User%d@Example.com', true, '+1555%07d', '+1555%07[2]d', true, 'name%[1]d', 'Nick%[1]d', 'hash', false)", i, i))
		}
		execute(t, db, "INSERT INTO users (email, email_verified, phone, phone_canonical, phone_verified, user_name, nick, password_hash, blocked) VALUES "+strings.Join(values, ","))
	}
}

// plan returns what the database says of how it would run a statement.
func (d database) plan(t testing.TB, db *sql.DB, statement string) string {
	t.Helper()
	prefix := "EXPLAIN "
	if d.dialect == sqlstore.SQLite {
		prefix = "EXPLAIN QUERY PLAN "
	}
	rows, err := db.QueryContext(context.Background(), prefix+statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			fmt.Fprintf(&text, "%s=%s ", columns[i], v.String)
		}
		text.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Among many users, every generated statement reads those that it is about, and
// not the whole table.
func TestLeadStatementsUseAnIndex(t *testing.T) {
	t.Parallel()
	users := 10_000
	if testenv.Long() {
		users = 100_000
	}
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		for _, statement := range usersSchema(d) {
			execute(t, db, statement)
		}
		fillUsers(t, db, users)
		execute(t, db, map[sqlstore.Dialect]string{
			sqlstore.PostgreSQL: "ANALYZE users", sqlstore.MySQL: "ANALYZE TABLE users", sqlstore.SQLite: "ANALYZE",
		}[d.dialect])
		s, err := leadColumns.Statements(d.dialect, leadFields)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{"set": s.SetPasswordHash, "before": s.BeforeSet[0], "former": s.FormerHashes}
		for field, text := range s.Find {
			all[field] = text
		}
		values := map[string]string{
			"EmailAddress": "user77@example.com", "Phone": "+15550000077", "UserName": "name77", "Nick": "nick77",
			recovery.LeadIDField: "77", "set": "77", "before": "77", "former": "77",
		}
		for what, text := range all {
			for _, name := range []string{":value", ":id", ":hash"} {
				text = strings.ReplaceAll(text, name, "'"+values[what]+"'")
			}
			plan := d.plan(t, db, text)
			for _, scan := range []string{"Seq Scan on users", "SCAN users", "type=ALL", "type=index "} {
				if what != "former" && strings.Contains(plan, scan) || strings.Contains(plan, "SCAN former") {
					t.Errorf("%s reads the whole table: %s\n%s", what, text, plan)
				}
			}
		}
		leads, err := sqlstore.NewLeads(db, d.dialect, leadFields, s)
		if err != nil {
			t.Fatal(err)
		}
		for field, value := range values {
			if _, ok := s.Find[field]; !ok {
				continue
			}
			if _, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: field, Value: value}); err != nil {
				t.Errorf("FindLead by %s: %v", field, err)
			}
		}
	})
}

// Check warns of each search without an index, with the statement that makes
// one, on a table of any size, and is silent once it was run.
func TestCheckWarnsOfMissingIndexes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		execute(t, db, usersSchema(d)[0])
		check := func() []string {
			t.Helper()
			var log bytes.Buffer
			if err := leadColumns.Check(t.Context(), db, d.dialect, leadFields, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Fatal(err)
			}
			var statements []string
			for line := range strings.Lines(log.String()) {
				_, statement, _ := strings.Cut(strings.TrimSpace(line), `statement="`)
				statements = append(statements, strings.TrimSuffix(statement, `"`))
			}
			return statements
		}
		missing := check()
		if len(missing) != 4 {
			t.Errorf("warnings with %q, want one for each of four fields", missing)
		}
		for _, statement := range missing {
			execute(t, db, statement)
		}
		if again := check(); len(again) != 0 {
			t.Errorf("warnings with %q after these were run, want none", again)
		}
	})
}

// A column that does not hold every hash is found at the start.
func TestCheckFindsNarrowHashes(t *testing.T) {
	t.Parallel()
	// SQLite's columns have no width.
	withWidths := slices.DeleteFunc(slices.Clone(databases), func(d database) bool { return d.dialect == sqlstore.SQLite })
	on(t, withWidths, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		execute(t, db, usersSchema(d)[0])
		for kind, want := range map[string]string{
			"CHAR(60)": "must have 97 or more", "VARCHAR(96)": "must have 97 or more", "VARCHAR(97)": "", "TEXT": "",
			"CHAR(120)": map[sqlstore.Dialect]string{sqlstore.PostgreSQL: "pads"}[d.dialect],
		} {
			execute(t, db, "ALTER TABLE users DROP COLUMN password_hash")
			execute(t, db, "ALTER TABLE users ADD COLUMN password_hash "+kind)
			err := leadColumns.Check(t.Context(), db, d.dialect, leadFields, slog.New(slog.DiscardHandler))
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("a hash in %s: %v, want %q", kind, err, want)
			}
		}
		if d.dialect == sqlstore.PostgreSQL {
			capitals := leadColumns
			capitals.Table, capitals.PasswordHash = "Users", "Password_Hash"
			execute(t, db, "ALTER TABLE users ALTER COLUMN password_hash TYPE VARCHAR(60)")
			err := capitals.Check(t.Context(), db, d.dialect, leadFields, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), "must have 97 or more") {
				t.Errorf("names in capitals, and a hash in VARCHAR(60): %v, want an error", err)
			}
		}
		bcrypt := leadColumns
		bcrypt.HashWidth = 60
		execute(t, db, "ALTER TABLE users DROP COLUMN password_hash")
		execute(t, db, "ALTER TABLE users ADD COLUMN password_hash CHAR(60)")
		if err := bcrypt.Check(t.Context(), db, d.dialect, leadFields, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("a hash of 60 characters in CHAR(60): %v, want none", err)
		}
	})
}

// A search by a column that heeds case would miss whoever typed a capital.
func TestCheckFindsCaseOnMySQL(t *testing.T) {
	t.Parallel()
	d := databases[1]
	driver, source := d.create(t)
	db := connect(t, driver, source)
	execute(t, db, usersSchema(d)[0])
	execute(t, db, "ALTER TABLE users MODIFY email VARCHAR(254) COLLATE utf8mb4_bin")
	err := leadColumns.Check(t.Context(), db, d.dialect, leadFields, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "heeds case") {
		t.Errorf("an address in a column of utf8mb4_bin: %v, want an error", err)
	}
}
