package servertest_test

import (
	"errors"
	"fmt"
	"html"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// fields are the header fields that the package documentation lists.
var fields = []string{
	"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "MIME-Version", "Message-ID",
	"Subject", "To", "X-Auto-Response-Suppress",
}

func TestHeader(t *testing.T) {
	r := new(relay).startPiped(t)
	opts := piped(r)
	opts.From.Name = `Müller & Söhne "Portal"`
	opts.ReplyTo = netmail.Address{Name: "Help, please", Address: "help@example.com"}
	n := newNotifier(t, words(func(m recovery.Message) (messages.Mail, error) {
		return messages.Mail{Subject: "Ihr neues Paßwort für Müller & Söhne, und was noch dazu gehört", Text: "Text.\n", HTML: "<p>Text.</p>\n", Language: language.German}, nil
	}), opts)
	began := time.Now().Truncate(time.Second)
	if err := n.Notify(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	p := parse(t, only(t, r).data)
	want := append(slices.Clone(fields), "Reply-To")
	slices.Sort(want)
	if !slices.Equal(p.names, want) {
		t.Errorf("the fields are %q, want %q", p.names, want)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "DR, RN, NRN, OOF, AutoReply", "Content-Language": "de",
		"MIME-Version": "1.0", "To": "<Anna.Example+Portal@Example.COM>",
	} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if p.subject != "Ihr neues Paßwort für Müller & Söhne, und was noch dazu gehört" {
		t.Errorf("the subject is %q", p.subject)
	}
	for name, want := range map[string]netmail.Address{"From": opts.From, "Reply-To": opts.ReplyTo} {
		if all, err := p.header.AddressList(name); err != nil || len(all) != 1 || *all[0] != want {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	if date, err := p.header.Date(); err != nil || date.Before(began) || date.After(time.Now()) || date.Format("-0700") != "+0000" {
		t.Errorf("Date: %v, %v", date, err)
	}
}

// Content-Language is left out if the language is unknown.
func TestHeaderWithoutLanguage(t *testing.T) {
	r := new(relay).startPiped(t)
	n := newNotifier(t, words(func(m recovery.Message) (messages.Mail, error) {
		mail, err := plain(m)
		mail.Language = language.Und
		return mail, err
	}), piped(r))
	if err := n.Notify(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(slices.Clone(fields), func(s string) bool { return s == "Content-Language" })
	if p := parse(t, only(t, r).data); !slices.Equal(p.names, want) {
		t.Errorf("the fields are %q, want %q", p.names, want)
	}
}

// Every attempt at a message has the Message-ID of the first attempt, and no
// other message has it. The Message-ID does not reveal the ID of the message.
func TestMessageID(t *testing.T) {
	r := new(relay).startPiped(t)
	n := newNotifier(t, words(plain), piped(r))
	send := func(id string) string {
		t.Helper()
		m := message()
		m.ID = id
		if err := n.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		all := r.taken()
		got := parse(t, all[len(all)-1].data).header.Get("Message-ID")
		if !regexp.MustCompile(`^<[a-z0-9]{26,32}@accounts\.example\.com>$`).MatchString(got) {
			t.Errorf("Message-ID: %s", got)
		}
		return got
	}
	first, again, other := send("job-1"), send("job-1"), send("job-2")
	if first != again || first == other || strings.Contains(first, "job") {
		t.Errorf("%s, again %s, another %s", first, again, other)
	}
	if hostile := send("x>\r\nBcc: evil@example.net\r\nX: <"); hostile == first {
		t.Errorf("%s for another ID", hostile)
	}
	if one, two := send(""), send(""); one == two {
		t.Errorf("%s twice for no ID", one)
	}
}

// A13, A66: this test sends every kind of message in every language, with a
// name, a locale and providers that an attacker chose. The header has the right
// fields, both parts hold the same link or code, and every byte is safe on the
// wire.
func TestRendered_A13_A66(t *testing.T) {
	set := newSet(t)
	r := new(relay).startPiped(t)
	opts := piped(r)
	opts.MessagesPerConnection = 1000
	n := newNotifier(t, set, opts)
	names := []string{
		"Anna Example", "", "Anna\r\nBcc: evil@example.net", "Anna\r\n\r\n<h1>", `<a href="//evil.example.net">click</a>`, "{{.URL}}{{template}}",
		"http://evil.example.net click here", "\u202etxet", strings.Repeat("long ", 2000), "=?utf-8?q?=0D=0ABcc:_evil=40example.net?=", "\xff\xfe", ".\r\n.",
		"प्रिया", "山田太郎", "محمد",
	}
	sent := 0
	for _, tag := range messages.Languages() {
		for i, name := range names {
			for _, kind := range kinds {
				if kind != kinds[i%len(kinds)] && i > 1 {
					continue // each name is tried with one kind, and the first two names with all
				}
				m := sample(kind)
				m.ID, m.Name, m.Locale, m.Languages = fmt.Sprint(sent), name, tag.String(), name
				m.IdentityProviders = []string{name, "Google"}
				if err := n.Notify(t.Context(), m); err != nil {
					t.Errorf("%s in %s for %.20q: %v", kind, tag, name, err)
					continue
				}
				sent++
				all := r.taken()
				got := all[len(all)-1]
				p := parse(t, got.data)
				if !slices.Equal(p.names, fields) || !slices.Equal(got.to, []string{m.To}) {
					t.Errorf("%s in %s for %.20q: fields %q to %q", kind, tag, name, p.names, got.to)
				}
				if lang := p.header.Get("Content-Language"); lang != tag.String() {
					t.Errorf("%s in %s: Content-Language %q", kind, tag, lang)
				}
				text, markup := p.text, html.UnescapeString(p.html)
				for _, link := range []string{m.URL.Reveal(), m.NotMe.Reveal()} {
					if !strings.Contains(text, link) || !strings.Contains(markup, `href="`+link+`"`) && link != "" {
						t.Errorf("%s in %s: a part lacks the link", kind, tag)
					}
				}
				visible := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.html, "")
				if code := m.Code.Reveal(); !strings.Contains(text, code) || !strings.Contains(visible, code) {
					t.Errorf("%s in %s: a part lacks the code", kind, tag)
				}
				links := regexp.MustCompile(`https?://[^\s"'<>\r\n]+`)
				for _, part := range []string{text, markup} {
					for _, l := range links.FindAllString(part, -1) {
						if l != m.URL.Reveal() && l != m.NotMe.Reveal() && strings.Contains(l, "evil") {
							t.Errorf("%s in %s for %.20q links to %s", kind, tag, name, l)
						}
					}
				}
			}
		}
	}
	t.Logf("%d mails", sent)
}

// kinds returns all kinds of messages.
var kinds = []recovery.MessageKind{
	recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged,
	recovery.MessageNoPassword, recovery.MessageUnknownAddress,
}

// sample returns a message like those that the Service makes of its kind.
func sample(kind recovery.MessageKind) recovery.Message {
	m := message()
	m.Kind = kind
	m.URL = recovery.Secret{}
	switch kind {
	case recovery.MessageResetLink:
		m.URL = recovery.NewSecret(link)
	case recovery.MessageResetCode:
		m.Code = recovery.NewSecret("40289571")
	case recovery.MessageNoPassword:
		m.IdentityProviders = []string{"Google"}
	case recovery.MessageUnknownAddress:
		m.LeadID, m.Name = "", ""
	}
	switch kind {
	case recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged:
		m.NotMe = recovery.NewSecret("https://portal.example.com/not-me?n=bm90LW1l_-")
	}
	return m
}

// If the host's Renderer returns what it must not, no mail is sent, and no
// retry follows.
func TestRefusedMails(t *testing.T) {
	tests := []struct {
		sentence string
		edit     func(m *messages.Mail)
	}{
		{"no subject", func(m *messages.Mail) { m.Subject = "" }},
		{"a subject of white space", func(m *messages.Mail) { m.Subject = "  " }},
		{"a subject that begins with a space", func(m *messages.Mail) { m.Subject = " x" }},
		{"a subject of two lines (A13)", func(m *messages.Mail) { m.Subject = "x\r\nBcc: evil@example.net" }},
		{"a subject with a bare LF (A13)", func(m *messages.Mail) { m.Subject = "x\nBcc: evil@example.net" }},
		{"a subject with a bare CR (A13)", func(m *messages.Mail) { m.Subject = "x\rBcc: evil@example.net" }},
		{"a subject with a NUL", func(m *messages.Mail) { m.Subject = "x\x00y" }},
		{"a subject with a line separator", func(m *messages.Mail) { m.Subject = "x\u2028y" }},
		{"a subject that turns around", func(m *messages.Mail) { m.Subject = "x\u202ey" }},
		{"a subject that is not UTF-8", func(m *messages.Mail) { m.Subject = "x\xff" }},
		{"a subject without end", func(m *messages.Mail) { m.Subject = strings.Repeat("x", 513) }},
		{"no text", func(m *messages.Mail) { m.Text = "\n" }},
		{"no HTML", func(m *messages.Mail) { m.HTML = "" }},
		{"text that is not UTF-8", func(m *messages.Mail) { m.Text = "x\xff" }},
		{"HTML that is not UTF-8", func(m *messages.Mail) { m.HTML = "x\xff" }},
		{"text without end", func(m *messages.Mail) { m.Text = strings.Repeat("x", 256<<10+1) }},
		{"HTML without end", func(m *messages.Mail) { m.HTML = strings.Repeat("x", 256<<10+1) }},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := new(relay).startPiped(t)
			n := newNotifier(t, words(func(m recovery.Message) (messages.Mail, error) {
				mail, err := plain(m)
				test.edit(&mail)
				return mail, err
			}), piped(r))
			err := n.Notify(t.Context(), message())
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok || e.Stage != smtpnotifier.StageMessage || !errors.Is(err, recovery.ErrPermanent) {
				t.Errorf("%v", err)
			}
			quotes(t, err)
			if all, _ := r.counts(); all != 0 {
				t.Error("and yet the relay was called")
			}
		})
	}
	t.Run("an error of the Renderer's", func(t *testing.T) {
		refusal := errors.New("no words")
		n := newNotifier(t, words(func(recovery.Message) (messages.Mail, error) { return messages.Mail{}, refusal }), options("192.0.2.1:25"))
		err := n.Notify(t.Context(), message())
		if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageMessage || !errors.Is(err, refusal) || errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("%v", err)
		}
		refusal = fmt.Errorf("%w: no such words", recovery.ErrPermanent)
		err = n.Notify(t.Context(), message())
		if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || !e.Permanent || !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("%v", err)
		}
	})
}

