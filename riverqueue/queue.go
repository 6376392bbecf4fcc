package riverqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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
	leases  leases
	closing chan struct{} // closed when Shutdown begins
	drained chan struct{} // closed when no attempt runs any more

	mu         sync.Mutex
	started    bool // Start was called
	working    bool // River's client was started
	goroutines sync.WaitGroup
	ended      chan struct{} // made by Shutdown, closed when nothing runs any more
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
		closing: make(chan struct{}),
		drained: make(chan struct{}),
	}
	q.depth = durablequeue.NewDepth(opts.MaxDepth, q.askDepth)
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
		Logger:                 newLogger(q.log, q.workers.Outages()),
		LeaderElectionDisabled: true,
		PollOnly:               q.opts.PollOnly,
		FetchCooldown:          min(fetchCooldown, q.opts.PollInterval),
		FetchPollInterval:      q.opts.PollInterval,
		FetchOnlyKnownKinds:    true,
		JobTimeout:             -1, // attempts have a limit of their own
		MaxAttempts:            maxAttempts,
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
	if h == nil {
		return errors.New("riverqueue: a handler is required")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.ended != nil {
		return errors.New("riverqueue: Start was called a second time, or after Shutdown")
	}
	q.started = true
	q.workers.Handle(h)
	ctx, cancel := context.WithTimeout(context.Background(), 5*q.opts.Timeout)
	defer cancel()
	if err := q.rows.check(ctx); err != nil {
		q.started = false
		return err
	}
	if q.opts.EnqueueOnly {
		return nil
	}
	if err := q.client.Start(context.Background()); err != nil {
		q.started = false
		return fmt.Errorf("riverqueue: %w", err)
	}
	q.working = true
	q.goroutines.Go(func() { q.keep(q.keepLeases) })
	q.goroutines.Go(func() { q.keep(q.keepRows) })
	return nil
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
	q.mu.Lock()
	if q.ended == nil {
		q.ended = make(chan struct{})
		close(q.closing)
		go q.end()
	}
	ended := q.ended
	q.mu.Unlock()
	return q.workers.Shutdown(ctx, ended)
}

func (q *Queue) end() {
	defer close(q.ended)
	defer q.workers.End()
	if q.working {
		_ = q.client.Stop(context.Background()) // waits for all attempts
	}
	close(q.drained)
	q.goroutines.Wait()
}

// background runs f, unless Shutdown has begun.
func (q *Queue) background(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended != nil {
		return false
	}
	q.goroutines.Go(f)
	return true
}

// askDepth is what q.depth asks.
func (q *Queue) askDepth(done func(n int, err error)) bool {
	return q.background(func() {
		var n int
		err := q.try("count jobs, so MaxDepth is not enforced", func(ctx context.Context) (err error) {
			n, err = q.rows.count(ctx)
			return err
		})
		done(n, err)
	})
}
