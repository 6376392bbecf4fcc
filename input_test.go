package recovery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// wantProblem checks that an answer is a problem detail (RFC 9457).
func wantProblem(t *testing.T, name string, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Errorf("%s: %v in\n%s", name, err, answer(w))
		return nil
	}
	if w.Code != status || p["status"] != float64(status) || p["type"] == nil || p["title"] == "" || p["code"] == "" {
		t.Errorf("%s: want a problem with status %d, got\n%s", name, status, answer(w))
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json; charset=utf-8" {
		t.Errorf("%s: Content-Type %q", name, got)
	}
	return p
}

// A60, A61, A62, A12, A65: bad input gets a clear error, consumes nothing and
// sends nothing.
func TestBadBodies(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9)
	fill := func(n int) string {
		const start, end = `{"email":"johnwick@example.com"`, `}`
		return start + strings.Repeat(" ", n-len(start)-len(end)) + end
	}
	json1 := []string{"application/json"}
	for _, c := range []struct {
		name   string
		body   string
		ctype  []string
		status int
	}{
		{"exactly 16 KiB", fill(16 << 10), json1, 202},
		{"a charset in capitals", fill(100), []string{"application/json; charset=UTF-8"}, 202},
		{"16 KiB and a byte", fill(16<<10 + 1), json1, 413},
		{"no content type", fill(100), nil, 415},
		{"text/plain, as a form of another site sends it", fill(100), []string{"text/plain"}, 415},
		{"a form", "email=johnwick%40example.com", []string{"application/x-www-form-urlencoded"}, 415},
		{"two content types", fill(100), []string{"application/json", "application/json"}, 415},
		{"another charset", fill(100), []string{"application/json; charset=utf-16"}, 415},
		{"an empty body", "", json1, 400},
		{"null", "null", json1, 400},
		{"an array", `[{"email":"johnwick@example.com"}]`, json1, 400},
		{"a string", `"johnwick@example.com"`, json1, 400},
		{"two objects", `{"email":"johnwick@example.com"}{}`, json1, 400},
		{"trailing garbage", `{"email":"johnwick@example.com"} x`, json1, 400},
		{"depth 9", deep, json1, 400},
		{"10^5 brackets", `{"email":` + strings.Repeat("[", 10_000), json1, 400},
		{"a duplicate key", `{"email":"attacker@evil.example","email":"johnwick@example.com"}`, json1, 400},
		{"a key in another case", `{"Email":"johnwick@example.com"}`, json1, 400},
		{"two keys that fold together", `{"email":"johnwick@example.com","EMAIL":"x@evil.example"}`, json1, 400},
		{"a key with a long s", `{"email":"johnwick@example.com","identifier":{"field":"EmailAddre\u017f\u017f","value":"x"}}`, json1, 400},
		{"a Kelvin sign in the name", `{"tok\u212aen":"x","email":"johnwick@example.com"}`, json1, 400},
		{"an array for a string", `{"email":["johnwick@example.com","attacker@evil.example"]}`, json1, 400},
		{"an object for a string", `{"email":{"a":"johnwick@example.com"}}`, json1, 400},
		{"a number for a string", `{"email":1}`, json1, 400},
		{"null for a string", `{"email":null}`, json1, 400},
		{"invalid UTF-8", "{\"email\":\"john\xffwick@example.com\"}", json1, 400},
		{"a lone surrogate", `{"email":"john\ud800wick@example.com"}`, json1, 400},
		{"an unknown member", `{"email":"johnwick@example.com","to":"attacker@evil.example"}`, json1, 400},
		{"a member of the account", `{"email":"johnwick@example.com","IsActive":true}`, json1, 400},
		{"both forms at once", `{"email":"johnwick@example.com","identifier":{"field":"Phone","value":"+14157415569"}}`, json1, 400},
		{"neither form", `{}`, json1, 400},
		{"an identifier without a value", `{"identifier":{"field":"Phone"}}`, json1, 400},
		{"an identifier with more", `{"identifier":{"field":"Phone","value":"+14157415569","to":"x"}}`, json1, 400},
		{"a list of addresses", `{"email":"johnwick@example.com,attacker@evil.example"}`, json1, 400},
		{"an address with a line break", `{"email":"johnwick@example.com\r\nBcc: attacker@evil.example"}`, json1, 400},
		{"an address with SMTP parameters", `{"email":"\"johnwick@example.com> ORCPT=a\"@evil.example"}`, json1, 400},
		{"an address of 300 bytes", `{"email":"` + strings.Repeat("a", 290) + `@example.com"}`, json1, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, nil)
				w := post(p.Handler(), "/forgot-password", c.body, header("Content-Type", c.ctype...))
				settle()
				if c.status == 202 {
					if w.Code != 202 || len(p.outbox.Messages()) != 1 {
						t.Errorf("%d messages and\n%s", len(p.outbox.Messages()), answer(w))
					}
					return
				}
				wantProblem(t, c.name, w, c.status)
				if n := len(p.outbox.Messages()); n != 0 {
					t.Errorf("%d messages were sent", n)
				}
				if strings.Contains(w.Body.String(), "evil.example") || strings.Contains(w.Body.String(), "johnwick") {
					t.Errorf("the answer echoes\n%s", w.Body)
				}
			})
		})
	}
}