// Texts that an encoding could change arrive unchanged.
func TestTexts(t *testing.T) {
	tests := []struct{ sentence, subject, body string }{
		{"ASCII", "Your new password", "Hello.\n"},
		{"a subject that looks encoded (RFC 2047)", "=?utf-8?q?=0D=0ABcc:_evil=40example.net?=", "=?utf-8?q?x?=\n"},
		{"a subject that is one long word", strings.Repeat("x", 500), strings.Repeat("x", 5000) + "\n"},
		{"a subject with many spaces", "a  b" + strings.Repeat(" ", 100) + "c", "a  b   \n   c   \n"},
		{"a subject outside ASCII, long", strings.Repeat("ü ", 160) + "ü", strings.Repeat("ü ", 1600) + "\n"},
		{"a subject in Hindi", "अपना नया पासवर्ड चुनें", "अपना नया पासवर्ड चुनें\n"},
		{"a subject in Japanese, long", strings.Repeat("新しいパスワード", 20), strings.Repeat("新しいパスワード\n", 20)},
		{"a subject with a colon and quotes", `Re: "you": <x@example.com>, =?`, `"=" = '=3D' &amp;` + "\n"},
		{"characters of four bytes", strings.Repeat("😀", 100), strings.Repeat("😀", 300) + "\n"},
		{"the end of a message, as SMTP writes it", "dots", ".\n..\n.\n\n.x\nQUIT\nRSET\n"},
		{"the beginning of a message, as mbox writes it", "From me", "From me\n>From me\n"},
		{"control characters", "plain", "a\x00b\x1b[31m\x7f\u0085\u2028\n"},
		{"no line end at the end", "plain", "the last line"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := new(relay).startPiped(t)
			n := newNotifier(t, words(func(m recovery.Message) (messages.Mail, error) {
				return messages.Mail{Subject: test.subject, Text: test.body, HTML: "<pre>" + test.body, Language: language.English}, nil
			}), piped(r))
			if err := n.Notify(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			arrived(t, only(t, r).data, test.subject, test.body)
		})
	}
}

