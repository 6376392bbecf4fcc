package recoverytest

import (
	"context"
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
	// for the time being, best with an answer that quotes the message. Mend
	// ends what one of them began. Each is optional.
	Stall, Refuse, Break, Mend func(t *testing.T, n recovery.Notifier)

	// Patience is how long Notify may go on after its ctx has ended, and how long
	// Budgets may take, which must return at once. Default 2 s.
	Patience time.Duration

	// Bubble is synctest.Test for a notifier that does no I/O. Calls must take no
	// time in it. Optional.
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
			recovery.MessageNoPassword, recovery.MessageInvitation, recovery.MessageResetRequired,
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

// message returns the i-th message of its kind, to an address of its own. It has
// what a Service sets: only a link and a code expire.
func (e *notifications) message(kind recovery.MessageKind, i int) recovery.Message {
	now := time.Now()
	m := recovery.Message{
		ID: random(), Kind: kind, Channel: e.h.Channel, LeadID: random(), Name: "Anna Example", Locale: "en",
		// The part before the '@' is for the receiving server alone to
		// interpret: it may tell capitals apart, and the tag.
		To: fmt.Sprintf("Lead%d.Example+Tag@Example.com", i), RequestedAt: now,
		Client: netip.MustParseAddr("192.0.2.1"),
	}
	if e.h.Channel == recovery.ChannelSMS {
		// The number is valid, for notifiers that check it.
		m.To = fmt.Sprintf("+1415774%04d", i)
	}
	switch kind {
	case recovery.MessageResetLink, recovery.MessageInvitation, recovery.MessageResetRequired:
		// The link is as the Service makes them, with characters that templates
		// often escape.
		m.URL = recovery.NewSecret("https://example.com/reset?LeadId=" + m.LeadID + "&token=" + random() + "-_~%3D#a")
		m.Expires = now.Add(time.Hour)
	case recovery.MessageResetCode:
		m.Code = recovery.NewSecret(fmt.Sprintf("%08d", 4_217+i)) // with zeros in front
		m.Expires = now.Add(10 * time.Minute)
	case recovery.MessageNoPassword:
		m.IdentityProviders = []string{"Google"}
	case recovery.MessageUnknownAddress:
		m.LeadID, m.Name = "", ""
	}
	switch kind {
	case recovery.MessageResetLink, recovery.MessageResetCode, recovery.MessagePasswordChanged:
		m.NotMe = recovery.NewSecret("https://example.com/not-me?lang=en&token=" + random() + "-_")
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

// try calls Notify, and fails if the error quotes a secret of the message.
func (e *notifications) try(ctx context.Context, m recovery.Message) error {
	err := e.notifier.Notify(ctx, m)
	if err != nil {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err)} {
			if field := quotesSecret(text, m); field != "" {
				e.errorf("the contract also says (recovery.Notifier.Notify): An error must not quote the link, the code or NotMe, nor a part of them, in whatever escaping. "+
					"But Notify of a message (%s) returned %s, which quotes the message's %s, %q, or a part of it, want an error without it", m.Kind, outcomeOf(err), field, secretOf(m, field))
				break
			}
		}
	}
	return err
}

func (e *notifications) notify(m recovery.Message) {
	if err := e.try(e.ctx, m); err != nil {
		e.fatalf("Notify of %v: it returned %s, want none", m, outcomeOf(err))
	}
}

// delivered makes Notify deliver the message, and returns the deliveries that
// this has added.
func (e *notifications) delivered(m recovery.Message) []Delivery {
	before := len(e.deliveries())
	e.notify(m)
	all := e.deliveries()
	return all[min(before, len(all)):]
}

// secretOf returns what a field of the message hides.
func secretOf(m recovery.Message, field string) string {
	return map[string]recovery.Secret{"URL": m.URL, "Code": m.Code, "NotMe": m.NotMe}[field].Reveal()
}

// wantText fails unless the text of a delivery contains the message's secrets. A
// text message is short, so it may leave NotMe out beside a link or a code.
func (e *notifications) wantText(d Delivery, m recovery.Message) {
	short := m.Channel == recovery.ChannelSMS && m.Kind != recovery.MessagePasswordChanged
	for _, part := range []struct {
		name   string
		secret recovery.Secret
	}{{"URL", m.URL}, {"Code", m.Code}, {"NotMe", m.NotMe}} {
		if short && part.name == "NotMe" {
			continue
		}
		if !strings.Contains(d.Text, part.secret.Reveal()) {
			e.errorf("Notify of a message (%s): the text that was delivered does not contain its %s, want %q in it, unchanged. The text is %.500q", m.Kind, part.name, part.secret.Reveal(), d.Text)
		}
	}
	if strings.Contains(d.Text, m.URL.String()) {
		e.errorf("Notify of a message (%s): the text that was delivered contains %q, which is what a recovery.Secret prints, want the link itself (Secret.Reveal)", m.Kind, m.URL)
	}
}

// wantOnly fails unless a delivery goes to the message's address, once or more
// often, and to no other.
func (e *notifications) wantOnly(d Delivery, to string) {
	if len(d.To) == 0 {
		e.errorf("Notify of a message: it was delivered to nobody, want %q", to)
	}
	for _, got := range d.To {
		if !sameAddress(got, to) {
			e.errorf("Notify of a message: it was delivered to %q, want only %q, as it is written", d.To, to)
			return
		}
	}
}

// sameAddress compares addresses: all but the domain byte by byte.
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 {
		return a == b
	}
	return a[:i] == b[:j] && strings.EqualFold(a[i:], b[j:])
}
