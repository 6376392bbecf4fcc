package asynqqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/durablequeue"
)

// A Queue is a durable [recovery.WorkerQueue] on Redis, shared by any number of
// processes. It is safe for concurrent use.
type Queue struct {
	client  redis.UniversalClient
	opts    Options
	log     *slog.Logger
	health  *health
	depth   *durablequeue.Depth
	clock   *durablequeue.Clock
	noTime  sync.Once // that Redis does not tell the time was logged
	workers *durablequeue.Workers

	enqueuer  *asynq.Client
	inspector *asynq.Inspector
	server    *asynq.Server // nil until Start
}

// Stats are the present numbers of a [Queue]. Running and Abandoned are those
// of this instance. The others are those of the whole queue, in all instances.
type Stats struct {
	// Pending jobs wait for a worker, Scheduled ones for their NotBefore, and
	// Retrying ones for the end of a pause after a failed attempt. Active ones
	// are with a worker, or were when it died.
	Pending, Scheduled, Retrying, Active int
	// OldestPending is how long the first of the pending jobs has waited.
	OldestPending time.Duration
	// Paused reports that somebody paused the queue with asynq's tools. Jobs
	// are then accepted and not performed.
	Paused bool
	// Running is how many attempts run here. Abandoned is how many of those did
	// not return after their context ended, and still hold a worker.
	Running, Abandoned int
}

// Depth returns how many jobs the queue holds. [Options].MaxDepth bounds this
// number.
func (s Stats) Depth() int { return s.Pending + s.Scheduled + s.Retrying + s.Active }

// New returns a Queue on a client. The client may be standalone, Sentinel or
// Cluster, with any options. The caller closes it, after Shutdown. New reports
// all mistakes in opts at once, as joined [*recovery.OptionError]s, and asks
// Redis nothing.
//
// [recovery.New] starts the Queue and [recovery.Service.Shutdown] shuts it
// down.
func New(client redis.UniversalClient, opts Options) (*Queue, error) {
	opts = opts.withDefaults()
	if err := opts.validate(client); err != nil {
		return nil, err
	}
	log := opts.Logger.With("queue", opts.Name)
	q := &Queue{
		client: client, opts: opts, log: log,
		health: newHealth(client, log),
		workers: durablequeue.NewWorkers(durablequeue.Options{
			Package: "asynqqueue", Workers: opts.Workers, AttemptTimeout: opts.AttemptTimeout, Grace: opts.Grace,
			FirstRetry: opts.FirstRetry, MaxRetry: opts.MaxRetry, Backoff: opts.Backoff, PauseEnd: pauseEnd,
			Logger: log,
		}),
	}
	shortClient := withReadTimeout(client, opts.Timeout)
	q.enqueuer = asynq.NewClientFromRedisClient(shortClient)
	q.inspector = asynq.NewInspectorFromRedisClient(shortClient)
	q.depth = durablequeue.NewDepth(opts.MaxDepth, q.askDepth)
	q.clock = durablequeue.NewClock(durablequeue.ClockOptions{
		Package: "asynqqueue", Storage: "Redis", Ask: q.askTime, Timeout: opts.Timeout, Background: q.workers.Background,
		Logger: log, Outages: q.workers.Outages(),
	})
	return q, nil
}

// Start implements [recovery.WorkerQueue]. It begins to perform jobs, unless
// [Options].EnqueueOnly is set. Redis need not be up. Start does not change how
// the process handles signals. A second call, or one after Shutdown, is an
// error.
func (q *Queue) Start(h recovery.JobHandler) error {
	return q.workers.Start(h, func(run func(func())) error {
		run(q.warnOfRisks)
		run(func() { q.clock.Skew(q.workers.Context()) }) // a difference is told before the first job
		if q.opts.EnqueueOnly {
			return nil
		}
		q.server = asynq.NewServerFromRedisClient(newWorkerClient(q.client, max(100*time.Millisecond, q.opts.PollInterval), q.workers.Closing(), q.workers.AnyFree), asynq.Config{
			Concurrency:              q.opts.Workers,
			Queues:                   map[string]int{q.opts.Name: 1},
			TaskCheckInterval:        q.opts.PollInterval,
			DelayedTaskCheckInterval: q.opts.PollInterval,
			// This is longer than process runs, which ends by itself, or when
			// Shutdown's context ends. Otherwise asynq would put a job back while it
			// runs.
			ShutdownTimeout: taskTimeout,
			RetryDelayFunc:  q.retryDelay,
			IsFailure:       isFailure,
			Logger:          newLogger(q.log, q.workers.Outages()),
			LogLevel:        asynq.InfoLevel,
		})
		return q.server.Start(asynq.HandlerFunc(q.process))
	})
}

