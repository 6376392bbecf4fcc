package servertest_test

import (
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// Each brand has its sender, where answers and bounces go. What a sender leaves out is
// that of the options.
func TestSenderOfABrand(t *testing.T) {
	for _, test := range []struct {
		sentence string
		bounces  string // Options.EnvelopeSender
		sender   smtpnotifier.Sender
		from     string // and where the Message-ID is from
		replyTo  string
		envelope string
	}{
		{"none", "", smtpnotifier.Sender{}, "no-reply@accounts.example.com", "help@example.com", "no-reply@accounts.example.com"},
		{"an address", "", smtpnotifier.Sender{From: netmail.Address{Name: "Söhne", Address: "hello@acme.example"}}, "hello@acme.example", "", "hello@acme.example"},
		{"an address, and bounces to one place", "bounces@example.com", smtpnotifier.Sender{From: netmail.Address{Address: "hello@acme.example"}}, "hello@acme.example", "", "bounces@example.com"},
		{"all", "bounces@example.com", smtpnotifier.Sender{From: netmail.Address{Address: "hello@acme.example"}, ReplyTo: netmail.Address{Address: "ask@acme.example"}, EnvelopeSender: "bounces@acme.example"}, "hello@acme.example", "ask@acme.example", "bounces@acme.example"},
	} {
		r := new(relay).startPiped(t)
		opts := piped(r)
		opts.From.Address, opts.EnvelopeSender = "no-reply@accounts.example.com", test.bounces
		opts.ReplyTo = netmail.Address{Address: "help@example.com"}
		opts.SenderOf = func(m recovery.Message) smtpnotifier.Sender {
			if m.Brand != "acme" {
				t.Errorf("asked for brand %q", m.Brand)
			}
			return test.sender
		}
		n := newNotifier(t, words(plain), opts)
		m := message()
		m.Brand = "acme"
		if err := n.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := only(t, r)
		p := parse(t, got.data)
		from, err := p.header.AddressList("From")
		if err != nil || from[0].Address != test.from || test.sender.From.Name != "" && from[0].Name != test.sender.From.Name {
			t.Errorf("%s: From %v, %v", test.sentence, from, err)
		}
		if replyTo := p.header.Get("Reply-To"); test.replyTo == "" && slices.Contains(p.names, "Reply-To") || !strings.Contains(replyTo, test.replyTo) {
			t.Errorf("%s: Reply-To %s, want %s", test.sentence, replyTo, test.replyTo)
		}
		_, domain, _ := strings.Cut(test.from, "@")
		if id := p.header.Get("Message-ID"); !strings.HasSuffix(id, "@"+domain+">") {
			t.Errorf("%s: Message-ID %s", test.sentence, id)
		}
		if got.from != test.envelope {
			t.Errorf("%s: MAIL FROM %s, want %s", test.sentence, got.from, test.envelope)
		}
	}
}

// A sender that would break a header field or a command sends nothing, and no mail
// goes out under another name (A13, A104). The host can mend it.
func TestSenderOfABrandIsChecked_A13_A104(t *testing.T) {
	for _, sender := range []smtpnotifier.Sender{
		{From: netmail.Address{Name: "Acme"}},
		{From: netmail.Address{Name: "Acme\r\nBcc: eve@evil.example", Address: "hello@acme.example"}},
		{From: netmail.Address{Address: "hello@acme.example>\r\nRCPT TO:<eve@evil.example"}},
		{From: netmail.Address{Address: "hello@acme.example"}, ReplyTo: netmail.Address{Address: "nobody"}},
		{From: netmail.Address{Address: "hello@acme.example"}, EnvelopeSender: "<>"},
	} {
		r := new(relay).startPiped(t)
		opts := piped(r)
		opts.SenderOf = func(recovery.Message) smtpnotifier.Sender { return sender }
		err := newNotifier(t, words(plain), opts).Notify(t.Context(), message())
		if err == nil || errors.Is(err, recovery.ErrPermanent) || strings.Contains(err.Error(), "evil") {
			t.Errorf("%+v: %v", sender, err)
		}
		if len(r.taken()) > 0 {
			t.Errorf("%+v: sent", sender)
		}
	}
}
