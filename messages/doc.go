// Package messages renders the messages of package recovery as mails and text
// messages, in nine languages, from templates that a host can replace one by
// one.
//
// # Quick start
//
//	renderer, err := messages.New(messages.Options{
//		Product: "Acme",
//		Host:    "acme.example",
//		Support: "https://acme.example/help",
//	})
//	mail, err := renderer.Mail(message) // Subject, Text, HTML
//	sms, err := renderer.SMS(message)   // Text, Segments
//
// Packages smtpnotifier and smsnotifier take a [Renderer] and do this for every
// message. [New] finds every mistake when the program starts: it parses all
// templates and renders them with samples in all languages.
//
// # What is sent
//
// A mail has a subject, a plain text and HTML that says the same as the plain
// text. A text message is one text. There is a mail for each
// [recovery.MessageKind], and a text message for each kind but unknown_address and
// reset_links.
// A message with a link or code says how long it works. A mail says when, and
// roughly from where, somebody asked for it. Every message says what to do if
// that was somebody else, with the link of [recovery.Message].NotMe where that
// is set.
//
// The HTML is made of tables with inline styles, as Gmail, Outlook for Windows
// and Apple Mail need it. It is at most 600 pixels wide and fits into 320. It
// has a light and a dark scheme, has less than 20 KB, and runs from right to
// left where the language does. It loads nothing: no image, font, style or
// tracking pixel. The whole link stands beside the button. Links in the plain
// text stand on lines of their own.
//
// # Languages
//
// English, Spanish, French, German, Portuguese, Hindi, Arabic, Chinese in
// simplified characters, and Japanese. The person's own language comes first
// ([recovery.Message].Locale), then those that the request asked for
// (Languages, an Accept-Language field), by their weights and variety by variety: the
// reader of "de-CH,fr;q=0.9" gets German. Then comes [Options].DefaultLanguage.
// Nobody who reads traditional Chinese characters gets simplified ones, unless a list
// has them too or they are the default. Times are written as 2026-11-22 14:05 UTC in
// every language.
//
// # Text messages
//
// The last line of a message with a code binds it to the host's site, as
// browsers know it (https://wicg.github.io/sms-one-time-codes/):
//
//	12345678 is your code to reset your Acme password. It expires in 10 minutes. Never share it.
//	@acme.example #12345678
//
// In English, Spanish, French, German and Portuguese, the sentences use only
// the GSM 7-bit alphabet. A message is then one segment of 160 characters, if
// Product and Host together have at most 45 characters and Product uses only
// that alphabet too. The other languages have segments of 70 characters.
//
// A text that does not fit into one segment is shortened to the code with
// "never share it", and then to "Acme: 12345678". The latter fits as long as
// Product and Host together have at most 138 characters. Only beyond that the
// message takes more than one segment. A message with a link takes as many
// segments as the link needs, and the link is its last line.
//
// # Templates
//
// Options.Templates is a file system with files called
//
//	[TEMPLATE/]KIND[.LANGUAGE].PART
//
// KIND is a message kind with hyphens for its underscores: reset-link,
// reset-links, reset-code, password-changed, no-password or unknown-address. PART
// is html, txt, subject.txt or sms.txt. LANGUAGE is en, es, fr, de, pt, hi, ar, zh or
// ja; without it the file is for all of them. TEMPLATE is the name that a
// [recovery.Message] asks for (emailtemplate and smstemplate of the LoginRadius
// wire): 1 to 128 of A-Z, a-z, 0-9, '_', '-' and '.', not starting with a dot.
// Without it the file replaces the usual template. KIND may also be layout,
// with PART html or txt. Such a file is the frame that the built-in files
// share.
//
// Every part is looked up by itself. For the German HTML of a reset link with
// the template "welcome", the order is welcome/reset-link.de.html,
// welcome/reset-link.html, reset-link.de.html, reset-link.html, built-in. So a
// file system with nothing but reset-link.html changes that one part and
// nothing else. Other files, such as a README, are ignored. A file that looks
// like a template and can never be used is an error.
//
// The HTML files are html/template, the others are text/template. They see
// [Data] and can call its methods. They can also call "wrap", which breaks
// lines at 72 columns. HTML files can call "outlookHead", "outlookTable" and
// "outlookEnd", whose output only Outlook for Windows reads. The templates of
// this package, in its directory templates, have nothing else, and are the best
// example. A file may be a whole document or call the layout's parts. In plain
// text, several blank lines become one, so that actions can stand on lines of
// their own.
//
// New refuses a template that does not parse. It refuses one that asks for a
// field or a sentence that does not exist. It refuses one that leaves out the
// link or the code: the HTML must link to the same URL that the text shows. It
// refuses one that puts the link, the code or the person's name into the
// subject.
//
// The same is checked again in every message. If a template of the host fails
// then, that is logged and the built-in template is sent instead. If a message
// asks for a template that does not exist, that is logged too and the usual
// template is sent. So no template loses a mail.
//
// # Brands
//
// [Options].Brands gives the messages of each brand ([recovery.Message].Brand) their
// own product, colour, contact, sentences and templates. A thousand brands share what
// they have in common: one with words of its own takes 4 KiB, and nothing is compiled
// before the first message needs it. [Renderer.CheckBrand] finds the mistakes of a
// brand, as [New] finds those of the options. A message of a brand that is not known
// fails, and is not sent under another name (A104).
//
// # Threat model
//
// Somebody may ask for a reset for another person, or sign up under another
// person's address. Then they choose parts of what that person gets (A66):
//
//   - The name. It is shown if it has only letters, marks, spaces, apostrophes,
//     hyphens, middle dots and periods, has at most 60 characters, and has
//     nothing that a mail program turns into a link. Otherwise the greeting has
//     no name. The name never stands in a subject (A13). In mails, in a
//     sentence of the other direction (a left-to-right name in right-to-left
//     text, or the reverse) it is wrapped in isolation marks. Controls of
//     direction are refused.
//   - The account that a mail names: what its owner signs in with, such as a user
//     name. It is shown if it is a name or one word with nothing that a mail program
//     turns into a link to a page, in quotation marks, and never in a subject or a
//     text message. ada.lovelace is shown, and ada.me is not: there are such domains.
//   - The language, if the person chose none.
//   - The address of the client. Its network or its place is shown.
//   - The host's own words, {{.Data.NAME}}. They are one line of text, which HTML
//     escapes. A value that a mail program would turn into a link prints nothing
//     (A105).
//   - The name of a template. It is looked up among the templates that were
//     there at the start, and never becomes a path.
//
// Everything else comes from the host's configuration or from the Service. The
// address, other addresses of the account, except one that it signs in with, and
// the lead's ID are not in [Data], so no template can show them. A subject has no
// link and no code, because locked screens show it. Templates are the host's own, and trusted. The host
// answers for what they load from elsewhere or print as unescaped HTML.
//
// Links and codes stand in the rendered message and nowhere else (A39). Errors
// and logs name the file and line of a template and quote nothing. A [Mail], an
// [SMS] and [Data] print without their text.
//
// # Operating
//
// To make a [Renderer] takes some tens of milliseconds. To
// render a mail takes less than one millisecond. Restart the program to change
// templates. The Logger receives "a template failed" at level error: somebody
// must mend a template of the host. It receives "unknown template" at level
// warning: some client's configuration has a wrong name.
package messages
