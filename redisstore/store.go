package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
)

// Options configure a [Store]. The zero value of every field is its default.
type Options struct {
	_ [0]func()

	// Timeout is how long one operation may take, whatever the client's
	// timeouts are: 10 ms to 1 min. Default 250 ms.
	Timeout time.Duration
	// Replicas is how many replicas must acknowledge a claim before it is won,
	// 0 to 16. Default 0. With it, a claim that was acknowledged survives a
	// failover to one of those replicas, at about 80 % of the throughput. If
	// too few replicas acknowledge a claim within Timeout, the error is
	// [ErrTooFewReplicas].
	Replicas int
	// NoBatching gives every operation a connection of its own. By default
	// concurrent operations share round trips through the client's
	// auto-pipeliner, which go-redis calls experimental. Without batching, a
	// client with ContextTimeoutEnabled is the faster one. Any other client
	// waits as long as its own timeouts say, so each operation needs a
	// goroutine to return in time.
	NoBatching bool
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

// Store is a [recovery.TokenStore] and a [recovery.Limiter] on Redis. It is
// safe for concurrent use. It has no goroutine that lives on. A call may use
// one, which ends at the latest when go-redis gives up waiting for a Redis that
// does not answer.
type Store struct {
	client  redis.UniversalClient
	opts    Options
	scripts *scripts
	hasty   redis.UniversalClient
	direct  bool // the client itself ends a call in time
	// readTimeout is the client's, 0 for none.
	readTimeout time.Duration
	pipe        *redis.AutoPipeliner // nil without batching
	health      *health
	denials     *denials
	budgets     budgetPool
	flights     sync.Pool                            // of *flight
	plain       func(context.Context, *flight) error // flyPlain, boxed once
	tiers       tierArgs
}

// New returns a Store on a client. The client may be standalone, Sentinel or
// Cluster, with any options. The caller closes it. New asks the servers once
// for their eviction policy, by INFO, and waits up to Timeout for the answer.
// It warns of a policy that can drop tokens (A53). There is no warning if a
// server does not tell its policy. New reports all mistakes in opts at once, as
// joined [*recovery.OptionError]s.
func New(client redis.UniversalClient, opts Options) (*Store, error) {
	if opts.Timeout == 0 {
		opts.Timeout = 250 * time.Millisecond
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
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	s := &Store{
		client: client, hasty: client, opts: opts, scripts: newScripts(),
		health: newHealth(client, opts.Logger), denials: newDenials(opts.DenialCache),
		tiers: tierArgs{tiers: make(map[*recovery.Limit]boxedTier)},
	}
	s.plain = s.flyPlain
	s.readTimeout = readTimeout(client)
	if c, ok := client.(*redis.Client); ok {
		s.direct = c.Options().ContextTimeoutEnabled
		// The same connections, but a read or a write on them waits at most
		// Timeout, whatever the client's options are. go-redis leaves the
		// host's hooks off such a client, so it is used only while Redis fails.
		s.hasty = c.WithTimeout(opts.Timeout)
	}
	if !opts.NoBatching {
		// The client's own, shared with whoever else asks for it: never closed
		// here, and with the options of whoever asked first.
		pipe, err := client.AsyncAutoPipelineWithOptions(&redis.AutoPipelineOptions{FullDuplex: true})
		switch {
		case err != nil:
			opts.Logger.Warn("redisstore: this client cannot batch", "error", err)
		case !roomy(pipe.Config()):
			opts.Logger.Warn("redisstore: this client's auto-pipeliner can refuse callers or hold them longer than their budget, so it is not used",
				"want", fmt.Sprintf("FullDuplex, a FullDuplexWindow of %d or more, no MaxQueuedCommands", leastWindow))
		default:
			s.pipe = pipe
		}
	}
	s.warnOfEviction()
	return s, nil
}

// leastWindow is how many calls an auto-pipeliner must let be under way. A
// caller beyond this number waits for room, even past its timeout. The breaker
// opens before this many callers wait for a Redis that does not answer.
const leastWindow = 4096

// roomy reports whether a call can always be handed to an auto-pipeliner, and
// without waiting, with the options of whoever asked for it first.
func roomy(c redis.AutoPipelineOptions) bool {
	return c.FullDuplex && c.FullDuplexWindow >= leastWindow && c.MaxQueuedCommands == 0
}

// warnOfEviction asks by INFO, because managed services often refuse CONFIG.
func (s *Store) warnOfEviction() {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Timeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		check := func(ctx context.Context, node *redis.Client) error {
			info, err := node.Info(ctx, "memory").Result()
			if err != nil {
				return err
			}
			for line := range strings.Lines(info) {
				policy, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
				if ok && policy != "noeviction" {
					s.opts.Logger.Warn("redisstore: this eviction policy can drop tokens and counters; set maxmemory-policy noeviction",
						"policy", policy, "server", node.Options().Addr)
				}
			}
			return nil
		}
		switch c := s.client.(type) {
		case *redis.ClusterClient:
			done <- c.ForEachMaster(ctx, check)
		case *redis.Client:
			done <- check(ctx, c)
		default:
			done <- nil
		}
	}()
	select {
	case err := <-done:
		if err != nil {
			s.opts.Logger.Debug("redisstore: the eviction policy is not known", "error", err)
		}
	case <-ctx.Done():
		s.opts.Logger.Debug("redisstore: the eviction policy is not known", "error", ctx.Err())
	}
}
