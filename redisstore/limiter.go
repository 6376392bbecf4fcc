package redisstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Allow implements [recovery.Limiter]. Each request is one run of one script on
// one key, and all requests of a call share a round trip. The Store remembers a
// key that is denied until the denial can end. Until then further calls with
// the key cost Redis nothing.
func (s *Store) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	decisions := make([]recovery.Decision, len(requests))
	var indexBuf [4]int
	var stampBuf [4]stamp
	index, stamps := indexBuf[:0], stampBuf[:0]
	f := s.newFlight()
	sent := time.Now()
	for i, t := range requests {
		if d, ok := s.denied(t, sent); ok {
			decisions[i] = d
			continue
		}
		args, stamp, err := s.tiers.args(t)
		if err != nil {
			return nil, err
		}
		key := t.Key
		if unitOf(t.Policy) == time.Millisecond {
			// A log of another unit has another key. During a deployment that
			// makes the window longer, old and new instances must not read
			// each other's times.
			key += ":ms"
		}
		f.jobs, index, stamps = append(f.jobs, job{key, args}), append(index, i), append(stamps, stamp)
	}
	if len(f.jobs) == 0 {
		s.landed(f)
		return decisions, nil
	}
	if err := s.send(ctx, s.scripts.take, f); err != nil {
		return nil, err
	}
	answered := time.Now()
	for n, i := range index {
		t := requests[i]
		d, err := decision(f.replies[n], t.Policy, stamps[n])
		if err != nil {
			return nil, s.doubt(err)
		}
		if !d.Allowed && t.ID == "" {
			// The server decided after this instant, and rounds by a unit.
			s.denials.remember(t.Key, d, sent.Add(d.RetryAfter-unitOf(t.Policy)), answered)
		}
		decisions[i] = d
	}
	s.landed(f)
	return decisions, nil
}

// denied looks up a denial. It does not for a request with an ID: a call with
// that ID may have been allowed before, and only the log knows.
func (s *Store) denied(t recovery.LimitRequest, now time.Time) (recovery.Decision, bool) {
	if t.ID != "" {
		return recovery.Decision{}, false
	}
	return s.denials.lookup(t.Key, now)
}

// unitOf returns the resolution of a policy's log: microseconds if four bytes
// hold the longest window in them, and milliseconds otherwise.
func unitOf(t recovery.LimitPolicy) time.Duration {
	longest := t.ThenOneEvery
	for _, l := range t.Limits {
		longest = max(longest, l.Window)
	}
	if longest <= time.Hour {
		return time.Microsecond
	}
	return time.Millisecond
}

// A stamp is added to the integer that answers a request. It differs from call
// to call, so that the reply to another question is recognized (A90,
// CVE-2025-29923). The script does not return the key instead, because the
// reply would then be a list. That costs Redis and the client more than the
// whole decision.
type stamp struct {
	base  int64 // more than any N of the policy
	space int64 // more than any answer for the policy
	n     int64
}

// strip removes the stamp from an answer, and reports whether it was there.
func (s stamp) strip(v int64) (int64, bool) { return v % s.space, v/s.space == s.n }

// maxStamps is how many stamps a policy has at most. Neighbouring calls on a
// connection have different stamps, because the stamps are used in turn.
const maxStamps = 1024

// args returns the arguments of the script for a request. All of them but the
// key and the ID are boxed once for each policy.
func (c *tierArgs) args(t recovery.LimitRequest) ([]any, stamp, error) {
	if len(t.Policy.Limits) == 0 {
		return nil, stamp{}, t.Validate()
	}
	// The address of a policy's limits finds its arguments again. The values
	// are compared, because the caller may have changed them.
	first := &t.Policy.Limits[0]
	c.mu.RLock()
	found, ok := c.tiers[first]
	c.mu.RUnlock()
	if !ok || found.tier.ThenOneEvery != t.Policy.ThenOneEvery || !slices.Equal(found.tier.Limits, t.Policy.Limits) {
		if err := t.Validate(); err != nil {
			return nil, stamp{}, err
		}
		found = boxTier(t.Policy)
		c.mu.Lock()
		if len(c.tiers) >= 256 {
			clear(c.tiers) // the host makes new limits for each call
		}
		c.tiers[first] = found
		c.mu.Unlock()
	} else if err := recovery.ValidateTokenSlot(t.Key); err != nil {
		return nil, stamp{}, errors.New("redisstore: the Key of a LimitRequest must be 1 to 128 bytes of printable ASCII without spaces")
	}
	args := make([]any, len(found.args))
	copy(args, found.args)
	if t.ID != "" {
		args[lead+1] = callID(t.ID)
	}
	n := found.next.Add(1) % uint64(len(found.stamps))
	args[lead+4] = found.stamps[n]
	return args, stamp{found.base, found.space, int64(n)}, nil
}

