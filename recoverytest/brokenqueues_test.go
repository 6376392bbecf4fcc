package recoverytest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
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
	handler recovery.JobHandler
	places  chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	jobs    sync.WaitGroup

	mu       sync.Mutex
	held     int
	closed   bool
	attempts sync.WaitGroup
}

func newPool(bug string) *pool {
	n := poolWorkers
	switch bug {
	case "unbounded":
		n = 1000
	case "one worker":
		n = 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &pool{bug: bug, places: make(chan struct{}, n), ctx: ctx, cancel: cancel}
}

func (p *pool) Start(h recovery.JobHandler) error {
	p.handler = h
	return nil
}

func (p *pool) Enqueue(ctx context.Context, job recovery.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.jobs.Add(1)
	defer p.jobs.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.bug == "waits for room" && p.held >= poolCapacity && !p.closed {
		p.mu.Unlock()
		time.Sleep(time.Second)
		p.mu.Lock()
	}
	switch {
	case p.closed && p.bug != "takes jobs after shutdown":
		return recovery.ErrQueueFull
	case p.held >= poolCapacity && p.bug == "drops when full":
		return nil
	case p.held >= poolCapacity && p.bug == "another error when full":
		return errors.New("no room")
	case p.held >= poolCapacity && p.bug != "never full":
		return recovery.ErrQueueFull
	}
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
		}()
		p.run(parent, job)
	})
	return nil
}

// run performs a job until it is done or given up.
func (p *pool) run(ctx context.Context, job recovery.Job) {
	if p.bug != "ignores NotBefore" {
		p.sleep(time.Until(job.NotBefore))
	}
	pause := time.Second
	for {
		if p.bug != "ignores NotAfter" && !time.Now().Before(job.NotAfter) {
			p.bury(job, errors.New("too late"))
			return
		}
		if p.bug == "drops the last" && p.shut() {
			return
		}
		err := p.attempt(ctx, job)
		if err == nil && (p.bug != "performs twice" || p.shut()) {
			return
		}
		switch {
		case err == nil:
		case p.bug == "never retries":
			p.bury(job, err)
			return
		case p.bug == "drops on panic" && errors.Is(err, errPanic):
			return
		case errors.Is(err, recovery.ErrPermanent) && p.bug != "retries permanent", p.shut():
			p.bury(job, err)
			return
		}
		p.sleep(pause)
		if p.bug != "steady pauses" {
			pause *= 2
		}
		if p.bug == "gives up silently" && !time.Now().Before(job.NotAfter) {
			return
		}
	}
}

var errPanic = errors.New("panic")

func (p *pool) attempt(ctx context.Context, job recovery.Job) (err error) {
	select {
	case p.places <- struct{}{}:
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
	defer func() {
		if p.bug != "panics take places" || !errors.Is(err, errPanic) {
			<-p.places
		}
	}()
	p.attempts.Add(1)
	defer p.attempts.Done()
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	err = p.handler.Perform(ctx, job)
	for errors.Is(err, recovery.ErrAwaitingReply) && p.bug != "lets awaited jobs go" && p.ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		err = p.handler.Perform(ctx, job)
	}
	return err
}

func (p *pool) bury(job recovery.Job, cause error) {
	if p.bug == "no dead letters" {
		return
	}
	if p.bug == "dead letters without the cause" {
		cause = fmt.Errorf("gave up: %v", cause)
	}
	p.handler.DeadLetter(p.ctx, job, cause)
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
		return nil
	case <-ctx.Done():
		if p.bug != "shutdown leaves contexts" {
			p.cancel()
		}
		return ctx.Err()
	}
}

func TestBrokenQueues(t *testing.T) {
	catch(t, []seeded{
		{"performs in Enqueue", "after-enqueue"},
		{"under the request's ctx", "outlives-request"},
		{"changes payloads", "intact"},
		{"takes payloads for text", "intact"},
		{"ignores NotBefore", "not-before"},
		{"ignores NotAfter", "not-after"},
		{"never retries", "retries-errors"},
		{"performs twice", "retries-errors"},
		{"drops on panic", "retries-panics"},
		{"panics take places", "retries-panics"},
		{"steady pauses", "pauses-grow"},
		{"retries permanent", "permanent"},
		{"retries permanent", "permanent-after-errors"},
		{"no dead letters", "permanent"},
		{"dead letters without the cause", "permanent"},
		{"lets awaited jobs go", "awaiting-reply"},
		{"gives up silently", "not-after-retries"},
		{"never full", "full"},
		{"drops when full", "full"},
		{"another error when full", "full"},
		{"waits for room", "full"},
		{"unbounded", "workers"},
		{"one worker", "slow-one"},
		{"takes jobs after shutdown", "shutdown-refuses"},
		{"drops the last", "shutdown-last"},
		{"shutdown does not wait", "shutdown-drains"},
		{"shutdown leaves contexts", "shutdown-context"},
	}, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		return recoverytest.ExamineQueue(t, recoverytest.QueueHarness{
			New: func(t *testing.T) recovery.WorkerQueue {
				p := newPool(bug)
				// This runs after the suite's own Shutdown, and ends what a bug
				// left behind.
				t.Cleanup(func() {
					p.cancel()
					p.jobs.Wait()
				})
				return p
			},
			Workers: poolWorkers, Capacity: poolCapacity, Bubble: synctest.Test,
		}, clauses...)
	})
}
