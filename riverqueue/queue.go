package riverqueue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

// A Queue is a durable [recovery.WorkerQueue] on PostgreSQL, shared by any
// number of processes. It is safe for concurrent use.
type Queue struct {
	opts    Options
	log     *slog.Logger
	client  *river.Client[pgx.Tx]
	rows    rows
	workers *durablequeue.Workers
	depth   *durablequeue.Depth
	clock   *durablequeue.Clock
	leases  durablequeue.Leases[int64] // by the row's ID
	drained chan struct{}              // closed when no attempt runs any more
	working bool                       // River's client was started; Start writes it
}

// New returns a Queue on the host's pool, which may have other uses. The caller
// closes it, after Shutdown. New reports all mistakes in opts at once, as joined
// [*recovery.OptionError]s, and asks PostgreSQL nothing.
//
// [recovery.New] starts the Queue and [recovery.Service.Shutdown] shuts it
// down.
func New(pool *pgxpool.Pool, opts Options) (*Queue, error) {
	opts = opts.withDefaults()
	if err := opts.validate(pool); err != nil {
		return nil, err
	}
	log := opts.Logger.With("queue", opts.Name)
	q := &Queue{
		opts: opts, log: log, rows: rows{pool, opts.Name},
		workers: durablequeue.NewWorkers(durablequeue.Options{
			Package: "riverqueue", Workers: opts.Workers, AttemptTimeout: opts.AttemptTimeout, Grace: opts.Grace,
			FirstRetry: opts.FirstRetry, MaxRetry: opts.MaxRetry, Backoff: opts.Backoff, Logger: log,
		}),
		drained: make(chan struct{}),
	}
	q.depth = q.workers.NewDepth(opts.MaxDepth, statementTimeout, q.rows.count)
	q.clock = q.newClock(q.askTime)
	var err error
	if q.client, err = river.NewClient(riverpgxv5.New(pool), q.config()); err != nil {
		return nil, fmt.Errorf("riverqueue: %w", err)
	}
	return q, nil
}

// config returns River's configuration. The client never leads: a leader serves
// every queue of the database with its own settings, and discards what it does
// not know. What a leader would do for this queue is done by keepRows.
func (q *Queue) config() *river.Config {
	config := &river.Config{
		Logger:                 newLogger(q.log, q.workers.Outages(), q.workers.Failing),
		LeaderElectionDisabled: true,
		PollOnly:               q.opts.PollOnly,
		FetchCooldown:          min(fetchCooldown, q.opts.PollInterval),
		FetchPollInterval:      q.opts.PollInterval,
		FetchOnlyKnownKinds:    true,
		JobTimeout:             -1, // attempts have a limit of their own
		MaxAttempts:            maxAttempts,
		// River compares the times that it gives jobs with now() in PostgreSQL.
		// Without this, a process whose clock is behind would repeat what fails
		// without a pause, and one whose clock is ahead an hour late.
		Test: river.TestConfig{Time: riverTime{q}},
	}
	if !q.opts.EnqueueOnly {
		config.Workers = river.NewWorkers()
		river.AddWorker(config.Workers, &performer{queue: q})
		config.Queues = map[string]river.QueueConfig{q.opts.Name: {MaxWorkers: q.opts.Workers}}
	}
	return config
}

// fetchCooldown is the shortest time between two questions for jobs. As many
// jobs as there are workers come with each.
const fetchCooldown = 20 * time.Millisecond

// Start implements [recovery.WorkerQueue]. It begins to perform jobs, unless
// [Options].EnqueueOnly is set. It returns an error if PostgreSQL does not
// answer within five times [Options].Timeout, or has no tables of River, and may
// be called again then. A second call after one that returned nil, or a call after
// Shutdown, is an error.
func (q *Queue) Start(h recovery.JobHandler) error {
	return q.workers.Start(h, func(run func(func())) error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*q.opts.Timeout)
		defer cancel()
		if err := q.rows.check(ctx); err != nil {
			return err
		}
		run(func() { q.clock.Skew(q.workers.Context()) }) // a difference is told before the first job
		if q.opts.EnqueueOnly {
			return nil
		}
		if err := q.client.Start(context.Background()); err != nil {
			return fmt.Errorf("riverqueue: %w", err)
		}
		q.working = true
		run(func() { q.keep(q.keepLeases) })
		run(func() { q.keep(q.keepRows) })
		return nil
	})
}

// MaxConcurrent implements [recovery.ConcurrencyLimited]. It returns
// [Options].Workers.
func (q *Queue) MaxConcurrent() int { return q.opts.Workers }

// Shutdown implements [recovery.WorkerQueue]. The Queue then enqueues no more
// jobs and begins no more attempts, and Shutdown waits for the attempts that
// run. Jobs that wait stay in PostgreSQL for another instance, or for the next
// start. A [recovery.MemoryQueue] differs in this.
//
// When ctx ends first, Shutdown ends the contexts of the attempts that still
// run and hands their jobs back to PostgreSQL, where another instance gets them
// within about a second. It returns a [*recovery.ShutdownError] that counts
// these attempts, as cut short, and the jobs that PostgreSQL keeps, and that
// wraps ctx's error. A job that PostgreSQL could not be told of comes back as
// after a crash, and counts as kept too. Shutdown returns at the latest
// [Options].Grace and a second after ctx has ended; so late only if an attempt
// ignores its context or PostgreSQL does not answer. Goroutines that Shutdown
// could not wait for end with the attempt, or when PostgreSQL answers.
//
// Shutdown may be called more than once, and from several goroutines.
func (q *Queue) Shutdown(ctx context.Context) error {
	return q.workers.Shutdown(ctx, func() {
		if q.working {
			_ = q.client.Stop(context.Background()) // waits for all attempts
		}
		close(q.drained)
	})
}
