package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/groupcommit"
	"github.com/seed-51359b35/recovery/redisguard"
)

// A node is a Redis that answers or does not: a standalone server, the master
// that Sentinel names, or one master of a Cluster. Calls to it share scripts,
// and fail together, without those to other nodes.
type node struct {
	client  redis.UniversalClient
	timeout time.Duration
	guard   *redisguard.Guard
	// heedsContexts says that the client ends a command with its context. A call
	// then has a deadline. Other clients end a command by their own timeouts
	// alone, and a deadline would only cost memory.
	heedsContexts bool
	// replicaWait is how long WAIT waits for replicas.
	replicaWait time.Duration
	// oneScript says that one script may have many keys.
	oneScript atomic.Bool
	// layoutKnown says that go-redis has found the masters of a Cluster.
	layoutKnown atomic.Bool

	limits *group[int64]
	tokens *group[string]
	claims *group[string] // tokens, or one of its own that waits for replicas
}

// maxCalls is how many calls of one group a node has to answer at once. With
// four of them neither side waits for the other much, and a call is still for
// many.
const maxCalls = 4

// A group of calls of one script to one node. Its items are the jobs of one
// caller, and one answer belongs to each job.
type group[V int64 | string] = groupcommit.Group[[]job, []answer[V]]

// newNode returns a node. server is its address if there are several.
func (s *Store) newNode(server string) *node {
	n := &node{client: s.client, timeout: s.opts.Timeout}
	guard := redisguard.Options{
		Down: ErrDown, Logger: s.opts.Logger, Failed: isDown, Client: s.client,
		WhenDown: "redisstore: Redis does not answer, so every call is refused until it does",
		WhenUp:   "redisstore: Redis answers again",
	}
	if server != "" {
		guard.Attrs = []any{"server", server}
	}
	n.guard = redisguard.New(guard)
	var readTimeout time.Duration
	switch c := s.client.(type) {
	case *redis.Client:
		n.oneScript.Store(true)
		n.heedsContexts, readTimeout = c.Options().ContextTimeoutEnabled, c.Options().ReadTimeout
	case *redis.ClusterClient:
		n.heedsContexts, readTimeout = c.Options().ContextTimeoutEnabled, c.Options().ReadTimeout
	}
	n.replicaWait = replicaWait(n.timeout, readTimeout)
	n.limits = newGroup(n, limitsScript(), 0)
	n.tokens = newGroup(n, tokensScript(), 0)
	n.claims = n.tokens
	if s.opts.Replicas > 0 {
		n.claims = newGroup(n, tokensScript(), s.opts.Replicas)
	}
	return n
}

// isDown reports whether an error shows that a node is down. A wrong reply shows
// that it answers.
func isDown(err error) bool { return !errors.Is(err, ErrWrongReply) && redisguard.IsDown(err) }

func newGroup[V int64 | string](n *node, sc script[V], replicas int) *group[V] {
	decide := func(ctx context.Context, callers [][]job, answers [][]answer[V]) error {
		if n.heedsContexts {
			short, cancel := context.WithTimeout(ctx, n.timeout)
			defer cancel()
			ctx = short
		}
		c := call[V]{node: n, script: sc, replicas: replicas}
		if len(callers) == 1 {
			c.jobs = callers[0]
		} else {
			c.jobs = slices.Concat(callers...)
		}
		c.answers = make([]answer[V], len(c.jobs))
		err := c.send(ctx)
		if refusal := redisguard.Refusal(ctx, n.client, err); refusal != nil {
			err = wrap(refusal)
		}
		n.followLayout(ctx, err == nil, cmp.Or(err, firstError(c.answers)))
		if err != nil {
			return err
		}
		rest := c.answers
		for i, jobs := range callers {
			answers[i], rest = rest[:len(jobs)], rest[len(jobs):]
		}
		return nil
	}
	return groupcommit.New(decide, groupcommit.Options[[]job]{
		MaxCalls: maxCalls, Timeout: n.timeout, Breaker: n.guard, Key: func(jobs []job) string { return jobs[0].key },
	})
}

// replicaWait leaves time for the reply to come back, because Redis looks only
// ten times a second for clients that waited long enough. go-redis gives up a
// connection that is silent for longer than its read timeout, if it has one.
// WAIT 0 is for ever.
func replicaWait(timeout, readTimeout time.Duration) time.Duration {
	wait := max(timeout/2, timeout-150*time.Millisecond)
	if readTimeout > 0 {
		wait = min(wait, readTimeout/2)
	}
	return max(wait, time.Millisecond)
}

// ask has jobs decided, all in one round trip. groupOf names the script. An
// error means that nothing may be concluded about any of them.
func ask[V int64 | string](ctx context.Context, s *Store, groupOf func(*node) *group[V], jobs []job) ([]answer[V], error) {
	if len(jobs) == 0 {
		return nil, ctx.Err()
	}
	if s.cluster != nil && len(jobs) > 1 {
		return askMany(ctx, s, groupOf, jobs)
	}
	n := s.nodeOf(ctx, jobs[0].key)
	answers, err := do(ctx, n, groupOf(n), jobs)
	return answers, cmp.Or(err, firstError(answers))
}

// do has the jobs of one caller decided by one node.
func do[V int64 | string](ctx context.Context, n *node, g *group[V], jobs []job) ([]answer[V], error) {
	if n.guard.Refuses() {
		return nil, ErrDown
	}
	answers, err := g.Do(ctx, jobs)
	if errors.Is(err, groupcommit.ErrTimeout) {
		err = fmt.Errorf("redisstore: Redis did not answer in time: %w", context.DeadlineExceeded)
	}
	return answers, err
}

func firstError[V any](answers []answer[V]) error {
	for _, a := range answers {
		if a.err != nil {
			return a.err
		}
	}
	return nil
}
