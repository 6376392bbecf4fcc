package recoverytest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A Delivery is a message that a notifier's next hop has taken responsibility
// for.
type Delivery struct {
	// To is every address that the next hop was asked to reach. For an e-mail
	// these are the recipients of the envelope and of the header together.
	To []string
	// Text is the decoded text that the person reads. For an e-mail it is the
	// subject and every part, with entities resolved.
	Text string
}

// A NotifierHarness is what [TestNotifier] needs to know of a notifier. New is
// required.
type NotifierHarness struct {
	// New returns a notifier for one clause. Its next hop, a mail server or the
	// like, belongs to the test. New registers with t.Cleanup how to close what
	// it opens.
	New func(t *testing.T) recovery.Notifier

	// Deliveries returns the messages that have reached the notifier's next hop
	// so far, in their order. Optional, but most clauses need it.
	Deliveries func(t *testing.T, n recovery.Notifier) []Delivery

	// Channel is the channel that the notifier delivers. Default: e-mail.
	Channel recovery.Channel

	// Kinds are the kinds of messages that it delivers. Default: all that a
	// Service sends over the channel, which are all but MessageUnknownAddress
	// for SMS.
	Kinds []recovery.MessageKind

	// Stall makes the next hop accept messages and never answer. Refuse makes
	// it refuse every message permanently. Break makes it refuse every message
	// for the time being. Each is optional, and need not be undone.
	Stall, Refuse, Break func(t *testing.T, n recovery.Notifier)

	// Patience is how long Notify may go on after its ctx has ended. Default
	// 2 s.
	Patience time.Duration

	// Bubble is synctest.Test for a notifier that does no I/O. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))
}

// TestNotifier tests a [recovery.Notifier], with one subtest for each clause of
// its contract.
func TestNotifier(t *testing.T, h NotifierHarness) {
	t.Helper()
	notifierSuite(h).test(t)
}

func notifierSuite(h NotifierHarness) suite[*notifications] {
	if h.Channel == "" {
		h.Channel = recovery.ChannelEmail
	}
	if len(h.Kinds) == 0 {
		h.Kinds = []recovery.MessageKind{
			recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged,
			recovery.MessageNoPassword,
		}
		if h.Channel == recovery.ChannelEmail {
			h.Kinds = append(h.Kinds, recovery.MessageUnknownAddress)
		}
	}
	if h.Patience <= 0 {
		h.Patience = 2 * time.Second
	}
	return suite[*notifications]{
		timing: newTiming(h.Bubble, nil, 0),
		setup: func(p *probe) *notifications {
			return &notifications{probe: p, h: h, notifier: h.New(p.t), ctx: p.t.Context()}
		},
		clauses: notifierClauses,
	}
}

// notifications is what the clauses of the notifier suite work with.
type notifications struct {
	*probe
	h        NotifierHarness
	notifier recovery.Notifier
	ctx      context.Context
}

// message returns the i-th message of its kind, to an address of its own.
func (e *notifications) message(kind recovery.MessageKind, i int) recovery.Message {
	now := time.Now()
	m := recovery.Message{
		ID: random(), Kind: kind, Channel: e.h.Channel, LeadID: random(), Name: "Anna Example", Locale: "en",
		To: fmt.Sprintf("lead%d@example.com", i), RequestedAt: now, Expires: now.Add(time.Hour),
		Client: netip.MustParseAddr("192.0.2.1"),
	}
	if e.h.Channel == recovery.ChannelSMS {
		// The number is valid, for notifiers that check it.
		m.To = fmt.Sprintf("+1415774%04d", i)
	}
	switch kind {
	case recovery.MessageResetLink:
		// The link is as the Service makes them, with characters that templates
		// often escape.
		m.URL = recovery.NewSecret("https://example.com/reset?LeadId=" + m.LeadID + "&token=" + random() + "-_~%3D#a")
	case recovery.MessageResetCode:
		m.Code = recovery.NewSecret(fmt.Sprintf("%08d", 90_000_000+i))
		m.Expires = now.Add(10 * time.Minute)
	case recovery.MessageNoPassword:
		m.IdentityProviders = []string{"Google"}
	case recovery.MessageUnknownAddress:
		m.LeadID, m.Name = "", ""
	}
	return m
}

// credentialMessage returns a message with a link or a code, if the notifier
// delivers such messages.
func (e *notifications) credentialMessage(i int) recovery.Message {
	for _, kind := range []recovery.MessageKind{recovery.MessageResetLink, recovery.MessageResetCode} {
		if slices.Contains(e.h.Kinds, kind) {
			return e.message(kind, i)
		}
	}
	return e.message(e.h.Kinds[0], i)
}

