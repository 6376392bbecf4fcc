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
// is half open: a call no longer counts exactly Window after it was made.
type Limit struct {
	N      int           // 1 to 100,000
	Window time.Duration // 1 ms to 31 days
}

// String returns a text for logs, such as "25 in 5s".
func (l Limit) String() string { return strconv.Itoa(l.N) + " in " + l.Window.String() }

// A LimitPolicy is the limits for one key. A call is allowed only if all of
// them allow it, and a call that one of them refuses counts against none of
// them. For authors of limiters and notifiers, and for hosts that change
// [Limits]. The zero value is not valid.
type LimitPolicy struct {
	// Limits are the limits: 1 to 8.
	Limits []Limit
	// ThenOneEvery, if positive, allows a call although a limit is reached,
	// once the last allowed call was made that long ago. So a limit of ten a
	// day does not lock a person out for the rest of the day (A58). At most 366
	// days. Default 0: no such exception.
	ThenOneEvery time.Duration
}

// check returns the mistake in the policy, or the empty string.
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

// longest returns the time after which calls no longer matter to the policy,
// and the number of calls that a log has to remember.
func (t LimitPolicy) longest() (window time.Duration, size int) {
	for _, l := range t.Limits {
		window = max(window, l.Window)
		size = max(size, l.N)
	}
	return max(window, t.ThenOneEvery), size
}

// A LimitRequest asks a [Limiter] to allow one call. For authors of limiters,
// and for hosts that limit handlers of their own.
type LimitRequest struct {
	// Key names what is limited: 1 to 128 bytes of printable ASCII without
	// spaces. A key must always come with the same Policy.
	Key    string
	Policy LimitPolicy
	// ID, if not empty, makes the request repeatable. If the limiter still
	// remembers an allowed call with this ID, it allows the request and does
	// not count it again. So a job that is tried again after a crash is counted
	// once. Any text is valid, and Validate does not check it; those of a
	// [Service] have 26 letters and digits. An ID belongs to its Key, and is
	// compared byte by byte. A limiter remembers it at least as long as the call
	// is within the longest Window of the policy and is one of the newest N, for
	// the largest N. The repeated request moves nothing: the call leaves the
	// window as if it had been made once.
	ID string
}

// Validate returns the mistake in the policy, or nil, for checks of options.
func (t LimitPolicy) Validate() error {
	if reason := t.check(); reason != "" {
		return errors.New("recovery: a limit policy " + reason)
	}
	return nil
}

// Validate returns the mistake in the request, or nil. A limiter calls it
// first.
func (t LimitRequest) Validate() error {
	if !ascii.IsName(t.Key, 1, 128) {
		return errors.New("recovery: the key of a limit request must be 1 to 128 bytes of printable ASCII without spaces")
	}
	return t.Policy.Validate()
}

// A Decision is the answer of a [Limiter] to one [LimitRequest]. For authors of
// limiters, and for hosts that limit handlers of their own.
type Decision struct {
	// Allowed says that the call is allowed and counted.
	Allowed bool
	// Limit is the limit that refused the call or, if none did, the one with
	// the fewest calls left. Of several that refuse, it is the one with the
	// longest wait. Of several with equal Remaining, it is the one with the
	// longest Reset.
	Limit Limit
	// Remaining is how many further calls Limit allows now.
	Remaining int
	// Reset is the time until the oldest call in the window of Limit no longer
	// counts. This call, if it was allowed, is one of those calls.
	Reset time.Duration
	// RetryAfter is the time until a call can be allowed, if this one was not.
	// No call before that can be allowed.
	RetryAfter time.Duration
}

// A Limiter counts calls in exact sliding windows: it never allows more than N
// in any interval of length Window, except by [LimitPolicy].ThenOneEvery. It
// refuses a call only if a limit of its policy is reached. Hosts can use
// [MemoryLimiter] or package redisstore. Implementations are safe for
// concurrent use, also by several processes if they are shared.
//
// A malformed request is an error, and so is a ctx that had ended before the
// call. Both count nothing, neither this request nor the others of the call.
// While a limiter cannot count, it allows nothing: it returns an error, or
// refuses a call that it knows to be over a limit.
//
// What a limiter holds of a key must be freed once the longest Window and
// ThenOneEvery have passed since the last allowed call: by itself, while other
// keys are used, or by a job that the host runs.
type Limiter interface {
	// Allow decides each request on its own, in order, and returns one decision
	// for each. It counts an allowed call in the same atomic step, and does not
	// count a refused one at all. If there is a network, all requests of one
	// call share one round trip. Without requests it returns no decisions and
	// no error. Allow returns when ctx ends. After an error the calls may or
	// may not have been counted.
	Allow(ctx context.Context, requests ...LimitRequest) ([]Decision, error)
}

