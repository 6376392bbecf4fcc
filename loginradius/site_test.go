package loginradius_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const (
	apiKey    = "k-123"
	apiSecret = "s-456-6f1d2c0b9e8a7d35"
	newSecret = "s-789-1b2c3d4e5f6a7b8c"
	resetURL  = "https://example.com/reset?a=1&b=x%20y"

	pathForgotToken = "/identity/v2/manage/account/forgot/token"
	pathPassword    = "/identity/v2/auth/password"
	pathReset       = "/identity/v2/auth/password/reset"
	pathOTP         = "/identity/v2/auth/password/otp"

	newPassword = "Sup3r-Secret-New-1"
)

// jobs is a queue whose jobs run when a test says so.
type jobs struct {
	mu      sync.Mutex
	handler recovery.JobHandler
	waiting []recovery.Job
	full    bool
}

func (q *jobs) Start(h recovery.JobHandler) error  { q.handler = h; return nil }
func (q *jobs) Shutdown(ctx context.Context) error { return nil }

func (q *jobs) Enqueue(_ context.Context, job recovery.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full {
		return recovery.ErrQueueFull
	}
	q.waiting = append(q.waiting, job)
	return nil
}

// run performs the waiting jobs, and drops them even if they fail.
func (q *jobs) run(ctx context.Context) {
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	for _, job := range waiting {
		_ = q.handler.Perform(ctx, job)
	}
}

// hasher takes no time.
type hasher struct{ err error }

func (h *hasher) Hash(_ context.Context, pw string) (string, error) {
	if h.err != nil && h.err.Error() == "panic" {
		panic("a value that quotes the password " + pw)
	}
	return "hash of " + pw, h.err
}

func (h *hasher) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "hash of "+a.Password}, nil
}

// breached is a list with one leaked password.
type breached struct{}

func (breached) Breached(_ context.Context, pw string) (bool, error) {
	return pw == "leaked somewhere else", nil
}

// brokenTokens is a token store that can be made to fail.
type brokenTokens struct {
	recovery.TokenStore
	broken bool
}

func (b *brokenTokens) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	if b.broken {
		return recovery.TokenRecord{}, errors.New("dial tcp 10.1.2.3:6379: connection refused")
	}
	return b.TokenStore.Put(ctx, slot, spec)
}

// A site is one Handler with its Service and fakes.
type site struct {
	t       testing.TB
	leads   *recoverytest.Leads
	tokens  *brokenTokens
	jobs    *jobs
	outbox  *recoverytest.Outbox
	hasher  *hasher
	logs    *syncBuffer
	events  []recovery.Event
	svc     *recovery.Service
	handler *loginradius.Handler
	// client is the address from which do sends.
	client string
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// wide is a policy that no test reaches.
func wide() recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Second}}}
}

func wideLimits() recovery.Limits {
	return recovery.Limits{
		Caller: wide(), ClientForgot: wide(), ClientReset: wide(), ClientCheck: wide(),
		Identifier: wide(), Lead: wide(), Recipient: wide(), Issue: wide(),
	}
}

