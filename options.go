package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
	"github.com/seed-51359b35/recovery/internal/clientaddr"
	"github.com/seed-51359b35/recovery/password"
)

// A SessionEnder ends every session of a lead.
type SessionEnder interface {
	// EndSessions ends all sessions that were open when it was called. It is
	// called after the new password is written and before success is reported
	// (ASVS v5.0.0-7.4.3), and again through the queue if it fails.
	EndSessions(ctx context.Context, leadID string) error
}

// SessionEnderFunc makes a function a [SessionEnder].
type SessionEnderFunc func(ctx context.Context, leadID string) error

// EndSessions calls f.
func (f SessionEnderFunc) EndSessions(ctx context.Context, leadID string) error {
	return f(ctx, leadID)
}

// A StepUpFunc stands between a valid proof and the new password. It returns
// nil to go on, a [*StepUpError] to ask for a further proof (a second factor
// that the person keeps; ASVS v5.0.0-6.4.3), or another error, which is
// answered with 503. The link stays usable. What the hook needs beyond the
// lead, it takes from ctx, which descends from the request's.
type StepUpFunc func(ctx context.Context, lead Lead) error

// Options configure a [Service]. The zero value of a field is its secure
// default; the fields without one are Keys, Link and the decision on sessions.
// [New] copies what it needs.
type Options struct {
	// Keys are the secrets from which all others are derived: at least 32
	// random bytes each, the first one in use, the rest still accepted.
	// Required. To rotate, deploy the new key everywhere as the last one, then
	// move it to the front, and drop the old one a day later, or eight days
	// with NotMe. Limits and
	// failure counts start anew under a new first key.
	Keys [][]byte
	// Prefix starts the names of slots and limiter keys, so that several
	// Services share one store: 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'.
	// Default "recovery". It also separates what Keys derive.
	Prefix string
	// Link is where mailed links lead, unless a request names another of the
	// host's. Link.URL is required.
	Link Link
	// NotMe is the page where a person says "this was not me", for a link in
	// what is sent about a reset; LeadIDParam does not go with it. The page asks
	// for a click, because mail scanners follow links, and calls
	// [Service.NotMe]. Default: no such link.
	NotMe Link
	// Sessions ends a lead's sessions after a reset. Required, or
	// DangerouslyKeepSessions.
	Sessions SessionEnder
	// DangerouslyKeepSessions leaves whoever is signed in signed in, also the
	// one the reset was meant to lock out (A74).
	DangerouslyKeepSessions bool

	// Fields are the fields of a lead that requests may name. Default:
	// EmailAddress, which is searched and receives. The first one with type
	// Email and Receive is where links go unless a request names another.
	Fields []Field
	// Hasher makes the new hash. Default: argon2id with 19 MiB, t=2, p=1 and
	// at most GOMAXPROCS hashes at once.
	Hasher password.Hasher
	// Policy decides which passwords are accepted. Default: 15 to 256
	// characters, not listed, not the lead's own identifiers.
	Policy *password.Policy
	// PasswordHistory refuses the last n passwords, up to 24. Default 0.
	// Needs a [HistoryLeadStore]. Each costs a hash.
	PasswordHistory int
	// StepUp can ask for a further proof. Default: none.
	StepUp StepUpFunc

	// LinkTTL is how long a link or issued token lives, 1 min to 24 h.
	// Default 60 min, counted from its arrival in the store.
	LinkTTL time.Duration
	// CodeTTL is how long a code lives, 1 to 10 min (ASVS v5.0.0-6.5.5).
	// Default 10 min.
	CodeTTL time.Duration
	// CodeTries is how many wrong guesses kill a code, 1 to 10. Default 5.
	CodeTries int
	// CodeFailures is how many wrong guesses a lead's codes take in 24 h, 5 to
	// 100 (NIST SP 800-63B-4, 3.2.2). Default 20.
	CodeFailures int

	// NotifyUnknownAddress sends a message to an address that nobody has.
	// Default false: it lets strangers send mail to strangers (A25).
	NotifyUnknownAddress bool
	// NotifyNoPassword tells a lead with [StatusNoPassword] how it signs in.
	// Default false.
	NotifyNoPassword bool

	// Limits are the rate limits. Default: [DefaultLimits].
	Limits Limits
	// Limiter counts. Default: a [MemoryLimiter], right for one instance.
	Limiter Limiter
	// DangerouslyAllowOnLimiterError lets requests through while the Limiter
	// fails. Default false: 503 for everybody.
	DangerouslyAllowOnLimiterError bool
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	// Default none: the client is whoever connected.
	TrustedProxies []netip.Prefix
	// IPv6Prefix is how many bits of an IPv6 address make a client, 48 to 64.
	// Default 64.
	IPv6Prefix int

	// Queue takes what happens after the answer. Default: a [MemoryQueue]. A
	// [WorkerQueue] is started by [New]; with any other the host calls
	// [Service.Perform] from its workers.
	Queue Queue
	// StoreTimeout is how long one call of a [LeadStore], [TokenStore] or
	// [Limiter] may take. Default 5 s.
	StoreTimeout time.Duration

	// Events receives what happens. Default: nobody.
	Events EventSink
	// Logger receives what goes wrong. Default: [slog.Default].
	Logger *slog.Logger
}

