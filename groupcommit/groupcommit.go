// Package groupcommit lets callers that wait for the same server share their
// calls to it, as databases commit transactions in groups. While as many calls
// are out as may be, whoever else arrives waits, and goes along with the next
// call. So the busier the callers are, the fewer calls each of them costs, and
// nobody waits for a group to fill.
//
// # The contract
//
// A caller hands in an item ([Group.Do]) and gets its answer or an error. In
// between:
//
//   - At most MaxCalls calls are out at once, with at most MaxItems items each.
//     Those that were given up do not count.
//   - An item is in one call at most. Nothing is called twice.
//   - Items go out in the order of their arrival. While more wait than a call
//     holds, each key has one place before any key has a second one, so one
//     busy key does not make the others wait.
//   - A caller leaves when its context ends or its Timeout is over, whatever
//     the call does. An item whose caller left while it waited for a call to
//     end is in no call.
//   - The error of a call is the error of each of its items. Answers of single
//     items are the business of the call: Out can hold an error.
//   - A call that has not returned after Timeout is given up: what it still
//     returns is dropped, and another call may begin in its place.
//   - A panic of a call becomes the error of each of its items, with its stack.
//
// A Group starts a goroutine for a call, or for several in a row. It has none
// while no call is out.
package groupcommit

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// ErrTimeout is returned for an item that was not answered within Timeout. It
// may have been in a call. It wraps [context.DeadlineExceeded].
var ErrTimeout = fmt.Errorf("groupcommit: no answer in time: %w", context.DeadlineExceeded)

// A Breaker decides whether a call may begin. A
// gobreaker.TwoStepCircuitBreaker is one.
type Breaker interface {
	// Allow returns an error if no call may begin now. The error is that of
	// every item of the call. Otherwise the Group calls done once, with the
	// error of the call, or with ErrTimeout when it gives the call up.
	Allow() (done func(err error), err error)
}

// Options configure a [Group]. The zero value of every field is its default.
type Options[In any] struct {
	_ [0]func()

	// MaxCalls is how many calls may be out at once. Default 2: while one is
	// decided by the server, the next one is on its way.
	MaxCalls int
	// MaxItems is how many items one call may have. Default 64.
	MaxItems int
	// Timeout is how long a caller waits for its answer, and how long a call
	// may take. Default 1 s.
	Timeout time.Duration
	// Key returns the key of an item, for fairness between keys. Default: all
	// items have keys of their own. It is called only while more items wait
	// than a call holds. The Group is locked then, so Key must not call it.
	Key func(In) string
	// Breaker is asked before each call. Default: every call may begin.
	Breaker Breaker
}

// A Group makes calls for many callers. It is safe for concurrent use.
type Group[In, Out any] struct {
	call    func(ctx context.Context, items []In, outs []Out) error
	opts    Options[In]
	waiters sync.Pool // of *waiter[In, Out]
	batches sync.Pool // of *batch[In, Out]

	mu   sync.Mutex
	out  int                // calls that are out
	line []*waiter[In, Out] // who waits for one, in the order of arrival
	keys map[string]bool    // for next, kept to be used again
}

// A waiter is a caller that waits for its answer.
type waiter[In, Out any] struct {
	ctx   context.Context // for the values that the call sees
	item  In
	out   Out
	err   error
	state atomic.Int32
	done  chan struct{} // holds one
	timer *time.Timer
}

// The states of a waiter. Whoever changes it from waiting decides.
const (
	waiting int32 = iota
	answered
	left
)

// A batch is a call, and the items that are in it.
type batch[In, Out any] struct {
	waiters []*waiter[In, Out]
	items   []In
	outs    []Out
	done    func(error)
	giveUp  *time.Timer // calls giveUp for this batch
}

// New returns a Group of calls. The call decides the items and writes the
// answer to items[i] into outs[i], which is the zero value before. It must not
// keep either slice. Its ctx has the values of the context of the first item's
// caller, for tracing, and never ends, because one caller does not speak for the
// others. So the call itself sees to it that it returns within Timeout, as far
// as it can. New panics if the call is nil or an option is negative.
func New[In, Out any](call func(ctx context.Context, items []In, outs []Out) error, opts Options[In]) *Group[In, Out] {
	if call == nil || opts.MaxCalls < 0 || opts.MaxItems < 0 || opts.Timeout < 0 {
		panic("groupcommit: New needs a call, and options that are not negative")
	}
	if opts.MaxCalls == 0 {
		opts.MaxCalls = 2
	}
	if opts.MaxItems == 0 {
		opts.MaxItems = 64
	}
	if opts.Timeout == 0 {
		opts.Timeout = time.Second
	}
	return &Group[In, Out]{call: call, opts: opts, keys: make(map[string]bool)}
}

// Do hands in an item and waits for its answer. It returns the error of ctx
// when ctx ends, and [ErrTimeout] after Timeout. After these two the item may
// have been decided, unless ctx had ended before. Other errors are those of the
// call or of the Breaker.
//
// Items that wait together may be in different calls and be decided in any
// order. Whoever needs an order waits for the first answer. Nobody may change
// what the item refers to until the call has returned, which may be after Do
// did.
func (g *Group[In, Out]) Do(ctx context.Context, item In) (Out, error) {
	var zero Out
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	w := g.arrive(ctx, item)
	var err error
	select {
	case <-w.done:
		return g.leave(w)
	case <-ctx.Done():
		err = ctx.Err()
	case <-w.timer.C:
		err = ErrTimeout
	}
	w.timer.Stop()
	if !w.state.CompareAndSwap(waiting, left) {
		// The answer came in the same instant.
		<-w.done
		return g.leave(w)
	}
	return zero, err
}

