package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// A52: the next handler gets no path that a server could read as one of the
// wire's own, however it is spelled.
func TestNext(t *testing.T) {
	const own = "/api/Auth/v2/ResetPassword"
	tests := []struct {
		sentence, path string
		passed         bool
	}{
		{"another path", "/api/Auth/v2/ChangePassword", true},
		{"one with an ID", "/identity/v2/manage/account/0b9d7c52-3f0e/password", true},
		{"a slash at the end", "/api/Auth/", true},
		{"the root", "/", true},
		{"a part of an own path", "/api/Auth/v2", true},
		{"a path below an own one", own + "/confirm", true},
		{"a dot inside a segment", "/.well-known/a.b/..c", true},
		{"an escaped letter of another path", "/api/%41uth/%7euser", true},
		{"an escaped slash of another path", "/api/a%2Fb", true},
		{"a file", "/api/Auth/v2/ResetPasswords.css", true},
		{"an address as an ID", "/api/users/a@b.example", true},

		{"an own path", own, false},
		{"in other case", strings.ToUpper(own), false},
		{"with a slash at the end", own + "/", false},
		{"with two slashes at the end", own + "//", false},
		{"below a mount", "/crm" + own, false},
		{"with two slashes in front", "/" + own, false},
		{"with two slashes inside", "/api//Auth/v2/ResetPassword", false},
		{"with an escaped letter", "/api/Auth/v2/%52esetPassword", false},
		{"with an escaped slash", "/api/Auth%2fv2/ResetPassword", false},
		{"escaped twice", "/api/Auth/v2/%2552esetPassword", false},
		{"with a dot segment", "/api/./Auth/v2/ResetPassword", false},
		{"with an escaped dot segment", "/api/%2e/Auth/v2/ResetPassword", false},
		{"with two dots", "/api/x/../Auth/v2/ResetPassword", false},
		{"with two dots, hidden", "/api/x/%2e%2E%2fAuth/v2/ResetPassword", false},
		{"with two dots and an end of its own", "/api/Auth/v2/ResetPassword/x/..", false},
		{"with backslashes", `/api\Auth\v2\ResetPassword`, false},
		{"with an escaped backslash", "/api/Auth/v2%5cResetPassword", false},
		{"with a parameter", own + ";a=b", false},
		{"with a parameter inside", "/api;a=b/Auth/v2/ResetPassword", false},
		{"with a question mark that is escaped", own + "%3Fa=b", false},
		{"with a number sign that is escaped", own + "%23a", false},
		{"with a dot at the end", own + ".", false},
		{"with a format", own + ".json", false},
		{"with a format and a slash at the end", own + ".json/", false},
		{"with two formats", own + ".tar.gz", false},
		{"with an escaped dot", own + "%2ejson", false},
		{"with a space at the end", own + "%20", false},
		{"with a NUL at the end", own + "%00", false},
		{"with a line break", own + "%0d%0a", false},
		{"with a long s", "/api/Auth/v2/Re%C5%BFetPassword", false},
		{"with wide letters", "/api/Auth/v2/%EF%BC%B2esetPassword", false},
		{"in bytes that are no text", "/api/%ff", false},
		{"longer than 2,048 bytes", "/" + strings.Repeat("a", 2048), false},
		{"no path at all", "*", false},
	}
	var got *http.Request
	next := httpapi.NewNext(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }), []string{own})
	for _, test := range tests {
		got = nil
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		u, err := url.ParseRequestURI(test.path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		if passed := next.Serve(httptest.NewRecorder(), r); passed != test.passed || (got == r) != test.passed {
			t.Errorf("%s, %s: passed on %v, want %v", test.sentence, test.path, passed, test.passed)
		}
	}
	if httpapi.NewNext(nil, []string{own}).Serve(nil, httptest.NewRequest(http.MethodPost, "/other", nil)) {
		t.Error("no handler served a request")
	}
}

// FuzzNext holds every path that is passed on to this: no lenient server reads
// it as one of the wire's own, not even one that does everything wrong at once.
func FuzzNext(f *testing.F) {
	const own = "/api/Auth/v2/ResetPassword"
	for _, path := range []string{
		own, "/api/Auth/v2/ChangePassword", "/api/x/%2e%2e%252fAuth/v2/ResetPassword", `/api\Auth/v2\ResetPassword. `,
		"/api;a/./Auth//v2/Re%C5%BFetPassword;b", "//api/Auth/v2/ResetPassword/%3f", "/a/b/%41",
	} {
		f.Add(path)
	}
	next := httpapi.NewNext(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), []string{own})
	f.Fuzz(func(t *testing.T, requested string) {
		u, err := url.ParseRequestURI(requested)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodPost, URL: u}
		if next.Serve(nil, r) && strings.HasSuffix(lenient(u.EscapedPath()), strings.ToLower(own)) {
			t.Errorf("%q is passed on, and a server may read it as %s", requested, own)
		}
	})
}

// lenient reads a path as the most careless server does.
func lenient(p string) string {
	for {
		unescaped, err := url.PathUnescape(p)
		if err != nil || unescaped == p {
			break
		}
		p = unescaped
	}
	p, _, _ = strings.Cut(p, "?")
	p, _, _ = strings.Cut(p, "#")
	p = strings.NewReplacer(`\`, "/", "\u017f", "s", "\u212a", "k", "\x00", "").Replace(p)
	segments := strings.Split(p, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		if s != "." && s != ".." {
			s = strings.TrimRight(s, ". ")
		}
		segments[i] = s
	}
	p = strings.ToLower(path.Clean(strings.Join(segments, "/")))
	return strings.TrimSuffix(p, path.Ext(p))
}
