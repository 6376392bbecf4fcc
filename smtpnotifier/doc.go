// Package smtpnotifier delivers recovery's messages by mail. It has a
// [recovery.Notifier] for [recovery.ChannelEmail] that sends each message over
// the host's relay: by SMTP with TLS, to one recipient, as text and HTML.
//
// # Quick start
//
//	renderer, err := messages.New(messages.Options{Product: "Acme", Host: "portal.example.com"})
//	if err != nil {
//		return err
//	}
//	server, err := smtpnotifier.ParseURL(os.Getenv("SMTP_URL")) // smtps://user:password@smtp.example.com:465
//	if err != nil {
//		return err
//	}
//	mailer, err := smtpnotifier.New(renderer, smtpnotifier.Options{
//		Server: server,
//		From:   mail.Address{Name: "Acme", Address: "no-reply@accounts.example.com"},
//	})
//	if err != nil {
//		return err
//	}
//	defer mailer.Shutdown(ctx) // after Service.Shutdown
//	service, err := recovery.New(leads, tokens, mailer, recovery.Options{ ... })
//
// # Mail
//
// A mail has these header fields and no other:
//
//	From                      Options.From
//	To                        Message.To, byte for byte, without a name; quoted if it has
//	                          a dot before the @ or two in a row
//	Reply-To                  Options.ReplyTo, if set
//	Subject                   as rendered
//	Date                      of this attempt, in UTC
//	Message-ID                a digest of Message.ID at the domain of From: the same
//	                          for every attempt, so that receivers can drop repetitions
//	MIME-Version
//	Content-Type              multipart/alternative: text, then HTML, both UTF-8 in
//	                          quoted-printable
//	Content-Language          as rendered (RFC 3282), unless that is unknown
//	Auto-Submitted            auto-generated (RFC 3834), so that no vacation notice
//	                          answers
//	X-Auto-Response-Suppress  DR, RN, NRN, OOF, AutoReply: the same for Exchange. NDR is
//	                          missing, since bounces are wanted
//
// A mail does not say what software made it, on what machine, or in what time
// zone. What package messages renders has no remote content. This package adds
// nothing to it: no tracking and no signature, see Operating.
//
// # Errors
//
// A failure is an [*Error]. If no retry can succeed, it matches
// [recovery.ErrPermanent], and the queue gives the message up at once. A
// failure that concerns the relay, or the host's account on it, is temporary:
// the queue tries until the link would have expired. Until then an operator can
// repair the cause, for example a rotated password or an allow-list that lacks
// an address.
//
//	stage      what                                                  queue
//	message    the address, or what was rendered, cannot be sent     permanent
//	message    the Renderer failed                                   as its error says
//	connect    any failure                                           tries again
//	tls        any failure                                           tries again
//	auth       any failure, 535 too                                  tries again
//	sender     any failure                                           tries again
//	recipient  letters outside ASCII, and a relay without SMTPUTF8   permanent
//	recipient  4xx                                                   tries again
//	recipient  500, 502 to 504, 530, 534, 535, 538                   tries again
//	recipient  5xx with X.7.x, as "relay access denied" has          tries again
//	recipient  any other 5xx: no such mailbox, mailbox full ...      permanent
//	data       4xx                                                   tries again
//	data       500, 502 to 504, 530, 534, 535, 538                   tries again
//	data       any other 5xx: the content is refused                 permanent
//	any        the connection fails, or a timeout or context ends    tries again
//	data       no answer to the whole message, for the second time   permanent
//
// A server that has received a whole message and is slow to answer is waited for
// while the queue holds the job, for up to 5 minutes. So a slow relay gets each
// mail once. If the connection fails meanwhile, the server may have accepted the
// message. It is sent once more, after a minute, with the same Message-ID:
// delivery is at least once, and the same link twice does no harm.
//
// # Threat model
//
// Whoever has a mailed link can take over the account. So an attacker is
// whoever can read, redirect or forge these mails.
//
// An attacker who asks for the reset of another person's password chooses
// neither recipient nor text. The address is the one stored on the lead. It is
// validated once more, and goes into RCPT TO and To unchanged but for the quotes
// that RFC 5321 wants around some, never through a parser that may rewrite it
// (A12, A13, CVE-2025-59937). Every mail is checked
// before it is sent: it has only the header fields above, each once, printable
// ASCII but for the recipient in To, no line over 998 bytes, and no bare CR or LF
// (CVE-2023-51764).
//
// An attacker between this process and the relay can neither read nor change
// mails. By default nothing is sent without TLS 1.2 or later and a verified
// certificate. If the attacker removes STARTTLS from the server's offer, the
// attempt fails, unless the host chose [TLSWhenOffered]. If the attacker
// inserts replies behind the one to STARTTLS (CVE-2021-38371), it always fails.
// No policy lets a password leave without TLS. Beyond the relay, mail is as
// safe as the mail system: ask the relay's operator for MTA-STS and DANE, and
// keep links short-lived.
//
// A relay that hangs, sends slowly, sends too much or sends false replies costs
// one of [Options].MaxConnections until the context ends, or for 5 minutes if
// the relay has received a whole message, and little memory (A14, A59).
//
// Whoever reads logs finds no address, link, code or password there (A39).
// Errors carry the server's codes and never its text, which quotes recipients
// and content. This package logs nothing. It passes on the errors of the host's
// own Renderer, Dial and Token.
//
// # Operating
//
// Send over a relay, not to the recipients' servers. The relay takes care of
// reputation, DKIM, queueing and bounces. It should
//
//   - sign with DKIM for the domain of From (RFC 6376), with a key of 2,048
//     bits, and for the domain of each sender that SenderOf returns;
//   - send from addresses that SPF lists for the domain of EnvelopeSender (RFC
//     7208), which must share the organisational domain of From;
//   - rewrite no links and insert no pixels. Providers call that click and open
//     tracking. It gives every link to the provider, in clear, often over http.
//
// With DKIM and SPF in place, publish a DMARC policy of reject, or of
// quarantine at first, for the domain of From (RFC 7489). Without a policy
// anybody can send mails that look like these.
//
// Give these mails a subdomain of their own (accounts.example.com) and, at a
// provider, a stream of their own. If people then report newsletters as spam,
// the reputation of these mails does not suffer.
//
// Read the bounces that arrive at EnvelopeSender, and mark addresses that
// bounce permanently as not verified. A Service does not write to those.
//
// Watch the dead letters and the age of the queue, by [Error].Stage: at
// connect, tls, auth and sender, no mail is going out at all. Watch the time
// from a request to its message_sent event, the provider's bounce and complaint
// rates, and DMARC's aggregate reports. If more mailboxes of known leads are
// unknown than before, a domain has often lapsed.
//
// A Notifier is no [recovery.Checker], so a readiness probe does not ask the relay.
// While the relay is down, the queue keeps the messages, and every instance can
// still serve those who have a link. Many relays also limit, or bar, a client that
// connects again and again and sends nothing.
//
// A new password needs a new Notifier. [Server].Token is called for each
// connection.
//
// # Compatibility
//
// RFC 5321 servers with or without ESMTP, STARTTLS (RFC 3207), AUTH (RFC 4954)
// with SCRAM-SHA-256 and SCRAM-SHA-1, both with channel binding where offered,
// PLAIN, LOGIN and XOAUTH2, enhanced status codes (RFC 3463). A server may write
// the keywords of its extensions in any case. SMTPUTF8 (RFC 6531) is
// used for recipients with letters outside ASCII before the @, and for no other
// mail. If the relay does not offer it, that mail fails for good, with an event
// that says so. If the relay does and the recipient's server does not, the relay
// sends a bounce. Domains arrive in ASCII. The module
// [github.com/wneessen/go-mail] implements the protocol and the message format.
package smtpnotifier
