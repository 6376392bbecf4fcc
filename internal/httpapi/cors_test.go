package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/httpapi"
)

func TestNewCORS(t *testing.T) {
	const (
		exactly  = "must be exact, without *"
		https    = "must begin with https://, or be that of an app, such as capacitor://localhost"
		port     = "must have a port between 1 and 65535"
		standard = "must not name the default port, which browsers leave out"
		host     = "must have a valid lower-case ASCII host (xn-- form for others), without a dot at the end"
		numeric  = "must have a host name or an IPv4 address in dotted form"
		ipv6     = "must have a valid IPv6 address in its shortest form"
	)
	tests := []struct {
		sentence string
		origin   string
		err      string
	}{
		{"a host", "https://portal.example.com", ""},
		{"a host with a port", "https://portal.example.com:8443", ""},
		{"a host with an underscore", "https://my_portal.example.com", ""},
		{"an internationalised host", "https://xn--bcher-kva.example", ""},
		{"a single label", "https://intranet", ""},
		{"port 80 over https", "https://portal.example.com:80", ""},
		{"an IPv4 address", "https://192.0.2.1", ""},
		{"an IPv6 address", "https://[2001:db8::1]:8443", ""},
		{"localhost without TLS", "http://localhost:3000", ""},
		{"a name below localhost without TLS", "http://portal.localhost", ""},
		{"an IPv4 loopback address without TLS", "http://127.0.0.1:3000", ""},
		{"an IPv6 loopback address without TLS", "http://[::1]:3000", ""},
		{"port 443 without TLS", "http://localhost:443", ""},

		{"an app of Capacitor on iOS", "capacitor://localhost", ""},
		{"an app of Ionic", "ionic://localhost", ""},
		{"an app of Tauri", "tauri://localhost", ""},
		{"an app of Tauri on Windows", "http://tauri.localhost", ""},
		{"an app that chose a scheme", "com.example.shop://localhost", ""},

		{"nothing", "", "is empty"},
		{"everybody", "*", "must name one origin, not all of them"},
		{"null", "null", "is shared by all sandboxed pages"},
		{"a wildcard host", "https://*.example.com", exactly},
		{"a wildcard port", "https://example.com:*", exactly},
		{"no scheme", "portal.example.com", https},
		{"a relative reference (A02)", "//portal.example.com", https},
		{"no TLS", "http://portal.example.com", "must begin with https:// (http is for loopback hosts)"},
		{"a host that begins with localhost", "http://localhost.evil.com", "must begin with https:// (http is for loopback hosts)"},
		{"an address that is not loopback", "http://192.0.2.1", "must begin with https:// (http is for loopback hosts)"},
		{"a scheme in capitals (A02)", "HTTPS://portal.example.com", https},
		{"a file", "file://", https},
		{"a file of this machine", "file://localhost", https},
		{"an app on a port", "capacitor://localhost:8080", https},
		{"an app on another host", "capacitor://portal.example.com", https},
		{"a scheme with a letter missing", "htps://portal.example.com", https},
		{"an app's scheme in capitals", "Capacitor://localhost", https},
		{"an app without a scheme", "://localhost", https},
		{"an app with a slash at the end", "capacitor://localhost/", https},
		{"an extension", "chrome-extension://abcdefghijklmnop", https},
		{"a file", "file://", https},
		{"a script (A02)", "javascript:alert(1)", https},
		{"an opaque URL (A02)", "https:portal.example.com", https},
		{"a slash too few (A02)", "https:/portal.example.com", https},
		{"a leading space (A02)", " https://portal.example.com", https},
		{"no host", "https://", host},
		{"a port alone", "https://:8443", host},
		{"a slash at the end", "https://portal.example.com/", `must be a scheme and a host, without '/'`},
		{"a path", "https://portal.example.com/reset", `must be a scheme and a host, without '/'`},
		{"a backslash (A02)", `https://portal.example.com\`, `must be a scheme and a host, without '\\'`},
		{"a query (A02)", "https://evil.com?portal.example.com", `must be a scheme and a host, without '?'`},
		{"a fragment (A02)", "https://portal.example.com#@evil.com", `must be a scheme and a host, without '#'`},
		{"a user (A02)", "https://portal.example.com@evil.com", `must be a scheme and a host, without '@'`},
		{"capitals", "https://Portal.example.com", host},
		{"letters outside ASCII (A02)", "https://\u0435xample.com", host},
		{"percent encoding (A02)", "https://good.com%2eevil.com", host},
		{"a trailing space", "https://portal.example.com ", host},
		{"a line break", "https://portal.example.com\r\n", host},
		{"a list", "https://a.example,https://b.example", `must be a scheme and a host, without '/'`},
		{"a list with a space", "https://a.example b.example", host},
		{"a dot at the end (A02)", "https://portal.example.com.", host},
		{"a doubled dot", "https://portal..example.com", host},
		{"a label of 64 bytes", "https://" + strings.Repeat("a", 64) + ".example", host},
		{"a name of 254 bytes", "https://" + strings.Repeat("a.", 126) + "aa", "must have a host of at most 253 bytes"},
		{"the default port", "https://portal.example.com:443", standard},
		{"the default port without TLS", "http://localhost:80", standard},
		{"the default port with a dot before it (A02)", "https://good.com.:443", standard},
		{"an empty port", "https://portal.example.com:", port},
		{"port 0", "https://portal.example.com:0", port},
		{"port 65536", "https://portal.example.com:65536", port},
		{"a port with a zero in front", "https://portal.example.com:08443", port},
		{"a port with a sign", "https://portal.example.com:+8443", port},
		{"two ports", "https://portal.example.com:1:2", host},
		{"a number for an address", "https://2130706433", numeric},
		{"a hexadecimal address", "https://0x7f.1", numeric},
		{"a zero in front in an address", "https://192.0.2.01", numeric},
		{"an IPv6 address without brackets", "https://2001:db8::1", host},
		{"a bracket too few", "https://[2001:db8::1", ipv6},
		{"a long form of an IPv6 address", "https://[2001:0db8::1]", ipv6},
		{"an IPv6 address in capitals", "https://[2001:DB8::1]", ipv6},
		{"a zone", "https://[fe80::1%25eth0]", ipv6},
		{"an IPv4-mapped address", "https://[::ffff:192.0.2.1]", ipv6},
		{"an IPv4 address in brackets", "https://[192.0.2.1]", ipv6},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			c, err := httpapi.NewCORS([]string{test.origin})
			if test.err == "" {
				if c == nil || err != nil {
					t.Errorf("NewCORS(%q): %v", test.origin, err)
				}
				return
			}
			if c != nil || err == nil || !strings.HasSuffix(err.Error(), `": `+test.err) {
				t.Errorf("NewCORS(%q): %v, want %q", test.origin, err, test.err)
			}
		})
	}
	t.Run("every mistake at once", func(t *testing.T) {
		_, err := httpapi.NewCORS([]string{"*", "https://portal.example.com", "null", "http://x.example"})
		if err == nil || strings.Count(err.Error(), "\n") != 2 {
			t.Errorf("NewCORS: %v", err)
		}
	})
}

