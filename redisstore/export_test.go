package redisstore

import (
	"time"

	"github.com/seed-51359b35/recovery"
)

var (
	ParseReply    = parse
	ParseDecision = decision
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
