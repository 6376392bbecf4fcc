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

// MemoryQueueOptions configure a [MemoryQueue]. Fields that are zero or
// negative get their defaults.
type MemoryQueueOptions struct {
	_ [0]func()

	// Capacity is how many jobs the queue holds: those that wait, also for
	// another attempt, and those that run. Abandoned attempts do not count.
	// Default 4,096.
	Capacity int
	// Workers is how many attempts run at once. Default 16.
	Workers int
	// AttemptTimeout is the time after which the context of an attempt ends.
	// Default 30 s.
	AttemptTimeout time.Duration
	// Grace is how long an attempt may still run after its context ended. Then
	// the attempt counts as failed, and its worker is not used until the
	// attempt returns. Default 5 s.
	Grace time.Duration
	// FirstRetry is the pause before the second attempt. The pause doubles with
	// every further attempt, up to MaxRetry, and is shortened by a random part
	// of at most a quarter. Defaults: 1 s and 5 min.
	FirstRetry, MaxRetry time.Duration
	// Backoff, if not nil, returns the pause after attempt n, which failed; the
	// first attempt is 1. FirstRetry and MaxRetry are not used then. It is
	// called by several goroutines, one at a time, and must not call the queue.
	Backoff func(n int) time.Duration
}

// MemoryQueueStats are the present numbers of a [MemoryQueue].
type MemoryQueueStats struct {
	// Waiting is how many jobs wait for an attempt. Running is how many
	// attempts run.
	Waiting, Running int
	// Abandoned is how many of the running attempts did not return although
	// their context and Grace ended. Each still occupies a worker.
	Abandoned int
}

// A MemoryQueue is a [WorkerQueue] in this process, with a limited capacity. It
// retries jobs and reports dead letters as a durable queue does, but its jobs
// are lost when the process ends.
type MemoryQueue struct {
	opts    MemoryQueueOptions
	handler JobHandler
	wake    chan struct{} // has room for one signal that something changed
	stopped chan struct{} // closed when schedule has returned
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup

	mu        sync.Mutex
	waiting   jobHeap
	running   int
	abandoned int
	draining  bool
	started   bool
	lost      int // jobs that Shutdown left no time for
	givenUp   int // dead letters
}

// awaitPause comes between two attempts of a job that waits for a reply. It is
// for a [Notifier] that does not wait until the first attempt has ended.
const awaitPause = 100 * time.Millisecond

type queuedJob struct {
	job      Job
	at       time.Time
	attempts int
	err      error // the error of the last attempt
}

// NewMemoryQueue returns a queue that is not started. [New] starts it.
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
		return errors.New("recovery: a MemoryQueue can be started only once, and not after Shutdown")
	}
	q.started, q.handler = true, h
	go q.schedule()
	return nil
}

// Enqueue implements [Queue]. Before Start and after Shutdown it returns
// [ErrQueueFull]. For a malformed job it returns [ErrPermanent].
func (q *MemoryQueue) Enqueue(ctx context.Context, job Job) error {
	if err := job.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.started || q.draining {
		return fmt.Errorf("%w: it is not running", ErrQueueFull)
	}
	// Running attempts need room too, because each job may have to wait again.
	if len(q.waiting)+q.running-q.abandoned >= q.opts.Capacity {
		return ErrQueueFull
	}
	at := time.Now()
	if job.NotBefore.After(at) {
		at = job.NotBefore
	}
	heap.Push(&q.waiting, &queuedJob{job: job, at: at})
	q.signal()
	return nil
}

// Stats returns the present numbers. It is safe for concurrent use.
func (q *MemoryQueue) Stats() MemoryQueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return MemoryQueueStats{Waiting: len(q.waiting), Running: q.running, Abandoned: q.abandoned}
}

// MaxConcurrent implements [ConcurrencyLimited]. It returns
// [MemoryQueueOptions].Workers.
func (q *MemoryQueue) MaxConcurrent() int { return q.opts.Workers }

