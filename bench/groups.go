package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// groupHook sees how many keys each script call of a client names.
type groupHook struct {
	mu   sync.Mutex
	most int
}

// DialHook implements [redis.Hook].
func (*groupHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (g *groupHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		g.see(cmd)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (g *groupHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			g.see(cmd)
		}
		return next(ctx, cmds)
	}
}

func (g *groupHook) see(cmd redis.Cmder) {
	if name := cmd.Name(); name != "evalsha" && name != "eval" {
		return
	}
	args := cmd.Args()
	if len(args) < 3 {
		return
	}
	keys, err := strconv.Atoi(fmt.Sprint(args[2]))
	if err != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most = max(g.most, keys)
}

// groupSizes is how many decisions one call of a script made, seen from
// outside: by the server's count of calls, and by the keys that each names.
func groupSizes(tb redistest.TB, b *bench, addr string, admin *redis.Client) {
	const table = "Decisions that share one call of the script"
	b.step("limiter: group sizes")
	ctx := tb.Context()
	for _, callers := range callerCounts {
		must(tb, admin.FlushAll(ctx).Err())
		hook := &groupHook{}
		d, end := open(tb, ours, place{addrs: []string{addr}, hook: hook})
		names := keys(manyKeys(callers))
		warm := run(ctx, load{callers: callers, length: b.slice / 2}, asking(d, names, callers, nil))
		resetStatistics(tb, admin)
		hook.most = 0
		s := run(ctx, load{callers: callers, length: 2 * b.slice, start: warm.ops / callers}, asking(d, names, callers, nil))
		must(tb, s.err)
		ran := scriptStatistics(tb, admin)
		end()
		b.add(table, ours.name, callersSetting(callers), "mean", float64(s.ops)/ran.calls)
		b.add(table, ours.name, callersSetting(callers), "most keys in a call", float64(hook.most))
	}
}
