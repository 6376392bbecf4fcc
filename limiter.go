package recovery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A Limit allows at most N calls in any interval of length Window. The interval
// is half open: a call leaves it exactly Window after it was made.
type Limit struct {
	N      int           // 1 to 100,000
	Window time.Duration // 1 ms to 31 days
}

// String is for logs: "25 in 5s".
func (l Limit) String() string { return strconv.Itoa(l.N) + " in " + l.Window.String() }

// A LimitPolicy is the limits that hold together for one key. They share one log
// of calls, so none of them counts a call that another one refuses.
type LimitPolicy struct {
	// Limits hold together: 1 to 8.
	Limits []Limit
	// ThenOneEvery, if positive, allows a call in spite of a full window once the
	// last allowed call is that long ago. It keeps a limit of ten a day from
	// locking a person out for the rest of the day (A58). At most 366 days.
	ThenOneEvery time.Duration
}

// check returns what is wrong with the policy, or the empty string.
func (t LimitPolicy) check() string {
	if len(t.Limits) == 0 || len(t.Limits) > 8 {
		return "needs 1 to 8 limits"
	}
	for _, l := range t.Limits {
		if l.N < 1 || l.N > 100_000 {
			return fmt.Sprintf("N is %d, must be 1 to 100,000", l.N)
		}
		if l.Window < time.Millisecond || l.Window > 31*24*time.Hour {
			return fmt.Sprintf("Window is %v, must be 1 ms to 31 days", l.Window)
		}
	}
	if t.ThenOneEvery < 0 || t.ThenOneEvery > 366*24*time.Hour {
		return fmt.Sprintf("ThenOneEvery is %v, must be 0 to 366 days", t.ThenOneEvery)
	}
	return ""
}

// longest returns the length of the policy's longest window, after which its log
// is empty, and how many calls the log has to remember.
func (t LimitPolicy) longest() (window time.Duration, size int) {
	for _, l := range t.Limits {
		window = max(window, l.Window)
		size = max(size, l.N)
	}
	return max(window, t.ThenOneEvery), size
}

// A LimitRequest asks a [Limiter] to allow one call. For authors of limiters, and
// for hosts that limit handlers of their own.
type LimitRequest struct {
	// Key names what is limited: 1 to 128 bytes of printable ASCII without
	// spaces. A key always comes with the same Policy.
	Key    string
	Policy LimitPolicy
	// ID, if not empty, makes the request repeatable: while the log holds a
	// call with this ID, the request is allowed and not counted again. So a job
	// that is tried again after a crash is counted once.
	ID string
}

// Validate reports what is wrong with the policy, for the checks of options.
func (t LimitPolicy) Validate() error {
	if reason := t.check(); reason != "" {
		return errors.New("recovery: a limit policy " + reason)
	}
	return nil
}

// Validate reports what is wrong with the request, for a limiter to call first.
func (t LimitRequest) Validate() error {
	if !ascii.IsName(t.Key, 1, 128) {
		return errors.New("recovery: the key of a limit request must be 1 to 128 bytes of printable ASCII without spaces")
	}
	return t.Policy.Validate()
}

// A Decision is a [Limiter]'s answer to one [LimitRequest].
type Decision struct {
	Allowed bool
	// Limit is the window that refused, or the one that has the least left; of
	// several, the one that stays so for longest.
	Limit Limit
	// Remaining is how many calls Limit still allows now.
	Remaining int
	// Reset is how long until the oldest call in Limit's window leaves it, this
	// one included if it was allowed.
	Reset time.Duration
	// RetryAfter is how long until a call could be allowed, if this one was not.
	// No earlier call can succeed.
	RetryAfter time.Duration
}

// A Limiter counts calls in exact sliding windows: it never allows more than N in
// any interval of length Window, and never refuses one while there are fewer.
// Implementations are safe for concurrent use, also by several processes where
// they are shared.
//
// A malformed request is an error, and so is a ctx that had ended before the
// call; both count nothing. Allow returns when ctx ends.
type Limiter interface {
	// Allow decides each request on its own, in order, and returns as many
	// decisions. It counts an allowed call in the same atomic step, and does not
	// count a refused one at all. All requests of one call share one round trip
	// where there is one. An error says nothing about the calls: they may have
	// been counted.
	Allow(ctx context.Context, requests ...LimitRequest) ([]Decision, error)
}

