package riverqueue_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/sqltest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/riverqueue"
)

func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		os.Exit(workerMain())
	}
	flag.Parse()
	// These tests mostly wait. By default only as many run at once as there are
	// cores.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("16")
	}
	os.Exit(sqltest.Main(m))
}

// patience is how long a test on a quiet machine waits for what has to happen.
const patience = 20 * time.Second

// database returns a pool on a new database with River's tables.
func database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool := connect(t, newDatabase(t, sqltest.PostgreSQL(t)))
	must(t, riverqueue.Migrate(t.Context(), pool))
	return pool
}

// newDatabase returns the URL of a new empty database.
func newDatabase(t testing.TB, server *sqltest.Server) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	name := "d" + strings.ToLower(rand.Text())
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name)
	must(t, err)
	return server.URL(name)
}

func connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	must(t, err)
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// newQueue returns a queue that is not started. It has short pauses, a budget
// that a busy machine does not exceed, and a name of its own. If the test
// fails, it shows what the queue logged.
func newQueue(t testing.TB, pool *pgxpool.Pool, edit func(*riverqueue.Options)) *riverqueue.Queue {
	t.Helper()
	var log safeBuffer
	opts := riverqueue.Options{
		Name: "q" + strings.ToLower(rand.Text()), Workers: 4, Timeout: 10 * time.Second, PollInterval: 50 * time.Millisecond,
		Backoff: atOnce, Logger: debugLogger(&log),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the queue %s:\n%s", opts.Name, log.String())
		}
	})
	if edit != nil {
		edit(&opts)
	}
	q, err := riverqueue.New(pool, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = q.Shutdown(ctx)
	})
	return q
}

func atOnce(int) time.Duration { return 0 }

func start(t testing.TB, q *riverqueue.Queue, h recovery.JobHandler) *riverqueue.Queue {
	t.Helper()
	must(t, q.Start(h))
	return q
}

// newJob returns a job that is due and does not expire soon.
func newJob() recovery.Job {
	now := time.Now()
	return recovery.Job{ID: rand.Text(), NotBefore: now, NotAfter: now.Add(time.Hour), Payload: []byte("sealed-" + rand.Text())}
}

func enqueue(t testing.TB, q *riverqueue.Queue, jobs ...recovery.Job) {
	t.Helper()
	for _, job := range jobs {
		if err := q.Enqueue(t.Context(), job); err != nil {
			t.Fatalf("Enqueue: %v", err)
		}
	}
}

func shutdown(t testing.TB, q *riverqueue.Queue, d time.Duration) error {
	t.Helper()
	if d == patience {
		d = testenv.Patience(d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return q.Shutdown(ctx)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until so returns true.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := testenv.Within(patience); !so(); time.Sleep(2 * time.Millisecond) {
		if deadline.Over() {
			t.Fatalf("%s: not within %v, nor within what a slow machine needs", what, patience)
		}
	}
}

// tooLong reports whether something took longer than a bound. The bound is
// longer on a slow machine.
func tooLong(took, bound time.Duration) bool {
	return took > bound && took > testenv.Patience(bound)
}

// A diary is a handler that records all attempts and dead letters.
type diary struct {
	// perform is what an attempt does. The attempts of a job count from 1.
	perform func(ctx context.Context, job recovery.Job, attempt int) error
	bury    func(ctx context.Context, job recovery.Job, cause error)

	mu          sync.Mutex
	attempts    map[string]int
	done        []string
	dead        map[string][]error
	running     int
	mostRunning int
}

func (d *diary) Perform(ctx context.Context, job recovery.Job) error {
	d.mu.Lock()
	if d.attempts == nil {
		d.attempts = make(map[string]int)
	}
	d.attempts[job.ID]++
	n := d.attempts[job.ID]
	d.running++
	d.mostRunning = max(d.mostRunning, d.running)
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.running--
	}()
	if d.perform != nil {
		if err := d.perform(ctx, job, n); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, job.ID)
	return nil
}

func (d *diary) DeadLetter(ctx context.Context, job recovery.Job, cause error) {
	if d.bury != nil {
		d.bury(ctx, job, cause)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead == nil {
		d.dead = make(map[string][]error)
	}
	d.dead[job.ID] = append(d.dead[job.ID], cause)
}

func (d *diary) tried(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.attempts[id]
}

func (d *diary) performed(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.done, id)
}

func (d *diary) deaths(id string) []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.dead[id])
}

func (d *diary) busy() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}

func waitDone(t testing.TB, d *diary, jobs ...recovery.Job) {
	t.Helper()
	for _, job := range jobs {
		eventually(t, "job "+job.ID+" is done", func() bool { return d.performed(job.ID) })
	}
}

func waitDead(t testing.TB, d *diary, job recovery.Job) error {
	t.Helper()
	eventually(t, "a dead letter", func() bool { return len(d.deaths(job.ID)) > 0 })
	return d.deaths(job.ID)[0]
}

// empty waits until no job is left in the queue.
func empty(t testing.TB, q *riverqueue.Queue) {
	t.Helper()
	eventually(t, "an empty queue", func() bool {
		stats, err := q.Stats(t.Context())
		return err == nil && stats.Depth() == 0
	})
}

var errSome = errors.New("some failure")

// run runs a statement.
func run(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql, args...)
	must(t, err)
}

// number runs a statement that returns one number.
func number(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) (n int) {
	t.Helper()
	must(t, pool.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

// dump returns every row of every table of River as text.
func dump(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []string{"river_job", "river_queue", "river_leader", "river_notification", "river_migration"} {
		rows, err := pool.Query(context.Background(), "SELECT r::text FROM "+table+" AS r")
		must(t, err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		for _, text := range texts {
			fmt.Fprintf(&b, "%s %s\n", table, text)
		}
	}
	return b.String()
}

// A log that goroutines share.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func debugLogger(w *safeBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
