package recoverytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A QueueHarness is what [TestQueue] needs to know of a queue. New and Workers
// are required.
type QueueHarness struct {
	// New returns a queue for one clause. It is not started, and no other
	// program adds or performs its jobs. Each call returns another queue, as the
	// two of a Service are, on the same storage. New registers with t.Cleanup
	// how to close what it opens. The suite starts the queue and shuts it down.
	New func(t *testing.T) recovery.WorkerQueue

	// Workers is how many jobs New's queues run at once, 2 to 64.
	Workers int

	// Capacity is how many jobs New's queues hold before they are full. At 0
	// the suite does not test a full queue. Choose a small one, but not under
	// 64.
	Capacity int

	// Another returns a further queue, not started, on the storage of a queue
	// that was shut down. It is for queues whose jobs outlive them: the further
	// queue performs the jobs that the first one left, none before its NotBefore. Optional; without it,
	// Shutdown itself has to perform the jobs that are due.
	Another func(t *testing.T, q recovery.WorkerQueue) recovery.WorkerQueue

	// Attempts is how often the suite lets one job fail, whose NotAfter is far,
	// to see that the queue does not give it up. Default 0: it does so only in a
	// bubble, where the pauses cost no time. Many queues give up after 3, 10 or
	// 25 attempts, so 30 is a good number if the pauses are short.
	Attempts int

	// Parallel runs clauses side by side, as many at once as -parallel says: for
	// a queue on a server, so that clauses mostly wait. The hooks are then called
	// from several goroutines at once. The clauses end when the test does, as
	// every parallel subtest. Parallel has no effect with Bubble.
	Parallel bool

	// Bubble is synctest.Test for a queue that lives in this process: every
	// clause runs in a bubble of its own. Calls of Enqueue must take no time in
	// it. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Patience is how long the suite waits for things that have to happen: a
	// job that is due, and the first four repetitions of a job that fails.
	// Configure short pauses in the queue, so that Patience can be short.
	// Shutdown may take as long after its ctx has ended, but 10 s in a bubble.
	// Default 10 s, and 10 min in a bubble, where they pass at once.
	Patience time.Duration

	// Quiet is how long the suite waits before it concludes that something does
	// not happen. Default 500 ms, and 10 min in a bubble.
	Quiet time.Duration
}

// TestQueue tests a [recovery.WorkerQueue], with one subtest for each clause of
// its contract and of that of [recovery.Queue].
func TestQueue(t *testing.T, h QueueHarness) {
	t.Helper()
	queueSuite(h).test(t)
}

func queueSuite(h QueueHarness) suite[*jobs] {
	if h.Patience <= 0 {
		h.Patience = 10 * time.Second
		if h.Bubble != nil {
			h.Patience = 10 * time.Minute
		}
	}
	if h.Quiet <= 0 {
		h.Quiet = 500 * time.Millisecond
		if h.Bubble != nil {
			h.Quiet = 10 * time.Minute
		}
	}
	return suite[*jobs]{
		timing:   newTiming(h.Bubble, nil, 0),
		setup:    func(p *probe) *jobs { return newJobs(p, h, "") },
		clauses:  slices.Concat(queueClauses, queueRetryClauses, queueShutdownClauses),
		parallel: h.Parallel,
	}
}

// newJobs returns a new queue that was started. The name, which may be empty, is
// what failures call it.
func newJobs(p *probe, h QueueHarness, name string) *jobs {
	e := &jobs{probe: p, h: h, name: name, queue: h.New(p.t), ctx: p.t.Context(), count: map[string]int{}, changed: make(chan struct{})}
	if err := e.queue.Start(e); err != nil {
		e.fatalf("Start of a new queue: it returned %s, want none", outcomeOf(err))
	}
	p.t.Cleanup(e.end)
	return e
}

// jobs is what the clauses of the queue suite work with. It is also the handler
// of the queue, and records all attempts and dead letters.
type jobs struct {
	*probe
	h     QueueHarness
	name  string // of the queue, in failures, if the clause has two
	queue recovery.WorkerQueue
	ctx   context.Context

	mu          sync.Mutex
	perform     func(ctx context.Context, job recovery.Job, attempt int) error
	attempts    []attempt
	count       map[string]int // of attempts, by job: one that fails may have 100,000
	dead        []death
	running     int
	mostRunning int           // the most attempts that ran at once
	taken       []string      // the IDs of the jobs that enqueue enqueued
	changed     chan struct{} // closed and replaced whenever the record grows
	ended       bool
}

type attempt struct {
	job  recovery.Job
	at   time.Time
	done bool // it has returned, or panicked
	ok   bool // it has returned no error
}

type death struct {
	job   recovery.Job
	at    time.Time
	cause error
}

// handle sets what an attempt does. The attempts of a job count from 1. Without
// handle every job succeeds.
func (e *jobs) handle(f func(ctx context.Context, job recovery.Job, attempt int) error) {
	e.mark() // f runs in the queue's goroutines
	e.mu.Lock()
	defer e.mu.Unlock()
	e.perform = f
}

// after is what has to be true of a queue that was shut down: now, or after
// another one on the same storage has continued its work, if the harness has
// one. so is called with mu held.
func (e *jobs) after(what string, so func() bool) {
	if e.h.Another != nil {
		e.queue = e.h.Another(e.t, e.queue)
		if err := e.queue.Start(e); err != nil {
			e.fatalf("Start of another queue: it returned %s, want none", outcomeOf(err))
		}
		e.until(what+", by one queue or the other", so)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !so() {
		e.errorf("%s: not seen when Shutdown had returned, want it (%s)", what, e.seen())
	}
}

// settled reports whether each job was done or given up. The caller holds mu.
func (e *jobs) settled(ids ...string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool {
		return len(e.deathsOf(id)) == 0 && !slices.ContainsFunc(e.attemptsOf(id), func(a attempt) bool { return a.ok })
	})
}

