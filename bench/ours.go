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

// patient is how long one of our calls may take while speed is measured. On a
// busy machine waiting is slow and not an error, as with the peers.
const patient = 5 * time.Second

// limiterOf is this library's limiter with options.
func limiterOf(name string, options redisstore.Options, edit ...func(*redis.Options)) target {
	options.Logger, options.Timeout = quiet, patient
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
	// ours is the library as it is used: with a client of default options.
	ours = limiterOf("ours", redisstore.Options{})
	// A host's client may honour contexts.
	oursContexts = limiterOf("ours, client with ContextTimeoutEnabled", redisstore.Options{},
		func(o *redis.Options) { o.ContextTimeoutEnabled = true })
	// Without the memory of denials every call goes to Redis, as all calls of
	// the peers do.
	oursAsking = limiterOf("ours, no memory of denials", redisstore.Options{DenialCache: -1})
)

// limiters are everybody in the order of the tables.
var limiters = []target{
	redisRate, ulule, sethvargo, throttledGCRA, httprateCounter, rueidisLimiter, zset, ours, oursContexts,
}
