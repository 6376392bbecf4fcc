// Package recovery lets a person who forgot a password choose a new one,
// without letting anybody else do so and without telling anybody who has an
// account.
//
// It is embedded in a host application, which mounts its [http.Handler]s and
// plugs its own user store in.
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
// leads is a [LeadStore]: two methods on the host's user table. mailer is a
// [Notifier]: one method that sends a message. sessions is a [SessionEnder]:
// one method that signs a lead out everywhere. POST /account/forgot-password
// then sends a link, and POST /account/reset-password takes its token with a
// new password. Log-ins verify passwords with package password, which also
// normalises them.
//
// The Examples show whole programs. Package portal has the pages, for hosts that
// have none of their own. Package recoverytest proves a LeadStore right; packages
// leadsquared and loginradius speak the wires of those vendors, so that their
// clients work unmodified.
//
// # The flow
//
// [Service.ForgotPassword] validates, counts the caller and the client, draws a
// token, hands a sealed job to the [Queue], and answers: for everybody alike. A
// worker then counts the identifier, looks the lead up, counts lead, recipient
// and budget, puts the token's digest into the [TokenStore], and has the
// [Notifier] send it.
//
// [Service.ResetPassword] checks the password by the rules that need nobody,
// opens the proof, peeks at its token, reads the lead, asks the [StepUpFunc],
// checks the password by the rules that know the person, and hashes it. Then,
// detached from the request, it claims the token, writes the hash, deletes the
// lead's tokens, ends its sessions, and answers; notices to every address
// follow through the queue.
//
// [Service.IssueToken] hands a token to a server that proved who it is, and
// [Service.CheckProof] tells a page whether a proof would do. [Service.NotMe] is
// for the person who says "this was not me" to a message: it ends what was sent
// and, after a reset, every session, and sends a new link to the lead's mailboxes.
//
// # Threat model
//
// An attacker may send any request from any number of addresses, read and keep
// the answers, measure their time, know every public API key, race requests
// against each other, own accounts here, and read a copy of the token store
// and of the queue. The attacker may not read the victim's mailbox or phone,
// the host's memory, or Keys. Against this attacker:
//
//   - One request wins each token. The store decides in one atomic step, the
//     winner alone writes, and a token whose claim was cut short is spent.
//   - No answer tells whether an account exists: not its bytes, status,
//     headers, time, limits or failures. [Service.IssueToken] does, to servers.
//   - A token dies with the state it was made for. It carries a digest of
//     [Lead].Version, so a change of password, address or status ends it, and a
//     store that brings a consumed token back brings back a dead one.
//   - Links lead where the configuration says. No request header is ever read
//     to build one, and messages go only to verified addresses on the lead.
//   - Stores hold keyed digests. Whoever reads them can neither use a token nor
//     tell whose it is. Tokens, codes, passwords and addresses are in no log,
//     event or error.
//   - Short codes survive four wrong guesses, a lead's codes twenty a day, in
//     sequence or in parallel.
//   - Nobody can lock a person out by asking: quotas delay a new message and
//     never end a delivered link, two earlier links stay beside the newest,
//     and after the tenth link of a day one an hour still goes out. Codes, and
//     each recipient field, have quotas of their own.
//   - What fails, fails closed and the same for everybody.
//
// Numbers such as A33, here and at the symbols, are those of the attacks that
// the tests carry: grep for one to find what proves it.
//
// What it does not do: sign anybody in, remove or bypass a second factor, lock
// accounts, offer security questions (ASVS v5.0.0-6.4.2) or JWTs. It cannot
// protect an account whose mailbox the attacker reads; [Options].StepUp is
// where a host asks for more. A host that runs several instances needs a shared
// TokenStore and Limiter: with the memory ones each instance would have tokens
// and limits of its own.
//
// # Operating
//
// Keys come from the host's secret store, the same on every instance. To
// rotate, deploy the new key everywhere as the last one, then move it to the
// front, and drop the old one a day later, or eight days where
// [Options].NotMe is set, whose links live for seven. Limits and failure counts start anew
// with a new first key.
//
// Behind a proxy, set [Options].TrustedProxies to the proxy's addresses, or all
// clients count as one. Set ReadHeaderTimeout, ReadTimeout and IdleTimeout on
// the [http.Server], and send Strict-Transport-Security from the host: the
// library does not own the whole domain.
//
// [Options].Events is the audit log: who was sent what, who reset, who was
// refused and why. EventWrongRecord, EventDeadLetter, EventSessionsNotEnded and
// a ReasonUnknownOutcome are worth an alarm. The Logger gets what fails; neither holds secrets.
//
// Call [Service.Shutdown] after [http.Server.Shutdown]: it finishes what is
// queued. The default queue is in memory, so a crash loses messages that were
// not sent yet, and people ask again; package asynqqueue keeps them on Redis.
// Packages smtpnotifier and smsnotifier deliver, package messages finds the
// words, package webhook tells other systems.
//
// # Limits
//
// [DefaultLimits] are exact sliding windows: never more than N in any interval
// of length W. The caller's and the client's windows are answered with 429,
// Retry-After and the RateLimit fields; those of identifier, lead, recipient
// and budget are met after the answer and are silent. What a refused request
// did not reach, it does not spend.
//
// # Compatibility
//
// The API follows semantic versioning from v1.0.0 on; before that, minor
// versions may change it and CHANGELOG.md says how. Tokens and jobs made by one
// version are accepted by the next one, so instances can be replaced one by
// one. The module needs Go 1.26 or later.
package recovery
