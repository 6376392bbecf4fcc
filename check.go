package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// A Checker is a [LeadStore], [TokenStore], [Limiter], [Queue] or [Notifier] that
// can tell whether it works now. For authors of those. [Service.Check] asks it.
type Checker interface {
	// Check returns nil if the next call is likely to succeed. It changes
	// nothing, sends nothing, and returns when ctx ends. It is safe for concurrent
	// use.
	Check(ctx context.Context) error
}

// maxAge is how long a job may wait for a worker before Check reports it.
const maxAge = 30 * time.Second

// Check returns nil if the Service can do its work now, for a readiness probe.
// It asks all of these at once, each within [Options].StoreTimeout:
//
//   - the [TokenStore], for a token that nobody has;
//   - the [Limiter], with a count of its own that is over after a second;
//   - each queue that is a [QueueStatsReporter]: a job may wait 30 s for a worker
//     at most, and not all workers may hang in attempts that ignored their context;
//   - the [LeadStore], the [Notifier] and whatever else is a [Checker].
//
// Jobs that are tried again, as while mail is down, are no reason: the Service
// accepts requests all the same.
//
// The error wraps [ErrUnavailable] and names all that failed, with the cause. It
// may name servers, so answer the probe with 503 alone and log the error. When a
// store is down that all instances share, none of them is ready: a probe that
// restarts them (liveness) should not call Check.
func (s *Service) Check(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inFlight.Done()
	checks := []func() error{
		func() error { return s.checkTokens(ctx) },
		func() error { return s.checkLimiter(ctx) },
		func() error { return s.checkQueue(ctx, "Queue", s.opts.Queue) },
		func() error { return s.checkOne(ctx, "LeadStore", s.leads) },
		func() error { return s.checkOne(ctx, "Notifier", s.notifier) },
	}
	if len(s.queues) > 1 {
		checks = append(checks, func() error { return s.checkQueue(ctx, "DeliveryQueue", s.opts.DeliveryQueue) })
	}
	failures := make([]error, len(checks))
	var asked sync.WaitGroup
	for i, check := range checks {
		asked.Go(func() { failures[i] = check() })
	}
	asked.Wait()
	var texts []string
	for _, err := range failures {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	if texts == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, strings.Join(texts, "; "))
}

func (s *Service) checkTokens(ctx context.Context) error {
	if c, ok := s.tokens.(Checker); ok {
		return s.checkOne(ctx, "TokenStore", c)
	}
	// No lead has this ID, because its first byte is not printable.
	nobody := s.keys.refOf(&s.keys.generations[0], kindIssued, "\x00check", "", "")
	err := s.call(ctx, "TokenStore.Peek", func(ctx context.Context) error {
		_, err := s.tokens.Peek(ctx, nobody)
		return err
	})
	if err == nil || errors.Is(err, ErrTokenNotFound) {
		return nil
	}
	return fmt.Errorf("TokenStore: %w", err)
}

func (s *Service) checkLimiter(ctx context.Context) error {
	if c, ok := s.opts.Limiter.(Checker); ok {
		return s.checkOne(ctx, "Limiter", c)
	}
	request := LimitRequest{
		Key:    s.keys.limitKey(scopeCheck, "", ""),
		Policy: LimitPolicy{Limits: []Limit{{N: 10_000, Window: time.Second}}},
	}
	err := s.call(ctx, "Limiter.Allow", func(ctx context.Context) error {
		_, err := s.opts.Limiter.Allow(ctx, request)
		return err
	})
	if err != nil {
		return fmt.Errorf("Limiter: %w", err)
	}
	return nil
}

func (s *Service) checkQueue(ctx context.Context, name string, q Queue) error {
	if err := s.checkOne(ctx, name, q); err != nil {
		return err
	}
	if _, ok := q.(QueueStatsReporter); !ok {
		return nil
	}
	var stats QueueStats
	err := s.call(ctx, name+".QueueStats", func(ctx context.Context) (err error) {
		stats, err = statsOf(ctx, name, q)
		return err
	})
	if err != nil {
		return err
	}
	workers := maxConcurrent(q)
	switch {
	case workers > 0 && stats.Abandoned >= workers:
		return fmt.Errorf("%s: all %d workers hang, and %d jobs wait", name, workers, stats.Waiting)
	case stats.Oldest > maxAge:
		busy := fmt.Sprintf("%d of %d workers are busy", stats.Running, workers)
		if workers == 0 { // the queue does not say how many it has
			busy = fmt.Sprintf("%d attempts run", stats.Running)
		}
		return fmt.Errorf("%s: a job has waited %v for a worker, %d jobs wait, and %s",
			name, stats.Oldest.Round(time.Second), stats.Waiting, busy)
	}
	return nil
}

// checkOne asks a collaborator that can tell.
func (s *Service) checkOne(ctx context.Context, name string, collaborator any) error {
	c, ok := collaborator.(Checker)
	if !ok {
		return nil
	}
	if err := s.call(ctx, name+".Check", c.Check); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Check implements [Checker]. It asks the notifiers that are Checkers.
func (c channels) Check(ctx context.Context) error {
	for channel, n := range c {
		if checker, ok := n.(Checker); ok {
			if err := checker.Check(ctx); err != nil {
				return fmt.Errorf("%s: %w", channel, err)
			}
		}
	}
	return nil
}

// warnOfMixedStores warns if instances share their tokens and not their limits,
// or the reverse. A store for both, such as those of this module, is meant to be
// used for both.
func (o Options) warnOfMixedStores(tokens TokenStore) {
	_, tokensInMemory := tokens.(*MemoryTokenStore)
	_, limitsInMemory := o.Limiter.(*MemoryLimiter)
	_, sharedTokens := tokens.(Limiter)
	_, sharedLimits := o.Limiter.(TokenStore)
	switch {
	case sharedTokens && limitsInMemory:
		o.Logger.Warn("recovery: tokens are in a shared store and limits in memory, so each instance has limits of its own. Leave option Limiter out: the store is a Limiter too", "tokens", fmt.Sprintf("%T", tokens))
	case tokensInMemory && sharedLimits:
		o.Logger.Warn("recovery: limits are in a shared store and tokens in memory, so a link works on the instance that sent it alone, and no longer than that runs. Give the store to New, which is a TokenStore too", "limits", fmt.Sprintf("%T", o.Limiter))
	}
}
