package recovery

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// A SessionEnder ends every session of a lead. Implementations are safe for
// concurrent use.
//
// A session is not all that a thief can leave on an account. Whatever opens the
// account without the password outlives the password:
//
//   - remember-me tokens, refresh tokens and "trusted device" cookies. They are
//     sessions by another name, and EndSessions must end them too;
//   - API keys, app passwords and access that was given to other programs;
//   - passkeys, second factors and social logins that the thief added;
//   - forwarding addresses, and addresses and phone numbers for recovery that
//     the thief added.
//
// Nobody but the person can tell which of the last three kinds are their own.
// So a host shows them to the person at the next sign-in, with the time when
// each was added, and offers to remove them. It is safer to suspend what was
// added lately until the person confirms it.
type SessionEnder interface {
	// EndSessions ends all sessions that are open when it is called, on every
	// device, with the tokens that would open new ones. It is called after the
	// new password is written and before the success is reported (ASVS
	// v5.0.0-7.4.3), also after a change by somebody who is signed in: see
	// [ChangeOptions].KeepSession. It is also called after a reset or change whose
	// outcome is unknown, and by NotMe after a notice of one. A failure does not fail the reset
	// or NotMe: the queue repeats the call. It returns when ctx ends.
	EndSessions(ctx context.Context, leadID string) error
}

// A SessionEnderFunc is a function that is a [SessionEnder].
type SessionEnderFunc func(ctx context.Context, leadID string) error

// EndSessions calls f.
func (f SessionEnderFunc) EndSessions(ctx context.Context, leadID string) error {
	return f(ctx, leadID)
}

// A StepUpFunc is asked after a proof was found valid and before the password
// is changed. It returns nil to go on. It returns a [*StepUpError] to ask for a
// further proof, such as a second factor that the person keeps (ASVS
// v5.0.0-6.4.3). Any other error is answered with 503. In both cases the link
// stays usable. ctx comes from the request, so the host can pass values in it,
// for example a second factor. It is called by several goroutines at once.
type StepUpFunc func(ctx context.Context, lead Lead) error

