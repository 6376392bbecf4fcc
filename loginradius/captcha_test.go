package loginradius_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// TestCaptcha: the fields are found in the query and in the body, in any case,
// up to 16 KiB. Without the host's yes nothing is sent.
func TestCaptcha(t *testing.T) {
	var asked recovery.CaptchaRequest
	calls := 0
	var down error
	s := newSite(t, func(o *recovery.Options) {
		o.Captcha.Verify = func(_ context.Context, req recovery.CaptchaRequest) error {
			asked, calls = req, calls+1
			if down != nil {
				return down
			}
			for _, v := range req.Fields {
				if strings.HasPrefix(v, "solved") {
					return nil
				}
			}
			return recovery.ErrCaptchaFailed
		}
	}, nil)
	long := "solved" + strings.Repeat("x", 16<<10-6)
	const phone = `{"phone":"+4915112345678"}`
	for _, tt := range []struct {
		name, path, query, body string
		operation               recovery.CaptchaOperation
		want                    map[string]string
	}{
		{"in the query", pathPassword, "&g-recaptcha-response=solved", john, recovery.CaptchaForgotLink, map[string]string{"g-recaptcha-response": "solved"}},
		{"in any case", pathPassword, "&H-CAPTCHA-Response=solved", john, recovery.CaptchaForgotLink, map[string]string{"h-captcha-response": "solved"}},
		{"16 KiB", pathPassword, "&g-recaptcha-response=" + long, john, recovery.CaptchaForgotLink, map[string]string{"g-recaptcha-response": long}},
		{"a code by mail", pathPassword, "&emailtemplate=tpl-code&cf-turnstile-response=solved", john, recovery.CaptchaForgotCode, map[string]string{"cf-turnstile-response": "solved"}},
		{"in the body", pathPassword, "", `{"email":"john@example.com","G-Recaptcha-Response":"solved"}`, recovery.CaptchaForgotLink, map[string]string{"g-recaptcha-response": "solved"}},
		{"the same in both", pathPassword, "&g-recaptcha-response=solved", `{"email":"john@example.com","g-recaptcha-response":"solved"}`, recovery.CaptchaForgotLink, map[string]string{"g-recaptcha-response": "solved"}},
		{"empty in the query", pathPassword, "&g-recaptcha-response=", `{"email":"john@example.com","g-recaptcha-response":"solved"}`, recovery.CaptchaForgotLink, map[string]string{"g-recaptcha-response": "solved"}},
		{"two parts, by phone", pathOTP, "&qq_captcha_ticket=solved&qq_captcha_randstr=%40abc", phone, recovery.CaptchaForgotCode, map[string]string{"qq_captcha_ticket": "solved", "qq_captcha_randstr": "@abc"}},
	} {
		s.do("POST", tt.path+"?apikey="+apiKey+tt.query, tt.body).wantPosted(t)
		s.one()
		if asked.Operation != tt.operation || !maps.Equal(asked.Fields, tt.want) || asked.Requester.Caller != "loginradius:"+apiKey || asked.Requester.Client.String() != "203.0.113.7" {
			t.Errorf("%s: asked %+v", tt.name, asked)
		}
	}
	before := calls
	for _, query := range []string{"&g-recaptcha-response=solved&g-recaptcha-response=solved", "&g-recaptcha-response=%zz", "&g-recaptcha-response=other"} {
		s.do("POST", pathPassword+"?apikey="+apiKey+query, `{"email":"john@example.com","g-recaptcha-response":"solved"}`).wantFailure(t, 400, 908, "")
	}
	if calls != before {
		t.Error("a malformed request was verified")
	}
	s.quietSince(func() {
		for _, down = range []error{nil, errors.New("down")} {
			var bodies []string
			for _, body := range []string{john, `{"email":"nobody@example.com"}`, `{"email":"disabled@example.com"}`} {
				a := s.do("POST", pathPassword+"?apikey="+apiKey+"&g-recaptcha-response=wrong", body)
				if down == nil {
					if e := a.wantFailure(t, 400, 908, "A parameter is not formatted correctly"); e.Description != "The CAPTCHA is missing or was not solved." {
						t.Errorf("Description %q", e.Description)
					}
				} else {
					a.wantFailure(t, 503, 950, "")
				}
				bodies = append(bodies, a.body)
			}
			if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
				t.Errorf("answers differ: %v", bodies)
			}
			s.do("POST", pathOTP+"?apikey="+apiKey, phone)
			// A value that is no text is as wrong as any other (A61).
			status, code := 400, 908
			if down != nil {
				status, code = 503, 950
			}
			s.do("POST", pathPassword+"?apikey="+apiKey+"&g-recaptcha-response=%ff%fe%ff", john).wantFailure(t, status, code, "")
		}
	})
	// A server with the secret, and a reset, need none.
	s.manage("&sendemail=true", john).wantToken(t)
	s.reset(vtoken(t, s.one())).wantPosted(t)
}

// quietSince checks that f has nothing sent.
func (s *site) quietSince(f func()) {
	s.t.Helper()
	f()
	if sent := s.deliver(); len(sent) > 0 {
		s.t.Errorf("sent %v", sent)
	}
}
