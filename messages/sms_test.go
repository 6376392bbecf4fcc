package messages_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/gsm7"
	"github.com/seed-51359b35/recovery/messages"
)

// isGSM reports whether text messages of a language use only the GSM alphabet.
func isGSM(tag language.Tag) bool {
	switch tag {
	case language.English, language.Spanish, language.French, language.German, language.Portuguese:
		return true
	}
	return false
}

// TestCodeMessages: the message is one segment. Its last line binds the code to
// the site. The text before has the code too, because people type what they
// read there.
func TestCodeMessages(t *testing.T) {
	s := newRenderer(t)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		sms := mustSMS(t, s, newMessage(recovery.MessageResetCode, tag.String()))
		text, last, _ := strings.Cut(sms.Text, "\n")
		if last != "@example.com #12345678" {
			t.Errorf("last line %q", last)
		}
		if strings.Count(text, code) != 1 || !strings.Contains(text, "Acme") {
			t.Errorf("text %q", text)
		}
		if sms.Segments != 1 || sms.GSM7 != isGSM(tag) || sms.Language != tag {
			t.Errorf("%d segments, GSM %v, %v", sms.Segments, sms.GSM7, sms.Language)
		}
		if isGSM(tag) && !strings.Contains(text, " 10 ") {
			t.Errorf("the text does not say how long: %q", text)
		}
		// Nothing may follow the code or stand before the @, because browsers
		// compare the whole line.
		if strings.Contains(sms.Text, notMeURL) || strings.Contains(sms.Text, "\r") || strings.ContainsAny(sms.Text, "\u2066\u2067\u2068\u2069") {
			t.Errorf("%q", sms.Text)
		}
		t.Log(sms.Text, len([]rune(sms.Text)))
	})
}

// TestCodeMessagesShrink: within the documented lengths, a message has all its
// sentences in one segment. Beyond them it first leaves sentences out, and then
// takes more segments.
func TestCodeMessagesShrink(t *testing.T) {
	// host returns a host name of n characters, whose labels are not too long.
	host := func(n int) string { return strings.Repeat("h", n-n/2-1) + "." + strings.Repeat("o", n/2) }
	for _, tt := range []struct {
		name          string
		product, host int
		full          bool
		segments      int
	}{
		{"product and host of 45 together", 30, 15, true, 1},
		{"another 45", 5, 40, true, 1},
		{"product and host of 100 together", 40, 60, false, 1},
		{"product of 60 and host of 78: the longest of one segment", 60, 78, false, 1},
		{"one more", 60, 79, false, 2},
	} {
		s := newRenderer(t, func(o *messages.Options) {
			o.Product, o.Host = strings.Repeat("P", tt.product), host(tt.host)
		})
		for _, tag := range messages.Languages() {
			t.Run(tag.String()+" "+tt.name, func(t *testing.T) {
				sms := mustSMS(t, s, newMessage(recovery.MessageResetCode, tag.String()))
				if sms.Segments != tt.segments {
					t.Errorf("%d segments of %q", sms.Segments, sms.Text)
				}
				if full := strings.Contains(sms.Text, "10"); full != (tt.full && isGSM(tag)) {
					t.Errorf("all sentences: %v: %q", full, sms.Text)
				}
				if !strings.HasSuffix(sms.Text, "\n@"+host(tt.host)+" #"+code) || !strings.Contains(sms.Text, strings.Repeat("P", tt.product)) {
					t.Errorf("%q", sms.Text)
				}
			})
		}
	}
	t.Run("a product with letters outside of the alphabet", func(t *testing.T) {
		s := newRenderer(t, func(o *messages.Options) { o.Product = "Łódź" })
		sms := mustSMS(t, s, newMessage(recovery.MessageResetCode, "en"))
		if sms.GSM7 || sms.Segments != 1 || sms.Text != "Your Łódź code: 12345678. Never share it.\n@example.com #12345678" {
			t.Errorf("%+v %q", sms, sms.Text)
		}
	})
}

// TestLinkMessages: the whole link is the end of the message.
func TestLinkMessages(t *testing.T) {
	s := newRenderer(t)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		sms := mustSMS(t, s, newMessage(recovery.MessageResetLink, tag.String()))
		text, last, _ := strings.Cut(sms.Text, "\n")
		if last != resetURL || !strings.Contains(text, "Acme") || !strings.Contains(text, "60") || strings.Contains(sms.Text, notMeURL) {
			t.Errorf("%q", sms.Text)
		}
		if n, gsm := gsm7.Segments(sms.Text); n != sms.Segments || gsm != sms.GSM7 || gsm != isGSM(tag) || n < 2 {
			t.Errorf("%d segments, GSM %v", sms.Segments, sms.GSM7)
		}
	})
}

