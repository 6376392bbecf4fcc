package recoverytest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

const (
	poolWorkers  = 3
	poolCapacity = 64
)

// pool is a queue as a team might write it: a goroutine for each job waits for
// one of the workers' places. It is right, except for one bug that it can be
// given.
type pool struct {
	bug     string
	storage *storage
	handler recovery.JobHandler
	places  chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	jobs    sync.WaitGroup
	calls   sync.WaitGroup // of Enqueue

	entering atomic.Int64 // calls of Enqueue so far, for one bug
	lost     atomic.Int64 // jobs that Shutdown left no time for

	mu       sync.Mutex
	held     int
	closed   bool
	active   map[string]recovery.Job // the jobs whose attempt runs, by ID
	buried   map[string]bool         // jobs that were given up at Shutdown
	attempts sync.WaitGroup
}

// storage is what the queues of one program share, for some bugs.
type storage struct {
	mu       sync.Mutex
	handler  recovery.JobHandler // of the queue that was started last
	accepted map[string]bool     // by the ID of the job
	held     int
	closed   bool
	places   chan struct{}
	left     []recovery.Job // what a durable queue left to the next
}

func newPool(bug string, shared *storage) *pool {
	n := poolWorkers
	switch bug {
	case "unbounded":
		n = 1000
	case "one worker":
		n = 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pool{
		bug: bug, storage: shared, places: make(chan struct{}, n), ctx: ctx, cancel: cancel,
		active: map[string]recovery.Job{}, buried: map[string]bool{},
	}
	if bug == "one pool of workers" {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		if shared.places == nil {
			shared.places = p.places
		}
		p.places = shared.places
	}
	return p
}

func (p *pool) Start(h recovery.JobHandler) error {
	p.handler = h
	p.storage.mu.Lock()
	p.storage.handler = h
	left := p.storage.left
	p.storage.left = nil
	p.storage.mu.Unlock()
	for _, job := range left {
		if p.bug == "durable, forgets NotBefore" {
			job.NotBefore = time.Time{}
		}
		if err := p.Enqueue(context.Background(), job); err != nil {
			return err
		}
	}
	return nil
}

// leave keeps a job that waits for the next queue, if this one is durable and
// shuts down.
func (p *pool) leave(job recovery.Job) bool {
	if !strings.HasPrefix(p.bug, "durable") || !p.shut() {
		return false
	}
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	p.storage.left = append(p.storage.left, job)
	return true
}

// confused reports whether a bug makes the queue take the job for one that
// another queue has, and counts the job for all queues.
func (p *pool) confused(job recovery.Job) error {
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	if p.storage.accepted == nil {
		p.storage.accepted = map[string]bool{}
	}
	key := job.ID
	if p.bug == "one job for each payload" {
		key = string(job.Payload)
	}
	known := p.storage.accepted[key]
	p.storage.accepted[key] = true
	switch {
	case (p.bug == "one ID for all queues" || p.bug == "one job for each payload") && known:
		return errDuplicate
	case p.bug == "one capacity for all queues" && p.storage.held >= poolCapacity, p.bug == "one end for all queues" && p.storage.closed:
		return recovery.ErrQueueFull
	}
	return nil
}

var errDuplicate = errors.New("duplicate")

func (p *pool) Enqueue(ctx context.Context, job recovery.Job) error {
	if err := ctx.Err(); err != nil {
		if p.bug == "drops jobs of an ended ctx" {
			return nil
		}
		return err
	}
	if err := job.Validate(); err != nil && p.bug != "takes malformed jobs" {
		return err
	}
	if p.bug == "performs none" {
		return nil
	}
	if p.bug == "drops the simultaneous" {
		at := p.entering.Add(1)
		time.Sleep(time.Nanosecond)
		if p.entering.Load() != at {
			return nil
		}
	}
	if err := p.confused(job); err == errDuplicate {
		return nil
	} else if err != nil {
		return err
	}
	if p.bug == "waits for a worker" {
		select {
		case p.places <- struct{}{}:
			<-p.places
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.calls.Add(1)
	defer p.calls.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.bug == "waits for room" && p.held >= poolCapacity && !p.closed {
		p.mu.Unlock()
		time.Sleep(time.Second)
		p.mu.Lock()
	}
	switch {
	case p.closed && p.bug == "drops jobs during Shutdown":
		return nil
	case p.closed && p.bug != "takes jobs after shutdown":
		return recovery.ErrQueueFull
	case p.held >= poolCapacity && p.bug == "drops when full":
		return nil
	case p.held >= poolCapacity && p.bug == "another error when full":
		return errors.New("no room")
	case p.held >= poolCapacity && p.bug == "refuses and performs":
		p.jobs.Go(func() { _ = p.handler.Perform(p.ctx, job) })
		return recovery.ErrQueueFull
	case p.held >= poolCapacity && p.bug != "never full":
		return recovery.ErrQueueFull
	}
	p.share(1)
	if p.bug == "performs in Enqueue" {
		return p.handler.Perform(p.ctx, job)
	}
	if p.bug == "changes payloads" {
		job.Payload = append([]byte("v1:"), job.Payload...)
	}
	if p.bug == "takes payloads for text" {
		job.Payload = bytes.ToValidUTF8(job.Payload, []byte("\uFFFD"))
	}
	p.held++
	parent := p.ctx
	if p.bug == "under the request's ctx" {
		parent = ctx
	}
	p.jobs.Go(func() {
		defer func() {
			p.mu.Lock()
			p.held--
			p.mu.Unlock()
			p.share(-1)
		}()
		p.run(parent, job)
	})
	if p.bug == "two workers for one job" {
		p.jobs.Go(func() { p.run(parent, job) })
	}
	return nil
}

// share counts the jobs of all queues.
func (p *pool) share(n int) {
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	p.storage.held += n
}

// run performs a job until it is done or given up.
func (p *pool) run(ctx context.Context, job recovery.Job) {
	if p.bug == "waits in a worker" {
		select {
		case p.places <- struct{}{}:
			p.sleep(time.Until(job.NotBefore))
			<-p.places
		case <-p.ctx.Done():
		}
	}
	if p.bug != "ignores NotBefore" {
		p.sleep(time.Until(job.NotBefore))
	}
	if time.Now().Before(job.NotBefore) && p.leave(job) {
		return
	}
	switch p.bug {
	case "lower-cases IDs":
		job.ID = strings.ToLower(job.ID)
	case "cuts IDs":
		job.ID = job.ID[:min(64, len(job.ID))]
	}
	if p.bug == "no start without NotBefore" && job.NotBefore.IsZero() {
		return
	}
	if p.bug == "drops early jobs at Shutdown" && time.Now().Before(job.NotBefore) {
		return
	}
	pause := time.Second
	for n := 1; ; n++ {
		if p.bug != "ignores NotAfter" && !time.Now().Before(job.NotAfter) {
			p.bury(job, errors.New("too late"))
			return
		}
		if p.bug == "drops the last" {
			time.Sleep(time.Millisecond) // by the clock of the bubble, so Shutdown comes first
			if p.shut() {
				return
			}
		}
		err := p.attempt(ctx, job)
		if err == nil && (p.bug != "performs twice" || p.shut()) {
			return
		}
		if limit := giveUps[p.bug]; limit > 0 && n >= limit {
			p.bury(job, err)
			return
		}
		switch {
		case err == nil:
		case p.bug == "drops failures at Shutdown" && p.shut():
			return
		case p.bug == "drops on an ended ctx" && errors.Is(err, context.DeadlineExceeded):
			return
		case p.bug == "never retries":
			p.bury(job, err)
			return
		case p.bug == "drops on panic" && errors.Is(err, errPanic):
			return
		case p.bug == "compares errors" && err != recovery.ErrPermanent && !p.shut():
		case errors.Is(err, recovery.ErrPermanent) && p.bug != "retries permanent", p.shut():
			p.bury(job, err)
			return
		}
		wait := pause
		if p.bug == "full jitter" {
			wait = rand.N(pause) + 1
		}
		if p.bug == "steady jitter" {
			wait = rand.N(2 * time.Second)
		}
		if p.bug == "gives up a minute early" && time.Until(job.NotAfter) < 2*wait+time.Minute {
			p.bury(job, err)
			return
		}
		p.sleep(wait)
		if p.leave(job) {
			return
		}
		if p.bug == "drops retries at Shutdown" && p.shut() {
			return
		}
		if p.bug != "steady pauses" {
			pause = min(2*pause, 5*time.Minute)
		}
		if p.bug == "gives up silently" && !time.Now().Before(job.NotAfter) {
			return
		}
	}
}

// giveUps are the bugs of queues that give up after so many attempts.
var giveUps = map[string]int{"3 attempts": 3, "10 attempts": 10, "25 attempts": 25}

var errPanic = errors.New("panic")

func (p *pool) attempt(ctx context.Context, job recovery.Job) (err error) {
	select {
	case p.places <- struct{}{}:
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
	if p.bug == "repeats what runs long" {
		slow := time.AfterFunc(time.Second/2, func() { _ = p.handler.Perform(ctx, job) })
		defer slow.Stop()
	}
	if p.bug == "repeats what runs for minutes" {
		slow := time.AfterFunc(5*time.Minute, func() { _ = p.handler.Perform(ctx, job) })
		defer slow.Stop()
	}
	if p.bug == "repeats until the first returns" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		slow := time.AfterFunc(6*time.Minute, func() { _ = p.handler.Perform(ctx, job) })
		defer slow.Stop()
	}
	handler := p.handler
	if p.bug == "one handler for all queues" {
		p.storage.mu.Lock()
		handler = p.storage.handler
		p.storage.mu.Unlock()
	}
	defer func() {
		if p.bug != "panics take places" || !errors.Is(err, errPanic) {
			<-p.places
		}
	}()
	p.attempts.Add(1)
	defer p.attempts.Done()
	p.mu.Lock()
	p.active[job.ID] = job
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.active, job.ID)
	}()
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	if late := !time.Now().Before(job.NotAfter); late && p.bug != "performs what waited" && p.bug != "ignores NotAfter" {
		return fmt.Errorf("%w: too late", recovery.ErrPermanent)
	}
	err = handler.Perform(ctx, job)
	for errors.Is(err, recovery.ErrAwaitingReply) && p.bug != "lets awaited jobs go" && p.ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		err = handler.Perform(ctx, job)
	}
	for err != nil && p.bug == "retries in a worker" && !p.shut() && time.Now().Before(job.NotAfter) {
		p.sleep(time.Minute)
		err = handler.Perform(ctx, job)
	}
	return err
}