// Options configure a [Service]. Keys, Link and Sessions are required. The zero
// value of every other field is its secure default. [New] copies the slices and
// reports every mistake at once.
type Options struct {
	_ [0]func()

	// Required.

	// Keys are the secrets from which all other keys are derived: 1 to 8 of
	// them, each at least 32 random bytes. The first one is used for everything
	// new. The others are still accepted. Required. [NewKey] makes a key, and
	// [ParseKey] reads it from text. A key that is visibly not random is a
	// mistake: one that repeats itself or counts, has fewer than 12 different
	// bytes, or is text. Text is accepted behind the first key, with a warning.
	//
	// To change the key, deploy the new one everywhere as the last one, then
	// move it to the front everywhere. Drop the old one a day later, or eight
	// days later if NotMe is set, or once the last invitation and the last link of
	// [Service.SendToAll] that it made have expired. Under a new first key, the
	// counts of limits and of wrong guesses begin at zero.
	Keys [][]byte
	// Link is the page that mailed links lead to, unless a request names
	// another one of the host's. Link.URL is required.
	Link Link
	// Sessions ends a lead's sessions after a reset or a change. Required, unless
	// DangerouslyKeepSessions is set.
	Sessions SessionEnder
	// DangerouslyKeepSessions leaves all sessions open after a reset, also
	// those of the attacker whom the reset should lock out (A74).
	DangerouslyKeepSessions bool

	// Usual. Most hosts set some of these.

	// Fields are the fields of a lead that requests may name. Default: one
	// field EmailAddress of type FieldTypeEmail, with Search and Receive. Links go
	// to the first field of type FieldTypeEmail with Receive, unless a request
	// names another one. All instances need the same fields. A link to another
	// field works only while that field has Receive, and the first one is the
	// same.
	Fields []Field
	// EmailField is the field that the member "email" of the JSON API stands for:
	// one of Fields with type FieldTypeEmail and Search. Default: EmailAddress if
	// it is such a field, or else the first one that is. If there is none, the
	// API refuses "email", and asks for "identifier".
	EmailField string
	// SignInField is the field whose value people sign in with, such as a user name:
	// one of Fields, of any type. [Message].Account and [CheckProofResult].Account
	// are its value. So messages say which account they are about, and password
	// managers store the new password under the right name. FindLead has to return
	// the field in [Lead].Fields. Default: none. Then messages name no account, and
	// CheckProofResult.Account is the identifier or the address.
	SignInField string
	// NotMe is the page where a person says "this was not me". Messages about a
	// reset then have a link to it. The page asks for a click, because mail
	// scanners follow links, and then calls [Service.NotMe]. LeadIDParam and
	// SecretParam must be empty. Default: no such link.
	NotMe Link
	// ReturnTo are places of the host's own to which a person may return after a
	// reset: each an origin such as "https://app.example.com", or an origin and a
	// path such as "https://www.example.com/shop", which stands for that path and
	// all below it. http is accepted for loopback hosts. [ForgotRequest].ReturnTo
	// names one of them, and the mailed link then carries it in one more parameter,
	// "return_to". Anybody can ask for a link to any of these places, with any query,
	// for anybody. So list no place that a GET changes, or that redirects to where
	// its query says. Default none.
	ReturnTo []string
	// MailCodes says whether mails that are asked for by the JSON API or by the pages
	// carry links or codes. [ForgotRequest].Code and the wires do not depend on it.
	// Default: [MailCodesNever].
	MailCodes MailCodes
	// StepUp can ask for a further proof in a reset. [Service.ChangePassword] does not
	// call it: whom [ChangeOptions].SignedIn returns has signed in. Default: nothing
	// more is asked.
	StepUp StepUpFunc
	// SecondFactor has a person present a second factor together with the new
	// password. StepUp is asked before it. Default: nobody needs one.
	SecondFactor SecondFactorOptions
	// Invitations let leads choose their first password. Default: none.
	Invitations InvitationOptions
	// Change lets people who are signed in change their passwords. Default: nobody.
	Change ChangeOptions
	// AfterReset is called after a password was replaced, or a first one was
	// chosen. Default: nothing is called.
	AfterReset AfterResetFunc
	// Limiter counts requests. Default: the [TokenStore] if it is a Limiter too, as
	// those of packages sqlstore and redisstore are, or else a [MemoryLimiter],
	// which is right for one instance.
	Limiter Limiter
	// Queue stores the work that is done after the answer. Default: a
	// [MemoryQueue]. [New] starts a [WorkerQueue]. With any other queue, the
	// host calls [Service.Perform] from its own workers.
	//
	// Anybody can add to Queue, so its jobs are the same for everybody: they
	// look for the lead, and hand over to DeliveryQueue what they found.
	Queue Queue
	// DeliveryQueue stores the work for leads that exist: what is sent to them,
	// and sessions that could not be ended. It has to be another queue than
	// Queue: while mail is down it fills up, and if it were the same, a stranger
	// could tell by refused requests who has an account (A96). If it is full, a
	// link or code that somebody asked for becomes a dead letter, and no answer
	// changes, except that [Service.IssueToken] with Send, which is for servers,
	// returns [ErrUnavailable]. While it fails in another way, what was handed over
	// is in memory and is tried again: a process that is killed meanwhile loses
	// it. [New] starts a [WorkerQueue] here too. Default: a [MemoryQueue] if Queue
	// has its default; otherwise Queue, and a warning.
	DeliveryQueue Queue
	// Prefix is the beginning of the names of slots and limiter keys, so that
	// several Services can share one store: 1 to 32 of a-z, A-Z, 0-9, '.', '_'
	// and '-'. Services with different prefixes derive different keys from
	// Keys. Default "recovery".
	Prefix string
	// Events receives the events. Default: they are only logged.
	Events EventSink
	// Logger receives events and failures. ERROR is what people notice, and what
	// was lost or given up. WARN is what is tried again, and what an operator
	// should change. INFO is an event that ended well, and what works again. DEBUG
	// is an event that any stranger can cause, and single failed attempts. A
	// failure is told when it begins, and then with a count after 1, 5 and 21
	// minutes, and from then on at most once an hour. Default: [slog.Default].
	Logger *slog.Logger
	// Development tells at level INFO why nothing arrives, or why a link is
	// refused, and what to do: asked twice within a minute, an unknown address,
	// Verified or Status not set, a limit. In production any stranger could fill
	// the log with that, so it is refused unless all links lead to localhost,
	// *.localhost, *.test, or a loopback or private address. Default false.
	Development bool

	// Groups. A newcomer can leave all of them out.

	// Passwords says how new passwords are judged and hashed.
	Passwords PasswordOptions
	// Tokens says how long links and codes live, and how many wrong guesses a
	// code allows.
	Tokens TokenOptions
	// Messages says what is sent besides links, codes and notices.
	Messages MessageOptions
	// Limits are the rate limits. Default: [DefaultLimits].
	Limits Limits
	// ClientAddress says how a client's address is found.
	ClientAddress ClientAddressOptions
	// API says where [Service.Handler] is mounted, and which pages may call it.
	API APIOptions
	// Captcha says who verifies the CAPTCHA of a request. Default: nobody, and no
	// request needs one.
	Captcha CaptchaOptions
	// Brands say which brands there are, so that one Service can serve many names,
	// each with its own links and budgets. Default: none.
	Brands BrandOptions
	// StoreTimeout is the longest time that one call of a [LeadStore],
	// [TokenStore] or [Limiter] may last: 1 ms to 1 min. It holds for a
	// [Queue], a [SessionEnder] and a [BudgetNotifier] too. Default 5 s.
	StoreTimeout time.Duration
}