// arrive begins a call if one may begin, and waits in line otherwise.
func (g *Group[In, Out]) arrive(ctx context.Context, item In) *waiter[In, Out] {
	w, _ := g.waiters.Get().(*waiter[In, Out])
	if w == nil {
		w = &waiter[In, Out]{done: make(chan struct{}, 1), timer: time.NewTimer(g.opts.Timeout)}
	} else {
		w.timer.Reset(g.opts.Timeout)
	}
	w.ctx, w.item = ctx, item
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out == g.opts.MaxCalls {
		g.line = append(g.line, w)
		return w
	}
	g.out++
	b := g.newBatch()
	b.waiters = append(b.waiters, w)
	go g.serve(b)
	return w
}

// newBatch returns a batch without items, whose timer does not run.
func (g *Group[In, Out]) newBatch() *batch[In, Out] {
	if b, _ := g.batches.Get().(*batch[In, Out]); b != nil {
		return b
	}
	b := &batch[In, Out]{}
	b.giveUp = time.AfterFunc(time.Hour, func() { g.giveUp(b) })
	b.giveUp.Stop()
	return b
}

// leave takes the answer out of a waiter that nobody else has any more.
func (g *Group[In, Out]) leave(w *waiter[In, Out]) (Out, error) {
	w.timer.Stop()
	out, err := w.out, w.err
	g.reuse(w)
	return out, err
}

func (g *Group[In, Out]) reuse(w *waiter[In, Out]) {
	var in In
	var out Out
	w.ctx, w.item, w.out, w.err = nil, in, out, nil
	w.state.Store(waiting)
	g.waiters.Put(w)
}

// serve makes calls until nobody waits.
func (g *Group[In, Out]) serve(b *batch[In, Out]) {
	for {
		if !g.makeCall(b) {
			return // given up: another goroutine has the place
		}
		// Whoever got an answer and asks again at once goes along.
		runtime.Gosched()
		g.mu.Lock()
		g.next(b)
		if len(b.waiters) == 0 {
			g.out--
			g.mu.Unlock()
			g.batches.Put(b)
			return
		}
		g.mu.Unlock()
	}
}

// makeCall makes one call. It reports false if the call was given up.
func (g *Group[In, Out]) makeCall(b *batch[In, Out]) bool {
	b.done = func(error) {}
	if g.opts.Breaker != nil {
		var err error
		if b.done, err = g.opts.Breaker.Allow(); err != nil {
			g.deliver(b, err)
			return true
		}
	}
	ctx := context.WithoutCancel(b.waiters[0].ctx)
	for _, w := range b.waiters {
		b.items = append(b.items, w.item)
	}
	b.outs = append(b.outs, make([]Out, len(b.items))...)
	b.giveUp.Reset(g.opts.Timeout)
	err := g.protected(ctx, b.items, b.outs)
	if !b.giveUp.Stop() {
		return false
	}
	b.done(err)
	g.deliver(b, err)
	return true
}

func (g *Group[In, Out]) protected(ctx context.Context, items []In, outs []Out) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("groupcommit: the call panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return g.call(ctx, items, outs)
}

// deliver answers whoever still waits, and empties the batch.
func (g *Group[In, Out]) deliver(b *batch[In, Out], err error) {
	for i, w := range b.waiters {
		if err != nil {
			w.err = err
		} else {
			w.out = b.outs[i]
		}
		g.answer(w)
	}
	clear(b.waiters)
	clear(b.items)
	clear(b.outs)
	b.waiters, b.items, b.outs = b.waiters[:0], b.items[:0], b.outs[:0]
}

func (g *Group[In, Out]) answer(w *waiter[In, Out]) {
	if w.state.CompareAndSwap(waiting, answered) {
		w.done <- struct{}{}
	} else {
		g.reuse(w)
	}
}

// giveUp answers the items of a call that has not returned, and lets others
// have its place. The batch belongs to the call, so it is only read here.
func (g *Group[In, Out]) giveUp(b *batch[In, Out]) {
	b.done(ErrTimeout)
	for _, w := range b.waiters {
		w.err = ErrTimeout
		g.answer(w)
	}
	after := g.newBatch()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next(after)
	if len(after.waiters) == 0 {
		g.out--
		g.batches.Put(after)
		return
	}
	go g.serve(after)
}

// next takes the items of the next call out of the line. It holds mu.
func (g *Group[In, Out]) next(b *batch[In, Out]) {
	g.dropWhoLeft()
	most := g.opts.MaxItems
	if len(g.line) > most && g.opts.Key != nil {
		g.oneForEachKey(b, most)
	}
	n := min(most-len(b.waiters), len(g.line))
	b.waiters = append(b.waiters, g.line[:n]...)
	rest := copy(g.line, g.line[n:])
	clear(g.line[rest:])
	g.line = g.line[:rest]
}

// oneForEachKey takes the first item of each key, in order.
func (g *Group[In, Out]) oneForEachKey(b *batch[In, Out], most int) {
	kept := g.line[:0]
	for _, w := range g.line {
		if len(b.waiters) < most {
			if key := g.opts.Key(w.item); !g.keys[key] {
				g.keys[key] = true
				b.waiters = append(b.waiters, w)
				continue
			}
		}
		kept = append(kept, w)
	}
	clear(g.keys)
	clear(g.line[len(kept):])
	g.line = kept
}

func (g *Group[In, Out]) dropWhoLeft() {
	kept := g.line[:0]
	for _, w := range g.line {
		if w.state.Load() == left {
			g.reuse(w)
			continue
		}
		kept = append(kept, w)
	}
	clear(g.line[len(kept):])
	g.line = kept
}
