// Package denials remembers in the process which keys a limiter denies, and
// until when. So a flood of calls that are denied costs the server of the
// limiter nothing. It is for authors of limiters whose counts are elsewhere, as
// those of package redisstore are.
//
// # The contract
//
//   - No false denial: while a [Cache] says that a request is denied, the
//     limiter would deny it too. Calls only ever make a denial longer. So until
//     the earliest instant at which it can end, the answer cannot have changed,
//     whatever other processes do.
//   - Time is counted on this process's clock, between the question and the
//     answer. The clocks of the server and of this process need not agree, but
//     have to run equally fast.
//   - RetryAfter is never too short. It is too long by no more than the time
//     that the limiter took to answer, and its rounding.
//   - A request with an ID is never answered here. A call with that ID may have
//     been allowed before, and only the limiter knows.
//   - Memory is bounded. What a Cache forgets costs a question to the limiter
//     and nothing else.
package denials

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A Cache remembers denials. It is safe for concurrent use.
type Cache struct {
	seed   maphash.Seed
	most   int // for each shard
	shards [16]shard
}

type shard struct {
	mu   sync.RWMutex
	keys map[string]denial
	_    [24]byte // a cache line of its own
}

type denial struct {
	until    time.Time
	decision recovery.Decision
	answered time.Time
}

// New returns a Cache of as many keys, rounded up to a multiple of 16. If keys
// is not positive, it remembers nothing.
func New(keys int) *Cache {
	c := &Cache{seed: maphash.MakeSeed(), most: (keys + 15) / 16}
	for i := range c.shards {
		c.shards[i].keys = make(map[string]denial)
	}
	return c
}

func (c *Cache) shard(key string) *shard {
	return &c.shards[maphash.String(c.seed, key)%uint64(len(c.shards))]
}

// Lookup returns the decision on a request that is denied for certain, and
// whether there is one. Its Reset and RetryAfter are counted from now, which
// is the current time.
func (c *Cache) Lookup(r recovery.LimitRequest, now time.Time) (recovery.Decision, bool) {
	if r.ID != "" {
		return recovery.Decision{}, false
	}
	s := c.shard(r.Key)
	s.mu.RLock()
	found, ok := s.keys[r.Key]
	s.mu.RUnlock()
	if !ok || !now.Before(found.until) {
		return recovery.Decision{}, false
	}
	passed := now.Sub(found.answered)
	found.decision.Reset -= passed
	found.decision.RetryAfter -= passed
	return found.decision, true
}

// Remember keeps the limiter's decision on a request, if it is a denial. The
// limiter was asked at the time sent and had answered at the time answered. It
// rounds the durations of its decisions up by no more than rounding.
func (c *Cache) Remember(r recovery.LimitRequest, d recovery.Decision, sent, answered time.Time, rounding time.Duration) {
	if d.Allowed || r.ID != "" || c.most <= 0 {
		return
	}
	// The limiter decided after sent. The oldest call leaves before the key is
	// free where ThenOneEvery let more in than N. Then Reset, which is told too,
	// is that of another call from there on.
	until := sent.Add(min(d.RetryAfter, d.Reset) - rounding)
	s := c.shard(r.Key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.keys[r.Key]; !known && len(s.keys) >= c.most {
		s.makeRoom()
	}
	// What is told to wait is counted from the answer: the limiter decided
	// somewhere before it.
	s.keys[r.Key] = denial{until, d, answered}
}

// makeRoom looks at eight keys. It drops two of them in any case, and all that
// have ended.
func (s *shard) makeRoom() {
	now, seen := time.Now(), 0
	for key, old := range s.keys {
		if seen++; seen > 8 {
			return
		}
		if !now.Before(old.until) || seen <= 2 {
			delete(s.keys, key)
		}
	}
}

// Len returns how many keys are remembered, also those whose denial has ended
// since.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.keys)
		s.mu.RUnlock()
	}
	return n
}
