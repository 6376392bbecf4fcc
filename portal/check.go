package portal

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// A sample is a page as a person may see it.
type sample struct {
	page, variant string
	edit          func(d *Data)
}

func (p *Handler) samples() []sample {
	typed := func(d *Data) { d.Identifier = "name@example.com" }
	kept := func(d *Data) { d.EndsSessions = false }
	damaged := func(d *Data) { d.Damaged = true }
	missing := func(d *Data) { d.Missing = true }
	all := []sample{
		{"forgot", "", nil},
		{"forgot", "", func(d *Data) { typed(d); d.fail("identifier", d.text("forgot.invalid"+d.asked())) }},
		{"forgot", "", func(d *Data) { typed(d); d.Wait = d.duration(time.Minute); d.Alert = d.text("many.text", d.Wait) }},
		{"forgot", "", func(d *Data) { d.Alert = d.text("busy.text") }},
		{"sent", "", nil},
		{"sent", "", typed},
		{"code", "", nil},
		{"code", "", func(d *Data) { d.Identifier, d.Known, d.Proof = "+49 30 123456", true, "proof" }},
		{"code", "", func(d *Data) { d.fail("identifier", d.text("code.phone.invalid")) }},
		{"code", "", func(d *Data) { d.fail("code", d.text("code.malformed", p.settings.CodeDigits)) }},
		{"code", "", func(d *Data) { d.fail("code", d.text("code.invalid")) }},
		{"reset", "", func(d *Data) { d.Proof = "proof" }},
		{"reset", "", func(d *Data) {
			d.Proof, d.Account = "proof", "name@example.com"
			d.Alert = d.text("reset.other", d.Account)
		}},
		{"reset", "", func(d *Data) {
			d.Proof, d.Alert = "proof", d.text("reset.other.anonymous")
			for _, key := range []string{"empty", "differ", "too_large", "encoding", "common", "context", "identifier", "breached", "reused", "other"} {
				d.fail("password", d.text("refused."+key))
			}
			d.fail("password", d.text("refused.too_short", d.MinLength))
			d.fail("password", d.text("refused.too_long", d.MaxLength))
		}},
		{"reset", "", func(d *Data) { d.Proof, d.Invitation = "proof", true }},
		{"done", "", func(d *Data) { d.Invitation = true }},
		{"invalid-link", "invitation", func(d *Data) { d.Invitation = true }},
		{"invalid-link", "invitation", func(d *Data) { d.Invitation, d.Damaged = true, true }},
		{"done", "", nil},
		{"done", "", kept},
		{"invalid-link", "", nil},
		{"invalid-link", "no_link", missing},
		{"invalid-link", "no_link", func(d *Data) { missing(d); d.Address = p.opts.BaseURL }},
		{"invalid-link", "notice", nil},
		{"invalid-link", "notice", missing},
		{"invalid-link", "", damaged},
		{"invalid-link", "notice", damaged},
		{"not-me", "links", func(d *Data) { d.Proof = "proof" }},
		{"not-me", "links", func(d *Data) { d.Proof, d.Alert = "proof", d.text("busy.text") }},
		{"not-me", "password", func(d *Data) { d.Proof = "proof" }},
		{"not-me-done", "links", nil},
		{"not-me", "password", func(d *Data) { kept(d); d.Proof = "proof" }},
		{"not-me-done", "password", nil},
		{"not-me-done", "password", kept},
	}
	if p.mailsCodes() {
		all = append(all,
			sample{"code", "", func(d *Data) { typed(d); d.Known, d.ByMail, d.Proof = true, true, "proof" }},
			sample{"code", "", func(d *Data) { d.ByMail = true; d.fail("identifier", d.text("forgot.invalid"+d.asked())) }},
			sample{"forgot", "", func(d *Data) { typed(d); d.ByCode = true }})
	}
	if p.opts.ReadOutCodes {
		all = append(all,
			sample{"code", "", func(d *Data) { d.ReadOut = true; d.fail("code", d.text("code.malformed.read-out")) }},
			sample{"code", "", func(d *Data) {
				d.ReadOut = true
				typed(d)
				d.fail("identifier", d.text("forgot.invalid"+d.asked()))
			}},
			sample{"code", "", func(d *Data) {
				d.Identifier, d.Known, d.Proof, d.ReadOutURL = "+49 30 123456", true, "proof", d.url(pathCode)
			}})
	}
	if p.settings.SecondFactor {
		all = append(all, sample{"reset", "", func(d *Data) { d.Proof, d.SecondFactor = "proof", true }},
			sample{"reset", "", func(d *Data) { d.Proof, d.SecondFactor = "proof", true; d.failFactor("factor.empty") }},
			sample{"reset", "", func(d *Data) { d.Proof, d.SecondFactor = "proof", true; d.failFactor("factor.wrong") }})
	}
	if len(p.settings.ReturnTo) > 0 {
		all = append(all, sample{"done", "", func(d *Data) {
			d.ReturnTo, d.ReturnHost = "https://app.example.com/cart?a=1&b=2", "app.example.com"
		}})
	}
	if p.opts.Captcha.Widget != "" {
		all = append(all, sample{"forgot", "", func(d *Data) { typed(d); d.fail("captcha", d.text("forgot.captcha")) }})
	}
	if p.settings.Change {
		all = append(all, p.changeSamples()...)
	}
	for _, variant := range []string{"many", "busy", "unknown", "step_up", "invalid", "foreign", "missing", "signed_out", "failed"} {
		all = append(all, sample{"problem", variant, func(d *Data) {
			d.Wait, d.Detail, d.StepUpURL, d.RetryURL = d.duration(time.Hour), "Detail", "https://example.com/further", d.url(pathReset)
		}})
	}
	return all
}