// decide is the rule of the exact sliding window, for logs of the newest calls
// in order of time, at now. It is the reference for other implementations.
func (t LimitPolicy) decide(log []time.Duration, now time.Duration) Decision {
	d := Decision{Allowed: true, Remaining: math.MaxInt}
	var wait time.Duration
	for _, l := range t.Limits {
		in := len(log) - firstWithin(log, now-l.Window)
		remaining := max(0, l.N-in)
		reset := l.Window
		if in > 0 {
			reset = log[len(log)-in] + l.Window - now
		}
		if remaining == 0 {
			// The call that must leave is the N-th youngest, not the oldest.
			free := log[len(log)-l.N] + l.Window - now
			if d.Allowed || free > wait {
				d.Limit, d.Reset, wait = l, reset, free
			}
			d.Allowed, d.Remaining = false, 0
		} else if d.Allowed && (remaining < d.Remaining || remaining == d.Remaining && reset > d.Reset) {
			d.Limit, d.Remaining, d.Reset = l, remaining, reset
		}
	}
	if d.Allowed {
		d.Remaining--
		return d
	}
	if t.ThenOneEvery > 0 {
		next := log[len(log)-1] + t.ThenOneEvery - now
		if next <= 0 {
			d.Allowed = true
			return d
		}
		wait = min(wait, next)
	}
	d.RetryAfter = wait
	return d
}

// firstWithin is the index of the first call after the instant.
func firstWithin(log []time.Duration, instant time.Duration) int {
	i, _ := slices.BinarySearch(log, instant+1)
	return i
}

// Limits are the limit policies that a [Service] applies. A zero policy means the
// default one; there is no way to have none.
type Limits struct {
	_ [0]func()

	// Caller is per API key, or per pair of key and client address where the
	// key is public: 25 in 5 s.
	Caller LimitPolicy
	// ClientForgot, ClientReset and ClientCheck are per client address (IPv4
	// /32, IPv6 /64): 5 in 10 min, 10 in 15 min, 15 in 30 min; 10 in 1 min, 15
	// in 2 min; 60 in 1 min.
	ClientForgot, ClientReset, ClientCheck LimitPolicy
	// Identifier is per submitted identifier, Lead per lead found, Recipient
	// per address written to, Issue per identifier given to IssueToken: 1 in 1
	// min, 5 in 1 h, 10 in 24 h, and after that still one an hour.
	Identifier, Lead, Recipient, Issue LimitPolicy
	// EmailBudget and SMSBudget are over all messages of a channel that the
	// public asked for. Default: none.
	EmailBudget, SMSBudget LimitPolicy
	// DangerouslyAllowOnError lets requests through while the [Limiter] fails.
	// Default false: 503 for everybody.
	DangerouslyAllowOnError bool
}

// DefaultLimits returns the limits that hold where [Options.Limits] says
// nothing.
func DefaultLimits() Limits {
	person := func() LimitPolicy {
		return LimitPolicy{
			Limits:       []Limit{{1, time.Minute}, {5, time.Hour}, {10, 24 * time.Hour}},
			ThenOneEvery: time.Hour,
		}
	}
	return Limits{
		Caller:       LimitPolicy{Limits: []Limit{{25, 5 * time.Second}}},
		ClientForgot: LimitPolicy{Limits: []Limit{{5, 10 * time.Minute}, {10, 15 * time.Minute}, {15, 30 * time.Minute}}},
		ClientReset:  LimitPolicy{Limits: []Limit{{10, time.Minute}, {15, 2 * time.Minute}}},
		ClientCheck:  LimitPolicy{Limits: []Limit{{60, time.Minute}}},
		Identifier:   person(),
		Lead:         person(),
		Recipient:    person(),
		Issue:        person(),
	}
}

