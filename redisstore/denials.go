package redisstore

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// denials remembers which keys are denied, and until when. It is exact: calls
// only ever make a denial longer, so until the instant that the server named
// the answer cannot have changed. What it forgets costs a round trip and
// nothing else.
type denials struct {
	seed   maphash.Seed
	most   int // for each shard
	shards [16]denialShard
}

type denialShard struct {
	mu   sync.RWMutex
	keys map[string]denial
	_    [24]byte // a cache line of its own
}

type denial struct {
	until    time.Time
	decision recovery.Decision
	answered time.Time
}

func newDenials(most int) *denials {
	d := &denials{seed: maphash.MakeSeed(), most: (most + 15) / 16}
	for i := range d.shards {
		d.shards[i].keys = make(map[string]denial)
	}
	return d
}

func (d *denials) shard(key string) *denialShard {
	return &d.shards[maphash.String(d.seed, key)%uint64(len(d.shards))]
}

// lookup returns the denial of a key that is denied for certain.
func (d *denials) lookup(key string, now time.Time) (recovery.Decision, bool) {
	s := d.shard(key)
	s.mu.RLock()
	found, ok := s.keys[key]
	s.mu.RUnlock()
	if !ok || !now.Before(found.until) {
		return recovery.Decision{}, false
	}
	passed := now.Sub(found.answered)
	found.decision.Reset -= passed
	found.decision.RetryAfter -= passed
	return found.decision, true
}

// remember keeps a denial whose answer came at an instant. It is denied for
// certain until another, and what is told to wait is counted from the answer:
// the server decided somewhere between, and who waits too short is refused
// again.
func (d *denials) remember(key string, decision recovery.Decision, until, answered time.Time) {
	if d.most <= 0 {
		return
	}
	s := d.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.keys[key]; !known && len(s.keys) >= d.most {
		// Two for one: those that have ended go, and where none has, any.
		now, dropped := time.Now(), 0
		for k, old := range s.keys {
			if dropped++; dropped > 8 {
				break
			}
			if !now.Before(old.until) || dropped <= 2 {
				delete(s.keys, k)
			}
		}
	}
	s.keys[key] = denial{until, decision, answered}
}
