// Tests of the mails of package messages in a real Chromium. They are in this
// module, so that whoever requires the main module does not require a driver of
// browsers.
package messages_test

import (
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/messages"
)

// chromium is the browser of all tests of this package.
var chromium browsertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

var kinds = []recovery.MessageKind{
	recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged,
	recovery.MessageNoPassword, recovery.MessageUnknownAddress,
}

// newRenderer returns a Renderer that knows where clients are.
func newRenderer(t *testing.T, product, support string, locate func(netip.Addr, language.Tag) string) *messages.Renderer {
	t.Helper()
	s, err := messages.New(messages.Options{
		Product: product, Host: "example.com", Support: support, Locate: locate, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newMessage returns a message with everything that its kind may have.
func newMessage(kind recovery.MessageKind, locale string) recovery.Message {
	m := recovery.Message{
		ID: "message-1", Kind: kind, Channel: recovery.ChannelEmail, To: "anna@example.org", LeadID: "lead-4711",
		Name: "Zoé O’Neill", Locale: locale, RequestedAt: time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC),
		Client: netip.MustParseAddr("203.0.113.77"), NotMe: recovery.NewSecret("https://www.example.com/account/not-me?token=" + token),
	}
	switch kind {
	case recovery.MessageResetLink:
		m.URL, m.Expires = recovery.NewSecret("https://www.example.com/account/reset?lang=xx&token="+token), time.Now().Add(time.Hour)
	case recovery.MessageResetCode:
		m.Code, m.Expires = recovery.NewSecret("12345678"), time.Now().Add(10*time.Minute)
	case recovery.MessageNoPassword:
		m.NotMe, m.IdentityProviders = recovery.Secret{}, []string{"google", "Acme Login"}
	case recovery.MessageUnknownAddress:
		m.NotMe, m.LeadID, m.Name, m.Locale, m.Languages = recovery.Secret{}, "", "", "", locale
	}
	return m
}

// token is as long as a real one with its MAC.
const token = "MTc2Mzg5NDQwMHxzZWFsZWQtdG9rZW4tdGhhdC1pcy1hcy1sb25nLWFzLWEtcmVhbC1vbmUtaXMtd2l0aC1pdHMtbWFj%2B%2Fx"

func mustMail(t *testing.T, s *messages.Renderer, m recovery.Message) messages.Mail {
	t.Helper()
	mail, err := s.Mail(m)
	if err != nil {
		t.Fatal(err)
	}
	return mail
}
