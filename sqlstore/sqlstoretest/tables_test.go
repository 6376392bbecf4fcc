package sqlstoretest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// revisions returns the revision of each row of a table.
func revisions(t testing.TB, db *sql.DB, table string) map[string]int64 {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), "SELECT name, revision FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	all := make(map[string]int64)
	for rows.Next() {
		var name string
		var revision int64
		if err := rows.Scan(&name, &revision); err != nil {
			t.Fatal(err)
		}
		all[name] = revision
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A wrong guess writes one row of each slot that it names, of whomever the slot is:
// a known person with a code, a known one without, and nobody. So its time does not
// tell (A97). A right one at a code that cannot be used does the same.
func TestWrongGuessesCostOneWriteForEverybody_A97(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		s := newStore(t, db, d)
		code := recovery.TokenSpec{
			Digest: "code", Handle: "handle", TTL: time.Hour, MaxLive: 2, Code: true, MaxTries: 100, MaxFailures: 100, FailureWindow: time.Hour,
		}
		putCode := func(maxFailures int) (slot string) {
			slot, code.MaxFailures = fresh(), maxFailures
			if _, err := s.Put(t.Context(), slot, code); err != nil {
				t.Fatal(err)
			}
			return slot
		}
		exhausted := recovery.TokenRef{Slot: putCode(1), Digest: "wrong", Code: true, Handle: "handle"}
		if _, err := s.Peek(t.Context(), exhausted); err != recovery.ErrTokenNotFound {
			t.Fatal(err)
		}
		for _, guess := range []struct {
			what, slot, digest, handle string
			want                       error
		}{
			{"a code", putCode(100), "wrong", "handle", recovery.ErrTokenNotFound},
			{"a code of another handle", putCode(100), "wrong", "another", recovery.ErrTokenNotFound},
			{"a code that was guessed at too often", exhausted.Slot, "wrong", "handle", recovery.ErrTokenNotFound},
			{"the code that was guessed at too often", exhausted.Slot, "code", "handle", recovery.ErrTooManyGuesses},
			{"a link", put(t, s).Slot, "wrong", "", recovery.ErrTokenNotFound},
			{"nothing", fresh(), "wrong", "handle", recovery.ErrTokenNotFound},
		} {
			refs := []recovery.TokenRef{
				{Slot: guess.slot, Digest: guess.digest, Code: true, Handle: guess.handle},
				{Slot: fresh(), Digest: guess.digest, Code: true, Handle: guess.handle},
			}
			for n := range 6 {
				before := revisions(t, db, "recovery_tokens")
				var err error
				if n%2 == 0 {
					_, err = s.Peek(t.Context(), refs...)
				} else {
					_, err = s.Claim(t.Context(), "id", refs...)
				}
				if err != guess.want {
					t.Fatalf("a guess at %s: %v, want %v", guess.what, err, guess.want)
				}
				written := 0
				for name, revision := range revisions(t, db, "recovery_tokens") {
					if before[name] != revision {
						written++
					}
				}
				if written != 2 {
					t.Errorf("a guess at a slot with %s and at one with nothing wrote %d rows, want 2", guess.what, written)
				}
			}
		}
	})
}

// What has expired is freed while the store is used, also after a flood.
func TestExpiredRowsAreFreed(t *testing.T) {
	t.Parallel()
	keys := 2_000
	if testenv.Long() {
		keys = 100_000
	}
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		s := newStore(t, db, d)
		flood := func(n int) {
			var wg sync.WaitGroup
			prefix := fresh()
			for w := range 64 {
				wg.Go(func() {
					for i := w; i < n; i += 64 {
						_, err := s.Allow(context.Background(), recovery.LimitRequest{
							Key: fmt.Sprint(prefix, i), Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Second}}},
						})
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		}
		size := func() int64 { return tableSize(t, db, d, "recovery_limits") }
		flood(keys)
		first := size()
		for range 3 {
			flood(keys)
		}
		testenv.Eventually(t, time.Minute, "the rows of a flood are freed by single calls", func() bool {
			time.Sleep(20 * time.Millisecond)
			flood(1)
			var n int
			if err := db.QueryRow("SELECT count(*) FROM recovery_limits").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n < 200
		})
		if testenv.Long() {
			t.Logf("%d keys: %d bytes after one flood, %d after four and the freeing", keys, first, size())
		}
	})
}