// checkTemplates renders the host's templates. The pages of all brands have the same
// ones: so of each shape one brand is rendered, in one language.
func (p *Handler) checkTemplates(mistakes *recovery.OptionErrors) {
	p.renderSamples(mistakes, "Templates", p.translators, p.samples())
	if p.brands == nil {
		return
	}
	seen := map[shape]bool{p.shape(): true}
	for _, b := range p.brands.listed {
		if s := b.shape(); !seen[s] && mistakes.Err() == nil {
			seen[s] = true
			b.renderSamples(mistakes, "Templates", b.translators[:1], b.samples())
		}
	}
}

// A shape says which parts the pages of a brand have.
type shape struct{ logo, signIn, support, captcha, languages bool }

func (p *Handler) shape() shape {
	return shape{p.logo != "", p.opts.SignIn != "", p.opts.Support != "", p.opts.Captcha.Widget != "", len(p.translators) > 1}
}

// checkWidget renders the widget of the CAPTCHA, which is the host's, in the page
// forgot. It is the same in all languages.
func (p *Handler) checkWidget(mistakes *recovery.OptionErrors) {
	if p.opts.Captcha.Widget != "" {
		p.renderSamples(mistakes, "Captcha.Widget", p.translators[:1], []sample{{"forgot", "", nil}})
	}
}

// renderSamples renders samples in some languages, and checks the pages. It adds each
// mistake once, although many samples may have it. What is this package's own needs
// no such check when a program starts: its tests do it.
func (p *Handler) renderSamples(mistakes *recovery.OptionErrors, option string, languages []*i18n.Translator, samples []sample) {
	seen := map[string]bool{}
	for _, t := range languages {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}, URL: &url.URL{Path: p.base + pathForgot, RawQuery: "lang=" + t.File}}
		for _, s := range samples {
			d := p.page(r, s.page, "")
			d.Variant = s.variant
			if s.edit != nil {
				s.edit(d)
			}
			var b bytes.Buffer
			err := p.templates.execute(&b, d)
			if err == nil {
				err = checkPage(b.Bytes(), d)
			}
			if err == nil {
				continue
			}
			reason := t.File + ": " + templateReason(err)
			if p.brand != "" {
				reason = fmt.Sprintf("brand %q: ", p.brand) + reason
			}
			if !seen[reason] {
				seen[reason] = true
				mistakes.Add(option, "%s", reason)
			}
		}
	}
}

// A pageCheck collects what is wrong with one rendered page.
type pageCheck struct {
	data     *Data
	headings int
	forms    []*html.Node
	returns  bool // a link leads to ReturnTo
	errs     []error
}

func (c *pageCheck) report(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(c.data.Page+".html: "+format, args...))
}

// checkPage reports what a page lacks and what it must not have. Templates are
// the host's own, and trusted. Two mistakes are found here at the start all the
// same: a form without one of its fields, and a resource of another site, which
// would learn that somebody is on the page (A03).
func checkPage(page []byte, d *Data) error {
	// Parsed without scripts, so that the contents of <noscript> are checked
	// too.
	doc, err := html.ParseWithOptions(bytes.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		return err
	}
	c := &pageCheck{data: d}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			c.checkAttributes(n)
			c.checkElement(n)
		}
	}
	if c.headings != 1 {
		c.report("there must be one <h1>, and there are %d", c.headings)
	}
	c.checkForm()
	shown := html.UnescapeString(string(page))
	for _, e := range d.Errors {
		if !strings.Contains(shown, e.Text) {
			c.report("an error of the field %s is not shown", e.Field)
			break
		}
	}
	if !strings.Contains(string(page), string(d.Captcha)) {
		c.report("the widget of the CAPTCHA is missing: {{.Captcha}}")
	}
	if d.ReturnTo != "" && !c.returns {
		c.report(`the link to where the person came from is missing: <a href="{{.ReturnTo}}">, with {{.T "done.return" .ReturnHost}}`)
	}
	if d.Alert != "" && !strings.Contains(shown, d.Alert) {
		c.report("the Alert is not shown")
	}
	return errors.Join(c.errs...)
}

