package recovery

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// MemoryQueueOptions size a [MemoryQueue]. Zero fields are the defaults.
type MemoryQueueOptions struct {
	_ [0]func()

	// Capacity is how many jobs may wait, those between two attempts
	// included. Default 4,096.
	Capacity int
	// Workers is how many jobs run at once. Default 16.
	Workers int
	// AttemptTimeout ends the context of an attempt. Default 30 s.
	AttemptTimeout time.Duration
	// Grace is how long an attempt may go on after its context ended before
	// it is given up: the job is then tried again, and the worker stays lost
	// until the attempt returns. Default 5 s.
	Grace time.Duration
	// FirstRetry is the pause before the second attempt; it doubles from there
	// to MaxRetry, less up to a quarter at random. Default 1 s and 5 min.
	FirstRetry, MaxRetry time.Duration
	// Backoff, if set, is asked instead for the pause after the n-th attempt,
	// which failed.
	Backoff func(n int) time.Duration
}

// MemoryQueueStats is what a [MemoryQueue] has to tell.
type MemoryQueueStats struct {
	// Waiting is how many jobs wait, Running how many attempts run.
	Waiting, Running int
	// Abandoned is how many of those did not return after their context ended
	// and still hold a worker.
	Abandoned int
}

// MemoryQueue is a bounded [WorkerQueue] in this process. It retries and knows
// dead letters as a durable queue does, but what it holds is lost when the
// process dies.
type MemoryQueue struct {
	opts    MemoryQueueOptions
	handler JobHandler
	wake    chan struct{} // buffered, says that something changed
	stopped chan struct{} // closed when the scheduler has ended
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup

	mu        sync.Mutex
	waiting   jobHeap
	running   int
	abandoned int
	draining  bool
	started   bool
}

type queuedJob struct {
	job      Job
	at       time.Time
	attempts int
	err      error // of the last attempt
}

// NewMemoryQueue returns a queue that is not started.
func NewMemoryQueue(opts MemoryQueueOptions) *MemoryQueue {
	setDefault(&opts.Capacity, 4096)
	setDefault(&opts.Workers, 16)
	setDefault(&opts.AttemptTimeout, 30*time.Second)
	setDefault(&opts.Grace, 5*time.Second)
	setDefault(&opts.FirstRetry, time.Second)
	setDefault(&opts.MaxRetry, 5*time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	return &MemoryQueue{
		opts:    opts,
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
		ctx:     ctx,
		cancel:  cancel,
	}
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Start implements [WorkerQueue].
func (q *MemoryQueue) Start(h JobHandler) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started || q.draining {
		return errors.New("recovery: a MemoryQueue is started once")
	}
	q.started, q.handler = true, h
	go q.schedule()
	return nil
}

// Enqueue implements [Queue]. It refuses jobs before Start and after Shutdown.
func (q *MemoryQueue) Enqueue(ctx context.Context, job Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.started || q.draining {
		return fmt.Errorf("%w: it is not running", ErrQueueFull)
	}
	// Running attempts count, because each may come back to wait again.
	if len(q.waiting)+q.running-q.abandoned >= q.opts.Capacity {
		return ErrQueueFull
	}
	heap.Push(&q.waiting, &queuedJob{job: job, at: job.NotBefore})
	q.signal()
	return nil
}

// Stats returns the present numbers.
func (q *MemoryQueue) Stats() MemoryQueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return MemoryQueueStats{Waiting: len(q.waiting), Running: q.running, Abandoned: q.abandoned}
}

// Shutdown implements [WorkerQueue]. Waiting jobs get one last attempt at once;
// what fails then, or is still waiting when ctx ends, becomes a dead letter. It
// may be called more than once.
func (q *MemoryQueue) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	q.draining = true
	started := q.started
	q.mu.Unlock()
	if !started {
		return nil
	}
	q.signal()
	finished := make(chan struct{})
	go func() {
		<-q.stopped
		q.workers.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		q.cancel()
		return nil
	case <-ctx.Done():
		// Ends the contexts of what runs, and makes the scheduler give up what
		// waits. Well-behaved attempts end now and are waited for.
		q.cancel()
	}
	grace := time.NewTimer(q.opts.Grace)
	defer grace.Stop()
	select {
	case <-finished:
	case <-grace.C:
	}
	return ctx.Err()
}

