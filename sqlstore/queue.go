package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

var (
	_ recovery.WorkerQueue        = (*Queue)(nil)
	_ recovery.QueueStatsReporter = (*Queue)(nil)
)

// QueueOptions configure a [Queue]. The zero value of every field is its default.
type QueueOptions struct {
	_ [0]func()

	// Name tells the queues in one file apart: 1 to 64 of a-z, 0-9, '_' and '-'.
	// Default "recovery". Each queue of each [recovery.Service] needs a name of
	// its own, because a Service cannot open the jobs of another one.
	Name string
	// Workers is how many jobs this process performs at once, 1 to 1,024.
	// Default 16.
	Workers int
	// MaxDepth is how many jobs the queue may hold, waiting and running: 1 to
	// 1,000,000. Default 100,000. A job needs about 1 KiB of the file, and 20 KiB
	// at most. Where several processes enqueue, they may exceed it by what they
	// enqueue in a second.
	MaxDepth int
	// Timeout is how long one call of Enqueue or QueueStats may take: 10 ms to
	// 1 min. Default 2 s.
	Timeout time.Duration
	// AttemptTimeout is when the context of an attempt ends: after 10 ms to 1 h.
	// Default 30 s. An attempt that goes on for 5 s more is given up: its job is
	// tried again, and its worker is not free until it returns.
	AttemptTimeout time.Duration
	// FirstRetry is the pause before the second attempt. The pause doubles with
	// every further attempt up to MaxRetry, less up to a quarter at random.
	// Both are 1 ms to 24 h. Default 1 s and 5 min.
	FirstRetry, MaxRetry time.Duration
	// Logger receives warnings, without payloads. Default: [slog.Default].
	Logger *slog.Logger
}

var queueName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// A Queue is a durable [recovery.WorkerQueue] in a file of SQLite: a job that
// was accepted outlives the process. It is safe for concurrent use.
type Queue struct {
	opts    QueueOptions
	rows    jobRows
	workers *durablequeue.Workers
	depth   *durablequeue.Depth
	leases  durablequeue.Leases[jobKey]
	wake    chan struct{}  // has room for one signal that a job or a worker may be there
	running sync.WaitGroup // attempts; only fetch adds to it
	drained chan struct{}  // closed by fetch when no attempt runs any more

	toldOfLeft bool // tellOfLeft has; only fetch uses it
}

