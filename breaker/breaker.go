// Package breaker stops calls to a server that does not answer, so that nobody
// waits for it in vain. It is for authors of stores and queues, such as those of
// packages redisstore and sqlstore. Programs do not need it.
package breaker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	// maxFailures is how many calls must fail in succession before the server
	// counts as down.
	maxFailures = 5
	// retryEvery is how soon one call tries a server that is down. It is short,
	// so that the server is used again soon after it is back.
	retryEvery = 100 * time.Millisecond
)

// Options configure a [Breaker]. Down, Logger, WhenDown and WhenUp are required.
type Options struct {
	_ [0]func()

	// Down is the error of calls that are refused while the server is down.
	Down error
	// Logger gets the line WhenDown, at level ERROR, when the server begins to
	// count as down, and the line WhenUp, at level INFO, when it answers again.
	// Both have the attributes Attrs, and the first has the error of the last
	// call. A Logger that blocks makes nobody wait but those whose call showed
	// the change.
	Logger           *slog.Logger
	WhenDown, WhenUp string
	Attrs            []any
	// Ignore reports whether an error says nothing about the server, so that it
	// counts neither as a success nor as a failure. [context.Canceled] is
	// ignored in any case. Default: no other error is.
	Ignore func(error) bool
	// Failed reports whether an error shows that the server is down. Default:
	// every error does.
	Failed func(error) bool
	// MaxTimeouts, if it is positive, is how many calls in succession that end
	// with [context.DeadlineExceeded] are enough for the server to count as down.
	// It is for callers who have few calls out at once: five that are waited for
	// one after another would take long. Default: as many as of other failures.
	MaxTimeouts int
	// Cause returns what the line WhenDown may say of an error, or the empty
	// string for the text of the error itself. Default: the latter.
	Cause func(error) string
	// Counted is called for each call that counts, with whether it succeeded. It
	// must return at once. Default: nothing is.
	Counted func(ok bool)
	// OnDown is called after the line WhenDown. Default: nothing is.
	OnDown func()
}

// A Breaker refuses calls while a server does not answer. The server counts as
// down after five calls that failed in succession. Then one call at a time, every
// 100 ms, tries the server, and the others are refused without waiting. A Breaker
// is safe for concurrent use.
type Breaker struct {
	opts     Options
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]
	down     atomic.Bool
	reported atomic.Bool  // what the Logger was told last of down
	timeouts atomic.Int64 // in succession
}

// New returns a Breaker.
func New(opts Options) *Breaker {
	b := &Breaker{opts: opts}
	b.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout: retryEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= maxFailures || opts.MaxTimeouts > 0 && b.timeouts.Load() >= int64(opts.MaxTimeouts)
		},
		IsSuccessful: func(err error) bool {
			ok := err == nil || opts.Failed != nil && !opts.Failed(err)
			if opts.Counted != nil {
				opts.Counted(ok)
			}
			return ok
		},
		IsExcluded: b.ignores,
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to != gobreaker.StateHalfOpen {
				b.down.Store(to == gobreaker.StateOpen)
			}
		},
	})
	return b
}

func (b *Breaker) ignores(err error) bool {
	return errors.Is(err, context.Canceled) || b.opts.Ignore != nil && b.opts.Ignore(err)
}

// Allow returns [Options].Down if no call may be made now. Otherwise the caller
// makes its call, and then calls done once, with its error.
func (b *Breaker) Allow() (done func(err error), err error) {
	end, err := b.breaker.Allow()
	if err != nil {
		return nil, b.opts.Down
	}
	return func(err error) {
		switch {
		case b.ignores(err):
		case errors.Is(err, context.DeadlineExceeded):
			b.timeouts.Add(1)
		default:
			b.timeouts.Store(0)
		}
		end(err)
		b.report(err)
	}, nil
}

// report logs a change after a call that ended with err. Nothing is locked
// meanwhile, as it would be in OnStateChange.
func (b *Breaker) report(err error) {
	switch down := b.down.Load(); {
	case b.reported.Swap(down) == down:
	case down:
		b.opts.Logger.Error(b.opts.WhenDown, append(slices.Clone(b.opts.Attrs), "error", b.cause(err))...)
		if b.opts.OnDown != nil {
			b.opts.OnDown()
		}
	default:
		b.opts.Logger.Info(b.opts.WhenUp, b.opts.Attrs...)
	}
}

func (b *Breaker) cause(err error) string {
	if b.opts.Cause != nil {
		if text := b.opts.Cause(err); text != "" {
			return text
		}
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return err.Error()
}

// Refuses reports whether Allow would refuse a call now. It costs less than a
// call that is refused later.
func (b *Breaker) Refuses() bool {
	switch b.breaker.State() {
	case gobreaker.StateOpen:
		return true
	case gobreaker.StateHalfOpen:
		// One call tries. One that said nothing about the server leaves room for
		// another.
		c := b.breaker.Counts()
		return c.Requests > c.TotalExclusions
	}
	return false
}

// Down reports whether the server counts as down. It still does while a call
// tries whether it is back.
func (b *Breaker) Down() bool { return b.down.Load() }