// maxStartPause is the longest random pause between an answer and its job.
const maxStartPause = 250 * time.Millisecond

// withDefaults fills in what is zero. Slices are copied, so that the caller may
// go on using its own.
func (o Options) withDefaults() Options {
	keys := make([][]byte, len(o.Keys))
	for i, k := range o.Keys {
		keys[i] = slices.Clone(k)
	}
	o.Keys = keys
	if o.Prefix == "" {
		o.Prefix = "recovery"
	}
	o.Fields = slices.Clone(o.Fields)
	if len(o.Fields) == 0 {
		o.Fields = []Field{{Name: "EmailAddress", Type: FieldEmail, Search: true, Receive: true}}
	}
	o.Link.Fixed = slices.Clone(o.Link.Fixed)
	o.NotMe.Fixed = slices.Clone(o.NotMe.Fixed)
	o.TrustedProxies = slices.Clone(o.TrustedProxies)
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&o.LinkTTL, time.Hour}, {&o.CodeTTL, 10 * time.Minute}, {&o.StoreTimeout, 5 * time.Second}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	for _, d := range []struct {
		v   *int
		def int
	}{{&o.CodeTries, 5}, {&o.CodeFailures, 20}, {&o.IPv6Prefix, 64}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	def := DefaultLimits()
	own, defaults := o.Limits.tiers(), def.tiers()
	for i, t := range own {
		if len(t.tier.Limits) == 0 && t.tier.ThenOneEvery == 0 {
			*t.tier = *defaults[i].tier
		}
		t.tier.Limits = slices.Clone(t.tier.Limits)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

type namedTier struct {
	name string
	tier *LimitPolicy
}

func (l *Limits) tiers() []namedTier {
	return []namedTier{
		{"Caller", &l.Caller}, {"ClientForgot", &l.ClientForgot}, {"ClientReset", &l.ClientReset},
		{"ClientCheck", &l.ClientCheck}, {"Identifier", &l.Identifier}, {"Lead", &l.Lead},
		{"Recipient", &l.Recipient}, {"Issue", &l.Issue},
		{"EmailBudget", &l.EmailBudget}, {"SMSBudget", &l.SMSBudget},
	}
}

// validate reports every mistake at once. The receiver has its defaults.
func (o Options) validate(leads LeadStore, tokens TokenStore, notifier Notifier) error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	if leads == nil {
		bad("leads", "is required: the host's user store")
	}
	if tokens == nil {
		bad("tokens", "is required: NewMemoryTokenStore() for one instance, package redisstore for several")
	}
	if f, ok := notifier.(NotifierFunc); notifier == nil || ok && f == nil {
		bad("notifier", "is required: what sends the mail")
	}
	if len(o.Keys) == 0 {
		bad("Keys", "is required: one key of 32 random bytes from the host's secret store, the same on every instance")
	}
	for i, k := range o.Keys {
		if len(k) < 32 {
			bad("Keys", "key %d has %d bytes, must have at least 32", i, len(k))
		}
		for j := range i {
			if string(o.Keys[j]) == string(k) {
				bad("Keys", "keys %d and %d are the same", j, i)
			}
		}
	}
	if len(o.Keys) > 8 {
		bad("Keys", "has %d keys, at most 8", len(o.Keys))
	}
	if len(o.Prefix) > 32 || strings.ContainsFunc(o.Prefix, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	}) {
		bad("Prefix", "must be 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'")
	}
	if err := o.Link.Validate(); err != nil {
		bad("Link", "%v", err)
	}
	if o.NotMe.URL != "" || o.NotMe.params()[0] != "token" || len(o.NotMe.Fixed) > 0 {
		if err := o.NotMe.Validate(); err != nil {
			bad("NotMe", "%v", err)
		} else if o.NotMe.LeadIDParam != "" {
			bad("NotMe", "LeadIDParam and SecretParam do not go with it")
		}
	}
	if f, ok := o.Sessions.(SessionEnderFunc); ok && f == nil {
		o.Sessions = nil
	}
	if o.Sessions == nil && !o.DangerouslyKeepSessions {
		bad("Sessions", "is required: how to end a lead's sessions after a reset, or DangerouslyKeepSessions")
	}
	if o.Sessions != nil && o.DangerouslyKeepSessions {
		bad("Sessions", "excludes DangerouslyKeepSessions")
	}
	o.validateFields(bad)
	if o.PasswordHistory < 0 || o.PasswordHistory > 24 {
		bad("PasswordHistory", "is %d, must be 0 to 24", o.PasswordHistory)
	}
	if _, ok := leads.(HistoryLeadStore); o.PasswordHistory > 0 && leads != nil && !ok {
		bad("PasswordHistory", "needs a LeadStore that is a HistoryLeadStore, %T is none", leads)
	}
	for _, d := range []struct {
		name         string
		v, low, high time.Duration
	}{
		{"LinkTTL", o.LinkTTL, time.Minute, 24 * time.Hour},
		{"CodeTTL", o.CodeTTL, time.Minute, 10 * time.Minute},
		{"StoreTimeout", o.StoreTimeout, time.Millisecond, time.Minute},
	} {
		if d.v < d.low || d.v > d.high {
			bad(d.name, "is %v, must be %v to %v", d.v, d.low, d.high)
		}
	}
	for _, n := range []struct {
		name         string
		v, low, high int
	}{{"CodeTries", o.CodeTries, 1, 10}, {"CodeFailures", o.CodeFailures, 5, 100}} {
		if n.v < n.low || n.v > n.high {
			bad(n.name, "is %d, must be %d to %d", n.v, n.low, n.high)
		}
	}
	for _, t := range o.Limits.tiers() {
		if t.tier.Limits == nil && t.tier.ThenOneEvery == 0 {
			continue // a budget that is not set
		}
		if reason := t.tier.check(); reason != "" {
			bad("Limits."+t.name, "%s", reason)
		}
	}
	if _, err := clientaddr.New(o.TrustedProxies, o.IPv6Prefix); err != nil {
		bad("TrustedProxies or IPv6Prefix", "%v", err)
	}
	return errors.Join(errs...)
}

func (o Options) validateFields(bad func(option, format string, args ...any)) {
	seen := map[string]bool{}
	search := false
	for _, f := range o.Fields {
		if !ascii.IsName(f.Name, 1, 64) {
			bad("Fields", "name %q must be 1 to 64 of printable ASCII", f.Name)
		}
		if f.Name == LeadIDField {
			bad("Fields", "the name %s is reserved", LeadIDField)
		}
		if seen[f.Name] {
			bad("Fields", "%s is declared twice", f.Name)
		}
		seen[f.Name] = true
		search = search || f.Search
		switch f.Type {
		case FieldEmail, FieldPhone:
			if f.IgnoreCase {
				bad("Fields", "%s: IgnoreCase is for type Text", f.Name)
			}
		case FieldText:
			if f.Receive {
				bad("Fields", "%s: type Text cannot receive", f.Name)
			}
		default:
			bad("Fields", "%s: type %q must be Email, Phone or Text", f.Name, f.Type)
		}
	}
	if !search {
		bad("Fields", "none can be searched")
	}
}
