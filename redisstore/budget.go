package redisstore

import (
	"context"
	"sync"
	"time"
)

// A budget is a context that ends after a time, and with its parent's
// deadline, and can be used again if it did not. context.WithTimeout would cost
// five allocations for each decision.
//
// The parent's cancellation does not end it: an operation that was sent is
// worth waiting the rest of a short budget for, because nobody knows otherwise
// whether it happened.
type budget struct {
	context.Context // for values
	deadline        time.Time
	done            chan struct{}
	timer           *time.Timer
}

// Deadline implements [context.Context].
func (b *budget) Deadline() (time.Time, bool) { return b.deadline, true }

// Done implements [context.Context].
func (b *budget) Done() <-chan struct{} { return b.done }

// Err implements [context.Context].
func (b *budget) Err() error {
	select {
	case <-b.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

type budgetPool struct{ pool sync.Pool }

// get returns a budget of d. Nothing that outlives the matching put may hold
// it.
func (p *budgetPool) get(parent context.Context, d time.Duration) *budget {
	deadline := time.Now().Add(d)
	if t, ok := parent.Deadline(); ok && t.Before(deadline) {
		deadline, d = t, max(0, time.Until(t))
	}
	b, _ := p.pool.Get().(*budget)
	if b == nil {
		b = &budget{done: make(chan struct{})}
		done := b.done
		b.timer = time.AfterFunc(d, func() { close(done) })
	} else {
		b.timer.Reset(d)
	}
	b.Context, b.deadline = parent, deadline
	return b
}

// put takes a budget back that did not run out.
func (p *budgetPool) put(b *budget) {
	if b.timer.Stop() {
		b.Context = nil
		p.pool.Put(b)
	}
}
