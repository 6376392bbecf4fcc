package loginradius_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// TestHostileBodies (A60, A61, A62): every endpoint answers with one clean
// error, and the request has no effect.
func TestHostileBodies(t *testing.T) {
	bodies := []struct{ name, body string }{
		{"null", `null`}, {"array", `[]`}, {"string", `"x"`}, {"number", `1`}, {"true", `true`},
		{"array of objects", `[{"email":"john@example.com"}]`},
		{"duplicate names", `{"email":"john@example.com","email":"john@example.com"}`},
		{"names that fold", `{"email":"john@example.com","EMAIL":"john@example.com"}`},
		{"duplicate names further in", `{"email":"john@example.com","x":{"a":1,"a":2}}`},
		{"two objects", `{"email":"john@example.com"}{"email":"user@example.com"}`},
		{"trailing garbage", `{"email":"john@example.com"} x`},
		{"trailing comma", `{"email":"john@example.com",}`},
		{"comment", `{"email":"john@example.com"/**/}`},
		{"single quotes", `{'email':'john@example.com'}`},
		{"byte order mark", "\ufeff" + `{"email":"john@example.com"}`},
		{"invalid UTF-8", "{\"email\":\"john@example.com\",\"x\":\"\xff\"}"},
		{"lone surrogate", `{"email":"john@example.com","x":"\ud800"}`},
		{"NUL", "{\"email\":\"john@example.com\"}\x00"},
		{"deep arrays", strings.Repeat("[", 5000)},
		{"deep objects", `{"email":"john@example.com","x":` + strings.Repeat(`{"x":`, 8) + `1` + strings.Repeat(`}`, 8) + `}`},
		{"large", `{"email":"john@example.com","x":"` + strings.Repeat("x", 17<<10) + `"}`},
		{"form", `email=john@example.com`},
		{"XML", `<email>john@example.com</email>`},
	}
	s := newSite(t, nil, nil)
	for _, b := range bodies {
		t.Run(b.name, func(t *testing.T) {
			for _, e := range []struct {
				method, path string
				code         int
			}{
				{"POST", pathForgotToken, 965}, {"POST", pathPassword, 965}, {"POST", pathOTP, 965},
				{"PUT", pathPassword, 1079}, {"PUT", pathReset, 1079}, {"PUT", pathOTP, 1079},
			} {
				status := 400
				if b.name == "large" {
					status = 413
				}
				a := s.do(e.method, e.path+"?apikey="+apiKey, b.body, anySecret, apiSecret)
				a.wantFailure(t, status, e.code, "")
				if a.header.Get("Connection") != "close" {
					t.Errorf("%s %s: the connection stays open", e.method, e.path)
				}
			}
			s.quiet()
		})
	}
	t.Run("U+017F and U+212A in names", func(t *testing.T) {
		s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"x","pa\u017fsword":"`+newPassword+`"}`).wantFailure(t, 400, 1089, "")
		s.do("PUT", pathReset+"?apikey="+apiKey, `{"resetto\u212aen":"x","password":"`+newPassword+`"}`).wantFailure(t, 400, 908, "")
	})
	t.Run("an endless stream", func(t *testing.T) {
		r := newRequest("POST", pathPassword+"?apikey="+apiKey, "")
		stream := &endless{}
		r.Body, r.ContentLength = io.NopCloser(stream), -1
		s.send(r).wantFailure(t, 413, 965, "")
		if stream.read > 1<<20 {
			t.Errorf("read %d bytes", stream.read)
		}
	})
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, bytes.Repeat([]byte{' '}, len(p)))
	e.read += n
	return n, nil
}

// TestContentTypes (A62).
func TestContentTypes(t *testing.T) {
	s := newSite(t, nil, nil)
	target := pathPassword + "?apikey=" + apiKey
	for _, bad := range [][]string{
		nil, {"text/plain"}, {"text/json"}, {"application/x-www-form-urlencoded"}, {"multipart/form-data; boundary=x"},
		{"application/json; charset=utf-16"}, {"application/json; charset=iso-8859-1"}, {"application/json, text/plain"},
		{"application/json", "application/json"}, {"text/plain; application/json"}, {"application/json;x=1"}, {"application/jsonp"}, {"*/*"},
	} {
		r := newRequest("POST", target, john)
		r.Header.Del("Content-Type")
		for _, v := range bad {
			r.Header.Add("Content-Type", v)
		}
		s.send(r).wantFailure(t, 400, 1083, "This content type header is not supported")
	}
	for _, encoding := range []string{"gzip", "br", "deflate", "identity, gzip"} {
		s.do("POST", target, john, "Content-Encoding", encoding).wantFailure(t, 415, 1083, "")
	}
	s.quiet()
	for _, good := range []string{"application/json", "Application/JSON; Charset=UTF-8", `application/json;charset="utf-8"`} {
		s.do("POST", target, john, "Content-Type", "", "Content-Type", good).wantPosted(t)
		s.one()
	}
}

// TestMethods (A67): only the listed methods are served, and no header
// overrides the method.
func TestMethods(t *testing.T) {
	s := newSite(t, nil, nil)
	token := s.manage("", john).wantToken(t)
	for path, allow := range map[string]string{
		pathForgotToken: "POST", pathPassword: "POST, PUT", pathReset: "PUT", pathOTP: "POST, PUT",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "BREW"} {
			if strings.Contains(allow, method) {
				continue
			}
			a := s.do(method, path+"?apikey="+apiKey, resetBody(token), anySecret, apiSecret,
				"X-HTTP-Method-Override", "PUT", "X-HTTP-Method", "PUT", "X-Method-Override", "PUT")
			a.wantFailure(t, 405, 908, "")
			if a.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q", method, path, a.header.Get("Allow"))
			}
		}
	}
	s.do("POST", pathReset+"?apikey="+apiKey+"&_method=PUT", resetBody(token), "X-HTTP-Method-Override", "PUT").wantFailure(t, 405, 908, "")
	if s.leads.Writes() > 0 {
		t.Error("a method override was obeyed")
	}
	s.reset(token).wantPosted(t)
}

// TestPaths (A52): each path has one spelling, also behind a ServeMux.
func TestPaths(t *testing.T) {
	s := newSite(t, nil, nil)
	for _, path := range []string{
		"/", "/identity", "/identity/", "/identity/v2", "/identity/v2/auth/password/", "/identity/v2/auth/password/reset/",
		"///identity/v2/auth/password", "/identity//v2/auth/password", "//identity//v2/auth/password", "/identity/v2/auth/./password", "/identity/v2/auth/x/../password",
		"/Identity/v2/auth/password", "/identity/V2/auth/PASSWORD", "/identity/v2/auth/password;x=1", "/identity/v2/auth/password%20",
		"/identity/v2/%61uth/password", "/identity%2fv2/auth/password", "/identity/v2/auth%2fpassword", "/identity/v2/auth/password%3f",
		"/identity/v1/auth/password", "/identity/v2/manage/account", "/api/Authentication/ForgotPassword",
		// What the vendor's SDKs call besides: security questions, PINs, and passwords
		// that are set or changed.
		"/identity/v2/auth/password/securityanswer", "/identity/v2/auth/pin/forgot/email", "/identity/v2/auth/pin/reset/token",
		"/identity/v2/manage/account/0b9d7c52/password", "/identity/v2/auth/password/change", "/identity/v2/auth/login",
	} {
		r := newRequest("POST", "http://api.example.com"+path+"?apikey="+apiKey, john)
		s.send(r).wantFailure(t, 404, 908, "A parameter is not formatted correctly")
	}
	s.quiet()

	mux := http.NewServeMux()
	mux.Handle("/identity/", s.handler)
	for _, path := range []string{"/identity/v2/%61uth/password", "/identity/v2/auth/password/", "/identity/x"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, newRequest("POST", path+"?apikey="+apiKey, john))
		answer{w.Code, w.Result().Header, w.Body.String()}.wantFailure(t, 404, 908, "")
	}
	s.quiet()
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, newRequest("POST", pathPassword+"?apikey="+apiKey, john))
	answer{w.Code, w.Result().Header, w.Body.String()}.wantPosted(t)
}

// TestLimits: the vendor's 25 in 5 seconds counts the key alone for servers,
// and the pair of key and client for browsers (A82).
func TestLimits(t *testing.T) {
	const text = "API calls exceeded the limit of 25 in 5 second(s)"
	limits := func(o *recovery.Options) { o.Limits.Caller = recovery.LimitPolicy{} }

	t.Run("management, per key", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, limits, nil)
			for i := range 25 {
				s.client = "203.0.113." + strconv.Itoa(i+1) + ":1"
				s.manage("", `{"username":"nobody`+strconv.Itoa(i)+`"}`).wantFailure(t, 403, 938, "")
			}
			// Neither a wrong secret nor a public request counts against the
			// limit of the key.
			s.do("POST", pathForgotToken+"?apikey="+apiKey, john, anySecret, "wrong").wantFailure(t, 401, 902, "")
			s.do("POST", pathPassword+"?apikey="+apiKey, john).wantPosted(t)
			a := s.manage("", john)
			e := a.wantFailure(t, 429, 908, text)
			if e.Description != text+"." {
				t.Errorf("Description %q", e.Description)
			}
			for name, want := range map[string]string{
				"Retry-After": "5", "Connection": "close",
				"RateLimit": `"caller-5";r=0;t=5`, "RateLimit-Policy": `"caller-5";q=25;w=5`,
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			time.Sleep(5 * time.Second)
			s.manage("", john).wantToken(t)
		})
	})
	t.Run("public, per key and client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, limits, nil)
			for range 25 {
				s.reset("x").wantFailure(t, 403, 1063, "")
			}
			a := s.reset("x")
			a.wantFailure(t, 429, 908, text)
			if a.header.Get("Connection") != "close" || a.header.Get("Retry-After") != "5" {
				t.Errorf("headers %v", a.header)
			}
			s.client = "203.0.113.8:1"
			s.reset("x").wantFailure(t, 403, 1063, "")
			s.manage("", john).wantToken(t)
		})
	})
	t.Run("every success and refusal says what is left", func(t *testing.T) {
		s := newSite(t, limits, nil)
		token := s.manage("", john).wantToken(t)
		managed := s.manage("", john)
		if got, want := managed.header.Get("RateLimit"), `"caller-5";r=23;t=5`; got != want {
			t.Errorf("RateLimit: %q, want %q", got, want)
		}
		for _, a := range []answer{
			s.do("POST", pathPassword+"?apikey="+apiKey, john), s.do("POST", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345678"}`), s.reset(token),
		} {
			a.wantPosted(t)
			if got := a.header.Get("RateLimit-Policy"); got != `"caller-5";q=25;w=5, "client-1";q=100000;w=1` {
				t.Errorf("RateLimit-Policy: %q", got)
			}
			if a.header.Get("RateLimit") == "" {
				t.Error("no RateLimit")
			}
		}
	})
	t.Run("a path in other words is no other limit", func(t *testing.T) { // A52
		s := newSite(t, limits, nil)
		for i := range 25 {
			s.do("PUT", []string{pathReset, pathPassword}[i%2]+"?apikey="+apiKey, resetBody("x")).wantFailure(t, 403, 1063, "")
		}
		s.do("PUT", pathPassword+"?apikey="+apiKey, resetBody("x")).wantFailure(t, 429, 908, text)
	})
	t.Run("forged addresses are no other client", func(t *testing.T) { // A50
		s := newSite(t, func(o *recovery.Options) { o.Limits = recovery.Limits{Caller: wide()} }, nil)
		call := func(i int) answer {
			return s.do("POST", pathPassword+"?apikey="+apiKey, `{"email":"nobody`+strconv.Itoa(i)+`@example.com"}`,
				"X-Forwarded-For", "198.51.100."+strconv.Itoa(i+1), "X-Real-IP", "198.51.100."+strconv.Itoa(i+1),
				"Forwarded", "for=198.51.100."+strconv.Itoa(i+1))
		}
		for i := range 30 {
			call(i).wantPosted(t)
		}
		call(30).wantFailure(t, 429, 908, "API calls exceeded the limit of 30 in 600 second(s)")
	})
}

