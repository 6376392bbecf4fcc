package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/redisstore"
)

// storage is where everything lives that outlives a request, but for messages.
type storage struct {
	key      []byte
	prefix   string
	leads    leadStore
	sessions sessionStore
	tokens   recovery.TokenStore
	limiter  recovery.Limiter // nil: the Service's default
	guesses  recovery.Limiter // of logins
	queue    recovery.Queue   // nil: the Service's default
	delivery recovery.Queue   // nil: the Service's default
	close    func() error
}

// openStorage opens it in memory, or where the command line says.
func openStorage(ctx context.Context, c config, hasher password.Hasher, log *slog.Logger) (*storage, error) {
	seeds, err := demoSeeds(ctx, hasher)
	if err != nil {
		return nil, err
	}
	switch {
	case c.redis != nil:
		return redisStorage(ctx, c, seeds, log)
	case c.sql != nil:
		return sqlStorage(ctx, c.sql, c.durable, seeds, log)
	}
	return memoryStorage(seeds)
}

func memoryStorage(seeds []seed) (*storage, error) {
	leads := newMemoryLeads()
	for _, e := range seeds {
		if err := leads.add(e); err != nil {
			return nil, err
		}
	}
	// In memory, like all that is sealed with it: a key that outlives the
	// process belongs into a secret store.
	return &storage{
		key: recovery.NewKey(), leads: leads, sessions: newMemorySessions(), tokens: recovery.NewMemoryTokenStore(),
		guesses: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}),
		close:   func() error { return nil },
	}, nil
}

// demoKey is the key of every demo on Redis, so that instances need no secret
// to share. Anybody who has read this can forge tokens: never use it elsewhere.
var demoKey = sha256.Sum256([]byte("published, so it protects nobody"))

// demoPrefix begins the names of the demo's keys, and keeps the demo apart from
// a portal on the same Redis.
const demoPrefix = "recovery-example"

const (
	// startTimeout is how long Redis has to answer at the start.
	startTimeout = 3 * time.Second
	// redisTimeout is the budget of tokens and limits. Longer than the
	// default, because a demo runs beside whatever else a laptop does.
	redisTimeout = 500 * time.Millisecond
	// pollInterval is how long a message may wait for each of its two queues.
	// Shorter than the default, because somebody sits before a demo and waits.
	pollInterval = 100 * time.Millisecond
)

func redisStorage(ctx context.Context, c config, seeds []seed, log *slog.Logger) (_ *storage, err error) {
	target := c.redis
	client := target.client()
	defer func() {
		if err != nil {
			err = errors.Join(err, client.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("cannot reach %s: %w", target, err)
	}
	store, err := redisstore.New(client, redisstore.Options{Timeout: redisTimeout, Logger: log})
	if err != nil {
		return nil, err
	}
	v, err := newVault(client, demoPrefix, demoKey[:])
	if err != nil {
		return nil, err
	}
	leads := newRedisLeads(v, seeds)
	if err := leads.plant(ctx); err != nil {
		if strings.Contains(err.Error(), "MOVED ") {
			return nil, fmt.Errorf("%s is part of a Cluster: name several of its hosts", target)
		}
		return nil, fmt.Errorf("cannot use %s: %w", target, err)
	}
	sessions := &redisSessions{vault: v}
	for _, e := range seeds {
		sessions.leadIDs = append(sessions.leadIDs, e.lead.ID)
	}
	s := &storage{
		key: demoKey[:], prefix: demoPrefix, leads: leads, sessions: sessions,
		tokens: store, limiter: store, guesses: hashedLimiter{store, v.names}, close: client.Close,
	}
	if c.durable {
		if s.queue, err = asynqqueue.New(client, asynqqueue.Options{Name: demoPrefix, PollInterval: pollInterval, Logger: log}); err != nil {
			return nil, err
		}
		if s.delivery, err = asynqqueue.New(client, asynqqueue.Options{
			// One after another: of links that are stored in the same
			// millisecond nobody could tell which ones were replaced.
			Name: demoPrefix + "-deliveries", Workers: 1, PollInterval: pollInterval, Logger: log,
		}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// hashedLimiter keeps the addresses of clients out of the names of keys, as a
// Service does with its own.
type hashedLimiter struct {
	limiter recovery.Limiter
	names   names
}

// Allow implements [recovery.Limiter].
func (l hashedLimiter) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	hashed := make([]recovery.LimitRequest, len(takes))
	for i, t := range takes {
		hashed[i] = t
		hashed[i].Key = l.names.name("guesses", l.names.hash("guesses", t.Key))
	}
	return l.limiter.Allow(ctx, hashed...)
}
