package durablequeue

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	// measureEvery is how long a measurement of a clock is used before the next
	// one is made.
	measureEvery = time.Minute
	// measureAgain is how long after a question without an answer the next one is
	// asked.
	measureAgain = time.Second
	// tolerance is how far two clocks may differ as if they agreed. It is longer
	// than an answer of the storage takes, and short beside the ten minutes for
	// which a code lives.
	tolerance = 30 * time.Second
	// stepped is by how much the machine's clock may get ahead of the time that
	// has passed before it counts as set.
	stepped = time.Second
)

// A Clock measures by how much the clock of a queue's storage and that of this
// machine differ, and tells of it. The times of stored jobs are by the clock of
// the storage: otherwise a worker whose clock is an hour ahead of the web node's
// would find every job too old. A Clock is safe for concurrent use.
type Clock struct {
	opts ClockOptions

	mu     sync.Mutex
	known  bool
	here   time.Time // when the last answer came, by the clock of this machine
	there  time.Time // the same moment by the clock of the storage
	tried  time.Time // when the last question began
	asking chan struct{}
}

// ClockOptions configure a [Clock]. All are required.
type ClockOptions struct {
	_ [0]func()
	// Package begins each line in the log: "asynqqueue". Storage is the name of
	// the storage there: "Redis".
	Package, Storage string
	// Ask asks the storage for its time. Timeout is how long Skew waits for the
	// first answer.
	Ask     func() (time.Time, error)
	Timeout time.Duration
	// Background runs f in another goroutine. It reports false, and does not run
	// f, after Shutdown.
	Background func(f func()) bool
	Logger     *slog.Logger
	Outages    *Outages
}

// NewClock returns a Clock that has not asked yet.
func NewClock(opts ClockOptions) *Clock { return &Clock{opts: opts} }

// Skew returns by how much the clock of the storage is ahead of that of this
// machine. It is 0 if the two differ by no more than 30 seconds, by more than
// [recovery.MaxClockSkew], or if it is not known. While it is not known, Skew waits
// for an answer, for up to [ClockOptions].Timeout and while ctx lasts. A second
// after a question that failed it asks again.
func (c *Clock) Skew(ctx context.Context) time.Duration {
	c.mu.Lock()
	stale := !c.isFresh()
	if stale && c.asking == nil && (c.tried.IsZero() || time.Since(c.tried) >= measureAgain) {
		c.ask()
	}
	asking := c.asking
	wait := asking != nil && !c.known
	c.mu.Unlock()
	if wait {
		timer := time.NewTimer(c.opts.Timeout)
		defer timer.Stop()
		select {
		case <-asking:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	skew := c.measured()
	if skew.Abs() <= tolerance || skew.Abs() > recovery.MaxClockSkew {
		return 0
	}
	return skew
}

// Stored returns the job with times by the clock of the storage. Given out, by
// the same skew, it has those by the clock of this machine again.
func Stored(job recovery.Job, skew time.Duration) recovery.Job {
	if !job.NotBefore.IsZero() {
		job.NotBefore = job.NotBefore.Add(skew)
	}
	if !job.NotAfter.IsZero() {
		job.NotAfter = job.NotAfter.Add(skew)
	}
	return job
}

// GivenOut undoes [Stored].
func GivenOut(job recovery.Job, skew time.Duration) recovery.Job { return Stored(job, -skew) }

// isFresh reports whether the last measurement still holds. It does not if this
// machine's clock was set meanwhile, or the machine slept. The caller holds mu.
func (c *Clock) isFresh() bool {
	if !c.known {
		return false
	}
	now := time.Now()
	passed, shown := now.Sub(c.here), now.Round(0).Sub(c.here.Round(0))
	if (shown - passed).Abs() > stepped {
		c.known = false
	}
	return c.known && passed < measureEvery
}

// measured returns by how much the storage's clock is ahead, or 0. The time that
// has passed since the answer is not read from a clock that somebody may set.
func (c *Clock) measured() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return 0
	}
	now := time.Now()
	return c.there.Add(now.Sub(c.here)).Sub(now.Round(0))
}

// ask begins a question. The caller holds mu.
func (c *Clock) ask() {
	asking := make(chan struct{})
	if !c.opts.Background(func() {
		began := time.Now()
		there, err := c.opts.Ask()
		here := time.Now()
		c.mu.Lock()
		if err == nil {
			// The answer was made somewhere between the question and its arrival.
			c.known, c.here, c.there = true, here, there.Add(here.Sub(began)/2)
		}
		c.asking = nil
		close(asking)
		c.mu.Unlock()
		c.tell(err)
	}) {
		return
	}
	c.tried, c.asking = time.Now(), asking
}

// tell logs what the last question found out.
func (c *Clock) tell(err error) {
	o, ctx := &c.opts, context.Background()
	if err != nil {
		o.Logger.Debug(o.Package+": "+o.Storage+" does not tell the time", "error", err)
		return
	}
	skew := c.measured()
	switch {
	case skew.Abs() <= tolerance:
		o.Outages.Works(ctx, "clock")
		return
	case skew.Abs() > recovery.MaxClockSkew:
		o.Outages.Failed(ctx, o.Logger, slog.LevelError, "clock", o.Package+": this machine's clock and that of "+o.Storage+" differ by so much that jobs are dropped as too old, or start too late. Set the clocks by NTP",
			"ahead", (-skew).Round(time.Second).String(), "most", recovery.MaxClockSkew.String())
	default:
		o.Outages.Failed(ctx, o.Logger, slog.LevelWarn, "clock", o.Package+": this machine's clock and that of "+o.Storage+" differ. Jobs go by that of "+o.Storage+", so their messages are sent all the same. Set the clocks by NTP",
			"ahead", (-skew).Round(time.Second).String(), "most", recovery.MaxClockSkew.String())
	}
}
