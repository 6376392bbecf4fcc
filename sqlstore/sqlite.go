package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"
)

// sqlite are the statements for SQLite. Lists are JSON, so one statement serves
// lists of any length.
type sqlite struct {
	reading, locking, writing, paging, freeing string
}

func newSQLite(table string) sqlite {
	named := func(s string) string { return strings.ReplaceAll(s, "TABLE", table) }
	return sqlite{
		reading: named(`SELECT name, record, revision, previous, 0, 0 FROM TABLE WHERE name IN (SELECT value FROM json_each(?))`),
		// A statement that may write takes the lock on the whole file.
		locking: named(`UPDATE TABLE SET revision = revision WHERE name = ''`),
		writing: named(`INSERT INTO TABLE AS t (name, record, revision, previous, expires)
			SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'), json_extract(value, '$[4]')
			FROM json_each(?) WHERE true
			ON CONFLICT (name) DO UPDATE SET record = excluded.record, revision = excluded.revision, previous = 0, expires = excluded.expires
			WHERE t.revision = excluded.previous
			RETURNING name, previous`),
		paging:  named(`SELECT name, '', 0, 0, expires, 0 FROM TABLE WHERE name > ? ORDER BY name LIMIT ?`),
		freeing: named(`DELETE FROM TABLE WHERE expires <= ? AND name IN (SELECT value FROM json_each(?))`),
	}
}

// The processes that share a file are on one machine, so its clock is that of
// all of them. It is read after the rows.
func (s sqlite) read(ctx context.Context, q querier, names []string, lock bool) ([]row, int64, error) {
	if lock {
		if _, err := q.ExecContext(ctx, s.locking); err != nil {
			return nil, 0, err
		}
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, 0, err
	}
	rows, _, err := queryRows(ctx, q, s.reading, string(list))
	return rows, time.Now().UnixMicro(), err
}

func (s sqlite) write(ctx context.Context, q querier, rows []row) ([]string, error) {
	values := make([][5]any, len(rows))
	for i, r := range rows {
		values[i] = [5]any{r.name, r.record, r.revision, r.previous, r.expires}
	}
	list, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return queryWritten(ctx, q, s.writing, string(list))
}

func (s sqlite) page(ctx context.Context, q querier, after string, limit int) ([]row, int64, error) {
	rows, _, err := queryRows(ctx, q, s.paging, after, limit)
	return rows, time.Now().UnixMicro(), err
}

func (s sqlite) free(ctx context.Context, q querier, names []string, now int64) error {
	list, err := json.Marshal(names)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, s.freeing, now, string(list))
	return err
}

// A sqliteTx is a transaction that reads before it writes. It is no *sql.Tx,
// because that has one try to commit.
//
// It does not ask for the lock on the file at its beginning, with BEGIN
// IMMEDIATE: that waits for as long as busy_timeout says, also when ctx has
// ended. Once a transaction has read, SQLite does not wait.
type sqliteTx struct {
	*sql.Conn
	ctx context.Context
}

// beginSQLite begins a transaction. Rollback gives the connection back, also
// after Commit.
func beginSQLite(ctx context.Context, db *sql.DB) (*sqliteTx, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx := &sqliteTx{conn, ctx}
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		_ = tx.Rollback() // it may have begun when ctx ended
		return nil, err
	}
	return tx, nil
}

// Commit waits for those who read the file, and tries again until ctx ends.
// Without WAL they lock it out, and from its first try on it keeps new ones out.
// If the whole transaction were repeated, others would have begun to read
// meanwhile, and it might never commit. A try is not interrupted, because then
// nobody knows what became of it.
func (t *sqliteTx) Commit() error {
	return untilNoConflict(t.ctx, func() error {
		_, err := t.ExecContext(context.WithoutCancel(t.ctx), "COMMIT")
		return err
	})
}

// Rollback fails, and changes nothing, after Commit and where SQLite has undone
// the transaction itself.
func (t *sqliteTx) Rollback() error {
	_, err := t.ExecContext(context.WithoutCancel(t.ctx), "ROLLBACK")
	_ = t.Close()
	return err
}
