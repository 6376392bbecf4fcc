package portal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

const (
	widget       = `<div class="cf-turnstile" data-sitekey="1x00000000000000000000AA"></div>`
	widgetScript = "https://challenges.cloudflare.com/turnstile/v0/api.js"
)

// withTurnstile accepts the value "solved", and fails while down.
func withTurnstile(down *error) func(*recovery.Options, *portal.Options) {
	return func(so *recovery.Options, po *portal.Options) {
		so.Captcha.Verify = func(_ context.Context, req recovery.CaptchaRequest) error {
			switch {
			case *down != nil:
				return *down
			case req.Fields["cf-turnstile-response"] != "solved":
				return recovery.ErrCaptchaFailed
			}
			return nil
		}
		po.Captcha = portal.Captcha{Widget: widget, Script: widgetScript, Sources: []string{"https://*.hcaptcha.com", "https://www.gstatic.com/recaptcha/"}}
	}
}

// TestCaptcha: the page forgot has the widget and lets its script run, no other
// page does, and nothing is sent unless the widget was solved.
func TestCaptcha(t *testing.T) {
	var down error
	inWorld(t, withTurnstile(&down), func(w *world) {
		t := w.t
		v := w.visitor()
		p := v.get("/account/forgot")
		form, _, _ := strings.Cut(p.body[strings.Index(p.body, "<form"):], "</form>")
		if !strings.Contains(form, `<noscript><p class="hint">Please confirm that you are human`) {
			t.Errorf("whoever has no scripts is told nothing:\n%s", form)
		}
		if !strings.Contains(form, widget) || !strings.Contains(p.body, `<script src="`+widgetScript+`" nonce="`) {
			t.Errorf("the page is\n%s", p.body)
		}
		const sources = "https://challenges.cloudflare.com https://*.hcaptcha.com https://www.gstatic.com/recaptcha/"
		policy := p.Header.Get("Content-Security-Policy")
		for _, directive := range []string{"frame-src " + sources + ";", "connect-src " + sources + ";", "' " + sources + "; frame-src", "default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, directive) {
				t.Errorf("the policy has no %q: %s", directive, policy)
			}
		}
		for _, path := range []string{"/account/sent", "/account/code", "/account/reset", "/account/not-me", "/account/none"} {
			other := v.get(path)
			if policy := other.Header.Get("Content-Security-Policy"); strings.Contains(policy, "cloudflare") || strings.Contains(other.body, "turnstile") || other.StatusCode == 200 && !strings.Contains(policy, "trusted-types 'none'") {
				t.Errorf("%s: %s", path, policy)
			}
		}
		for _, fields := range [][]string{{"identifier", johnMail}, {"identifier", "nobody@example.com", "cf-turnstile-response", "wrong"}, {"identifier", johnMail, "g-recaptcha-response", "solved"}} {
			p := v.post("/account/forgot", fields...)
			p.is(t, "not solved", 422, "Please confirm that you are human")
			if !p.has(`<div class="wrong" role="alert" tabindex="-1" autofocus>`) || p.has("<noscript>") {
				t.Errorf("the error has no focus, or is there twice:\n%s", p.body)
			}
			if !strings.Contains(p.body, widget) || !p.has(`value="`+fields[1]+`"`) || !strings.Contains(p.Header.Get("Content-Security-Policy"), "cloudflare") {
				t.Errorf("the page is\n%s", p.body)
			}
		}
		down = errors.New("dial: no route")
		v.post("/account/forgot", "identifier", johnMail, "cf-turnstile-response", "solved").is(t, "provider down", 503, "in a moment")
		down = nil
		if n := len(w.outbox.Messages()); n > 0 {
			t.Errorf("%d mails", n)
		}
		if p := v.post("/account/forgot", "identifier", johnMail, "cf-turnstile-response", "solved"); p.StatusCode != 303 {
			t.Errorf("solved: %d %s", p.StatusCode, p.body)
		}
		w.message()
	})
}

// TestCaptchaWithoutWidget: the person is told, and so is the host.
func TestCaptchaWithoutWidget(t *testing.T) {
	var down error
	inWorld(t, func(so *recovery.Options, po *portal.Options) {
		withTurnstile(&down)(so, po)
		po.Captcha = portal.Captcha{}
	}, func(w *world) {
		w.visitor().post("/account/forgot", "identifier", johnMail).is(w.t, "no widget", 422, "Please confirm that you are human")
		if !strings.Contains(w.log.String(), "the page forgot has none") {
			w.t.Errorf("the log is\n%s", w.log)
		}
	})
}

// TestCaptchaOptions: what could not work, or would open the policy of the page,
// is a mistake.
func TestCaptchaOptions(t *testing.T) {
	verified := newServiceWith(t, func(o *recovery.Options) {
		o.Captcha.Verify = func(context.Context, recovery.CaptchaRequest) error { return nil }
	})
	right := portal.Captcha{Widget: widget, Script: widgetScript}
	for _, tt := range []struct {
		name, want string
		service    *recovery.Service
		edit       func(*portal.Options)
	}{
		{"right", "", verified, func(*portal.Options) {}},
		{"a fake on this machine", "", verified, func(o *portal.Options) { o.Captcha.Script = "http://localhost:4711/api.js" }},
		{"nobody verifies", "needs Captcha.Verify", newService(t), func(*portal.Options) {}},
		{"no widget", "Captcha.Widget: is required", verified, func(o *portal.Options) { o.Captcha.Widget = "" }},
		{"no script", "Captcha.Script", verified, func(o *portal.Options) { o.Captcha.Script = "" }},
		{"a script without TLS", "Captcha.Script", verified, func(o *portal.Options) { o.Captcha.Script = "http://provider.example/api.js" }},
		{"a script of every host (A72)", "Captcha.Script", verified, func(o *portal.Options) { o.Captcha.Script = "https://*/api.js" }},
		{"a script that begins another directive (A72)", "Captcha.Script", verified, func(o *portal.Options) { o.Captcha.Script = "https://a.example;b/api.js" }},
		{"a fake at an address", "", verified, func(o *portal.Options) { o.Captcha.Script = "http://[::1]:4711/api.js" }},
		{"everything", "Captcha.Sources", verified, func(o *portal.Options) { o.Captcha.Sources = []string{"https://*"} }},
		{"a top-level domain", "Captcha.Sources", verified, func(o *portal.Options) { o.Captcha.Sources = []string{"https://*.com"} }},
		{"another directive", "Captcha.Sources", verified, func(o *portal.Options) {
			o.Captcha.Sources = []string{"https://a.example; script-src *"}
		}},
		{"a keyword", "Captcha.Sources", verified, func(o *portal.Options) { o.Captcha.Sources = []string{"'unsafe-inline'"} }},
		{"a widget with a style", "attribute style", verified, func(o *portal.Options) { o.Captcha.Widget = `<div style="color:red"></div>` }},
		{"a template without the widget", "the widget of the CAPTCHA is missing", verified, func(o *portal.Options) {
			o.Templates = fstest.MapFS{"forgot.html": {Data: []byte(`<h1>{{.Heading}}</h1>{{template "alert" .}}<form method="post" action="{{.URL "forgot"}}">{{range .Errors}}{{.Text}}{{end}}<input name="identifier"></form>`)}}
		}},
	} {
		opts := goodOptions()
		opts.Captcha = right
		tt.edit(&opts)
		_, err := portal.New(tt.service, opts)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
