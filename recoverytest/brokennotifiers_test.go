package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// mailer is a notifier as a team might write it. It writes a mail as text,
// which a relay in memory reads. It is right, except for one bug that it can be
// given.
type mailer struct {
	bug string

	mu     sync.Mutex
	relay  string // how the relay behaves
	mails  []recoverytest.Delivery
	shared recovery.Message // for one bug
}

func (s *mailer) Notify(ctx context.Context, m recovery.Message) error {
	if ctx.Err() != nil {
		if s.bug == "success without delivery" {
			return nil
		}
		return ctx.Err()
	}
	s.mu.Lock()
	relay := s.relay
	s.shared = m
	s.mu.Unlock()
	secret := m.URL.Reveal() + m.Code.Reveal()
	switch relay {
	case "stalls":
		if s.bug == "ignores ctx" {
			time.Sleep(time.Hour)
		}
		<-ctx.Done()
		if s.bug == "permanent timeouts" {
			return fmt.Errorf("%w: %w", recovery.ErrPermanent, ctx.Err())
		}
		return ctx.Err()
	case "refuses":
		if s.bug == "refusals may pass" {
			return errors.New("550 no such user")
		}
		return fmt.Errorf("%w: 550 no such user", recovery.ErrPermanent)
	case "breaks":
		switch s.bug {
		case "all failures permanent":
			return fmt.Errorf("%w: 451 later", recovery.ErrPermanent)
		case "errors quote":
			return fmt.Errorf("451 later: %s", secret)
		case "swallows failures":
			return nil
		}
		return errors.New("451 later")
	}
	if s.bug == "races" {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		secret = s.shared.URL.Reveal() + s.shared.Code.Reveal()
		s.mu.Unlock()
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' && s.bug != "header injection" {
			return -1
		}
		return r
	}, m.Name)
	to := m.To
	if strings.ContainsAny(to, "\r\n") {
		return fmt.Errorf("%w: bad address", recovery.ErrPermanent)
	}
	switch s.bug {
	case "escapes links":
		secret = url.QueryEscape(secret)
	case "prints the secret":
		secret = m.URL.String()
	}
	mail := "To: " + to + "\nSubject: Hello " + name + "\n\n" + string(m.Kind) + " " + secret
	rcpt := []string{to}
	if s.bug == "splits addresses" {
		rcpt = strings.FieldsFunc(to, func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
	}
	if s.bug == "copies the office" {
		rcpt = append(rcpt, "office@example.com")
	}
	s.accept(rcpt, mail)
	if s.bug == "sends twice" {
		s.accept(rcpt, mail)
	}
	return nil
}

// accept reads a mail as a relay that trusts the header of the mail.
func (s *mailer) accept(rcpt []string, mail string) {
	header, text, _ := strings.Cut(mail, "\n\n")
	d := recoverytest.Delivery{To: rcpt, Text: text}
	for line := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == '\n' || r == '\r' }) {
		for _, field := range []string{"Bcc: ", "Cc: ", "To: "} {
			if to, ok := strings.CutPrefix(line, field); ok {
				d.To = append(d.To, to)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, d)
}

func TestBrokenNotifiers(t *testing.T) {
	relay := func(how string) func(*testing.T, recovery.Notifier) {
		return func(_ *testing.T, n recovery.Notifier) { n.(*mailer).relay = how }
	}
	catch(t, []seeded{
		{"ignores ctx", "context-ends"},
		{"permanent timeouts", "context-ends"},
		{"success without delivery", "context-ended"},
		{"refusals may pass", "refused"},
		{"all failures permanent", "broken"},
		{"errors quote", "broken"},
		{"swallows failures", "broken"},
		{"races", "racing"},
		{"header injection", "hostile-texts"},
		{"splits addresses", "hostile-address"},
		{"copies the office", "delivers"},
		{"sends twice", "delivers"},
		{"escapes links", "carries-secret"},
		{"prints the secret", "carries-secret"},
	}, func(t *testing.T, bug string, clauses ...string) recoverytest.Findings {
		return recoverytest.ExamineNotifier(t, recoverytest.NotifierHarness{
			New: func(*testing.T) recovery.Notifier { return &mailer{bug: bug} },
			Deliveries: func(_ *testing.T, n recovery.Notifier) []recoverytest.Delivery {
				return append([]recoverytest.Delivery(nil), n.(*mailer).mails...)
			},
			Stall: relay("stalls"), Refuse: relay("refuses"), Break: relay("breaks"),
			Bubble: synctest.Test,
		}, clauses...)
	})
}
