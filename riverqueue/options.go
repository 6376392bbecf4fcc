package riverqueue

import (
	"cmp"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Queue]. The zero value of every field is its default.
type Options struct {
	_ [0]func()

	// Name is the queue's name in River, 1 to 64 of a-z and 0-9, in parts that
	// are joined by '_' or '-'. Default "recovery". Every [recovery.Service]
	// with keys of its own needs a name of its own. Otherwise a job may reach
	// the workers of another Service, which cannot open it, and becomes a dead
	// letter. Put no jobs of your own into the queue.
	Name string
	// Workers is how many jobs this process performs at once, 1 to 1,024.
	// Default 16.
	Workers int
	// EnqueueOnly makes a Queue that enqueues jobs and performs none, for
	// processes that answer requests while other processes do the work. It
	// excludes Workers. Default false.
	EnqueueOnly bool
	// MaxDepth is how many jobs the queue may hold, waiting and running, in
	// all instances together: 1 to 10,000,000. Default 100,000. A job needs
	// about 2 KiB of the database, and 24 KiB at most.
	//
	// A Queue asks PostgreSQL for the number in the background, at most once a
	// second while there is room. So a burst can exceed MaxDepth by the number
	// of jobs that the other instances enqueue in a second. If the queue looks
	// full, a caller of Enqueue waits for the number; all callers that wait
	// share one question. If PostgreSQL answers with an error, MaxDepth is not
	// enforced, and a line in the log says so.
	MaxDepth int
	// Timeout is how long one call of Enqueue or Stats may take: 10 ms to
	// 1 min. Default 1 s.
	Timeout time.Duration

	// AttemptTimeout is when the context of an attempt ends: after 10 ms to
	// 1 h. Default 30 s.
	AttemptTimeout time.Duration
	// Grace is how long an attempt may go on after its context ended before
	// the Queue gives it up: 1 ms to 1 min. The job is then tried again, and
	// the worker is not free until the attempt returns. Default 5 s.
	Grace time.Duration
	// FirstRetry is the pause before the second attempt. The pause doubles with
	// every further attempt up to MaxRetry, less up to a quarter at random.
	// Both are 1 ms to 24 h. Default 1 s and 5 min.
	FirstRetry, MaxRetry time.Duration
	// Backoff, if set, replaces FirstRetry and MaxRetry: it returns the pause
	// after the n-th attempt, which failed. n counts from 1. Backoff is called
	// from several goroutines.
	Backoff func(n int) time.Duration

	// PollOnly makes the Queue listen to no notifications, for a pool that
	// reaches PostgreSQL through PgBouncer in transaction mode. Default false.
	PollOnly bool
	// PollInterval is how often a worker process asks for jobs that are due:
	// 10 ms to 10 s. Default 1 s, or 250 ms with PollOnly. Without PollOnly,
	// PostgreSQL tells of a new job at once.
	PollInterval time.Duration

	// Logger receives warnings of this package and of River, without payloads.
	// Default: [slog.Default].
	Logger *slog.Logger
}

// withDefaults replaces zero fields by their defaults.
func (o Options) withDefaults() Options {
	o.Name = cmp.Or(o.Name, "recovery")
	if o.Workers == 0 && !o.EnqueueOnly {
		o.Workers = 16
	}
	o.MaxDepth = cmp.Or(o.MaxDepth, 100_000)
	o.Timeout = cmp.Or(o.Timeout, time.Second)
	o.AttemptTimeout = cmp.Or(o.AttemptTimeout, 30*time.Second)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	o.FirstRetry = cmp.Or(o.FirstRetry, time.Second)
	o.MaxRetry = cmp.Or(o.MaxRetry, max(o.FirstRetry, 5*time.Minute))
	if o.PollInterval == 0 {
		o.PollInterval = time.Second
		if o.PollOnly {
			o.PollInterval = 250 * time.Millisecond
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// queueName is what River accepts as the name of a queue.
var queueName = regexp.MustCompile(`^[a-z0-9]+([_-][a-z0-9]+)*$`)

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate(pool *pgxpool.Pool) error {
	mistakes := recovery.OptionErrors{Package: "riverqueue"}
	if pool == nil {
		mistakes.Add("pool", "is required")
	}
	if len(o.Name) > 64 || !queueName.MatchString(o.Name) {
		mistakes.Add("Name", "must be 1 to 64 of a-z and 0-9, in parts that are joined by '_' or '-'")
	}
	switch {
	case !o.EnqueueOnly:
		mistakes.CheckInt("Workers", o.Workers, 1, 1024)
	case o.Workers != 0:
		mistakes.Add("EnqueueOnly", "excludes Workers")
	}
	mistakes.CheckInt("MaxDepth", o.MaxDepth, 1, 10_000_000)
	mistakes.CheckDuration("Timeout", o.Timeout, 10*time.Millisecond, time.Minute)
	mistakes.CheckDuration("AttemptTimeout", o.AttemptTimeout, 10*time.Millisecond, time.Hour)
	mistakes.CheckDuration("Grace", o.Grace, time.Millisecond, time.Minute)
	mistakes.CheckDuration("FirstRetry", o.FirstRetry, time.Millisecond, 24*time.Hour)
	mistakes.CheckDuration("MaxRetry", o.MaxRetry, time.Millisecond, 24*time.Hour)
	mistakes.CheckDuration("PollInterval", o.PollInterval, 10*time.Millisecond, 10*time.Second)
	if o.MaxRetry < o.FirstRetry {
		mistakes.Add("MaxRetry", "is %v, less than FirstRetry", o.MaxRetry)
	}
	return mistakes.Err()
}