func (p *pool) bury(job recovery.Job, cause error) {
	if p.bug == "no dead letters" || p.bug == "no dead letters when ctx ends" && p.ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	known := p.buried[job.ID]
	p.buried[job.ID] = true
	p.mu.Unlock()
	if known {
		return
	}
	if p.bug == "changes dead letters" {
		job.NotAfter = time.Now()
	}
	if p.bug == "dead letters without the cause" {
		cause = fmt.Errorf("gave up: %v", cause)
	}
	p.handler.DeadLetter(p.ctx, job, cause)
	if p.shut() && !errors.Is(cause, recovery.ErrPermanent) && p.bug != "shutdown hides what it lost" {
		p.lost.Add(1)
	}
}

func (p *pool) shut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// sleep waits, but not if the queue is shutting down.
func (p *pool) sleep(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && !p.shut(); {
		time.Sleep(min(100*time.Millisecond, time.Until(end)))
	}
}

func (p *pool) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.storage.mu.Lock()
	p.storage.closed = true
	p.storage.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.jobs.Wait()
		close(done)
	}()
	if p.bug == "shutdown does not wait" {
		return nil
	}
	if p.bug == "shutdown outlasts ctx" {
		<-done
		return nil
	}
	select {
	case <-done:
		p.cancel()
		if n := p.lost.Load(); n > 0 {
			return &recovery.ShutdownError{Lost: int(n)}
		}
		return nil
	case <-ctx.Done():
	}
	if p.bug == "shutdown takes its time" {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
		}
	}
	if p.bug != "shutdown leaves contexts" {
		p.cancel()
	}
	select {
	case <-done:
	case <-time.After(time.Second):
		p.giveUp(ctx.Err())
	}
	if p.bug == "shutdown hides the end of ctx" {
		return nil
	}
	return ctx.Err()
}

// giveUp makes dead letters of the jobs whose attempts do not return.
func (p *pool) giveUp(cause error) {
	p.mu.Lock()
	active := slices.Collect(maps.Values(p.active))
	p.mu.Unlock()
	for _, job := range active {
		if p.bug != "shutdown leaves the deaf" {
			p.bury(job, cause)
		}
	}
}
