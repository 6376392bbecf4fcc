package smtpnotifier

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A pool keeps the sessions that wait for their next message, and counts those
// that are in use. Both together never exceed its size: a session is opened only
// by who holds a slot and finds none idle, and becomes idle before its slot is
// given back.
type pool struct {
	slots       chan struct{}
	idleTimeout time.Duration
	// ctx ends when whatever is still under way has to.
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu     sync.Mutex
	idle   []*session // the one that was used last is at the end
	closed bool
}

func newPool(size int, idleTimeout time.Duration) *pool {
	p := &pool{slots: make(chan struct{}, size), idleTimeout: idleTimeout}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	return p
}

// enter waits for a slot. The context that it returns ends with ctx and when the
// pool is closed and will wait no longer.
func (p *pool) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ctx, func() { cancel(ErrShutdown) })
	release := func() {
		stop()
		cancel(nil)
	}
	select {
	case <-ctx.Done():
		release()
		return nil, nil, context.Cause(ctx)
	case p.slots <- struct{}{}:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		release()
		return nil, nil, ErrShutdown
	}
	return ctx, func() { <-p.slots; release() }, nil
}

// take returns an idle session, or nil. The one that was used last is the most
// likely to be alive.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	s.expiry.Stop()
	s.reused = true
	return s
}

// put makes a session idle, and reports whether it did: a closed pool takes
// none.
func (p *pool) put(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, s)
	s.expiry = time.AfterFunc(p.idleTimeout, func() { p.expire(s) })
	return true
}

// expire ends a session whose time is over, unless somebody has just taken it.
// While it says goodbye it holds a slot. If there is none, everybody who holds
// one has a session or is about to look for an idle one, of which there are no
// more than they: then this one is about to be taken.
func (p *pool) expire(s *session) {
	if !p.remove(s) {
		return
	}
	s.quit(p.ctx)
	<-p.slots
}

// remove takes a session out of the idle ones and a slot for it, or neither.
func (p *pool) remove(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.idle, s)
	if i < 0 {
		return false
	}
	select {
	case p.slots <- struct{}{}:
		p.idle = slices.Delete(p.idle, i, i+1)
		return true
	default:
		return false
	}
}

// close ends the idle sessions and waits until no other is in use. When ctx ends
// it cuts those short.
func (p *pool) close(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { p.cancel(ErrShutdown) })()
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var goodbyes sync.WaitGroup
	for _, s := range idle {
		s.expiry.Stop()
		goodbyes.Go(func() { s.quit(p.ctx) })
	}
	goodbyes.Wait() // no longer than quitTimeout, or ctx
	for held := range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			for range held {
				<-p.slots
			}
			return context.Cause(ctx)
		}
	}
	for range cap(p.slots) {
		<-p.slots
	}
	return nil
}
