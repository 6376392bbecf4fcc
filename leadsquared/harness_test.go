package leadsquared_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
	"github.com/seed-51359b35/recovery/password"
)

// What portal A and portal B of the tests are configured with.
const (
	idA, idB         = "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10", "9d2c1b0a-1111-4222-8333-444455556666"
	keyA, keyB       = "cHVibGljLWF1dGgta2V5LW9mLUE=", "cHVibGljLWF1dGgta2V5LW9mLUI="
	oldKeyA          = "b2xkLXB1YmxpYy1hdXRoLWtleS1B"
	tokenA, tokenB   = "registration-token-of-A", "registration-token-of-B"
	oldTokenA        = "old-registration-token-of-A"
	accessA, secretA = "u$r0123456789abcdefA", "0123456789abcdef0123456789abcdef0123456A"
	accessB, secretB = "u$r0123456789abcdefB", "0123456789abcdef0123456789abcdef0123456B"
	nextA, nextSecA  = "u$r-next-0123456789A", "next-0123456789abcdef0123456789abcdef0A"
	originA, originB = "https://portal-a.example.com", "https://portal-b.example.com"
	resetA, resetB   = "https://portal-a.example.com/reset?lang=en", "https://portal-b.example.com/reset"
)

// The lead that the vendor's samples are about.
const (
	johnID   = "a822e018-80a4-4a86-bd9d-9855710109ff"
	johnMail = "johnwick@example.com"
	goodPass = "Samplepassword@123"
)

const (
	forgotV2  = "/api/Authentication/v2/SecureForgotPassword"
	forgotV2b = "/api/Authentication/v2/ForgotPassword"
	forgotV1  = "/api/Authentication/SecureForgotPassword"
	forgotV1b = "/api/Authentication/ForgotPassword"
	resetV2   = "/api/Authentication/v2/ResetPassword"
	resetV1   = "/api/Authentication/ResetPassword"
	publicTok = "/api/Access/PublicToken"
	regTok    = "/api/Access/GetRegisterToken"

	forgotOK = `{"Status":"Success","Message":"Reset link sent successfully"}`
	resetOK  = `{"IsSuccessful":true,"ResponseText":"Password changed successfully"}`
)

const (
	invalidInput = "MXInvalidInputException"
	missing      = "MXMandatoryAttributeMissingException"
	unauthorized = "MXUnAuthorizedAccessException"
	notFound     = "MXResourceNotFoundException"
	rateLimited  = "MXAPIRateLimitExceededException"
	internal     = "MXInternalServerException"

	badProofText = "The LeadId or TemporaryPassword is invalid or expired. Ask for a new link."
)

// A leadStore is the user store of one portal.
type leadStore struct {
	mu     sync.Mutex
	leads  map[string]recovery.Lead
	hashes map[string]string

	// write, if set, runs instead of SetPasswordHash.
	write func() error
}

func newLeadStore() *leadStore {
	s := &leadStore{leads: map[string]recovery.Lead{}, hashes: map[string]string{}}
	s.add(johnID, recovery.StatusActive, map[string]recovery.FieldValue{
		"EmailAddress": {Value: johnMail, Verified: true},
		"Phone":        {Value: "+14157415569", Verified: true},
		"mx_Other":     {Value: "john.other@example.com", Verified: true},
		"mx_PAN":       {Value: "SSKKPPYY222"},
	})
	s.add("disabled", recovery.StatusDisabled, mailOf("disabled"))
	s.add("social", recovery.StatusNoPassword, mailOf("social"))
	s.add("unverified", recovery.StatusActive, map[string]recovery.FieldValue{"EmailAddress": {Value: "unverified@example.com"}})
	return s
}

func mailOf(name string) map[string]recovery.FieldValue {
	return map[string]recovery.FieldValue{"EmailAddress": {Value: name + "@example.com", Verified: true}}
}

func (s *leadStore) add(id string, status recovery.LeadStatus, fields map[string]recovery.FieldValue) {
	s.leads[id] = recovery.Lead{ID: id, Version: "1", Status: status, Fields: fields}
}

func (s *leadStore) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.leads {
		if key.Field == recovery.LeadIDField && id == key.Value || l.Fields[key.Field].Value == key.Value {
			l.Fields = maps.Clone(l.Fields)
			return l, nil
		}
	}
	return recovery.Lead{}, recovery.ErrLeadNotFound
}

func (s *leadStore) SetPasswordHash(_ context.Context, id, hash string) error {
	if s.write != nil {
		return s.write()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leads[id]
	n, _ := strconv.Atoi(l.Version)
	l.Version = strconv.Itoa(n + 1)
	s.leads[id], s.hashes[id] = l, hash
	return nil
}

// written returns every hash that was written, by lead.
func (s *leadStore) written() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.hashes)
}

// An outbox is a Notifier that keeps what it is given.
type outbox struct {
	mu       sync.Mutex
	messages []recovery.Message
	fail     func() error
}

func (o *outbox) Notify(_ context.Context, m recovery.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail()
	}
	o.messages = append(o.messages, m)
	return nil
}

func (o *outbox) all() []recovery.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

