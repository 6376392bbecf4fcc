package riverqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// rows are the rows of one queue in River's table river_job.
type rows struct {
	pool  *pgxpool.Pool
	queue string
}

// batch is how many rows one statement deletes or moves at most. So none holds
// many locks for long.
const batch = 1000

// check returns an error if PostgreSQL does not answer, or has no such table.
func (r rows) check(ctx context.Context) error {
	_, err := r.pool.Exec(ctx, `SELECT FROM river_job, river_queue LIMIT 0`)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P01" {
		return fmt.Errorf("riverqueue: the database has no tables of River, see Migrate: %w", err)
	}
	if err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	return nil
}

// now returns the time by the clock of PostgreSQL. The name is that of the system's
// own function, whatever else a search_path holds.
func (r rows) now(ctx context.Context) (t time.Time, err error) {
	err = r.pool.QueryRow(ctx, `SELECT pg_catalog.clock_timestamp()`).Scan(&t)
	return t, err
}

// count returns how many jobs wait or run.
func (r rows) count(ctx context.Context) (n int, err error) {
	err = r.pool.QueryRow(ctx, `SELECT count(*) FROM river_job
		WHERE queue = $1 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`, r.queue).Scan(&n)
	return n, err
}

func (r rows) stats(ctx context.Context) (s Stats, err error) {
	var waited float64
	err = r.pool.QueryRow(ctx, `SELECT
			count(*) FILTER (WHERE due),
			count(*) FILTER (WHERE NOT due AND state <> 'running' AND attempt = 0),
			count(*) FILTER (WHERE NOT due AND state <> 'running' AND attempt > 0),
			count(*) FILTER (WHERE state = 'running'),
			coalesce(extract(epoch FROM now() - min(scheduled_at) FILTER (WHERE due)), 0)::float8,
			coalesce((SELECT paused_at IS NOT NULL FROM river_queue WHERE name = $1), false)
		FROM (SELECT state, attempt, scheduled_at, state = 'available' AND scheduled_at <= now() AS due FROM river_job
			WHERE queue = $1 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')) AS jobs`,
		r.queue).Scan(&s.Pending, &s.Scheduled, &s.Retrying, &s.Active, &waited, &s.Paused)
	s.OldestPending = time.Duration(waited * float64(time.Second))
	return s, err
}

// renew says of rows that a worker still performs their jobs. It returns those
// of which that is so.
func (r rows) renew(ctx context.Context, ids []int64) ([]int64, error) {
	found, err := r.pool.Query(ctx, `UPDATE river_job SET attempted_at = now()
		WHERE id = ANY($1) AND state = 'running' RETURNING id`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowTo[int64])
}

// moved gives rows that "found" names another ID, and makes their jobs
// available. River's client that had a job may tell of its end later, by the
// old ID and without looking who has the job. That then has no effect. The
// number of attempts stays under the highest, which River would increase.
const moved = `, gone AS (DELETE FROM river_job AS job USING found WHERE job.id = found.id RETURNING job.*)
	INSERT INTO river_job (args, attempt, attempted_at, attempted_by, created_at, errors, kind, max_attempts,
		metadata, priority, queue, scheduled_at, state, tags, unique_key, unique_states)
	SELECT args, least(attempt, max_attempts - 1), attempted_at, attempted_by, created_at, errors, kind, max_attempts,
		metadata, priority, queue, now() + $3 * interval '1 microsecond', 'available', tags, unique_key, unique_states
	FROM gone ON CONFLICT DO NOTHING`

// rescue makes the jobs available whose workers died, and returns how many it
// were. The leader of a host's own River discards such jobs after an hour,
// because it does not know their kind. They are not lost either.
func (r rows) rescue(ctx context.Context) (int64, error) {
	tag, err := r.pool.Exec(ctx, `WITH found AS (SELECT id FROM river_job
		WHERE queue = $1 AND kind = $2 AND state IN ('running', 'discarded')
			AND (state = 'discarded' OR attempted_at < now() - $4 * interval '1 microsecond')
		LIMIT $5 FOR UPDATE SKIP LOCKED)`+moved,
		r.queue, kind, int64(0), leaseTime.Microseconds(), batch)
	return tag.RowsAffected(), err
}

// move makes a job that runs here available after a pause.
func (r rows) move(ctx context.Context, id int64, pause time.Duration) error {
	_, err := r.pool.Exec(ctx, `WITH found AS (SELECT id FROM river_job
		WHERE queue = $1 AND id = $2 AND state = 'running' FOR UPDATE)`+moved,
		r.queue, id, pause.Microseconds())
	return err
}

// delete deletes a job that runs here.
func (r rows) delete(ctx context.Context, id int64) error {
	_, err := r.pool.Exec(ctx, `DELETE FROM river_job WHERE queue = $1 AND id = $2 AND state = 'running'`, r.queue, id)
	return err
}

// schedule makes the jobs available that are due soon.
func (r rows) schedule(ctx context.Context) error {
	_, err := r.pool.Exec(ctx, `UPDATE river_job SET state = 'available'
		WHERE queue = $1 AND kind = $2 AND state IN ('scheduled', 'retryable')
			AND scheduled_at < now() + $3 * interval '1 microsecond'`,
		r.queue, kind, scheduleAhead.Microseconds())
	return err
}

// remove deletes the jobs that are done or were given up.
func (r rows) remove(ctx context.Context) error {
	for {
		tag, err := r.pool.Exec(ctx, `DELETE FROM river_job WHERE id IN (SELECT id FROM river_job
			WHERE queue = $1 AND kind = $2 AND state IN ('completed', 'cancelled')
			LIMIT $3 FOR UPDATE SKIP LOCKED)`, r.queue, kind, batch)
		if err != nil || tag.RowsAffected() < batch {
			return err
		}
	}
}
