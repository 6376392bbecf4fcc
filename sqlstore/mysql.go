package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"slices"
	"strconv"
)

// mysql are the statements for MySQL and MariaDB on a table. Values are written
// into the statement, in hexadecimal, which means the same in every SQL mode and
// can hold no SQL. A statement with parameters would take two round trips
// instead of one.
type mysql struct{ table string }

// mysqlClock is when the statement began. Rows may have been written a little
// later than that, before they were read.
const mysqlClock = "SELECT '', '', 0, 0, 0, TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"

func (m mysql) read(ctx context.Context, q querier, names []string, lock bool) ([]row, int64, error) {
	where := " FROM " + m.table + " WHERE name IN " + hexList(names)
	if !lock {
		return queryRows(ctx, q, "SELECT name, record, revision, previous, 0, 0"+where+" UNION ALL "+mysqlClock)
	}
	locked, _, err := queryRows(ctx, q, "SELECT name, record, revision, previous, 0, 0"+where+" FOR UPDATE SKIP LOCKED")
	if err != nil {
		return nil, 0, err
	}
	all, now, err := queryRows(ctx, q, "SELECT name, '', 0, 0, 0, 1"+where+" UNION ALL "+mysqlClock)
	held := slices.DeleteFunc(all, func(r row) bool {
		return slices.ContainsFunc(locked, func(l row) bool { return l.name == r.name })
	})
	return append(held, locked...), now, err
}

// inTransaction runs f in a transaction.
func inTransaction(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// write locks the rows that are to be replaced, unless q is the transaction that
// has locked them, and leaves out those that somebody else has locked.
func (m mysql) write(ctx context.Context, q querier, rows []row) (written []string, err error) {
	db, ok := q.(*sql.DB)
	if !ok {
		return m.insert(ctx, q, rows)
	}
	var names []string
	for _, r := range rows {
		if r.previous != 0 {
			names = append(names, r.name)
		}
	}
	err = inTransaction(ctx, db, func(tx *sql.Tx) error {
		if len(names) > 0 {
			free, _, err := queryRows(ctx, tx, "SELECT name, '', revision, 0, 0, 0 FROM "+m.table+" WHERE name IN "+hexList(names)+" FOR UPDATE SKIP LOCKED")
			if err != nil {
				return err
			}
			rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
				return r.previous != 0 && !slices.ContainsFunc(free, func(f row) bool { return f.name == r.name && f.revision == r.previous })
			})
		}
		if len(rows) == 0 {
			return nil
		}
		written, err = m.insert(ctx, tx, rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// insert inserts or replaces rows. It reads them again, because the statement does
// not tell which of them it wrote. Its transaction holds their locks until then.
func (m mysql) insert(ctx context.Context, q querier, rows []row) (written []string, err error) {
	b := []byte("INSERT INTO " + m.table + " (name, record, revision, previous, expires) VALUES ")
	names, revisions := make([]string, len(rows)), make(map[string]int64, len(rows))
	for i, r := range rows {
		names[i], revisions[r.name] = r.name, r.revision
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendHex(append(b, '('), r.name)
		b = appendHex(append(b, ", "...), r.record)
		for _, n := range []int64{r.revision, r.previous, r.expires} {
			b = strconv.AppendInt(append(b, ", "...), n, 10)
		}
		b = append(b, ')')
	}
	// Assignments are made in order, so that of the revision comes last.
	b = append(b, ` ON DUPLICATE KEY UPDATE
		record = IF(revision = VALUES(previous), VALUES(record), record),
		expires = IF(revision = VALUES(previous), VALUES(expires), expires),
		previous = IF(revision = VALUES(previous), 0, previous),
		revision = IF(revision = VALUES(previous), VALUES(revision), revision)`...)
	if _, err := q.ExecContext(ctx, string(b)); err != nil {
		return nil, err
	}
	after, _, err := queryRows(ctx, q, "SELECT name, '', revision, previous, 0, 0 FROM "+m.table+" WHERE name IN "+hexList(names)+" FOR UPDATE")
	if err != nil {
		return nil, err
	}
	for _, r := range after {
		if r.revision == revisions[r.name] && r.previous == 0 {
			written = append(written, r.name)
		}
	}
	return written, nil
}

func (m mysql) page(ctx context.Context, q querier, after string, limit int) ([]row, int64, error) {
	return queryRows(ctx, q, "(SELECT name, '', 0, 0, expires, 0 FROM "+m.table+" WHERE name > "+string(appendHex(nil, after))+
		" ORDER BY name LIMIT "+strconv.Itoa(limit)+") UNION ALL "+mysqlClock)
}

func (m mysql) free(ctx context.Context, q querier, names []string, now int64) error {
	expired := " FROM " + m.table + " WHERE expires <= " + strconv.FormatInt(now, 10) + " AND name IN "
	return inTransaction(ctx, q.(*sql.DB), func(tx *sql.Tx) error {
		rows, _, err := queryRows(ctx, tx, "SELECT name, '', 0, 0, 0, 0"+expired+hexList(names)+" FOR UPDATE SKIP LOCKED")
		if err != nil || len(rows) == 0 {
			return err
		}
		names = names[:0]
		for _, r := range rows {
			names = append(names, r.name)
		}
		_, err = tx.ExecContext(ctx, "DELETE"+expired+hexList(names))
		return err
	})
}

func hexList(texts []string) string {
	b := []byte{'('}
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHex(b, s)
	}
	return string(append(b, ')'))
}

func appendHex(b []byte, s string) []byte {
	return append(hex.AppendEncode(append(b, "x'"...), []byte(s)), '\'')
}