// PasswordOptions say how new passwords are judged and hashed.
type PasswordOptions struct {
	_ [0]func()

	// Policy decides which passwords are accepted. Default: 15 to 256
	// characters, not in the list of common passwords, and not one of the
	// lead's own identifiers. If Hasher is a [password.BoundedHasher], such as
	// [password.Bcrypt], the default allows no more bytes than it hashes, and a
	// Policy that allows more is an error.
	Policy *password.Policy
	// Hasher hashes the new password. The host's log-in has to verify what it
	// returns, so both share one Hasher and call its Verify. Default: argon2id
	// with 19 MiB, t=2, p=1 and at most GOMAXPROCS hashes at once. Where other
	// programs verify bcrypt hashes: [password.Bcrypt].
	Hasher password.Hasher
	// History is how many of the last passwords are refused: 0 to 24. Default
	// 0. It needs a [PasswordHistoryLeadStore]. Each of them costs one hash for every
	// reset.
	History int
}

// TokenOptions say how long links and codes live, and how many wrong guesses a
// code allows.
type TokenOptions struct {
	_ [0]func()

	// LinkTTL is the lifetime of a link or issued token: 1 min to 24 h, from
	// its arrival in the store. Default 60 min.
	LinkTTL time.Duration
	// InvitationTTL is the lifetime of an invitation: 1 min to 30 days, from its
	// arrival in the store. Default 7 days.
	InvitationTTL time.Duration
	// ForcedResetTTL is the same for the links of [Service.SendToAll] that force a
	// reset. Default 24 h.
	ForcedResetTTL time.Duration
	// CodeTTL is the lifetime of a code: 1 to 10 min (ASVS v5.0.0-6.5.5).
	// Default 10 min.
	CodeTTL time.Duration
	// CodeTries is the number of wrong guesses after which a code is dead: 1 to
	// 10. Default 5.
	CodeTries int
	// CodeFailures is the number of wrong guesses in 24 h at all of a lead's codes: 10
	// to 100 (NIST SP 800-63B-4, 3.2.2). Four fifths of them, rounded down, are for
	// everybody, and the others for codes that known devices asked for
	// ([Service.RememberDevice]). Where they are used up, none of these codes works,
	// and no more are sent: see [EventCodesExhausted]. Default 100.
	CodeFailures int
}

