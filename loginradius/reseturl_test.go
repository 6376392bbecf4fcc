package loginradius_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

func newRequest(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// hostileURLs are the attacks of A02, for the configured pages
// https://example.com/reset and https://other.example.com:8443/de/reset.
var hostileURLs = []string{
	"//evil.com", "//example.com/reset", "/reset", "reset", "?a=1", "#", " ", "\t",
	`/\evil.com`, `\\evil.com`, `https:\\example.com\reset`, `https://example.com\reset`, `https://example.com/reset\..\x`,
	"https://example.com@evil.com/", "https://example.com/reset@evil.com", "https://evil.com@example.com/reset",
	"https://user:pw@example.com/reset", "https://@example.com/reset",
	"https:example.com/reset", "https:/example.com/reset", "https:evil.com", "https:/evil.com", "https:///example.com/reset",
	"https://example.com.evil.com/reset", "https://evilexample.com/reset", "https://example.com%2eevil.com/reset",
	"https://example.com%00.evil.com/reset", "https://example.com%2freset", "https://example.com/%72eset",
	"HTTPS://example.com/reset", "https://EXAMPLE.com/reset", "HTTPS://EXAMPLE.COM/reset", "https://example.com/Reset",
	"https://example.com./reset", "https://example.com.:443/reset", "https://example.com:443/reset",
	"https://example.com:/reset", "https://example.com:8443/reset", "https://other.example.com/de/reset",
	"https://example.com#@evil.com", "https://example.com/reset#@evil.com", "https://example.com/reset#", "https://example.com/reset?a#b",
	"https://evil.com?example.com/reset", "https://evil.com/?https://example.com/reset", "https://evil.com/reset",
	"http://example.com/reset", "javascript:alert(1)", "javascript://example.com/reset", "data:text/html,x", "ftp://example.com/reset",
	"https://ex\u0430mple.com/reset", "https://example.com/re\u017fet", "https://xn--example-.com/", "https://xn--exmple-4nf.com/reset",
	"https://example.com/reset\r\nHost: evil.com", "https://example.com/reset\n", "https://example.com/reset\x00", "https://example.com/reset?\r\nx",
	"https://example.com/reset\x7f", "\thttps://example.com/reset", " https://example.com/reset", "https://example.com/reset ",
	"https://example.com/reset/", "https://example.com/reset/..", "https://example.com/./reset", "https://example.com//reset",
	"https://example.com/reset/../../evil", "https://example.com/reset;x=1", "https://example.com/", "https://example.com",
	"https://example.com/reset,https://evil.com", "https://[::1]/reset", "*", "https://*/reset", "null", "undefined",
	"https://example.com/reset?" + strings.Repeat("x", 2048), "https://example.com/" + strings.Repeat("x", 64<<10),
}

// TestForeignResetURL (A02): the answer is 400, and nothing is issued or sent.
func TestForeignResetURL(t *testing.T) {
	s := newSite(t, nil, nil)
	for _, hostile := range hostileURLs {
		query := "&sendemail=true&resetpasswordurl=" + url.QueryEscape(hostile)
		s.manage(query, john).wantFailure(t, 400, 908, "A parameter is not formatted correctly")
		a := s.do("POST", pathPassword+"?apikey="+apiKey+query, john)
		e := a.wantFailure(t, 400, 908, "")
		if strings.Contains(e.Description, "evil") || strings.Contains(e.Description, "://") {
			t.Errorf("echoes %q", hostile)
		}
		if t.Failed() {
			t.Fatalf("with %q", hostile)
		}
	}
	for _, raw := range []string{
		"&resetpasswordurl=https://example.com/reset&resetpasswordurl=https://evil.com/",
		"&resetpasswordurl=https://example.com/reset&resetPasswordUrl=https://example.com/reset",
		"&resetpasswordurl=https://example.com/reset&resetpasswordur%6c=https://evil.com/",
		"&resetpasswordurl=https://example.com/reset%zz",
		"&resetpasswordurl=https://evil.com/reset?a=1&b=x%20y",
	} {
		s.manage("&sendemail=true"+raw, john).wantFailure(t, 400, 908, "")
		s.do("POST", pathPassword+"?apikey="+apiKey+raw, john).wantFailure(t, 400, 908, "")
	}
	for _, body := range []string{
		`{"email":"john@example.com","resetpasswordurl":"https://evil.com/"}`,
		`{"email":"john@example.com","ResetPasswordUrl":"https://example.com/reset"}`,
	} {
		s.manage("&sendemail=true", body).wantFailure(t, 400, 908, "")
		s.do("POST", pathPassword+"?apikey="+apiKey+"&resetpasswordurl="+url.QueryEscape(resetURL), body).wantFailure(t, 400, 908, "")
	}
	s.quiet()
}

// TestResetURL: an accepted URL chooses a configured one, which is sent as it
// is configured.
func TestResetURL(t *testing.T) {
	const other = "https://other.example.com:8443/de/reset"
	for _, tt := range []struct{ name, query, want string }{
		{"absent: the first", "", resetURL + "&"},
		{"empty: the first", "&resetpasswordurl=", resetURL + "&"},
		{"as configured", "&resetpasswordurl=" + url.QueryEscape(resetURL), resetURL + "&"},
		{"without the query", "&resetPasswordURL=" + url.QueryEscape("https://example.com/reset"), resetURL + "&"},
		{"with an empty query", "&resetpasswordurl=" + url.QueryEscape("https://example.com/reset?"), resetURL + "&"},
		{"with the client's own query", "&resetpasswordurl=" + url.QueryEscape("https://example.com/reset?vtoken=mine&x=<script>"), resetURL + "&"},
		{"with a hostile query", "&resetpasswordurl=" + url.QueryEscape("https://example.com/reset?@evil.com/"), resetURL + "&"},
		{"not encoded", "&resetpasswordurl=https://example.com/reset?a=1&b=x%20y", resetURL + "&"},
		{"not encoded, and parameters behind it", "&resetpasswordurl=https://example.com/reset?a=1&b=x%20y&emailtemplate=tpl-2", resetURL + "&"},
		{"the second", "&resetpasswordurl=" + url.QueryEscape(other), other + "?"},
		{"the second, not encoded", "&resetpasswordurl=" + other, other + "?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, nil, nil)
			want := tt.want + "vtype=reset&vtoken="
			token := s.manage("&sendemail=true"+tt.query, john).wantToken(t)
			if got := s.one().URL.Reveal(); got != want+token {
				t.Errorf("mailed %q, want %q", got, want+token)
			}
			s.do("POST", pathPassword+"?apikey="+apiKey+tt.query, john).wantPosted(t)
			m := s.one()
			if got := m.URL.Reveal(); got != want+vtoken(t, m) {
				t.Errorf("mailed %q, want %q", got, want)
			}
			if strings.Contains(tt.query, "tpl-2") && m.Template != "tpl-2" {
				t.Errorf("template %q: a parameter behind the URL was lost", m.Template)
			}
		})
	}
}

