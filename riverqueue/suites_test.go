package riverqueue_test

import (
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
	names := map[recovery.WorkerQueue]string{}
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
		names[q] = name
		return q
	}
	attempts := 0
	if testenv.Long() {
		attempts = 26 // which take as long as all other clauses together
	}
	recoverytest.TestQueue(t, recoverytest.QueueHarness{
		New: func(t *testing.T) recovery.WorkerQueue { return open(t, "") },
		Another: func(t *testing.T, q recovery.WorkerQueue) recovery.WorkerQueue {
			return open(t, names[q])
		},
		Workers:  4,
		Capacity: 64,
		Attempts: attempts,
		// In some clauses a job lives this long, so a longer time would make a
		// long test.
		Patience: min(testenv.Patience(12*time.Second), 30*time.Second),
		Quiet:    300 * time.Millisecond,
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	suite(t, database(t), func(*riverqueue.Options) {})
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
