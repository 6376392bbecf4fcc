package httpsms_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/safedial"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/smsnotifier"
	"github.com/seed-51359b35/recovery/smsnotifier/httpsms"
)

const (
	recipient = "+4915123456789"
	words     = "Příklad: 90412773 is your code & <nobody> else's\n@example.com #90412773"
)

// secret returns a signing secret of n bytes.
func secret(fill byte, n int) recovery.Secret {
	return recovery.NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(fill)), n))))
}

// A gateway is a receiver that verifies requests with the library of Standard
// Webhooks.
type gateway struct {
	*httptest.Server
	verifier *standardwebhooks.Webhook

	mu      sync.Mutex
	bodies  [][]byte
	headers []http.Header
	bad     []error
	answer  func(w http.ResponseWriter, r *http.Request)
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret('a', 32).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{verifier: verifier, answer: func(http.ResponseWriter, *http.Request) {}}
	g.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		g.bodies, g.headers = append(g.bodies, body), append(g.headers, r.Header)
		if err := verifier.Verify(body, r.Header); err != nil {
			g.bad = append(g.bad, err)
		}
		answer := g.answer
		g.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) set(answer func(w http.ResponseWriter, r *http.Request)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

func (g *gateway) requests() (bodies [][]byte, headers []http.Header, bad []error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.bodies), slices.Clone(g.headers), slices.Clone(g.bad)
}

// options returns options for the gateway, which is on this machine.
func (g *gateway) options() httpsms.Options {
	pool := x509.NewCertPool()
	pool.AddCert(g.Certificate())
	return httpsms.Options{
		URL: g.URL + "/send?key=hunter2", Secrets: []recovery.Secret{secret('a', 32)}, RootCAs: pool,
		DangerouslyAllowPrivateAddresses: true,
	}
}

func newProvider(t testing.TB, opts httpsms.Options) *httpsms.Provider {
	t.Helper()
	p, err := httpsms.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text() smsnotifier.Text {
	return smsnotifier.Text{
		ID: "job-1", To: recipient, Country: "DE", Body: recovery.NewSecret(words), Segments: 2,
		NotAfter: time.Date(2027, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)),
	}
}

// The request is the one in the package's documentation.
func TestSendIsWhatIsDocumented(t *testing.T) {
	g := newGateway(t)
	if err := newProvider(t, g.options()).Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	bodies, headers, bad := g.requests()
	if len(bodies) != 1 || len(bad) != 0 {
		t.Fatalf("%d requests, signatures %v", len(bodies), bad)
	}
	var got map[string]any
	if err := json.Unmarshal(bodies[0], &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": "job-1", "to": recipient, "text": words, "country": "DE", "segments": 2.0, "gsm7": false,
		"expires": "2027-01-02T02:04:05Z",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("body %v, want %v", got, want)
	}
	h := headers[0]
	if h.Get("Content-Type") != "application/json" || h.Get("webhook-id") != "job-1" || strings.Contains(h.Get("User-Agent"), "Go-http") {
		t.Errorf("headers %v", h)
	}
}

func TestExpiresIsLeftOutWhereNothingDoes(t *testing.T) {
	g := newGateway(t)
	message := text()
	message.NotAfter, message.GSM7 = time.Time{}, true
	if err := newProvider(t, g.options()).Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	bodies, _, _ := g.requests()
	if s := string(bodies[0]); strings.Contains(s, "expires") || !strings.Contains(s, `"gsm7":true`) {
		t.Errorf("body %s", s)
	}
}

// webhook-id, by which a gateway avoids sending twice, is the same for every
// attempt and covered by the signature.
func TestAttemptsShareTheirID(t *testing.T) {
	g := newGateway(t)
	p := newProvider(t, g.options())
	for range 2 {
		if err := p.Send(t.Context(), text()); err != nil {
			t.Fatal(err)
		}
	}
	bodies, headers, bad := g.requests()
	if headers[0].Get("webhook-id") != headers[1].Get("webhook-id") || string(bodies[0]) != string(bodies[1]) || len(bad) != 0 {
		t.Errorf("ids %q and %q, signatures %v", headers[0].Get("webhook-id"), headers[1].Get("webhook-id"), bad)
	}
	forged := headers[0].Clone()
	forged.Set("webhook-id", "job-2")
	if g.verifier.Verify(bodies[0], forged) == nil {
		t.Error("the signature does not cover the ID")
	}
	if g.verifier.Verify([]byte(strings.Replace(string(bodies[0]), recipient, "+4915123456780", 1)), headers[0]) == nil {
		t.Error("the signature does not cover the number")
	}
}

