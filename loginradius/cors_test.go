package loginradius_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/loginradius"
)

const page = "https://www.example.com"

func (a answer) cors() string { return a.header.Get("Access-Control-Allow-Origin") }

func TestPreflight(t *testing.T) {
	s := newSite(t, nil, nil)
	for path, methods := range map[string]string{pathPassword: "POST, PUT", pathReset: "PUT", pathOTP: "POST, PUT"} {
		a := s.do("OPTIONS", path+"?apikey="+apiKey, "", "Origin", page, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type")
		if a.status != 204 || a.body != "" {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": page, "Access-Control-Allow-Methods": methods,
			"Access-Control-Allow-Headers": "content-type, x-requested-with, x-origin-ip", "Access-Control-Allow-Credentials": "", "Vary": "Origin",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
	}
	for name, headers := range map[string][]string{
		"another origin":         {"Origin", "https://evil.com", "Access-Control-Request-Method", "PUT"},
		"the origin in capitals": {"Origin", "https://WWW.example.com", "Access-Control-Request-Method", "PUT"},
		"a suffix":               {"Origin", page + ".evil.com", "Access-Control-Request-Method", "PUT"},
		"null":                   {"Origin", "null", "Access-Control-Request-Method", "PUT"},
		"two origins":            {"Origin", page, "Origin", page, "Access-Control-Request-Method", "PUT"},
		"no preflight":           {"Origin", "https://evil.com"},
	} {
		a := s.do("OPTIONS", pathReset+"?apikey="+apiKey, "", headers...)
		a.wantFailure(t, 405, 908, "")
		if a.cors() != "" || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: headers %v", name, a.header)
		}
	}
	for _, query := range []string{"", "?apikey=nobody", "?apikey=" + apiKey + "&apikey=" + apiKey} {
		a := s.do("OPTIONS", pathReset+query, "", "Origin", page, "Access-Control-Request-Method", "PUT")
		a.wantFailure(t, 405, 908, "")
		if a.cors() != "" {
			t.Errorf("%q: CORS for an unknown app", query)
		}
	}
}

// TestCORS: pages of a listed origin can read the answers, errors too. Requests
// of other origins are served without CORS headers.
func TestCORS(t *testing.T) {
	s := newSite(t, nil, nil)
	target := pathPassword + "?apikey=" + apiKey
	a := s.do("POST", target, john, "Origin", page, "Sec-Fetch-Site", "cross-site")
	a.wantPosted(t)
	if a.cors() != page || a.header.Get("Access-Control-Allow-Credentials") != "" ||
		a.header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("headers %v", a.header)
	}
	for _, body := range []string{`{`, `{}`} {
		if a := s.do("POST", target, body, "Origin", page); a.cors() != page || a.status != 400 {
			t.Errorf("an error cannot be read: %v", a.header)
		}
	}
	a = s.do("POST", target, john, "Origin", "https://evil.com")
	a.wantPosted(t)
	if a.cors() != "" || a.header.Get("Vary") != "Origin" {
		t.Errorf("headers %v", a.header)
	}
	s = newSite(t, nil, func(a *loginradius.App) { a.Origins = nil })
	a = s.do("POST", target, john, "Origin", page)
	a.wantPosted(t)
	if a.cors() != "" || a.header.Get("Vary") != "" {
		t.Errorf("headers %v", a.header)
	}
}
