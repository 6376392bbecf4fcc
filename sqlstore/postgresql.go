package sqlstore

import (
	"context"
	"math/bits"
	"strconv"
	"strings"
	"sync/atomic"
)

// postgresql are the statements for PostgreSQL. Lists are arrays, written as
// text, because every driver can send a text, with and without prepared
// statements. So one statement serves lists of any length.
type postgresql struct {
	reading, locking, writing, paging, freeing variants
	written                                    atomic.Int64 // rows, by this process
}

// variants are one statement in texts that differ in a comment alone. A driver
// keeps the plan of a text. A plan that was made for a small table reads all of
// it, and would go on to do so while the table grows, until the server analyzes
// it. So another text is used each time this process has written twice as much.
type variants [48]string

func newVariants(text string) (v variants) {
	for i := range v {
		v[i] = text + " /* " + strconv.Itoa(i) + " */"
	}
	return v
}

// now returns the text to use. The first one is for a table of a page.
func (p *postgresql) now(v *variants) string {
	return v[min(bits.Len64(uint64(p.written.Load())/64), len(v)-1)]
}

// postgresqlClock is the time when it is evaluated, and not that of the
// transaction.
const postgresqlClock = `SELECT '', '', 0, 0, 0, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

func newPostgreSQL(table string) *postgresql {
	named := func(s string) string { return strings.ReplaceAll(s, "TABLE", table) }
	return &postgresql{
		// The parts of a UNION ALL are run in order, so the time is read after
		// the rows, and after their locks.
		reading: newVariants(named(`SELECT name, record, revision, previous, 0, 0 FROM TABLE WHERE name = ANY ($1::text::text[])
			UNION ALL ` + postgresqlClock)),
		locking: newVariants(named(`WITH locked AS MATERIALIZED (
				SELECT name, record, revision, previous FROM TABLE WHERE name = ANY ($1::text::text[]) FOR NO KEY UPDATE SKIP LOCKED)
			SELECT name, record, revision, previous, 0, 0 FROM locked
			UNION ALL SELECT name, '', 0, 0, 0, 1 FROM TABLE WHERE name = ANY ($1::text::text[]) AND name NOT IN (SELECT name FROM locked)
			UNION ALL ` + postgresqlClock)),
		// It waits for no lock of a row that is there. Rows that are not come
		// sorted, so two writes insert them in the same order.
		writing: newVariants(named(`WITH free AS MATERIALIZED (
				SELECT name FROM TABLE WHERE name = ANY ($1::text::text[]) FOR NO KEY UPDATE SKIP LOCKED)
			INSERT INTO TABLE AS t (name, record, revision, previous, expires)
			SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[])
				AS given (name, record, revision, previous, expires)
			WHERE previous = 0 OR name IN (SELECT name FROM free)
			ON CONFLICT (name) DO UPDATE SET record = excluded.record, revision = excluded.revision, previous = 0, expires = excluded.expires
			WHERE t.revision = excluded.previous
			RETURNING name, previous`)),
		paging: newVariants(named(`(SELECT name, '', 0, 0, expires, 0 FROM TABLE WHERE name > $1::text COLLATE "C" ORDER BY name LIMIT $2::int)
			UNION ALL ` + postgresqlClock)),
		// It waits for no lock that a write holds.
		freeing: newVariants(named(`DELETE FROM TABLE WHERE expires <= $2::bigint AND name = ANY (ARRAY(
			SELECT name FROM TABLE WHERE name = ANY ($1::text::text[]) AND expires <= $2::bigint ORDER BY name FOR UPDATE SKIP LOCKED))`)),
	}
}

func (p *postgresql) read(ctx context.Context, q querier, names []string, lock bool) ([]row, int64, error) {
	query := &p.reading
	if lock {
		query = &p.locking
	}
	return queryRows(ctx, q, p.now(query), textArray(names))
}

func (p *postgresql) write(ctx context.Context, q querier, rows []row) ([]string, error) {
	texts := func(column func(row) string) string {
		var b arrayBuilder
		for _, r := range rows {
			b.text(column(r))
		}
		return b.String()
	}
	numbers := func(column func(row) int64) string {
		var b arrayBuilder
		for _, r := range rows {
			b.number(column(r))
		}
		return b.String()
	}
	p.written.Add(int64(len(rows)))
	return queryWritten(ctx, q, p.now(&p.writing),
		texts(func(r row) string { return r.name }), texts(func(r row) string { return r.record }),
		numbers(func(r row) int64 { return r.revision }), numbers(func(r row) int64 { return r.previous }),
		numbers(func(r row) int64 { return r.expires }))
}

func (p *postgresql) page(ctx context.Context, q querier, after string, limit int) ([]row, int64, error) {
	return queryRows(ctx, q, p.now(&p.paging), after, limit)
}

func (p *postgresql) free(ctx context.Context, q querier, names []string, now int64) error {
	_, err := q.ExecContext(ctx, p.now(&p.freeing), textArray(names), now)
	return err
}

func textArray(texts []string) string {
	var b arrayBuilder
	for _, s := range texts {
		b.text(s)
	}
	return b.String()
}

// An arrayBuilder writes the text of an array, such as {"a","b"}.
type arrayBuilder struct{ b []byte }

func (a *arrayBuilder) next() {
	if len(a.b) == 0 {
		a.b = append(a.b, '{')
	} else {
		a.b = append(a.b, ',')
	}
}

func (a *arrayBuilder) text(s string) {
	a.next()
	a.b = append(a.b, '"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		a.b = append(append(a.b, s[:i]...), '\\', s[i])
		s = s[i+1:]
	}
	a.b = append(append(a.b, s...), '"')
}

func (a *arrayBuilder) number(n int64) {
	a.next()
	a.b = strconv.AppendInt(a.b, n, 10)
}

func (a *arrayBuilder) String() string {
	if len(a.b) == 0 {
		return "{}"
	}
	return string(append(a.b, '}'))
}