// arrived fails the test if a mail does not have the subject and the body. The
// HTML part has the body after a <pre>.
func arrived(t testing.TB, data []byte, subject, body string) {
	t.Helper()
	p := parse(t, data)
	if p.subject != subject {
		t.Errorf("the subject is %q, want %q", p.subject, subject)
	}
	// In a mail, line ends of any kind become CRLF.
	body = strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(body)
	if p.text != body || p.html != "<pre>"+body {
		t.Errorf("the parts are %q and %q, want %q", p.text, p.html, body)
	}
}

// Whatever a message holds and a Renderer returns, the mail arrives unchanged
// at one recipient with one header, or it reaches no server.
func FuzzNotify(f *testing.F) {
	f.Add("anna@example.com", "job-1", "Your new password", "Hello.\n", "en")
	f.Add("anna@example.com\r\nBcc: evil@example.net", "a\r\nb", "=?utf-8?q?x?=", ".\r\n", "x")
	f.Add("Anna@EXAMPLE.com", "", "ü  x\tü", "\r\r\n\n\x00=\u2028", "hi-Deva-x-1")
	r := new(relay).startPiped(f)
	opts := piped(r)
	opts.MessagesPerConnection = 1000
	var subject, body, lang string
	n := newNotifier(f, words(func(m recovery.Message) (messages.Mail, error) {
		tag, _ := language.Parse(lang)
		return messages.Mail{Subject: subject, Text: body, HTML: "<pre>" + body, Language: tag}, nil
	}), opts)
	f.Fuzz(func(t *testing.T, to, id, s, b, l string) {
		subject, body, lang = s, b, l
		m := message()
		m.To, m.ID = to, id
		err := n.Notify(t.Context(), m)
		r.mu.Lock()
		all := r.mails
		r.mails = nil
		r.mu.Unlock()
		if err != nil {
			if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageMessage || !e.Permanent {
				t.Errorf("%v", err)
			}
			if len(all) != 0 {
				t.Error("and yet the relay took the mail")
			}
			return
		}
		if len(all) != 1 || !slices.Equal(all[0].to, []string{to}) {
			t.Fatalf("%d mails", len(all))
		}
		arrived(t, all[0].data, subject, body)
		p := parse(t, all[0].data)
		want := fields
		if p.header.Get("Content-Language") == "" {
			want = slices.DeleteFunc(slices.Clone(fields), func(s string) bool { return s == "Content-Language" })
		}
		if !slices.Equal(p.names, want) {
			t.Errorf("the fields are %q", p.names)
		}
		if a, err := p.header.AddressList("To"); err != nil || len(a) != 1 || a[0].Address != to || a[0].Name != "" {
			t.Errorf("To: %v, %v", a, err)
		}
		if !utf8.Valid(all[0].data) {
			t.Error("not UTF-8")
		}
	})
}