// A61: a compressed body is not unpacked, and an endless one not read.
func TestHugeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		w := post(p.Handler(), "/forgot-password", "{}", header("Content-Encoding", "gzip"))
		wantProblem(t, "gzip", w, 415)
		endless := &countingReader{}
		r := httptest.NewRequest("POST", "/forgot-password", io.LimitReader(endless, 10<<30))
		r.Header.Set("Content-Type", "application/json")
		r.ContentLength = -1
		w = httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		wantProblem(t, "10 GiB", w, 413)
		if endless.n > 64<<10 {
			t.Errorf("%d bytes were read", endless.n)
		}
		if w.Header().Get("Connection") != "close" {
			t.Error("the connection stays open")
		}
	})
}

type countingReader struct{ n int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n += len(p)
	for i := range p {
		p[i] = '['
	}
	return len(p), nil
}

// A36: hostile proofs in every shape; none consumes or writes.
func TestBadProofShapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := p.Handler()
		sealed := token(t, p.forgot(t, byMail(johnMail)))
		for _, v := range []string{`null`, `[]`, `{}`, `0`, `false`, `["` + sealed + `"]`, `{"$ne":""}`} {
			w := post(h, "/reset-password", `{"token":`+v+`,"password":"`+goodPassword+`"}`)
			wantProblem(t, "token "+v, w, 400)
		}
		for _, body := range []string{
			`{"token":"` + sealed + `","code":"12345678","password":"` + goodPassword + `"}`,
			`{"token":"` + sealed + `","email":"` + johnMail + `","password":"` + goodPassword + `"}`,
			`{"leadId":"` + johnID + `","password":"` + goodPassword + `"}`,
			`{"code":"12345678","password":"` + goodPassword + `"}`,
			`{"code":"12345678","leadId":"` + johnID + `","password":"` + goodPassword + `"}`,
			`{"token":"` + sealed + `"}`,
			`{"token":"` + sealed + `","password":null}`,
			`{"token":"` + sealed + `","password":["` + goodPassword + `"]}`,
			// A65: nothing else of the account can be set.
			`{"token":"` + sealed + `","password":"` + goodPassword + `","roles":["admin"]}`,
			`{"token":"` + sealed + `","password":"` + goodPassword + `","Version":"1"}`,
			// A60: a name that only folds to password.
			`{"token":"` + sealed + `","pa\u017fsword":"` + goodPassword + `"}`,
		} {
			wantProblem(t, body, post(h, "/reset-password", body), 400)
		}
		if p.leads.Writes() != 0 {
			t.Fatal("written")
		}
		if w := post(h, "/reset-password", `{"token":"`+sealed+`","password":"`+goodPassword+`"}`); w.Code != 204 {
			t.Errorf("the token was consumed: %s", answer(w))
		}
	})
}

// A63: a huge password costs no hash.
func TestHugePasswordCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hasher := &switchHasher{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Passwords.Hasher = hasher })
		sealed := token(t, p.forgot(t, byMail(johnMail)))
		for _, pw := range []string{strings.Repeat("a1-", 4000), strings.Repeat("\ufdfa", 300), "\u0378 is not assigned to anything"} {
			w := post(p.Handler(), "/reset-password", `{"token":"`+sealed+`","password":"`+pw+`"}`)
			problem := wantProblem(t, "a password of "+fmt.Sprint(len(pw)), w, 422)
			if v, _ := problem["violations"].([]any); len(v) == 0 {
				t.Errorf("no violations in %v", problem)
			}
		}
		if hasher.hashes != 0 {
			t.Errorf("%d hashes", hasher.hashes)
		}
	})
}

// A67: one method, whatever a header says; and errors in the API's own shape.
func TestMethodsAndPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h := p.Handler()
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post"} {
			for _, path := range []string{"/forgot-password", "/check-token", "/reset-password"} {
				w := post(h, path, `{"email":"`+johnMail+`"}`, func(r *http.Request) { r.Method = method }, header("X-HTTP-Method-Override", "POST"))
				wantProblem(t, method, w, 405)
				if w.Header().Get("Allow") != "POST" {
					t.Errorf("%s: Allow %q", method, w.Header().Get("Allow"))
				}
			}
		}
		for _, path := range []string{"/", "/forgot-token", "/forgot-password/", "//forgot-password", "/FORGOT-PASSWORD", "/forgot-password/..", "/x"} {
			wantProblem(t, path, post(h, path, `{"email":"`+johnMail+`"}`), 404)
		}
		settle()
		if n := len(p.outbox.Messages()); n != 0 {
			t.Errorf("%d messages were sent", n)
		}
	})
}

