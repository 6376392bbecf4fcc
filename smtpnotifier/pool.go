package smtpnotifier

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A pool keeps the idle sessions and counts the sessions in use. Both together
// never exceed the size of the pool, because of two rules. Only a caller that
// holds a slot and finds no idle session opens a session. A session becomes
// idle before its slot is released.
type pool struct {
	slots       chan struct{}
	idleTimeout time.Duration
	// ctx ends when deliveries that still run must end.
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu     sync.Mutex
	idle   []*session // the most recently used session is the last
	closed bool
}

func newPool(size int, idleTimeout time.Duration) *pool {
	p := &pool{slots: make(chan struct{}, size), idleTimeout: idleTimeout}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	return p
}

// errBusy is the error of a delivery that got no connection in time.
var errBusy = errors.New("all connections are busy")

// acquire waits for a slot; release gives it back. The context that acquire
// returns ends when ctx ends, and when close stops waiting for deliveries. If
// ctx has a deadline, acquire waits for three quarters of the time that is left
// and no longer: what could not be sent in time is not begun.
func (p *pool) acquire(ctx context.Context) (_ context.Context, release func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ctx, func() { cancel(ErrShutdown) })
	stopWatch := func() {
		stop()
		cancel(nil)
	}
	var late <-chan time.Time
	if end, ok := ctx.Deadline(); ok {
		timer := time.NewTimer(time.Until(end) * 3 / 4)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-late:
		stopWatch()
		return nil, nil, errBusy
	case <-ctx.Done():
		stopWatch()
		return nil, nil, context.Cause(ctx)
	case p.slots <- struct{}{}:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		stopWatch()
		return nil, nil, ErrShutdown
	}
	return ctx, func() { <-p.slots; stopWatch() }, nil
}

// getIdle removes an idle session from the pool and returns it, or nil if there
// is none. It chooses the most recently used one, whose connection is the most
// likely to be alive.
func (p *pool) getIdle() *session {
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

// putIdle makes a session idle and returns true. If the pool is closed, it
// returns false.
func (p *pool) putIdle(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, s)
	s.expiry = time.AfterFunc(p.idleTimeout, func() { p.expire(s) })
	return true
}

// expire ends a session that was idle for too long, unless a caller has just
// taken it. It holds a slot until the session has ended. If no slot is free,
// expire does nothing: each slot then belongs to a caller that has a session or
// will ask for an idle one. There are no more idle sessions than callers that
// will ask, so a caller will take this session.
func (p *pool) expire(s *session) {
	if !p.remove(s) {
		return
	}
	s.quit(p.ctx)
	<-p.slots
}

// remove removes a session from the idle ones and occupies a slot for it. It
// returns false and does neither if the session is not idle or no slot is free.
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

// close ends the idle sessions and waits until no session is in use. When ctx
// ends, close ends the deliveries that still run.
func (p *pool) close(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { p.cancel(ErrShutdown) })()
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var quits sync.WaitGroup
	for _, s := range idle {
		s.expiry.Stop()
		quits.Go(func() { s.quit(p.ctx) })
	}
	quits.Wait() // at most quitTimeout, or until ctx ends
	// The pool is unused once close holds every slot.
	for acquired := range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			for range acquired {
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
