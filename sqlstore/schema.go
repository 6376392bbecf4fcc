package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"
)

//go:embed schema
var schema embed.FS

// schemaFiles match the names by which goose, golang-migrate, tern and Atlas all
// know a migration. A later version adds files and changes none, because such a
// tool runs each of them once.
const schemaFiles = "*.up.sql"

// Schema returns the files that make the tables of a dialect, for a migration
// tool. Goose, golang-migrate, tern and Atlas read them as they are. Each of
// them can also be run again without harm.
func Schema(dialect Dialect) (fs.FS, error) {
	files, err := fs.Sub(schema, "schema/"+string(dialect))
	if err == nil {
		_, err = fs.Stat(files, ".")
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: there is no dialect %q", string(dialect))
	}
	return files, nil
}

// Migrate makes the tables of a [Store], and on SQLite of a [Queue], where they
// are missing. It may be called at every start, also by several instances at
// once. The user that db signs in as needs the right to create tables, until
// they are there.
func Migrate(ctx context.Context, db *sql.DB, dialect Dialect) error {
	files, err := Schema(dialect)
	if err != nil {
		return err
	}
	names, err := fs.Glob(files, schemaFiles) // in order
	if err != nil {
		return err
	}
	var statements []string
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		statements = append(statements, statementsOf(string(text))...)
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := migrate(ctx, db, dialect, statements)
		if err == nil {
			return nil
		}
		if !isConflict(err) {
			return wrap(err)
		}
		select {
		case <-ctx.Done():
			return wrap(err)
		case <-time.After(pause):
		}
	}
}

// migrationLock is a number that no other program uses for a lock.
const migrationLock = 7_236_514_098_772_215

func migrate(ctx context.Context, db *sql.DB, dialect Dialect, statements []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	if dialect == PostgreSQL {
		// CREATE TABLE IF NOT EXISTS fails where another one runs.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1::bigint)", int64(migrationLock)); err != nil {
			return err
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			_ = tx.Rollback() // gives the connection back
			if isDenied(err) && haveTables(ctx, db, statements) {
				return nil
			}
			return err
		}
	}
	return tx.Commit()
}

var createsTable = regexp.MustCompile(`^CREATE TABLE IF NOT EXISTS (\w+)`)

// haveTables reports whether the user can read every table that the statements
// make. A database refuses these statements to a user who may make no tables,
// also where the tables are there.
func haveTables(ctx context.Context, db *sql.DB, statements []string) bool {
	for _, statement := range statements {
		made := createsTable.FindStringSubmatch(statement)
		if made == nil {
			continue
		}
		if _, err := db.ExecContext(ctx, "SELECT 1 FROM "+made[1]+" WHERE 1 = 0"); err != nil {
			return false
		}
	}
	return true
}

// statementsOf returns the statements of a file without its comments.
func statementsOf(text string) (statements []string) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			b.WriteString(line)
		}
	}
	for statement := range strings.SplitSeq(b.String(), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}
