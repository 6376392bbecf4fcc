package portal

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/seed-51359b35/recovery"
)

// A Captcha is the widget of a provider on the page forgot. No other page has
// it. With it, that page loads a script of the provider's, who so learns that
// somebody is there, and needs JavaScript. That script runs in the origin of the
// pages and can open the others, so trust it as you trust your own code.
//
// The script may set styles of elements. The policy of the page stops style
// elements without the nonce, and workers from blob: URLs.
type Captcha struct {
	_ [0]func()

	// Widget is the element that the provider's script fills, without styles or
	// scripts: <div class="cf-turnstile" data-sitekey="..."></div>. It is written
	// into the form as it is. Required.
	Widget template.HTML
	// Script is the https URL of the provider's script, such as
	// https://challenges.cloudflare.com/turnstile/v0/api.js. http is accepted for
	// localhost and loopback addresses. Required.
	Script string
	// Sources are further sources for the Content-Security-Policy of the page,
	// for scripts, styles, frames, images and connections: up to 16 of the form
	// "https://*.hcaptcha.com" or "https://www.gstatic.com/recaptcha/". The first
	// one does not stand for https://hcaptcha.com itself. The origin of Script is
	// always one. Default none.
	Sources []string
}

// captchaSource is a source with one host or, behind "*.", all below it, and not a
// wildcard for all hosts, nor anything that would begin another directive.
var captchaSource = regexp.MustCompile(`^https://(\*\.[a-z0-9-]+\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$`)

// scriptHost is a host that stands in the policy as it is. A URL may have others,
// such as "*" or "a;b".
var scriptHost = regexp.MustCompile(`^([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?$`)

func (c Captcha) check(mistakes *recovery.OptionErrors, service *recovery.Service) {
	if c.Widget == "" && c.Script == "" && len(c.Sources) == 0 {
		return
	}
	if c.Widget == "" {
		mistakes.Add("Captcha.Widget", "is required with a Captcha")
	}
	if err := (recovery.Link{URL: c.Script}).Validate(); err != nil {
		mistakes.Add("Captcha.Script", "%v", err)
	} else if u, err := url.Parse(c.Script); err != nil || !scriptHost.MatchString(u.Host) {
		mistakes.Add("Captcha.Script", "must have a host of lower-case letters, digits, dots and hyphens")
	}
	if len(c.Sources) > 16 {
		mistakes.Add("Captcha.Sources", "has %d sources, at most 16", len(c.Sources))
	}
	for _, s := range c.Sources {
		if len(s) > 256 || !captchaSource.MatchString(s) {
			mistakes.Add("Captcha.Sources", "%.80q must be https:// and a host in lower case, with a path or without; a wildcard stands for a subdomain", s)
		}
	}
	if service != nil && len(service.Settings().CaptchaFields) == 0 {
		mistakes.Add("Captcha", "needs Captcha.Verify in the options of the Service, or nobody looks at it")
	}
}

// sources returns what the policy of the page allows.
func (c Captcha) sources() []string {
	var all []string
	if u, err := url.Parse(c.Script); err == nil {
		all = append(all, u.Scheme+"://"+u.Host)
	}
	return append(all, slices.DeleteFunc(slices.Clone(c.Sources), func(s string) bool { return slices.Contains(all, s) })...)
}

// captcha returns what a CAPTCHA has added to a form.
func (p *Handler) captcha(form url.Values) map[string]string {
	fields := map[string]string{}
	for _, name := range p.settings.CaptchaFields {
		if form.Has(name) {
			fields[name] = form.Get(name)
		}
	}
	return fields
}

// answerCaptcha shows the form again, with a new widget.
func (p *Handler) answerCaptcha(w http.ResponseWriter, r *http.Request, d *Data) {
	text := d.text("forgot.captcha")
	d.fail("captcha", text)
	if d.Captcha == "" {
		// A page without a widget has no place for the error either.
		d.Errors, d.Alert = nil, text
	}
	p.render(w, r, http.StatusUnprocessableEntity, d)
}
