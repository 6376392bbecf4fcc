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

// A Delivery is what a notifier's next hop took responsibility for.
type Delivery struct {
	// To is everybody whom the next hop was asked to reach: of an e-mail the
	// recipients of the envelope and those of the header together.
	To []string
	// Text is what the person reads, decoded: of an e-mail the subject and
	// every part, with entities resolved.
	Text string
}

// A NotifierHarness is what [TestNotifier] needs to know of a notifier.
type NotifierHarness struct {
	// New returns a notifier for one clause, in front of a next hop of the
	// test's own; what it opens is closed with t.Cleanup.
	New func(t *testing.T) recovery.Notifier

	// Deliveries returns what has reached the next hop of the notifier so far.
	Deliveries func(t *testing.T, n recovery.Notifier) []Delivery

	// Channel is the one that the notifier delivers. Default: e-mail.
	Channel recovery.Channel

	// Kinds are those that it delivers. Default: all that a Service sends over
	// the channel; by SMS there is none to an unknown address.
	Kinds []recovery.MessageKind

	// Stall makes the next hop accept what comes and never answer, Refuse makes
	// it refuse every message for good, Break for now. Optional. None of them
	// has to be undone.
	Stall, Refuse, Break func(t *testing.T, n recovery.Notifier)

	// Patience is how long after the end of its ctx a Notify may take to
	// return. Default 2 s.
	Patience time.Duration

	// Bubble is synctest.Test for a notifier that does no I/O. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))
}

// TestNotifier proves a [recovery.Notifier], one subtest for each clause of its
// contract.
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

// notifications is what the clauses of Notifier work with.
type notifications struct {
	*probe
	h        NotifierHarness
	notifier recovery.Notifier
	ctx      context.Context
}

