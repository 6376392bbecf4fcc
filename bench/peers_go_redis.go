package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/httprate"
	httprateredis "github.com/go-chi/httprate-redis"
	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/throttled/throttled/v2"
	goredisstore "github.com/throttled/throttled/v2/store/goredisstore.v9"
	"github.com/ulule/limiter/v3"
	ululeredis "github.com/ulule/limiter/v3/drivers/store/redis"
)

// The limit that everybody is set to.
const (
	limitN      = 25
	limitWindow = 5 * time.Second
)

// Peers that stand on go-redis, each with a client of default options.

var redisRate = target{name: "redis_rate v10", memory: true, open: func(at place) (decide, func(), error) {
	client := at.client()
	l := redis_rate.NewLimiter(client)
	limit := redis_rate.Limit{Rate: limitN, Burst: limitN, Period: limitWindow}
	return func(ctx context.Context, key string) (bool, error) {
		r, err := l.Allow(ctx, key, limit)
		return err == nil && r.Allowed > 0, err
	}, closer(client), nil
}}

var ulule = target{name: "ulule/limiter v3", memory: true, open: func(at place) (decide, func(), error) {
	client := at.client()
	store, err := ululeredis.NewStore(client)
	if err != nil {
		return nil, nil, err
	}
	l := limiter.New(store, limiter.Rate{Period: limitWindow, Limit: limitN})
	return func(ctx context.Context, key string) (bool, error) {
		c, err := l.Get(ctx, key)
		return err == nil && !c.Reached, err
	}, closer(client), nil
}}

var throttledGCRA = target{name: "throttled v2", memory: true, open: func(at place) (decide, func(), error) {
	client := at.client()
	store, err := goredisstore.NewCtx(client, "throttled:")
	if err != nil {
		return nil, nil, err
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerDuration(limitN, limitWindow), MaxBurst: limitN - 1,
	})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, key string) (bool, error) {
		limited, _, err := l.RateLimitCtx(ctx, key, 1)
		return err == nil && !limited, err
	}, closer(client), nil
}}

// httprate is a middleware, so it is asked with a request and a writer that
// keeps nothing. Errors are to be seen, so it has no local counter to fall back
// to.
var httprateCounter = target{name: "httprate with httprate-redis", memory: true, open: func(at place) (decide, func(), error) {
	client := at.client().(*redis.Client) // it takes no other
	var mu sync.Mutex
	var failed error
	l := httprate.NewRateLimiter(limitN, limitWindow,
		httprateredis.WithRedisLimitCounter(&httprateredis.Config{
			Client: client, WindowLength: limitWindow, FallbackDisabled: true,
		}),
		httprate.WithErrorHandler(func(_ http.ResponseWriter, _ *http.Request, err error) {
			mu.Lock()
			failed = err
			mu.Unlock()
		}))
	request, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		return nil, nil, err
	}
	writers := sync.Pool{New: func() any { return &blankWriter{http.Header{}} }}
	return func(_ context.Context, key string) (bool, error) {
		w := writers.Get().(*blankWriter)
		limited := l.OnLimit(w, request, key)
		writers.Put(w)
		mu.Lock()
		defer mu.Unlock()
		return !limited, failed
	}, closer(client), nil
}}

type blankWriter struct{ header http.Header }

func (w *blankWriter) Header() http.Header         { return w.header }
func (w *blankWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *blankWriter) WriteHeader(int)             {}

// zsetLog is the exact log as textbooks have it: one member of a sorted set for
// each call. Like ours it goes by the server's clock.
var zsetLog = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local count = redis.call('ZCARD', KEYS[1])
if count >= tonumber(ARGV[1]) then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return {0, 0, oldest[2] + window - now}
end
redis.call('ZADD', KEYS[1], now, string.format('%d', now) .. '-' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
return {1, ARGV[1] - count - 1, 0}
`)

var zset = target{name: "ZSET log (textbook)", memory: true, exact: true, open: func(at place) (decide, func(), error) {
	client := at.client()
	return func(ctx context.Context, key string) (bool, error) {
		unique := strconv.FormatUint(uint64(rand.Uint32()), 36)
		r, err := zsetLog.Run(ctx, client, []string{"zset:" + key}, limitN, limitWindow.Microseconds(), unique).Int64Slice()
		return err == nil && r[0] == 1, err
	}, closer(client), nil
}}
