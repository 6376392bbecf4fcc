package messages_test

import (
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// helped is a notice after a reset that an operator helped with.
func helped(tag language.Tag, operator string) recovery.Message {
	m := newMessage(recovery.MessagePasswordChanged, tag.String())
	m.Operator = operator
	return m
}

// A notice says who helped, in every part and language. It says that somebody did
// where the name cannot be shown, and nothing where nobody did.
func TestNoticesNameTheOperator(t *testing.T) {
	s := newRenderer(t)
	const name = "Ada Byron (Ticket #4711)"
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		nobody := mustMail(t, s, helped(tag, ""))
		mail := mustMail(t, s, helped(tag, name))
		for part, text := range map[string]string{"text": mail.Text, "HTML": parseHTML(t, mail.HTML).text} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), name) {
				t.Errorf("the %s does not name the operator:\n%s", part, text)
			}
		}
		unfit := mustMail(t, s, helped(tag, "call +49 30 1 or evil.com"))
		for _, m := range []messages.Mail{nobody, unfit} {
			if strings.Contains(m.Text+m.HTML, "4711") || strings.Contains(m.Text+m.HTML, "evil") {
				t.Errorf("%s", m.Text)
			}
		}
		if len(unfit.Text) < len(nobody.Text)+20 || len(unfit.HTML) < len(nobody.HTML)+20 || mail.Subject != nobody.Subject {
			t.Errorf("without a name, the mail does not say that somebody helped:\n%s", unfit.Text)
		}
		if strings.Contains(unfit.Text, "%!") || strings.Contains(mail.Text, "%!") {
			t.Errorf("%s", unfit.Text)
		}
	})
}

// A text message has the name if it is short and costs no other alphabet. It takes
// one segment more at most.
func TestTextMessagesNameTheOperator(t *testing.T) {
	s := newRenderer(t)
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		for _, tt := range []struct {
			operator string
			shown    bool
		}{
			{"Ada Byron", true},
			{strings.Repeat("Ada Byron ", 3)[:29] + "n", true},
			{strings.Repeat("Ada Byron ", 3) + "nn", false},
			{"Łukasz", !isGSM(tag)},
			{"evil.com", false},
		} {
			for _, withNotMe := range []bool{true, false} {
				nobody, m := helped(tag, ""), helped(tag, tt.operator)
				if !withNotMe {
					nobody.NotMe, m.NotMe = recovery.Secret{}, recovery.Secret{}
				}
				before, sms := mustSMS(t, s, nobody), mustSMS(t, s, m)
				if got := strings.Contains(sms.Text, tt.operator); got != tt.shown {
					t.Errorf("%q: shown %v: %q", tt.operator, got, sms.Text)
				}
				if len(sms.Text) < len(before.Text)+8 {
					t.Errorf("%q: the text does not say that somebody helped: %q", tt.operator, sms.Text)
				}
				if sms.GSM7 != isGSM(tag) || sms.Segments > before.Segments+1 {
					t.Errorf("%q: %d segments, GSM %v, and without %d: %q", tt.operator, sms.Segments, sms.GSM7, before.Segments, sms.Text)
				}
				if withNotMe && !strings.HasSuffix(sms.Text, "\n"+notMeURL) || !strings.Contains(sms.Text, "2026-11-22 14:05 UTC") {
					t.Errorf("%q", sms.Text)
				}
				t.Log(sms.Segments, sms.Text)
			}
		}
	})
}