type tierArgs struct {
	mu    sync.RWMutex
	tiers map[*recovery.Limit]boxedTier
}

type boxedTier struct {
	tier   recovery.LimitPolicy
	args   []any
	base   int64
	space  int64
	stamps []any          // multiples of space
	next   *atomic.Uint64 // starts anywhere, as other stores share connections
}

// maxInteger is the largest integer that Lua's numbers count exactly to.
const maxInteger = 1 << 53

func boxTier(t recovery.LimitPolicy) boxedTier {
	t.Limits = slices.Clone(t.Limits)
	unit := unitOf(t)
	trickle, longest, base := units(t.ThenOneEvery, unit), int64(0), int64(0)
	args := make([]any, lead, lead+6+2*len(t.Limits))
	args = append(args, int64(unit/time.Microsecond), "", trickle, "", "", "")
	for _, l := range t.Limits {
		window := units(l.Window, unit)
		args = append(args, l.N, window)
		longest, base = max(longest, window), max(base, int64(l.N)+1)
	}
	args[lead+5] = base
	// One unit more, because the last call may be that much ahead of its time.
	args[lead+3] = millis(time.Duration(max(longest, trickle)+1)*unit) + 1
	// What the script can answer is under 8 * base * (longest + 2).
	b := boxedTier{tier: t, args: args, base: base, space: 8 * base * (longest + 2), next: new(atomic.Uint64)}
	b.next.Store(maphash.Comparable(maphash.MakeSeed(), longest))
	for n := range min(maxStamps, maxInteger/b.space) {
		b.stamps = append(b.stamps, n*b.space)
	}
	return b
}

// units rounds up, so that a window is never shorter than it says.
func units(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }

// callID is the eight bytes that stand for an ID in a log.
func callID(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	sum[0] |= 1 // never the eight zeros of a call without one
	return string(sum[:8])
}

// decision reads what take.lua packs.
func decision(reply any, policy recovery.LimitPolicy, mark stamp) (recovery.Decision, error) {
	unit := unitOf(policy)
	var which, least, reset, wait int64
	allowed, ours := true, false
	switch r := reply.(type) {
	case int64:
		if r >= 0 {
			r, ours = mark.strip(r)
			which, least, reset = r%8, r/8%mark.base, r/8/mark.base
			break
		}
		r, ours = mark.strip(-1 - r)
		allowed, which, wait = false, r%8, r/8
		reset = wait
	case []any:
		var n [3]int64
		if len(r) != len(n) {
			return recovery.Decision{}, errUnexpected
		}
		for i := range n {
			v, ok := r[i].(int64)
			if !ok {
				return recovery.Decision{}, errUnexpected
			}
			n[i] = v
		}
		n[0], ours = mark.strip(n[0])
		allowed, which, wait, reset = false, n[0], n[1], n[2]
	default:
		return recovery.Decision{}, fmt.Errorf("%w: an unexpected %T", ErrWrongReply, reply)
	}
	if !ours || which < 0 || which >= int64(len(policy.Limits)) {
		return recovery.Decision{}, errUnexpected
	}
	// An answer that is impossible for this policy belongs to another question.
	limit := policy.Limits[which]
	most := units(limit.Window, unit) + 1
	if least < 0 || least > int64(limit.N) || reset < 0 || reset > most || wait < 0 || wait > most {
		return recovery.Decision{}, errUnexpected
	}
	return recovery.Decision{
		Allowed: allowed, Limit: limit, Remaining: int(least),
		Reset: time.Duration(reset) * unit, RetryAfter: time.Duration(wait) * unit,
	}, nil
}