// TestMessagesThatTheHostAsksFor: their lifetime is in days, and the text still
// keeps to the GSM alphabet where the language can.
func TestMessagesThatTheHostAsksFor(t *testing.T) {
	s := newRenderer(t)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		for _, kind := range []recovery.MessageKind{recovery.MessageInvitation, recovery.MessageResetRequired} {
			sms := mustSMS(t, s, newMessage(kind, tag.String()))
			text, last, _ := strings.Cut(sms.Text, "\n")
			if last != resetURL || !strings.Contains(text, "Acme") || !strings.Contains(text, "7") {
				t.Errorf("%s: %q", kind, sms.Text)
			}
			if sms.GSM7 != isGSM(tag) || isGSM(tag) && sms.Segments > 2 {
				t.Errorf("%s: %d segments, GSM %v: %q", kind, sms.Segments, sms.GSM7, sms.Text)
			}
			t.Log(sms.Segments, len([]rune(text)), text)
		}
	})
	if mail := mustMail(t, s, newMessage(recovery.MessageInvitation, "es")); !strings.Contains(mail.Text, "7 días") {
		t.Errorf("the mail has no accent: %s", mail.Text)
	}
}

func TestChangedMessages(t *testing.T) {
	s := newRenderer(t)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		m := newMessage(recovery.MessagePasswordChanged, tag.String())
		with := mustSMS(t, s, m)
		if !strings.HasSuffix(with.Text, "\n"+notMeURL) {
			t.Errorf("%q", with.Text)
		}
		m.NotMe = recovery.Secret{}
		without := mustSMS(t, s, m)
		if strings.Contains(without.Text, "\n") || strings.Contains(without.Text, "://") {
			t.Errorf("%q", without.Text)
		}
		for _, sms := range []messages.SMS{with, without} {
			if !strings.Contains(sms.Text, "2026-11-22 14:05 UTC") || strings.Contains(sms.Text, "Zoé") {
				t.Errorf("%q", sms.Text)
			}
		}
		if without.Segments > 2 || isGSM(tag) && without.Segments > 1 {
			t.Errorf("%d segments: %q", without.Segments, without.Text)
		}
	})
}

// TestNoTextMessage: no try can send these by SMS.
func TestNoTextMessage(t *testing.T) {
	if _, err := newRenderer(t).SMS(newMessage(recovery.MessageUnknownAddress, "en")); !errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("unknown address: %v", err)
	}
	// Phones would offer a code that is not bound on any site that asks for
	// one.
	s := newRenderer(t, func(o *messages.Options) { o.Host = "" })
	_, err := s.SMS(newMessage(recovery.MessageResetCode, "en"))
	if !errors.Is(err, recovery.ErrPermanent) || !strings.Contains(err.Error(), "Host") {
		t.Errorf("a code without host: %v", err)
	}
	if sms := mustSMS(t, s, newMessage(recovery.MessageResetLink, "en")); sms.Segments == 0 {
		t.Error("a link needs no host")
	}
	mustMail(t, s, newMessage(recovery.MessageResetCode, "en"))
}

// TestCodesOfOtherLengths: a host's own message may carry any code.
func TestCodesOfOtherLengths(t *testing.T) {
	s := newRenderer(t)
	for _, tt := range []struct {
		code   string
		groups []string
	}{
		{"123456", []string{"1234", "56"}},
		{"12345678", []string{"1234", "5678"}},
		{"1234567", []string{"1234", "567"}},
		{"1234", []string{"1234"}},
		{"ABCD1234WXYZ", []string{"ABCD", "1234", "WXYZ"}},
	} {
		m := newMessage(recovery.MessageResetCode, "en")
		m.Code, m.Expires = recovery.NewSecret(tt.code), time.Now().Add(5*time.Minute)
		mail, sms := mustMail(t, s, m), mustSMS(t, s, m)
		if !strings.Contains(mail.Text, "\n"+tt.code+"\n") || !strings.Contains(parseHTML(t, mail.HTML).text, tt.code) {
			t.Errorf("%s is not whole in both parts", tt.code)
		}
		for _, g := range tt.groups {
			if !strings.Contains(mail.HTML, ">"+g+"</span>") {
				t.Errorf("%s is not in groups of %q", tt.code, tt.groups)
			}
		}
		if !strings.HasSuffix(sms.Text, "\n@example.com #"+tt.code) {
			t.Errorf("%q", sms.Text)
		}
	}
}

// TestHostsOwnTextMessages: the line that binds the code stands there once,
// whether or not the template has it.
func TestHostsOwnTextMessages(t *testing.T) {
	for _, text := range []string{"Your code is {{.Code}}.", "Your code is {{.Code}}.\n@{{.Host}} #{{.Code}}\n", "{{.Fit \"Your code is\"}} {{.Code}}.\n\n"} {
		s := newRenderer(t, withFiles(files("reset-code.sms.txt", text)))
		if got, want := mustSMS(t, s, newMessage(recovery.MessageResetCode, "ja")).Text, "Your code is 12345678.\n@example.com #12345678"; got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
