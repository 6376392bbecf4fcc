package recoverytest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// log is a Limiter as a team might write it. It is right, except for one bug
// that it can be given.
type log struct {
	*logState
	bug string
}

type logState struct {
	manual
	mu    sync.Mutex
	calls map[string][]called
}

type called struct {
	at time.Time
	id string
}

func newLog(bug string) *log {
	return &log{&logState{calls: map[string][]called{}}, bug}
}

func (l *log) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if ctx.Err() != nil && l.bug != "ignores ctx" {
		return nil, ctx.Err()
	}
	for _, t := range requests {
		bad := t.Validate() != nil
		if bad && l.bug != "takes anything" {
			return nil, errors.New("malformed")
		}
		if bad && len(t.Policy.Limits) == 0 {
			return make([]recovery.Decision, len(requests)), nil
		}
	}
	if l.bug == "reads, then counts" && len(requests) > 0 {
		l.mu.Lock()
		full := len(l.calls[requests[0].Key]) >= requests[0].Policy.Limits[0].N
		l.mu.Unlock()
		time.Sleep(time.Nanosecond)
		if !full {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.calls[requests[0].Key] = append(l.calls[requests[0].Key], called{l.now(), ""})
			return []recovery.Decision{{Allowed: true, Limit: requests[0].Policy.Limits[0]}}, nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var decisions []recovery.Decision
	for _, t := range requests {
		d := l.decide(t, l.now())
		switch {
		case l.bug == "allowed only" && !d.Allowed:
			continue
		case l.bug == "newest first":
			decisions = append([]recovery.Decision{d}, decisions...)
			continue
		}
		decisions = append(decisions, d)
		if l.bug == "stops at a refusal" && !d.Allowed {
			for len(decisions) < len(requests) {
				decisions = append(decisions, d)
			}
			break
		}
	}
	return decisions, nil
}

func (l *log) decide(t recovery.LimitRequest, now time.Time) recovery.Decision {
	key := t.Key
	switch l.bug {
	case "folds keys":
		key = strings.ToLower(key)
	case "cuts keys":
		key = key[:min(64, len(key))]
	}
	calls := l.calls[key]
	held := false
	for _, c := range calls {
		held = held || t.ID != "" && c.id == t.ID
	}
	if l.bug == "IDs of all keys" {
		for _, others := range l.calls {
			for _, c := range others {
				held = held || t.ID != "" && c.id == t.ID
			}
		}
	}
	d := recovery.Decision{Allowed: true, Remaining: 1 << 30}
	var wait time.Duration
	for _, limit := range t.Policy.Limits {
		in, reset, free := l.window(key, limit, now)
		remaining := max(0, limit.N-in)
		if l.bug == "one too many" {
			remaining = max(0, limit.N+1-in)
		}
		if remaining < d.Remaining || remaining == d.Remaining && reset > d.Reset && l.bug != "first of equals" {
			d.Remaining, d.Limit, d.Reset = remaining, limit, reset
		}
		if remaining == 0 {
			d.Allowed = false
			if free > wait {
				wait, d.Limit, d.Reset = free, limit, reset
			}
		} else if l.bug == "counts limit by limit" {
			defer func() {
				if !d.Allowed {
					l.calls[key] = append(l.calls[key], called{now, ""})
				}
			}()
		}
		if l.bug == "first limit only" {
			break
		}
	}
	if t.Policy.ThenOneEvery > 0 && !d.Allowed && len(calls) > 0 && l.bug != "no ThenOneEvery" {
		left := calls[len(calls)-1].at.Add(t.Policy.ThenOneEvery).Sub(now)
		if left <= 0 {
			d.Allowed, d.Remaining = true, 1
		}
		wait = min(wait, left)
	}
	if held && l.bug != "forgets IDs" && !(l.bug == "forgets IDs when full" && !d.Allowed) {
		d.Allowed = true
		return d
	}
	if d.Allowed {
		d.Remaining--
		if l.bug == "remaining before" {
			d.Remaining++
		}
		if l.bug != "forgets to count" {
			l.calls[key] = append(calls, called{now, t.ID})
		}
		return d
	}
	if l.bug == "counts the refused" {
		l.calls[key] = append(calls, called{now, t.ID})
	}
	if l.bug == "keeps IDs of the refused" {
		l.calls[key] = append([]called{{now.Add(-1000 * time.Hour), t.ID}}, calls...)
	}
	d.RetryAfter = wait
	switch l.bug {
	case "RetryAfter too short":
		d.RetryAfter = wait / 2
	case "RetryAfter of the window":
		d.RetryAfter = d.Limit.Window
	}
	return d
}

// window returns how many calls are in a limit's window, when the oldest leaves
// it, and when there is room again.
func (l *log) window(key string, limit recovery.Limit, now time.Time) (in int, reset, free time.Duration) {
	calls := l.calls[key]
	since := now.Add(-limit.Window)
	switch l.bug {
	case "fixed window":
		since = now.Truncate(limit.Window).Add(-1)
	case "fixed window from the first call":
		start := now
		for i, c := range calls {
			if i == 0 || c.at.Sub(start) >= limit.Window {
				start = c.at
			}
		}
		if now.Sub(start) >= limit.Window {
			start = now
		}
		since = start.Add(-1)
	case "closed interval":
		since = since.Add(-1)
	case "whole seconds":
		since = now.Truncate(time.Second).Add(-limit.Window)
	case "ends early":
		since = since.Add(5 * time.Millisecond)
	case "32 bits of milliseconds":
		if limit.Window > 1<<31*time.Millisecond {
			since = now.Add(-(1 << 31) * time.Millisecond)
		}
	case "GCRA":
		// It allows as many calls in a window as the limit, at a steady rate
		// after a burst.
		rate := limit.Window / time.Duration(limit.N)
		allowed := 0
		var tat time.Time
		for _, c := range calls {
			if c.at.After(tat) {
				tat = c.at
			}
			tat = tat.Add(rate)
		}
		for t := maxTime(tat, now).Add(rate); t.Sub(now) <= limit.Window; t = t.Add(rate) {
			allowed++
		}
		return limit.N - allowed, limit.Window, max(1, tat.Sub(now)+rate-limit.Window)
	}
	for _, c := range calls {
		if c.at.After(since) {
			if in == 0 {
				reset = c.at.Add(limit.Window).Sub(now)
			}
			in++
		}
	}
	if in == 0 {
		reset = limit.Window
	}
	if n := len(calls) - limit.N; n >= 0 {
		free = calls[n].at.Add(limit.Window).Sub(now)
		if l.bug == "RetryAfter of the oldest" {
			free = reset
		}
	}
	if l.bug == "large logs cut" && in > 1000 {
		in = 1000
	}
	return in, reset, max(free, 1)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestBrokenLimiters(t *testing.T) {
	catch(t, []seeded{
		{"fixed window", "trace-a"},
		{"fixed window", "random-arrivals"},
		{"fixed window from the first call", "trace-b"},
		{"GCRA", "trace-c"},
		{"GCRA", "random-arrivals"},
		{"counts the refused", "refused-not-counted"},
		{"counts the refused", "trace-c"},
		{"forgets to count", "racing"},
		{"one too many", "trace-d"},
		{"closed interval", "half-open"},
		{"ends early", "half-open"},
		{"ends early", "random-arrivals"},
		{"whole seconds", "random-arrivals"},
		{"no ThenOneEvery", "then-one-every"},
		{"no ThenOneEvery", "random-arrivals"},
		{"first limit only", "several-limits"},
		{"counts limit by limit", "several-limits"},
		{"RetryAfter too short", "retry-after"},
		{"RetryAfter of the window", "retry-after"},
		{"RetryAfter of the oldest", "random-arrivals"},
		{"remaining before", "fields"},
		{"first of equals", "fields-tie"},
		{"forgets IDs", "id-repeats"},
		{"forgets IDs when full", "id-repeats-full"},
		{"keeps IDs of the refused", "id-refused"},
		{"IDs of all keys", "id-of-another-key"},
		{"folds keys", "keys-are-apart"},
		{"cuts keys", "keys-are-apart"},
		{"takes anything", "malformed"},
		{"ignores ctx", "context-ended"},
		{"newest first", "decisions-in-order"},
		{"stops at a refusal", "decisions-in-order"},
		{"allowed only", "decisions-in-order"},
		{"reads, then counts", "racing"},
		{"32 bits of milliseconds", "longest-window"},
		{"large logs cut", "large"},
		{"instances apart", "racing"},
	}, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		h := recoverytest.LimiterHarness{
			New:    func(*testing.T) recovery.Limiter { return newLog(bug) },
			Bubble: synctest.Test,
		}
		if bug == "instances apart" {
			h.Another = func(*testing.T, recovery.Limiter) recovery.Limiter { return newLog("") }
		}
		return recoverytest.ExamineLimiter(t, h, clauses...)
	})
}
