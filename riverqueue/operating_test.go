package riverqueue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// The package comment names the rights that the pool's user needs.
func TestPermissions(t *testing.T) {
	t.Parallel()
	owner := database(t)
	user := "u" + owner.Config().ConnConfig.Database
	for _, sql := range []string{
		"CREATE USER " + user,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON river_job, river_queue TO " + user,
		"GRANT USAGE ON SEQUENCE river_job_id_seq TO " + user,
	} {
		run(t, owner, sql)
	}
	config, err := pgxpool.ParseConfig(strings.Replace(owner.Config().ConnString(), "recovery@", user+"@", 1))
	must(t, err)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	var log safeBuffer
	d := &diary{perform: attemptsByPayload}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Logger = debugLogger(&log) }), d)
	twice, bad, later := newJob(), newJob(), newJob()
	twice.Payload, bad.Payload = []byte("twice"), []byte("bad")
	later.NotBefore = time.Now().Add(12 * time.Second)
	enqueue(t, q, twice, bad, later)
	waitDone(t, d, twice)
	waitDead(t, d, bad)
	run(t, owner, `UPDATE river_job SET state = 'running', attempted_at = now() - interval '1 minute', scheduled_at = now()`)
	q.Keep()
	waitDone(t, d, later)
	empty(t, q)
	must(t, shutdown(t, q, patience))
	if strings.Contains(log.String(), "permission denied") {
		t.Errorf("the log:\n%s", log.String())
	}
}

// Somebody pauses the queue with River's tools. Jobs are then accepted and not
// performed.
func TestPause(t *testing.T) {
	t.Parallel()
	pool := database(t)
	d := &diary{}
	q := start(t, newQueue(t, pool, nil), d)
	first := newJob()
	enqueue(t, q, first)
	waitDone(t, d, first)
	tool, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	must(t, err)
	must(t, tool.QueuePause(t.Context(), q.Name(), nil))
	eventually(t, "the pause shows", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Paused
	})
	// The worker learns of it by a notification.
	var waiting recovery.Job
	eventually(t, "a job that waits", func() bool {
		waiting = newJob()
		enqueue(t, q, waiting)
		time.Sleep(300 * time.Millisecond)
		s, err := q.Stats(t.Context())
		return err == nil && s.Pending > 0 && s.OldestPending > 100*time.Millisecond
	})
	must(t, tool.QueueResume(t.Context(), q.Name(), nil))
	waitDone(t, d, waiting)
	if s, err := q.Stats(t.Context()); err != nil || s.Paused {
		t.Errorf("%+v, %v", s, err)
	}
}

// The numbers are in the shape of all queues.
func TestQueueStats(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold := make(chan struct{})
	d := &diary{perform: func(_ context.Context, job recovery.Job, n int) error {
		switch job.Payload[0] {
		case 'f': // fails
			return errSome
		case 'g': // is given up
			return recovery.ErrPermanent
		}
		<-hold
		return nil
	}}
	q := start(t, newQueue(t, pool, func(o *riverqueue.Options) {
		o.Workers, o.Backoff = 1, func(int) time.Duration { return time.Hour / 2 }
	}), d)
	var reporter recovery.QueueStatsReporter = q
	for _, kind := range "fgww" {
		job := newJob()
		job.Payload = []byte(string(kind))
		enqueue(t, q, job)
	}
	eventually(t, "one failed, one was given up, one runs and one waits", func() bool {
		s, err := reporter.QueueStats(t.Context())
		return err == nil && s.Waiting == 2 && s.Retrying == 1 && s.Running == 1 && s.GivenUp == 1 && s.Abandoned == 0
	})
	close(hold)
	eventually(t, "the others are done", func() bool {
		s, err := reporter.QueueStats(t.Context())
		return err == nil && s == recovery.QueueStats{Waiting: 1, Retrying: 1, GivenUp: 1}
	})
}

// Beside many jobs of the host, every statement finds its rows by an index.
func TestStatementsUseIndexes(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for _, sql := range []string{
		`INSERT INTO river_job (queue, kind, args, max_attempts, state, finalized_at)
			SELECT 'elsewhere', 'host_job', '{}', 5, 'completed', now() FROM generate_series(1, 30000)`,
		`INSERT INTO river_job (queue, kind, args, max_attempts, state, scheduled_at)
			SELECT 'elsewhere', 'host_job', '{}', 5, 'scheduled', now() + interval '1 day' FROM generate_series(1, 10000)`,
		`ANALYZE river_job`,
	} {
		run(t, pool, sql)
	}
	pool, before, began := scans(t, pool)
	d := &diary{perform: attemptsByPayload}
	q := start(t, newQueue(t, pool, nil), d)
	for range 10 {
		bad, twice, later := newJob(), newJob(), newJob()
		bad.Payload, twice.Payload = []byte("bad"), []byte("twice")
		later.NotBefore = time.Now().Add(1500 * time.Millisecond)
		enqueue(t, q, bad, twice, later)
		q.Keep()
		waitDone(t, d, twice)
		waitDead(t, d, bad)
	}
	empty(t, q)
	must(t, shutdown(t, q, patience))
	if _, after, byIndex := scans(t, pool); after > before || byIndex < began+100 {
		t.Errorf("%d times the whole table was read, and %d times an index", after-before, byIndex-began)
	}
}

// scans returns how often the whole table was read, and how often an index. It
// replaces the pool, because a connection counts the last of its scans when it
// ends.
func scans(t *testing.T, old *pgxpool.Pool) (pool *pgxpool.Pool, whole, byIndex int) {
	t.Helper()
	old.Close()
	pool = connect(t, old.Config().ConnString())
	eventually(t, "the old connections have ended", func() bool {
		return number(t, pool, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND backend_type = 'client backend' AND pid <> pg_backend_pid()`) == 0
	})
	must(t, pool.QueryRow(t.Context(), `SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'river_job'`).Scan(&whole, &byIndex))
	return pool, whole, byIndex
}