func (o *outbox) links() []recovery.Message {
	return slices.DeleteFunc(o.all(), func(m recovery.Message) bool { return m.Kind != recovery.MessageResetLink })
}

// cheapHasher stands for argon2id, which is not what these tests are about.
type cheapHasher struct{ hash func() error }

func (h cheapHasher) Hash(_ context.Context, pw string) (string, error) {
	if h.hash != nil {
		if err := h.hash(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("hash-of-%d-bytes", len(pw)), nil
}

func (cheapHasher) Verify(context.Context, string, string) (password.Result, error) {
	return password.Result{}, errors.New("not used")
}

// A logBuffer keeps everything that is logged, at every level.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// A tenant is what stands behind one portal.
type tenant struct {
	leads  *leadStore
	outbox *outbox
	svc    *recovery.Service
}

// relaxed leaves nothing limited that a test does.
func relaxed() recovery.Limits {
	much := recovery.Tier{Limits: []recovery.Limit{{N: 100_000, Window: time.Second}}}
	return recovery.Limits{
		Caller: much, ClientForgot: much, ClientReset: much, ClientCheck: much,
		Identifier: much, Lead: much, Recipient: much, Issue: much,
	}
}

func newTenant(t testing.TB, logs *logBuffer, prefix string, change func(*recovery.Options)) *tenant {
	t.Helper()
	n := &tenant{leads: newLeadStore(), outbox: &outbox{}}
	opts := recovery.Options{
		Keys:   [][]byte{bytes.Repeat([]byte("k"), 32)},
		Prefix: prefix,
		// Never used by this wire; it would show if it were.
		Link:                    recovery.Link{URL: "https://unused.example.com/"},
		DangerouslyKeepSessions: true,
		Fields: []recovery.Field{
			{Name: "EmailAddress", Type: recovery.FieldEmail, Search: true, Receive: true},
			{Name: "Phone", Type: recovery.FieldPhone, Search: true, Receive: true},
			{Name: "mx_Other", Type: recovery.FieldEmail, Receive: true},
			{Name: "mx_Secret_Mail", Type: recovery.FieldEmail},
			{Name: "mx_PAN", Type: recovery.FieldText, Search: true},
			{Name: "mx_City", Type: recovery.FieldText},
		},
		Hasher: cheapHasher{},
		Limits: relaxed(),
		Logger: logs.logger(),
	}
	if change != nil {
		change(&opts)
	}
	svc, err := recovery.New(n.leads, recovery.NewMemoryTokenStore(), n.outbox, opts)
	if err != nil {
		t.Fatal(err)
	}
	n.svc = svc
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := svc.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return n
}

// A world is a handler with two portals: A takes v1 and is in the midst of a
// rotation of all its keys, B is v2 only.
type world struct {
	t       testing.TB
	a, b    *tenant
	logs    *logBuffer
	handler http.Handler
}

func newWorld(t testing.TB, change func(*recovery.Options)) *world {
	t.Helper()
	w := &world{t: t, logs: &logBuffer{}}
	w.a = newTenant(t, w.logs, "a", change)
	w.b = newTenant(t, w.logs, "b", change)
	h, err := leadsquared.New(w.options())
	if err != nil {
		t.Fatal(err)
	}
	w.handler = h
	return w
}

func (w *world) options() leadsquared.Options {
	return leadsquared.Options{Portals: []leadsquared.Portal{{
		ID: idA, Service: w.a.svc,
		PublicAuthKeys: []string{keyA, oldKeyA},
		RegisterTokens: []string{tokenA, oldTokenA},
		AccessKeys: []leadsquared.AccessKey{
			{Key: accessA, Secret: recovery.NewSecret(secretA)},
			{Key: nextA, Secret: recovery.NewSecret(nextSecA)},
		},
		AllowV1: true, ResetURL: resetA, Origins: []string{originA},
	}, {
		ID: idB, Service: w.b.svc,
		PublicAuthKeys: []string{keyB},
		RegisterTokens: []string{tokenB},
		AccessKeys:     []leadsquared.AccessKey{{Key: accessB, Secret: recovery.NewSecret(secretB)}},
		ResetURL:       resetB, LeadIDParam: "leadId", TemporaryPasswordParam: "tmpPassword",
		Origins: []string{originB},
	}}}
}

// bubble runs a test on fake time. Requests go straight to the handler there,
// since a network is no part of a bubble.
func bubble(t *testing.T, change func(*recovery.Options), f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t, change)) })
}

// settle lets the jobs of earlier requests run.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// A tweak changes a request before it is sent.
type tweak func(*http.Request)

func header(name string, values ...string) tweak {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

func from(addr string) tweak { return func(r *http.Request) { r.RemoteAddr = addr + ":4711" } }

// asA and asB give a request all credentials of a portal.
func asA(r *http.Request) { credentials(r, keyA, tokenA, idA) }
func asB(r *http.Request) { credentials(r, keyB, tokenB, idB) }

func credentials(r *http.Request, key, token, id string) {
	r.Header.Set("Authorization", key)
	r.Header.Set("x-lsq-registertoken", token)
	r.Header.Set("x-lsq-portalid", id)
}

// post is a request as a browser of portal A sends it.
func post(path, body string, tweaks ...tweak) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	asA(r)
	for _, f := range tweaks {
		f(r)
	}
	return r
}

