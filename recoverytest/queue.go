package recoverytest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A QueueHarness is what [TestQueue] needs to know of a queue.
type QueueHarness struct {
	// New returns a queue for one clause that is not started, and that nobody
	// else puts jobs into or takes them from; what it opens is closed with
	// t.Cleanup. The suite starts it and shuts it down.
	New func(t *testing.T) recovery.WorkerQueue

	// Workers is how many jobs New's queues run at once, 2 to 64.
	Workers int

	// Capacity is how many jobs New's queues hold before they are full. At 0
	// that is not tested. Choose a small one, but not under 64.
	Capacity int

	// Another returns a further queue, not started, on the storage of one that
	// was shut down, for a queue whose jobs outlive it: what that one left,
	// another performs. Optional; without it, Shutdown itself has to perform
	// what is due.
	Another func(t *testing.T, q recovery.WorkerQueue) recovery.WorkerQueue

	// Bubble is synctest.Test for a queue that lives in this process: every
	// clause runs in a bubble of its own. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Patience is how long the suite waits for what has to happen: a due job,
	// and the first four repetitions of one that fails. Configure the queue's
	// pauses so that it need not be long. Default 10 s, and 10 min in a bubble,
	// where they pass at once.
	Patience time.Duration

	// Quiet is how long the suite waits to see that nothing happens. Default
	// 500 ms, and 10 min in a bubble.
	Quiet time.Duration
}

// TestQueue proves a [recovery.WorkerQueue], one subtest for each clause of its
// contract and of that of [recovery.Queue].
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
		timing: newTiming(h.Bubble, nil, 0),
		setup: func(p *probe) *jobs {
			e := &jobs{probe: p, h: h, queue: h.New(p.t), ctx: p.t.Context(), changed: make(chan struct{})}
			if err := e.queue.Start(e); err != nil {
				e.fatalf("Start: %v", err)
			}
			p.t.Cleanup(e.end)
			return e
		},
		clauses: queueClauses,
	}
}

// jobs is what the clauses of Queue work with, and the handler of the queue:
// it keeps a diary.
type jobs struct {
	*probe
	h     QueueHarness
	queue recovery.WorkerQueue
	ctx   context.Context

	mu          sync.Mutex
	perform     func(ctx context.Context, job recovery.Job, attempt int) error
	attempts    []attempt
	dead        []death
	running     int
	mostRunning int           // that ran at once
	changed     chan struct{} // closed and replaced whenever the diary grows
	ended       bool
}

type attempt struct {
	job  recovery.Job
	at   time.Time
	done bool
}

type death struct {
	job   recovery.Job
	cause error
}

// handle sets what an attempt does; attempts of a job count from 1. Without,
// every job succeeds.
func (e *jobs) handle(f func(ctx context.Context, job recovery.Job, attempt int) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.perform = f
}

// succeed puts another queue in the place of one that was shut down, where there
// is one, and waits for it to perform what that one left.
func (e *jobs) continueWithAnother(ids ...string) {
	if e.h.Another == nil {
		return
	}
	e.queue = e.h.Another(e.t, e.queue)
	if err := e.queue.Start(e); err != nil {
		e.fatalf("Start of another queue: %v", err)
	}
	e.until("every job that was accepted was performed, by one queue or the other", func() bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return len(e.attemptsOf(id)) == 0 })
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
	index, n := len(e.attempts)-1, 0
	for _, a := range e.attempts {
		if a.job.ID == job.ID {
			n++
		}
	}
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
	if perform == nil {
		return nil
	}
	return perform(ctx, job, n)
}

// DeadLetter implements [recovery.JobHandler].
func (e *jobs) DeadLetter(ctx context.Context, job recovery.Job, cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	job.Payload = slices.Clone(job.Payload)
	e.dead = append(e.dead, death{job, cause})
	e.notify()
}

func (e *jobs) notify() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// until waits until the diary says what is wanted.
func (e *jobs) until(what string, said func() bool) {
	timer := time.NewTimer(e.h.Patience)
	defer timer.Stop()
	for {
		e.mu.Lock()
		ok, given := said(), e.changed
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-given:
		case <-timer.C:
			e.fatalf("%s: not within %v", what, e.h.Patience)
		}
	}
}

// attemptsOf is the attempts of one job so far. The caller holds mu, as the
// functions given to until do.
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

// history is attempts and deaths of a job after a quiet time.
func (e *jobs) history(id string) ([]attempt, []death) {
	time.Sleep(e.h.Quiet)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attemptsOf(id), e.deathsOf(id)
}

func (e *jobs) waitPerformed(ids ...string) {
	e.until("performing jobs", func() bool {
		for _, id := range ids {
			if !slices.ContainsFunc(e.attemptsOf(id), func(a attempt) bool { return a.done }) {
				return false
			}
		}
		return true
	})
}

func (e *jobs) waitDead(id string) death {
	var d []death
	e.until("a dead letter", func() bool { d = e.deathsOf(id); return len(d) > 0 })
	return d[0]
}

// job is one that is due and lasts.
func (e *jobs) job() recovery.Job {
	now := time.Now()
	return recovery.Job{ID: random(), NotBefore: now, NotAfter: now.Add(100 * e.h.Patience), Payload: []byte(printable(0, 94) + random())}
}

func (e *jobs) enqueue(all ...recovery.Job) {
	for _, job := range all {
		if err := e.queue.Enqueue(e.ctx, job); err != nil {
			e.fatalf("Enqueue: %v", err)
		}
	}
}

// shutdown ends the queue within the patience.
func (e *jobs) shutdown() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), e.h.Patience)
	defer cancel()
	if err := e.queue.Shutdown(ctx); err != nil {
		e.errorf("Shutdown: %v", err)
	}
}

// end lets go of what a failed clause left behind: from now on every attempt
// succeeds at once.
func (e *jobs) end() {
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), e.h.Patience)
	defer cancel()
	_ = e.queue.Shutdown(ctx)
}
