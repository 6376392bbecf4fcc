package servertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// headerTo returns the line of the field To.
func headerTo(t *testing.T, data []byte) string {
	t.Helper()
	unfolded := strings.ReplaceAll(string(data), "\r\n ", " ")
	for line := range strings.Lines(unfolded) {
		if strings.HasPrefix(line, "To:") {
			return strings.TrimRight(line, "\r\n")
		}
	}
	t.Fatal("there is no To")
	return ""
}

func notifyTo(t *testing.T, n *smtpnotifier.Notifier, to string) error {
	t.Helper()
	m := message()
	m.To, m.ID = to, "for "+to
	return within(t, 10*time.Second, func() error { return n.Notify(t.Context(), m) })
}

// Addresses of Japanese carriers have dots where RFC 5321 wants quotes. No mail
// needs SMTPUTF8 for them.
func TestDotsOfCarriers(t *testing.T) {
	r := &relay{utf8: true}
	r.start(t)
	n := newNotifier(t, words(plain), options(r.addr))
	for _, test := range []struct{ to, wire string }{
		{"foo.@docomo.ne.jp", `"foo."@docomo.ne.jp`},
		{"A..b@docomo.ne.jp", `"A..b"@docomo.ne.jp`},
		{"a.b@docomo.ne.jp", `a.b@docomo.ne.jp`},
		{"a!#$%&'*+/=?^_`{|}~..@ezweb.ne.jp", "\"a!#$%&'*+/=?^_`{|}~..\"@ezweb.ne.jp"},
	} {
		if err := notifyTo(t, n, test.to); err != nil {
			t.Fatal(err)
		}
		all := r.taken()
		m := all[len(all)-1]
		if !slices.Equal(m.to, []string{test.to}) || m.utf8 {
			t.Errorf("%s: to %q (SMTPUTF8 %t)", test.to, m.to, m.utf8)
		}
		if !strings.Contains(r.bytes(), "RCPT TO:<"+test.wire+">\r\n") {
			t.Errorf("%s is not sent as %s", test.to, test.wire)
		}
		if got := headerTo(t, m.data); got != "To: <"+test.wire+">" {
			t.Errorf("%s: %s", test.to, got)
		}
		to, err := netmail.ParseAddress(parse(t, m.data).header.Get("To"))
		if err != nil || to.Address != test.to {
			t.Errorf("%s is read as %v, %v", test.to, to, err)
		}
	}
}

// An address with letters outside ASCII goes, byte for byte, to a relay that
// offers SMTPUTF8. No other mail over that connection asks for it.
func TestLettersOutsideASCII(t *testing.T) {
	r := &relay{utf8: true}
	r.start(t)
	n := newNotifier(t, words(plain), options(r.addr))
	for _, to := range []string{
		"müller@example.com", "Anna@example.com", "用户@xn--r8jz45g.xn--zckzah", "Ä..ö@example.com",
		strings.Repeat("ü", 32) + "@" + strings.Repeat(strings.Repeat("x", 59)+".", 3) + "example",
	} {
		if err := notifyTo(t, n, to); err != nil {
			t.Fatalf("%q: %v", to, err)
		}
		all := r.taken()
		m := all[len(all)-1]
		if want := to != "Anna@example.com"; !slices.Equal(m.to, []string{to}) || m.utf8 != want {
			t.Errorf("%q: to %q (SMTPUTF8 %t)", to, m.to, m.utf8)
		}
		line := "To: <" + to + ">"
		if strings.Contains(to, "..") {
			line = `To: <"Ä..ö"@example.com>`
		}
		if got := headerTo(t, m.data); got != line {
			t.Errorf("%q, want %q", got, line)
		}
		// Nothing else has eight bits.
		parse(t, []byte(strings.Replace(string(m.data), strings.TrimPrefix(line, "To: "), "<x@example.com>", 1)))
	}
	if all, _ := r.counts(); all != 1 {
		t.Errorf("%d connections, want 1", all)
	}
}

