package riverqueue_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/riverqueue"
)

func suite(t *testing.T, pool *pgxpool.Pool, edit func(*riverqueue.Options)) {
	var names sync.Map // by queue
	open := func(t *testing.T, name string) recovery.WorkerQueue {
		q := newQueue(t, pool, func(o *riverqueue.Options) {
			if name == "" {
				name = o.Name
			}
			o.Name, o.MaxDepth, o.Grace = name, 64, time.Second
			// The pauses grow and are short.
			o.Backoff = func(n int) time.Duration { return time.Duration(min(n/4, 1)) * 1500 * time.Millisecond }
			edit(o)
		})
		names.Store(q, name)
		return q
	}
	attempts := 0
	if testenv.Long() {
		attempts = 26 // which take as long as all other clauses together
	}
	recoverytest.TestQueue(t, recoverytest.QueueHarness{
		New: func(t *testing.T) recovery.WorkerQueue { return open(t, "") },
		Another: func(t *testing.T, q recovery.WorkerQueue) recovery.WorkerQueue {
			name, _ := names.Load(q)
			return open(t, name.(string))
		},
		Workers:  4,
		Capacity: 64,
		Attempts: attempts,
		Parallel: true,
		// In some clauses a job lives this long, so a longer time would make a
		// long test.
		Patience: min(testenv.Patience(12*time.Second), 30*time.Second),
		Quiet:    300 * time.Millisecond,
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	suite(t, wide(t, database(t).Config().ConnString()), func(*riverqueue.Options) {})
}

// A queue that is 20 ms away from its database.
func TestFarPostgreSQL(t *testing.T) {
	if !testenv.Long() {
		t.Skip("set RECOVERY_LONG=1 to run it: it takes a minute")
	}
	t.Parallel()
	server := sqltest.PostgreSQL(t)
	url := newDatabase(t, server)
	must(t, riverqueue.Migrate(t.Context(), connect(t, url)))
	link := sqltest.NewLink(t, server.Addr)
	link.Latency(20 * time.Millisecond)
	suite(t, wide(t, strings.Replace(url, server.Addr, link.Addr, 1)), func(*riverqueue.Options) {})
}

// wide returns a pool for the queues of all clauses that run at once. Each of
// them listens on a connection of its own.
func wide(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	must(t, err)
	config.MaxConns = 64
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// PgBouncer gives each transaction another connection, so nothing can listen.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	suite(t, behindPgBouncer(t), func(o *riverqueue.Options) { o.PollOnly = true })
}

// behindPgBouncer returns a pool on a new database, behind a PgBouncer that
// knows no prepared statements.
func behindPgBouncer(t *testing.T) *pgxpool.Pool {
	t.Helper()
	direct := database(t)
	config, err := pgxpool.ParseConfig(sqltest.PgBouncer(t).URL(direct.Config().ConnConfig.Database))
	must(t, err)
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}