// TestConfiguredTokenIsReplaced: the link's own parameters replace parameters
// of the same names in a configured URL (A02).
func TestConfiguredTokenIsReplaced(t *testing.T) {
	s := newSite(t, nil, func(a *loginradius.App) {
		a.ResetURLs = []string{"https://example.com/reset?vtoken=old&x=1&vtype=other"}
	})
	token := s.manage("&sendemail=true", john).wantToken(t)
	if got, want := s.one().URL.Reveal(), "https://example.com/reset?x=1&vtype=reset&vtoken="+token; got != want {
		t.Errorf("mailed %q, want %q", got, want)
	}
}

// TestPoisonedHost (A01): no header changes the link.
func TestPoisonedHost(t *testing.T) {
	send := func(t *testing.T, poison func(*http.Request)) string {
		s := newSite(t, nil, nil)
		r := newRequest("POST", pathPassword+"?apikey="+apiKey, john)
		poison(r)
		s.send(r).wantPosted(t)
		m := s.one()
		return strings.TrimSuffix(m.URL.Reveal(), vtoken(t, m))
	}
	want := send(t, func(*http.Request) {})
	if want != resetURL+"&vtype=reset&vtoken=" {
		t.Fatalf("link %q", want)
	}
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded",
		"X-Original-URL", "X-Rewrite-URL", "X-Host", "X-Forwarded-Server", "Referer", "Origin",
	} {
		for _, value := range []string{"evil.tld", "host=evil.tld;proto=http", "https://evil.tld/"} {
			if got := send(t, func(r *http.Request) { r.Header.Set(name, value) }); got != want {
				t.Errorf("%s: %s: link %q", name, value, got)
			}
		}
	}
	for _, host := range []string{"evil.tld", "www.example:dr.frankenstein@evil.tld", "example.com:80@evil.tld", ""} {
		if got := send(t, func(r *http.Request) { r.Host = host }); got != want {
			t.Errorf("Host: %s: link %q", host, got)
		}
	}
	if got := send(t, func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", "evil.tld" }); got != want {
		t.Errorf("absolute request line: link %q", got)
	}
}

// TestTemplates (A66): names are looked up and never used in a path.
func TestTemplates(t *testing.T) {
	s := newSite(t, nil, nil)
	for _, name := range []string{"unknown", "TPL-1", "tpl-1 ", "../../etc/passwd", "{{.Token}}", "sms-1", "tpl-1\x00"} {
		q := "&sendemail=true&emailtemplate=" + url.QueryEscape(name)
		s.manage(q, john).wantFailure(t, 400, 908, "")
		s.do("POST", pathPassword+"?apikey="+apiKey+q, john).wantFailure(t, 400, 908, "")
	}
	for _, name := range []string{"unknown", "tpl-1", "SMS-1"} {
		s.do("POST", pathOTP+"?apikey="+apiKey+"&smstemplate="+name, `{"phone":"+4915112345678"}`).wantFailure(t, 400, 908, "")
	}
	s.do("POST", pathPassword+"?apikey="+apiKey+"&emailtemplate=tpl-1&emailTemplate=tpl-2", john).wantFailure(t, 400, 908, "")
	s.quiet()

	t.Run("a code template at the management endpoint still sends the link", func(t *testing.T) {
		s := newSite(t, nil, nil)
		token := s.manage("&sendemail=true&emailtemplate=tpl-code", john).wantToken(t)
		m := s.one()
		if m.Kind != recovery.MessageResetLink || m.Template != "" || vtoken(t, m) != token {
			t.Errorf("sent %v with template %q", m, m.Template)
		}
	})
	t.Run("defaults", func(t *testing.T) {
		s := newSite(t, nil, func(a *loginradius.App) {
			a.DefaultEmailTemplate, a.DefaultSMSTemplate = "tpl-code", "sms-1"
		})
		s.do("POST", pathPassword+"?apikey="+apiKey, john).wantPosted(t)
		if m := s.one(); m.Kind != recovery.MessageResetCode || m.Template != "tpl-code" {
			t.Errorf("sent %v with template %q", m, m.Template)
		}
		s.do("POST", pathOTP+"?apikey="+apiKey, `{"phone":"+4915112345678"}`).wantPosted(t)
		if m := s.one(); m.Kind != recovery.MessageResetCode || m.Template != "sms-1" {
			t.Errorf("sent %v with template %q", m, m.Template)
		}
	})
}
