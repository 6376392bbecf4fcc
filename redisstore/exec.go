package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// A job is one run of a script on one key. The first of its args are left free
// for what every call begins with, so that there is one slice for each.
type job struct {
	key  string
	args []any
}

func newJob(key string, args ...any) job {
	return job{key, append(make([]any, lead, lead+len(args)), args...)}
}

// A flight is a script on its way to one or more keys, and what came back. It
// is used again where nothing else can hold it any more, so that a decision
// costs little more than go-redis' own objects.
type flight struct {
	ctx     context.Context
	script  script
	jobs    []job
	replies []any
	calls   []call
	land    func() (struct{}, error) // for the breaker, made once

	jobBuf   [4]job
	replyBuf [4]any
	callBuf  [4]call
}

func (s *Store) newFlight() *flight {
	f, _ := s.flights.Get().(*flight)
	if f == nil {
		f = &flight{}
		f.land = func() (struct{}, error) { return struct{}{}, s.fly(f) }
	}
	f.jobs, f.calls = f.jobBuf[:0], f.callBuf[:0]
	return f
}

// landed takes back a flight that ended well, after its replies were read.
func (s *Store) landed(f *flight) {
	clear(f.jobBuf[:])
	clear(f.replyBuf[:])
	clear(f.callBuf[:])
	f.ctx, f.jobs, f.replies, f.calls = nil, nil, nil, nil
	s.flights.Put(f)
}

// exec runs a script on each key, all in one round trip, within the budget. An
// error means that nothing may be concluded about any of them.
func (s *Store) exec(ctx context.Context, sc script, jobs []job) ([]any, error) {
	f := s.newFlight()
	f.jobs = jobs
	if err := s.send(ctx, sc, f); err != nil {
		return nil, err
	}
	replies := slices.Clone(f.replies)
	s.landed(f)
	return replies, nil
}

// send has a flight's replies filled in.
func (s *Store) send(ctx context.Context, sc script, f *flight) error {
	f.ctx, f.script = ctx, sc
	f.replies = append(f.replyBuf[:0], make([]any, len(f.jobs))...)
	return s.guarded(ctx, f.land)
}

func (s *Store) fly(f *flight) error {
	switch {
	case s.pipe != nil && !s.health.avoidsPipe():
		return s.flyBatched(f)
	case s.direct && !s.health.down.Load():
		return s.flyDirect(f)
	}
	return s.within(f.ctx, f, s.plain)
}

// flyDirect runs in the caller's goroutine, on a client that honours contexts.
func (s *Store) flyDirect(f *flight) error {
	b := s.budgets.get(f.ctx, s.opts.Timeout)
	err := s.flyPlain(b, f)
	if err == nil {
		s.budgets.putShown(b)
		return nil
	}
	// Not put back: what failed may still hold it.
	if time.Now().Before(b.deadline) {
		return err
	}
	if !b.short {
		s.health.avoidPipe()
	}
	return late(b.short)
}

// within runs fly in a goroutine and stops waiting when the budget is spent:
// go-redis waits for a connection and its reply as long as its own timeouts
// say, whatever the context says, unless the host turned that on.
func (s *Store) within(ctx context.Context, f *flight, fly func(ctx context.Context, f *flight) error) error {
	b := s.budgets.get(ctx, s.opts.Timeout)
	go func() {
		err := s.knock(b)
		if err != nil {
			b.done <- wrap(err)
			return
		}
		b.done <- fly(b, f)
	}()
	select {
	case err := <-b.done:
		if err != nil && b.short && (b.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
			err = errHurried
		}
		s.budgets.putShown(b)
		return err
	case <-b.Done():
	}
	// The goroutine has the budget and the flight now.
	select {
	case err := <-b.done: // both at once
		if err == nil {
			return nil
		}
	default:
	}
	if !b.short {
		s.health.avoidPipe()
	}
	return late(b.short)
}

// node is the client for a call without batching.
func (s *Store) node() redis.UniversalClient {
	if s.health.avoidsPipe() && !s.direct {
		return s.hasty
	}
	return s.client
}

// flyBatched queues the calls for the client's auto-pipeliner, which does not
// honour their contexts once they are queued, and waits no longer than the
// budget.
func (s *Store) flyBatched(f *flight) error {
	ctx := f.ctx
	b := s.budgets.get(ctx, s.opts.Timeout)
	var buf [4]redis.AutoFuture
	futures := buf[:0]
	// The commands have the caller's context and not the budget, which they may
	// outlive in the queue.
	for _, j := range f.jobs {
		futures = append(futures, s.pipe.Submit(ctx, f.script.call(ctx, j)))
	}
	for i, future := range futures {
		err := future.WaitContext(b)
		if isNoScript(err) {
			future = s.pipe.Submit(ctx, f.script.full(ctx, f.jobs[i]))
			err = future.WaitContext(b)
		}
		if err != nil {
			if b.short && errors.Is(err, context.DeadlineExceeded) {
				return errHurried // by its own context, before the alarm rang
			}
			if b.Err() == nil {
				s.budgets.put(b)
				return wrap(err)
			}
			if !b.short {
				s.health.avoidPipe()
			}
			return late(b.short)
		}
		f.replies[i] = future.Cmd().(call).Val()
	}
	s.budgets.put(b)
	return nil
}

// flyPlain uses connections of the client's pool.
func (s *Store) flyPlain(ctx context.Context, f *flight) error {
	for _, j := range f.jobs {
		f.calls = append(f.calls, f.script.call(ctx, j))
	}
	if err := s.process(ctx, f.calls); err != nil && !isNoScript(err) {
		return wrap(err)
	}
	for i, c := range f.calls {
		if isNoScript(c.Err()) {
			c = f.script.full(ctx, f.jobs[i])
			_ = s.node().Process(ctx, c)
		}
		if c.Err() != nil {
			return wrap(c.Err())
		}
		f.replies[i] = c.Val()
	}
	return nil
}

// process sends the calls together and returns the first error that is not
// about an unknown script.
func (s *Store) process(ctx context.Context, calls []call) error {
	if len(calls) == 1 {
		return s.node().Process(ctx, calls[0])
	}
	pipe := s.node().Pipeline()
	for _, c := range calls {
		_ = pipe.Process(ctx, c)
	}
	_, _ = pipe.Exec(ctx)
	for _, c := range calls {
		if err := c.Err(); err != nil && !isNoScript(err) {
			return err
		}
	}
	return nil
}

func wrap(err error) error { return fmt.Errorf("redisstore: %w", err) }