// A Quota is what one scope had left after a request.
type Quota struct {
	Scope    LimitScope
	Policy   LimitPolicy
	Decision Decision
}

// Quotas are those of the caller and the client that a request was counted in
// before its answer. They say nothing about any account.
type Quotas []Quota

// SetHeader sets the RateLimit and RateLimit-Policy fields
// (draft-ietf-httpapi-ratelimit-headers): one policy for each window, and what
// is left of the tightest window of each quota.
func (q Quotas) SetHeader(h http.Header) {
	if len(q) == 0 {
		return
	}
	var policyBuf, leftBuf [256]byte
	policy, left := policyBuf[:0], leftBuf[:0]
	for i, quota := range q {
		for j, l := range quota.Policy.Limits {
			if i+j > 0 {
				policy = append(policy, ", "...)
			}
			policy = append(appendPolicyName(append(policy, '"'), quota.Scope, l), '"')
			policy = strconv.AppendInt(append(policy, ";q="...), int64(l.N), 10)
			policy = strconv.AppendInt(append(policy, ";w="...), int64(wholeSeconds(l.Window)), 10)
		}
		if i > 0 {
			left = append(left, ", "...)
		}
		t := quota.Decision.Reset
		if !quota.Decision.Allowed {
			// A client must not be told to come back before Retry-After.
			t = quota.Decision.RetryAfter
		}
		left = append(appendPolicyName(append(left, '"'), quota.Scope, quota.Decision.Limit), '"')
		left = strconv.AppendInt(append(left, ";r="...), int64(quota.Decision.Remaining), 10)
		left = strconv.AppendInt(append(left, ";t="...), int64(wholeSeconds(t)), 10)
	}
	// Both names are canonical, so Set has nothing to do but this.
	h["Ratelimit-Policy"] = []string{string(policy)}
	h["Ratelimit"] = []string{string(left)}
}

// appendPolicyName appends the name of one window, which needs no escape in a
// structured field string (RFC 9651).
func appendPolicyName(b []byte, scope LimitScope, l Limit) []byte {
	return strconv.AppendInt(append(append(b, scope...), '-'), int64(wholeSeconds(l.Window)), 10)
}

// A LimitScope says whose limits refused a request.
type LimitScope string

// The scopes of limits. The first two are answered to everybody; the others
// are met in the worker, silently, or by [Service.IssueToken].
const (
	ScopeCaller     LimitScope = "caller"
	ScopeClient     LimitScope = "client"
	ScopeIdentifier LimitScope = "identifier"
	ScopeLead       LimitScope = "lead"
	ScopeRecipient  LimitScope = "recipient"
	ScopeBudget     LimitScope = "budget"
	ScopeIssue      LimitScope = "issue"
	scopeNotMe      LimitScope = "not-me"
)

// RateLimitError is a request over a limit. The policy that refused the request
// did not count it, nor did those that come after it: a refused public request
// takes no place of the identifier that it names, of a lead, an address or a
// budget. The caller's and the client's policies are asked together, and each
// counts on its own.
type RateLimitError struct {
	// Scope says whose limits refused.
	Scope LimitScope
	// Limit is the window that was full.
	Limit Limit
	// RetryAfter is how long until a call can be allowed, by all policies that
	// were asked together.
	RetryAfter time.Duration
	// Quotas are the caller's and the client's windows, for the RateLimit
	// fields of the answer.
	Quotas Quotas
}

func (e *RateLimitError) Error() string {
	return fmt.Sprintf("recovery: rate limit exceeded (%s, %s)", e.Scope, e.Limit)
}

// RetryAfterSeconds is RetryAfter in whole seconds, rounded up and at least one, as the
// Retry-After field takes it (RFC 9110, section 10.2.3). A client that waits as
// long, and asks only once, is not refused again.
func (e *RateLimitError) RetryAfterSeconds() int { return wholeSeconds(e.RetryAfter) }

func wholeSeconds(d time.Duration) int {
	return max(1, int((d+time.Second-1)/time.Second))
}
