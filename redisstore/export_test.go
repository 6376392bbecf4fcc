package redisstore

import (
	"context"
	"time"

	"github.com/seed-51359b35/recovery"
)

var (
	ParseReply = parse
)

// ParseDecision reads a reply that may have any stamp.
func ParseDecision(reply any, tier recovery.LimitPolicy) (recovery.Decision, error) {
	b := boxTier(tier)
	mark := stamp{base: b.base, space: b.space}
	v, ok := reply.(int64)
	if list, isList := reply.([]any); isList && len(list) > 0 {
		v, ok = list[0].(int64)
	}
	if ok {
		mark.n = max(v, -1-v) / b.space
	}
	return decision(reply, tier, mark)
}

// Denials is the cache on its own.
type Denials struct{ d *denials }

func NewDenials(most int) Denials { return Denials{newDenials(most)} }

func (d Denials) Remember(key string, decision recovery.Decision, until time.Time) {
	d.d.remember(key, decision, until, until.Add(-decision.RetryAfter))
}

func (d Denials) Lookup(key string, now time.Time) (recovery.Decision, bool) {
	return d.d.lookup(key, now)
}

func (d Denials) Len() int {
	n := 0
	for i := range d.d.shards {
		n += len(d.d.shards[i].keys)
	}
	return n
}

// Budgets is the pool on its own.
type Budgets struct{ p budgetPool }

func (b *Budgets) Get(ctx context.Context, d time.Duration) (context.Context, func()) {
	got := b.p.get(ctx, d)
	return got, func() { b.p.put(got) }
}
