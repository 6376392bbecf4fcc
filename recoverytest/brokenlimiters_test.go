package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
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
	mu     sync.Mutex
	calls  map[string][]called
	fault  string // "stalls", "breaks" or nothing
	policy *recovery.LimitPolicy
	// For some bugs: what was allowed by key and ID, and the last repetition of a
	// request for each key.
	ids      map[string]bool
	repeated map[string]time.Time
}

type called struct {
	at time.Time
	id string
}

func newLog(bug string) *log {
	return &log{&logState{calls: map[string][]called{}, ids: map[string]bool{}, repeated: map[string]time.Time{}}, bug}
}

func (l *log) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if ctx.Err() != nil && l.bug != "ignores ctx" {
		if l.bug == "counts the ended" {
			_, _ = l.Allow(context.Background(), requests...)
		}
		return nil, ctx.Err()
	}
	if err := l.failing(ctx); err != nil {
		if l.bug == "allows while down" {
			return allowed(requests), nil
		}
		return nil, err
	}
	for i, t := range requests {
		if l.bug == "counts before it checks" && t.Validate() != nil {
			for _, good := range requests[:i] {
				l.decide(good, l.now())
			}
		}
		if l.bug == "counts the malformed" && t.Validate() != nil {
			l.calls[t.Key] = append(l.calls[t.Key], called{l.now(), ""})
		}
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
	if l.bug == "needs requests" && len(requests) == 0 {
		return nil, errors.New("no requests")
	}
	if l.bug == "decides, then counts" {
		l.mu.Lock()
		defer l.mu.Unlock()
		before := maps.Clone(l.calls)
		var decisions []recovery.Decision
		after := maps.Clone(before)
		for _, t := range requests {
			l.calls = maps.Clone(before)
			d := l.decide(t, l.now())
			if decisions = append(decisions, d); d.Allowed {
				after[t.Key] = append(slices.Clone(after[t.Key]), called{l.now(), t.ID})
			}
		}
		l.calls = after
		return decisions, nil
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

// failing returns an error while the server of the limiter fails.
func (l *log) failing(ctx context.Context) error {
	l.mu.Lock()
	fault := l.fault
	l.mu.Unlock()
	switch fault {
	case "stalls":
		if l.bug == "waits for ever" {
			time.Sleep(time.Hour)
			return errors.New("late")
		}
		<-ctx.Done()
		return ctx.Err()
	case "breaks":
		if l.bug == "refuses while down" {
			return nil
		}
		return errors.New("connection refused")
	}
	return nil
}

func allowed(requests []recovery.LimitRequest) (all []recovery.Decision) {
	for _, t := range requests {
		all = append(all, recovery.Decision{Allowed: true, Limit: t.Policy.Limits[0]})
	}
	return all
}

// dump returns every key and its calls, in a stable order.
func (s *logState) dump() (b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.calls)) {
		b = fmt.Appendf(b, "%s %v\n", key, s.calls[key])
	}
	return b
}

// purge frees the keys whose last call is an hour old.
func (s *logState) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, calls := range s.calls {
		if s.now().Sub(calls[len(calls)-1].at) > 30*time.Minute {
			delete(s.calls, key)
		}
	}
}

