package asynqqueue

import (
	"context"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	// sampleEvery is how long an answer of Redis is used while there is room.
	sampleEvery = time.Second
	// sampleWhileFull is how long the queue is held to be full after Redis said
	// so.
	sampleWhileFull = 50 * time.Millisecond
)

// A depth bounds the queue (A59) without a question to Redis for each job. It
// adds the jobs that this process has accepted since to the last answer of
// Redis.
type depth struct {
	limit int // the most jobs that the queue may hold
	// ask asks Redis in the background, and calls done with the answer. It
	// reports false, and does not call done, after Shutdown.
	ask func(done func(n int, err error)) bool

	mu       sync.Mutex
	askedAt  time.Time     // when the last question began
	answer   int           // the last answer of Redis; limit until there is one
	reserved int           // jobs that got room since the last question
	pending  int           // jobs that got room and are perhaps not in Redis yet
	asking   chan struct{} // closed when the present question is answered; nil without one
	fullAt   time.Time     // when Redis last said that the queue is full
}

func newDepth(limit int, ask func(done func(n int, err error)) bool) *depth {
	return &depth{limit: limit, ask: ask, answer: limit}
}

// reserve makes room for a job, or returns [recovery.ErrQueueFull]. It waits
// for Redis only while the queue looks full, and no longer than ctx lasts. The
// queue looks full to the first caller, because nothing is known then. After
// reserve returned nil, the caller calls settle as soon as it knows whether
// Redis has the job.
func (d *depth) reserve(ctx context.Context) error {
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
func (d *depth) tryReserve() (answer <-chan struct{}, ok bool) {
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

// settle ends what reserve began: from now on Redis counts the job, or the job
// is not in the queue.
func (d *depth) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
}

// jobRemoved is called after this process removed a job from the queue. There
// is room again then, so the last answer of Redis that the queue is full is no
// longer true.
func (d *depth) jobRemoved() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fullAt = time.Time{}
}

// looksFull reports whether the queue may be full. A job that was enqueued
// while Redis was asked may be counted twice, so the queue looks full too early
// and never too late.
func (d *depth) looksFull() bool { return d.answer+d.reserved >= d.limit }

// sample begins a question, unless one is under way. The caller holds mu.
func (d *depth) sample(now time.Time) {
	if d.asking != nil {
		return
	}
	asking, before, looksFull := make(chan struct{}), d.reserved-d.pending, d.looksFull()
	if !d.ask(func(n int, err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		// The answer counts the jobs that were settled before the question.
		// After an error the depth is unknown, and only maxmemory bounds the
		// queue. A user who may not ask would otherwise refuse all jobs for
		// ever.
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
