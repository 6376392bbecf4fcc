// Package smtpnotifier delivers recovery's messages by mail: a
// [recovery.Notifier] for [recovery.ChannelEmail] that hands each message to the
// host's relay over SMTP, to one recipient, over TLS, as text and HTML.
//
// # Quick start
//
//	set, err := messages.New(messages.Options{Product: "Acme", Host: "portal.example.com"})
//	if err != nil {
//		return err
//	}
//	server, err := smtpnotifier.ParseURL(os.Getenv("SMTP_URL")) // smtps://user:password@smtp.example.com:465
//	if err != nil {
//		return err
//	}
//	mailer, err := smtpnotifier.New(set, smtpnotifier.Options{
//		Server: server,
//		From:   mail.Address{Name: "Acme", Address: "no-reply@accounts.example.com"},
//	})
//	if err != nil {
//		return err
//	}
//	defer mailer.Close(ctx) // after Service.Shutdown
//	service, err := recovery.New(leads, tokens, mailer, recovery.Options{ ... })
//
// # Mail
//
// A mail has these header fields and no other:
//
//	From                      Options.From
//	To                        Message.To, byte for byte, without a name
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
// What software made it, on what machine and in what time zone, is not said.
// What package messages renders has no remote content, and nothing is added to
// it here: no tracking, and no signature, see Operating.
//
// # Errors
//
// A failure is an [*Error]. One that no retry can mend wraps
// [recovery.ErrPermanent], and then the queue gives the message up at once.
// Whatever is about the relay or the host's standing with it is temporary: the
// queue goes on until the link would have expired, and until then an operator
// can mend a password that was rotated or an allow-list that lacks an address.
//
//	stage      what                                                  queue
//	message    the address, or what was rendered, cannot be sent     permanent
//	message    the Renderer failed                                   as its error says
//	connect    whatever happens                                      tries again
//	tls        whatever happens                                      tries again
//	auth       whatever happens, 535 too                             tries again
//	sender     whatever the server answers                           tries again
//	recipient  4xx                                                   tries again
//	recipient  500, 502 to 504, 530, 534, 535, 538                   tries again
//	recipient  5xx with X.7.x, as "relay access denied" has          tries again
//	recipient  any other 5xx: no such mailbox, mailbox full ...      permanent
//	data       4xx                                                   tries again
//	data       500, 502 to 504, 530, 534, 535, 538                   tries again
//	data       any other 5xx: the content is refused                 permanent
//	any        the connection fails, or a timeout or context ends    tries again
//
// A connection that fails after the message was sent and before it was answered
// leaves open whether the server took it. It is tried again: delivery is at
// least once, and the same link twice does no harm.
//
// # Threat model
//
// A mailed link takes an account over, so who can read, redirect or forge these
// mails is the attacker.
//
// Somebody who asks for a reset of another's password chooses neither recipient
// nor text. The address is the one stored on the lead; it is validated here once
// more, and goes into RCPT TO and To as it is, never through a parser that may
// rewrite it (A12, A13, CVE-2025-59937). Every letter is looked at before it is
// sent: only the header fields above, each once, printable ASCII, no line over
// 998 bytes, no bare CR or LF (CVE-2023-51764).
//
// Somebody between this process and the relay reads nothing and takes nothing
// over. TLS 1.2 or later with a verified certificate is the default, without
// which nothing is sent. Taking STARTTLS out of the server's offer ends the
// attempt, unless the host chose [TLSWhenOffered]; putting replies behind the one
// to STARTTLS (CVE-2021-38371) always does. No policy lets a password leave
// without TLS. Beyond the relay mail is as safe as the mail system: ask the relay
// for MTA-STS and DANE, and keep links short-lived.
//
// A relay that hangs, trickles, floods or lies costs one of
// [Options].MaxConnections until the context ends, and little memory (A14, A59).
//
// Somebody who reads logs finds no address, link, code or password there (A39):
// errors carry the server's codes and never its words, which quote recipients
// and content. Nothing is logged here. What the host's own Renderer, Dial and
// Token report is passed on.
//
// # Operating
//
// Send over a relay, not to the recipients' servers: reputation, DKIM, queueing
// and bounces are its business. It should
//
//   - sign with DKIM for the domain of From (RFC 6376), with a key of 2,048 bits;
//   - send from addresses that SPF lists for the domain of EnvelopeSender (RFC
//     7208), which shares From's organisational domain;
//   - so that a DMARC policy of reject, or quarantine at first, holds for the
//     domain of From (RFC 7489). Without it anybody can send mails that look like
//     these;
//   - rewrite no links and insert no pixels. Providers call that click and open
//     tracking, and it hands every link to them, in clear, often over http.
//
// Give these mails a subdomain and, at a provider, a stream of their own
// (accounts.example.com): newsletters that people report as spam then do not
// cost the resets their reputation.
//
// Read the bounces that arrive at EnvelopeSender, and mark addresses that bounce
// for good as not verified: a Service does not write to those.
//
// Watch the dead letters and the age of the queue, by [Error].Stage: connect, tls,
// auth and sender mean that no mail is going out at all. Watch the time from a
// request to its message_sent event, the provider's bounce and complaint rates,
// and DMARC's aggregate reports. A rise of unknown mailboxes among known leads
// often means that a domain has lapsed.
//
// A new password needs a new Notifier. [Server].Token is asked for each
// connection.
//
// # Compatibility
//
// RFC 5321 servers with or without ESMTP, STARTTLS (RFC 3207), AUTH (RFC 4954)
// with SCRAM-SHA-256 and SCRAM-SHA-1, both with channel binding where offered,
// PLAIN, LOGIN and XOAUTH2, enhanced status codes (RFC 3463). SMTPUTF8 is not
// used: local parts are ASCII and domains arrive in ASCII. The protocol and the
// message format are [github.com/wneessen/go-mail]'s.
package smtpnotifier
