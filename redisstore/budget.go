package redisstore

import (
	"context"
	"sync"
	"time"
)

// A budget is a context that ends after a time, and with its parent's
// deadline. context.WithTimeout would cost five allocations for each decision;
// this costs none, as it is used again.
//
// The parent's cancellation does not end it: an operation that was sent is
// worth waiting the rest of a short budget for, because nobody knows otherwise
// whether it happened.
type budget struct {
	context.Context // the parent, for values
	deadline        time.Time
	alarm           *alarm
	done            chan error // holds one, for who runs within the budget
	short           bool       // cut by the parent's deadline to much less than asked
}

// An alarm closes a channel after a time.
type alarm struct {
	rings chan struct{}
	timer *time.Timer
}

// Deadline implements [context.Context].
func (b *budget) Deadline() (time.Time, bool) { return b.deadline, true }

// Done implements [context.Context].
func (b *budget) Done() <-chan struct{} { return b.alarm.rings }

// Err implements [context.Context].
func (b *budget) Err() error {
	select {
	case <-b.alarm.rings:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// cut is how much of d the parent's deadline leaves.
func cut(parent context.Context, d time.Duration) (left time.Duration, short bool) {
	if t, ok := parent.Deadline(); ok {
		left = max(0, time.Until(t))
		// What such a caller did not wait for says nothing about Redis.
		return min(d, left), left < d/4
	}
	return d, false
}

type budgetPool struct{ pool sync.Pool }

// get returns a budget of d, or of what the parent's deadline leaves of it.
// Nothing that outlives the matching put may hold it.
func (p *budgetPool) get(parent context.Context, d time.Duration) *budget {
	d, short := cut(parent, d)
	b, _ := p.pool.Get().(*budget)
	if b == nil {
		rings := make(chan struct{})
		b = &budget{alarm: &alarm{rings, time.AfterFunc(d, func() { close(rings) })}, done: make(chan error, 1)}
	} else {
		b.alarm.timer.Reset(d)
	}
	b.Context, b.deadline, b.short = parent, time.Now().Add(d), short
	return b
}

// put takes back a budget that nobody waits for any more, and that nobody else
// has seen. It is used again only if its alarm did not ring, and is not about
// to.
func (p *budgetPool) put(b *budget) {
	if b.alarm.timer.Stop() {
		b.Context = nil
		p.pool.Put(b)
	}
}

// putShown takes back what is left of a budget that was shown to others as a
// context: the host's hooks may keep one for as long as they like.
func (p *budgetPool) putShown(b *budget) {
	if b.alarm.timer.Stop() {
		p.pool.Put(&budget{alarm: b.alarm, done: b.done})
	}
}