// InvitationOptions let leads choose their first password. They are off while
// Link is zero, and need a [FirstPasswordLeadStore].
type InvitationOptions struct {
	_ [0]func()

	// Link is the page where a first password is chosen, unless an invitation
	// names another one. It must carry one token: LeadIDParam and SecretParam must
	// be empty.
	Link Link
	// NoPassword lets leads with [StatusNoPassword] be invited too, who sign in
	// elsewhere so far. Default false.
	NoPassword bool
	// OnForgot sends an invitation to a lead with [StatusInvited] that asks for a
	// reset link: people whose invitation has expired look for "forgot password".
	// It counts as the reset link that was asked for. Default false: such a
	// request sends nothing.
	OnForgot bool
}

// MessageOptions say what is sent besides links, codes and notices.
type MessageOptions struct {
	_ [0]func()

	// UnknownAddress sends [MessageUnknownAddress] to an address that no lead
	// has. Default false, because it allows strangers to have mail sent to
	// strangers (A25).
	UnknownAddress bool
	// NoPassword sends [MessageNoPassword] to a lead with [StatusNoPassword].
	// The message tells how the lead signs in. Default false.
	NoPassword bool
}

// ClientAddressOptions say how a client's address is found.
type ClientAddressOptions struct {
	_ [0]func()

	// TrustedProxies are the addresses of proxies whose X-Forwarded-For is
	// believed. Default none: the client is the peer of the connection. If a
	// peer that is not listed sends such a field, a warning in the log says so:
	// once for peers with a private address and once for all others, because
	// anybody can make the field up.
	TrustedProxies []netip.Prefix
	// TrustUnixSockets believes the peers of Unix domain sockets too. Set it if
	// the proxy reaches the server through one: otherwise all clients count as
	// one. Default false.
	TrustUnixSockets bool
	// Forwarded reads Forwarded (RFC 7239) instead of X-Forwarded-For. Default
	// false. Set it only if every trusted proxy sets Forwarded: one that does
	// not passes on what the client made up.
	Forwarded bool
	// ServerCallers are the addresses of servers that call the APIs for people,
	// such as the back end of a site, and pass on the address of each person in
	// the header field X-Origin-IP, as the SDKs of LoginRadius do. Without that,
	// all people whom a server calls for are one client, and together they soon
	// reach the limit of a client. Whoever has one of these addresses chooses
	// under which address its requests count. From any other address the field is
	// ignored, except with the secret of an API. So it is from a proxy that is not
	// in TrustedProxies, and in what one of these addresses forwards itself, as its
	// X-Forwarded-For tells: it may be a stranger's. A server that passes on
	// something else than one address has its people share one limit. Default none.
	ServerCallers []netip.Prefix
	// IPv6Prefix is how many bits of an IPv6 address count as one client: 48 to
	// 64. An address that stands for an IPv4 address counts as that: NAT64,
	// 6to4 and Teredo. Default 64.
	IPv6Prefix int
}

// APIOptions say where [Service.Handler] is mounted, and which pages may call it.
type APIOptions struct {
	_ [0]func()

	// Path is the path of the API, as browsers see it, such as "/account": then
	// /account/forgot-password is an endpoint. With or without
	// [http.StripPrefix], and behind a proxy that takes the path or the first
	// part of it off, the API is found all the same. Default: the root. Then a
	// router that mounts the API at a path needs StripPrefix. A request that
	// comes below another path is answered with 404 and told in the log.
	Path string
	// Origins are the browser origins whose pages may call the API, each exactly
	// as browsers send it: "https://app.example.com", with http for loopback
	// hosts. Pages of mobile apps have origins such as "capacitor://localhost",
	// which every app can have. Pages of the API's own origin need not be
	// listed. Cookies are never allowed. Default: none.
	Origins []string
}

// maxStartPause is the longest random pause between an answer and the start of
// its job.
const maxStartPause = 250 * time.Millisecond
