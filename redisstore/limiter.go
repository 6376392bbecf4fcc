package redisstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Take implements [recovery.Limiter]. Each take is one run of one script on one
// key, and all of them share a round trip. A key that is denied is remembered
// until the denial can end, and costs nothing until then.
func (s *Store) Take(ctx context.Context, takes ...recovery.Take) ([]recovery.Decision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	decisions := make([]recovery.Decision, len(takes))
	var jobBuf [4]job
	var indexBuf [4]int
	jobs, index := jobBuf[:0], indexBuf[:0]
	sent := time.Now()
	for i, t := range takes {
		if d, ok := s.denied(t, sent); ok {
			decisions[i] = d
			continue
		}
		args, err := s.tiers.args(t)
		if err != nil {
			return nil, err
		}
		jobs, index = append(jobs, job{t.Key, args}), append(index, i)
	}
	if len(jobs) == 0 {
		return decisions, nil
	}
	replies, err := s.exec(ctx, s.scripts.take, jobs)
	if err != nil {
		return nil, err
	}
	answered := time.Now()
	for n, i := range index {
		t := takes[i]
		d, err := decision(replies[n], t.Tier)
		if err != nil {
			return nil, s.doubt(err)
		}
		if !d.Allowed && t.ID == "" {
			// The server decided after this instant, and rounds by a unit.
			s.denials.remember(t.Key, d, sent.Add(d.RetryAfter-unitOf(t.Tier)), answered)
		}
		decisions[i] = d
	}
	return decisions, nil
}

// Allow is Take for one call. A key that is known to be denied costs neither a
// round trip nor an allocation.
func (s *Store) Allow(ctx context.Context, t recovery.Take) (recovery.Decision, error) {
	if d, ok := s.denied(t, time.Now()); ok {
		return d, ctx.Err()
	}
	decisions, err := s.Take(ctx, t)
	if err != nil {
		return recovery.Decision{}, err
	}
	return decisions[0], nil
}

// denied looks a denial up. A take with an ID may have been admitted before,
// which only the log knows.
func (s *Store) denied(t recovery.Take, now time.Time) (recovery.Decision, bool) {
	if t.ID != "" {
		return recovery.Decision{}, false
	}
	return s.denials.lookup(t.Key, now)
}

// unitOf is the resolution of a tier's log: microseconds where four bytes hold
// the longest window, milliseconds elsewhere.
func unitOf(t recovery.Tier) time.Duration {
	longest := t.Trickle
	for _, l := range t.Limits {
		longest = max(longest, l.Window)
	}
	if longest <= time.Hour {
		return time.Microsecond
	}
	return time.Millisecond
}

// args returns the arguments of a take, of which all but key and ID are boxed
// once for each tier.
func (c *tierArgs) args(t recovery.Take) ([]any, error) {
	if len(t.Tier.Limits) == 0 {
		return nil, t.Validate()
	}
	// The address of a tier's limits finds it again, and their values say that
	// it is still the same.
	first := &t.Tier.Limits[0]
	c.mu.RLock()
	found, ok := c.tiers[first]
	c.mu.RUnlock()
	if !ok || found.tier.Trickle != t.Tier.Trickle || !slices.Equal(found.tier.Limits, t.Tier.Limits) {
		if err := t.Validate(); err != nil {
			return nil, err
		}
		found = boxTier(t.Tier)
		c.mu.Lock()
		if len(c.tiers) >= 256 {
			clear(c.tiers) // somebody makes a new one for each call
		}
		c.tiers[first] = found
		c.mu.Unlock()
	} else if err := (recovery.Ref{Slot: t.Key, Digest: "-"}).Validate(); err != nil {
		return nil, errors.New("redisstore: a take's key must be 1 to 128 of printable ASCII without spaces")
	}
	args := make([]any, len(found.args))
	copy(args, found.args)
	if t.ID != "" {
		args[lead+1] = callID(t.ID)
	}
	return args, nil
}

type tierArgs struct {
	mu    sync.RWMutex
	tiers map[*recovery.Limit]boxedTier
}

type boxedTier struct {
	tier recovery.Tier
	args []any
}

func boxTier(t recovery.Tier) boxedTier {
	t.Limits = slices.Clone(t.Limits)
	unit := unitOf(t)
	args := make([]any, lead, lead+3+2*len(t.Limits))
	args = append(args, int64(unit/time.Microsecond), "", units(t.Trickle, unit))
	for _, l := range t.Limits {
		args = append(args, l.N, units(l.Window, unit))
	}
	return boxedTier{t, args}
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
func decision(reply any, tier recovery.Tier) (recovery.Decision, error) {
	unit := unitOf(tier)
	var which, least, reset, wait int64
	allowed := true
	switch r := reply.(type) {
	case int64:
		if r >= 0 {
			which, least, reset = r%8, r/8%131072, r/8/131072
			break
		}
		r = -1 - r
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
		allowed, which, wait, reset = false, n[0], n[1], n[2]
	default:
		return recovery.Decision{}, fmt.Errorf("%w: an unexpected %T", ErrWrongReply, reply)
	}
	if which < 0 || which >= int64(len(tier.Limits)) {
		return recovery.Decision{}, errUnexpected
	}
	// What no call of this tier can be told is somebody else's reply.
	limit := tier.Limits[which]
	most := units(limit.Window, unit) + 1
	if least < 0 || least > int64(limit.N) || reset < 0 || reset > most || wait < 0 || wait > most {
		return recovery.Decision{}, errUnexpected
	}
	return recovery.Decision{
		Allowed: allowed, Limit: limit, Remaining: int(least),
		Reset: time.Duration(reset) * unit, RetryAfter: time.Duration(wait) * unit,
	}, nil
}