func (q *MemoryQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// schedule hands due jobs to workers until the queue is drained.
func (q *MemoryQueue) schedule() {
	defer close(q.stopped)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, done := q.dispatch()
		if done {
			return
		}
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-q.wake:
		case <-q.ctx.Done():
			q.abandonAll()
			return
		}
	}
}

// dispatch starts what is due and returns how long until the next job is, or
// that there will be none.
func (q *MemoryQueue) dispatch() (next time.Duration, done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > 0 && q.running < q.opts.Workers {
		if wait := time.Until(q.waiting[0].at); wait > 0 && !q.draining {
			return wait, false
		}
		j := heap.Pop(&q.waiting).(*queuedJob)
		q.running++
		q.workers.Add(1)
		go q.attempt(j)
	}
	// While draining, what runs may still come back once.
	return time.Hour, q.draining && len(q.waiting) == 0 && q.running == q.abandoned
}

// attempt runs one attempt in a goroutine of its own, so that one that ignores
// its context can be given up.
func (q *MemoryQueue) attempt(j *queuedJob) {
	defer q.workers.Done()
	ctx, cancel := context.WithTimeout(q.ctx, q.opts.AttemptTimeout)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- q.perform(ctx, j.job) }()
	var err error
	select {
	case err = <-result:
		q.finish(j, err, false)
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(q.opts.Grace)
	defer grace.Stop()
	select {
	case err = <-result:
		q.finish(j, err, false)
	case <-grace.C:
		q.finish(j, context.Cause(ctx), true)
		<-result
		q.mu.Lock()
		q.running--
		q.abandoned--
		q.mu.Unlock()
		q.signal()
	}
}

func (q *MemoryQueue) perform(ctx context.Context, job Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// Not the value: it may quote a secret.
			err = fmt.Errorf("recovery: panic (%T)\n%s", p, debug.Stack())
		}
	}()
	if !time.Now().Before(job.NotAfter) {
		return fmt.Errorf("%w: the job is too old", ErrPermanent)
	}
	return q.handler.Perform(ctx, job)
}

// finish decides what becomes of a job whose attempt ended, or was given up.
// Burying it is the host's code too, so it holds the worker like an attempt.
func (q *MemoryQueue) finish(j *queuedJob, err error, abandoned bool) {
	j.attempts++
	j.err = err
	dead := false
	q.mu.Lock()
	if abandoned {
		q.abandoned++
	}
	if err != nil {
		j.at = time.Now().Add(q.pause(j.attempts))
		dead = errors.Is(err, ErrPermanent) || q.draining || !j.at.Before(j.job.NotAfter)
	}
	if dead {
		q.mu.Unlock()
		q.deadLetter(j)
		q.mu.Lock()
	} else if err != nil {
		heap.Push(&q.waiting, j)
	}
	if !abandoned {
		q.running--
	}
	q.mu.Unlock()
	q.signal()
}

// pause doubles with every attempt, less up to a quarter so that jobs which
// failed together do not come back together.
func (q *MemoryQueue) pause(attempts int) time.Duration {
	if q.opts.Backoff != nil {
		return q.opts.Backoff(attempts)
	}
	p := q.opts.MaxRetry
	if shift := attempts - 1; shift < 63 && q.opts.FirstRetry <= p>>shift {
		p = q.opts.FirstRetry << shift
	}
	return p - randomDuration(p/4)
}

func (q *MemoryQueue) deadLetter(j *queuedJob) {
	defer func() { _ = recover() }() // the host's event sink must not take the queue down
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.ctx), q.opts.AttemptTimeout)
	defer cancel()
	q.handler.DeadLetter(ctx, j.job, j.err)
}

// abandonAll gives up what waits when Shutdown has no more time.
func (q *MemoryQueue) abandonAll() {
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	for _, j := range waiting {
		if j.err == nil {
			j.err = context.Canceled
		}
		q.deadLetter(j)
	}
}

type jobHeap []*queuedJob

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h jobHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *jobHeap) Push(x any)        { *h = append(*h, x.(*queuedJob)) }
func (h *jobHeap) Pop() any {
	old := *h
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return j
}
