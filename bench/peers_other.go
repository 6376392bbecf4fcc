package main

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislimiter"
	"github.com/sethvargo/go-redisstore"
)

// Peers that bring a client of their own.

// The pool that sethvargo's New makes keeps no idle connection, so it would
// dial for each call. Its documentation has NewWithPool for that; this one keeps
// as many as there are callers.
var sethvargo = target{name: "sethvargo/go-limiter", memory: true, open: func(at place) (decide, func(), error) {
	pool := &redis.Pool{MaxIdle: 100, IdleTimeout: 5 * time.Minute, DialContext: func(ctx context.Context) (redis.Conn, error) {
		var options []redis.DialOption
		if at.dial != nil {
			options = append(options, redis.DialContextFunc(at.dial))
		}
		return redis.DialContext(ctx, "tcp", at.addrs[0], options...)
	}}
	store, err := redisstore.NewWithPool(&redisstore.Config{Tokens: limitN, Interval: limitWindow}, pool)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, key string) (bool, error) {
		_, _, _, ok, err := store.Take(ctx, "sethvargo:"+key)
		return ok, err
	}, closer(pool), nil
}}

var rueidisLimiter = target{name: "rueidislimiter", memory: true, open: func(at place) (decide, func(), error) {
	option := rueidis.ClientOption{InitAddress: at.addrs}
	if at.dial != nil {
		option.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return at.dial(ctx, "tcp", addr)
		}
	}
	var client rueidis.Client
	l, err := rueidislimiter.NewRateLimiter(rueidislimiter.RateLimiterOption{
		ClientOption: option, Limit: limitN, Window: limitWindow,
		ClientBuilder: func(o rueidis.ClientOption) (c rueidis.Client, err error) {
			client, err = rueidis.NewClient(o)
			return client, err
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, key string) (bool, error) {
		r, err := l.Allow(ctx, key)
		return r.Allowed, err
	}, client.Close, nil
}}
