package sqlstoretest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// sqliteFile returns how drivers open a new file that has the tables.
func sqliteFile(t testing.TB, pragmas string) (source string) {
	t.Helper()
	source = "file:" + filepath.Join(t.TempDir(), "app.db") + "?" + pragmas
	if err := sqlstore.Migrate(t.Context(), connect(t, "sqlite", source), sqlstore.SQLite); err != nil {
		t.Fatal(err)
	}
	return source
}

// usual is how doc.go says to open a file, but for the syncing.
const usual = "_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)"

func newQueue(t testing.TB, db *sql.DB, edit func(*sqlstore.QueueOptions)) *sqlstore.Queue {
	t.Helper()
	opts := sqlstore.QueueOptions{
		Name: fresh(), Workers: 4, Timeout: 10 * time.Second, FirstRetry: 100 * time.Millisecond, MaxRetry: 1500 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&opts)
	}
	q, err := sqlstore.NewQueue(db, sqlstore.SQLite, opts)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Each clause has a file of its own, on which every queue has connections of its
// own, as another process has. SQLite is as doc.go says, and as it is by default.
func TestQueueKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, pragmas := range map[string]string{"usual": usual, "plain": "_pragma=synchronous(OFF)"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type place struct {
				source, name string
				longPauses   bool
			}
			var mu sync.Mutex
			sources, places := map[string]string{}, map[recovery.WorkerQueue]place{}
			open := func(at place) recovery.WorkerQueue {
				q := newQueue(t, connect(t, "sqlite", at.source), func(o *sqlstore.QueueOptions) {
					o.Name, o.MaxDepth = at.name, 64
					if at.longPauses {
						o.FirstRetry, o.MaxRetry = 300*time.Millisecond, 8*time.Second
					}
				})
				places[q] = at
				return q
			}
			attempts := 0
			if testenv.Long() {
				attempts = 30
			}
			recoverytest.TestQueue(t, recoverytest.QueueHarness{
				New: func(clause *testing.T) recovery.WorkerQueue {
					mu.Lock()
					defer mu.Unlock()
					if sources[clause.Name()] == "" {
						sources[clause.Name()] = sqliteFile(t, pragmas)
					}
					// On a busy machine a job that is due waits for a second or more. The
					// pauses of the clause that compares them are longer than that.
					return open(place{sources[clause.Name()], fresh(), strings.HasSuffix(clause.Name(), "/pauses-grow")})
				},
				Another: func(_ *testing.T, q recovery.WorkerQueue) recovery.WorkerQueue {
					mu.Lock()
					defer mu.Unlock()
					return open(places[q])
				},
				Workers: 4, Capacity: 64, Attempts: attempts,
				// In some clauses a job lives this long, so a longer time would
				// make a long test.
				Patience: min(testenv.Patience(12*time.Second), 30*time.Second),
				Quiet:    300 * time.Millisecond,
			})
		})
	}
}

