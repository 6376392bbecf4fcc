package redisstore

import (
	"context"
	"fmt"

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

// exec runs a script on each key, all in one round trip, within the budget. An
// error means that nothing may be concluded about any of them.
func (s *Store) exec(ctx context.Context, sc script, jobs []job) ([]any, error) {
	return s.guarded(ctx, func() ([]any, error) {
		if s.pipe != nil && !s.health.avoidsPipe() {
			return s.execBatched(ctx, sc, jobs)
		}
		return s.within(ctx, func(ctx context.Context) ([]any, error) { return s.execPlain(ctx, sc, jobs) })
	})
}

// within runs f in a goroutine and stops waiting when the budget is spent:
// go-redis waits for a connection and its reply as long as its own timeouts
// say, whatever the context says, unless the host turned that on.
func (s *Store) within(ctx context.Context, f func(ctx context.Context) ([]any, error)) ([]any, error) {
	d, short := cut(ctx, s.opts.Timeout)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	type result struct {
		replies []any
		err     error
	}
	done := make(chan result, 1)
	go func() {
		defer cancel()
		if err := s.knock(ctx); err != nil {
			done <- result{nil, wrap(err)}
			return
		}
		replies, err := f(ctx)
		done <- result{replies, err}
	}()
	select {
	case r := <-done:
		if short && r.err != nil && ctx.Err() != nil {
			return nil, errHurried
		}
		return r.replies, r.err
	case <-ctx.Done():
		select {
		case r := <-done: // both at once
			if r.err == nil {
				return r.replies, nil
			}
		default:
		}
		if !short {
			s.health.avoidPipe()
		}
		return nil, late(short)
	}
}

// node is the client for a call without batching.
func (s *Store) node() redis.UniversalClient {
	if s.health.avoidsPipe() {
		return s.hasty
	}
	return s.client
}

// execBatched queues the calls for the client's auto-pipeliner, which does not
// honour their contexts once they are queued, and waits no longer than the
// budget.
func (s *Store) execBatched(ctx context.Context, sc script, jobs []job) ([]any, error) {
	b := s.budgets.get(ctx, s.opts.Timeout)
	replies := make([]any, len(jobs))
	var buf [4]redis.AutoFuture
	futures := buf[:0]
	// The commands have the caller's context and not the budget, which they may
	// outlive in the queue.
	for _, j := range jobs {
		futures = append(futures, s.pipe.Submit(ctx, sc.call(ctx, j)))
	}
	for i, f := range futures {
		err := f.WaitContext(b)
		if isNoScript(err) {
			f = s.pipe.Submit(ctx, sc.full(ctx, jobs[i]))
			err = f.WaitContext(b)
		}
		if err != nil {
			if b.Err() == nil {
				s.budgets.put(b)
				return nil, wrap(err)
			}
			if !b.short {
				s.health.avoidPipe()
			}
			return nil, late(b.short)
		}
		replies[i] = f.Cmd().(call).Val()
	}
	s.budgets.put(b)
	return replies, nil
}

// execPlain uses connections of the client's pool.
func (s *Store) execPlain(ctx context.Context, sc script, jobs []job) ([]any, error) {
	calls := make([]call, len(jobs))
	for i, j := range jobs {
		calls[i] = sc.call(ctx, j)
	}
	if err := s.process(ctx, calls); err != nil && !isNoScript(err) {
		return nil, wrap(err)
	}
	replies := make([]any, len(jobs))
	for i, c := range calls {
		if isNoScript(c.Err()) {
			c = sc.full(ctx, jobs[i])
			_ = s.node().Process(ctx, c)
		}
		if c.Err() != nil {
			return nil, wrap(c.Err())
		}
		replies[i] = c.Val()
	}
	return replies, nil
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