// MaxConcurrent implements [recovery.ConcurrencyLimited]. It returns
// [Options].Workers.
func (q *Queue) MaxConcurrent() int { return q.opts.Workers }

// Shutdown implements [recovery.WorkerQueue]. The Queue then enqueues no more
// jobs and begins no more attempts, and Shutdown waits for the attempts that
// run. Jobs that wait stay in Redis for another instance, or for the next
// start. A [recovery.MemoryQueue] differs in this.
//
// When ctx ends first, Shutdown ends the contexts of the attempts that still
// run and hands their jobs back to Redis, where another instance gets them
// within about a second. It returns a [*recovery.ShutdownError] that counts
// these attempts, as cut short, and the jobs that Redis keeps, and that wraps
// ctx's error. A job that Redis could not be told of comes back as after a
// crash, and counts as kept too. Shutdown returns at the latest [Options].Grace
// and a second after ctx has ended; so late only if an attempt ignores its
// context or Redis does not answer. Goroutines that Shutdown could not wait for
// end with the attempt, or with the client's own timeouts.
//
// Shutdown may be called more than once, and from several goroutines.
func (q *Queue) Shutdown(ctx context.Context) error {
	return q.workers.Shutdown(ctx, func() {
		if q.server != nil {
			q.server.Shutdown()
		}
		q.workers.Drain() // wait for attempts that were given up
	})
}

// Stats returns the present numbers, or an error: that of ctx, one that wraps
// [context.DeadlineExceeded] when Redis does not answer within
// [Options].Timeout, or the error that Redis answers with. After Shutdown it
// always returns an error.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	type result struct {
		stats Stats
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, q.opts.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return Stats{}, err
	}
	done := make(chan result, 1)
	if !q.workers.Background(func() {
		stats, err := q.inspect()
		done <- result{stats, err}
	}) {
		return Stats{}, errors.New("asynqqueue: Stats after Shutdown")
	}
	select {
	case r := <-done:
		r.stats.Abandoned = q.workers.Abandoned()
		r.stats.Running = q.workers.Running()
		return r.stats, r.err
	case <-ctx.Done():
		return Stats{}, fmt.Errorf("asynqqueue: Stats: %w", ctx.Err())
	}
}

// QueueStats implements [recovery.QueueStatsReporter]. Its errors are those of
// [Queue.Stats].
func (q *Queue) QueueStats(ctx context.Context) (recovery.QueueStats, error) {
	s, err := q.Stats(ctx)
	if err != nil {
		return recovery.QueueStats{}, err
	}
	return recovery.QueueStats{
		Waiting: s.Pending + s.Scheduled + s.Retrying, Retrying: s.Retrying, Oldest: s.OldestPending,
		Running: s.Running, Abandoned: s.Abandoned, GivenUp: q.workers.GivenUp(),
	}, nil
}

// inspect asks asynq for the numbers. asynq accepts no context, and does not
// know a queue into which no job was ever put.
func (q *Queue) inspect() (Stats, error) {
	names, err := q.inspector.Queues()
	if err != nil {
		return Stats{}, fmt.Errorf("asynqqueue: %w", err)
	}
	if !slices.Contains(names, q.opts.Name) {
		return Stats{}, nil
	}
	info, err := q.inspector.GetQueueInfo(q.opts.Name)
	if err != nil {
		return Stats{}, fmt.Errorf("asynqqueue: %w", err)
	}
	return Stats{
		Pending: info.Pending, Scheduled: info.Scheduled, Retrying: info.Retry, Active: info.Active,
		OldestPending: info.Latency, Paused: info.Paused,
	}, nil
}

// askDepth is what q.depth asks.
func (q *Queue) askDepth(done func(n int, err error)) bool {
	return q.workers.Background(func() {
		stats, err := q.inspect()
		q.health.reportDepthError(err)
		done(stats.Depth(), err)
	})
}
