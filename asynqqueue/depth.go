package asynqqueue

import (
	"context"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	// A depth is asked for again after so long while there is room.
	sampleEvery = time.Second
	// A queue that Redis says is full is taken at its word for so long.
	sampleWhileFull = 50 * time.Millisecond
)

// A depth bounds the queue (A59) without a question to Redis for each job: it
// is what Redis said last, and what this process has admitted since.
type depth struct {
	max int
	// ask starts a question in the background and calls done with its answer,
	// or reports false if it may not any more.
	ask func(done func(n int, err error)) bool

	mu       sync.Mutex
	at       time.Time     // of the last question
	n        int           // the last answer; max until there is one
	admitted int           // since the last question
	pending  int           // admitted, and perhaps not there yet
	asking   chan struct{} // closed with its answer, nil if there is none under way
	full     time.Time     // when Redis last said that the queue is full
}

func newDepth(max int, ask func(done func(n int, err error)) bool) *depth {
	return &depth{max: max, ask: ask, n: max}
}

// admit makes room for a job, or returns [recovery.ErrQueueFull]. It waits for
// Redis only where the queue looks full, as it does to the first caller, and no
// longer than ctx lasts. A job that was admitted is settled once Redis has it,
// or not.
func (d *depth) admit(ctx context.Context) error {
	// The first answer may be that to a question from before the queue looked
	// full; the second is not, and nothing was admitted meanwhile.
	for range 3 {
		answer, ok := d.tryAdmit()
		if ok {
			return nil
		}
		if answer == nil {
			break
		}
		select {
		case <-answer:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return recovery.ErrQueueFull
}

// tryAdmit makes room or returns what to wait for before it is tried again, if
// that is of any use. All that ask at the same time share a question.
func (d *depth) tryAdmit() (answer <-chan struct{}, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if !d.looksFull() {
		d.admitted++
		d.pending++
		if now.Sub(d.at) >= sampleEvery {
			d.sample(now)
		}
		return nil, true
	}
	if now.Sub(d.full) < sampleWhileFull {
		return nil, false
	}
	d.sample(now)
	return d.asking, false
}

func (d *depth) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
}

// left is told of a job that leaves the queue from here: what Redis said of
// room is outdated.
func (d *depth) left() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = time.Time{}
}

// looksFull is on the safe side: what was enqueued while Redis was asked may be
// counted twice.
func (d *depth) looksFull() bool { return d.n+d.admitted >= d.max }

// sample asks, if nobody does. The caller holds mu.
func (d *depth) sample(now time.Time) {
	if d.asking != nil {
		return
	}
	asking, before, looksFull := make(chan struct{}), d.admitted-d.pending, d.looksFull()
	if !d.ask(func(n int, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		// What was settled before is in the answer. Where there is none, the
		// depth is unknown: memory and maxmemory bound the queue then, because
		// a question that is not allowed must not refuse everybody for ever.
		d.n = 0
		if err == nil {
			d.n = n
		}
		d.admitted -= before
		if looksFull && d.looksFull() {
			d.full = time.Now()
		}
		d.asking = nil
		close(asking)
	}) {
		return
	}
	d.at, d.asking = now, asking
}