// A relay without SMTPUTF8 is shown nothing of the mail. The error is permanent
// and says why. The connection stays, also where it was idle.
func TestRelayWithoutSMTPUTF8(t *testing.T) {
	r := new(relay)
	r.start(t)
	n := newNotifier(t, words(plain), options(r.addr))
	for range 2 {
		err := notifyTo(t, n, "müller@example.com")
		e, ok := errors.AsType[*smtpnotifier.Error](err)
		if !ok || !errors.Is(err, recovery.ErrPermanent) || e.Stage != smtpnotifier.StageRecipient || !strings.Contains(err.Error(), "offers no SMTPUTF8") {
			t.Fatalf("got %v", err)
		}
		if strings.Contains(err.Error(), "ller@") {
			t.Errorf("the error quotes the address: %v", err)
		}
		if wire := r.bytes(); strings.Contains(wire, "ller@") {
			t.Errorf("the relay was shown the address:\n%s", wire)
		}
		if err := notifyTo(t, n, "anna@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := r.counts(); all != 1 {
		t.Errorf("%d connections, want 1", all)
	}
}

// A server may write the keyword in any case.
func TestSMTPUTF8InAnyCase(t *testing.T) {
	addr, said := scripted(t, func(p *peer) {
		p.serve(map[string]func() bool{"EHLO": func() bool {
			p.write("250-relay.example.com\r\n250-8bitmime\r\n250 smtputf8\r\n")
			return true
		}})
	})
	if err := notifyTo(t, newNotifier(t, words(plain), options(addr)), "müller@example.com"); err != nil {
		t.Fatal(err)
	}
	if wire := said(); !strings.Contains(wire, "MAIL FROM:<no-reply@accounts.example.com> SMTPUTF8\nRCPT TO:<müller@example.com>\n") {
		t.Errorf("the notifier said\n%s", wire)
	}
}

// A person whose address has dots that RFC 5321 wants in quotes, or letters
// outside ASCII, asks for a link, gets it and chooses a new password. Where the
// relay cannot write to the address, the answer is the same, and the events and
// the log say why nothing came.
func TestResetWithAddressesThatExist(t *testing.T) {
	for _, test := range []struct {
		stored, typed string
		utf8          bool // the relay offers SMTPUTF8
		arrives       bool
	}{
		{"foo.@docomo.ne.jp", " FOO.@Docomo.ne.jp", false, true},
		{"a..b@docomo.ne.jp", "a..b@docomo.ne.jp", false, true},
		{"M\u00fcller@example.com", "m\u00fcller@EXAMPLE.com", true, true},
		{"m\u00fcller@xn--bcher-kva.example", "m\u00fcller@b\u00fccher.example", true, true},
		{"m\u00fcller@example.com", "m\u00fcller@example.com", false, false},
		{"m\u00fcller@example.com", "M\u00dcLLER@example.com", true, false}, // only A to Z are folded
	} {
		t.Run(test.stored+" typed as "+test.typed, func(t *testing.T) {
			r := &relay{utf8: test.utf8}
			r.start(t)
			p := newHost(t, newNotifier(t, newSet(t), options(r.addr)), test.stored)
			if code := p.post(t, "/forgot-password", map[string]any{"email": test.typed}); code != http.StatusAccepted {
				t.Fatalf("forgot: %d", code)
			}
			if !test.arrives {
				if test.utf8 {
					p.waitFor(t, recovery.EventMessageSuppressed)
				} else {
					e := p.waitFor(t, recovery.EventDeliveryFailed)
					if !strings.Contains(e.Cause, "offers no SMTPUTF8") || e.LeadID == "" {
						t.Errorf("the event is %+v", e)
					}
					p.waitFor(t, recovery.EventDeadLetter) // at once: no retry can succeed
					testenv.Eventually(t, 5*time.Second, "the log says why", func() bool {
						return strings.Contains(p.log.String(), "offers no SMTPUTF8")
					})
				}
				if taken := r.taken(); len(taken) > 0 {
					t.Errorf("a mail to %q", taken[0].to)
				}
				if strings.Contains(p.log.String(), "ller@") {
					t.Errorf("the log has the address:\n%s", p.log.String())
				}
				return
			}
			p.waitFor(t, recovery.EventMessageSent)
			mail := only(t, r)
			if !slices.Equal(mail.to, []string{test.stored}) {
				t.Fatalf("the mail is to %q, want %q", mail.to, test.stored)
			}
			ascii := strings.ReplaceAll(string(mail.data), test.stored, "x@example.com")
			token := regexp.MustCompile(`https://portal\.example\.com/reset\?token=(\S+)`).FindStringSubmatch(parse(t, []byte(ascii)).text)
			if token == nil {
				t.Fatal("the mail has no link")
			}
			if code := p.post(t, "/reset-password", map[string]any{"token": token[1], "password": "three brass monkeys on a hill"}); code != http.StatusNoContent {
				t.Fatalf("reset: %d", code)
			}
			e := p.waitFor(t, recovery.EventPasswordReset)
			if p.leads.Hash(e.LeadID) == "old" {
				t.Error("the password is the old one")
			}
			// The notice goes there too.
			testenv.Eventually(t, 10*time.Second, "the notice", func() bool { return len(r.taken()) == 2 })
			if notice := r.taken()[1]; !slices.Equal(notice.to, []string{strings.ToLower(test.stored)}) && !slices.Equal(notice.to, []string{test.stored}) {
				t.Errorf("the notice is to %q", notice.to)
			}
		})
	}
}

// A host is a Service with one lead, whose messages are sent.
type host struct {
	service *recovery.Service
	leads   *recoverytest.Leads
	log     *recordedLog

	mu     sync.Mutex
	events []recovery.Event
}

type recordedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *recordedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *recordedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newHost(t *testing.T, n recovery.Notifier, address string) *host {
	t.Helper()
	h := &host{leads: recoverytest.NewLeads(), log: new(recordedLog)}
	h.leads.AddEmail(address, "old")
	var err error
	h.service, err = recovery.New(h.leads, recovery.NewMemoryTokenStore(), n, recovery.Options{
		Keys: [][]byte{recovery.NewKey()}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true, Logger: slog.New(slog.NewTextHandler(h.log, nil)),
		Events: func(_ context.Context, e recovery.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(10*time.Second))
		defer cancel()
		_ = h.service.Shutdown(ctx)
	})
	return h
}

// post calls the JSON API and returns the status.
func (h *host) post(t *testing.T, path string, body any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.service.Handler().ServeHTTP(w, r)
	return w.Code
}

// waitFor returns the first event of a kind.
func (h *host) waitFor(t *testing.T, kind recovery.EventKind) (found recovery.Event) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, string(kind), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		i := slices.IndexFunc(h.events, func(e recovery.Event) bool { return e.Kind == kind })
		if i >= 0 {
			found = h.events[i]
		}
		return i >= 0
	})
	return found
}
