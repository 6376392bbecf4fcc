package smtpnotifier

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// Bounds on what a [Renderer] may return, in bytes. Gmail cuts a message off
// after about 100 KiB.
const (
	maxSubject = 512
	maxPart    = 256 << 10
)

// A letter is a message as it goes over the wire.
type letter struct {
	to   string
	data []byte // CRLF line ends, 7 bits, not dot-stuffed
}

// compose makes the letter for a message.
func (n *Notifier) compose(m recovery.Message) (letter, error) {
	if m.Channel != recovery.ChannelEmail {
		return letter{}, unsendable("the message is not for e-mail")
	}
	// The Service has looked at the address already. What reaches a command is
	// looked at here again, because a Notifier is given its messages by whoever
	// imports it (A13).
	if !isAddress(m.To) {
		return letter{}, unsendable("the recipient is not one plain address")
	}
	mail, err := n.renderer.Mail(m)
	if err != nil {
		return letter{}, &Error{Stage: StageMessage, Permanent: errors.Is(err, recovery.ErrPermanent), cause: err}
	}
	if reason := checkMail(mail); reason != "" {
		return letter{}, unsendable(reason)
	}
	data, err := n.serialise(m, mail)
	if err != nil {
		// The cause is a writer's into memory, which may quote what it wrote.
		return letter{}, unsendable("the message cannot be serialised")
	}
	if reason := checkWire(data, n.fields); reason != "" {
		return letter{}, unsendable(reason)
	}
	return letter{m.To, data}, nil
}

// checkMail says what is wrong with a rendered mail. Templates are the host's,
// and names and requests get into them (A66).
func checkMail(mail messages.Mail) string {
	switch {
	case mail.Subject == "" || strings.TrimSpace(mail.Subject) != mail.Subject:
		return "the rendered subject is empty or has white space around it"
	case len(mail.Subject) > maxSubject:
		return "the rendered subject is longer than 512 bytes"
	case !utf8.ValidString(mail.Subject) || strings.ContainsFunc(mail.Subject, breaksSubject):
		return "the rendered subject holds more than one line of text"
	case strings.TrimSpace(mail.Text) == "" || strings.TrimSpace(mail.HTML) == "":
		return "the rendered mail lacks its text or its HTML"
	case len(mail.Text) > maxPart || len(mail.HTML) > maxPart:
		return "the rendered mail is longer than 256 KiB"
	case !utf8.ValidString(mail.Text) || !utf8.ValidString(mail.HTML):
		return "the rendered mail is not UTF-8"
	}
	return ""
}

// breaksSubject reports whether a subject cannot hold r: control characters,
// the separators that end a line as well, and what turns text around without
// saying where that ends.
func breaksSubject(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || '\u202a' <= r && r <= '\u202e'
}

// serialise writes the header and the two parts. Nothing in it but the recipient
// and what was rendered comes from the message.
func (n *Notifier) serialise(m recovery.Message, mail messages.Mail) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	// These setters take the address as it is. Those that take strings parse
	// them, and what comes out of a parser need not be what went in.
	msg.FromMailAddress(&netmail.Address{Name: n.opts.From.Name, Address: n.opts.From.Address})
	msg.ToMailAddress(&netmail.Address{Address: m.To})
	if n.opts.ReplyTo.Address != "" {
		msg.ReplyToMailAddress(&netmail.Address{Name: n.opts.ReplyTo.Name, Address: n.opts.ReplyTo.Address})
	}
	msg.SetDateWithValue(time.Now().UTC()) // the machine's time zone is nobody's business
	msg.SetMessageIDWithValue(messageID(m.ID) + "@" + domainOf(n.opts.From.Address))
	msg.Subject(encodeSubject(mail.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	// All but NDR: bounces are wanted.
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "DR, RN, NRN, OOF, AutoReply")
	if mail.Language != language.Und {
		msg.SetGenHeader(gomail.HeaderContentLang, mail.Language.String())
	}
	msg.SetBodyString(gomail.TypeTextPlain, mail.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, mail.HTML)
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// messageID is the left side of the Message-ID. It is the same for every
// attempt, so that receivers can drop what comes twice, and a digest, because
// the ID is known to queues and logs, and what it may contain is up to them.
func messageID(id string) string {
	if id == "" {
		return strings.ToLower(rand.Text())
	}
	digest := sha256.Sum256([]byte("smtpnotifier Message-ID\x00" + id))
	return hex.EncodeToString(digest[:16])
}

// encodeSubject returns the subject as ASCII that no reader takes for anything
// else (RFC 2047). Left to package mime, text that already looks encoded would
// pass as it is and be decoded by the reader, line breaks and all, and a long
// word could not be folded.
func encodeSubject(s string) string {
	plain := true
	for word := range strings.SplitSeq(s, " ") {
		// An empty word is a space that folding might lose.
		plain = plain && word != "" && len(word) <= 60 && !strings.Contains(word, "=?")
	}
	q := mime.QEncoding.Encode("UTF-8", s)
	switch {
	case q == s && plain:
		return s
	case q == s:
		return forceEncode(s)
	}
	// B where Q would encode nearly every character.
	if b := mime.BEncoding.Encode("UTF-8", s); len(b) < len(q) {
		return b
	}
	return q
}

// forceEncode encodes every character of an ASCII text.
func forceEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch {
		case i == 0:
			b.WriteString("=?UTF-8?q?")
		case i%20 == 0: // an encoded word has at most 75 characters
			b.WriteString("?= =?UTF-8?q?")
		}
		fmt.Fprintf(&b, "=%02X", s[i])
	}
	b.WriteString("?=")
	return b.String()
}