// TestNothingSecretIsLogged (A39): the log at debug level holds no secret after
// successes, refusals, failures and a panic.
func TestNothingSecretIsLogged(t *testing.T) {
	s := newSite(t, nil, func(a *loginradius.App) { a.DangerouslyAllowQuerySecret = true })
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(old)
	managed := pathForgotToken + "?apikey=" + apiKey + "&apisecret=" + apiSecret + "&sendemail=true&canary=c4n4ry"

	token := s.do("POST", managed, john).wantToken(t)
	s.one()
	s.do("POST", pathPassword+"?apikey="+apiKey+"&emailtemplate=tpl-code&canary=c4n4ry", `{"username":"user"}`).wantPosted(t)
	code := s.one().Code.Reveal()
	s.do("POST", managed, `{"Email":`).wantFailure(t, 400, 965, "")
	s.do("POST", pathForgotToken+"?apikey="+apiKey+"&apisecret=wr0ng-secret-c4n4ry", john).wantFailure(t, 401, 902, "")
	s.reset(token+"c4n4ry").wantFailure(t, 403, 1063, "")
	s.do("PUT", pathReset+"?apikey="+apiKey, `{"resettoken":"`+token+`","password":"leaked somewhere else"}`).wantFailure(t, 403, 1315, "")
	s.hasher.err = io.ErrUnexpectedEOF
	s.reset(token).wantFailure(t, 503, 950, "")
	s.hasher.err = errPanic
	s.reset(token).wantFailure(t, 503, 950, "")
	s.hasher.err = nil
	s.tokens.broken = true
	s.do("POST", managed, john).wantFailure(t, 503, 950, "")
	s.tokens.broken = false
	s.jobs.full = true
	s.do("POST", managed, `{"username":"py"}`).wantFailure(t, 503, 950, "")
	s.jobs.full = false
	s.reset(token).wantPosted(t)
	s.jobs.run(t.Context())

	logs := s.logs.String()
	if !strings.Contains(logs, "request failed") || !strings.Contains(logs, "panic") || !strings.Contains(logs, "status=503") {
		t.Errorf("failures are not logged:\n%s", logs)
	}
	for _, secret := range []string{
		apiSecret, token, token[10:40], code, newPassword, "leaked somewhere else", "john@example.com", "user@example.com",
		"c4n4ry", "apisecret", "?apikey", "sendemail", "wr0ng", "vtoken",
	} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log shows %q:\n%s", secret, logs)
		}
	}
}

// errPanic makes the hasher panic.
var errPanic = panicError{}

type panicError struct{}

func (panicError) Error() string { return "panic" }

// TestAbort: http.ErrAbortHandler closes the connection without an answer.
func TestAbort(t *testing.T) {
	s := newSite(t, func(o *recovery.Options) { o.Queue = nil }, nil)
	t.Cleanup(func() { _ = s.svc.Shutdown(t.Context()) })
	r := newRequest("POST", pathPassword+"?apikey="+apiKey, "")
	r.Body = io.NopCloser(aborting{})
	r.ContentLength = 10
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	s.handler.ServeHTTP(httptest.NewRecorder(), r)
}

type aborting struct{}

func (aborting) Read([]byte) (int, error) { panic(http.ErrAbortHandler) }
