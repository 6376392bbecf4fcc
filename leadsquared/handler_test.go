package leadsquared_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
)

const notFoundBody = `{"Status":"Error","ExceptionType":"MXResourceNotFoundException","ExceptionMessage":"The API could not be found. Please check the API signature."}`

// A52: each path has one spelling, except for case.
func TestPaths(t *testing.T) {
	tests := []struct {
		sentence string
		path     string
		found    bool
	}{
		{"as documented", forgotV2, true},
		{"in lower case", strings.ToLower(forgotV2), true},
		{"in capitals", strings.ToUpper(forgotV2), true},
		{"the second spelling", forgotV2b, true},
		{"the first generation", forgotV1, true},
		{"the second spelling of the first generation", forgotV1b, true},
		{"with the question mark of the vendor's page", forgotV2 + "?", true},
		{"with a query that nobody asked for", forgotV2 + "?EmailAddress=a@example.com", true},
		{"with a slash at the end", forgotV2 + "/", false},
		{"with a slash and a question mark at the end", forgotV2 + "/?", false},
		{"with two slashes in front (A52)", "/" + forgotV2, false},
		{"with two slashes inside (A52)", strings.Replace(forgotV2, "/v2/", "//v2/", 1), false},
		{"with an escaped letter (A52)", strings.Replace(forgotV2, "Secure", "%53ecure", 1), false},
		{"with an escaped slash (A52)", strings.Replace(forgotV2, "/v2/", "%2Fv2/", 1), false},
		{"with an escaped question mark", forgotV2 + "%3F", false},
		{"with a dot segment (A52)", strings.Replace(forgotV2, "/v2/", "/./v2/", 1), false},
		{"with a dot-dot segment (A52)", strings.Replace(forgotV2, "/v2/", "/v2/../v2/", 1), false},
		{"with a path parameter", forgotV2 + ";a=b", false},
		{"with a Kelvin sign for a k, which some fold", "/api/Access/PublicTo\u212aen", false},
		{"another version", strings.Replace(forgotV2, "v2", "v3", 1), false},
		{"another prefix", strings.Replace(forgotV2, "/api", "", 1), false},
		{"part of it", "/api/Authentication/", false},
		{"the root", "/", false},
		{"something endless", "/api/" + strings.Repeat("a", 60_000), false},
	}
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, test := range tests {
			u, err := url.ParseRequestURI(test.path)
			if err != nil {
				t.Fatal(err)
			}
			r := post("/", `{"EmailAddress":"nobody@example.com"}`)
			r.URL = u
			rec := w.do(r)
			if test.found {
				if rec.Code != 200 {
					t.Errorf("%s: %d %s, want 200", test.sentence, rec.Code, rec.Body)
				}
				continue
			}
			if rec.Code != 404 || rec.Body.String() != notFoundBody {
				t.Errorf("%s: %d %s, want 404", test.sentence, rec.Code, rec.Body)
			}
		}
	})
}

// A67: each endpoint has one method, and headers that override it are ignored.
func TestMethods(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for path, allow := range map[string]string{
			forgotV2: "POST", forgotV2b: "POST", forgotV1: "POST", forgotV1b: "POST", resetV2: "POST", resetV1: "POST",
			publicTok: "GET", regTok: "GET",
		} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "QUERY"} {
				if method == allow {
					continue
				}
				r := post(path, `{"EmailAddress":"`+johnMail+`"}`, header("X-HTTP-Method-Override", allow), header("X-Method-Override", allow))
				r.Method = method
				rec := w.do(r)
				if rec.Code != 405 || rec.Header().Get("Allow") != allow {
					t.Errorf("%s %s: %d, Allow %q, want 405, %s", method, path, rec.Code, rec.Header().Get("Allow"), allow)
				}
				if reset := strings.HasSuffix(path, "ResetPassword"); reset != strings.Contains(rec.Body.String(), `"IsSuccessful":false`) {
					t.Errorf("%s %s: %s", method, path, rec.Body)
				}
			}
		}
		// An override does not change a method that is served either.
		r := post(forgotV2, `{"EmailAddress":"nobody@example.com"}`, header("X-HTTP-Method-Override", "DELETE"))
		want(t, w.do(r), 200, forgotOK)
		w.noEffect(t)
	})
}

