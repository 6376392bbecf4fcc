package loginradius_test

import (
	"log/slog"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// FuzzRequest checks that the answer to every query and body is a success or an
// error with the five keys, and never a 5xx.
func FuzzRequest(f *testing.F) {
	s := newSite(f, func(o *recovery.Options) { o.Events, o.Logger = nil, slog.New(slog.DiscardHandler) }, func(a *loginradius.App) { a.DangerouslyAllowQuerySecret = true })
	token := s.manage("", john).wantToken(f)
	credentials := "apikey=" + apiKey + "&apisecret=" + apiSecret
	for i := range uint8(6) {
		f.Add(i, credentials, john)
		f.Add(i, credentials+"&sendemail=True&resetPasswordUrl=https://example.com/reset?a=1&b=x%20y", `{"Username":"john_doe"}`)
		f.Add(i, credentials+"&resetpasswordurl=%zz&emailtemplate=tpl-code", `{"phone":"+4915112345678","otp":"12345678","password":"x"}`)
		f.Add(i, "apikey="+apiKey, resetBody(token))
		f.Add(i, "%41PIKEY="+apiKey+";&&=&=x&prevent_webhook=maybe", `{"email":"a@b.c","otp":"","PASSWORD":null}`)
		f.Add(i, "", `{"a":[{"b":"\ud83d\ude00"}]}`)
	}
	endpoints := []struct{ method, path string }{
		{"POST", pathForgotToken}, {"POST", pathPassword}, {"PUT", pathPassword}, {"PUT", pathReset}, {"POST", pathOTP}, {"PUT", pathOTP},
	}
	f.Fuzz(func(t *testing.T, which uint8, query, body string) {
		e := endpoints[int(which)%len(endpoints)]
		r := httptest.NewRequest(e.method, e.path, strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		a := answer{w.Code, w.Result().Header, w.Body.String()}
		a.check(t)
		if a.status >= 500 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a.status == 200 && e.path != pathForgotToken {
			a.wantPosted(t)
		}
		s.jobs.mu.Lock()
		s.jobs.waiting = nil
		s.jobs.mu.Unlock()
	})
}

// FuzzResetURL checks that every accepted URL is a page of the host's, for
// browsers as well as for net/url, and that the message carries the configured
// URL.
func FuzzResetURL(f *testing.F) {
	s := newSite(f, func(o *recovery.Options) { o.Events, o.Logger = nil, slog.New(slog.DiscardHandler) }, nil)
	for _, hostile := range hostileURLs {
		if len(hostile) < 4096 {
			f.Add(hostile)
		}
	}
	f.Add(resetURL)
	f.Add("https://other.example.com:8443/de/reset?x= y")
	pages := []string{"", "https://example.com/reset", "https://other.example.com:8443/de/reset"}
	configured := []string{resetURL + "&", "https://other.example.com:8443/de/reset?"}
	f.Fuzz(func(t *testing.T, requested string) {
		s := *s
		s.t = t
		a := s.manage("&sendemail=true&resetpasswordurl="+url.QueryEscape(requested), john)
		if a.status != 200 {
			a.wantFailure(t, 400, 908, "")
			if len(s.deliver()) > 0 {
				t.Error("a refused request sent a mail")
			}
			return
		}
		page, _, _ := strings.Cut(requested, "?")
		if !slices.Contains(pages, page) {
			t.Errorf("%q was accepted", requested)
		}
		if u, err := url.Parse(strings.ReplaceAll(requested, " ", "+")); err == nil && requested != "" {
			if got := u.Scheme + "://" + u.Host + u.Path; !slices.Contains(pages, got) || u.User != nil || u.Fragment != "" {
				t.Errorf("%q was accepted", requested)
			}
		}
		m := s.one()
		if !slices.ContainsFunc(configured, func(c string) bool { return m.URL.Reveal() == c+"vtype=reset&vtoken="+vtoken(t, m) }) {
			t.Errorf("%q: mailed %q", requested, m.URL.Reveal())
		}
	})
}
