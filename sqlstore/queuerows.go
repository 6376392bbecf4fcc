package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
	"github.com/seed-51359b35/recovery/groupcommit"
)

const (
	// writeTimeout is how long a transaction may take, also while others lock the
	// file. No caller of Enqueue waits for longer.
	writeTimeout = time.Minute
	// lineTimeout is how long somebody waits who has to know what was written: for
	// the transaction before, for the own one, and for a busy_timeout each, which
	// SQLite waits out although the time is over.
	lineTimeout = 3 * time.Minute
)

// jobRows are the rows of one queue in the table recovery_jobs. See doc.go.
type jobRows struct {
	db      *sql.DB
	queue   string
	commits *groupcommit.Group[jobStatement, []takenJob]
}

// A jobStatement writes, and may return jobs.
type jobStatement struct {
	text string
	args []any
}

func newJobRows(db *sql.DB, queue string) jobRows {
	r := jobRows{db: db, queue: queue}
	r.commits = groupcommit.New(r.commit, groupcommit.Options[jobStatement]{MaxCalls: 1, Timeout: lineTimeout})
	return r
}

// A jobKey is a job during one attempt. A statement with the key of an attempt
// has no effect when another process has taken the job since.
type jobKey struct{ number, lease int64 }

// A takenJob is a job that this process has to perform.
type takenJob struct {
	jobKey
	id       string
	encoded  []byte
	attempts int // with the one that begins
}

func (r jobRows) put(ctx context.Context, id string, encoded []byte, notBefore time.Time) error {
	due := time.Now()
	if notBefore.After(due) {
		due = notBefore.Add(time.Microsecond - 1) // rounded up
	}
	_, err := r.write(ctx, `INSERT INTO recovery_jobs (queue, id, job, due, attempts, lease) VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING`,
		r.queue, id, encoded, due.UnixMicro())
	return err
}

// others are the rows of jobs that do not run here. Those that do are left out
// of take by their numbers: after the machine has slept, or its clock was set,
// their leases look as if they had ended.
const others = ` FROM recovery_jobs WHERE queue = ? AND number NOT IN (SELECT json_extract(value, '$[0]') FROM json_each(?))`

// wait returns how long it takes until a job is due that does not run here, or at
// most the given time, and how many jobs other processes began and no longer renew.
// It does not lock the file for others.
func (r jobRows) wait(ctx context.Context, running []jobKey, most time.Duration) (wait time.Duration, left int, err error) {
	var due sql.NullInt64
	err = r.read(ctx, []any{&due, &left}, `SELECT min(due), count(*) FILTER (WHERE lease <> 0 AND due <= ?)`+others, time.Now().UnixMicro(), r.queue, list(running))
	if err != nil || !due.Valid {
		return most, 0, err
	}
	return min(most, time.Until(time.UnixMicro(due.Int64))), left, nil
}

// take takes up to n jobs that are due. A job whose lease has ended is due too.
func (r jobRows) take(ctx context.Context, now time.Time, running []jobKey, n int) ([]takenJob, error) {
	return r.write(ctx, `UPDATE recovery_jobs SET lease = random(), due = ?, attempts = attempts + 1
		WHERE number IN (SELECT number`+others+` AND due <= ? ORDER BY due LIMIT ?) RETURNING number, lease, id, job, attempts`,
		now.Add(durablequeue.LeaseTime).UnixMicro(), r.queue, list(running), now.UnixMicro(), n)
}

// renew renews leases, and returns those that no other process has ended.
func (r jobRows) renew(ctx context.Context, running []jobKey) ([]jobKey, error) {
	found, err := r.write(ctx, `UPDATE recovery_jobs SET due = ? WHERE number IN (SELECT json_extract(value, '$[0]') FROM json_each(?))
		AND lease IN (SELECT json_extract(value, '$[1]') FROM json_each(?)) RETURNING number, lease, '', x'', 0`,
		time.Now().Add(durablequeue.LeaseTime).UnixMicro(), list(running), list(running))
	keys := make([]jobKey, len(found))
	for i, job := range found {
		keys[i] = job.jobKey
	}
	return keys, err
}

// settle carries out what became of an attempt.
func (r jobRows) settle(ctx context.Context, key jobKey, result durablequeue.Result) (err error) {
	if result.Verdict == durablequeue.Done || result.Verdict == durablequeue.GivenUp {
		_, err = r.write(ctx, `DELETE FROM recovery_jobs WHERE number = ? AND lease = ?`, key.number, key.lease)
		return err
	}
	_, err = r.write(ctx, `UPDATE recovery_jobs SET lease = 0, due = ?, attempts = attempts - ? WHERE number = ? AND lease = ?`,
		time.Now().Add(result.Pause).UnixMicro(), result.Verdict == durablequeue.HandedBack, key.number, key.lease)
	return err
}

// count returns how many jobs wait or run.
func (r jobRows) count(ctx context.Context) (n int, err error) {
	err = r.read(ctx, []any{&n}, `SELECT count(*) FROM recovery_jobs WHERE queue = ?`, r.queue)
	return n, err
}

// stats counts the jobs that nobody performs.
func (r jobRows) stats(ctx context.Context) (stats recovery.QueueStats, err error) {
	now := time.Now().UnixMicro()
	var oldest int64
	err = r.read(ctx, []any{&stats.Waiting, &stats.Retrying, &oldest}, `SELECT count(*), count(*) FILTER (WHERE attempts > 0), coalesce(max(0, ? - min(due)), 0)
		FROM recovery_jobs WHERE queue = ? AND (lease = 0 OR due <= ?)`, now, r.queue, now)
	stats.Oldest = time.Duration(oldest) * time.Microsecond
	return stats, err
}

// read reads one row.
func (r jobRows) read(ctx context.Context, dest []any, text string, args ...any) error {
	return untilNoConflict(ctx, func() error { return r.db.QueryRowContext(ctx, text, args...).Scan(dest...) })
}

// write runs a statement in a transaction that it shares with those of other
// callers. SQLite has one writer at a time, and lets others try again and again:
// it has no line.
func (r jobRows) write(ctx context.Context, text string, args ...any) ([]takenJob, error) {
	return r.commits.Do(ctx, jobStatement{text, args})
}

func (r jobRows) commit(ctx context.Context, all []jobStatement, outs [][]takenJob) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return untilNoConflict(ctx, func() error {
		tx, err := beginSQLite(ctx, r.db)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // without effect after Commit
		for i, one := range all {
			if outs[i], err = query(ctx, tx, one); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

func query(ctx context.Context, q querier, s jobStatement) (all []takenJob, err error) {
	rows, err := q.QueryContext(ctx, s.text, s.args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var j takenJob
		if err := rows.Scan(&j.number, &j.lease, &j.id, &j.encoded, &j.attempts); err != nil {
			return nil, err
		}
		all = append(all, j)
	}
	return all, rows.Err()
}

// list returns what json_each makes a row of each key of.
func list(keys []jobKey) string {
	pairs := make([][2]int64, len(keys))
	for i, k := range keys {
		pairs[i] = [2]int64{k.number, k.lease}
	}
	b, _ := json.Marshal(pairs) // numbers cannot fail
	return string(b)
}