// The handler checks in this order: path, method, credentials, body, limits.
func TestOrderOfChecks(t *testing.T) {
	tests := []struct {
		sentence string
		path     string
		tweaks   []tweak
		want     int
	}{
		{"everything wrong", "/api/nothing", []tweak{func(r *http.Request) { r.Method = "PUT" }, header("Authorization"), header("Content-Type", "text/plain")}, 404},
		{"everything wrong but the path", forgotV2, []tweak{func(r *http.Request) { r.Method = "PUT" }, header("Authorization"), header("Content-Type", "text/plain")}, 405},
		{"credentials, type, and limit", forgotV2, []tweak{header("Authorization"), header("Content-Type", "text/plain")}, 401},
		{"type and limit", forgotV2, []tweak{header("Content-Type", "text/plain")}, 400},
		{"body and limit", forgotV2, []tweak{func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{}`)); r.ContentLength = 2 }}, 400},
		{"limit", forgotV2, nil, 429},
		{"limit and proof", resetV2, nil, 429},
	}
	once := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 1e12}}}
	bubble(t, func(o *recovery.Options) { o.Limits.ClientForgot, o.Limits.ClientReset = once, once }, func(t *testing.T, w *world) {
		body := `{"EmailAddress":"nobody@example.com","Password":"Samplepassword@123","LeadId":"x","TemporaryPassword":"y"}`
		w.do(post(forgotV2, body))
		w.do(post(resetV2, body))
		for _, test := range tests {
			if rec := w.do(post(test.path, body, test.tweaks...)); rec.Code != test.want {
				t.Errorf("%s: %d %s, want %d", test.sentence, rec.Code, rec.Body, test.want)
			}
		}
	})
}

// The body of a request without credentials is not read.
func TestStrangersBodyIsNotRead(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for _, f := range []tweak{header("Authorization", "unknown"), func(r *http.Request) { r.Method = "PUT" }, func(r *http.Request) { r.URL.Path = "/api/nothing" }} {
			r := post(forgotV2, "", f)
			body := &countingReader{Reader: strings.NewReader(`{}`)}
			r.Body, r.ContentLength = io.NopCloser(body), -1
			w.do(r)
			if body.n != 0 {
				t.Errorf("%s %s: %d bytes of the body were read", r.Method, r.URL.Path, body.n)
			}
		}
	})
}

type countingReader struct {
	io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// A panic in the host's code is answered like any other failure and logged
// without its value, and the next request is served.
func TestPanic(t *testing.T) {
	blown := false
	change := func(o *recovery.Options) {
		o.Passwords.Hasher = cheapHasher{func() error {
			if !blown {
				blown = true
				panic("the password is " + goodPass)
			}
			return nil
		}}
	}
	bubble(t, change, func(t *testing.T, w *world) {
		link := w.mailedLink(w.a, asA)
		want(t, w.do(post(resetV2, resetWith(goodPass, link), header("Origin", originA))), 503, resetError(internal, "The API is temporarily unavailable. Try again later."))
		if logs := w.logs.String(); !strings.Contains(logs, "recovery: panic") || strings.Contains(logs, goodPass) {
			t.Errorf("logs are\n%s", logs)
		}
		want(t, w.do(post(resetV2, resetWith(goodPass, link))), 200, resetOK)
	})
}

// A panic outside the host's code, here in a reader that a middleware put
// around the body, is answered like any other failure.
func TestPanicInTheBody(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		r := post(resetV2, "")
		r.Body = panickingBody{"the password is " + goodPass}
		want(t, w.do(r), 500, resetError(internal, "The API call failed."))
		if logs := w.logs.String(); !strings.Contains(logs, "leadsquared: panic") || strings.Contains(logs, goodPass) {
			t.Errorf("logs are\n%s", logs)
		}
	})
}

// http.ErrAbortHandler is the only panic that asks for no answer.
func TestAbortIsPassedOn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		r := post(resetV2, "")
		r.Body = panickingBody{http.ErrAbortHandler}
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("recovered %v", p)
			}
		}()
		w.do(r)
	})
}

type panickingBody struct{ value any }

func (b panickingBody) Read([]byte) (int, error) { panic(b.value) }
func (panickingBody) Close() error               { return nil }

// The logger of the options is used instead of the Service's.
func TestLogger(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		var own logBuffer
		opts := w.options()
		opts.Logger = own.logger()
		h, err := leadsquared.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		w.handler = h
		w.do(get(publicTok))
		if !strings.Contains(own.String(), "access key pair refused") || strings.Contains(w.logs.String(), "leadsquared: ") {
			t.Errorf("own logger got %q, the Service's %q", own.String(), w.logs.String())
		}
	})
}

// On real connections: the bytes that a client sends, and the answer.
func TestOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	var mux http.ServeMux
	mux.Handle("/api/", w.handler)
	mux.Handle("/mounted/", http.StripPrefix("/mounted", w.handler))
	for name, handler := range map[string]http.Handler{"alone": w.handler, "in a ServeMux": &mux} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			headers := "Host: evil.example\r\nContent-Type: application/json\r\nAuthorization: " + keyA +
				"\r\nx-lsq-registertoken: " + tokenA + "\r\nX-LSQ-PORTALID: " + strings.ToUpper(idA) + "\r\n"
			body := `{"EmailAddress":"nobody@example.com"}`
			sized := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
			tests := []struct {
				sentence, request string
				status            int
			}{
				{"a call", "POST " + forgotV2 + " HTTP/1.1\r\n" + sized, 200},
				{"the vendor's question mark", "POST " + resetV2 + "? HTTP/1.1\r\n" + headers + "Content-Length: 2\r\n\r\n{}", 400},
				{"an absolute-form request line (A01)", "POST http://evil.example" + forgotV2 + " HTTP/1.1\r\n" + sized, 200},
				{"a chunked body", "POST " + forgotV2 + " HTTP/1.1\r\n" + headers + "Transfer-Encoding: chunked\r\n\r\n25\r\n" + body + "\r\n0\r\n\r\n", 200},
				{"a chunked body over 16 KiB (A61)", "POST " + forgotV2 + " HTTP/1.1\r\n" + headers + "Transfer-Encoding: chunked\r\n\r\n8000\r\n" + strings.Repeat(" ", 0x8000) + "\r\n0\r\n\r\n", 413},
				{"a declared length of a gigabyte (A61)", "POST " + forgotV2 + " HTTP/1.1\r\n" + headers + "Content-Length: 1000000000\r\n\r\n{", 413},
				{"an unknown path", "GET /api/v9/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404},
				{"TRACE (A67)", "TRACE " + forgotV2 + " HTTP/1.1\r\nHost: x\r\n\r\n", 405},
				{"a header given twice", "POST " + forgotV2 + " HTTP/1.1\r\nAuthorization: " + keyA + "\r\n" + sized, 401},
				{"an escaped letter (A52)", "POST " + strings.Replace(forgotV2, "S", "%53", 1) + " HTTP/1.1\r\n" + sized, 404},
			}
			for _, test := range tests {
				resp, answer := exchange(t, server.Listener.Addr().String(), test.request)
				checkAnswer(t, resp.StatusCode, withLength(resp), answer)
				if resp.StatusCode != test.status {
					t.Errorf("%s: %d %s, want %d", test.sentence, resp.StatusCode, answer, test.status)
				}
				if test.status == 413 && !resp.Close {
					t.Errorf("%s: the connection stays open", test.sentence)
				}
			}
		})
	}
	t.Run("below a prefix", func(t *testing.T) {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, post("/mounted"+forgotV2, `{"EmailAddress":"nobody@example.com"}`))
		want(t, rec, 200, forgotOK)
	})
}

// withLength adds the header that the HTTP client has removed from the answer.
func withLength(resp *http.Response) http.Header {
	h := resp.Header.Clone()
	h.Set("Content-Length", fmt.Sprint(resp.ContentLength))
	return h
}

func exchange(t *testing.T, addr, request string) (*http.Response, []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.Copy(conn, strings.NewReader(request)) }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp, b.Bytes()
}
