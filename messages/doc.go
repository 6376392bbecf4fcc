// Package messages renders the messages of package recovery as mails and text
// messages, in nine languages, from templates that a host can replace one by
// one.
//
// # Quick start
//
//	set, err := messages.New(messages.Options{
//		Product: "Acme",
//		Host:    "acme.example",
//		Support: "https://acme.example/help",
//	})
//	mail, err := set.Mail(message) // Subject, Text, HTML
//	sms, err := set.SMS(message)   // Text, Segments
//
// Packages smtpnotifier and smsnotifier take a [Renderer] and do this for every
// message. [New] finds every mistake when the program starts: it parses all
// templates and renders them with samples in all languages.
//
// # What is sent
//
// A mail has a subject, a plain text and HTML that say the same; a text message
// is one text. There is a mail for each [recovery.MessageKind], and a text
// message for each but unknown-address. Those with a link or code say how long
// it works; mails say when and roughly from where it was asked for, and all say
// what to do if it was somebody else, with the link of [recovery.Message].NotMe
// where that is set.
//
// The HTML is made of tables with styles in line, as Gmail, Outlook for Windows
// and Apple Mail need it: at most 600 pixels wide, fit for 320, light and dark,
// under 20 KB, right to left where the language is. It loads nothing: no image,
// font, style or counting pixel. Beside the button stands the whole link.
// Links in the plain text stand on lines of their own.
//
// # Languages
//
// English, Spanish, French, German, Portuguese, Hindi, Arabic, Chinese in
// simplified characters, and Japanese. The person's own language comes first
// ([recovery.Message].Locale), then those that the request asked for
// (Languages, an Accept-Language field), then [Options].Default. Times are
// written as 2026-11-22 14:05 UTC everywhere.
//
// # Text messages
//
// The last line of a message with a code binds it to the host's site, as
// browsers know it (https://wicg.github.io/sms-one-time-codes/):
//
//	12345678 is your code to reset your Acme password. It expires in 10 minutes. Never share it.
//	@acme.example #12345678
//
// In English, Spanish, French, German and Portuguese the sentences keep to the
// GSM 7-bit alphabet, so that a message is one segment of 160 characters as long
// as Product and Host together have up to 45, and Product keeps to that alphabet
// too. The other languages have segments of 70 characters. Where the whole text
// does not fit in one segment, it is shortened to the code with "never share
// it", and then to "Acme: 12345678", which takes Product and Host of 138
// characters together; only then does it grow. A message with a link takes as
// many segments as the link needs, and the link is its last line.
//
// # Templates
//
// Options.Templates is a file system with files called
//
//	[TEMPLATE/]KIND[.LANGUAGE].PART
//
// KIND is reset-link, reset-code, password-changed, no-password or
// unknown-address. PART is html, txt, subject.txt or sms.txt. LANGUAGE is en,
// es, fr, de, pt, hi, ar, zh or ja; without it the file is for all of them.
// TEMPLATE is the name that a [recovery.Message] asks for (emailtemplate and
// smstemplate of the LoginRadius wire): 1 to 128 of A-Z, a-z, 0-9, '_', '-' and
// '.', not starting with a dot. Without it the file replaces the usual
// template. KIND may also be layout, with PART html or txt: the frame that the
// built-in files share.
//
// Every part is looked up by itself, here for the German HTML of a reset link
// with the template "welcome": welcome/reset-link.de.html,
// welcome/reset-link.html, reset-link.de.html, reset-link.html, built-in. So a
// file system with nothing but reset-link.html changes that one part, and
// nothing else. Other files, such as a README, are ignored; a file that looks
// like a template's and can never be used is an error.
//
// HTML is html/template, the rest text/template. What they see is [Data]; what
// they can call, beside its methods, is "wrap", which breaks lines at 72
// columns, and in HTML "outlookHead", "outlookTable" and "outlookEnd", which
// write what only Outlook for Windows reads. The templates of this package,
// in its directory templates, are made of the same and are the best example. A
// file may be a document of its own or call the layout's parts. In plain text,
// blank lines in a row become one, so that actions may stand on lines of their
// own.
//
// New refuses a template that does not parse, that asks for a field or sentence
// there is none of, that leaves out the link or the code (the HTML must link to
// the same URL that the text shows), or that puts one of them or the person's
// name into the subject. The same is checked again in every message: a host's
// template that fails then is logged, and the built-in one is sent instead. A
// message that asks for a template which does not exist gets the usual one, and
// that is logged too. No mail is lost to a template.
//
// # Threat model
//
// Whoever asks for a reset, or signs up under somebody else's address, chooses
// what is sent there as far as it can be chosen (A66):
//
//   - The name. It is shown if it is letters, marks, spaces, apostrophes,
//     hyphens, middle dots and periods, has up to 60 characters and nothing that
//     a mail program makes a link of; otherwise the greeting goes without. It
//     never stands in a subject (A13). In sentences of the other direction it is
//     isolated, and controls of direction are refused.
//   - The language, where the person chose none.
//   - The address of the client, of which the network or a place is shown.
//   - The name of a template, which is looked up among those that were there at
//     the start and never becomes a path.
//
// Everything else comes from the host's configuration or the Service. The
// address, other addresses of the account and the lead's ID are not in [Data],
// so no template can show them. A subject has no link and no code, because
// locked screens show it. Templates are the host's own and trusted as such:
// what they load from elsewhere, or print as unescaped HTML, is theirs.
//
// Links and codes are in what is returned and nowhere else (A39): errors and
// logs name a template's file and line and quote nothing, and a [Mail], an [SMS]
// and [Data] print without their text.
//
// # Operating
//
// A [Renderer] takes some tens of milliseconds to make and is then immutable; a mail
// takes less than one. To change templates, restart. What the Logger says at
// level error, "a template failed", is a template of the host's that needs
// mending; at level warning, "unknown template", a name in some client's
// configuration.
package messages
