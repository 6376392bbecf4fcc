package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// The least that a script must do which keeps something: read and write it,
// with a time to live or without.
const (
	getSet    = `redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return 1`
	getSetTTL = `redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1], 'PX', 5000) return 1`
)

// scriptCalls is how many calls each key has while a script is timed, from
// windowBefore calls in its window on.
const (
	windowBefore = 6
	scriptCalls  = 12
)

// luaTarget is one of the scripts above.
func luaTarget(name, source string) target {
	value := strings.Repeat("x", 8+4*12)
	return target{name: name, open: func(at place) (decide, func(), error) {
		client := at.client()
		sha, err := client.ScriptLoad(context.Background(), source).Result()
		return func(ctx context.Context, key string) (bool, error) {
			return true, client.EvalSha(ctx, sha, []string{"getset:" + key}, value).Err()
		}, closer(client), err
	}}
}

// scriptSettings are who asks. Callers of different stores share no call, so
// with a store for each caller every call decides one key, on a server that is
// about as busy as it is with the others.
var scriptSettings = []struct {
	name            string
	callers, stores int
}{{"4 callers with a store each", 4, 4}, {"16 callers", 16, 1}, {"64 callers", 64, 1}, {"256 callers", 256, 1}}

// A scriptTime is the server's own time for one decision, and how many of them
// one call made.
type scriptTime struct{ micros, group float64 }

// scriptTimes is the time that scripts take on the server, by its own
// statistics: for one key, and where ours decides many at once.
func scriptTimes(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	const table = "The script's own time for a decision, at 12 calls in the window on average"
	b.step("limiter: script times")
	plain, withTTL := luaTarget("Lua GET+SET", getSet), luaTarget("Lua GET+SET with a TTL", getSetTTL)
	peers := pick(b, []target{redisRate, sethvargo, rueidisLimiter, zset}, []target{redisRate, rueidisLimiter})
	nearest, ratioThere, where := math.Inf(1), 0.0, ""
	for _, how := range scriptSettings {
		targets := []target{plain, withTTL, oursAsking}
		if how.stores > 1 {
			targets = append(targets, peers...)
		}
		times := b.timeScripts(tb, addr, admin, targets, how.callers, how.stores)
		for n, t := range targets {
			var own, group, ratio []float64
			for round := range times[n] {
				own = append(own, times[n][round].micros)
				group = append(group, times[n][round].group)
				ratio = append(ratio, times[n][round].micros/times[1][round].micros)
			}
			b.add(table, t.name, how.name, "us", median(own))
			b.add(table, t.name, how.name, "decisions in a call", median(group))
			b.add(table, t.name, how.name, "x GET+SET with a TTL", median(ratio))
			if t.name != oursAsking.name {
				continue
			}
			if how.stores > 1 {
				b.hold("L5", "the script's time for one key, x Lua GET+SET with a TTL", median(ratio), "<=", 1.6)
			}
			if distance := math.Abs(median(group) - 32); distance < nearest {
				nearest, ratioThere = distance, median(ratio)
				where = fmt.Sprintf("%s: %s a call", how.name, number(median(group)))
			}
		}
	}
	b.hold("L5", "the script's time for a key of a group, x Lua GET+SET with a TTL, "+where, ratioThere, "<=", 1.0)
	if nearest > 16 {
		b.note("No callers had groups of about 32, so the second figure of L5 is for others.")
	}
}

// timeScripts times the targets' scripts in turn.
func (b *bench) timeScripts(tb redistest.TB, addr string, admin *redis.Client, targets []target, callers, stores int) [][]scriptTime {
	ctx := tb.Context()
	// So few that no call of the first leaves the window before the last.
	names := keys(pick(b, 1_024, 256))
	times := make([][]scriptTime, len(targets))
	asks := make([]op, len(targets))
	for n, t := range targets {
		ways := make([]op, stores)
		for i := range ways {
			d, end := open(tb, t, at(addr))
			defer end()
			ways[i] = asking(d, names, callers, nil)
		}
		asks[n] = func(ctx context.Context, caller, i int) error { return ways[caller%stores](ctx, caller, i) }
	}
	for round := range b.rounds {
		for i := range targets {
			n := (i + round) % len(targets)
			must(tb, admin.FlushDB(ctx).Err())
			before := run(ctx, load{callers: callers, most: windowBefore * len(names)}, asks[n])
			must(tb, before.err)
			resetStatistics(tb, admin)
			s := run(ctx, load{callers: callers, most: scriptCalls * len(names), start: before.ops / callers}, asks[n])
			must(tb, s.err)
			ran := scriptStatistics(tb, admin)
			times[n] = append(times[n], scriptTime{micros: ran.usec / float64(s.ops), group: float64(s.ops) / ran.calls})
		}
	}
	return times
}
