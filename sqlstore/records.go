package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery/breaker"
)

// A record is what a row holds, read from its text. It is used by one goroutine.
type record[J, A any] interface {
	// decide answers a job at a time, which is in microseconds since 1970. It
	// reports whether the record has to be written.
	decide(job J, now int64) (answer A, changed bool)
	// text returns what to store, and when it no longer matters.
	text() (text string, expires int64)
}

// An answer is what became of a job.
type answer[A any] struct {
	value A
	err   error
}

// records are the records in one table.
type records[J, A any] struct {
	db         *sql.DB
	statements statements
	timeout    time.Duration
	guard      *breaker.Breaker
	nameOf     func(J) string
	parse      func(text string) (record[J, A], error)
	wrote      func(rows int) // is told of writes
	// lock says that the rows are locked from their reading to their writing.
	// Without it a far instance could always lose to near ones.
	lock bool
}

// A task is a job, and where its answer goes.
type task[J, A any] struct {
	job    J
	answer *answer[A]
}

// decide decides the jobs of several callers. Jobs of one record are decided in
// their order, and written together. The answer is errLate to those of a record
// that somebody else has locked, or has written meanwhile: nothing was written.
// So nobody waits here for somebody else's record. In SQLite there are no locks of
// records, and everybody waits for the file together.
func (r *records[J, A]) decide(ctx context.Context, callers [][]J, answers [][]answer[A]) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if r.guard.Down() {
		if err := reach(ctx, r.db); err != nil {
			return r.timedOut(ctx, err)
		}
	}
	open := make(map[string][]task[J, A])
	for i, jobs := range callers {
		answers[i] = make([]answer[A], len(jobs))
		for j, job := range jobs {
			name := r.nameOf(job)
			open[name] = append(open[name], task[J, A]{job, &answers[i][j]})
		}
	}
	if err := untilNoConflict(ctx, func() error { return r.attempt(ctx, open) }); err != nil {
		return r.timedOut(ctx, err)
	}
	for _, tasks := range open {
		for _, t := range tasks {
			*t.answer = answer[A]{err: errLate}
		}
	}
	return nil
}

// timedOut replaces the many errors that drivers return when a context ends.
func (r *records[J, A]) timedOut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errTimeout
	}
	return wrap(err)
}

// attempt decides the open tasks once, and removes those that are done.
func (r *records[J, A]) attempt(ctx context.Context, open map[string][]task[J, A]) error {
	if !r.lock {
		return r.readAndWrite(ctx, r.db, open)
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	done := make(map[string][]task[J, A], len(open))
	for name, tasks := range open {
		done[name] = tasks
	}
	if err := r.readAndWrite(ctx, tx, done); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for name := range open {
		if _, late := done[name]; !late {
			delete(open, name)
		}
	}
	return nil
}

func (r *records[J, A]) readAndWrite(ctx context.Context, q querier, open map[string][]task[J, A]) error {
	names := make([]string, 0, len(open))
	for name := range open {
		names = append(names, name)
	}
	slices.Sort(names)
	rows, now, err := r.statements.read(ctx, q, names, r.lock)
	if err != nil {
		return err
	}
	found := make(map[string]row, len(rows))
	for _, row := range rows {
		if row.previous != 0 {
			row.record = "" // void
		}
		found[row.name] = row
	}
	revisions := newRevisions(len(names))
	var todo []row
	for i, name := range names {
		before := found[name]
		if before.held {
			continue
		}
		text, expires, changed := r.decideOne(before.record, open[name], now)
		if !changed {
			delete(open, name)
			continue
		}
		todo = append(todo, row{name: name, record: text, revision: revisions[i], previous: before.revision, expires: expires})
	}
	if len(todo) == 0 {
		return nil
	}
	written, err := r.statements.write(ctx, q, todo)
	if err != nil {
		return err
	}
	for _, name := range written {
		delete(open, name)
	}
	r.wrote(len(written))
	return nil
}

// decideOne decides the tasks of one record, in order.
func (r *records[J, A]) decideOne(text string, tasks []task[J, A], now int64) (after string, expires int64, changed bool) {
	record, err := r.parse(text)
	for _, t := range tasks {
		if err != nil {
			*t.answer = answer[A]{err: err}
			continue
		}
		value, changes := record.decide(t.job, now)
		*t.answer = answer[A]{value: value}
		changed = changed || changes
	}
	if changed {
		after, expires = record.text()
	}
	return after, expires, changed
}

// newRevisions returns random numbers that are not 0.
func newRevisions(n int) []int64 {
	b := make([]byte, 8*n)
	_, _ = rand.Read(b) // never fails
	revisions := make([]int64, n)
	for i := range revisions {
		revisions[i] = int64(binary.BigEndian.Uint64(b[8*i:])>>1 | 1)
	}
	return revisions
}
