package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// sharedRenderer is made once, because it is immutable and takes a while to make.
var sharedRenderer = sync.OnceValues(func() (*messages.Renderer, error) {
	return messages.New(messages.Options{
		Product: "Acme Portal", Host: "portal.example.com", Logger: slog.New(slog.DiscardHandler),
	})
})

func newSet(t testing.TB) *messages.Renderer {
	t.Helper()
	set, err := sharedRenderer()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The Notifier keeps the contract of every Notifier, with a relay on the
// loopback interface.
func TestContract(t *testing.T) {
	relays := map[recovery.Notifier]*relay{}
	ends := map[recovery.Notifier]func(){} // of what Stall began
	recoverytest.TestNotifier(t, recoverytest.NotifierHarness{
		New: func(t *testing.T) recovery.Notifier {
			r := new(relay)
			r.start(t)
			n := newNotifier(t, newSet(t), options(r.addr))
			relays[n] = r
			return n
		},
		Deliveries: func(t *testing.T, n recovery.Notifier) []recoverytest.Delivery {
			var all []recoverytest.Delivery
			for _, m := range relays[n].taken() {
				p := parse(t, m.data)
				to, err := p.header.AddressList("To")
				if err != nil {
					t.Errorf("To: %v", err)
				}
				d := recoverytest.Delivery{To: slices.Clone(m.to), Text: p.subject + "\n" + p.text + "\n" + html.UnescapeString(p.html)}
				for _, a := range to {
					d.To = append(d.To, a.Address)
				}
				all = append(all, d)
			}
			return all
		},
		Stall: func(t *testing.T, n recovery.Notifier) {
			end := make(chan struct{})
			let := sync.OnceFunc(func() { close(end) })
			t.Cleanup(let)
			ends[n] = let
			relays[n].answers(func(string) error { <-end; return nil }, nil)
		},
		Refuse: func(_ *testing.T, n recovery.Notifier) {
			relays[n].answers(func(to string) error {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox " + to}
			}, nil)
		},
		Break: func(_ *testing.T, n recovery.Notifier) {
			relays[n].answers(nil, func(data []byte) error {
				return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: string(data[len(data)-200:])}
			})
		},
		Mend: func(_ *testing.T, n recovery.Notifier) {
			if let := ends[n]; let != nil {
				let()
			}
			relays[n].answers(nil, nil)
		},
		Patience: testenv.Patience(2 * time.Second),
	})
}

// A12, A13: a mail has one recipient, which is the stored address byte for
// byte, whatever a relay offers. Bounces go to EnvelopeSender.
func TestEnvelope(t *testing.T) {
	r := &relay{utf8: true}
	r.start(t)
	opts := options(r.addr)
	opts.EnvelopeSender = "bounces@mail.example.com"
	n := newNotifier(t, words(plain), opts)
	if err := n.Notify(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	m := only(t, r)
	if !slices.Equal(m.to, []string{"Anna.Example+Portal@Example.COM"}) || m.from != "bounces@mail.example.com" || m.utf8 {
		t.Errorf("from %q to %q (SMTPUTF8 %t)", m.from, m.to, m.utf8)
	}
	wire := r.bytes()
	for command, want := range map[string]string{
		"EHLO ": "EHLO accounts.example.com\r\n", "MAIL ": "MAIL FROM:<bounces@mail.example.com> BODY=8BITMIME\r\n",
		"RCPT ": "RCPT TO:<Anna.Example+Portal@Example.COM>\r\n",
	} {
		if strings.Count(wire, command) != 1 || !strings.Contains(wire, want) {
			t.Errorf("want %q once in\n%s", want, wire)
		}
	}
}

// A12, A13 (CVE-2025-59937): a recipient that is not one plain address reaches
// no server.
func TestHostileAddresses_A13(t *testing.T) {
	r := new(relay).start(t)
	n := newNotifier(t, words(plain), options(r.addr))
	for _, to := range []string{
		"", "anna", "@example.com", "anna@", "anna@localhost", "anna@@example.com", "anna@example.com.", "anna@[192.0.2.1]",
		" anna@example.com", "anna@example.com ", "anna@example.com\r\n", "anna@example.com\nBcc: evil@example.net",
		"anna@example.com>\r\nRCPT TO:<evil@example.net", "anna@example.com> ORCPT=rfc822;evil@example.net",
		`"anna@example.com> ORCPT=a"@example.net`, `"anna"@example.com`, "Anna <anna@example.com>", "<anna@example.com>",
		"anna@example.com,evil@example.net", "anna@example.com;evil@example.net", "anna@example.com evil@example.net",
		"@relay.example:anna@example.com", "anna(comment)@example.com", ".anna@example.com", "..anna@example.com",
		"anna\u0301@example.com", "\u0338anna@example.com", "\u0301anna@example.com", "\u212anna@example.com", "an\u037ena@example.com",
		"ann\u00e1@ex\u00e4mple.com", "ann\u00e1@example.com> SMTPUTF8", "ann\u00e1\u0085@example.com", "ann\u00e1\u2028@example.com",
		"ann\u00e1\u202e@example.com", "ann\u00e1\u00a0@example.com", "ann\u00e1\r\nRCPT TO:<evil@example.net>@example.com", "ann\xe1@example.com",
		`"ann\u00e1"@example.com`, "ann\u00e1..\\@example.com", "anna@ex\u00e4mple.com", "anna\uff20example.com", "anna\x00@example.com", "anna\t@example.com",
		strings.Repeat("a", 65) + "@example.com", "anna@" + strings.Repeat("a.", 200) + "com", "anna!evil@example",
	} {
		m := message()
		m.To = to
		err := n.Notify(t.Context(), m)
		if !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("to %q: %v, want one that is permanent", to, err)
		}
		if err != nil && len(to) > 3 && strings.Contains(err.Error(), to) {
			t.Errorf("the error quotes the address: %v", err)
		}
	}
	if all, _ := r.counts(); all != 0 {
		t.Errorf("%d connections to the relay", all)
	}
	m := message()
	m.Channel = recovery.ChannelSMS
	if err := n.Notify(t.Context(), m); !errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("a message for another channel: %v", err)
	}
}

