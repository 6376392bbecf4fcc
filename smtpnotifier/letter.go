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

// The most bytes that a [Renderer] may return. Gmail cuts off messages after
// about 100 KiB.
const (
	maxSubject = 512
	maxPart    = 256 << 10
)

// A letter is a message in the form in which it is sent.
type letter struct {
	to       mailbox
	envelope string // MAIL FROM
	data     []byte // CRLF line ends, not dot-stuffed, and 7 bits but for To
}

// compose makes the letter for a message.
func (n *Notifier) compose(m recovery.Message) (letter, error) {
	if m.Channel != recovery.ChannelEmail {
		return letter{}, unsendable("the message is not for e-mail")
	}
	// The Service has checked the address already. It is checked again before
	// it reaches a command, because any importer of this package can call
	// Notify (A13).
	if !isAddress(m.To) {
		return letter{}, unsendable("the recipient is not one plain address")
	}
	from, err := n.senderOf(m)
	if err != nil {
		return letter{}, err
	}
	mail, err := n.renderer.Mail(m)
	if err != nil {
		return letter{}, &Error{Stage: StageMessage, Permanent: errors.Is(err, recovery.ErrPermanent), cause: err}
	}
	if reason := checkMail(mail); reason != "" {
		return letter{}, unsendable(reason)
	}
	data, err := serialise(m, mail, from)
	if err != nil {
		// The cause is dropped, because it may quote the message.
		return letter{}, unsendable("the message cannot be serialised")
	}
	to := mailbox(m.To)
	if reason := checkWire(data, from.fields(), to); reason != "" {
		return letter{}, unsendable(reason)
	}
	return letter{to, from.EnvelopeSender, data}, nil
}

// checkMail returns what is wrong with a rendered mail, or "". The templates
// are the host's, and names and parts of requests get into them (A66).
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

// breaksSubject reports whether r must not be in a subject. It refuses control
// characters, the Unicode separators that end a line, and the characters that
// change the direction of all text behind them.
func breaksSubject(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || '\u202a' <= r && r <= '\u202e'
}

// serialise writes the header and the two parts. Of the message, only the
// recipient and a digest of the ID go into it, besides what was rendered.
func serialise(m recovery.Message, mail messages.Mail, from Sender) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	// These setters write the address unchanged. The setters that take a string
	// parse it, and a parser may change the address.
	msg.FromMailAddress(&netmail.Address{Name: from.From.Name, Address: from.From.Address})
	msg.ToMailAddress(&netmail.Address{Address: m.To})
	if from.ReplyTo.Address != "" {
		msg.ReplyToMailAddress(&netmail.Address{Name: from.ReplyTo.Name, Address: from.ReplyTo.Address})
	}
	msg.SetDateWithValue(time.Now().UTC()) // recipients do not learn the machine's time zone
	msg.SetMessageIDWithValue(messageID(m.ID) + "@" + domainOf(from.From.Address))
	msg.Subject(encodeSubject(mail.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	// NDR is left out, because bounces are wanted.
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

// messageID returns the left side of the Message-ID. It is the same for every
// attempt, so that receivers can drop repetitions. It is a digest, because the
// ID is known to queues and logs, and can hold any text.
func messageID(id string) string {
	if id == "" {
		return strings.ToLower(rand.Text())
	}
	digest := sha256.Sum256([]byte("smtpnotifier Message-ID\x00" + id))
	return hex.EncodeToString(digest[:16])
}

// encodeSubject returns the subject as ASCII (RFC 2047), so that every reader
// decodes it to s. Package mime alone does not: it passes text that already
// looks encoded, which the reader then decodes, line breaks included, and it
// leaves long words, which cannot be folded.
func encodeSubject(s string) string {
	plain := true
	for word := range strings.SplitSeq(s, " ") {
		// An empty word means two spaces in a row, and folding might lose one.
		plain = plain && word != "" && len(word) <= 60 && !strings.Contains(word, "=?")
	}
	q := mime.QEncoding.Encode("UTF-8", s)
	switch {
	case q == s && plain:
		return s
	case q == s:
		return forceEncode(s)
	}
	// B is shorter if Q would encode nearly every character.
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
		case i%20 == 0: // an encoded word may have at most 75 characters
			b.WriteString("?= =?UTF-8?q?")
		}
		fmt.Fprintf(&b, "=%02X", s[i])
	}
	b.WriteString("?=")
	return b.String()
}
