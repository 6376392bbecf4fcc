package redisstore

import (
	"context"
	"time"

	"github.com/seed-51359b35/recovery"
)

var (
	ParseReply    = parse
	ParseDecision = decision
	IsClaimID     = isClaimID
)

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
