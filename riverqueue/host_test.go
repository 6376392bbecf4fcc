package riverqueue_test

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A hostJob is a job of the host's own.
type hostJob struct {
	N int `json:"n"`
}

func (hostJob) Kind() string { return "host_job" }

type hostWorker struct {
	river.WorkerDefaults[hostJob]
	mu   sync.Mutex
	done map[int]bool
}

func (w *hostWorker) Work(_ context.Context, job *river.Job[hostJob]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[job.Args.N] = true
	return nil
}

// A host that runs River itself in the same tables keeps all its jobs as they
// are, and its leader loses none of ours.
func TestHostsOwnRiver(t *testing.T) {
	t.Parallel()
	pool := database(t)
	d := &diary{perform: attemptsByPayload}
	q := start(t, newQueue(t, pool, nil), d)
	// These are of no concern to us: one that runs elsewhere, one in a queue of
	// ours that is of another kind, one for later, one that was given up, and
	// one of our kind in another queue.
	for _, sql := range []string{
		`INSERT INTO river_job (queue, kind, args, max_attempts, state, attempt, attempted_at) VALUES ('elsewhere', 'host_job', '{"n": 2}', 5, 'running', 1, now() - interval '25 seconds')`,
		`INSERT INTO river_job (queue, kind, args, max_attempts) VALUES ('` + q.Name() + `', 'host_job', '{"n": 3}', 5)`,
		`INSERT INTO river_job (queue, kind, args, max_attempts, state, scheduled_at) VALUES ('elsewhere', 'host_job', '{"n": 4}', 5, 'scheduled', now() + interval '5 seconds')`,
		`INSERT INTO river_job (queue, kind, args, max_attempts, state, finalized_at) VALUES ('elsewhere', 'host_job', '{"n": 5}', 5, 'discarded', now())`,
		`INSERT INTO river_job (queue, kind, args, max_attempts, state, finalized_at) VALUES ('elsewhere', 'recovery:job', '{"n": 6}', 5, 'completed', now())`,
	} {
		run(t, pool, sql)
	}
	const foreign = `SELECT string_agg(args::text || ' ' || state || ' ' || attempt, ', ' ORDER BY id) FROM river_job WHERE args->>'n' IN ('2', '3', '4', '5', '6')`
	var before, after string
	must(t, pool.QueryRow(t.Context(), foreign).Scan(&before))
	works := func() {
		good, bad := newJob(), newJob()
		good.Payload, bad.Payload = []byte("twice"), []byte("bad")
		enqueue(t, q, good, bad)
		waitDone(t, d, good)
		waitDead(t, d, bad)
	}
	works()
	for range 3 {
		q.Keep()
	}
	must(t, pool.QueryRow(t.Context(), foreign).Scan(&after))
	if before != after || strings.Count(after, ",") != 4 {
		t.Errorf("the host's jobs were %s, and are %s", before, after)
	}

	worker := &hostWorker{done: map[int]bool{}}
	workers := river.NewWorkers()
	river.AddWorker(workers, worker)
	host, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues: map[string]river.QueueConfig{"default": {MaxWorkers: 2}}, Workers: workers, TestOnly: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	must(t, host.Start(context.Background()))
	t.Cleanup(func() { _ = host.Stop(context.Background()) })
	_, err = host.Insert(t.Context(), hostJob{1}, nil)
	must(t, err)
	eventually(t, "the host leads", func() bool {
		return number(t, pool, `SELECT count(*) FROM river_leader WHERE leader_id = $1`, host.ID()) == 1
	})
	works()
	q.Keep()
	eventually(t, "the host's job is done, and kept as the host wants it", func() bool {
		return number(t, pool, `SELECT count(*) FROM river_job WHERE kind = 'host_job' AND queue = 'default' AND state = 'completed'`) == 1
	})
}