// During the rotation of a secret, a gateway can verify with the old or the new
// one.
func TestRotation(t *testing.T) {
	g := newGateway(t)
	opts := g.options()
	opts.Secrets = []recovery.Secret{secret('b', 24), secret('a', 32)}
	if err := newProvider(t, opts).Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	bodies, headers, bad := g.requests()
	if len(bad) != 0 {
		t.Errorf("the old secret: %v", bad)
	}
	verifier, err := standardwebhooks.NewWebhook(secret('b', 24).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(bodies[0], headers[0]); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	opts.Secrets = []recovery.Secret{secret('c', 32)}
	if err := newProvider(t, opts).Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	if _, _, bad := g.requests(); len(bad) != 1 {
		t.Error("another secret verifies")
	}
}

func TestAnswers(t *testing.T) {
	const taken, again, never = "taken", "again", "never"
	for status, want := range map[int]string{
		200: taken, 201: taken, 202: taken, 204: taken, 299: taken,
		301: again, 302: again, 307: again, 308: again, 304: again,
		400: never, 402: never, 405: never, 406: never, 410: never, 411: never, 413: never, 415: never, 422: never, 451: never, 499: never,
		401: again, 403: again, 404: again, 407: again, 408: again, 409: again, 421: again, 425: again, 429: again,
		500: again, 502: again, 503: again, 504: again, 599: again,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			g := newGateway(t)
			g.set(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", g.URL+"/elsewhere")
				w.WriteHeader(status)
				if status != 204 && status != 304 {
					_, _ = io.WriteString(w, "cannot send 90412773 to "+recipient)
				}
			})
			err := newProvider(t, g.options()).Send(t.Context(), text())
			if bodies, _, _ := g.requests(); len(bodies) != 1 {
				t.Errorf("%d requests, want 1: redirects are not followed", len(bodies))
			}
			if want == taken {
				if err != nil {
					t.Errorf("Send: %v", err)
				}
				return
			}
			refusal, ok := errors.AsType[*httpsms.StatusError](err)
			if !ok || refusal.Status != status {
				t.Fatalf("Send: %v", err)
			}
			if got := errors.Is(err, recovery.ErrPermanent); got != (want == never) {
				t.Errorf("permanent %t, want %s", got, want)
			}
			wantNothingSecret(t, err)
		})
	}
}

// wantNothingSecret fails the test if an error quotes the number, the text, the
// query or a secret (A39).
func wantNothingSecret(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, s := range []string{"15123456789", "90412773", "hunter2", "whsec", "aaaa"} {
			if strings.Contains(e.Error(), s) || strings.Contains(fmt.Sprintf("%+v", e), s) {
				t.Errorf("the error quotes %s: %v", s, e)
			}
		}
	}
}

// A93: the Provider does not connect to a gateway with a private address,
// unless the host allows private addresses.
func TestPrivateAddressesAreRefused_A93(t *testing.T) {
	g := newGateway(t)
	opts := g.options()
	opts.DangerouslyAllowPrivateAddresses = false
	if _, err := httpsms.New(opts); err == nil || !strings.Contains(err.Error(), "not public") {
		t.Errorf("New: %v", err)
	}
	// The dialled address is checked, because the check of the URL cannot check
	// a name.
	opts.URL = "https://sms.example.com/send?key=hunter2"
	resp, err := newProvider(t, opts).Client().Get(g.URL)
	if !errors.Is(err, safedial.ErrNotPublic) {
		if err == nil {
			_ = resp.Body.Close()
		}
		t.Errorf("failed with %v", err)
	}
	if bodies, _, _ := g.requests(); len(bodies) != 0 {
		t.Errorf("the gateway got %d requests", len(bodies))
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	g := newGateway(t)
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	g.set(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	opts := g.options()
	opts.Timeout = time.Minute // longer than within waits
	p := newProvider(t, opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Send(ctx, text()) }()
	<-arrived
	cancel()
	err := within(t, done)
	if !errors.Is(err, context.Canceled) || errors.Is(err, recovery.ErrPermanent) {
		t.Errorf("Send: %v", err)
	}
	wantNothingSecret(t, err)
	if err := p.Send(ctx, text()); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that had ended: %v", err)
	}
	if bodies, _, _ := g.requests(); len(bodies) != 1 {
		t.Errorf("%d requests, want 1", len(bodies))
	}
}

func TestSendTimesOut(t *testing.T) {
	g := newGateway(t)
	release := make(chan struct{})
	g.set(func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	opts := g.options()
	opts.Timeout = 100 * time.Millisecond
	p := newProvider(t, opts)
	done := make(chan error, 1)
	go func() { done <- p.Send(t.Context(), text()) }()
	err := within(t, done)
	if err == nil || errors.Is(err, recovery.ErrPermanent) || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("Send: %v", err)
	}
	wantNothingSecret(t, err)
}

// An endless answer causes no delay and needs no memory, and its status counts.
func TestEndlessAnswers(t *testing.T) {
	const much = 512 << 20 // more than any connection buffers
	written := make(chan int, 1)
	g := newGateway(t)
	g.set(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		n, chunk := 0, make([]byte, 64<<10)
		for n < much {
			if _, err := w.Write(chunk); err != nil {
				break
			}
			n += len(chunk)
		}
		written <- n
	})
	opts := g.options()
	opts.Timeout = time.Minute
	if err := newProvider(t, opts).Send(t.Context(), text()); err != nil {
		t.Errorf("Send: %v", err)
	}
	if n := <-written; n >= much {
		t.Error("all of the answer was read")
	}
}

