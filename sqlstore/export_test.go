package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Wrap is wrap.
var Wrap = wrap

// NewMemory returns a store whose tables are in memory, for tests in bubbles of
// package synctest. Its statements do what those of a database do.
func NewMemory() *Store {
	return newStore(emptyDB, newMemoryTable(), newMemoryTable(), Options{
		Timeout: time.Minute, DenialCache: 64, Logger: slog.New(slog.DiscardHandler),
	})
}

// emptyDB is a database with transactions in which nothing can be done. It is made
// outside of bubbles, because it has a goroutine.
var emptyDB = sql.OpenDB(empty{})

type empty struct{}

func (empty) Connect(context.Context) (driver.Conn, error) { return empty{}, nil }
func (empty) Driver() driver.Driver                        { return nil }
func (empty) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (empty) Begin() (driver.Tx, error)                    { return empty{}, nil }
func (empty) Commit() error                                { return nil }
func (empty) Rollback() error                              { return nil }
func (empty) Close() error                                 { return nil }

// DumpTokens returns the tokens of a store that NewMemory returned.
func DumpTokens(s *Store) string { return s.tokens.statements.(*memoryTable).dump() }

// FreeBeforeWrites makes a store that NewMemory returned lose each row of a key
// between its reading and its writing, as if it had been freed there, as often
// as times says.
func FreeBeforeWrites(s *Store, times int) { s.limits.statements.(*memoryTable).frees = times }

type memoryTable struct {
	mu    sync.Mutex
	rows  map[string]row
	frees int
}

func newMemoryTable() *memoryTable { return &memoryTable{rows: make(map[string]row)} }

func (m *memoryTable) read(_ context.Context, _ querier, names []string, _ bool) (rows []row, now int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if r, ok := m.rows[name]; ok {
			rows = append(rows, r)
		}
	}
	return rows, time.Now().UnixMicro(), nil
}

func (m *memoryTable) write(_ context.Context, _ querier, rows []row) (written []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rows {
		if r.previous != 0 && m.frees > 0 {
			m.frees--
			delete(m.rows, r.name)
		}
		if old, ok := m.rows[r.name]; ok {
			if old.revision != r.previous {
				continue
			}
			r.previous = 0
		}
		m.rows[r.name] = r
		if r.previous == 0 {
			written = append(written, r.name)
		}
	}
	return written, nil
}

func (m *memoryTable) page(_ context.Context, _ querier, after string, limit int) (rows []row, now int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.rows)) {
		if name > after && len(rows) < limit {
			rows = append(rows, m.rows[name])
		}
	}
	return rows, time.Now().UnixMicro(), nil
}

func (m *memoryTable) free(_ context.Context, _ querier, names []string, now int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if r, ok := m.rows[name]; ok && r.expires <= now {
			delete(m.rows, name)
		}
	}
	return nil
}

func (m *memoryTable) dump() (text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.rows)) {
		if name[0] != ' ' {
			text += name + "\n" + m.rows[name].record + "\n\n"
		}
	}
	return text
}

// DecideLimit decides a request on the record of a key, at a time in
// microseconds since 1970.
func DecideLimit(record string, r recovery.LimitRequest, now int64) (d recovery.Decision, after string, err error) {
	l, err := parseLimitLog(record)
	if err != nil {
		return recovery.Decision{}, "", err
	}
	d, _ = l.decide(r, now)
	after, _ = l.text()
	return d, after, nil
}

// Put, Peek, Claim and Release do an operation on the record of a slot. They
// return what it answers, and the record after it. The slot of a ref does not
// matter.
func Put(record string, spec recovery.TokenSpec, now int64) (answer, after string, err error) {
	return operate(record, tokenJob{operation: putToken, ref: recovery.TokenRef{Digest: spec.Digest}, spec: spec}, now)
}

func Peek(record string, ref recovery.TokenRef, now int64) (answer, after string, err error) {
	return operate(record, tokenJob{operation: peekToken, ref: ref}, now)
}

func Claim(record, digest, id string, now int64) (answer, after string, err error) {
	return operate(record, tokenJob{operation: claimToken, ref: recovery.TokenRef{Digest: digest}, claimID: id}, now)
}

func Release(record, digest, id string, now int64) (answer, after string, err error) {
	return operate(record, tokenJob{operation: releaseToken, ref: recovery.TokenRef{Digest: digest}, claimID: id}, now)
}

// List returns the live tokens of a record.
func List(record, slot string, now int64) ([]recovery.TokenRecord, error) {
	s, err := parseSlot(record)
	if err != nil {
		return nil, err
	}
	a, _ := s.decide(tokenJob{operation: listTokens, ref: recovery.TokenRef{Slot: slot}}, now)
	return a.live, nil
}

func operate(record string, j tokenJob, now int64) (answer, after string, err error) {
	s, err := parseSlot(record)
	if err != nil {
		return "", "", err
	}
	a, _ := s.decide(j, now)
	after, _ = s.text()
	return [...]string{
		notFound: "not found", notRecorded: "not found", found: "found", held: "held", spent: "spent", done: "done",
		tooManyGuesses: "too many guesses", tooManyCodes: "too many codes",
	}[a.word] + a.token.State, after, nil
}

// IsConflict exports isConflict.
var IsConflict = isConflict
