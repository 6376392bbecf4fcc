// Tests of package loginradius with the vendor's SDK for Node, as it is, and with
// a real Chromium that sends what the vendor's SDK for browsers does. All of them
// call over TLS.
package loginradius_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

var chromium browsertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

const (
	hostOfPages = "www.example"
	hostOfAPI   = "api.example"
	hostOfEvil  = "evil.example"

	apiKey    = "5d2f0c6e-7a41-4d0b-9a55-0e6b6f3c1f10"
	apiSecret = "9c1e7a44-0f3b-4d8e-8b25-6a7d1c2e3f40"

	janeMail     = "jane@example.com"
	janeName     = "jane_doe"
	janePhone    = "+4915112345678"
	oldHash      = "quick:the old password"
	goodPassword = "Continental-coins-for-a-room"
)

// quick is a hasher that takes no time.
type quick struct{}

func (quick) Hash(_ context.Context, pw string) (string, error) { return "quick:" + pw, nil }

func (quick) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "quick:"+a.Password}, nil
}

// A site is the API at the host names that no page has, the pages of the site,
// and those of a stranger.
type site struct {
	t        *testing.T
	server   *httptest.Server
	port     string
	resetURL string
	leads    *recoverytest.Leads
	outbox   *recoverytest.Outbox
	service  *recovery.Service
	jane     string

	mu    sync.Mutex
	calls []*http.Request // the API's, without their bodies
}

func (s *site) url(host, path string) string { return "https://" + host + ":" + s.port + path }

// newSite returns a site whose limits no test reaches. change changes its
// options, and may be nil.
func newSite(t *testing.T, change func(*recovery.Options)) *site {
	t.Helper()
	fields := []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Username", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
		{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
	}
	s := &site{t: t, leads: recoverytest.NewLeads(fields...), outbox: &recoverytest.Outbox{}}
	s.jane = s.leads.Add(recovery.Lead{IdentityProviders: []string{"google"}, Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: janeMail, Verified: true}, "Username": {Value: janeName}, "Phone": {Value: janePhone, Verified: true},
	}}, oldHash)
	s.server = httptest.NewUnstartedServer(nil)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log browsers that hang up
	var err error
	if _, s.port, err = net.SplitHostPort(s.server.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	s.resetURL = s.url(hostOfPages, "/reset?lang=de")
	much := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1000, Window: time.Second}}}
	options := recovery.Options{
		Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: s.url(hostOfPages, "/unused")}, Fields: fields,
		Limits: recovery.Limits{
			Caller: much, ClientForgot: much, ClientReset: much, Identifier: much, Lead: much, Recipient: much, Issue: much,
		},
		Passwords: recovery.PasswordOptions{Hasher: quick{}}, DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&options)
	}
	if s.service, err = recovery.New(s.leads, recovery.NewMemoryTokenStore(), s.outbox, options); err != nil {
		t.Fatal(err)
	}
	api, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{{
		APIKey: apiKey, Secrets: []recovery.Secret{recovery.NewSecret(apiSecret)}, Service: s.service,
		ResetURLs:      []string{s.resetURL},
		EmailTemplates: []loginradius.Template{{Name: "tpl-1"}, {Name: "tpl-code", Kind: loginradius.TemplateCode}},
		SMSTemplates:   []string{"sms-1"}, Origins: []string{s.url(hostOfPages, "")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s.server.Config.Handler = recovery.HideTokens(s.handler(api))
	s.server.StartTLS()
	t.Cleanup(func() {
		s.server.Close()
		if err := s.service.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) handler(api http.Handler) http.Handler {
	html := strings.NewReplacer("API", s.url(hostOfAPI, ""), "KEY", apiKey).Replace(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := net.SplitHostPort(r.Host); host == hostOfPages || host == hostOfEvil {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, html)
			return
		}
		s.mu.Lock()
		s.calls = append(s.calls, r.Clone(context.WithoutCancel(r.Context())))
		s.mu.Unlock()
		api.ServeHTTP(w, r)
	})
}

// callsFrom returns the API's requests with an origin, the preflights apart.
func (s *site) callsFrom(origin string) (preflights, calls []*http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.calls {
		switch {
		case r.Header.Get("Origin") != origin:
		case r.Method == http.MethodOptions:
			preflights = append(preflights, r)
		default:
			calls = append(calls, r)
		}
	}
	return preflights, calls
}

// sent returns the message of a kind that was sent last, once there are n of the
// kind.
func (s *site) sent(kind recovery.MessageKind, n int) recovery.Message {
	s.t.Helper()
	testenv.Eventually(s.t, 20*time.Second, "the message is sent", func() bool { return len(s.outbox.OfKind(kind)) >= n })
	all := s.outbox.OfKind(kind)
	if len(all) != n {
		s.t.Fatalf("%d messages of the kind %s, want %d", len(all), kind, n)
	}
	return all[n-1]
}

// vtoken returns the token of a mailed link, which must lead to the site's page.
func (s *site) vtoken(m recovery.Message) string {
	s.t.Helper()
	rest, ok := strings.CutPrefix(m.URL.Reveal(), s.resetURL+"&vtype=reset&vtoken=")
	if !ok || rest == "" || rest != url.QueryEscape(rest) {
		s.t.Fatalf("the link is %s", m.URL.Reveal())
	}
	return rest
}

// wantHash requires that jane's password was changed to pw.
func (s *site) wantHash(pw string) {
	s.t.Helper()
	if got := s.leads.Hash(s.jane); got != "quick:"+pw {
		s.t.Errorf("the hash is %s, want that of %s", got, pw)
	}
}

// wantProofs requires that no more than n links and codes were sent. To know, it
// lets the site finish what it has begun, after which the site serves nobody.
func (s *site) wantProofs(n int) {
	s.t.Helper()
	if err := s.service.Shutdown(context.Background()); err != nil {
		s.t.Error(err)
	}
	if got := len(s.outbox.OfKind(recovery.MessageResetLink)) + len(s.outbox.OfKind(recovery.MessageResetCode)); got != n {
		s.t.Errorf("%d links and codes were sent, want %d", got, n)
	}
}
