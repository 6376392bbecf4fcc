package recovery

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"
)

// MemoryLimiterOptions limit the memory of a [MemoryLimiter].
type MemoryLimiterOptions struct {
	_ [0]func()

	// MaxKeys is how many keys have a log of their own. It holds separately for
	// each length of the longest window. Default 65,536.
	MaxKeys int
	// OverflowWindows is how many logs all further keys share. It holds
	// separately for each length of the longest window. Default 16,384.
	OverflowWindows int
}

// A MemoryLimiter is a [Limiter] for one process. It is exact, and its memory
// is limited whatever requests arrive.
//
// Once MaxKeys keys are being counted, further keys share overflow windows,
// chosen by a keyed hash. A shared window counts the calls of all keys that
// share it, so no limit is ever exceeded. A counter in use is never removed to
// make room (A53). A flood of keys fills only the overflow windows, and each of
// them allows calls again as its calls age. So a flood shuts out neither the
// keys that were there before it nor all of those that come later.
//
// The damage that a flood does to new keys depends on its size: beyond MaxKeys
// live keys, OverflowWindows times N more calls are allowed in each window.
// With the defaults and 50 in 3 hours, that is 65,536 clients, and then 75 calls
// a second. During a flood from 45 fresh addresses a second, every new client is
// served, from 100 three in four, and from 1,000 one in thirteen. A key takes at
// most 240 bytes, and 18 for each of its calls. An attacker with an IPv6 /32 has
// more networks than any memory can hold: a host that expects such an attacker
// filters addresses before they reach this limiter.
type MemoryLimiter struct {
	opts  MemoryLimiterOptions
	start time.Time // all logs hold times since then, by the monotonic clock
	seed  maphash.Seed

	mu      sync.Mutex
	classes map[time.Duration]*limiterClass
}

// A limiterClass holds the keys with the same longest window. They expire in
// the order of their last allowed call, so a list in this order has the dead
// ones at its front. Each class has room of its own: a flood of keys with long
// windows does not fill the room of keys with short ones.
type limiterClass struct {
	window   time.Duration
	keys     map[string]*limiterLog
	peak     int         // the highest number of keys since the map was made
	front    *limiterLog // its last call is the oldest
	back     *limiterLog
	overflow []limiterLog
}

type limiterLog struct {
	key        string
	prev, next *limiterLog
	calls      []time.Duration // the newest is the last
	ids        []string        // the IDs of calls, or nil while no call had an ID
	size       int             // how many calls the largest policy needs
}

// NewMemoryLimiter returns an empty limiter. Options that are zero or negative
// get their defaults.
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

// Allow implements [Limiter]. It decides all requests of one call at the same
// instant.
func (m *MemoryLimiter) Allow(ctx context.Context, requests ...LimitRequest) ([]Decision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, t := range requests {
		if err := t.Validate(); err != nil {
			return nil, err
		}
	}
	decisions := make([]Decision, len(requests))
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.start)
	for i, t := range requests {
		decisions[i] = m.decide(t, now)
	}
	return decisions, nil
}

func (m *MemoryLimiter) decide(t LimitRequest, now time.Duration) Decision {
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
		// This call was allowed before: return what is left, and count nothing.
		d := LimitPolicy{Limits: t.Policy.Limits}.decide(log.calls, now)
		if d.Allowed {
			d.Remaining++ // decide has subtracted one for a further call
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

// newLog returns the log for a key that has none of its own. The key gets its
// own log only if the overflow window that it would share is empty: calls that
// were counted there must go on counting.
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

// add appends a call, and keeps only as many of the newest calls as size says:
// with these, the N-th newest call of every limit is known. Keys that share a
// log may have policies of different sizes.
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

// forget removes the calls up to an instant, which no window reaches any more.
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

// expire removes up to two dead keys. A call adds fewer than that, so dead keys
// never take the room of live ones, and no single call has to remove all the
// keys of a flood.
func (c *limiterClass) expire(now time.Duration) {
	for range 2 {
		if c.front == nil || !c.front.expired(c.window, now) {
			return
		}
		dead := c.front
		c.unlink(dead)
		delete(c.keys, dead.key)
		if c.peak > 1024 && len(c.keys) <= c.peak/16 {
			// A map never shrinks, so a copy takes its place.
			keys := make(map[string]*limiterLog, len(c.keys))
			maps.Copy(keys, c.keys)
			c.keys, c.peak = keys, len(keys)
		}
	}
}

// touch moves a log to the back of the list. It adds a log that is not in the
// list yet.
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