// For every reply of a server, at every stage, the error says what the queue
// should do, and quotes nothing of the reply (A39).
func TestReplies(t *testing.T) {
	const temporary, permanent = false, true
	tests := []struct {
		sentence  string
		stage     smtpnotifier.Stage
		code      int
		enhanced  string
		permanent bool
	}{
		{"the sender is refused: the host's configuration", smtpnotifier.StageSender, 550, "5.7.1", temporary},
		{"the sender's mailbox is over quota", smtpnotifier.StageSender, 552, "5.2.2", temporary},
		{"the server wants a password first", smtpnotifier.StageSender, 530, "5.7.0", temporary},
		{"the sender is unknown for now", smtpnotifier.StageSender, 451, "4.3.0", temporary},
		{"the mailbox is unknown", smtpnotifier.StageRecipient, 550, "5.1.1", permanent},
		{"the mailbox is unknown, to a server without enhanced codes", smtpnotifier.StageRecipient, 550, "", permanent},
		{"the mailbox has moved", smtpnotifier.StageRecipient, 551, "5.1.6", permanent},
		{"the mailbox is full for good", smtpnotifier.StageRecipient, 552, "5.2.2", permanent},
		{"the mailbox name is not allowed", smtpnotifier.StageRecipient, 553, "5.1.3", permanent},
		{"the domain takes no mail", smtpnotifier.StageRecipient, 556, "5.1.10", permanent},
		{"the transaction failed", smtpnotifier.StageRecipient, 554, "", permanent},
		{"the address is not well formed", smtpnotifier.StageRecipient, 501, "5.1.3", permanent},
		{"the relay does not relay for this host", smtpnotifier.StageRecipient, 554, "5.7.1", temporary},
		{"the relay wants a password first", smtpnotifier.StageRecipient, 530, "5.7.0", temporary},
		{"the relay wants a password first, without enhanced codes", smtpnotifier.StageRecipient, 530, "", temporary},
		{"the relay wants TLS first", smtpnotifier.StageData, 538, "5.7.11", temporary},
		{"the relay lost track", smtpnotifier.StageRecipient, 503, "5.5.1", temporary},
		{"the relay grey-lists", smtpnotifier.StageRecipient, 450, "4.2.0", temporary},
		{"the mailbox is full for now", smtpnotifier.StageRecipient, 452, "4.2.2", temporary},
		{"the relay goes away", smtpnotifier.StageRecipient, 421, "4.3.2", temporary},
		{"the content is refused", smtpnotifier.StageData, 554, "5.7.1", permanent},
		{"the content is refused, to a server without enhanced codes", smtpnotifier.StageData, 550, "", permanent},
		{"the message is too long", smtpnotifier.StageData, 552, "5.3.4", permanent},
		{"the relay does not know DATA", smtpnotifier.StageData, 502, "5.5.1", temporary},
		{"the relay is short of disk", smtpnotifier.StageData, 452, "4.3.1", temporary},
		{"the relay failed", smtpnotifier.StageData, 451, "4.3.0", temporary},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := new(relay)
			fail := func(stage smtpnotifier.Stage) error {
				if stage != test.stage {
					return nil
				}
				e := &smtp.SMTPError{Code: test.code, EnhancedCode: smtp.NoEnhancedCode, Message: "<" + message().To + "> wants " + link + " 12345678"}
				if test.enhanced != "" {
					var c smtp.EnhancedCode
					if _, err := fmt.Sscanf(test.enhanced, "%d.%d.%d", &c[0], &c[1], &c[2]); err != nil {
						t.Fatal(err)
					}
					e.EnhancedCode = c
				}
				return e
			}
			r.mail = func(string) error { return fail(smtpnotifier.StageSender) }
			r.rcpt = func(string) error { return fail(smtpnotifier.StageRecipient) }
			r.body = func([]byte) error { return fail(smtpnotifier.StageData) }
			r.start(t)
			n := newNotifier(t, words(plain), options(r.addr))
			err := n.Notify(t.Context(), message())
			e, ok := errors.AsType[*smtpnotifier.Error](err)
			if !ok {
				t.Fatalf("%v is no *Error", err)
			}
			if e.Stage != test.stage || e.Code != test.code || e.Enhanced != test.enhanced || e.Permanent != test.permanent || errors.Is(err, recovery.ErrPermanent) != test.permanent {
				t.Errorf("stage %s, code %d %s, permanent %t", e.Stage, e.Code, e.Enhanced, e.Permanent)
			}
			quotes(t, err)
			if len(r.taken()) != 0 {
				t.Error("and yet the relay took the mail")
			}
		})
	}
}