// This measures the cost of a request, alone and with 32 at a time.
func BenchmarkEnqueue(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			db := connect(b, "sqlite", sqliteFile(b, "_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"))
			q := newQueue(b, db, func(o *sqlstore.QueueOptions) { o.MaxDepth = 1_000_000 })
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := q.Enqueue(b.Context(), newJob()); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// newJob returns a job that is due, as large as that of a Service.
func newJob() recovery.Job {
	now := time.Now()
	return recovery.Job{ID: fresh(), NotBefore: now, NotAfter: now.Add(time.Hour), Payload: make([]byte, 700)}
}

// A handler performs jobs as its function says.
type handler func(ctx context.Context, job recovery.Job) error

func (h handler) Perform(ctx context.Context, job recovery.Job) error { return h(ctx, job) }
func (handler) DeadLetter(context.Context, recovery.Job, error)       {}

func start(t testing.TB, q *sqlstore.Queue, h handler) {
	t.Helper()
	if err := q.Start(h); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
		defer cancel()
		if err := q.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

func enqueue(t testing.TB, q *sqlstore.Queue, jobs ...recovery.Job) {
	t.Helper()
	for _, job := range jobs {
		if err := q.Enqueue(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsOf counts the rows of the table of jobs of which a condition is true.
func rowsOf(t testing.TB, db *sql.DB, condition string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM recovery_jobs WHERE " + condition).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A job is in the queue once, by its ID, and not at all when it is done.
func TestQueueHoldsAJobOnce(t *testing.T) {
	t.Parallel()
	db := connect(t, "sqlite", sqliteFile(t, usual))
	q := newQueue(t, db, nil)
	job := newJob()
	enqueue(t, q, job, job, newJob())
	stats, err := q.QueueStats(t.Context())
	if err != nil || stats.Waiting != 2 || stats.Retrying != 0 || stats.Oldest <= 0 {
		t.Errorf("%+v, %v", stats, err)
	}
	var done atomic.Int32
	start(t, q, func(context.Context, recovery.Job) error { done.Add(1); return nil })
	testenv.Eventually(t, 20*time.Second, "the jobs are deleted", func() bool { return rowsOf(t, db, "true") == 0 })
	if n := done.Load(); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
	if stats, err := q.QueueStats(t.Context()); err != nil || stats.Waiting != 0 || stats.Oldest != 0 {
		t.Errorf("%+v, %v", stats, err)
	}
}

// A job is held while its worker lives, also if that takes longer than a lease.
func TestQueueHoldsALongJob(t *testing.T) {
	t.Parallel()
	source := sqliteFile(t, usual)
	long := 22 * time.Second
	if testenv.Long() {
		long = 31 * time.Second
	}
	var began, done atomic.Int32
	var name string
	var queues []*sqlstore.Queue
	for range 2 { // as two processes
		q := newQueue(t, connect(t, "sqlite", source), func(o *sqlstore.QueueOptions) {
			o.AttemptTimeout = time.Hour
			if name == "" {
				name = o.Name
			}
			o.Name = name
		})
		start(t, q, func(ctx context.Context, _ recovery.Job) error {
			began.Add(1)
			select {
			case <-time.After(long):
			case <-ctx.Done():
			}
			done.Add(1)
			return ctx.Err()
		})
		queues = append(queues, q)
	}
	enqueue(t, queues[0], newJob())
	db := connect(t, "sqlite", source)
	testenv.Eventually(t, time.Minute, "the job is done", func() bool { return done.Load() > 0 && rowsOf(t, db, "true") == 0 })
	if n := began.Load(); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
}

// A process that lost a job to another one ends its attempt, and what became of
// that has no effect. A process takes no job over from itself.
func TestQueueThatLostAJob(t *testing.T) {
	t.Parallel()
	source := sqliteFile(t, usual)
	db := connect(t, "sqlite", source)
	first := newQueue(t, db, nil)
	var running, attempts atomic.Int32
	start(t, first, func(ctx context.Context, _ recovery.Job) error {
		attempts.Add(1)
		running.Add(1)
		defer running.Add(-1)
		<-ctx.Done()
		return nil // as if it had been done
	})
	enqueue(t, first, newJob())
	testenv.Eventually(t, 20*time.Second, "a job at work", func() bool { return running.Load() == 1 })
	// The machine has slept: the lease looks as if it had ended.
	execute(t, db, "UPDATE recovery_jobs SET due = 0")
	enqueue(t, first, newJob()) // so that the queue looks for jobs
	testenv.Eventually(t, 20*time.Second, "another job at work", func() bool { return running.Load() == 2 })
	if n := attempts.Load(); n != 2 {
		t.Fatalf("%d attempts, want 2: the process took a job over from itself", n)
	}
	// Another process comes first.
	execute(t, db, "UPDATE recovery_jobs SET lease = 1, attempts = attempts + 1, due = ?", time.Now().Add(time.Hour).UnixMicro())
	testenv.Eventually(t, 20*time.Second, "the attempts end", func() bool { return running.Load() == 0 })
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	if err := first.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if n := rowsOf(t, db, "lease = 1 AND attempts = 2"); n != 2 {
		t.Errorf("%d jobs are still the other process's, want 2", n)
	}
}

// While somebody else locks the file, a request waits for as long as Timeout says,
// and a job that was done is not done again because nobody could take note of it.
func TestQueueOnALockedFile(t *testing.T) {
	t.Parallel()
	source := sqliteFile(t, usual)
	q := newQueue(t, connect(t, "sqlite", source), func(o *sqlstore.QueueOptions) { o.Timeout = time.Minute })
	var attempts atomic.Int32
	atWork, locked := make(chan struct{}), make(chan struct{})
	start(t, q, func(context.Context, recovery.Job) error {
		if attempts.Add(1) == 1 {
			close(atWork)
			<-locked
		}
		return nil
	})
	enqueue(t, q, newJob())
	<-atWork
	db := connect(t, "sqlite", source)
	lockFile(t, db, 12*time.Second) // longer than a transaction may take
	close(locked)
	enqueue(t, q, newJob())
	testenv.Eventually(t, time.Minute, "the jobs are deleted", func() bool { return rowsOf(t, db, "true") == 0 })
	if n := attempts.Load(); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

// A row that is no job is dropped, and what it holds gets into no log.
func TestQueueDropsWhatIsNoJob(t *testing.T) {
	t.Parallel()
	db := connect(t, "sqlite", sqliteFile(t, usual))
	var log bytes.Buffer
	q := newQueue(t, db, func(o *sqlstore.QueueOptions) { o.Name, o.Logger = "q", slog.New(slog.NewTextHandler(&log, nil)) })
	execute(t, db, "INSERT INTO recovery_jobs (queue, id, job, due, attempts, lease) VALUES ('q', 'victim@example.com', x'766963746d', 0, 0, 0)")
	if err := q.Start(handler(func(context.Context, recovery.Job) error { t.Error("it was performed"); return nil })); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "it is dropped", func() bool { return rowsOf(t, db, "true") == 0 })
	if err := q.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "dropping a row that is no job") || strings.Contains(got, "victim") {
		t.Errorf("the log:\n%s", got)
	}
}

// A database of an earlier version gets the table, and without it Start says what
// to do.
func TestQueueOnADatabaseOfBefore(t *testing.T) {
	t.Parallel()
	db := connect(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?"+usual)
	files, err := sqlstore.Schema(sqlstore.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	first, err := fs.ReadFile(files, "001_recovery.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, db, string(first))
	q := newQueue(t, db, nil)
	if err := q.Start(handler(nil)); err == nil || !strings.Contains(err.Error(), "Migrate") {
		t.Errorf("Start: %v", err)
	}
	if err := sqlstore.Migrate(t.Context(), db, sqlstore.SQLite); err != nil {
		t.Fatal(err)
	}
	start(t, q, func(context.Context, recovery.Job) error { return nil }) // once more
	enqueue(t, q, newJob())
	testenv.Eventually(t, 20*time.Second, "a job is done", func() bool { return rowsOf(t, db, "true") == 0 })
}

// A goldenRow is a job as it waits in the table.
type goldenRow struct {
	Job            recovery.Job
	Queue, ID, Row string // Row is the column job, in hexadecimal
	Attempts       int
}

// A job that an earlier version stored is performed by this one, and is still the
// same job for the queue.
func TestGolden(t *testing.T) {
	testenv.Golden(t, func(t *testing.T) (all []goldenRow) {
		db := connect(t, "sqlite", sqliteFile(t, usual))
		q := newQueue(t, db, func(o *sqlstore.QueueOptions) { o.Name = "" })
		notBefore := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
		// This is far in the future, because the clock of a worker cannot be set.
		notAfter := time.Date(2200, 6, 7, 8, 9, 10, 111_213_141, time.UTC)
		for _, job := range []recovery.Job{
			{ID: "JOB-1", NotBefore: notBefore, NotAfter: notAfter, Payload: []byte("\x00sealed\n\xff")},
			{ID: "job.2", NotAfter: notAfter, Payload: []byte("sealed")}, // at once
		} {
			enqueue(t, q, job)
			g := goldenRow{Job: job}
			if err := db.QueryRow("SELECT queue, id, hex(job), attempts FROM recovery_jobs WHERE id = ?", job.ID).Scan(&g.Queue, &g.ID, &g.Row, &g.Attempts); err != nil {
				t.Fatal(err)
			}
			all = append(all, g)
		}
		return all
	}, func(t *testing.T, all []goldenRow) {
		db := connect(t, "sqlite", sqliteFile(t, usual))
		want := map[string]recovery.Job{}
		for _, g := range all {
			row, err := hex.DecodeString(g.Row)
			if err != nil {
				t.Fatal(err)
			}
			execute(t, db, "INSERT INTO recovery_jobs (queue, id, job, due, attempts, lease) VALUES (?, ?, ?, 0, ?, 0)", g.Queue, g.ID, row, g.Attempts)
			want[g.Job.ID] = g.Job
		}
		q := newQueue(t, db, func(o *sqlstore.QueueOptions) { o.Name = "" })
		for _, g := range all {
			enqueue(t, q, g.Job)
		}
		if n := rowsOf(t, db, "true"); n != len(all) || n == 0 {
			t.Errorf("%d rows, want %d", n, len(all))
		}
		performed := make(chan recovery.Job, len(all))
		start(t, q, func(_ context.Context, job recovery.Job) error { performed <- job; return nil })
		for range all {
			got := <-performed
			w := want[got.ID]
			if !got.NotBefore.Equal(w.NotBefore) || got.NotBefore.IsZero() != w.NotBefore.IsZero() || !got.NotAfter.Equal(w.NotAfter) || !bytes.Equal(got.Payload, w.Payload) {
				t.Errorf("performed: %+v, want %+v", got, w)
			}
		}
	})
}
