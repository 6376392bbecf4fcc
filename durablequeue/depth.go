package durablequeue

import (
	"context"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	// sampleEvery is how long an answer is used while there is room.
	sampleEvery = time.Second
	// sampleWhileFull is how long the queue is held to be full after an answer
	// said so.
	sampleWhileFull = 50 * time.Millisecond
)

// A Depth bounds a queue (A59) without a question to its storage for each job.
// It adds the jobs that this process has accepted since to the last answer. It
// is safe for concurrent use.
type Depth struct {
	limit int // the most jobs that the queue may hold
	// ask asks the storage in the background, and calls done with the answer. It
	// reports false, and does not call done, after Shutdown.
	ask func(done func(n int, err error)) bool

	mu       sync.Mutex
	askedAt  time.Time     // when the last question began
	answer   int           // the last answer; limit until there is one
	reserved int           // jobs that got room since the last question
	pending  int           // jobs that got room and are perhaps not in the storage yet
	asking   chan struct{} // closed when the present question is answered; nil without one
	fullAt   time.Time     // when an answer last said that the queue is full
}

// NewDepth returns a Depth for a queue of at most limit jobs. ask asks the
// storage in the background how many jobs the queue holds, and calls done with
// the answer. It reports false, and does not call done, once the queue is shut
// down.
func NewDepth(limit int, ask func(done func(n int, err error)) bool) *Depth {
	return &Depth{limit: limit, ask: ask, answer: limit}
}

// Reserve makes room for a job, or returns [recovery.ErrQueueFull]. It waits for
// an answer only while the queue looks full, and no longer than ctx lasts. The
// queue looks full to the first caller, because nothing is known then. After
// Reserve returned nil, the caller calls Settle as soon as it knows whether the
// storage has the job.
func (d *Depth) Reserve(ctx context.Context) error {
	// The first answer may belong to a question from before the queue looked
	// full. The second cannot, and no job got room in between.
	for range 3 {
		answer, ok := d.tryReserve()
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

// tryReserve makes room and reports true. If there is no room, it returns a
// channel that is closed when a further try makes sense, or nil if none does.
// All callers that ask at the same time share one question.
func (d *Depth) tryReserve() (answer <-chan struct{}, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if !d.looksFull() {
		d.reserved++
		d.pending++
		if now.Sub(d.askedAt) >= sampleEvery {
			d.sample(now)
		}
		return nil, true
	}
	if now.Sub(d.fullAt) < sampleWhileFull {
		return nil, false
	}
	d.sample(now)
	return d.asking, false
}

// Settle ends what Reserve began: from now on the storage counts the job, or the
// job is not in the queue.
func (d *Depth) Settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
}

// JobRemoved is called after this process removed a job from the queue. There is
// room again then, so the last answer that the queue is full is no longer true.
func (d *Depth) JobRemoved() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fullAt = time.Time{}
}

// looksFull reports whether the queue may be full. A job that was enqueued
// during a question may be counted twice, so the queue looks full too early
// and never too late.
func (d *Depth) looksFull() bool { return d.answer+d.reserved >= d.limit }

// sample begins a question, unless one is under way. The caller holds mu.
func (d *Depth) sample(now time.Time) {
	if d.asking != nil {
		return
	}
	asking, before, looksFull := make(chan struct{}), d.reserved-d.pending, d.looksFull()
	if !d.ask(func(n int, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		// The answer counts the jobs that were settled before the question.
		// After an error the depth is unknown, and only the room of the
		// storage bounds the queue. A user who may not ask would otherwise
		// refuse all jobs for ever.
		d.answer = 0
		if err == nil {
			d.answer = n
		}
		d.reserved -= before
		if looksFull && d.looksFull() {
			d.fullAt = time.Now()
		}
		d.asking = nil
		close(asking)
	}) {
		return
	}
	d.askedAt, d.asking = now, asking
}
