package password

import (
	"context"
	"sync/atomic"
	"time"
)

// gate lets a fixed number of hashes run at once, and a bounded number of
// callers wait for a bounded time. Without it 64 hashes of argon2 at once on
// two cores take 2 GB, and five times as long as one after the other.
//
// Callers get slots in the order in which they came. A channel gives a free
// slot to the sender that has waited longest, and a new caller finds the
// channel full until no caller waits.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	maxWait    time.Duration
}

// enter gets a slot. It returns ErrBusy if no slot becomes free in time, or at
// once if too many callers wait already. It returns the error of ctx if ctx
// ends first.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}

	if g.waiting.Add(1) > g.maxWaiting {
		g.waiting.Add(-1)
		return ErrBusy
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.maxWait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave returns a slot.
func (g *gate) leave() { <-g.slots }