func (l *log) decide(t recovery.LimitRequest, now time.Time) recovery.Decision {
	key := t.Key
	switch l.bug {
	case "folds keys":
		key = strings.ToLower(key)
	case "cuts keys":
		key = key[:min(64, len(key))]
	}
	if l.bug == "one policy for all keys" {
		if l.policy == nil {
			l.policy = &t.Policy
		}
		t.Policy = *l.policy
	}
	if l.bug == "cuts IDs" {
		t.ID = t.ID[:min(64, len(t.ID))]
	}
	if l.bug == "folds IDs" {
		t.ID = strings.ToLower(t.ID)
	}
	if l.bug == "trims IDs" {
		t.ID = strings.TrimSpace(t.ID)
	}
	calls := l.calls[key]
	held := t.ID != "" && slices.ContainsFunc(calls, func(c called) bool { return c.id == t.ID })
	switch l.bug {
	case "joins keys and IDs", "writes IDs behind keys":
		joined := key + ":" + t.ID
		if l.bug == "writes IDs behind keys" {
			joined = key + t.ID
		}
		held = t.ID != "" && l.ids[joined]
		defer func() { l.ids[joined] = true }()
	case "IDs of the last 8", "IDs of the last 100":
		n := map[string]int{"IDs of the last 8": 8, "IDs of the last 100": 100}[l.bug]
		held = t.ID != "" && slices.ContainsFunc(calls[max(0, len(calls)-n):], func(c called) bool { return c.id == t.ID })
	case "IDs of a minute", "IDs of a day":
		most := map[string]time.Duration{"IDs of a minute": time.Minute, "IDs of a day": 24 * time.Hour}[l.bug]
		held = t.ID != "" && slices.ContainsFunc(calls, func(c called) bool { return c.id == t.ID && now.Sub(c.at) < most })
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
	if l.bug == "forgets IDs after the first window" && held {
		i := slices.IndexFunc(calls, func(c called) bool { return c.id == t.ID })
		held = now.Sub(calls[i].at) < t.Policy.Limits[0].Window
	}
	if l.bug == "forgets all but 2 IDs" && held {
		i := slices.IndexFunc(calls, func(c called) bool { return c.id == t.ID })
		held = i >= len(calls)-2
	}
	if t.Policy.ThenOneEvery > 0 && !d.Allowed && len(calls) > 0 && l.bug != "no ThenOneEvery" {
		left := calls[len(calls)-1].at.Add(t.Policy.ThenOneEvery).Sub(now)
		if l.bug == "then one of the first limit" && d.Limit != t.Policy.Limits[0] && len(t.Policy.Limits) > 1 {
			left = wait
		}
		if last := t.Policy.Limits[len(t.Policy.Limits)-1]; l.bug == "then one of the last limit" && d.Limit != last {
			left = wait
		}
		if l.bug == "then one of a single limit" && len(t.Policy.Limits) > 1 {
			left = wait
		}
		if at, ok := l.repeated[key]; l.bug == "then one since the repetition" && ok {
			left = at.Add(t.Policy.ThenOneEvery).Sub(now)
		}
		if l.bug == "then one since the first call" {
			left = calls[0].at.Add(t.Policy.ThenOneEvery).Sub(now)
		}
		if left <= 0 {
			d.Allowed, d.Remaining = true, 1
		}
		wait = min(wait, left)
	}
	if held && l.bug != "forgets IDs" && !(l.bug == "forgets IDs when full" && !d.Allowed) {
		if !d.Allowed {
			d.Remaining = 0
		}
		d.Allowed = true
		l.repeated[key] = now
		if l.bug == "moves the repeated" {
			i := slices.IndexFunc(calls, func(c called) bool { return c.id == t.ID })
			l.calls[key] = append(slices.Delete(slices.Clone(calls), i, i+1), called{now, t.ID})
		}
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
	case "windows of whole seconds":
		if limit.Window > time.Second {
			since = now.Add(-limit.Window.Truncate(time.Second))
		}
	case "windows in steps of 250 ms":
		since = now.Add(-(limit.Window + 249*time.Millisecond).Truncate(250 * time.Millisecond))
	case "whole seconds":
		since = now.Truncate(time.Second).Add(-limit.Window)
	case "ends early":
		since = since.Add(5 * time.Millisecond)
	case "never forgets":
		since = time.Time{}
	case "windows of a second":
		since = now.Add(-max(limit.Window, time.Second))
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
	first := sort.Search(len(calls), func(i int) bool { return calls[i].at.After(since) })
	in, reset = len(calls)-first, limit.Window
	if in > 0 {
		reset = calls[first].at.Add(limit.Window).Sub(now)
	}
	if l.bug == "Reset of the window" {
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
	if l.bug == "16 bits" {
		in = int(uint16(in))
	}
	return in, reset, max(free, 1)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var brokenLimiters = []seeded{
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
	{"16 bits", "large"},
	{"then one of the first limit", "then-one-every-windows"},
	{"then one of the last limit", "then-one-every-windows"},
	{"then one of a single limit", "then-one-every-windows"},
	{"then one of a single limit", "random-arrivals"},
	{"then one since the first call", "then-one-every-windows"},
	{"one policy for all keys", "policies-are-apart"},
	{"moves the repeated", "id-repeats-moves-nothing"},
	{"forgets IDs after the first window", "id-remembered"},
	{"forgets all but 2 IDs", "id-remembered"},
	{"cuts IDs", "id-any-text"},
	{"folds IDs", "id-any-text"},
	{"trims IDs", "id-any-text"},
	{"counts before it checks", "malformed"},
	{"counts the malformed", "malformed"},
	{"counts the ended", "context-ended"},
	{"waits for ever", "stalled"},
	{"allows while down", "broken"},
	{"refuses while down", "broken"},
	{"frees nothing", "forgets"},
	{"forgets IDs", "id-repeats-in-one-call"},
	{"forgets IDs", "id-repeats-remaining"},
	{"forgets IDs", "id-racing"},
	{"needs requests", "no-requests"},
	{"decides, then counts", "same-key-twice"},
	{"reads, then counts", "racing-batches"},
	{"Reset of the window", "reset"},
	{"never forgets", "idle"},
	{"windows of a second", "shortest-window"},
	{"windows of whole seconds", "odd-windows"},
	{"windows in steps of 250 ms", "odd-windows"},
	{"then one since the repetition", "id-repeats-keeps-exception"},
	{"IDs of a minute", "id-remembered-long"},
	{"IDs of a day", "id-remembered-long"},
	{"IDs of the last 8", "id-newest"},
	{"IDs of the last 100", "id-newest"},
	{"joins keys and IDs", "id-joined-names"},
	{"writes IDs behind keys", "id-joined-names"},
}

func TestBrokenLimiters(t *testing.T) {
	catch(t, brokenLimiters, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		h := recoverytest.LimiterHarness{
			New:    func(*testing.T) recovery.Limiter { return newLog(bug) },
			Stall:  func(_ *testing.T, l recovery.Limiter) { l.(*log).fault = "stalls" },
			Break:  func(_ *testing.T, l recovery.Limiter) { l.(*log).fault = "breaks" },
			Mend:   func(_ *testing.T, l recovery.Limiter) { l.(*log).fault = "" },
			Dump:   func(_ *testing.T, l recovery.Limiter) []byte { return l.(*log).dump() },
			Bubble: synctest.Test,
		}
		if bug != "frees nothing" {
			h.Purge = func(_ *testing.T, l recovery.Limiter) {
				time.Sleep(time.Hour)
				l.(*log).purge()
			}
		}
		if bug == "instances apart" {
			h.Another = func(*testing.T, recovery.Limiter) recovery.Limiter { return newLog("") }
		}
		return recoverytest.ExamineLimiter(t, h, clauses...)
	})
}
