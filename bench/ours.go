package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/redisstore"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

var limitPolicy = recovery.LimitPolicy{Limits: []recovery.Limit{{N: limitN, Window: limitWindow}}}

// ours is this library's limiter with options.
func ours(name string, options redisstore.Options, edit ...func(*redis.Options)) target {
	options.Logger = quiet
	// On a busy machine, waiting is slow and not an error, as with the peers.
	options.Timeout = 5 * time.Second
	return target{
		name: name, memory: true, exact: true, local: options.DenialCache >= 0,
		open: func(at place) (decide, func(), error) {
			client := at.client(edit...)
			store, err := redisstore.New(client, options)
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context, key string) (bool, error) {
				d, err := store.Allow(ctx, recovery.LimitRequest{Key: key, Policy: limitPolicy})
				if err != nil {
					return false, err
				}
				return d[0].Allowed, nil
			}, closer(client), nil
		},
	}
}

var (
	oursPlain = ours("ours, plain client", redisstore.Options{NoBatching: true})
	// The host's client may honour contexts, which spares us a goroutine.
	oursDirect = ours("ours, client honours contexts", redisstore.Options{NoBatching: true},
		func(o *redis.Options) { o.ContextTimeoutEnabled = true })
	oursBatched = ours("ours, batched", redisstore.Options{})
	oursAllow   = ours("ours, hot denied key", redisstore.Options{})
	// Without the memory of denials every call goes to Redis, as all calls of
	// the peers do.
	oursPlainAsking   = ours("ours, plain client, no memory of denials", redisstore.Options{NoBatching: true, DenialCache: -1})
	oursBatchedAsking = ours("ours, batched, no memory of denials", redisstore.Options{DenialCache: -1})
)

// limiters are everybody in the order of the tables.
var limiters = []target{
	redisRate, ulule, sethvargo, throttledGCRA, httprateCounter, rueidisLimiter, zset, oursPlain, oursDirect, oursBatched,
}