// message is the i-th of its kind, to an address of its own.
func (e *notifications) message(kind recovery.MessageKind, i int) recovery.Message {
	now := time.Now()
	m := recovery.Message{
		ID: random(), Kind: kind, Channel: e.h.Channel, LeadID: random(), Name: "Anna Example", Locale: "en",
		To: fmt.Sprintf("lead%d@example.com", i), RequestedAt: now, Expires: now.Add(time.Hour),
		Client: netip.MustParseAddr("192.0.2.1"),
	}
	if e.h.Channel == recovery.ChannelSMS {
		// Valid in its numbering plan, for notifiers that look.
		m.To = fmt.Sprintf("+1415774%04d", i)
	}
	switch kind {
	case recovery.MessageResetLink:
		// As the Service makes them, with what templates like to escape.
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

// credential returns a message that carries a link or a code.
func (e *notifications) credential(i int) recovery.Message {
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
		e.fatalf("Notify of %v: %v", m, err)
	}
}

// only demands that a delivery goes to the message's address and nobody else,
// however often that is named.
func (e *notifications) only(d Delivery, to string) {
	if len(d.To) == 0 {
		e.errorf("a message was delivered to nobody, want %q", to)
	}
	for _, got := range d.To {
		if !strings.EqualFold(got, to) {
			e.errorf("a message was delivered to %q, want %q alone", d.To, to)
			return
		}
	}
}

var notifierClauses = []clause[*notifications]{
	{"delivers", "Notify hands the message to the next hop and returns nil once that has taken responsibility: each once, to its one address.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			e.notify(m)
			all := e.deliveries()
			if len(all) != i+1 {
				e.fatalf("%d messages were delivered after %d were notified (%s)", len(all), i+1, kind)
			}
			e.only(all[i], m.To)
			if all[i].Text == "" {
				e.errorf("a message (%s) was delivered without text", kind)
			}
		}
	}},
	{"carries-secret", "URL is the link, Code is the digits: what the person gets carries them as they are.", func(e *notifications) {
		for i, kind := range e.h.Kinds {
			m := e.message(kind, i)
			e.notify(m)
			all := e.deliveries()
			if len(all) != i+1 {
				e.fatalf("%d messages were delivered after %d were notified", len(all), i+1)
			}
			for _, secret := range []string{m.URL.Reveal(), m.Code.Reveal()} {
				if !strings.Contains(all[i].Text, secret) {
					e.errorf("the text of a message (%s) does not carry its link or code", kind)
				}
			}
			if strings.Contains(all[i].Text, m.URL.String()) {
				e.errorf("the text of a message (%s) says %s", kind, m.URL)
			}
		}
	}},
	{"repeats", "Delivery is at least once: the same message, with the same ID and the same token, can come again.", func(e *notifications) {
		m := e.credential(1)
		for range 3 {
			e.notify(m)
		}
		all := e.deliveries()
		if len(all) < 1 || len(all) > 3 {
			e.errorf("%d messages were delivered for one that was notified three times", len(all))
		}
		for _, d := range all {
			e.only(d, m.To)
		}
	}},
	{"racing", "Implementations are safe for concurrent use: of many at once each reaches its own address with its own link or code.", func(e *notifications) {
		want := make(map[string]string)
		messages := make([]recovery.Message, 32)
		for i := range messages {
			messages[i] = e.credential(i)
			want[strings.ToLower(messages[i].To)] = messages[i].URL.Reveal() + messages[i].Code.Reveal()
		}
		e.race(len(messages), func(i int) { e.notify(messages[i]) })
		all := e.deliveries()
		if len(all) != len(messages) {
			e.errorf("%d messages were delivered, want %d", len(all), len(messages))
		}
		for _, d := range all {
			if len(d.To) == 0 {
				e.errorf("a message was delivered to nobody")
				continue
			}
			secret, ok := want[strings.ToLower(d.To[0])]
			e.only(d, d.To[0])
			if !ok || !strings.Contains(d.Text, secret) {
				e.errorf("a message reached %q with the link or code of another", d.To)
			}
		}
	}},
	{"hostile-texts", "To is one address: nothing that a lead or a request holds adds another, whatever it looks like.", func(e *notifications) {
		for i, text := range hostile {
			m := e.credential(i)
			m.Name, m.Locale, m.Languages, m.Template = text, text, text, ""
			m.IdentityProviders = []string{text}
			before := len(e.deliveries())
			err := e.notifier.Notify(e.ctx, m)
			all := e.deliveries()
			if err == nil && len(all) == before {
				e.errorf("Notify reported success for a message with name %q and delivered nothing", text)
			}
			for _, d := range all[before:] {
				e.only(d, m.To)
			}
		}
	}},
	{"hostile-address", "To is one address: one that would be several, or a command, is taken as it is or not at all.", func(e *notifications) {
		good := e.credential(1).To
		for _, to := range []string{
			good + ", evil@example.net", good + ";evil@example.net", good + " evil@example.net", good + "\r\nBcc: evil@example.net",
			good + "\nRCPT TO:<evil@example.net>", good + ">\r\nRCPT TO:<evil@example.net", "<" + good + "> <evil@example.net>", "Evil <evil@example.net>", good + "\x00evil@example.net",
			good + "&to=%2B14157740000", "+14157740000,+14157740001",
		} {
			m := e.credential(1)
			m.To = to
			before := len(e.deliveries())
			err := e.notifier.Notify(e.ctx, m)
			all := e.deliveries()
			for _, d := range all[before:] {
				e.only(d, to)
			}
			if err == nil && len(all) == before {
				e.errorf("Notify reported success for a message to %q and delivered nothing", to)
			}
		}
	}},
	{"context-ended", "Notify returns when ctx ends: at once, if it had ended before, and then not with success for what it did not deliver.", func(e *notifications) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		m := e.credential(1)
		var err error
		e.within(e.h.Patience, "Notify with a ctx that had ended", func() { err = e.notifier.Notify(ctx, m) })
		if n := len(e.deliveries()); err == nil && n == 0 {
			e.errorf("Notify reported success and delivered nothing")
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
			e.within(wait+e.h.Patience, "Notify while the next hop does not answer", func() { err = e.notifier.Notify(ctx, e.credential(1)) })
			cancel()
			e.failure(err, e.credential(1), "Notify while the next hop does not answer")
			if errors.Is(err, recovery.ErrPermanent) {
				e.errorf("Notify reported a next hop that does not answer as permanent: %v", err)
			}
		}
	}},
	{"refused", "An error that no retry can mend wraps ErrPermanent, so that the queue does not try again.", func(e *notifications) {
		if e.h.Refuse == nil {
			e.skip("needs NotifierHarness.Refuse")
		}
		e.h.Refuse(e.t, e.notifier)
		m := e.credential(1)
		err := e.notifier.Notify(e.ctx, m)
		e.failure(err, m, "Notify of what the next hop refuses")
		e.wantError(err, recovery.ErrPermanent, "Notify of what the next hop refuses")
	}},
	{"broken", "An error makes the queue try again: a failure that may pass does not wrap ErrPermanent.", func(e *notifications) {
		if e.h.Break == nil {
			e.skip("needs NotifierHarness.Break")
		}
		e.h.Break(e.t, e.notifier)
		m := e.credential(1)
		err := e.notifier.Notify(e.ctx, m)
		e.failure(err, m, "Notify while the next hop fails")
		if errors.Is(err, recovery.ErrPermanent) {
			e.errorf("Notify reported a failure that may pass as permanent: %v", err)
		}
	}},
}

// hostile are texts that end a line, a header or a piece of markup.
var hostile = []string{
	"Anna\r\nBcc: evil@example.net", "Anna\nTo: evil@example.net", "Anna\rCc: evil@example.net", "Anna\r\n\r\nGo to https://evil.example.net",
	`"Anna" <evil@example.net>, `, "Anna\r\n.\r\nRCPT TO:<evil@example.net>", "Anna, evil@example.net", "=?utf-8?q?Anna=0D=0ABcc:_evil=40example.net?=",
	"{{.To}}{{range .}}", `<img src="https://evil.example.net">`, "Anna\x00\u2028\u0085Bcc: evil@example.net", "${jndi:x}%s%n", strings.Repeat("A", 4000), "",
	"\u202ettocsim\u202c", "+14157740000",
}

// failure demands an error that says nothing that only the person may know.
func (e *notifications) failure(err error, m recovery.Message, what string) {
	if err == nil {
		e.errorf("%s reported success", what)
		return
	}
	for _, secret := range []string{m.URL.Reveal(), m.Code.Reveal()} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			e.errorf("%s: the error quotes the link or code", what)
		}
	}
}