// decide is the rule of the exact sliding window, and the reference for other
// implementations. The log holds the times of the newest calls in order.
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
			// The next call is allowed when the N-th newest call no longer
			// counts, not when the oldest one does.
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

// firstWithin returns the index of the first call after the instant.
func firstWithin(log []time.Duration, instant time.Duration) int {
	i, _ := slices.BinarySearch(log, instant+1)
	return i
}

// Limits are the limit policies that a [Service] applies. A zero policy means
// the default one. A Service without limits is not possible.
type Limits struct {
	_ [0]func()

	// Caller holds for each API key or, if the client's address is known, for
	// each pair of key and address: 25 in 5 s. In IssueToken it holds for the
	// API key alone.
	Caller LimitPolicy
	// ClientForgot, ClientReset and ClientCheck hold for each client address
	// (IPv4 /32, IPv6 by [ClientAddressOptions].IPv6Prefix, default /64).
	// An address can be that of a whole office. ClientForgot: 30 in 10 min, 50
	// in 3 h. ClientReset: 10 in 1 min, 15 in 2 min; for ChangePassword the same,
	// counted separately. ClientCheck, for CheckProof and NotMe: 60 in 1 min.
	ClientForgot, ClientReset, ClientCheck LimitPolicy
	// Identifier holds for each identifier that a request names, Lead for each
	// lead that was found, Recipient for each address that messages go to, and
	// Issue for each identifier in IssueToken, and for each lead in IssueInvitation
	// and in IssueForHelpDesk: 1 in 1 min, 5 in 1 h, 10 in 24
	// h, and then still one every hour. Links and codes are counted separately
	// by the first three. Identifier also counts each recipient field
	// separately, and Lead each address. Identifiers that belong to no lead are
	// counted only with [MessageOptions].UnknownAddress. So strangers who invent
	// identifiers leave no counters behind but those of their own client
	// addresses (A95).
	//
	// The one every hour is one every [TokenOptions].LinkTTL if links live for
	// less than an hour, but at most one every 15 min. So somebody whose limits a
	// stranger uses up has a link that works at all times (A58). A policy of the
	// host's own keeps this promise only if its ThenOneEvery is as short.
	Identifier, Lead, Recipient, Issue LimitPolicy
	// Device holds for each known device of a lead, and LeadDevices for all
	// known devices of a lead together. Identifier, Lead and Recipient do not
	// count a request that both allow. A request that one of the two refuses
	// counts as that of any other client. See [Service.RememberDevice]. Device:
	// 1 in 1 min, 5 in 1 h, 30 in 24 h, counted separately for each recipient
	// field, and for links and codes. LeadDevices: 60 in 24 h, for all of these
	// together.
	Device, LeadDevices LimitPolicy
	// EmailBudget and SMSBudget hold for all messages of a channel that carry a
	// link or a code, or that go to unknown addresses or to leads without a
	// password. Those from [Service.IssueToken] with Send and from
	// [Service.NotMe] count too. Notices after a reset do not count. Default:
	// no budget.
	EmailBudget, SMSBudget LimitPolicy
	// SecondFactor holds for the second factors that are tried at one lead: 5 in 15
	// min, 20 in 24 h. Right ones count too, and a request without one does not. Only
	// requests with a valid link or code get so far, and changes with the right current
	// password, which are counted apart. See [SecondFactorOptions].
	SecondFactor LimitPolicy
	// Change holds for each lead in ChangePassword, for right and wrong current
	// passwords together: 10 in 15 min, 30 in 24 h. Whoever has somebody's session
	// can use it up. The owner then resets the password with a link, which this does
	// not count, and which ends that session. A new password that
	// [password.Policy.Check] refuses does not count.
	Change LimitPolicy
	// DangerouslyAllowOnError allows all requests while the [Limiter] fails, except
	// those with a second factor, which could be found by guessing then. Default
	// false: they are answered with 503.
	DangerouslyAllowOnError bool
}

// DefaultLimits returns the limits that apply if [Options].Limits is zero and
// links live for an hour or longer. With shorter links, leave the policies zero
// that are not to be changed: see Identifier in [Limits].
func DefaultLimits() Limits { return defaultLimits(time.Hour) }

func defaultLimits(linkTTL time.Duration) Limits {
	person := func() LimitPolicy {
		return LimitPolicy{
			Limits:       []Limit{{1, time.Minute}, {5, time.Hour}, {10, 24 * time.Hour}},
			ThenOneEvery: min(time.Hour, max(15*time.Minute, linkTTL)),
		}
	}
	return Limits{
		Caller:       LimitPolicy{Limits: []Limit{{25, 5 * time.Second}}},
		ClientForgot: LimitPolicy{Limits: []Limit{{30, 10 * time.Minute}, {50, 3 * time.Hour}}},
		ClientReset:  LimitPolicy{Limits: []Limit{{10, time.Minute}, {15, 2 * time.Minute}}},
		ClientCheck:  LimitPolicy{Limits: []Limit{{60, time.Minute}}},
		Identifier:   person(),
		Lead:         person(),
		Recipient:    person(),
		Issue:        person(),
		Device:       LimitPolicy{Limits: []Limit{{1, time.Minute}, {5, time.Hour}, {30, 24 * time.Hour}}},
		LeadDevices:  LimitPolicy{Limits: []Limit{{60, 24 * time.Hour}}},
		SecondFactor: LimitPolicy{Limits: []Limit{{5, 15 * time.Minute}, {20, 24 * time.Hour}}},
		Change:       LimitPolicy{Limits: []Limit{{10, 15 * time.Minute}, {30, 24 * time.Hour}}},
	}
}