// Perform implements [recovery.JobHandler].
func (e *jobs) Perform(ctx context.Context, job recovery.Job) error {
	e.mu.Lock()
	if e.ended {
		e.mu.Unlock()
		return nil
	}
	job.Payload = slices.Clone(job.Payload)
	e.attempts = append(e.attempts, attempt{job: job, at: time.Now()})
	e.count[job.ID]++
	index, n := len(e.attempts)-1, e.count[job.ID]
	e.running++
	e.mostRunning = max(e.mostRunning, e.running)
	perform := e.perform
	e.notify()
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.running--
		e.attempts[index].done = true
		e.notify()
	}()
	var err error
	if perform != nil {
		err = perform(ctx, job, n)
	}
	e.mu.Lock()
	e.attempts[index].ok = err == nil
	e.mu.Unlock()
	return err
}

// DeadLetter implements [recovery.JobHandler].
func (e *jobs) DeadLetter(ctx context.Context, job recovery.Job, cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	job.Payload = slices.Clone(job.Payload)
	e.dead = append(e.dead, death{job, time.Now(), cause})
	e.notify()
}

func (e *jobs) notify() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// until waits until so reports true. It calls so, with mu held, whenever the
// record of attempts and dead letters has grown.
func (e *jobs) until(what string, so func() bool) { e.untilWithin(e.h.Patience, what, so) }

func (e *jobs) untilWithin(patience time.Duration, what string, so func() bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		e.mu.Lock()
		ok, given := so(), e.changed
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-given:
		case <-timer.C:
			e.mu.Lock()
			defer e.mu.Unlock()
			e.fatalf("%s%s: not seen within %v, want it (%s)%s", e.name, what, patience, e.seen(), e.advice())
		}
	}
}

// seen describes what the handler has seen so far. The caller holds mu.
func (e *jobs) seen() string {
	without := 0
	for _, id := range e.taken {
		if e.count[id] == 0 {
			without++
		}
	}
	return fmt.Sprintf("Enqueue took %d jobs, %d of which had no attempt; %d attempts in all, of which %d still run; %d dead letters",
		len(e.taken), without, len(e.attempts), e.running, len(e.dead))
}

// attemptsOf returns the attempts of one job so far. The caller holds mu, as
// the functions that until calls do.
func (e *jobs) attemptsOf(id string) (all []attempt) {
	for _, a := range e.attempts {
		if a.job.ID == id {
			all = append(all, a)
		}
	}
	return all
}

func (e *jobs) deathsOf(id string) (all []death) {
	for _, d := range e.dead {
		if d.job.ID == id {
			all = append(all, d)
		}
	}
	return all
}

// history returns the attempts and dead letters of a job after the quiet time.
func (e *jobs) history(id string) ([]attempt, []death) {
	time.Sleep(e.h.Quiet)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attemptsOf(id), e.deathsOf(id)
}

func (e *jobs) waitPerformed(ids ...string) { e.waitPerformedWithin(e.h.Patience, ids...) }

func (e *jobs) waitPerformedWithin(patience time.Duration, ids ...string) {
	e.untilWithin(patience, fmt.Sprintf("an attempt of each of %d jobs that are due, or will be within %v", len(ids), patience), func() bool {
		for _, id := range ids {
			if !slices.ContainsFunc(e.attemptsOf(id), func(a attempt) bool { return a.done }) {
				return false
			}
		}
		return true
	})
}

func (e *jobs) waitDead(what, id string) death {
	var d []death
	e.until("DeadLetter of "+what, func() bool { d = e.deathsOf(id); return len(d) > 0 })
	return d[0]
}

// job returns a job that is due, and does not expire within the clause.
func (e *jobs) job() recovery.Job {
	now := time.Now()
	return recovery.Job{ID: random(), NotBefore: now, NotAfter: now.Add(100 * e.h.Patience), Payload: []byte(printable(0, 94) + random())}
}

func (e *jobs) enqueue(all ...recovery.Job) {
	for _, job := range all {
		if err := e.tryEnqueue(e.ctx, job); err != nil {
			e.fatalf("%sEnqueue of a job: it returned %s, want none", e.name, outcomeOf(err))
		}
	}
}

// tryEnqueue calls Enqueue, and remembers the jobs that the queue took.
func (e *jobs) tryEnqueue(ctx context.Context, job recovery.Job) error {
	err := e.queue.Enqueue(ctx, job)
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.taken = append(e.taken, job.ID)
	}
	return err
}

// shutdown ends the queue within the patience. A queue may report jobs that it
// lost, which are dead letters then.
func (e *jobs) shutdown() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), e.h.Patience)
	defer cancel()
	err := e.queue.Shutdown(ctx)
	var lost *recovery.ShutdownError
	if err != nil && (!errors.As(err, &lost) || errors.Is(err, context.DeadlineExceeded)) {
		e.errorf("%sShutdown with a ctx of %v: it returned %s, want none, or a *ShutdownError that counts what was lost", e.name, e.h.Patience, outcomeOf(err))
	}
}

// end cleans up after a clause that may have failed. From now on every attempt
// succeeds at once.
func (e *jobs) end() {
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), e.h.Patience)
	defer cancel()
	_ = e.queue.Shutdown(ctx)
}
