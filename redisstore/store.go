package redisstore

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/denials"
)

// Options configure a [Store]. The zero value of every field is its default.
type Options struct {
	_ [0]func()

	// Timeout is how long one operation may take, whatever the client's
	// timeouts are: 10 ms to 1 min. Default 500 ms.
	Timeout time.Duration
	// Replicas is how many replicas must acknowledge a claim before it is won,
	// 0 to 16. Default 0. With it, a claim that was acknowledged survives a
	// failover to one of those replicas. If too few replicas acknowledge a
	// claim within Timeout, the error is [ErrTooFewReplicas]. It needs a
	// [*redis.Client] or a [*redis.ClusterClient].
	Replicas int
	// DenialCache is how many keys may be remembered as denied, so that a
	// flood of refused calls costs Redis nothing. Default 65,536; negative
	// means none.
	DenialCache int
	// Logger receives warnings. Default: [slog.Default].
	Logger *slog.Logger
}

// ErrTooFewReplicas is returned for a claim that the master accepted and too
// few replicas acknowledged in time. The claim may be lost in a failover. The
// caller claims again with the same id, or releases the claim.
var ErrTooFewReplicas = errors.New("redisstore: too few replicas acknowledged the claim")

// ErrDown is returned without a question to Redis while Redis does not answer.
var ErrDown = errors.New("redisstore: Redis is down")

// ErrWrongReply is returned when the reply is not that to the question that was
// asked. Shared connections have given such replies to callers (A90,
// CVE-2025-29923). The contents of the reply are not used.
var ErrWrongReply = errors.New("redisstore: Redis answered another question")

var (
	errNewer = errors.New("redisstore: the record was written by a newer version of this library; bring all instances to the same version")
	// errUnreadable: somebody else writes to the same keys.
	errUnreadable = errors.New("redisstore: a key holds something that this library did not write; use another recovery.Options.Prefix, or delete the key")
)

// Store is a [recovery.TokenStore] and a [recovery.Limiter] on Redis. It is
// safe for concurrent use. It has no goroutine that lives on. A call may use
// one, which ends at the latest when go-redis gives up waiting for a Redis that
// does not answer.
type Store struct {
	client  redis.UniversalClient
	opts    Options
	denials *denials.Cache

	first   *node                // the only one, but for a Cluster
	cluster *redis.ClusterClient // nil if it is none
	mu      sync.Mutex
	nodes   map[string]*node // of a Cluster, by address
}

// New returns a Store on a client. The client may be standalone, Sentinel or
// Cluster, with any options. The caller closes it. New asks the servers once
// for their eviction policy, by INFO, and waits up to Timeout for the answer.
// It warns of a policy that can drop tokens (A53). There is no warning if a
// server does not tell its policy. If no answer comes, it warns with the address
// and the cause, and returns a Store all the same: Redis may come later. Beside
// that, New connects once by itself, to know whether it can while Redis is down.
// New reports all mistakes in opts at once, as joined [*recovery.OptionError]s.
func New(client redis.UniversalClient, opts Options) (*Store, error) {
	if opts.Timeout == 0 {
		opts.Timeout = 500 * time.Millisecond
	}
	if opts.DenialCache == 0 {
		opts.DenialCache = 1 << 16
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	mistakes := recovery.OptionErrors{Package: "redisstore"}
	if client == nil {
		mistakes.Add("client", "is required")
	}
	mistakes.CheckDuration("Timeout", opts.Timeout, 10*time.Millisecond, time.Minute)
	mistakes.CheckInt("Replicas", opts.Replicas, 0, 16)
	switch client.(type) {
	case nil, *redis.Client, *redis.ClusterClient:
	default:
		// WAIT asks about the writes of its own connection. Other clients may
		// send it elsewhere, and then it acknowledges what nobody wrote.
		if opts.Replicas > 0 {
			mistakes.Add("Replicas", "needs a *redis.Client or a *redis.ClusterClient, not a %T", client)
		}
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	s := &Store{client: client, opts: opts, denials: denials.New(opts.DenialCache), nodes: map[string]*node{}}
	s.cluster, _ = client.(*redis.ClusterClient)
	s.first = s.newNode("")
	ctx, cancel := context.WithTimeout(context.Background(), opts.Timeout)
	defer cancel()
	s.first.guard.AskAtStart(ctx, "redisstore", "tokens and counters")
	return s, nil
}

// address returns the server and the database of a client, as far as it tells.
func address(client redis.UniversalClient) (server string, database int) {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().Addr, c.Options().DB
	case *redis.ClusterClient:
		return strings.Join(c.Options().Addrs, ", "), 0
	}
	return "", 0
}

// LogValue implements [slog.LogValuer]: the server, and the number of the database
// there.
func (s *Store) LogValue() slog.Value {
	server, database := address(s.client)
	return slog.GroupValue(slog.String("type", "redisstore"), slog.String("server", server), slog.Int("database", database))
}