// A Quota is what a limit policy had left after a request.
type Quota struct {
	Scope    LimitScope
	Policy   LimitPolicy
	Decision Decision
}

// Quotas are those of the caller and the client of a request. They are counted
// before the answer, and say nothing about any account. Only
// [RateLimitError].Quotas of [Service.IssueToken], which is for servers, and of
// [Service.ChangePassword], where the lead itself asks, can hold one more.
type Quotas []Quota

// SetHeader sets the fields RateLimit and RateLimit-Policy
// (draft-ietf-httpapi-ratelimit-headers). RateLimit-Policy has one policy for
// each window, and RateLimit what is left in the tightest window of each quota.
// Without quotas it sets nothing.
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
			// A client must not be told to come back before Retry-After has
			// passed.
			t = quota.Decision.RetryAfter
		}
		left = append(appendPolicyName(append(left, '"'), quota.Scope, quota.Decision.Limit), '"')
		left = strconv.AppendInt(append(left, ";r="...), int64(quota.Decision.Remaining), 10)
		left = strconv.AppendInt(append(left, ";t="...), int64(wholeSeconds(t)), 10)
	}
	// These names are in canonical form, so Set would do the same.
	v := []string{string(policy), string(left)}
	h["Ratelimit-Policy"] = v[0:1:1]
	h["Ratelimit"] = v[1:2:2]
}

// appendPolicyName appends the name of one window. The name has no character
// that must be escaped in a string of a structured field (RFC 9651).
func appendPolicyName(b []byte, scope LimitScope, l Limit) []byte {
	return strconv.AppendInt(append(append(b, scope...), '-'), int64(wholeSeconds(l.Window)), 10)
}

// A LimitScope says whose limits apply.
type LimitScope string

// The scopes of limits. Everybody is told about a refusal by caller or client.
// Refusals by the others happen in a worker, where nobody is told, or in
// [Service.IssueToken] and [Service.ChangePassword]. One by second-factor is told to
// whoever holds a valid link or code.
const (
	ScopeCaller     LimitScope = "caller"
	ScopeClient     LimitScope = "client"
	ScopeIdentifier LimitScope = "identifier"
	ScopeLead       LimitScope = "lead"
	ScopeRecipient  LimitScope = "recipient"
	ScopeBudget     LimitScope = "budget"
	ScopeIssueToken LimitScope = "issue"

	ScopeSecondFactor LimitScope = "second-factor"
	// These refuse nothing that anybody is told about, not even by an event.
	scopeDevice      LimitScope = "device"
	scopeLeadDevices LimitScope = "lead-devices"
	scopeNotMe       LimitScope = "not-me"
	scopeCheck       LimitScope = "readiness"
	scopeExhausted   LimitScope = "exhausted"
)

// A RateLimitError says that a limit refused a request. The policy that refused
// did not count the request, and no later one did. So a public request that is
// refused is not counted for its identifier, a lead, an address or a budget.
// The policies of the caller and of the client are asked together, and so are
// those of the lead and the address, and the budgets. Each of them counts for
// itself.
type RateLimitError struct {
	// Scope says whose limits refused.
	Scope LimitScope
	// Limit is the limit that was reached.
	Limit Limit
	// RetryAfter is the time until all policies that were asked together can
	// allow a call.
	RetryAfter time.Duration
	// Quotas are those of the caller and the client, for the RateLimit fields
	// of the answer. If another policy refused in [Service.IssueToken] or
	// [Service.ChangePassword], its quota is the last one.
	Quotas Quotas
}

func (e *RateLimitError) Error() string {
	return fmt.Sprintf("recovery: rate limit exceeded (%s, %s)", e.Scope, e.Limit)
}

// RetryAfterSeconds returns RetryAfter in whole seconds, rounded up and at
// least 1, as the field Retry-After needs it (RFC 9110, section 10.2.3). A
// client that waits so long, and sends one request, is not refused again, if
// nobody else with the same key or address sends one.
func (e *RateLimitError) RetryAfterSeconds() int { return wholeSeconds(e.RetryAfter) }

func wholeSeconds(d time.Duration) int {
	return max(1, int((d+time.Second-1)/time.Second))
}
