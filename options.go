package recovery

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

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

// Options configure a [Service]. Keys, Link and Sessions are required. The zero
// value of every other field is its secure default. [New] copies what it needs
// and reports every mistake at once.
type Options struct {
	_ [0]func()

	// Required.

	// Keys are the secrets from which all others are derived: at least 32
	// random bytes each, at most 8 of them. The first one is in use, the rest
	// are still accepted. Required. To change the key, deploy the new one
	// everywhere as the last one, then move it to the front everywhere, and
	// drop the old one a day later, or eight days later with NotMe. Limits and
	// failure counts start anew under a new first key.
	Keys [][]byte
	// Link is where mailed links lead, unless a request names another of the
	// host's. Link.URL is required.
	Link Link
	// Sessions ends a lead's sessions after a reset. Required, or
	// DangerouslyKeepSessions.
	Sessions SessionEnder
	// DangerouslyKeepSessions leaves whoever is signed in signed in, also the
	// one that the reset was meant to lock out (A74).
	DangerouslyKeepSessions bool

	// Usual. Most hosts set some of these.

	// Fields are the fields of a lead that requests may name. Default:
	// EmailAddress, which is searched and receives. The first one with type
	// Email and Receive is where links go unless a request names another.
	Fields []Field
	// NotMe is the page where a person says "this was not me", for a link in
	// what is sent about a reset; LeadIDParam does not go with it. The page asks
	// for a click, because mail scanners follow links, and calls
	// [Service.NotMe]. Default: no such link.
	NotMe Link
	// StepUp can ask for a further proof. Default: none.
	StepUp StepUpFunc
	// Limiter counts requests. Default: a [MemoryLimiter], right for one
	// instance.
	Limiter Limiter
	// Queue takes what happens after the answer. Default: a [MemoryQueue]. A
	// [WorkerQueue] is started by [New]; with any other the host calls
	// [Service.Perform] from its workers.
	Queue Queue
	// Prefix starts the names of slots and limiter keys, so that several
	// Services share one store: 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'.
	// Default "recovery". It also separates what Keys derive.
	Prefix string
	// Events receives what happens. Default: nobody.
	Events EventSink
	// Logger receives what goes wrong. Default: [slog.Default].
	Logger *slog.Logger

	// Groups. A newcomer can leave all of them out.

	// Passwords says how new passwords are judged and hashed.
	Passwords PasswordOptions
	// Tokens says how long links and codes live, and how many guesses a code
	// takes.
	Tokens TokenOptions
	// Messages says what is sent besides links, codes and notices.
	Messages MessageOptions
	// Limits are the rate limits. Default: [DefaultLimits].
	Limits Limits
	// ClientAddress says how a client's address is found.
	ClientAddress ClientAddressOptions
	// StoreTimeout is how long one call of a [LeadStore], [TokenStore] or
	// [Limiter] may take, 1 ms to 1 min. Default 5 s.
	StoreTimeout time.Duration
}

// PasswordOptions say how new passwords are judged and hashed.
type PasswordOptions struct {
	_ [0]func()

	// Policy decides which passwords are accepted. Default: 15 to 256
	// characters, not listed, not the lead's own identifiers.
	Policy *password.Policy
	// Hasher makes the new hash. Default: argon2id with 19 MiB, t=2, p=1 and
	// at most GOMAXPROCS hashes at once.
	Hasher password.Hasher
	// History is how many of the last passwords are refused, 0 to 24. Default
	// 0. It needs a [HistoryLeadStore], and each costs a hash.
	History int
}

// TokenOptions say how long links and codes live, and how many guesses a code
// takes.
type TokenOptions struct {
	_ [0]func()

	// LinkTTL is how long a link or issued token lives, 1 min to 24 h.
	// Default 60 min, counted from its arrival in the store.
	LinkTTL time.Duration
	// CodeTTL is how long a code lives, 1 to 10 min (ASVS v5.0.0-6.5.5).
	// Default 10 min.
	CodeTTL time.Duration
	// CodeTries is how many wrong guesses end a code, 1 to 10. Default 5.
	CodeTries int
	// CodeFailures is how many wrong guesses a lead's codes take in 24 h, 5 to
	// 100 (NIST SP 800-63B-4, 3.2.2). Default 20.
	CodeFailures int
}

// MessageOptions say what is sent besides links, codes and notices.
type MessageOptions struct {
	_ [0]func()

	// UnknownAddress sends [MessageUnknownAddress] to an address that nobody
	// has. Default false: it lets strangers send mail to strangers (A25).
	UnknownAddress bool
	// NoPassword sends [MessageNoPassword] to a lead with [StatusNoPassword], to
	// tell it how it signs in. Default false.
	NoPassword bool
}

// ClientAddressOptions say how a client's address is found.
type ClientAddressOptions struct {
	_ [0]func()

	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	// Default none: the client is whoever connected.
	TrustedProxies []netip.Prefix
	// IPv6Prefix is how many bits of an IPv6 address make a client, 48 to 64.
	// Default 64.
	IPv6Prefix int
}

// maxStartPause is the longest random pause between an answer and its job.
const maxStartPause = 250 * time.Millisecond
