// Package servertest_test tests package smtpnotifier with servers: a server in Go
// that other people wrote, a Postfix, and servers that misbehave on purpose.
// These tests have a module of their own, so that importers of the main module
// do not depend on a server.
package servertest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

const link = "https://portal.example.com/reset?LeadId=b1&token=aGVsbG8td29ybGQ-_~%3D&x=1.2"

// words is a Renderer that writes short texts.
type words func(m recovery.Message) (messages.Mail, error)

func (w words) Mail(m recovery.Message) (messages.Mail, error) { return w(m) }

// plain is a Renderer that writes only the secret.
func plain(m recovery.Message) (messages.Mail, error) {
	secret := m.URL.Reveal() + m.Code.Reveal()
	return messages.Mail{
		Subject: "Your new password", Text: "Here: " + secret + "\n",
		HTML:     "<p>Here: " + strings.ReplaceAll(secret, "&", "&amp;") + "</p>\n",
		Language: language.English,
	}, nil
}

// options returns the options for a relay on the loopback interface. No relay
// listens there.
func options(addr string) smtpnotifier.Options {
	return smtpnotifier.Options{
		Server: smtpnotifier.Server{Address: addr, TLS: smtpnotifier.DangerouslyPlaintext},
		From:   netmail.Address{Name: "Acme Portal", Address: "no-reply@accounts.example.com"},
	}
}

// piped returns the options for a relay in memory.
func piped(r *relay) smtpnotifier.Options {
	opts := options(r.addr)
	opts.Server.Dial = r.dial
	return opts
}

// newNotifier returns a Notifier that is shut down at the end of the test.
func newNotifier(t testing.TB, r smtpnotifier.Renderer, opts smtpnotifier.Options) *smtpnotifier.Notifier {
	t.Helper()
	n, err := smtpnotifier.New(r, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// This is not testenv.Patience, because the test may run in a bubble of
		// synctest. No delivery runs any more.
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := n.Shutdown(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return n
}

func message() recovery.Message {
	return recovery.Message{
		ID: "4Y2K7Q", Kind: recovery.MessageResetLink, Channel: recovery.ChannelEmail,
		To: "Anna.Example+Portal@Example.COM", LeadID: "lead-1", Name: "Anna Example", Locale: "en",
		URL: recovery.NewSecret(link), Expires: time.Now().Add(time.Hour), RequestedAt: time.Now(),
		Client: netip.MustParseAddr("192.0.2.7"),
	}
}

// within fails the test if f takes longer than d would be on a quiet machine.
func within(t testing.TB, d time.Duration, f func() error) error {
	t.Helper()
	d = testenv.Patience(d)
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		t.Fatalf("has not returned after %v", d)
		return nil
	}
}

// A parsed is a mail as a mail program shows it.
type parsed struct {
	header     netmail.Header
	names      []string // names of the header fields as they are spelt, sorted
	subject    string
	text, html string
}

// parse reads a mail as strictly as the standard library can. It fails the test
// on anything that two servers or readers could read differently.
func parse(t testing.TB, data []byte) parsed {
	t.Helper()
	wireSafe(t, data)
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("the mail does not parse: %v", err)
	}
	p := parsed{header: m.Header}
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			p.names = append(p.names, name)
		}
	}
	slices.Sort(p.names)
	if p.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Errorf("the subject does not decode: %v", err)
	}
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || media != "multipart/alternative" {
		t.Fatalf("Content-Type %q, %v", m.Header.Get("Content-Type"), err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatalf("no part %s: %v", want, err)
		}
		if got := part.Header.Get("Content-Type"); got != want {
			t.Errorf("a part is %q, want %q", got, want)
		}
		if got := part.Header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
			t.Errorf("a part is encoded as %q", got)
		}
		if len(part.Header) != 2 {
			t.Errorf("a part has the header %v", part.Header)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Errorf("a part does not decode: %v", err)
		}
		if strings.HasPrefix(want, "text/plain") {
			p.text = string(body)
		} else {
			p.html = string(body)
		}
	}
	if _, err := r.NextRawPart(); !errors.Is(err, io.EOF) {
		t.Errorf("after the parts: %v", err)
	}
	return p
}

// wireSafe fails the test on bytes that two servers could split into different
// lines, or that a server could refuse.
func wireSafe(t testing.TB, data []byte) {
	t.Helper()
	if bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n")) || bytes.Count(data, []byte("\n")) != bytes.Count(data, []byte("\r\n")) {
		t.Error("the mail has a bare CR or LF")
	}
	for line := range bytes.SplitSeq(data, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("the mail has a line of %d bytes", len(line))
		}
	}
	if i := bytes.IndexFunc(data, func(r rune) bool { return r >= 0x7f || r < ' ' && r != '\r' && r != '\n' && r != '\t' }); i >= 0 {
		t.Errorf("the mail has the byte %#x", data[i])
	}
}

// only returns the one mail that a relay accepted.
func only(t testing.TB, r *relay) received {
	t.Helper()
	all := r.taken()
	if len(all) != 1 {
		t.Fatalf("the relay took %d mails, want 1", len(all))
	}
	return all[0]
}
