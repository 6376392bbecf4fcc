// Package recovery lets a person who forgot a password choose a new one. Nobody
// else can do so, and nobody learns who has an account.
//
// A host application embeds it: the application mounts its [http.Handler]s and
// connects its own user store.
//
// # Quick start
//
//	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), mailer, recovery.Options{
//		Keys:     [][]byte{key}, // 32 random bytes from your secret store
//		Link:     recovery.Link{URL: "https://portal.example.com/reset"},
//		Sessions: sessions,
//	})
//	if err != nil {
//		return err
//	}
//	defer service.Shutdown(ctx)
//	mux.Handle("/account/", http.StripPrefix("/account", service.Handler()))
//
// leads is a [LeadStore]: two methods on the host's user table. A lead is a
// person's account. mailer is a [Notifier]: one method that sends a message.
// sessions is a [SessionEnder]: one method that signs a lead out everywhere.
// POST /account/forgot-password then sends a link, and POST
// /account/reset-password accepts the token of the link with a new password.
// The host's sign-in verifies passwords with package password, which also
// normalises them.
//
// While you develop, on localhost, [DevNotifier] prints the links, and
// [Options].Development has the log say why nothing arrives.
//
// The examples show whole programs. Package portal has the web pages, for hosts
// that have none of their own. Package recoverytest checks a LeadStore.
// Packages leadsquared and loginradius speak the protocols of those vendors, so
// that their clients work without changes.
//
// # The flow
//
// [Service.ForgotPassword] checks the request, counts it for the API key (the
// caller) and the network address (the client), draws a token, gives a sealed
// job to the [Queue], and answers. It does the same for everybody. A worker
// then looks the lead up, and counts the identifier, the lead, the recipient
// and the budget (a limit on all messages). It puts the token's digest into the
// [TokenStore], and has the [Notifier] send the token.
//
// [Service.ResetPassword] checks the password by the rules that are the same
// for everybody, opens the proof, looks its token up with Peek, reads the lead,
// asks the [StepUpFunc], checks the password by the rules that depend on the
// person, hashes it, and has the host verify the second factor of a lead that needs
// one. What follows is finished also if the request ends: it
// reads the lead again unless the store is a [VersionedLeadStore], claims the
// token, writes the hash, deletes the lead's tokens, ends its sessions, and
// answers. The queue then sends a notice to every address of the lead.
//
// [Service.IssueToken] gives a token to a server that proved who it is.
// [Service.CheckProof] tells a page whether a proof is valid. [Service.NotMe]
// is for a person who answers a message with "this was not me". It ends every
// link and code of the lead. After a reset it also ends every session, and
// sends a new link to the lead's mailboxes.
//
// # For authors of stores, limiters and queues
//
// The module has stores, limiters and queues for memory, for Redis (packages
// redisstore and asynqqueue) and for SQL databases (packages sqlstore and
// riverqueue), and notifiers for mail and text messages. A host that uses these
// needs none of the following types. They are for the authors of others:
//
//   - of a [TokenStore]: [TokenSpec], [TokenRecord], [TokenRef], [ValidateTokenSlot]
//     and [ValidateClaimID];
//   - of a [Limiter]: [LimitRequest], [LimitPolicy] and [Decision];
//   - of a [Queue] or [WorkerQueue]: [Job] and [JobHandler];
//   - of a notifier with budgets of its own: [BudgetNotifier] and [Budget];
//   - of any of these, to check their options: [OptionErrors].
//
// Package recoverytest checks implementations.
//
// # Threat model
//
// An attacker may send any request from any number of addresses, read and keep
// the answers, measure their time, know every public API key, race requests
// against each other, own accounts here, and read a copy of the token store and
// of the queue. The attacker cannot read the victim's mailbox or phone, the
// host's memory, or Keys. Against this attacker:
//
//   - Only one request can use a token. The store decides in one atomic step,
//     only the winner writes, and a token stays spent if the program ends
//     after the claim.
//   - No answer tells whether an account exists: not by its bytes, status,
//     headers or time, and not by limits or failures. [Service.IssueToken]
//     does tell, but only servers.
//   - A token dies with the state it was made for. Its record in the store has
//     a digest of [Lead].Version, so a change of password, address or status
//     ends it. If a store brings a used token back, the token is dead all the
//     same.
//   - Links lead to the pages of the configuration. No link is built from a
//     request header, and messages go only to verified addresses of the lead.
//   - Stores hold keyed digests. Whoever reads them can neither use a token nor
//     tell whose it is. Tokens, codes, passwords and addresses are in no log,
//     event or error.
//   - Few guesses at short codes are possible. The fifth wrong guess kills a
//     code, and after twenty in 24 hours at the codes of one lead none of them
//     works. Parallel guesses are counted too.
//   - Nobody can lock a person out of the mailbox that links go to by default
//     by asking for messages. Whether the person or a stranger asks, that
//     mailbox has a link that works at all times, if links live for 15 minutes
//     or longer and no other lead has the same address: leads that share an
//     address share its limit. Limits delay a new message and never end a
//     delivered link. Of the links to one field, three work at once: the two
//     oldest and the newest. A fourth replaces the third. After the tenth link
//     of a day one is still sent every hour, or as often as links expire. Links
//     and codes are limited separately, and so is each recipient field.
//   - Codes give a weaker promise. A lead has one code at a time, so a code that
//     a stranger asks for, to whatever address of the lead, replaces the one
//     before. After the tenth code of a day about one an hour is sent to each
//     address, whoever asks. A stranger who guesses can stop the codes of a lead
//     for a day. A person who has only a phone is promised more by links to it.
//   - A known device ([Service.RememberDevice]) has limits of its own that no
//     stranger can use up, for links and codes, and for every field. It shares
//     with others what belongs to the client's network address, the budgets, and
//     the count of wrong guesses.
//   - A failure never opens anything, and it looks the same for everybody.
//
// Numbers such as A33, here and in other comments, are attacks: docs/attacks.md
// explains each and names the tests that show the defence.
//
// The package does not sign anybody in, does not remove or bypass a second
// factor, does not lock accounts, and offers neither security questions (ASVS
// v5.0.0-6.4.2) nor JWTs. It cannot protect an account whose mailbox the
// attacker reads, unless the host asks for a second factor ([Options].SecondFactor)
// or another proof ([Options].StepUp). A
// host that runs several instances needs a shared TokenStore and a shared
// Limiter: with those in memory, each instance would have its own tokens and
// limits.
//
// # Operating
//
// Keys come from the host's secret store, and are the same on every instance.
// [ParseKey] reads a key from base64, and [NewKey] makes one.
// To change the key, deploy the new one everywhere as the last one, then move
// it to the front. Drop the old one a day later, or eight days later if
// [Options].NotMe is set, because its links live for seven days, or 30 days later
// if the host sends invitations or calls [Service.SendToAll]. Under a new first
// key, the counts of limits and of wrong guesses begin at zero.
//
// Mount [HideTokens] outermost if the host logs requests: links carry tokens in
// their query.
//
// Behind a proxy, list the proxy's addresses in TrustedProxies of
// [Options].ClientAddress, or all clients count as one. A line in the log tells
// of a proxy that is not listed. Set ReadHeaderTimeout,
// ReadTimeout and IdleTimeout on the [http.Server]. Send
// Strict-Transport-Security from the host: it concerns the whole domain, which
// is not the library's.
//
// [Options].Events is the audit log: who got which message, who reset a
// password, and who was refused and why. [EventWrongRecord], [EventDeadLetter],
// [EventSessionsNotEnded] and the reason [ReasonOutcomeUnknown] are worth an
// alarm. [Options].Logger gets the failures. Neither contains secrets.
//
// Call [Service.Shutdown] after [http.Server.Shutdown]: it finishes the jobs of
// the queue. The default queue is in memory, so a crash loses messages that
// were not sent yet, and people have to ask again. Package asynqqueue keeps the
// jobs in Redis, package riverqueue in PostgreSQL, and package sqlstore in SQLite.
// Packages smtpnotifier and smsnotifier deliver messages, package messages has
// their texts, and package webhook informs other systems.
//
// # What strangers can make grow
//
// Anybody can send requests. They leave this behind (A95). The columns tell how
// many bytes each takes, how long it is kept, and how many there can be at once:
//
//	what                              bytes               kept     at most
//	in a MemoryLimiter:
//	  an address that asks            240 + 18 a request  3 h      81,920
//	  an address that shows a proof   240 + 18 a request  2 min    163,840
//	  an address with an API key      240 + 18 a request  5 s      81,920
//	in Redis, by package redisstore:
//	  an address that asks            240 + 5 a request   3 h      no bound
//	  an address that shows a proof   240 + 5 a request   2 min    no bound
//	  an address with an API key      240 + 5 a request   5 s      no bound
//	in a program with redisstore:
//	  an address that was refused     400                 always   65,536
//	in a program that takes secrets of servers, as the wires do:
//	  an address that shows one       250 + 100 a secret  5 s      81,920
//	in Queue:
//	  a request, after its answer     2,000               250 ms   4,096
//	in the TokenStore:
//	  a guess at a code               2 * 270             1 min    8,192
//
// Only requests that count take bytes: at most 50 in 3 h of an address that
// asks, so 1,140 bytes of memory, or 490 of Redis. An IPv6 /64 is one address.
// What is over in memory is freed as later requests come. While the [LeadStore]
// is slow or down, jobs stay in Queue as long as their link would live. If it is
// full, everybody is answered with 503. The queues of packages asynqqueue,
// riverqueue and sqlstore hold 100,000 jobs.
//
// A guess at a code leaves records also where there is no code (A97): two for
// each lead, and 8,192 under each of [Options].Keys for all other identifiers
// together. A request about a lead that exists also leaves counters (24 h), and a
// token and a delivery (as long as links live). The number of leads bounds these.
// With [MessageOptions].UnknownAddress each invented address has two counters
// too, for 24 h. Nothing else grows but the log, and what [Options].Events keeps:
// it gets an event for most requests, also about nobody and for those that are
// refused. These are logged at level DEBUG only, but package leadsquared warns of
// each key that it refuses.
//
// A [MemoryLimiter] has logs for 65,536 addresses of each kind, and 16,384 that
// all further ones share: 93 MB at most for those that ask. Strangers fill the
// first with 6 fresh addresses a second for 3 h. That harms nobody. Newcomers
// begin to be refused with 429 beyond about 45 a second, and of 100 a second one
// in four is. On Redis nobody is, as long as it has memory: a million addresses
// take up to 490 MB. An append-only file of Redis also grows with each request
// that counts, and by 220 bytes with each guess, until Redis rewrites it.
//
// # Limits
//
// [DefaultLimits] are exact sliding windows: never more than N calls in any
// interval of length Window, except by [LimitPolicy].ThenOneEvery. A request
// that the caller's or the client's limit refuses is answered with 429,
// Retry-After and the RateLimit fields. The limits of identifier, lead,
// recipient and budget are checked after the answer, and nobody is told about a
// refusal. A refused request is not counted by the limits that would have come
// later. Caller and client are asked together, and so are lead and recipient, and
// all budgets: each of those counts what it allows.
//
// # Compatibility
//
// From v1.0.0 on, the API follows semantic versioning. Before that, minor
// versions may change it, and CHANGELOG.md says how. Each version accepts the
// tokens and jobs of the version before it, so instances can be replaced one by
// one. The module needs Go 1.26 or later.
package recovery
