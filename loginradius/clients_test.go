package loginradius_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// TestBooleans: the SDK for PHP sends 1 and 0. Others send any case.
func TestBooleans(t *testing.T) {
	s := newSite(t, nil, nil)
	for value, want := range map[string]bool{
		"true": true, "True": true, "TRUE": true, "tRuE": true, "1": true,
		"false": false, "False": false, "FALSE": false, "0": false, "": false,
	} {
		for _, name := range []string{"sendemail", "sendEmail"} {
			s.manage("&"+name+"="+value, john).wantToken(t)
			if got := len(s.deliver()) > 0; got != want {
				t.Errorf("%s=%s: sent %v, want %v", name, value, got, want)
			}
		}
		s.manage("&prevent_webhook="+value, john).wantToken(t)
		if got := s.event(recovery.EventTokenIssued).Labels != nil; got != want {
			t.Errorf("prevent_webhook=%s: prevented %v, want %v", value, got, want)
		}
		if value == "" {
			continue // an empty header counts as none
		}
		s.manage("", john, "X-PreventWebhook", value).wantToken(t)
		if got := s.event(recovery.EventTokenIssued).Labels != nil; got != want {
			t.Errorf("X-PreventWebhook: %s: prevented %v, want %v", value, got, want)
		}
		s.manage("&prevent_webhook="+map[bool]string{true: "0", false: "1"}[want], john, "X-PreventWebhook", value).wantToken(t)
		if got := s.event(recovery.EventTokenIssued).Labels != nil; got != want {
			t.Errorf("X-PreventWebhook: %s does not take precedence", value)
		}
	}
	for _, value := range []string{"yes", "on", "2", "-1", "01", "%74rue%20", "t", "tr%C4%B1e", "1%00"} {
		s.manage("&sendemail="+value, john).wantFailure(t, 400, 908, "A parameter is not formatted correctly")
		s.manage("&prevent_webhook="+value, john).wantFailure(t, 400, 908, "A parameter is not formatted correctly")
	}
	s.manage("", john, "X-PreventWebhook", "yes").wantFailure(t, 400, 908, "")
}

// TestPreflightOfTheBrowserSDK: the vendor's SDK for browsers sends
// X-Requested-With with each of its three operations.
func TestPreflightOfTheBrowserSDK(t *testing.T) {
	apps := []string{"capacitor://localhost", "ionic://localhost", "http://localhost", "https://localhost", page}
	s := newSite(t, nil, func(a *loginradius.App) { a.Origins = apps })
	for _, operation := range [][2]string{{"POST", pathPassword}, {"POST", pathOTP}, {"PUT", pathReset}} {
		for _, origin := range append(apps, "null", "file://", "capacitor://localhost:80", "CAPACITOR://localhost", "http://localhost:8080") {
			a := s.do("OPTIONS", operation[1]+"?apikey="+apiKey, "", "Origin", origin,
				"Access-Control-Request-Method", operation[0], "Access-Control-Request-Headers", "content-type, x-origin-ip, x-requested-with")
			listed := origin != "null" && !strings.HasSuffix(origin, "80") && origin != "file://" && origin != "CAPACITOR://localhost"
			if (a.status == 204) != listed || (a.cors() == origin) != listed {
				t.Errorf("%s %s: %d %v", origin, operation, a.status, a.header)
			}
			if allowed := a.header.Get("Access-Control-Allow-Headers"); listed && allowed != "content-type, x-requested-with, x-origin-ip" {
				t.Errorf("%s: allowed %q", origin, allowed)
			}
		}
	}
	a := s.do("POST", pathPassword+"?apikey="+apiKey, john, "Origin", "capacitor://localhost", "X-Requested-With", "XMLHttpRequest")
	a.wantPosted(t)
	if a.cors() != "capacitor://localhost" {
		t.Errorf("headers %v", a.header)
	}
	for _, origin := range []string{"null", "file://", "file://localhost"} {
		s := newSite(t, nil, nil)
		app := appOptions(s)
		app.Origins = []string{origin}
		if _, err := loginradius.New(loginradius.Options{Apps: []loginradius.App{app}}); err == nil {
			t.Errorf("%s can be listed", origin)
		}
	}
}