func serviceOptions(s *site) recovery.Options {
	policy, err := password.NewPolicy(password.PolicyOptions{Breach: breached{}})
	if err != nil {
		s.t.Fatal(err)
	}
	return recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://unused.example.com/"},
		DangerouslyKeepSessions: true,
		Fields: []recovery.Field{
			{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
			{Name: "Username", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
			{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
		},
		Passwords: recovery.PasswordOptions{Hasher: s.hasher, Policy: policy}, Queue: s.jobs, Limits: wideLimits(),
		Events: func(_ context.Context, e recovery.Event) { s.events = append(s.events, e) },
		Logger: slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func appOptions(s *site) loginradius.App {
	return loginradius.App{
		APIKey: apiKey, Secrets: []recovery.Secret{recovery.NewSecret(apiSecret)}, Service: s.svc,
		ResetURLs: []string{resetURL, "https://other.example.com:8443/de/reset"},
		EmailTemplates: []loginradius.Template{
			{Name: "tpl-1"}, {Name: "tpl-2", Kind: loginradius.TemplateLink}, {Name: "tpl-code", Kind: loginradius.TemplateCode},
		},
		SMSTemplates: []string{"sms-1"},
		Origins:      []string{"https://www.example.com"},
	}
}

// newSite returns a site with wide limits. service and app change its options.
// Both may be nil.
func newSite(t testing.TB, service func(*recovery.Options), app func(*loginradius.App)) *site {
	t.Helper()
	s := &site{
		t:      t,
		tokens: &brokenTokens{TokenStore: recovery.NewMemoryTokenStore()},
		jobs:   &jobs{}, outbox: &recoverytest.Outbox{}, hasher: &hasher{}, logs: &syncBuffer{},
		client: "203.0.113.7:4711",
	}
	so := serviceOptions(s)
	if service != nil {
		service(&so)
	}
	s.leads = recoverytest.NewLeads(so.Fields...)
	for i, name := range []string{"john", "gouser", "user", "py", "disabled", "social", "unverified"} {
		username, verified := name, name != "unverified"
		if name == "john" {
			username = "John_Doe"
		}
		s.leads.Add(recovery.Lead{
			ID: "lead-" + name, IdentityProviders: []string{"google", "facebook"},
			Fields: map[string]recovery.FieldValue{
				"Username":     {Value: username},
				"EmailAddress": {Value: name + "@example.com", Verified: verified},
				"Phone":        {Value: fmt.Sprintf("+491511234%d", 5678+i), Verified: verified},
			},
		}, "")
	}
	s.leads.SetStatus("lead-disabled", recovery.StatusDisabled)
	s.leads.SetStatus("lead-social", recovery.StatusNoPassword)
	var err error
	if s.svc, err = recovery.New(s.leads.Multi(), s.tokens, s.outbox, so); err != nil {
		t.Fatal(err)
	}
	ao := appOptions(s)
	if app != nil {
		app(&ao)
	}
	if s.handler, err = loginradius.New(loginradius.Options{Apps: []loginradius.App{ao}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// failFind and failWrite make the user store fail.
func (s *site) failFind(err error) {
	s.leads.SetHooks(recoverytest.LeadsHooks{Find: func(context.Context, recovery.LeadKey) error { return err }})
}

func (s *site) failWrite(err error) {
	s.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error { return err }})
}

// lead returns the present state of a lead.
func (s *site) lead(id string) recovery.Lead {
	s.t.Helper()
	lead, err := s.leads.FindLead(s.t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
	if err != nil {
		s.t.Fatal(err)
	}
	return lead
}

// An answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request with a JSON body, and with headers as name, value. It
// checks what must be true for every answer.
func (s *site) do(method, target, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = s.client
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.send(r)
}

func (s *site) send(r *http.Request) answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{w.Code, w.Result().Header, w.Body.String()}
	a.check(s.t)
	return a
}

// manage calls the management endpoint with the secret in the header.
func (s *site) manage(query, body string, headers ...string) answer {
	s.t.Helper()
	return s.do("POST", pathForgotToken+"?apikey="+apiKey+query, body,
		append([]string{"X-LoginRadius-ApiSecret", apiSecret}, headers...)...)
}

// check checks what must be true for every answer (A05), also that there are
// none of the words on which SDKs fail.
func (a answer) check(t testing.TB) {
	t.Helper()
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers are not hardened: %v", a.header)
	}
	for _, name := range []string{"Etag", "Last-Modified", "Set-Cookie"} {
		if a.header.Get(name) != "" {
			t.Errorf("answer has %s", name)
		}
	}
	switch {
	case a.status == http.StatusNoContent:
	case a.status == http.StatusOK:
		if strings.Contains(a.body, "Description") || strings.Contains(strings.ToLower(a.body), "errorcode") {
			t.Errorf("success has a word that SDKs take for a failure: %s", a.body)
		}
	default:
		a.failure(t)
	}
	if a.status == http.StatusNoContent {
		return
	}
	if got := a.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type is %q", got)
	}
	if a.header.Get("Content-Length") != strconv.Itoa(len(a.body)) {
		t.Errorf("Content-Length is %s for %d bytes", a.header.Get("Content-Length"), len(a.body))
	}
}

type vendorError struct {
	Description           string
	ErrorCode             int
	Message               string
	IsProviderError       bool
	ProviderErrorResponse any
	Errors                []struct{ FieldName, ErrorMessage string }
}

// strict decodes like the strictest of the vendor's SDKs, and checks the exact
// set of keys.
func strict(t testing.TB, body string, into any, keys ...string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("%s: goes on after the object", body)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(members)); !slices.Equal(got, keys) {
		t.Fatalf("keys are %v, want %v", got, keys)
	}
}

// failure decodes an error with its five keys.
func (a answer) failure(t testing.TB) vendorError {
	t.Helper()
	var e vendorError
	keys := []string{"Description", "ErrorCode", "IsProviderError", "Message", "ProviderErrorResponse"}
	if strings.Contains(a.body, `"ErrorCode":1134,`) {
		keys = slices.Insert(keys, 2, "Errors")
	}
	strict(t, a.body, &e, keys...)
	if e.ErrorCode == 0 || e.Message == "" || e.Description == "" || e.IsProviderError || e.ProviderErrorResponse != nil {
		t.Fatalf("not the vendor's error: %s", a.body)
	}
	if a.status < 400 {
		t.Fatalf("error with status %d", a.status)
	}
	return e
}

// wantFailure checks an error.
func (a answer) wantFailure(t testing.TB, status, code int, message string) vendorError {
	t.Helper()
	e := a.failure(t)
	if a.status != status || e.ErrorCode != code || message != "" && e.Message != message {
		t.Errorf("got %d %d %q, want %d %d %q", a.status, e.ErrorCode, e.Message, status, code, message)
	}
	return e
}

// wantPosted checks the answer of the public endpoints.
func (a answer) wantPosted(t testing.TB) {
	t.Helper()
	if a.status != http.StatusOK || a.body != `{"IsPosted":true}` {
		t.Fatalf("got %d %s", a.status, a.body)
	}
}

// wantToken checks the answer of the management endpoint and returns the token.
func (a answer) wantToken(t testing.TB, providers ...string) string {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	var got struct {
		ForgotToken       string
		IdentityProviders []string
	}
	strict(t, a.body, &got, "ForgotToken", "IdentityProviders")
	if got.IdentityProviders == nil {
		t.Error("IdentityProviders is null")
	}
	if len(providers) > 0 && !slices.Equal(got.IdentityProviders, providers) {
		t.Errorf("IdentityProviders = %v, want %v", got.IdentityProviders, providers)
	}
	if got.ForgotToken == "" || strings.Trim(got.ForgotToken, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("ForgotToken is not opaque and URL-safe: %q", got.ForgotToken)
	}
	return got.ForgotToken
}

// deliver performs the jobs and returns the messages that carry a link or code.
func (s *site) deliver() []recovery.Message {
	s.jobs.run(s.t.Context())
	var credentials []recovery.Message
	for _, m := range s.outbox.Messages() {
		if m.Kind != recovery.MessagePasswordChanged && m.Kind != recovery.MessageNoPassword && m.Kind != recovery.MessageUnknownAddress {
			credentials = append(credentials, m)
		}
	}
	s.outbox.Reset()
	return credentials
}

// one performs the jobs and returns the only message.
func (s *site) one() recovery.Message {
	s.t.Helper()
	sent := s.deliver()
	if len(sent) != 1 {
		s.t.Fatalf("sent %v, want one message", sent)
	}
	return sent[0]
}

// vtoken takes the token out of a link.
func vtoken(t testing.TB, m recovery.Message) string {
	t.Helper()
	u, err := url.Parse(m.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("vtoken")
}

// event returns the last event of a kind.
func (s *site) event(kind recovery.EventKind) recovery.Event {
	s.t.Helper()
	for _, e := range slices.Backward(s.events) {
		if e.Kind == kind {
			return e
		}
	}
	s.t.Fatalf("no event %s", kind)
	return recovery.Event{}
}

// quiet checks that the request had no effect.
func (s *site) quiet() {
	s.t.Helper()
	if sent := s.deliver(); len(sent) > 0 {
		s.t.Errorf("sent %v", sent)
	}
	if n := s.leads.Writes(); n > 0 {
		s.t.Errorf("wrote %d passwords", n)
	}
	for _, e := range s.events {
		if e.Kind == recovery.EventTokenIssued || e.Kind == recovery.EventMessageSent {
			s.t.Errorf("event %s", e.Kind)
		}
	}
}

func resetBody(token string) string {
	return `{"resettoken":"` + token + `","password":"` + newPassword + `"}`
}

func (s *site) reset(token string) answer {
	s.t.Helper()
	return s.do("PUT", pathReset+"?apikey="+apiKey, resetBody(token))
}
