package redisstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery"
)

// Allow implements [recovery.Limiter]. All requests of a call share a round
// trip, and concurrent calls share scripts. The Store remembers a key that is
// denied until the denial can end. Until then further calls with the key cost
// Redis nothing.
func (s *Store) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	decisions := make([]recovery.Decision, len(requests))
	sent := time.Now()
	var asked *limitJobs
	for i, r := range requests {
		if d, ok := s.denials.Lookup(r, sent); ok {
			decisions[i] = d
			continue
		}
		if err := r.Validate(); err != nil {
			return nil, err
		}
		if asked == nil {
			asked = &limitJobs{}
		}
		asked.add(i, r)
	}
	if asked == nil {
		return decisions, nil
	}
	answers, err := ask(ctx, s, func(n *node) *group[int64] { return n.limits }, asked.jobs)
	if err != nil {
		return nil, err
	}
	answered := time.Now()
	for n, a := range answers {
		i := asked.jobs[n].request
		r := requests[i]
		if decisions[i], err = decision(a.values[0], a.values[1], r.Policy); err != nil {
			return nil, err
		}
		s.denials.Remember(r, decisions[i], sent, answered, unitOf(r.Policy))
	}
	return decisions, nil
}

// longest returns the time after which a call matters no more to a policy.
func longest(p recovery.LimitPolicy) time.Duration {
	longest := p.ThenOneEvery
	for _, l := range p.Limits {
		longest = max(longest, l.Window)
	}
	return longest
}

// unitOf returns the resolution of a policy's log: microseconds if four bytes
// hold the longest window in them, and milliseconds otherwise.
func unitOf(p recovery.LimitPolicy) time.Duration {
	if longest(p) <= time.Hour {
		return time.Microsecond
	}
	return time.Millisecond
}

// limitJobs are the jobs for the requests of one call that are not remembered
// as denied. A call of one request with one limit, which is the usual one, needs
// no further memory.
type limitJobs struct {
	jobs      []job
	firstJob  [1]job
	firstHead [4]any
}

// add adds what limits.lua needs for a request.
func (l *limitJobs) add(i int, r recovery.LimitRequest) {
	unit, head := unitOf(r.Policy), []any(nil)
	if l.jobs == nil {
		l.jobs, head = l.firstJob[:0], l.firstHead[:0]
	}
	// One unit more, because the last call may be that much ahead of its time.
	ttl := millis(time.Duration(units(longest(r.Policy), unit)+1)*unit) + 1
	head = append(head, kindOf(r, unit), ttl)
	for _, limit := range r.Policy.Limits {
		head = append(head, limit.N, units(limit.Window, unit))
	}
	j := job{key: r.Key, request: i, head: head}
	if unit == time.Millisecond {
		// A log of another unit has another key. During a deployment that
		// makes the window longer, old and new instances must not read each
		// other's times.
		j.key += ":ms"
	}
	if r.ID != "" {
		j.args = []any{callID(r.ID)}
	}
	l.jobs = append(l.jobs, j)
}

// kindOf tells limits.lua which way a request goes.
func kindOf(r recovery.LimitRequest, unit time.Duration) any {
	if unit == time.Microsecond && r.Policy.ThenOneEvery == 0 && len(r.Policy.Limits) == 1 && r.ID == "" {
		return "1 0 1 0" // most are, and these need no memory
	}
	every := units(r.Policy.ThenOneEvery, unit)
	return fmt.Sprintf("%d %d %d %d", unit/time.Microsecond, every, len(r.Policy.Limits), min(len(r.ID), 1))
}

// units rounds up, so that a window is never shorter than it says.
func units(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }

// callID is the eight bytes that stand for an ID in a log.
func callID(id string) string {
	sum := sha256.Sum256([]byte(id))
	sum[0] |= 1 // never the eight zeros of a call without one
	return string(sum[:8])
}

// decision reads the two integers that limits.lua answers.
func decision(first, reset int64, policy recovery.LimitPolicy) (recovery.Decision, error) {
	switch reset {
	case -1:
		return recovery.Decision{}, errNewer
	case -2:
		return recovery.Decision{}, errUnreadable
	}
	unit, d := unitOf(policy), recovery.Decision{Allowed: first >= 0}
	var wait int64
	if !d.Allowed {
		first = -1 - first
		wait = first / 8
	} else {
		d.Remaining = int(first / 8)
	}
	which := first % 8
	if which >= int64(len(policy.Limits)) {
		return recovery.Decision{}, errImpossible
	}
	d.Limit = policy.Limits[which]
	most := units(d.Limit.Window, unit) + 1
	if d.Remaining < 0 || d.Remaining > d.Limit.N || reset < 0 || reset > most || wait < 0 || wait > most {
		return recovery.Decision{}, errImpossible
	}
	d.Reset, d.RetryAfter = time.Duration(reset)*unit, time.Duration(wait)*unit
	return d, nil
}

// errImpossible is what no script answers: something between here and Redis
// does.
var errImpossible = fmt.Errorf("%w: the answer is impossible for this policy", ErrWrongReply)