func within(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(testenv.Patience(20 * time.Second)):
		t.Fatal("Send does not return")
		return nil
	}
}

// With the same signature, an ID with a dot could be read as another ID and
// time.
func TestSendRefusesIDs(t *testing.T) {
	g := newGateway(t)
	p := newProvider(t, g.options())
	for name, id := range map[string]string{
		"none": "", "a dot": "job.1", "a line break": "job\r\nX-Evil: 1", "a space": "job 1", "beyond ASCII": "j\u00f6b",
		"too long": strings.Repeat("a", 129),
	} {
		message := text()
		message.ID = id
		if err := p.Send(t.Context(), message); !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if bodies, _, _ := g.requests(); len(bodies) != 0 {
		t.Errorf("%d requests", len(bodies))
	}
}

func TestSendRacing(t *testing.T) {
	g := newGateway(t)
	p := newProvider(t, g.options())
	var wg sync.WaitGroup
	for i := range 24 {
		message := text()
		message.ID, message.Body = fmt.Sprint("job-", i), recovery.NewSecret(fmt.Sprint("code ", i))
		wg.Go(func() {
			if err := p.Send(t.Context(), message); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	bodies, _, bad := g.requests()
	seen := map[string]bool{}
	for _, b := range bodies {
		var got struct{ ID, Text string }
		if err := json.Unmarshal(b, &got); err != nil || "job-"+strings.TrimPrefix(got.Text, "code ") != got.ID {
			t.Errorf("%v: %s", err, b)
		}
		seen[got.ID] = true
	}
	if len(seen) != 24 || len(bad) != 0 {
		t.Errorf("%d texts, signatures %v", len(seen), bad)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(o *httpsms.Options)
		want []string
	}{
		{"nothing of a complete configuration", func(*httpsms.Options) {}, nil},
		{"an empty configuration", func(o *httpsms.Options) { *o = httpsms.Options{} }, []string{"URL", "Secrets"}},
		{"http", func(o *httpsms.Options) { o.URL = "http://sms.example.com/" }, []string{"URL"}},
		{"user information", func(o *httpsms.Options) { o.URL = "https://u:hunter2@sms.example.com/" }, []string{"URL"}},
		{"loopback", func(o *httpsms.Options) { o.URL = "https://127.0.0.1/?key=hunter2" }, []string{"URL"}},
		{"the clouds' metadata", func(o *httpsms.Options) { o.URL = "https://169.254.169.254/" }, []string{"URL"}},
		{"http where private addresses are allowed", func(o *httpsms.Options) {
			o.URL, o.DangerouslyAllowPrivateAddresses = "http://10.0.0.1/", true
		}, nil},
		{"a secret without prefix", func(o *httpsms.Options) {
			o.Secrets = []recovery.Secret{recovery.NewSecret(strings.TrimPrefix(secret('a', 32).Reveal(), "whsec_"))}
		}, []string{"Secrets"}},
		{"a secret that is no base64", func(o *httpsms.Options) { o.Secrets = []recovery.Secret{recovery.NewSecret("whsec_hunter2!")} }, []string{"Secrets"}},
		{"short and long secrets", func(o *httpsms.Options) { o.Secrets = []recovery.Secret{secret('a', 23), secret('a', 65)} }, []string{"Secrets", "Secrets"}},
		{"four secrets", func(o *httpsms.Options) { o.Secrets = slices.Repeat(o.Secrets, 4) }, []string{"Secrets"}},
		{"a time of nothing", func(o *httpsms.Options) { o.Timeout = -1 }, []string{"Timeout"}},
		{"a time of an hour", func(o *httpsms.Options) { o.Timeout = time.Hour }, []string{"Timeout"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := httpsms.Options{URL: "https://sms.example.com/send", Secrets: []recovery.Secret{secret('a', 32)}}
			tt.edit(&opts)
			p, err := httpsms.New(opts)
			var got []string
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				for _, e := range joined.Unwrap() {
					o, ok := errors.AsType[*recovery.OptionError](e)
					if !ok {
						t.Fatalf("%T", e)
					}
					got = append(got, o.Option)
				}
			}
			if !slices.Equal(got, tt.want) || (p == nil) != (err != nil) {
				t.Errorf("New: %v, want mistakes in %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes a secret: %v", err)
			}
		})
	}
}
