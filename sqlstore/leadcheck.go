package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// argon2idWidth is how many bytes a hash of package password has.
const argon2idWidth = 97

// Check asks the database whether the columns serve what they are for, and is
// for the start of a program. The error says that PasswordHash is too narrow for
// the hashes that are written, or that it pads them, or that a column on MySQL
// heeds case in a field that does not. For a search without an index, which is
// slow and whose time tells how many users there are, logger gets a warning with
// the statement that makes the index. logger may be nil, for [slog.Default].
func (c Columns) Check(ctx context.Context, db *sql.DB, dialect Dialect, fields []recovery.Field, logger *slog.Logger) error {
	statements, err := c.Statements(dialect, fields)
	if err != nil {
		return err
	}
	if logger == nil {
		logger = slog.Default()
	}
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	if err := c.checkHash(ctx, db, dialect, &mistakes); err != nil {
		return wrap(err)
	}
	if dialect == MySQL {
		if err := c.checkCollations(ctx, db, fields, &mistakes); err != nil {
			return wrap(err)
		}
	}
	if err := mistakes.Err(); err != nil {
		return err
	}
	warn := func(find, column string) error {
		st, err := compileStatement(dialect, find, []string{"value"})
		if err != nil {
			return err
		}
		indexed, err := usesIndex(ctx, db, dialect, st)
		if err != nil {
			return wrap(err)
		}
		if !indexed {
			logger.WarnContext(ctx, "sqlstore: a search for users has no index and reads all of them; run the statement to make one",
				"statement", "CREATE INDEX "+indexName(c.Table, column)+" ON "+c.Table+" ("+column+")")
		}
		return nil
	}
	if err := warn(statements.Find[recovery.LeadIDField], c.ID); err != nil {
		return err
	}
	for _, f := range fields {
		if !f.Search {
			continue
		}
		fc := c.Fields[f.Name]
		column := fc.Value
		switch {
		case fc.Canonical != "":
			column = fc.Canonical
		case dialect != MySQL && (f.Type == recovery.FieldTypeEmail || f.IgnoreCase):
			column = "lower(" + fc.Value + ")"
		}
		if err := warn(statements.Find[f.Name], column); err != nil {
			return err
		}
	}
	return nil
}

// indexName returns a name for an index.
func indexName(table, column string) string {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
				return r
			}
			return -1
		}, s)
	}
	return letters(table[strings.LastIndexByte(table, '.')+1:]) + "_" + letters(strings.TrimPrefix(column, "lower"))
}

func (c Columns) checkHash(ctx context.Context, db *sql.DB, dialect Dialect, mistakes *recovery.OptionErrors) error {
	if dialect == SQLite {
		return nil // the width of a column means nothing there
	}
	least := c.HashWidth
	if least == 0 {
		least = argon2idWidth
	}
	var kind string
	var width sql.NullInt64
	err := c.describe(ctx, db, dialect, c.PasswordHash, "data_type, character_maximum_length").Scan(&kind, &width)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // a view of another schema, or an expression
	}
	if err != nil {
		return err
	}
	if width.Valid && width.Int64 < int64(least) {
		mistakes.Add("PasswordHash", "is a column of %d characters, must have %d or more", width.Int64, least)
	}
	if dialect == PostgreSQL && kind == "character" && width.Int64 != int64(least) {
		mistakes.Add("PasswordHash", "is a column of type character, which pads hashes with spaces; make it text")
	}
	return nil
}

// checkCollations looks for columns that heed case in fields that do not: a
// search would miss whoever typed a capital.
func (c Columns) checkCollations(ctx context.Context, db *sql.DB, fields []recovery.Field, mistakes *recovery.OptionErrors) error {
	for _, f := range fields {
		fc := c.Fields[f.Name]
		if !f.Search || fc.Canonical != "" || f.Type != recovery.FieldTypeEmail && !f.IgnoreCase {
			continue
		}
		var collation sql.NullString
		err := c.describe(ctx, db, MySQL, fc.Value, "collation_name").Scan(&collation)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		if !strings.HasSuffix(collation.String, "_ci") {
			mistakes.Add("Fields["+f.Name+"].Value", "is a column whose collation %q heeds case; give it another one, or name a column in Canonical", collation.String)
		}
	}
	return nil
}

// describe reads what the database says of a column.
func (c Columns) describe(ctx context.Context, db *sql.DB, dialect Dialect, column, what string) *sql.Row {
	unquote := func(s string) string {
		bare := strings.Trim(s, "`\"")
		if dialect == PostgreSQL && bare == s {
			return strings.ToLower(s) // as the server reads a name without quotes
		}
		return bare
	}
	schema, table, qualified := strings.Cut(c.Table, ".")
	if !qualified {
		schema, table = "", c.Table
	}
	query := "SELECT " + what + " FROM information_schema.columns WHERE table_name = :table AND column_name = :column AND "
	switch {
	case qualified:
		query += "table_schema = :schema"
	case dialect == PostgreSQL:
		query += "table_schema = ANY (current_schemas(false))"
	default:
		query += "table_schema = DATABASE()"
	}
	st, err := compileStatement(dialect, query, []string{"table", "column", "schema"})
	if err != nil {
		panic(err) // the text above is wrong
	}
	args := st.args(map[string]string{"table": unquote(table), "column": unquote(column), "schema": unquote(schema)})
	return db.QueryRowContext(ctx, st.text, args...)
}

// usesIndex reports whether a search can use an index, however small the table
// is now.
func usesIndex(ctx context.Context, db *sql.DB, dialect Dialect, st statement) (bool, error) {
	// A value that columns of the usual types take.
	for _, value := range []string{"0", "00000000-0000-0000-0000-000000000000"} {
		reads, err := explain(ctx, db, dialect, st, value)
		if err != nil && refused(err) == nil {
			continue
		}
		if err != nil {
			return false, err
		}
		return !reads, nil
	}
	return true, nil // no value to ask with
}

// explain reports whether the plan of a search reads the whole table.
func explain(ctx context.Context, db *sql.DB, dialect Dialect, st statement, value string) (reads bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	prefix := "EXPLAIN "
	switch dialect {
	case PostgreSQL:
		// A small table is read as a whole also where there is an index.
		if _, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
			return false, err
		}
	case SQLite:
		prefix = "EXPLAIN QUERY PLAN "
	}
	rows, err := tx.QueryContext(ctx, prefix+st.text, st.args(map[string]string{"value": value})...)
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return false, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		line := make(map[string]string, len(columns))
		for i, name := range columns {
			line[strings.ToLower(name)] = values[i].String
		}
		switch dialect {
		case PostgreSQL:
			reads = reads || strings.Contains(line["query plan"], "Seq Scan")
		case MySQL:
			reads = reads || line["table"] != "" && line["possible_keys"] == ""
		case SQLite:
			reads = reads || strings.HasPrefix(line["detail"], "SCAN")
		default:
			return false, fmt.Errorf("sqlstore: there is no dialect %q", string(dialect))
		}
	}
	return reads, rows.Err()
}