// NewQueue returns a Queue in a file that has the tables of [Schema]. The dialect
// is [SQLite]: on PostgreSQL, package riverqueue is the durable queue. The caller
// closes the database, after Shutdown. NewQueue reports all mistakes in its
// arguments at once, as joined [*recovery.OptionError]s.
//
// [recovery.New] starts the Queue, and [recovery.Service.Shutdown] shuts it down.
func NewQueue(db *sql.DB, dialect Dialect, opts QueueOptions) (*Queue, error) {
	opts.Name = cmp.Or(opts.Name, "recovery")
	opts.Workers = cmp.Or(opts.Workers, 16)
	opts.MaxDepth = cmp.Or(opts.MaxDepth, 100_000)
	opts.Timeout = cmp.Or(opts.Timeout, 2*time.Second)
	opts.AttemptTimeout = cmp.Or(opts.AttemptTimeout, 30*time.Second)
	opts.FirstRetry = cmp.Or(opts.FirstRetry, time.Second)
	opts.MaxRetry = cmp.Or(opts.MaxRetry, max(opts.FirstRetry, 5*time.Minute))
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	mistakes := recovery.OptionErrors{Package: "sqlstore"}
	if db == nil {
		mistakes.Add("db", "is required")
	}
	if dialect != SQLite {
		mistakes.Add("dialect", "is %q, and a Queue has only %q", string(dialect), SQLite)
	}
	if !queueName.MatchString(opts.Name) {
		mistakes.Add("Name", "must be 1 to 64 of a-z, 0-9, '_' and '-'")
	}
	mistakes.CheckInt("Workers", opts.Workers, 1, 1024)
	mistakes.CheckInt("MaxDepth", opts.MaxDepth, 1, 1_000_000)
	mistakes.CheckDuration("Timeout", opts.Timeout, 10*time.Millisecond, time.Minute)
	mistakes.CheckDuration("AttemptTimeout", opts.AttemptTimeout, 10*time.Millisecond, time.Hour)
	mistakes.CheckDuration("FirstRetry", opts.FirstRetry, time.Millisecond, 24*time.Hour)
	mistakes.CheckDuration("MaxRetry", opts.MaxRetry, time.Millisecond, 24*time.Hour)
	if opts.MaxRetry < opts.FirstRetry {
		mistakes.Add("MaxRetry", "is %v, less than FirstRetry", opts.MaxRetry)
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	opts.Logger = opts.Logger.With("queue", opts.Name)
	q := &Queue{
		opts: opts, rows: newJobRows(db, opts.Name),
		workers: durablequeue.NewWorkers(durablequeue.Options{
			Package: "sqlstore", Workers: opts.Workers, AttemptTimeout: opts.AttemptTimeout, Grace: 5 * time.Second,
			FirstRetry: opts.FirstRetry, MaxRetry: opts.MaxRetry, Logger: opts.Logger,
		}),
		wake: make(chan struct{}, 1), drained: make(chan struct{}),
	}
	q.depth = q.workers.NewDepth(opts.MaxDepth, statementTimeout, q.rows.count)
	return q, nil
}

// Enqueue implements [recovery.Queue]. It returns nil once the job is in the
// file, and may be called before Start. A job whose ID is in the queue already is
// not added again.
//
// It returns ctx's error when ctx ends, and an error that wraps
// [context.DeadlineExceeded] after [QueueOptions].Timeout. The job may be in the
// queue all the same then. It is not after [recovery.ErrQueueFull], also after
// Shutdown, and [recovery.ErrPermanent], for a malformed job.
func (q *Queue) Enqueue(ctx context.Context, job recovery.Job) error {
	defer q.signal()
	// This looks at NotBefore and at nothing else of the job. So the time that
	// Enqueue takes does not tell whom the job is about (A22).
	return q.workers.Enqueue(ctx, job, q.opts.Timeout, q.depth, nil, func(ctx context.Context, _ recovery.Job, encoded []byte) error {
		return q.rows.put(ctx, job.ID, encoded, job.NotBefore)
	})
}

// QueueStats implements [recovery.QueueStatsReporter].
func (q *Queue) QueueStats(ctx context.Context) (stats recovery.QueueStats, err error) {
	err = q.workers.Call(ctx, q.opts.Timeout, func(ctx context.Context) (err error) { stats, err = q.rows.stats(ctx); return err })
	if err != nil {
		return recovery.QueueStats{}, err
	}
	stats.Running, stats.Abandoned, stats.GivenUp = q.workers.Running(), q.workers.Abandoned(), q.workers.GivenUp()
	return stats, nil
}

// MaxConcurrent implements [recovery.ConcurrencyLimited]. It returns
// [QueueOptions].Workers.
func (q *Queue) MaxConcurrent() int { return q.opts.Workers }

// Start implements [recovery.WorkerQueue]. It returns an error if the file does
// not answer within [QueueOptions].Timeout, or has no table for jobs, and may be
// called again then. A second call after one that returned nil, or a call after
// Shutdown, is an error.
func (q *Queue) Start(h recovery.JobHandler) error {
	return q.workers.Start(h, func(run func(f func())) error {
		ctx, cancel := context.WithTimeout(context.Background(), q.opts.Timeout)
		defer cancel()
		if _, err := q.rows.count(ctx); err != nil {
			return fmt.Errorf("sqlstore: cannot read the table of jobs, which Migrate makes: %w", err)
		}
		run(q.fetch)
		run(q.keep)
		return nil
	})
}

// Shutdown implements [recovery.WorkerQueue]. The Queue then enqueues no more
// jobs and begins no more attempts, and Shutdown waits for the attempts that
// run. Jobs that wait stay in the file until the next start. A
// [recovery.MemoryQueue] differs in this.
//
// When ctx ends first, Shutdown ends the contexts of the attempts that still run
// and hands their jobs back to the file. It returns a [*recovery.ShutdownError]
// that counts them as cut short and kept, and that wraps ctx's error. A job that
// cannot be handed back comes back as after a crash. Shutdown returns at the
// latest 6 seconds after ctx has ended. It may be called more than once, and from
// several goroutines.
func (q *Queue) Shutdown(ctx context.Context) error {
	return q.workers.Shutdown(ctx, func() {}) // fetch waits for the attempts
}

const (
	// pollInterval is how often a process looks for jobs that another one
	// enqueued, or that a dead one had. It learns of its own at once.
	pollInterval = 500 * time.Millisecond
	// statementTimeout is under durablequeue.RenewInterval, so that the next
	// renewal comes in time.
	statementTimeout = 4 * time.Second
)

// signal says that there may be a job that is due, or a worker that is free.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// fetch begins attempts until Shutdown, and then waits for them.
func (q *Queue) fetch() {
	defer close(q.drained)
	defer q.running.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !q.workers.Closed() {
		select {
		case <-q.workers.Closing():
		case <-q.wake:
			timer.Reset(q.begin())
		case <-timer.C:
			timer.Reset(q.begin())
		}
	}
}

// begin begins the attempts of jobs that are due, as far as workers are free. It
// returns how long it takes until there may be more.
func (q *Queue) begin() (wait time.Duration) {
	free := q.opts.Workers - q.workers.Running()
	if free == 0 {
		return pollInterval // whoever becomes free signals
	}
	var taken []takenJob
	at := time.Now()
	// Nobody performs a job that was taken when this had given up. So it waits for
	// as long as the storage may take.
	err := q.workers.Try("find jobs that are due", lineTimeout, func(ctx context.Context) (err error) {
		running := q.leases.Keys()
		var left int
		if wait, left, err = q.rows.wait(ctx, running, pollInterval); err == nil && wait <= 0 {
			q.tellOfLeft(left)
			at = time.Now()
			taken, err = q.rows.take(ctx, at, running, free)
		}
		return err
	})
	if err != nil {
		return pollInterval
	}
	for _, job := range taken {
		lease := q.leases.Begin(q.workers.Context(), job.jobKey, at)
		var w *durablequeue.Worker // nil: the job is handed back, because Shutdown came first
		if !q.workers.Closed() {
			w = q.workers.Take(lease.Context(), time.Minute)
		}
		q.running.Go(func() { q.perform(w, lease, job) })
	}
	return max(0, wait)
}

// tellOfLeft tells once of jobs that a process began and did not finish. Shutdown
// would have handed them back.
func (q *Queue) tellOfLeft(n int) {
	if n > 0 && !q.toldOfLeft {
		q.toldOfLeft = true
		q.opts.Logger.Warn("sqlstore: jobs that another process began are performed again, because it ended or hangs, so a mail may arrive twice. If it was not killed, have it call Shutdown of the Service before it ends", "jobs", n)
	}
}

func (q *Queue) perform(w *durablequeue.Worker, lease *durablequeue.Lease[jobKey], taken takenJob) {
	defer q.signal()
	result := durablequeue.Result{Verdict: durablequeue.HandedBack}
	if w != nil {
		defer func() { <-w.Free() }()
		job, problem := durablequeue.Decode(taken.id, taken.encoded)
		if problem == nil || errors.Is(problem, durablequeue.ErrNewerVersion) {
			result = w.Perform(lease.Context(), job, problem, taken.attempts)
		} else {
			// Somebody else wrote it. It may be anything, so it must not get into
			// logs.
			q.opts.Logger.Error("sqlstore: dropping a row that is no job", "number", taken.number, "reason", problem.Error())
			result.Verdict = durablequeue.Done
		}
		w.Release()
		q.signal()
	}
	defer lease.End()
	lease.Cancel() // from here on, that the row has changed says nothing
	// If this gave up, a mail that was sent would be sent again. So it goes on,
	// and keeps the job, until Shutdown ends the attempts.
	for q.workers.Try("take note of what became of a job", lineTimeout, func(ctx context.Context) error {
		return q.rows.settle(ctx, taken.jobKey, result)
	}) != nil && q.workers.Sleep(context.Background(), pollInterval) {
	}
	if result.Verdict == durablequeue.Done || result.Verdict == durablequeue.GivenUp {
		q.depth.JobRemoved()
	}
}

// keep renews the leases of jobs that run here, until none runs any more.
func (q *Queue) keep() {
	ticker := time.NewTicker(durablequeue.RenewInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-q.drained:
			return
		}
		_ = q.workers.Try("renew the leases of jobs that run here", statementTimeout, func(ctx context.Context) error {
			ended, err := q.leases.Renew(func(keys []jobKey) ([]jobKey, error) { return q.rows.renew(ctx, keys) })
			if ended > 0 {
				q.opts.Logger.Warn("sqlstore: attempts end, because other processes have their jobs or may get them", "attempts", ended)
			}
			return err
		})
	}
}
