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
	// tolerance is the difference up to which two clocks count as the same. It is
	// longer than an answer of the storage takes, and short beside the ten minutes
	// for which a code lives.
	tolerance = 30 * time.Second
	// stepped is how much more or less time than has passed the machine's clock may
	// show before it counts as set.
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
	here   time.Time     // when the last answer came, by the clock of this machine
	there  time.Time     // the same moment by the clock of the storage
	tried  time.Time     // when the last question began
	asking chan struct{} // closed when that has ended; nil while nothing is asked
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
// after a question that failed it asks again. A nil Clock is that of this machine.
func (c *Clock) Skew(ctx context.Context) time.Duration {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	if c.wasSet() {
		c.known = false
	}
	due := c.asking == nil && time.Since(c.tried) >= measureAgain && !(c.known && time.Since(c.here) < measureEvery)
	if due {
		c.tried, c.asking = time.Now(), make(chan struct{})
	}
	asking := c.asking
	wait := asking != nil && !c.known
	c.mu.Unlock()
	if due {
		// Background may wait for Start of the queue, and Start for Skew.
		go func() {
			if !c.opts.Background(func() { c.ask(asking) }) {
				c.answer(asking)
			}
		}()
	}
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

// Stored returns a job of this machine as it is stored: its times are by the clock
// of the storage, which is ahead by skew.
func Stored(job recovery.Job, skew time.Duration) recovery.Job {
	if !job.NotBefore.IsZero() {
		job.NotBefore = job.NotBefore.Add(skew)
	}
	if !job.NotAfter.IsZero() {
		job.NotAfter = job.NotAfter.Add(skew)
	}
	return job
}

// GivenOut returns a job that was stored, with times by the clock of this machine.
// It undoes [Stored], which another machine may have called.
func GivenOut(job recovery.Job, skew time.Duration) recovery.Job { return Stored(job, -skew) }

// wasSet reports whether somebody set this machine's clock since the last answer,
// or the machine slept. The caller holds mu.
func (c *Clock) wasSet() bool {
	now := time.Now()
	passed, shown := now.Sub(c.here), now.Round(0).Sub(c.here.Round(0))
	return c.known && (shown-passed).Abs() > stepped
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

// ask asks the storage, and tells those who wait for the answer.
func (c *Clock) ask(asking chan struct{}) {
	began := time.Now()
	there, err := c.opts.Ask()
	here := time.Now()
	if err == nil {
		c.mu.Lock()
		// The storage looked at its clock somewhere between the two.
		c.known, c.here, c.there = true, here, there.Add(here.Sub(began)/2)
		c.mu.Unlock()
	}
	c.answer(asking)
	c.tell(err)
}

// answer ends a question.
func (c *Clock) answer(asking chan struct{}) {
	c.mu.Lock()
	c.asking = nil
	c.mu.Unlock()
	close(asking)
}

// tell logs what the last question found out.
func (c *Clock) tell(err error) {
	o, ctx := &c.opts, context.Background()
	if err != nil {
		o.Logger.Debug(o.Package+": "+o.Storage+" does not tell the time", "error", err)
		return
	}
	skew := c.measured()
	if skew.Abs() <= tolerance {
		o.Outages.Works(ctx, "clock")
		return
	}
	level, effect := slog.LevelWarn, "Jobs go by that of "+o.Storage+", so their messages are sent all the same"
	if skew.Abs() > recovery.MaxClockSkew {
		level, effect = slog.LevelError, "That is too much to make up for, so jobs are dropped as too old, or start too late"
	}
	o.Outages.Failed(ctx, o.Logger, level, "clock", o.Package+": this machine's clock and that of "+o.Storage+" differ. "+effect+". Set the clocks by NTP",
		"ahead", (-skew).Round(time.Second).String(), "most", recovery.MaxClockSkew.String())
}