func get(path string, tweaks ...tweak) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, f := range tweaks {
		f(r)
	}
	return r
}

// do sends a request and checks what holds for every answer.
func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	checkAnswer(w.t, rec.Code, rec.Header(), rec.Body.Bytes())
	return rec
}

// checkAnswer checks what holds for every answer: a body in one of the vendor's
// shapes, of the declared length, that nobody stores (A05).
func checkAnswer(t testing.TB, status int, h http.Header, body []byte) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control":           "no-store",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"Etag", "Last-Modified", "Set-Cookie", "Location", "Access-Control-Allow-Credentials"} {
		if h.Values(name) != nil {
			t.Errorf("%s is %q, want none", name, h.Values(name))
		}
	}
	if status == http.StatusNoContent {
		if len(body) != 0 {
			t.Errorf("204 with body %q", body)
		}
		return
	}
	if got := h.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type is %q", got)
	}
	if got := h.Get("Content-Length"); got != strconv.Itoa(len(body)) {
		t.Errorf("Content-Length is %s for %d bytes", got, len(body))
	}
	if (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && h.Get("Retry-After") == "" {
		t.Errorf("%d without Retry-After", status)
	}
	if problem := shapeProblem(status, body); problem != "" {
		t.Errorf("%d with body %s: %s", status, body, problem)
	}
}

// shapeProblem says in what a body is not in the vendor's shape.
func shapeProblem(status int, body []byte) string {
	if status == http.StatusOK {
		var s string
		if json.Unmarshal(body, &s) == nil && s != "" {
			return "" // GetRegisterToken
		}
		for _, ok := range []string{forgotOK, resetOK} {
			if string(body) == ok {
				return ""
			}
		}
		var o map[string]string
		if json.Unmarshal(body, &o) == nil && len(o) == 1 && o["PublicAuthKey"] != "" {
			return ""
		}
		return "is no success"
	}
	var e struct {
		Status, ExceptionType, ExceptionMessage string
		IsSuccessful                            *bool
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	switch err := dec.Decode(&e); {
	case err != nil:
		return err.Error()
	case e.Status != "Error":
		return "Status is not Error"
	case e.ExceptionMessage == "":
		return "no message"
	case e.IsSuccessful != nil && *e.IsSuccessful:
		return "successful"
	}
	types := map[int][]string{
		400: {invalidInput, missing}, 401: {unauthorized}, 404: {notFound}, 405: {invalidInput}, 413: {invalidInput},
		415: {invalidInput}, 429: {rateLimited}, 500: {internal}, 503: {internal},
	}
	if !slices.Contains(types[status], e.ExceptionType) {
		return "type does not belong to the status"
	}
	return ""
}

// want checks status and exact body.
func want(t testing.TB, rec *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if rec.Code != status || rec.Body.String() != body {
		t.Errorf("got  %d %s\nwant %d %s", rec.Code, rec.Body, status, body)
	}
}

// errorBody is the body of an error; that of Reset says one thing more.
func errorBody(kind, message string) string {
	return fmt.Sprintf(`{"Status":"Error","ExceptionType":%q,"ExceptionMessage":%q}`, kind, message)
}

func resetError(kind, message string) string {
	return fmt.Sprintf(`{"Status":"Error","ExceptionType":%q,"ExceptionMessage":%q,"IsSuccessful":false}`, kind, message)
}

func wantError(t testing.TB, rec *httptest.ResponseRecorder, status int, kind, message string) {
	t.Helper()
	want(t, rec, status, errorBody(kind, message))
}

// noEffect checks that nothing was sent and nothing written.
func (w *world) noEffect(t testing.TB) {
	t.Helper()
	settle()
	for _, n := range []*tenant{w.a, w.b} {
		if m := n.outbox.all(); len(m) != 0 {
			t.Errorf("%d messages sent, want none", len(m))
		}
		if h := n.leads.written(); len(h) != 0 {
			t.Errorf("%d passwords written, want none", len(h))
		}
	}
}

// mailedLink has a link sent to John of a portal and returns it.
func (w *world) mailedLink(n *tenant, as tweak) *url.URL {
	w.t.Helper()
	before := len(n.outbox.links())
	want(w.t, w.do(post(forgotV2, `{"EmailAddress":"`+johnMail+`"}`, as)), 200, forgotOK)
	settle()
	links := n.outbox.links()
	if len(links) != before+1 {
		w.t.Fatalf("%d links sent, want %d", len(links), before+1)
	}
	u, err := url.Parse(links[before].URL.Reveal())
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// resetWith is a body for Reset with what a link of portal A carries.
func resetWith(pw string, link *url.URL) string {
	q := link.Query()
	b, err := json.Marshal(map[string]string{
		"Password": pw, "LeadId": q.Get("LeadId"), "TemporaryPassword": q.Get("TemporaryPassword"),
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}
