package sqlstore_test

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// The rules, on tables in memory and an exact clock. The same suites run on real
// databases in package sqlstoretest.
func TestRulesKeepTheContracts(t *testing.T) {
	t.Parallel()
	t.Run("Limiter", func(t *testing.T) {
		recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
			New:    func(*testing.T) recovery.Limiter { return sqlstore.NewMemory() },
			Bubble: synctest.Test,
		})
	})
	t.Run("TokenStore", func(t *testing.T) {
		recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
			New:    func(*testing.T) recovery.TokenStore { return sqlstore.NewMemory() },
			Bubble: synctest.Test,
			Dump: func(_ *testing.T, s recovery.TokenStore) []byte {
				return []byte(sqlstore.DumpTokens(s.(*sqlstore.Store)))
			},
			Purge: func(t *testing.T, s recovery.TokenStore) {
				// Bites follow one another by a second, while it is used.
				for range 3 {
					time.Sleep(2 * time.Second)
					spec := recovery.TokenSpec{Digest: "d", TTL: time.Minute, MaxLive: 1}
					if _, err := s.Put(t.Context(), "slot", spec); err != nil && err != recovery.ErrTokenSpent {
						t.Fatal(err)
					}
					synctest.Wait()
				}
			},
		})
	})
}

// A row is freed between its reading and its writing. What the write inserts
// instead of it counts for nothing, so the call is decided again, on an empty
// row.
func TestRowFreedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sqlstore.NewMemory()
		request := recovery.LimitRequest{Key: "key", Policy: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: time.Hour}}}}
		remaining := func(want int) {
			t.Helper()
			decisions, err := s.Allow(t.Context(), request)
			if err != nil || !decisions[0].Allowed || decisions[0].Remaining != want {
				t.Fatalf("Allow: %+v, %v, want it allowed with %d left", decisions, err, want)
			}
		}
		remaining(2)
		sqlstore.FreeBeforeWrites(s, 1)
		remaining(2)
		remaining(1)
		remaining(0)
	})
}

// unreachable is a driver whose database does not answer.
type unreachable struct{}

func (unreachable) Open(string) (driver.Conn, error) {
	return nil, errors.New("dial tcp 192.0.2.1:5432: connect: connection refused")
}

// A database that does not answer is told at the start, with what the driver
// says, and when a readiness probe asks.
func TestSilenceAtTheStart(t *testing.T) {
	t.Parallel()
	sql.Register("unreachable", unreachable{})
	db, err := sql.Open("unreachable", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var log bytes.Buffer
	if _, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=WARN") || !strings.Contains(got, "192.0.2.1:5432: connect: connection refused") {
		t.Errorf("logged %q", got)
	}
	leads, err := sqlstore.NewLeads(db, sqlstore.PostgreSQL, nil, sqlstore.LeadStatements{
		Find:            map[string]string{recovery.LeadIDField: "SELECT * FROM users WHERE id = :value"},
		SetPasswordHash: "UPDATE users SET hash = :hash WHERE id = :id",
	})
	if err != nil {
		t.Fatal(err)
	}
	var checker recovery.Checker = leads
	if err := checker.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Check: %v", err)
	}
}

// All mistakes are reported at once. A Queue is in SQLite, and its options cannot
// be compared, so that a field of any type can be added to them.
func TestQueueOptions(t *testing.T) {
	t.Parallel()
	_, err := sqlstore.NewQueue(nil, sqlstore.PostgreSQL, sqlstore.QueueOptions{
		Name: "A queue", Workers: -1, MaxDepth: -1, Timeout: time.Hour, AttemptTimeout: -1, FirstRetry: time.Hour, MaxRetry: time.Minute,
	})
	if err == nil {
		t.Fatal("all was accepted")
	}
	for _, option := range []string{"db", "dialect", "Name", "Workers", "MaxDepth", "Timeout", "AttemptTimeout", "MaxRetry"} {
		if !strings.Contains(err.Error(), "option "+option+":") {
			t.Errorf("no word of %s: %v", option, err)
		}
	}
	if typ := reflect.TypeFor[sqlstore.QueueOptions](); typ.Comparable() || typ.Field(0).Type != reflect.TypeFor[[0]func()]() {
		t.Errorf("%v can be compared, or does not begin with a field that prevents it", typ)
	}
}