func (e *notifications) deliveries() []Delivery {
	if e.h.Deliveries == nil {
		e.skip("needs NotifierHarness.Deliveries")
	}
	return e.h.Deliveries(e.t, e.notifier)
}

func (e *notifications) notify(m recovery.Message) {
	if err := e.notifier.Notify(e.ctx, m); err != nil {
		e.fatalf("Notify of %v: error is %v, want none", m, err)
	}
}

// wantOnly fails unless a delivery goes to the message's address, once or more
// often, and to no other.
func (e *notifications) wantOnly(d Delivery, to string) {
	if len(d.To) == 0 {
		e.errorf("a message was delivered to nobody, want %q", to)
	}
	for _, got := range d.To {
		if !strings.EqualFold(got, to) {
			e.errorf("a message was delivered to %q, want only %q", d.To, to)
			return
		}
	}
}

var notifierClauses = []clause[*notifications]{
	{"delivers", "Notify gives the message to the next hop, and returns nil once the next hop has taken responsibility: each message once, to its one address.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			e.notify(m)
			all := e.deliveries()
			if len(all) != i+1 {
				e.fatalf("after %[2]d messages, the last a %[3]s: %[1]d were delivered, want %[2]d", len(all), i+1, kind)
			}
			e.wantOnly(all[i], m.To)
			if all[i].Text == "" {
				e.errorf("a message (%s) was delivered without text, want one", kind)
			}
		}
	}},
	{"carries-secret", "URL is the link and Code is the digits: the text that the person gets contains them unchanged.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			e.notify(m)
			all := e.deliveries()
			if len(all) != i+1 {
				e.fatalf("after %[2]d messages: %[1]d were delivered, want %[2]d", len(all), i+1)
			}
			for _, secret := range []string{m.URL.Reveal(), m.Code.Reveal()} {
				if !strings.Contains(all[i].Text, secret) {
					e.errorf("the text of a message (%s) does not contain its link or code, want it unchanged", kind)
				}
			}
			if strings.Contains(all[i].Text, m.URL.String()) {
				e.errorf("the text of a message (%s) contains %s, want the link itself", kind, m.URL)
			}
		}
	}},
	{"repeats", "Delivery is at least once: the same message, with the same ID and the same token, can come again.", func(e *notifications) {
		m := e.credentialMessage(1)
		for range 3 {
			e.notify(m)
		}
		all := e.deliveries()
		if len(all) < 1 || len(all) > 3 {
			e.errorf("a message that Notify got three times: it was delivered %d times, want 1 to 3", len(all))
		}
		for _, d := range all {
			e.wantOnly(d, m.To)
		}
	}},
	{"racing", "Implementations are safe for concurrent use: of many messages at once each reaches its own address with its own link or code.", func(e *notifications) {
		want := make(map[string]string)
		messages := make([]recovery.Message, 32)
		for i := range messages {
			messages[i] = e.credentialMessage(i)
			want[strings.ToLower(messages[i].To)] = messages[i].URL.Reveal() + messages[i].Code.Reveal()
		}
		e.race(len(messages), func(i int) { e.notify(messages[i]) })
		all := e.deliveries()
		if len(all) != len(messages) {
			e.errorf("after many messages at once: %d were delivered, want %d", len(all), len(messages))
		}
		for _, d := range all {
			if len(d.To) == 0 {
				e.errorf("a message was delivered to nobody, want one address")
				continue
			}
			secret, ok := want[strings.ToLower(d.To[0])]
			e.wantOnly(d, d.To[0])
			if !ok || !strings.Contains(d.Text, secret) {
				e.errorf("a message reached %q with the link or code of another message, want its own", d.To)
			}
		}
	}},
	{"hostile-texts", "To is one address: no text of a lead or a request can add another.", func(e *notifications) {
		for i, text := range hostileTexts {
			m := e.credentialMessage(i)
			m.Name, m.Locale, m.Languages, m.Template = text, text, text, ""
			m.IdentityProviders = []string{text}
			before := len(e.deliveries())
			err := e.notifier.Notify(e.ctx, m)
			all := e.deliveries()
			if err == nil && len(all) == before {
				e.errorf("Notify of a message with the name %q: no error and no delivery, want one of them", text)
			}
			for _, d := range all[before:] {
				e.wantOnly(d, m.To)
			}
		}
	}},
	{"hostile-address", "To is one address: a text that looks like several addresses, or like a command, is used as one address or refused.", func(e *notifications) {
		good := e.credentialMessage(1).To
		for _, to := range []string{
			good + ", evil@example.net", good + ";evil@example.net", good + " evil@example.net", good + "\r\nBcc: evil@example.net",
			good + "\nRCPT TO:<evil@example.net>", good + ">\r\nRCPT TO:<evil@example.net", "<" + good + "> <evil@example.net>", "Evil <evil@example.net>", good + "\x00evil@example.net",
			good + "&to=%2B14157740000", "+14157740000,+14157740001",
		} {
			m := e.credentialMessage(1)
			m.To = to
			before := len(e.deliveries())
			err := e.notifier.Notify(e.ctx, m)
			all := e.deliveries()
			for _, d := range all[before:] {
				e.wantOnly(d, to)
			}
			if err == nil && len(all) == before {
				e.errorf("Notify of a message to %q: no error and no delivery, want one of them", to)
			}
		}
	}},
	{"context-ended", "Notify returns when ctx ends, and at once if ctx had ended before. It then returns nil only if it delivered the message.", func(e *notifications) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		m := e.credentialMessage(1)
		var err error
		e.within(e.h.Patience, "Notify with a ctx that had ended", func() { err = e.notifier.Notify(ctx, m) })
		if n := len(e.deliveries()); err == nil && n == 0 {
			e.errorf("Notify with a ctx that had ended: no error and no delivery, want one of them")
		}
	}},
	{"context-ends", "Notify returns when ctx ends, also while the next hop does not answer.", func(e *notifications) {
		if e.h.Stall == nil {
			e.skip("needs NotifierHarness.Stall")
		}
		e.h.Stall(e.t, e.notifier)
		for _, wait := range []time.Duration{e.ticks(0.5), e.ticks(1)} {
			ctx, cancel := context.WithTimeout(e.ctx, wait)
			var err error
			e.within(wait+e.h.Patience, "Notify while the next hop does not answer", func() { err = e.notifier.Notify(ctx, e.credentialMessage(1)) })
			cancel()
			e.wantFailure(err, e.credentialMessage(1), "Notify while the next hop does not answer")
			if errors.Is(err, recovery.ErrPermanent) {
				e.errorf("Notify while the next hop does not answer: error is %v, want one that does not wrap ErrPermanent", err)
			}
		}
	}},
	{"refused", "An error that no retry can mend wraps ErrPermanent, so that the queue does not try again.", func(e *notifications) {
		if e.h.Refuse == nil {
			e.skip("needs NotifierHarness.Refuse")
		}
		e.h.Refuse(e.t, e.notifier)
		m := e.credentialMessage(1)
		err := e.notifier.Notify(e.ctx, m)
		e.wantFailure(err, m, "Notify of a message that the next hop refuses")
		e.wantError(err, recovery.ErrPermanent, "Notify of a message that the next hop refuses")
	}},
	{"broken", "An error makes the queue try again: a failure that is not permanent does not wrap ErrPermanent.", func(e *notifications) {
		if e.h.Break == nil {
			e.skip("needs NotifierHarness.Break")
		}
		e.h.Break(e.t, e.notifier)
		m := e.credentialMessage(1)
		err := e.notifier.Notify(e.ctx, m)
		e.wantFailure(err, m, "Notify while the next hop fails")
		if errors.Is(err, recovery.ErrPermanent) {
			e.errorf("Notify while the next hop fails for the time being: error is %v, want one that does not wrap ErrPermanent", err)
		}
	}},
}

// hostileTexts are texts that end a line, a header or an element of markup.
var hostileTexts = []string{
	"Anna\r\nBcc: evil@example.net", "Anna\nTo: evil@example.net", "Anna\rCc: evil@example.net", "Anna\r\n\r\nGo to https://evil.example.net",
	`"Anna" <evil@example.net>, `, "Anna\r\n.\r\nRCPT TO:<evil@example.net>", "Anna, evil@example.net", "=?utf-8?q?Anna=0D=0ABcc:_evil=40example.net?=",
	"{{.To}}{{range .}}", `<img src="https://evil.example.net">`, "Anna\x00\u2028\u0085Bcc: evil@example.net", "${jndi:x}%s%n", strings.Repeat("A", 4000), "",
	"\u202ettocsim\u202c", "+14157740000",
}

// wantFailure fails if there is no error, or if the error quotes a secret of
// the message.
func (e *notifications) wantFailure(err error, m recovery.Message, what string) {
	if err == nil {
		e.errorf("%s: no error, want one", what)
		return
	}
	for _, secret := range []string{m.URL.Reveal(), m.Code.Reveal()} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			e.errorf("%s: the error quotes the link or code, want an error without them", what)
		}
	}
}
