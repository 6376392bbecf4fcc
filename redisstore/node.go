package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
	// oneScript says that one script may have many keys.
	oneScript atomic.Bool
	// layoutKnown says that go-redis has found the masters of a Cluster.
	layoutKnown atomic.Bool
	// reached says that a server that was down took a connection, and that no
	// call has tried it since.
	reached atomic.Bool
	// refusals counts the connections that it did not take.
	refusals atomic.Int64

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
		Down: ErrDown, Logger: s.opts.Logger, Failed: isDown,
		WhenDown: "redisstore: Redis does not answer, so every call is refused until it does",
		WhenUp:   "redisstore: Redis answers again",
	}
	if server != "" {
		guard.Attrs = []any{"server", server}
	}
	n.guard = redisguard.New(guard)
	switch c := s.client.(type) {
	case *redis.Client:
		n.oneScript.Store(true)
		n.heedsContexts = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		n.heedsContexts = c.Options().ContextTimeoutEnabled
	}
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

// reach returns an error while a server that is down takes no connection. To
// connect may take longer than a call may, for example to another continent and
// with TLS. So the call after one that did not get further does not connect
// again. And a DialHook of the host, which is not asked here, may know a way of
// its own. So one call of twenty goes on all the same.
func (n *node) reach(ctx context.Context) error {
	client, ok := n.client.(*redis.Client)
	if !ok || !n.guard.Down() || n.reached.Swap(false) {
		return nil
	}
	err := redisguard.Reachable(ctx, client)
	n.reached.Store(err == nil)
	if err != nil && n.refusals.Add(1)%20 == 0 {
		return nil
	}
	return err
}

// followLayout keeps in step with the masters of a Cluster after a call.
// answered says that at least one job was answered, and err is an error of the
// call or of a job. After an error that another layout may explain, it has
// go-redis ask for the masters again, in the background. By itself go-redis asks
// every 10 s.
func (n *node) followLayout(ctx context.Context, answered bool, err error) {
	cluster, ok := n.client.(*redis.ClusterClient)
	if !ok {
		return
	}
	if answered {
		n.layoutKnown.Store(true)
	}
	if isDown(err) || says(err, "MOVED") {
		cluster.ReloadState(ctx)
	}
}

// do has the jobs of one caller decided by one node.
func do[V int64 | string](ctx context.Context, n *node, g *group[V], jobs []job) ([]answer[V], error) {
	if n.guard.Refuses() {
		return nil, ErrDown
	}
	answers, err := g.Do(ctx, jobs)
	if errors.Is(err, groupcommit.ErrTimeout) {
		return nil, errTimeout
	}
	return answers, err
}

// errTimeout is what became of a call that was not answered within Timeout.
var errTimeout = fmt.Errorf("redisstore: Redis did not answer in time: %w", context.DeadlineExceeded)

// ask has jobs decided, all in one round trip. groupOf names the script. An
// error means that nothing may be concluded about any of them.
func ask[V int64 | string](ctx context.Context, s *Store, groupOf func(*node) *group[V], jobs []job) ([]answer[V], error) {
	if s.cluster == nil || len(jobs) == 1 {
		n := s.nodeOf(ctx, jobs[0].key)
		answers, err := do(ctx, n, groupOf(n), jobs)
		if err == nil {
			err = firstError(answers)
		}
		return answers, err
	}
	return askMany(ctx, s, groupOf, jobs)
}

// askMany has jobs decided that may belong to several nodes of a Cluster, by all
// of these at once.
func askMany[V int64 | string](ctx context.Context, s *Store, groupOf func(*node) *group[V], jobs []job) ([]answer[V], error) {
	places := make(map[*node][]int)
	for i, j := range jobs {
		n := s.nodeOf(ctx, j.key)
		places[n] = append(places[n], i)
	}
	all := make([]answer[V], len(jobs))
	var wg sync.WaitGroup
	for n, indexes := range places {
		wg.Go(func() {
			own := make([]job, len(indexes))
			for k, i := range indexes {
				own[k] = jobs[i]
			}
			answers, err := do(ctx, n, groupOf(n), own)
			for k, i := range indexes {
				if all[i].err = err; err == nil {
					all[i] = answers[k]
				}
			}
		})
	}
	wg.Wait()
	return all, firstError(all)
}

func firstError[V any](answers []answer[V]) error {
	for _, a := range answers {
		if a.err != nil {
			return a.err
		}
	}
	return nil
}

// nodeOf returns the node that a key belongs to. In a Cluster that is not known
// before go-redis has asked for its layout, which may take long. So the first
// calls share a node, whose client finds the right master for each key.
func (s *Store) nodeOf(ctx context.Context, key string) *node {
	if s.cluster == nil || !s.first.layoutKnown.Load() {
		return s.first
	}
	master, err := s.cluster.MasterForKey(ctx, key)
	if err != nil {
		return s.first
	}
	server := master.Options().Addr
	if n, ok := s.nodes.Load(server); ok {
		return n.(*node)
	}
	n, _ := s.nodes.LoadOrStore(server, s.newNode(server))
	return n.(*node)
}