// The leader of a host's own River discards the jobs of our dead workers after
// an hour. They come back all the same, and end as dead letters.
func TestDiscardedJobsComeBack(t *testing.T) {
	t.Parallel()
	pool := database(t)
	// Nothing ends before the discarded rows are moved. A twin that was done and
	// forgotten by then would rightly be performed again.
	d := &diary{perform: func(ctx context.Context, _ recovery.Job, _ int) error {
		for n := 1; n > 0; time.Sleep(10 * time.Millisecond) {
			if err := pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE state = 'discarded'`).Scan(&n); err != nil {
				return err
			}
		}
		return nil
	}}
	web := newQueue(t, pool, func(o *riverqueue.Options) { o.EnqueueOnly, o.Workers = true, 0 })
	job, twin := newJob(), newJob()
	enqueue(t, web, job, twin)
	run(t, pool, `UPDATE river_job SET state = 'discarded', finalized_at = now(), attempt = max_attempts`)
	enqueue(t, web, twin) // which is in the queue once more
	start(t, newQueue(t, pool, func(o *riverqueue.Options) { o.Name = web.Name() }), d)
	waitDone(t, d, job, twin)
	empty(t, web)
	if n := d.tried(twin.ID); n != 1 {
		t.Errorf("a job that was enqueued again was performed %d times", n)
	}
}

// River counts attempts up to 32,767. A job is tried until NotAfter all the
// same.
func TestManyAttempts(t *testing.T) {
	t.Parallel()
	pool := database(t)
	d := &diary{perform: func(_ context.Context, _ recovery.Job, n int) error {
		if n < 4 {
			return errSome
		}
		return nil
	}}
	q := newQueue(t, pool, nil)
	job := newJob()
	enqueue(t, q, job)
	run(t, pool, `UPDATE river_job SET attempt = 32766`)
	start(t, q, d)
	waitDone(t, d, job)
	empty(t, q)
}

// A row that another program wrote is dropped once, with a line in the log, and
// does not delay other jobs.
func TestForeignRows(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var log safeBuffer
	d := &diary{}
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Logger = debugLogger(&log) })
	const secret = "foreign-secret"
	for _, args := range []string{
		`{}`, `{"id": "one"}`, `{"id": "two", "job": "` + secret + `"}`, `{"id": "has spaces in it", "job": "AQAAAAAAAAAAGAAAAAAAAAAAeA=="}`,
		`{"id": "three", "job": "AQAAAAAAAAAAGAAAAAAAAAA="}`,
	} {
		run(t, pool, `INSERT INTO river_job (queue, kind, args, max_attempts) VALUES ($1, $2, $3::text::jsonb, 1)`, q.Name(), riverqueue.Kind, args)
	}
	job := newJob()
	enqueue(t, q, job)
	start(t, q, d)
	waitDone(t, d, job)
	empty(t, q)
	if n := strings.Count(log.String(), "dropping a row"); n != 5 {
		t.Errorf("%d lines tell of dropped rows, want 5:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log quotes them:\n%s", log.String())
	}
	if len(d.done) != 1 || len(d.dead) != 0 {
		t.Errorf("they were taken for jobs: %v, %v", d.done, d.dead)
	}
	q.Keep()
	if text := dump(t, pool); strings.Contains(text, secret) {
		t.Errorf("they are left:\n%s", text)
	}
}

// A job that a newer version enqueued waits for an instance that can read it.
// An instance that cannot read it logs that once, and gives the job up when it
// is too old.
func TestJobsOfANewerVersion(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var log safeBuffer
	newer := func(q *riverqueue.Queue, jobs ...recovery.Job) {
		t.Helper()
		for _, j := range jobs {
			encoded, err := durablequeue.Encode(j)
			must(t, err)
			encoded[0]++
			// A newer version may allow more than this one.
			encoded = append(encoded, make([]byte, 20<<10)...)
			run(t, pool, `INSERT INTO river_job (queue, kind, args, max_attempts)
				VALUES ($1, $2, jsonb_build_object('id', $3::text, 'job', translate(encode($4, 'base64'), E'\n', '')), $5)`,
				q.Name(), riverqueue.Kind, j.ID, encoded, math.MaxInt16)
		}
	}
	waiting := &diary{}
	q := newQueue(t, pool, func(o *riverqueue.Options) { o.Logger, o.Backoff = debugLogger(&log), nil })
	job, tooOld := newJob(), newJob()
	tooOld.NotAfter = time.Now().Add(time.Second)
	newer(q, job, tooOld)
	start(t, q, waiting)
	waitDead(t, waiting, tooOld)
	eventually(t, "the job waits for its next attempt", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Retrying == 1 && s.Depth() == 1
	})
	if n := strings.Count(log.String(), "a newer version of this library enqueued"); n != 1 {
		t.Errorf("%d lines tell of newer jobs, want 1:\n%s", n, log.String())
	}
	if len(waiting.done) != 0 || waiting.tried(job.ID) != 0 {
		t.Errorf("an older version performed %v", waiting.done)
	}
}

// A job that is done or given up leaves nothing behind, neither its payload nor
// its ID.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	pool := database(t)
	d := &diary{perform: attemptsByPayload}
	q := start(t, newQueue(t, pool, nil), d)
	good, bad, late := newJob(), newJob(), newJob()
	good.Payload, bad.Payload = []byte("twice"), []byte("bad")
	late.NotAfter = time.Now()
	enqueue(t, q, good, bad, late)
	waitDone(t, d, good)
	waitDead(t, d, bad)
	if waitDead(t, d, late); d.tried(late.ID) != 0 {
		t.Errorf("a job that is too old was tried %d times", d.tried(late.ID))
	}
	empty(t, q)
	text := dump(t, pool)
	for _, id := range []string{good.ID, bad.ID, late.ID} {
		if strings.Contains(text, id) {
			t.Errorf("job %s is left:\n%s", id, text)
		}
	}
	// What was cancelled with River's tools goes too.
	gone := newJob()
	gone.NotBefore = time.Now().Add(time.Hour)
	gone.NotAfter = gone.NotBefore.Add(time.Hour)
	enqueue(t, q, gone)
	insertOnly, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	must(t, err)
	var id int64
	must(t, pool.QueryRow(t.Context(), `SELECT id FROM river_job`).Scan(&id))
	_, err = insertOnly.JobCancel(t.Context(), id)
	must(t, err)
	eventually(t, "it is gone", func() bool { return number(t, pool, `SELECT count(*) FROM river_job`) == 0 })
}

// Any number of instances may migrate at once, and again.
func TestMigrate(t *testing.T) {
	t.Parallel()
	pool := database(t)
	_, err := pool.Exec(t.Context(), "DROP SCHEMA public CASCADE")
	must(t, err)
	_, err = pool.Exec(t.Context(), "CREATE SCHEMA public")
	must(t, err)
	q := newQueue(t, pool, nil)
	if err := q.Start(&diary{}); err == nil || !strings.Contains(err.Error(), "Migrate") {
		t.Errorf("Start without tables = %v", err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			pool := connect(t, pool.Config().ConnString())
			if err := riverqueue.Migrate(context.Background(), pool); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	start(t, newQueue(t, pool, nil), &diary{})
	if err := riverqueue.Migrate(t.Context(), pool); err != nil {
		t.Error(err)
	}
}
