package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
)

// A Dialect names the kind of database.
type Dialect string

// The dialects.
const (
	// PostgreSQL is version 12 or later, also behind PgBouncer.
	PostgreSQL Dialect = "postgresql"
	// MySQL is MySQL 8 or later, or MariaDB 10.6 or later.
	MySQL Dialect = "mysql"
	// SQLite is version 3.35 or later. All processes that share a file are on
	// one machine.
	SQLite Dialect = "sqlite"
)

// A row is one row of a table of records. Its columns:
//
//   - name: a key or a slot.
//   - record: what is held about it, as text.
//   - revision: a random number, which every write changes.
//   - previous: 0. A row with another value is void, as if it had no record: it
//     was meant to replace a row that had been freed meanwhile.
//   - expires: when the record no longer matters, in microseconds since 1970.
//
// A write names the revision that was read, and is without effect if the row
// has another one. So nothing is locked between the reading and the writing,
// a write that arrives late does no harm, and the rules are written once, in Go,
// for all databases.
type row struct {
	name, record       string
	revision, previous int64
	expires            int64
	held               bool // by somebody else, and not read
}

// statements are the operations on one table, in one dialect.
type statements interface {
	// read returns the rows that have the names, in any order, and the time of
	// the server in microseconds since 1970. Every change that the rows show
	// was made before that time, or less than clockTolerance after it. With
	// lock, q is a transaction that locks the rows. It waits for nobody: rows
	// that somebody else has locked are marked as held.
	read(ctx context.Context, q querier, names []string, lock bool) (rows []row, now int64, err error)
	// write writes the rows, in one atomic step for each of them. A row with
	// previous 0 is inserted, and another one replaces the row that has
	// previous as its revision, unless somebody else has locked that. The names
	// that it returns are those of the rows that were written.
	write(ctx context.Context, q querier, rows []row) (written []string, err error)
	// page returns the names and expiries of up to limit rows after a name, in
	// order, and the time of the server.
	page(ctx context.Context, q querier, after string, limit int) (rows []row, now int64, err error)
	// free deletes those of the rows that expired before the time and that nobody
	// has locked.
	free(ctx context.Context, q querier, names []string, now int64) error
}

// A querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// The tables.
const (
	limitsTable = "recovery_limits"
	tokensTable = "recovery_tokens"
)

// statementsFor returns the operations on a table.
func (d Dialect) statementsFor(table string) (statements, error) {
	switch d {
	case PostgreSQL:
		return newPostgreSQL(table), nil
	case MySQL:
		return mysql{table}, nil
	case SQLite:
		return newSQLite(table), nil
	}
	return nil, fmt.Errorf("sqlstore: there is no dialect %q", string(d))
}

// queryRows reads the rows that a query returns. The last column is the time in
// the row with an empty name, which no record has, and 1 in those that are held.
func queryRows(ctx context.Context, q querier, query string, args ...any) (rows []row, now int64, err error) {
	result, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = result.Close() }()
	for result.Next() {
		var r row
		var last int64
		if err := result.Scan(&r.name, &r.record, &r.revision, &r.previous, &r.expires, &last); err != nil {
			return nil, 0, err
		}
		if r.name == "" {
			now = last
			continue
		}
		r.held = last != 0
		rows = append(rows, r)
	}
	return rows, now, result.Err()
}

// queryWritten reads the names that a write returns, with the column previous.
func queryWritten(ctx context.Context, q querier, query string, args ...any) (written []string, err error) {
	result, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = result.Close() }()
	for result.Next() {
		var name string
		var previous int64
		if err := result.Scan(&name, &previous); err != nil {
			return nil, err
		}
		if previous == 0 {
			written = append(written, name)
		}
	}
	return written, result.Err()
}