const portal = "https://portal.example.com"

func newCORS(t *testing.T, origins ...string) *httpapi.CORS {
	t.Helper()
	c, err := httpapi.NewCORS(origins)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestApply(t *testing.T) {
	tests := []struct {
		sentence string
		list     []string
		origin   []string
		allowed  bool
		vary     []string
	}{
		{"a listed origin", []string{portal}, []string{portal}, true, []string{"Origin"}},
		{"the second listed origin", []string{"https://a.example", portal}, []string{portal}, true, []string{"Origin"}},
		{"no origin", []string{portal}, nil, false, []string{"Origin"}},
		{"an origin that is not listed", []string{portal}, []string{"https://evil.example"}, false, []string{"Origin"}},
		{"null", []string{portal}, []string{"null"}, false, []string{"Origin"}},
		{"an empty origin", []string{portal}, []string{""}, false, []string{"Origin"}},
		{"a prefix of a listed origin", []string{portal}, []string{portal[:len(portal)-1]}, false, []string{"Origin"}},
		{"a host that ends like a listed one", []string{portal}, []string{"https://evilportal.example.com"}, false, []string{"Origin"}},
		{"a host that begins like a listed one", []string{portal}, []string{portal + ".evil.example"}, false, []string{"Origin"}},
		{"a listed host without TLS", []string{portal}, []string{"http://portal.example.com"}, false, []string{"Origin"}},
		{"a listed host on another port", []string{portal}, []string{portal + ":8443"}, false, []string{"Origin"}},
		{"a listed origin in capitals", []string{portal}, []string{strings.ToUpper(portal)}, false, []string{"Origin"}},
		{"a listed origin given twice", []string{portal}, []string{portal, portal}, false, []string{"Origin"}},
		{"two origins in one header", []string{portal}, []string{portal + " https://evil.example"}, false, []string{"Origin"}},
		{"an empty list", nil, []string{portal}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			if test.origin != nil {
				r.Header["Origin"] = test.origin
			}
			w := httptest.NewRecorder()
			httpapi.SetSecurityHeaders(w.Header())
			c := newCORS(t, test.list...)
			if got := c.Apply(w, r); got != test.allowed {
				t.Errorf("Apply = %v", got)
			}
			checkCORS(t, w.Header(), test.allowed, test.vary)
			// A second Apply changes nothing.
			c.Apply(w, r)
			checkCORS(t, w.Header(), test.allowed, test.vary)
		})
	}
	t.Run("nobody's list", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodOptions, "/", nil)
		r.Header.Set("Origin", portal)
		r.Header.Set("Access-Control-Request-Method", "POST")
		for _, c := range []*httpapi.CORS{nil, new(httpapi.CORS)} {
			w := httptest.NewRecorder()
			if c.Apply(w, r) || c.Preflight(w, r, "POST", "content-type") || len(w.Header()) != 0 {
				t.Errorf("%v allows %v", c, w.Header())
			}
		}
	})
	t.Run("another Vary", func(t *testing.T) {
		w := httptest.NewRecorder()
		w.Header().Set("Vary", "Accept-Language")
		newCORS(t, portal).Apply(w, httptest.NewRequest(http.MethodPost, "/", nil))
		if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Accept-Language", "Origin"}) {
			t.Errorf("Vary is %q", got)
		}
	})
}