func (c *pageCheck) checkAttributes(n *html.Node) {
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"), slices.Contains([]string{"style", "ping", "formaction", "formmethod", "formenctype", "enctype", "srcdoc"}, a.Key):
			c.report("<%s> has the attribute %s, which the page's policy stops or which leads to another site", n.Data, a.Key)
		case slices.Contains([]string{"href", "src", "action", "srcset", "data", "poster"}, a.Key) && !c.staysHere(n.Data, a.Key, a.Val):
			c.report("<%s %s> leads to another site", n.Data, a.Key)
		}
	}
}

func (c *pageCheck) checkElement(n *html.Node) {
	switch n.Data {
	case "html":
		if attribute(n, "lang") != c.data.Lang || attribute(n, "dir") != c.data.Dir {
			c.report("<html> must have lang and dir, from .Lang and .Dir")
		}
	case "h1":
		c.headings++
	case "a":
		c.returns = c.returns || attribute(n, "href") == c.data.ReturnTo
	case "style", "script":
		if attribute(n, "nonce") != c.data.Nonce {
			c.report("<%s> must have the nonce", n.Data)
		}
	case "form":
		c.forms = append(c.forms, n)
	case "base", "iframe", "object", "embed", "frame":
		c.report("<%s> is not allowed", n.Data)
	case "meta":
		if attribute(n, "http-equiv") != "" {
			c.report("<meta http-equiv> is not allowed")
		}
	}
}

// checkForm checks the form and its fields, on pages that have a form.
func (c *pageCheck) checkForm() {
	d := c.data
	var need []string
	switch d.Page {
	case "forgot":
		need = []string{"identifier"}
	case "code":
		if need = []string{"code", "identifier"}; d.Known {
			need = []string{"code", "proof"}
		}
	case "reset":
		if need = []string{"password", "proof"}; d.SecondFactor {
			need = append(need, "second-factor")
		}
	case "change-password":
		if need = []string{"current", "password", "proof"}; d.SecondFactor {
			need = append(need, "second-factor")
		}
	case "not-me":
		need = []string{"proof"}
	default:
		return
	}
	action, err := d.URL(d.Page)
	if err != nil {
		c.report("%v", err)
		return
	}
	if len(c.forms) != 1 || !strings.EqualFold(attribute(c.forms[0], "method"), "post") || attribute(c.forms[0], "action") != action {
		c.report("there must be one form, with method post and the action %s", `{{.URL "`+d.Page+`"}}`)
		return
	}
	fields := map[string][]*html.Node{}
	for n := range c.forms[0].Descendants() {
		if n.Type == html.ElementNode && slices.Contains([]string{"input", "select", "textarea", "button"}, n.Data) {
			fields[attribute(n, "name")] = append(fields[attribute(n, "name")], n)
		}
	}
	for _, name := range need {
		if len(fields[name]) != 1 {
			c.report("there must be one <input name=%q> in the form, and there are %d", name, len(fields[name]))
			return
		}
	}
	if d.Page == "forgot" && d.Choice && len(fields["send"]) == 0 {
		c.report(`the choice between a link and a code is missing: <input type="radio" name="send"> with the values "link" and "code"`)
	}
	if proof := fields["proof"]; len(proof) == 1 && attribute(proof[0], "value") != d.Proof {
		c.report(`<input name="proof"> must have the value .Proof`)
	}
	if current := fields["current"]; len(current) == 1 && (attribute(current[0], "type") != "password" || attribute(current[0], "autocomplete") != "current-password") {
		c.report(`<input name="current"> must have the type "password" and autocomplete "current-password"`)
	}
	if d.Page == "reset" || d.Page == "change-password" {
		pw := fields["password"][0]
		if attribute(pw, "type") != "password" || attribute(pw, "autocomplete") != "new-password" {
			c.report(`<input name="password"> must have the type "password" and autocomplete "new-password"`)
		}
		if attribute(pw, "maxlength") != "" {
			c.report(`<input name="password"> must have no maxlength, which silently cuts a pasted password`)
		}
		if d.SecondFactor && attribute(fields["second-factor"][0], "autocomplete") != "one-time-code" {
			c.report(`<input name="second-factor"> must have autocomplete "one-time-code"`)
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// staysHere reports whether a URL stays on this origin. Only links that a
// person clicks may leave it: those to sign in, to get help, to give a further
// proof, and to return to where the person came from. So may the script of the
// host's CAPTCHA: the page forgot holds no token.
func (c *pageCheck) staysHere(element, attr, value string) bool {
	d := c.data
	if element == "a" && attr == "href" && value != "" && (value == d.SignIn || value == d.Support || value == d.StepUpURL || value == d.ReturnTo) {
		return true
	}
	if element == "script" && attr == "src" && value != "" && value == d.CaptchaScript {
		return true
	}
	u, err := url.Parse(value)
	return err == nil && u.Scheme == "" && u.Host == "" && !strings.HasPrefix(value, "//") && !strings.ContainsAny(value, "\\")
}
