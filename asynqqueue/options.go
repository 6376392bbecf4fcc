package asynqqueue

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Queue]. Zero fields are the defaults.
type Options struct {
	_ [0]func()

	// Name is the queue's name in Redis, 1 to 64 of a-z, A-Z, 0-9, '.', '_'
	// and '-'. Default "recovery". Every [recovery.Service] with keys of its
	// own needs a name of its own: a job that reaches the workers of another
	// cannot be opened there, and becomes a dead letter.
	Name string
	// Workers is how many jobs this process performs at once, 1 to 1,024.
	// Default 16.
	Workers int
	// EnqueueOnly makes an instance that enqueues and performs nothing, for
	// processes that answer requests while others do the work. It excludes
	// Workers. Default false.
	EnqueueOnly bool
	// MaxDepth is how many jobs the queue may hold, waiting and running, in
	// all instances together: 1 to 10,000,000. Default 100,000. A job takes
	// about 1 to 2 KiB of Redis' memory, 17 KiB at most. The number is asked
	// for in the background, at most once a second while there is room, so a
	// burst can exceed it by what the other instances take in a second; only
	// of a queue that looks full it is asked for at once, one question for all
	// that wait. If Redis answers it with an error, nothing is enforced, and a
	// line in the log says so.
	MaxDepth int
	// Timeout is the budget of one call of Enqueue or Stats, whatever the
	// client's timeouts are: 10 ms to 1 min. Default 1 s.
	Timeout time.Duration

	// AttemptTimeout ends the context of an attempt: 10 ms to 1 h. Default
	// 30 s.
	AttemptTimeout time.Duration
	// Grace is how long an attempt may go on after its context ended before
	// it is given up: 1 ms to 1 min. The job is then tried again, and the
	// worker stays lost until the attempt returns. Default 5 s.
	Grace time.Duration
	// FirstRetry is the pause before the second attempt; it doubles from there
	// to MaxRetry, less up to a quarter at random. 1 ms to 24 h; default 1 s
	// and 5 min. asynq counts in seconds, so every pause but one of 0 ends at
	// the next full second.
	FirstRetry, MaxRetry time.Duration
	// Backoff, if set, is asked instead for the pause after the n-th attempt,
	// which failed; n counts from 1. It is called from several goroutines.
	Backoff func(n int) time.Duration
	// PollInterval is how often a worker process asks Redis for a job while
	// there is none, give or take a half, and for those whose pause is over:
	// 10 ms to 10 s. Default 250 ms.
	PollInterval time.Duration

	// Logger receives warnings of this package and of asynq, without payloads.
	// Default: [slog.Default].
	Logger *slog.Logger
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "recovery"
	}
	if o.Workers == 0 && !o.EnqueueOnly {
		o.Workers = 16
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = 100_000
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.Timeout, time.Second}, {&o.AttemptTimeout, 30 * time.Second}, {&o.Grace, 5 * time.Second},
		{&o.FirstRetry, time.Second}, {&o.MaxRetry, max(o.FirstRetry, 5*time.Minute)}, {&o.PollInterval, 250 * time.Millisecond},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate(client redis.UniversalClient) error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	if client == nil {
		bad("client", "is required")
	}
	// Braces would end the hash tag that keeps the queue's keys on one node.
	if len(o.Name) > 64 || strings.ContainsFunc(o.Name, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	}) {
		bad("Name", "must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'")
	}
	switch {
	case o.EnqueueOnly && o.Workers != 0:
		bad("EnqueueOnly", "excludes Workers")
	case !o.EnqueueOnly && (o.Workers < 1 || o.Workers > 1024):
		bad("Workers", "is %d, must be 1 to 1,024", o.Workers)
	}
	if o.MaxDepth < 1 || o.MaxDepth > 10_000_000 {
		bad("MaxDepth", "is %d, must be 1 to 10,000,000", o.MaxDepth)
	}
	for _, d := range []struct {
		name         string
		v, low, high time.Duration
	}{
		{"Timeout", o.Timeout, 10 * time.Millisecond, time.Minute},
		{"AttemptTimeout", o.AttemptTimeout, 10 * time.Millisecond, time.Hour},
		{"Grace", o.Grace, time.Millisecond, time.Minute},
		{"FirstRetry", o.FirstRetry, time.Millisecond, 24 * time.Hour},
		{"MaxRetry", o.MaxRetry, time.Millisecond, 24 * time.Hour},
		{"PollInterval", o.PollInterval, 10 * time.Millisecond, 10 * time.Second},
	} {
		if d.v < d.low || d.v > d.high {
			bad(d.name, "is %v, must be %v to %v", d.v, d.low, d.high)
		}
	}
	if o.MaxRetry < o.FirstRetry {
		bad("MaxRetry", "is %v, less than FirstRetry", o.MaxRetry)
	}
	return errors.Join(errs...)
}
