package sqlstoretest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// takesVariable names the environment variable that says how many takes
// TestTablesComeBackToTheirSize makes.
const takesVariable = "RECOVERY_SQL_TAKES"

// Takes of new keys, with a token for every tenth, which expire together at the end
// of every minute, for three minutes or more. Afterwards the rows are gone, and their
// space is given back or used again: the tables do not grow from one minute to the
// next.
func TestTablesComeBackToTheirSize(t *testing.T) {
	if !testenv.Long() {
		t.Skip("set RECOVERY_LONG=1 to run it: it takes five minutes")
	}
	total, _ := strconv.ParseInt(os.Getenv(takesVariable), 10, 64)
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db, name := open(t), ""
		if d.dialect == sqlstore.MySQL {
			if err := db.QueryRow("SELECT database()").Scan(&name); err != nil {
				t.Fatal(err)
			}
		}
		s := newStore(t, open(t), d)
		t.Logf("empty: %s", sizes(t, db, d, name))
		var takes, most atomic.Int64
		var limit float64
		for minute := 1; minute <= 3 || takes.Load() < total; minute++ {
			fill(t, s, &takes, time.Now().Add(time.Minute))
			rows := countRows(t, db)
			most.Store(max(most.Load(), rows))
			peak := sizes(t, db, d, name)
			t.Logf("minute %d, %d takes: %s", minute, takes.Load(), peak)
			if minute == 1 {
				// PostgreSQL uses space again that autovacuum has freed, a minute
				// later, and MariaDB takes 4 MB at a time.
				limit = 3 * float64(peak.file) / float64(rows)
			}
			began := time.Now()
			testenv.Eventually(t, 5*time.Minute, "the rows are freed", func() bool {
				var none atomic.Int64
				fill(t, s, &none, time.Now().Add(time.Second))
				return countRows(t, db) < 20_000 // of those just written
			})
			freed := time.Since(began).Round(time.Second)
			after := sizes(t, db, d, name)
			t.Logf("%v later: %s", freed, after)
			if float64(after.file) > limit*float64(most.Load()) {
				t.Errorf("%d bytes for %d rows at most: the tables grow", after.file, most.Load())
			}
		}
		testenv.Eventually(t, time.Minute, "the last rows are freed", func() bool {
			for range 64 {
				if _, err := s.Put(context.Background(), "one", recovery.TokenSpec{Digest: fresh(), TTL: time.Minute, MaxLive: 1}); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Allow(context.Background(), takeOf("one", time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			return countRows(t, db) < 100
		})
		if d.dialect == sqlstore.PostgreSQL {
			testenv.Eventually(t, 5*time.Minute, "autovacuum has come by", func() bool {
				var dead int64
				if err := db.QueryRow("SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname LIKE 'recovery\\_%'").Scan(&dead); err != nil {
					t.Fatal(err)
				}
				return dead < 5_000
			})
		}
		t.Logf("at the end: %s", sizes(t, db, d, name))
	})
}

func takeOf(key string, window time.Duration) recovery.LimitRequest {
	return recovery.LimitRequest{Key: key, Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: window}}}}
}

// fill takes new keys, and for every tenth puts and claims a token, until the end,
// when all of it expires.
func fill(t *testing.T, s *sqlstore.Store, takes *atomic.Int64, end time.Time) {
	t.Helper()
	prefix := fresh()
	var wg sync.WaitGroup
	var serial atomic.Int64
	for range 64 {
		wg.Go(func() {
			for {
				left := time.Until(end)
				if left < time.Millisecond { // the shortest window
					return
				}
				n := serial.Add(1)
				takes.Add(1)
				_, err := s.Allow(context.Background(), takeOf(fmt.Sprint("client:", prefix, n), left))
				if err == nil && n%10 == 0 {
					ref := recovery.TokenRef{Slot: fmt.Sprint("link:", prefix, n), Digest: strings.Repeat("d", 43)}
					_, err = s.Put(context.Background(), ref.Slot, recovery.TokenSpec{Digest: ref.Digest, State: strings.Repeat("s", 22), TTL: left, MaxLive: 3})
					if err == nil {
						_, err = s.Claim(context.Background(), "id", ref)
					}
					if err == recovery.ErrTokenNotFound {
						err = nil // it expired
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func countRows(t *testing.T, db *sql.DB) (n int64) {
	t.Helper()
	if err := db.QueryRow("SELECT (SELECT count(*) FROM recovery_limits) + (SELECT count(*) FROM recovery_tokens)").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A size is that of both tables.
type size struct {
	rows         int64
	file, unused int64 // bytes; unused is 0 where the server does not tell
}

func (s size) String() string {
	return fmt.Sprintf("%d rows, %.1f MB, %.1f MB of it free", s.rows, float64(s.file)/1e6, float64(s.unused)/1e6)
}

func sizes(t *testing.T, db *sql.DB, d database, name string) size {
	t.Helper()
	s := size{rows: countRows(t, db)}
	scan := func(query string, dest ...any) {
		t.Helper()
		if err := db.QueryRow(query).Scan(dest...); err != nil {
			t.Fatal(err)
		}
	}
	switch d.dialect {
	case sqlstore.PostgreSQL:
		scan("SELECT pg_total_relation_size('recovery_limits') + pg_total_relation_size('recovery_tokens')", &s.file)
	case sqlstore.MySQL:
		for _, table := range []string{"recovery_limits", "recovery_tokens"} {
			info, err := os.Stat(filepath.Join(sqltest.MariaDB(t).Dir(), "data", name, table+".ibd"))
			if err != nil {
				t.Fatal(err)
			}
			s.file += info.Size()
		}
		scan("SELECT sum(data_free) FROM information_schema.tables WHERE table_schema = database() AND table_name LIKE 'recovery%'", &s.unused)
	case sqlstore.SQLite:
		scan("SELECT page_count * page_size, freelist_count * page_size FROM pragma_page_count(), pragma_page_size(), pragma_freelist_count()", &s.file, &s.unused)
	}
	return s
}