// A user who may not delete is told of once. Otherwise the tables would grow, and
// nobody would know why.
func TestUserWhoMayNotDelete(t *testing.T) {
	t.Parallel()
	for _, d := range databases[:2] {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			driver, source := d.create(t)
			db, user := connect(t, driver, source), fresh()
			if err := sqlstore.Migrate(t.Context(), db, d.dialect); err != nil {
				t.Fatal(err)
			}
			execute(t, db, "CREATE USER "+user)
			t.Cleanup(func() {
				execute(t, db, map[sqlstore.Dialect]string{sqlstore.PostgreSQL: "DROP OWNED BY " + user + "; "}[d.dialect]+"DROP USER "+user)
			})
			for _, table := range []string{"recovery_limits", "recovery_tokens"} {
				execute(t, db, "GRANT SELECT, INSERT, UPDATE ON "+table+" TO "+user)
			}
			source = strings.NewReplacer("recovery@", user+"@", "root@", user+"@").Replace(source)
			var log lines
			s, err := sqlstore.New(connect(t, driver, source), d.dialect, sqlstore.Options{
				Timeout: 30 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			write := func() { // enough for the store to look for expired rows
				var all sync.WaitGroup
				for range 64 {
					all.Go(func() {
						if _, err := s.Put(t.Context(), fresh(), recovery.TokenSpec{Digest: "d", TTL: time.Millisecond, MaxLive: 1}); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
			}
			testenv.Eventually(t, 20*time.Second, "a line in the log", func() bool { write(); return log.count("It needs DELETE") > 0 })
			for range 5 {
				write()
			}
			if n := log.count("It needs DELETE"); n != 1 {
				t.Errorf("%d lines, want 1", n)
			}
		})
	}
}

// lines are a log that goroutines share.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// tableSize returns the bytes of a table with its indexes, or 0 where there is
// no such number.
func tableSize(t testing.TB, db *sql.DB, d database, table string) (bytes int64) {
	t.Helper()
	query := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "SELECT pg_total_relation_size('" + table + "')",
		sqlstore.MySQL:      "SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + table + "'",
		sqlstore.SQLite:     "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
	}[d.dialect]
	if err := db.QueryRow(query).Scan(&bytes); err != nil {
		t.Fatal(err)
	}
	return bytes
}

// On PostgreSQL no statement of a store reads a whole table, while it grows from
// the first row to many, and rows are updated in place.
func TestStoreStatementsUseAnIndex(t *testing.T) {
	t.Parallel()
	rows := 5_000
	if testenv.Long() {
		rows = 100_000
	}
	on(t, databases[:1], func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		s := newStore(t, db, d)
		use := func(n int) {
			var wg sync.WaitGroup
			for w := range 64 {
				wg.Go(func() {
					for i := w; i < n; i += 64 {
						ref := recovery.TokenRef{Slot: fmt.Sprint("slot", i), Digest: "digest"}
						_, err := s.Put(context.Background(), ref.Slot, liveLink())
						if err == nil {
							_, err = s.Claim(context.Background(), "id", ref)
						}
						if err == nil {
							err = s.Release(context.Background(), fmt.Sprint("id", i), ref)
						}
						for range 3 {
							if err == nil {
								_, err = s.Allow(context.Background(), recovery.LimitRequest{Key: fmt.Sprint("key", i), Policy: policy})
							}
						}
						if err != nil && err != recovery.ErrTokenSpent {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		}
		use(rows)
		var scanned, updates, inPlace int64
		read := func() {
			t.Helper()
			err := db.QueryRow("SELECT sum(seq_tup_read), sum(n_tup_upd), sum(n_tup_hot_upd) FROM pg_stat_user_tables WHERE relname LIKE 'recovery\\_%'").Scan(&scanned, &updates, &inPlace)
			if err != nil {
				t.Fatal(err)
			}
		}
		testenv.Eventually(t, 20*time.Second, "the server counts the updates", func() bool { read(); return updates >= int64(2*rows) })
		// A table of a few pages is read as a whole, which costs nothing: about
		// 60,000 rows were seen. If that went on, this would be millions.
		if scanned > 250_000 {
			t.Errorf("statements that read a whole table read %d rows, want a few at most", scanned)
		}
		// An update that changes an index is never made in place. One that does not
		// is, unless its page is full, because transactions are slow: 74 to 90 %
		// were seen.
		if inPlace < updates/2 {
			t.Errorf("%d of %d updates were made in place, want half of them at least", inPlace, updates)
		}
		t.Logf("%d rows: %d updates, %d of them in place, %d rows read by scans", rows, updates, inPlace, scanned)
	})
}

// Goose, golang-migrate, tern and Atlas know a migration by this name.
func TestSchemaIsServedToMigrationTools(t *testing.T) {
	t.Parallel()
	for _, d := range databases {
		files, err := sqlstore.Schema(d.dialect)
		if err != nil {
			t.Fatal(err)
		}
		file, err := files.Open("001_recovery.up.sql")
		if err != nil {
			t.Errorf("%s: %v", d.name, err)
			continue
		}
		_ = file.Close()
	}
	if _, err := sqlstore.Schema("oracle"); err == nil || !strings.Contains(err.Error(), "oracle") {
		t.Errorf("the schema of a dialect that does not exist: %v, want an error", err)
	}
}