// Enhanced codes that are malformed, or of another class than the reply (RFC
// 2034, section 4), are ignored.
func TestEnhancedCodes(t *testing.T) {
	for reply, want := range map[string]string{
		"550 5.1.1 x": "5.1.1", "550 5.1.1": "5.1.1", "550-5.1.1 x\r\n550 5.1.1 y": "5.1.1", "550 4.7.1 x": "", "550 5.7": "", "550 5.7.1x": "", "550 5.7.1000 x": "",
		"550 x 5.7.1": "", "550 5.7.-1": "", "550 \u0665.7.1": "",
	} {
		addr, _ := scripted(t, func(p *peer) {
			p.serve(map[string]func() bool{"RCPT": func() bool { p.write(reply + "\r\n"); return true }})
		})
		err := newNotifier(t, words(plain), options(addr)).Notify(t.Context(), message())
		e, ok := errors.AsType[*smtpnotifier.Error](err)
		if !ok || e.Code != 550 || e.Enhanced != want || !e.Permanent {
			t.Errorf("%q is %v", reply, err)
		}
	}
}

// With a context that has ended, Notify does nothing.
func TestContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("shutting down")
	cancel(cause)
	n := newNotifier(t, words(func(recovery.Message) (messages.Mail, error) {
		t.Error("the message was rendered")
		return messages.Mail{}, nil
	}), options("192.0.2.1:25"))
	if err := n.Notify(ctx, message()); !errors.Is(err, cause) || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("%v", err)
	}
}

// quotes fails the test if an error quotes the person's address, link or code,
// or the text of the server.
func quotes(t testing.TB, err error) {
	t.Helper()
	for _, form := range []string{"%v", "%+v", "%#v"} {
		text := strings.ToLower(fmt.Sprintf(form, err))
		for _, secret := range []string{message().To, "anna", link, "wants", "12345678", password, "secret"} {
			if strings.Contains(text, strings.ToLower(secret)) {
				t.Errorf("the error quotes %q: %s", secret, text)
			}
		}
	}
}

// If no server listens, the error is temporary.
func TestNoServer(t *testing.T) {
	addr := testenv.FreeAddr(t)
	err := newNotifier(t, words(plain), options(addr)).Notify(t.Context(), message())
	e, ok := errors.AsType[*smtpnotifier.Error](err)
	if !ok || e.Stage != smtpnotifier.StageConnect || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("%v", err)
	}
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("%v does not wrap the network's", err)
	}
	// The error of the host's own Dial is passed on.
	refusal := errors.New("the proxy wants a password")
	opts := options(addr)
	opts.Server.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, refusal }
	if err := newNotifier(t, words(plain), opts).Notify(t.Context(), message()); !errors.Is(err, refusal) || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("%v", err)
	}
}

// Messages sent at the same time arrive each with its own link, over at most
// MaxConnections connections.
func TestConcurrency_A59(t *testing.T) {
	const messages, connections = 100, 3
	r := new(relay).start(t)
	opts := options(r.addr)
	d := &dialer{dial: new(net.Dialer).DialContext}
	opts.MaxConnections, opts.MessagesPerConnection, opts.Server.Dial = connections, 7, d.Dial
	n := newNotifier(t, words(plain), opts)
	errs := make(chan error)
	for i := range messages {
		go func() {
			m := message()
			m.ID, m.To, m.URL = fmt.Sprint(i), fmt.Sprintf("lead%d@example.com", i), recovery.NewSecret(fmt.Sprintf("https://example.com/r?t=%d.", i))
			errs <- n.Notify(t.Context(), m)
		}()
	}
	patience := testenv.Patience(20 * time.Second)
	for range messages {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("stuck")
		}
	}
	seen := map[string]bool{}
	for _, m := range r.taken() {
		i := strings.TrimSuffix(strings.TrimPrefix(m.to[0], "lead"), "@example.com")
		if len(m.to) != 1 || !strings.Contains(parse(t, m.data).text, "?t="+i+".") {
			t.Errorf("a mail to %q: %s", m.to, m.data)
		}
		seen[i] = true
	}
	all, most := d.all.Load(), d.most.Load()
	if len(seen) != messages || most > connections || all < messages/7 || all > messages/7+1+connections {
		t.Errorf("%d messages over %d connections, %d at once", len(seen), all, most)
	}
}