// A05, A83: what every answer carries, and what none does.
func TestHeadersOfEveryAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Limits = recovery.Limits{} })
		h := p.Handler()
		origin := header("Origin", "https://evil.example")
		sealed := token(t, p.forgot(t, byMail(johnMail)))
		answers := []*httptest.ResponseRecorder{
			post(h, "/nowhere", ""), post(h, "/forgot-password", "{}", func(r *http.Request) { r.Method = "GET" }),
			post(h, "/forgot-password", "{"), post(h, "/forgot-password", "x", header("Content-Type", "text/plain")),
			post(h, "/check-token", `{"token":"x"}`), post(h, "/check-token", `{"token":"`+sealed+`"}`, origin),
			post(h, "/reset-password", `{"token":"x","password":"short"}`),
			post(h, "/forgot-password", strings.Repeat(" ", 20000)),
		}
		for range 32 { // the default for a client is 30 in 10 min
			answers = append(answers, post(h, "/forgot-password", `{"email":"`+johnMail+`"}`, origin))
		}
		answers = append(answers, post(h, "/reset-password", `{"token":"`+sealed+`","password":"`+goodPassword+`"}`, origin))
		var statuses []int
		for _, w := range answers {
			statuses = append(statuses, w.Code)
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%d: %s is %q, want %q", w.Code, name, got, want)
				}
			}
			for _, name := range []string{"Access-Control-Allow-Origin", "Set-Cookie", "ETag", "Last-Modified", "Location", "Server", "X-Powered-By"} {
				if got := w.Header().Get(name); got != "" {
					t.Errorf("%d: %s is %q", w.Code, name, got)
				}
			}
		}
		slices.Sort(statuses)
		if want := append(slices.Repeat([]int{202}, 30), 204, 204, 400, 400, 404, 405, 413, 415, 422, 429, 429); !slices.Equal(statuses, want) {
			t.Errorf("statuses %v, want %v", statuses, want)
		}
	})
}

// A83: what a dependency says stays in the log.
func TestErrorsTellNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for _, c := range []struct {
			name   string
			err    error
			status int
			code   string
		}{
			{"a definite failure", fmt.Errorf("pq: deadlock on table leads: %w", recovery.ErrNotWritten), 503, "unavailable"},
			{"an ambiguous failure that looks like something else", fmt.Errorf("pq: %w %w", recovery.ErrUnavailable, &recovery.RateLimitError{}), 500, "outcome_unknown"},
			{"an ambiguous failure", errors.New("pq: connection to 10.0.0.5 lost"), 500, "outcome_unknown"},
		} {
			sealed := token(t, p.forgot(t, byMail(johnMail)))
			p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error { return c.err }})
			w := post(p.Handler(), "/reset-password", `{"token":"`+sealed+`","password":"`+goodPassword+`"}`)
			if got := wantProblem(t, c.name, w, c.status); got["code"] != c.code {
				t.Errorf("%s: code %v, want %v", c.name, got["code"], c.code)
			}
			if got := answer(w); strings.Contains(got, "pq") || strings.Contains(got, "10.0.0.5") {
				t.Errorf("%s: %s", c.name, got)
			}
			if !strings.Contains(p.log.String(), "pq: ") {
				t.Errorf("%s: not in the log", c.name)
			}
		}
	})
}

