package recovery

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"
)

// MemoryLimiterOptions bound the memory of a [MemoryLimiter].
type MemoryLimiterOptions struct {
	_ [0]func()

	// MaxKeys is how many keys have a log of their own, for each length of
	// longest window. Default 65,536.
	MaxKeys int
	// OverflowWindows is how many logs the keys beyond share, for each length
	// of longest window. Default 16,384.
	OverflowWindows int
}

// MemoryLimiter is a [Limiter] for one process: exact, and bounded in memory
// whatever arrives.
//
// Once MaxKeys keys are counting, further keys share overflow windows by a
// keyed hash. A shared window counts for everybody who shares it, so no limit
// is ever exceeded; a counter in use is never evicted (A53); and a flood of
// keys fills only the overflow, where each window opens again as its calls
// age, so it cannot close the service to those who were there before or to all
// who come after.
//
// What a flood costs newcomers is a matter of numbers: beyond MaxKeys live keys,
// OverflowWindows times N more calls are admitted in each window. With the
// defaults and 5 in 10 minutes, that is 65,536 clients and 136 calls a second
// after them; during a flood from 1,000 fresh addresses a second, one newcomer
// in eight is served. A key costs about 160 bytes. An attacker with a /32 of
// IPv6 has more networks than any memory holds: a host that expects one puts a
// filter for addresses in front.
type MemoryLimiter struct {
	opts  MemoryLimiterOptions
	start time.Time // carries the monotonic clock that all logs count from
	seed  maphash.Seed

	mu      sync.Mutex
	classes map[time.Duration]*limiterClass
}

// limiterClass holds the keys whose longest window is the same. They expire in
// the order of their last admitted call, so a list in that order finds the
// dead ones at its front, and a flood of keys with long windows cannot take
// the room of those with short ones.
type limiterClass struct {
	window   time.Duration
	keys     map[string]*limiterLog
	peak     int         // the most keys since the map was made
	front    *limiterLog // oldest last call
	back     *limiterLog
	overflow []limiterLog
}

type limiterLog struct {
	key        string
	prev, next *limiterLog
	calls      []time.Duration // newest last
	ids        []string        // parallel to calls, or nil while no call had an ID
	size       int             // how many calls the largest tier needs
}

// NewMemoryLimiter returns an empty limiter. Zero options are the defaults;
// negative ones are taken as zero.
func NewMemoryLimiter(opts MemoryLimiterOptions) *MemoryLimiter {
	if opts.MaxKeys <= 0 {
		opts.MaxKeys = 1 << 16
	}
	if opts.OverflowWindows <= 0 {
		opts.OverflowWindows = 1 << 14
	}
	return &MemoryLimiter{
		opts:    opts,
		start:   time.Now(),
		seed:    maphash.MakeSeed(),
		classes: make(map[time.Duration]*limiterClass),
	}
}

// Take implements [Limiter]. All takes of one call are decided at one instant.
func (m *MemoryLimiter) Allow(ctx context.Context, takes ...LimitRequest) ([]Decision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, t := range takes {
		if err := t.Validate(); err != nil {
			return nil, err
		}
	}
	decisions := make([]Decision, len(takes))
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.start)
	for i, t := range takes {
		decisions[i] = m.take(t, now)
	}
	return decisions, nil
}

func (m *MemoryLimiter) take(t LimitRequest, now time.Duration) Decision {
	window, size := t.Policy.longest()
	class := m.classes[window]
	if class == nil {
		class = &limiterClass{window: window, keys: make(map[string]*limiterLog)}
		m.classes[window] = class
	}
	class.expire(now)

	log, own := class.keys[t.Key], true
	if log == nil {
		log, own = m.newLog(class, t.Key, now)
	}
	log.forget(now - window)
	if t.ID != "" && slices.Contains(log.ids, t.ID) {
		// Admitted before: says what is left, and counts nothing.
		d := LimitPolicy{Limits: t.Policy.Limits}.decide(log.calls, now)
		if d.Allowed {
			d.Remaining++ // decide took one off for a further call
		}
		d.Allowed, d.RetryAfter = true, 0
		return d
	}
	d := t.Policy.decide(log.calls, now)
	if !d.Allowed {
		return d
	}
	log.add(now, t.ID, size)
	if own {
		class.touch(log)
	}
	return d
}

// newLog finds the log of a key that has none of its own. A key is given its
// own only while the overflow window it would share is empty: calls that were
// counted there must go on counting.
func (m *MemoryLimiter) newLog(class *limiterClass, key string, now time.Duration) (log *limiterLog, own bool) {
	if class.overflow != nil {
		shared := &class.overflow[maphash.String(m.seed, key)%uint64(len(class.overflow))]
		if shared.expired(class.window, now) {
			shared.calls, shared.ids = nil, nil
		} else {
			return shared, false
		}
	}
	if len(class.keys) < m.opts.MaxKeys {
		return &limiterLog{key: key}, true
	}
	if class.overflow == nil {
		class.overflow = make([]limiterLog, m.opts.OverflowWindows)
	}
	return &class.overflow[maphash.String(m.seed, key)%uint64(len(class.overflow))], false
}

// add appends a call and keeps the newest size of them: with those, the N-th
// youngest of every window can be told. Keys that share a log may have tiers of
// different sizes.
func (l *limiterLog) add(now time.Duration, id string, size int) {
	size = max(size, l.size)
	l.size = size
	if id != "" && l.ids == nil {
		l.ids = make([]string, len(l.calls), cap(l.calls)+1)
	}
	if len(l.calls) >= size {
		drop := len(l.calls) - size + 1
		l.calls = slices.Delete(l.calls, 0, drop)
		if l.ids != nil {
			l.ids = slices.Delete(l.ids, 0, drop)
		}
	}
	l.calls = append(l.calls, now)
	if l.ids != nil {
		l.ids = append(l.ids, id)
	}
}

// forget drops the calls up to an instant that no window reaches any more.
func (l *limiterLog) forget(instant time.Duration) {
	old := firstWithin(l.calls, instant)
	l.calls = l.calls[old:]
	if l.ids != nil {
		l.ids = l.ids[old:]
	}
}

func (l *limiterLog) expired(window, now time.Duration) bool {
	return len(l.calls) == 0 || now-l.calls[len(l.calls)-1] >= window
}

// expire frees dead keys: two at a time, which is more than one call adds, so
// there is room whenever a key is dead and no call pays for a whole flood.
func (c *limiterClass) expire(now time.Duration) {
	for range 2 {
		if c.front == nil || !c.front.expired(c.window, now) {
			return
		}
		dead := c.front
		c.unlink(dead)
		delete(c.keys, dead.key)
		if c.peak > 1024 && len(c.keys) <= c.peak/16 {
			// A map keeps its buckets; a copy gives them back.
			keys := make(map[string]*limiterLog, len(c.keys))
			maps.Copy(keys, c.keys)
			c.keys, c.peak = keys, len(keys)
		}
	}
}

// touch moves a log to the back of the list, or adds it.
func (c *limiterClass) touch(l *limiterLog) {
	if c.back == l {
		return
	}
	if l.prev != nil || c.front == l {
		c.unlink(l)
	} else {
		c.keys[l.key] = l
		c.peak = max(c.peak, len(c.keys))
	}
	l.prev = c.back
	if c.back != nil {
		c.back.next = l
	} else {
		c.front = l
	}
	c.back = l
}

func (c *limiterClass) unlink(l *limiterLog) {
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		c.front = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		c.back = l.prev
	}
	l.prev, l.next = nil, nil
}