// TestSignedRequests: a request that is signed in place of the secret is refused
// by name. A secret counts, whatever is signed.
func TestSignedRequests(t *testing.T) {
	const digest = "SHA-256=K2xZ1mJxmZ0jP9vDq3cSQ5PfQzC4kq0b0m8h9Q6j2yA="
	for _, headers := range [][]string{
		{"digest", digest, "X-Request-Expires", "2026-11-28 10:00:00"},
		{"digest", digest}, {"X-Request-Expires", "2026/11/28 10:00:00"},
	} {
		s := newSite(t, nil, nil)
		e := s.do("POST", pathForgotToken+"?apikey="+apiKey, john, headers...).wantFailure(t, 400, 908, "A parameter is not formatted correctly")
		if !strings.Contains(e.Description, "Request signing is not supported here") {
			t.Errorf("%v: Description %q", headers, e.Description)
		}
		s.quiet()
		s.manage("", john, headers...).wantToken(t)
		s.do("POST", pathForgotToken+"?apikey="+apiKey, john, append(headers, anySecret, "wrong-wrong-wrong")...).wantFailure(t, 401, 902, "")
		s.do("POST", pathPassword+"?apikey="+apiKey, john, headers...).wantPosted(t)
	}
}

// TestDoubleSlash: an SDK whose base URL ends in a slash sends two. The limit is
// that of the operation all the same (A52).
func TestDoubleSlash(t *testing.T) {
	s := newSite(t, func(o *recovery.Options) { o.Limits.Caller = recovery.LimitPolicy{} }, nil)
	server := httptest.NewServer(s.handler)
	defer server.Close()
	w := dial(t, server)
	token := w.send([]string{
		"POST /" + pathForgotToken + "?apikey=k-123 HTTP/1.1", "X-LoginRadius-ApiSecret: " + apiSecret, "Content-Type: application/json",
	}, john, len(john)).wantToken(t)
	body := resetBody(token)
	w.send([]string{"PUT /" + pathReset + "?apikey=k-123 HTTP/1.1", "Content-Type: application/json"}, body, len(body)).wantPosted(t)
	for i := range 25 {
		s.do("PUT", []string{"http://api.example.com/" + pathReset, pathReset}[i%2]+"?apikey="+apiKey, resetBody("x")).wantFailure(t, 403, 1063, "")
	}
	for _, path := range []string{"http://api.example.com/" + pathReset, pathReset} {
		s.do("PUT", path+"?apikey="+apiKey, resetBody("x")).wantFailure(t, 429, 908, "API calls exceeded the limit of 25 in 5 second(s)")
	}
}

// TestVoiceCode: no text message is sent to whoever needs a call.
func TestVoiceCode(t *testing.T) {
	s := newSite(t, nil, nil)
	const phone = `{"phone":"+4915112345678"}`
	for _, value := range []string{"true", "True", "TRUE", "1"} {
		for _, name := range []string{"isVoiceOtp", "isvoiceotp"} {
			e := s.do("POST", pathOTP+"?apikey="+apiKey+"&"+name+"="+value, phone).wantFailure(t, 400, 908, "A parameter is not formatted correctly")
			if !strings.Contains(e.Description, "isvoiceotp is not supported") {
				t.Errorf("Description %q", e.Description)
			}
		}
	}
	s.do("POST", pathOTP+"?apikey="+apiKey+"&isVoiceOtp=perhaps", phone).wantFailure(t, 400, 908, "")
	s.quiet()
	for _, value := range []string{"false", "False", "0", ""} {
		s.do("POST", pathOTP+"?apikey="+apiKey+"&isVoiceOtp="+value, phone).wantPosted(t)
		if m := s.one(); m.Channel != recovery.ChannelSMS {
			t.Errorf("sent by %s", m.Channel)
		}
	}
}

// TestCaptchaFieldsFit: what CAPTCHAs send does not fill up the query, nor the
// body, where nobody verifies it.
func TestCaptchaFieldsFit(t *testing.T) {
	names := []string{"g-recaptcha-response", "h-captcha-response", "cf-turnstile-response", "qq_captcha_ticket", "qq_captcha_randstr"}
	s := newSite(t, nil, nil)
	for _, size := range []int{1600, 2048, 3276} {
		var query, body strings.Builder
		for _, name := range names {
			query.WriteString("&" + name + "=" + strings.Repeat("x", size))
			body.WriteString(`,"` + name + `":"` + strings.Repeat("x", size-100) + `"`)
		}
		s.do("POST", pathPassword+"?apikey="+apiKey+query.String(), john).wantPosted(t)
		s.one()
		s.do("POST", pathPassword+"?apikey="+apiKey, `{"email":"john@example.com"`+body.String()+`}`).wantPosted(t)
		s.one()
	}
	s.do("POST", pathPassword+"?apikey="+apiKey+"&g-recaptcha-response="+strings.Repeat("x", 16<<10), john).wantPosted(t)
}

// TestContentTypeWithAnEmptyParameter: some clients send the separator alone.
func TestContentTypeWithAnEmptyParameter(t *testing.T) {
	s := newSite(t, nil, nil)
	s.do("POST", pathPassword+"?apikey="+apiKey, john, "Content-Type", "", "Content-Type", "application/json;").wantPosted(t)
}