// A80: who may ask for tokens.
func TestForgotTokenIsForServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		h, err := p.IssueTokenHandler(
			recovery.APIKey{ID: "old", Secret: recovery.NewSecret("the-key-of-last-year")},
			recovery.APIKey{ID: "new", Secret: recovery.NewSecret("the-key-of-this-year")},
		)
		if err != nil {
			t.Fatal(err)
		}
		const body = `{"identifier":{"field":"Username","value":"John_Doe"}}`
		good := header("Authorization", "Bearer the-key-of-this-year")
		for _, c := range []struct {
			name   string
			edit   []func(*http.Request)
			body   string
			status int
		}{
			{"with the new key", []func(*http.Request){good}, body, 200},
			{"with the old key", []func(*http.Request){header("Authorization", "bearer the-key-of-last-year")}, body, 200},
			{"without a key", nil, body, 401},
			{"with an empty key", []func(*http.Request){header("Authorization", "Bearer ")}, body, 401},
			{"with a wrong key", []func(*http.Request){header("Authorization", "Bearer the-key-of-that-year")}, body, 401},
			{"with a key and more", []func(*http.Request){header("Authorization", "Bearer the-key-of-this-year ")}, body, 401},
			{"with the header twice", []func(*http.Request){header("Authorization", "Bearer the-key-of-this-year", "Bearer x")}, body, 401},
			{"with another scheme", []func(*http.Request){header("Authorization", "Basic the-key-of-this-year")}, body, 401},
			{"with a very long key", []func(*http.Request){header("Authorization", "Bearer "+strings.Repeat("x", 1<<16))}, body, 401},
			{"from a page", []func(*http.Request){good, header("Origin", "https://portal.example.com")}, body, 403},
			{"from a page with Origin null", []func(*http.Request){good, header("Origin", "null")}, body, 403},
			{"from a browser", []func(*http.Request){good, header("Sec-Fetch-Site", "none")}, body, 403},
			{"for nobody", []func(*http.Request){good}, `{"email":"nobody@example.com"}`, 404},
			{"for a disabled lead", []func(*http.Request){good}, `{"email":"disabled@example.com"}`, 404},
			{"with a bad address", []func(*http.Request){good}, `{"email":"x"}`, 400},
			{"with a field that cannot be searched", []func(*http.Request){good}, `{"identifier":{"field":"mx_Alternate_Email","value":"` + johnAlt + `"}}`, 400},
			{"with a password, which a server may not set", []func(*http.Request){good}, `{"email":"` + johnMail + `","password":"` + goodPassword + `"}`, 400},
			{"with the key in the query", []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = "key=the-key-of-this-year" }}, body, 401},
		} {
			w := post(h, "/forgot-token", c.body, c.edit...)
			if c.status != 200 {
				wantProblem(t, c.name, w, c.status)
			} else if w.Code != 200 {
				t.Errorf("%s: %s", c.name, answer(w))
			}
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s: CORS for %q", c.name, got)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control %q", c.name, got)
			}
		}
		w := post(h, "/forgot-token", body, good)
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != 3 {
			t.Fatalf("answer %s", w.Body)
		}
		if got["token"] == "" || got["expires"] != "2000-01-01T01:00:00Z" || fmt.Sprint(got["identityProviders"]) != "[google facebook]" {
			t.Errorf("answer %s", w.Body)
		}
		// The answer's token is a proof, and the other handler does not serve it.
		if w := post(p.Handler(), "/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, got["token"], goodPassword)); w.Code != 204 {
			t.Errorf("reset: %s", answer(w))
		}
		for _, bad := range [][]recovery.APIKey{
			nil, {{ID: "x", Secret: recovery.NewSecret("short")}}, {{Secret: recovery.NewSecret("the-key-of-this-year")}},
			{{ID: "a", Secret: recovery.NewSecret("the-key-of-this-year")}, {ID: "b", Secret: recovery.NewSecret("the-key-of-this-year")}},
		} {
			if _, err := p.IssueTokenHandler(bad...); err == nil {
				t.Errorf("keys %v were accepted", bad)
			}
		}
	})
}

// Whatever arrives, the API answers with one of its own statuses and a
// body in its own shape, writes no password and does not panic.
func FuzzHandler(f *testing.F) {
	for _, body := range []string{
		`{"email":"johnwick@example.com"}`, `{"identifier":{"field":"Phone","value":"+1"},"recipientField":"Phone"}`,
		`{"leadId":"x","token":"y","password":"z"}`, `{"email":"a@b.example","code":"12345678","password":"Samplepassword@123"}`, `{`, `{"email":"\ud800"}`,
	} {
		f.Add(body, uint8(0))
		f.Add(body, uint8(2))
	}
	p := newPortal(f, nil)
	h := p.Handler()
	paths := []string{"/forgot-password", "/check-token", "/reset-password"}
	f.Fuzz(func(t *testing.T, body string, path uint8) {
		w := post(h, paths[int(path)%len(paths)], body)
		switch w.Code {
		case 202, 204, 400, 413, 422, 429, 503:
		default:
			t.Errorf("status %d", w.Code)
		}
		if w.Code != 204 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("body %q", w.Body)
		}
		if p.leads.Writes() != 0 {
			t.Error("written")
		}
	})
}

// A83: an answer to what nobody foresaw says nothing of it. Here a middleware's
// body panics.
func TestInternalErrorIsNotTold_A83(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		w := post(p.Handler(), "/forgot-password", `{}`, func(r *http.Request) { r.Body = panickyBody{} })
		want := `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"Something went wrong.","code":"internal"}`
		if w.Code != http.StatusInternalServerError || w.Body.String() != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if log := p.log.String(); strings.Contains(log, "hunter2") || !strings.Contains(log, "panic") {
			t.Errorf("log\n%s", log)
		}
	})
}

type panickyBody struct{}

func (panickyBody) Read([]byte) (int, error) { panic("hunter2") }
func (panickyBody) Close() error             { return nil }
