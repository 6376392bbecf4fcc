package password

import (
	"context"
	"sync/atomic"
	"time"
)

// gate admits a fixed number of hashes at once and lets a bounded number wait
// for a bounded time. Without it argon2 collapses: 64 hashes at once on two
// cores take 2 GB and are five times slower together than in turn.
//
// Waiters are served in the order in which they came: a channel hands a freed
// slot to the sender that has blocked longest, and a newcomer finds the buffer
// full until nobody waits.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	maxWait    time.Duration
}

// enter takes a slot. It returns ErrBusy if none comes free in time, at once if
// too many wait already, and the error of ctx if that ends first.
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

// leave gives a slot back.
func (g *gate) leave() { <-g.slots }
