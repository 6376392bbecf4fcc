package leadsquared_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
)

// The configuration of portal A and portal B in the tests.
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

// The lead in the vendor's samples.
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

// A world is a handler with two portals. Portal A accepts v1 and is in the
// middle of a rotation of all its keys. Portal B is v2 only.
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

// bubble runs a test on fake time. Requests go straight to the handler, because
// a network cannot be a part of a synctest bubble.
func bubble(t *testing.T, change func(*recovery.Options), f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t, change)) })
}

// settle waits until the jobs of earlier requests are done.
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

// post returns a request as a browser of portal A sends it.
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

// do sends a request and checks what must be true for every answer. No access
// log sees the secrets of the request.
func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := httptest.NewRecorder()
	recovery.HideTokens(w.handler).ServeHTTP(rec, r)
	checkAnswer(w.t, rec.Code, rec.Header(), rec.Body.Bytes())
	return rec
}

// checkAnswer checks what must be true for every answer: the body has one of
// the vendor's shapes and the declared length, and nobody stores it (A05).
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

// shapeProblem says how a body differs from the vendor's shapes, or returns "".
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
		408: {invalidInput}, 429: {rateLimited}, 500: {internal}, 503: {internal},
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

// errorBody returns the body of an error. That of Reset has one member more.
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
		if m := n.outbox.Messages(); len(m) != 0 {
			t.Errorf("%d messages sent, want none", len(m))
		}
		if written := n.leads.Writes(); written != 0 {
			t.Errorf("%d passwords written, want none", written)
		}
	}
}

// mailedLink requests a link for John of a portal and returns the link.
func (w *world) mailedLink(n *tenant, as tweak) *url.URL {
	w.t.Helper()
	before := len(n.links())
	want(w.t, w.do(post(forgotV2, `{"EmailAddress":"`+johnMail+`"}`, as)), 200, forgotOK)
	settle()
	if got := len(n.links()); got != before+1 {
		w.t.Fatalf("%d links sent, want %d", got, before+1)
	}
	return w.lastLink(n)
}

// lastLink returns the newest link of a portal.
func (w *world) lastLink(n *tenant) *url.URL {
	w.t.Helper()
	links := n.links()
	if len(links) == 0 {
		w.t.Fatal("no link was sent")
	}
	u, err := url.Parse(links[len(links)-1].URL.Reveal())
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// resetWith returns a body for Reset with the values from a link of portal A.
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
