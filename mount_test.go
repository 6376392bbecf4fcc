package recovery_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// The API is found at its path, with StripPrefix or without, and behind a proxy
// that takes a part of the path off.
func TestAPIMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			path, request string
			status        int
		}{
			{"", "/not-me", 400},
			{"/account", "/account/not-me", 400},
			{"/account", "/not-me", 400},
			{"/shop/account", "/shop/account/not-me", 400},
			{"/shop/account", "/account/not-me", 400},
			{"/shop/account", "/not-me", 400},
			{"/shop/account", "/shop/not-me", 404},
			{"/account", "/account/account/not-me", 404},
			{"/account", "/account//not-me", 404},
			{"", "/account/not-me", 404},
		} {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.API.Path = test.path })
			if w := post(p.Handler(), test.request, `{}`); w.Code != test.status {
				t.Errorf("%s below %q: %d, want %d", test.request, test.path, w.Code, test.status)
			}
		}
	})
}

// A wrong mount is told by the answer each time, and by the log once.
func TestWrongAPIMountIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			sentence, path, request, detail string
			warns                           int
		}{
			{"StripPrefix is missing", "", "/account/not-me", "There is no such endpoint below /account. This API expects /not-me.", 1},
			{"another path", "/account", "/users/not-me", "There is no such endpoint below /users. This API expects /account/not-me.", 1},
			{"no endpoint", "/account", "/account/nothing", "There is no such endpoint.", 0},
			{"a path that no mux hands on", "", "/a/../not-me", "There is no such endpoint.", 0},
		} {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.API.Path = test.path })
			h := p.Handler()
			for range 3 {
				w := post(h, test.request, `{}`)
				var answer struct{ Detail string }
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusNotFound || answer.Detail != test.detail {
					t.Errorf("%s: %d %s, %v", test.sentence, w.Code, w.Body, err)
				}
			}
			if got := strings.Count(p.log.String(), "level=WARN"); got != test.warns {
				t.Errorf("%s: %d warnings\n%s", test.sentence, got, p.log)
			}
			if test.warns > 0 && (!strings.Contains(p.log.String(), "requested="+test.request) || !strings.Contains(p.log.String(), "expected="+test.path+"/not-me")) {
				t.Errorf("%s: the log does not have both paths\n%s", test.sentence, p.log)
			}
		}
	})
}

// The endpoint for servers is mounted by the same rule.
func TestIssueTokenHandlerMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.API.Path = "/api" })
		h, err := p.IssueTokenHandler(recovery.APIKey{ID: "crm", Secret: recovery.NewSecret("a secret of some length")})
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]int{"/forgot-token": 401, "/api/forgot-token": 401, "/internal/forgot-token": 404} {
			if w := post(h, path, `{}`); w.Code != want {
				t.Errorf("%s: %d, want %d", path, w.Code, want)
			}
		}
		if got := preflight(h, "/forgot-token", "https://app.example.com"); got.Code != http.StatusMethodNotAllowed {
			t.Errorf("it answers a preflight with %d", got.Code)
		}
		if strings.Contains(p.log.String(), "a page of another origin") {
			t.Errorf("an endpoint for servers has no origins to list:\n%s", p.log)
		}
	})
}

// preflight asks as a browser does before a page of another origin may call.
func preflight(h http.Handler, path, origin string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodOptions, path, nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", "content-type")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Pages of listed origins can call the API and read its answers, errors too.
// Others cannot, and the first one that tries is told in the log.
func TestAPIOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const app, phone, stranger = "https://app.example.com", "capacitor://localhost", "https://evil.example"
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.API.Origins = []string{app, phone} })
		h := p.Handler()
		for _, test := range []struct {
			origin  string
			allowed bool
		}{
			{app, true}, {phone, true}, {stranger, false}, {"null", false}, {app + ".evil.example", false},
			{"http://app.example.com", false}, {app + ":8443", false}, {"HTTPS://app.example.com", false}, {"ionic://localhost", false},
		} {
			status, allow := http.StatusMethodNotAllowed, ""
			if test.allowed {
				status, allow = http.StatusNoContent, test.origin
			}
			w := preflight(h, "/forgot-password", test.origin)
			if w.Code != status || w.Header().Get("Access-Control-Allow-Origin") != allow || w.Header().Get("Vary") != "Origin" {
				t.Errorf("preflight of %s: %d %v", test.origin, w.Code, w.Header())
			}
			if got := w.Header().Get("Access-Control-Allow-Headers"); test.allowed && got != "content-type" {
				t.Errorf("preflight of %s: allows %q", test.origin, got)
			}
			for path, want := range map[string]int{"/forgot-password": 202, "/reset-password": 400, "/nothing": 404} {
				w := post(h, path, `{"email":"nobody@example.com"}`, header("Origin", test.origin))
				if w.Code != want || w.Header().Get("Access-Control-Allow-Origin") != allow || w.Header().Get("Vary") != "Origin" ||
					w.Header().Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s of %s: %d %v", path, test.origin, w.Code, w.Header())
				}
			}
		}
		if got := p.log.String(); strings.Count(got, "wants to call this handler") != 1 || !strings.Contains(got, "origin="+stranger) {
			t.Errorf("the log is\n%s", got)
		}
	})
}

// Without a list no answer has CORS headers, and the log says what to set.
func TestAPIOriginsAreOffByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		w := preflight(p.Handler(), "/forgot-password", "https://app.example.com")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Vary") != "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		if got := p.log.String(); !strings.Contains(got, "add its origin to option API.Origins") || !strings.Contains(got, "origin=https://app.example.com") {
			t.Errorf("the log is\n%s", got)
		}
	})
}