func checkCORS(t *testing.T, h http.Header, allowed bool, vary []string) {
	t.Helper()
	if got := h["Vary"]; !slices.Equal(got, vary) {
		t.Errorf("Vary is %q, want %q", got, vary)
	}
	corp, origin, expose := "same-origin", "", ""
	if allowed {
		corp, origin, expose = "cross-origin", portal, "Retry-After, RateLimit, RateLimit-Policy"
	}
	if h.Get("Cross-Origin-Resource-Policy") != corp || h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Expose-Headers") != expose {
		t.Errorf("headers are %v", h)
	}
	if _, ok := h["Access-Control-Allow-Credentials"]; ok {
		t.Error("credentials are allowed")
	}
	if !allowed {
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s is set", name)
			}
		}
	}
}

func TestPreflight_A67(t *testing.T) {
	const headers = "content-type, authorization, x-lsq-registertoken, x-lsq-portalid"
	tests := []struct {
		sentence string
		method   string
		header   http.Header
		answered bool
	}{
		{"a preflight of a listed origin", "OPTIONS", http.Header{"Origin": {portal}, "Access-Control-Request-Method": {"POST"}}, true},
		{"a preflight of another origin", "OPTIONS", http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}}, false},
		{"a preflight without an origin", "OPTIONS", http.Header{"Access-Control-Request-Method": {"POST"}}, false},
		{"OPTIONS that is no preflight", "OPTIONS", http.Header{"Origin": {portal}}, false},
		{"a preflight for two methods", "OPTIONS", http.Header{"Origin": {portal}, "Access-Control-Request-Method": {"POST", "PUT"}}, false},
		{"a request that looks like a preflight", "POST", http.Header{"Origin": {portal}, "Access-Control-Request-Method": {"POST"}}, false},
		{"a method that is overridden (A67)", "POST", http.Header{"Origin": {portal}, "Access-Control-Request-Method": {"POST"}, "X-Http-Method-Override": {"OPTIONS"}}, false},
		{"a method in lower case", "options", http.Header{"Origin": {portal}, "Access-Control-Request-Method": {"POST"}}, false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Method, r.Header = test.method, test.header
			w := httptest.NewRecorder()
			httpapi.SetSecurityHeaders(w.Header())
			if got := newCORS(t, portal).Preflight(w, r, "POST", headers); got != test.answered {
				t.Fatalf("Preflight = %v", got)
			}
			if !test.answered {
				for name := range w.Header() {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s is set", name)
					}
				}
				return
			}
			h := w.Result().Header
			checkCORS(t, h, true, []string{"Origin"})
			if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Allow-Headers") != headers {
				t.Errorf("%d %v", w.Code, h)
			}
		})
	}
}
