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
)

// A sample is a page as it can come up.
type sample struct {
	page, variant string
	edit          func(d *Data)
}

func (p *Handler) samples() []sample {
	typed := func(d *Data) { d.Identifier = "name@example.com" }
	kept := func(d *Data) { d.EndsSessions = false }
	all := []sample{
		{"forgot", "", nil},
		{"forgot", "", func(d *Data) { typed(d); d.fail("identifier", d.text("forgot.invalid")) }},
		{"forgot", "", func(d *Data) { typed(d); d.fail("identifier", d.text("forgot.invalid.phone")) }},
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
		{"done", "", nil},
		{"done", "", kept},
		{"invalid-link", "", nil},
		{"invalid-link", "no_link", nil},
		{"invalid-link", "notice", nil},
		{"not-me", "links", func(d *Data) { d.Proof = "proof" }},
		{"not-me", "links", func(d *Data) { d.Proof, d.Alert = "proof", d.text("busy.text") }},
		{"not-me", "password", func(d *Data) { d.Proof = "proof" }},
		{"not-me-done", "links", nil},
		{"not-me", "password", func(d *Data) { kept(d); d.Proof = "proof" }},
		{"not-me-done", "password", nil},
		{"not-me-done", "password", kept},
	}
	for _, about := range []string{"many", "busy", "unknown", "step_up", "invalid", "foreign", "missing", "failed"} {
		all = append(all, sample{"problem", about, func(d *Data) {
			d.Wait, d.Detail, d.StepUpURL, d.RetryURL = d.duration(time.Hour), "Detail", "https://example.com/further", d.url(pathReset)
		}})
	}
	return all
}

// try renders every page in every language, and looks at what came out.
func (p *Handler) renderSamples() error {
	var errs []error
	for _, l := range p.translators {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}, URL: &url.URL{Path: p.base + pathForgot, RawQuery: "lang=" + l.File}}
		for _, s := range p.samples() {
			d := p.page(r, s.page, "")
			d.Variant = s.variant
			if s.edit != nil {
				s.edit(d)
			}
			option := "Templates"
			if d.err != nil {
				option = "Text"
			}
			var b bytes.Buffer
			err := p.templates.execute(&b, d)
			if err == nil {
				err = p.checkPage(b.Bytes(), d)
			}
			if err == nil {
				continue
			}
			reason := fmt.Sprintf("%s: %s", l.File, strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/template:"), "template: "))
			err = &recovery.OptionError{Option: option, Reason: reason}
			if !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// check reports what a page must not be without, and must not have. Templates
// are the host's own and trusted, but a form that leaves a field out, or a
// resource of another site, which would learn that somebody is here (A03), is a
// mistake that is better found at the start.
func (p *Handler) checkPage(page []byte, d *Data) error {
	// Without scripts, so that what stands in <noscript> is looked at too.
	doc, err := html.ParseWithOptions(bytes.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		return err
	}
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(d.Page+".html: "+format, args...))
	}
	headings, forms := 0, []*html.Node(nil)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), slices.Contains([]string{"style", "ping", "formaction", "formmethod", "formenctype", "enctype", "srcdoc"}, a.Key):
				bad("<%s> has the attribute %s, which would not work or lead elsewhere", n.Data, a.Key)
			case slices.Contains([]string{"href", "src", "action", "srcset", "data", "poster"}, a.Key) && !p.leadsHome(n.Data, a.Key, a.Val, d):
				bad("<%s %s> leads to another site", n.Data, a.Key)
			}
		}
		switch n.Data {
		case "html":
			if attribute(n, "lang") != d.Lang || attribute(n, "dir") != d.Dir {
				bad("<html> must have lang and dir, from .Lang and .Dir")
			}
		case "h1":
			headings++
		case "style", "script":
			if attribute(n, "nonce") != d.Nonce {
				bad("<%s> must have the nonce", n.Data)
			}
		case "form":
			forms = append(forms, n)
		case "base", "iframe", "object", "embed", "frame":
			bad("<%s> has no place here", n.Data)
		case "meta":
			if attribute(n, "http-equiv") != "" {
				bad("<meta http-equiv> has no place here")
			}
		}
	}
	if headings != 1 {
		bad("there must be one <h1>, and there are %d", headings)
	}
	errs = append(errs, checkForm(forms, d))
	shown := html.UnescapeString(string(page))
	for _, e := range d.Errors {
		if !strings.Contains(shown, e.Text) {
			bad("an error of the field %s is not shown", e.Field)
			break
		}
	}
	if d.Alert != "" && !strings.Contains(shown, d.Alert) {
		bad("the Alert is not shown")
	}
	return errors.Join(errs...)
}

// checkForm looks at the one form of a page that has one, and its fields.
func checkForm(forms []*html.Node, d *Data) error {
	var need []string
	switch d.Page {
	case "forgot":
		need = []string{"identifier"}
	case "code":
		if need = []string{"code", "identifier"}; d.Known {
			need = []string{"code", "proof"}
		}
	case "reset":
		need = []string{"password", "proof"}
	case "not-me":
		need = []string{"proof"}
	default:
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(d.Page+".html: "+format, args...))
	}
	action, err := d.URL(d.Page)
	if err != nil {
		return err
	}
	if len(forms) != 1 || !strings.EqualFold(attribute(forms[0], "method"), "post") || attribute(forms[0], "action") != action {
		bad("there must be one form, with method post and the action %s", `{{.URL "`+d.Page+`"}}`)
		return errors.Join(errs...)
	}
	fields := map[string][]*html.Node{}
	for n := range forms[0].Descendants() {
		if n.Type == html.ElementNode && slices.Contains([]string{"input", "select", "textarea", "button"}, n.Data) {
			fields[attribute(n, "name")] = append(fields[attribute(n, "name")], n)
		}
	}
	for _, name := range need {
		if len(fields[name]) != 1 {
			bad("there must be one <input name=%q> in the form, and there are %d", name, len(fields[name]))
			return errors.Join(errs...)
		}
	}
	if proof := fields["proof"]; len(proof) == 1 && attribute(proof[0], "value") != d.Proof {
		bad(`<input name="proof"> must have the value .Proof`)
	}
	if d.Page == "reset" {
		pw := fields["password"][0]
		if attribute(pw, "type") != "password" || attribute(pw, "autocomplete") != "new-password" {
			bad(`<input name="password"> must have the type "password" and autocomplete "new-password"`)
		}
		if attribute(pw, "maxlength") != "" {
			bad(`<input name="password"> must have no maxlength, which cuts what is pasted without a word`)
		}
	}
	return errors.Join(errs...)
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// leadsHome reports whether a URL stays on this origin. A link of a person's
// choice may leave it, for the page to sign in and for help.
func (p *Handler) leadsHome(element, attr, value string, d *Data) bool {
	if element == "a" && attr == "href" && value != "" && (value == d.SignIn || value == d.Support || value == d.StepUpURL) {
		return true
	}
	u, err := url.Parse(value)
	return err == nil && u.Scheme == "" && u.Host == "" && !strings.HasPrefix(value, "//") && !strings.ContainsAny(value, "\\")
}