// Shutdown implements [WorkerQueue]. Waiting jobs get one last attempt at once.
// Jobs that fail in it, or are still waiting when ctx ends, become dead letters,
// and Shutdown returns a [*ShutdownError] that counts them. A job that no retry
// can help, as its error wraps [ErrPermanent], is not counted. When ctx ends,
// Shutdown waits up to Grace longer for the attempts that run. It may be called
// more than once, and returns what was lost so far.
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
		return q.unfinished(0, nil)
	case <-ctx.Done():
	}
	q.mu.Lock()
	cut := q.running
	q.mu.Unlock()
	// This ends the contexts of running attempts, and makes schedule give the
	// waiting jobs up. Attempts that obey their context end now, and are waited
	// for.
	q.cancel()
	grace := time.NewTimer(q.opts.Grace)
	defer grace.Stop()
	select {
	case <-finished:
	case <-grace.C:
	}
	return q.unfinished(cut, ctx.Err())
}

// unfinished returns the result of Shutdown.
func (q *MemoryQueue) unfinished(cut int, cause error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return (&ShutdownError{Lost: q.lost, CutShort: cut, Cause: cause}).orNil()
}

func (q *MemoryQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// schedule starts attempts when they are due, until Shutdown was called and no
// job is left.
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

// dispatch starts the attempts that are due. It returns the time until the next
// one is due, or that there will be none.
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
	// The queue is done when no job waits and each attempt has returned or was
	// abandoned.
	return time.Hour, q.draining && len(q.waiting) == 0 && q.running == q.abandoned
}

// attempt runs one attempt. While a message waits for an answer, the attempt is
// repeated here and the job stays with this worker.
func (q *MemoryQueue) attempt(j *queuedJob) {
	defer q.workers.Done()
	for q.try(j) {
		pause := time.NewTimer(awaitPause)
		select {
		case <-pause.C:
		case <-q.ctx.Done():
		}
		pause.Stop()
	}
}

// try calls the handler once, and reports whether the same worker has to call it
// again. The handler has a goroutine of its own, so that a call which ignores
// its context can be given up.
func (q *MemoryQueue) try(j *queuedJob) (again bool) {
	ctx, cancel := context.WithTimeout(q.ctx, q.opts.AttemptTimeout)
	defer cancel()
	result := make(chan error, 1)
	n := j.attempts + 1
	go func() { result <- q.perform(WithAttempt(ctx, n), j.job) }()
	var err error
	select {
	case err = <-result:
		return q.settle(j, err)
	case <-ctx.Done():
	}
	grace := time.NewTimer(q.opts.Grace)
	defer grace.Stop()
	select {
	case err = <-result:
		return q.settle(j, err)
	case <-grace.C:
		q.finish(j, context.Cause(ctx), true)
		<-result
		q.mu.Lock()
		q.running--
		q.abandoned--
		q.mu.Unlock()
		q.signal()
		return false
	}
}

// settle finishes a job whose attempt has returned, unless the same worker has
// to try it again.
func (q *MemoryQueue) settle(j *queuedJob, err error) (again bool) {
	if errors.Is(err, ErrAwaitingReply) && q.ctx.Err() == nil {
		return true
	}
	q.finish(j, err, false)
	return false
}

func (q *MemoryQueue) perform(ctx context.Context, job Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("recovery: panic (%s)\n%s", panicText(p, unknownSecrets), debug.Stack())
		}
	}()
	if !time.Now().Before(job.NotAfter) {
		return fmt.Errorf("%w: the job is too old", ErrPermanent)
	}
	return q.handler.Perform(ctx, job)
}

// finish decides what happens to a job whose attempt ended or was abandoned. A
// dead letter calls code of the host, so it occupies the worker like an
// attempt.
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
		hopeless := errors.Is(err, ErrPermanent) || !j.at.Before(j.job.NotAfter)
		dead = hopeless || q.draining
		if dead && !hopeless {
			q.lost++
		}
		if dead {
			q.givenUp++
		}
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

// pause returns the time to wait after a number of attempts. It doubles with
// each attempt. A random part of at most a quarter is taken off, so that jobs
// which failed together are not tried again together.
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
	defer func() { _ = recover() }() // a panic of the host's event sink must not end the process
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.ctx), q.opts.AttemptTimeout)
	defer cancel()
	q.handler.DeadLetter(ctx, j.job, j.err)
}

// abandonAll turns the waiting jobs into dead letters, when Shutdown has no
// more time.
func (q *MemoryQueue) abandonAll() {
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	q.lost += len(waiting)
	q.givenUp += len(waiting)
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
