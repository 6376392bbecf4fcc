package messages_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

const (
	resetURL = "https://www.example.com/account/reset?lang=xx&token=MTc2Mzg5NDQwMHxzZWFsZWQtdG9rZW4tdGhhdC1pcy1hcy1sb25nLWFzLWEtcmVhbC1vbmUtaXMtd2l0aC1pdHMtbWFj%2B%2Fx"
	notMeURL = "https://www.example.com/account/not-me?token=bm90LW1lLXRva2VuLXRoYXQtaXMtYWxzby1zZWFsZWQtYW5kLWxvbmc"
	code     = "12345678"
)

var now = time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)

var allKinds = []recovery.MessageKind{
	recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged,
	recovery.MessageNoPassword, recovery.MessageUnknownAddress,
	recovery.MessageInvitation, recovery.MessageResetRequired,
}

// newRenderer returns a Renderer with usual options, which the functions
// change.
func newRenderer(tb testing.TB, change ...func(*messages.Options)) *messages.Renderer {
	tb.Helper()
	o := messages.Options{
		Product: "Acme", Host: "example.com", Support: "https://www.example.com/help",
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	s, err := messages.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// newMessage returns a message with everything that its kind may have. It is
// rendered a moment after it was made.
func newMessage(kind recovery.MessageKind, locale string) recovery.Message {
	made := time.Now()
	m := recovery.Message{
		ID: "message-1", Kind: kind, Channel: recovery.ChannelEmail, To: "secret.address@example.org", LeadID: "lead-4711",
		Name: "Zoé O’Neill", Locale: locale, RequestedAt: now, Client: netip.MustParseAddr("203.0.113.77"),
	}
	switch kind {
	case recovery.MessageResetLink:
		m.URL, m.NotMe, m.Expires = recovery.NewSecret(resetURL), recovery.NewSecret(notMeURL), made.Add(time.Hour)
	case recovery.MessageInvitation, recovery.MessageResetRequired:
		m.URL, m.Expires = recovery.NewSecret(resetURL), made.Add(7*24*time.Hour)
	case recovery.MessageResetCode:
		m.Code, m.NotMe, m.Expires = recovery.NewSecret(code), recovery.NewSecret(notMeURL), made.Add(10*time.Minute)
	case recovery.MessagePasswordChanged:
		m.NotMe = recovery.NewSecret(notMeURL)
	case recovery.MessageNoPassword:
		m.IdentityProviders = []string{"google", "Acme Login"}
	case recovery.MessageUnknownAddress:
		m.LeadID, m.Name, m.Locale, m.Languages = "", "", "", locale
	}
	return m
}

func mustMail(tb testing.TB, s *messages.Renderer, m recovery.Message) messages.Mail {
	tb.Helper()
	mail, err := s.Mail(m)
	if err != nil {
		tb.Fatal(err)
	}
	return mail
}

func mustSMS(tb testing.TB, s *messages.Renderer, m recovery.Message) messages.SMS {
	tb.Helper()
	sms, err := s.SMS(m)
	if err != nil {
		tb.Fatal(err)
	}
	return sms
}

// eachLanguage runs f for every language.
func eachLanguage(t *testing.T, f func(t *testing.T, tag language.Tag)) {
	for _, tag := range messages.Languages() {
		t.Run(tag.String(), func(t *testing.T) { f(t, tag) })
	}
}

// A document is the HTML part as a mail program reads it.
type document struct {
	links []string // targets of links, in order
	text  string   // visible text
	tags  map[string]int
	attrs []html.Attribute
}

func parseHTML(tb testing.TB, source string) document {
	tb.Helper()
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		tb.Fatal(err)
	}
	p := document{tags: map[string]int{}}
	var b strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			p.tags[n.Data]++
			p.attrs = append(p.attrs, n.Attr...)
			for _, a := range n.Attr {
				if a.Key == "href" {
					p.links = append(p.links, a.Val)
				}
			}
		case html.TextNode:
			if n.Parent.Data != "style" && n.Parent.Data != "title" {
				b.WriteString(n.Data)
			}
		}
	}
	p.text = b.String()
	return p
}
