package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

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

// A Link says what the mailed link looks like.
type Link struct {
	// URL is the absolute https URL of the page that resets passwords; http is
	// accepted for localhost and loopback addresses. It may have a query, to
	// which the parameters are added, and no fragment. With Fixed it has at
	// most 2,048 bytes.
	URL string
	// TokenParam is the query parameter that carries lead and secret sealed in
	// one string. Default "token", if LeadIDParam is empty too.
	TokenParam string
	// LeadIDParam and SecretParam carry them apart instead, the secret as 64
	// lower-case hexadecimal digits.
	LeadIDParam, SecretParam string
	// Fixed are further parameters, name and value. They go before the token.
	Fixed []LinkParam
}

// A LinkParam is a fixed query parameter of a [Link].
type LinkParam struct{ Name, Value string }

// Validate reports what is wrong with the link, as an error that names the
// field.
func (l Link) Validate() error {
	if err := checkURL(l.URL); err != nil {
		return fmt.Errorf("URL: %w", err)
	}
	if (l.LeadIDParam == "") != (l.SecretParam == "") {
		return errors.New("LeadIDParam and SecretParam go together")
	}
	if l.LeadIDParam != "" && l.TokenParam != "" {
		return errors.New("TokenParam excludes LeadIDParam and SecretParam")
	}
	seen := map[string]bool{}
	for _, name := range l.params() {
		if !isName(name, 64) {
			return fmt.Errorf("parameter name %.80q must be 1 to 64 of printable ASCII", name)
		}
		if seen[name] {
			return fmt.Errorf("parameter name %q is used twice", name)
		}
		seen[name] = true
	}
	if len(l.Fixed) > 0 && len(l.render(nil)) > maxURL {
		return errors.New("URL and Fixed together are longer than 2,048 bytes")
	}
	return nil
}

// maxURL is the longest URL, in bytes, before the token.
const maxURL = 2048

func (l Link) tokenParam() string {
	if l.TokenParam == "" {
		return "token"
	}
	return l.TokenParam
}

func (l Link) params() []string {
	names := []string{l.tokenParam()}
	if l.LeadIDParam != "" {
		names = []string{l.LeadIDParam, l.SecretParam}
	}
	for _, p := range l.Fixed {
		names = append(names, p.Name)
	}
	return names
}

// checkURL accepts what may stand in front of a token (A01, A02).
func checkURL(s string) error {
	if s == "" {
		return errors.New("is required: a link is never built from a request")
	}
	if len(s) > maxURL {
		return errors.New("is longer than 2,048 bytes")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '"' || r == '<' || r == '>' }) {
		return errors.New("must be printable ASCII without space, backslash, quote or angle bracket")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("does not parse")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("must be absolute")
	case u.User != nil:
		return errors.New("must not have user information")
	case u.Fragment != "" || strings.Contains(s, "#"):
		return errors.New("must not have a fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must be https (http only for localhost and loopback addresses)")
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// render adds the fixed parameters and then params to the link's URL.
// Parameters of the same name that stand there already go (A02).
func (l Link) render(params []LinkParam) string {
	base, query, _ := strings.Cut(l.URL, "?")
	params = slices.Concat(l.Fixed, params)
	var parts []string
	if query != "" {
		for part := range strings.SplitSeq(query, "&") {
			name, _, _ := strings.Cut(part, "=")
			if unescaped, err := url.QueryUnescape(name); err == nil {
				name = unescaped
			}
			if !slices.ContainsFunc(params, func(p LinkParam) bool { return p.Name == name }) {
				parts = append(parts, part)
			}
		}
	}
	for _, p := range params {
		parts = append(parts, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	return base + "?" + strings.Join(parts, "&")
}

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
		if len(t.tier.Limits) == 0 && t.tier.Trickle == 0 {
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
	tier *Tier
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
		errs = append(errs, &OptionError{option, fmt.Sprintf(format, args...)})
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
		if t.tier.Limits == nil && t.tier.Trickle == 0 {
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
		if f.Name == "" || len(f.Name) > 64 || strings.ContainsFunc(f.Name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
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
