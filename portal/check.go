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
	page, about string
	edit        func(d *Data)
}

func (p *Portal) samples() []sample {
	typed := func(d *Data) { d.Identifier = "name@example.com" }
	all := []sample{
		{"forgot", "", nil},
		{"forgot", "", func(d *Data) { typed(d); d.fail("identifier", d.say("forgot.invalid")) }},
		{"forgot", "", func(d *Data) { typed(d); d.fail("identifier", d.say("forgot.invalid.phone")) }},
		{"forgot", "", func(d *Data) { typed(d); d.Wait = d.duration(time.Minute); d.Alert = d.say("many.text", d.Wait) }},
		{"forgot", "", func(d *Data) { d.Alert = d.say("busy.text") }},
		{"sent", "", nil},
		{"sent", "", typed},
		{"code", "", nil},
		{"code", "", func(d *Data) { d.Identifier, d.Known = "+49 30 123456", true }},
		{"code", "", func(d *Data) { d.fail("code", d.say("code.malformed", codeDigits)) }},
		{"code", "", func(d *Data) { d.fail("code", d.say("code.invalid")) }},
		{"reset", "", func(d *Data) { d.Proof = "proof" }},
		{"reset", "", func(d *Data) {
			d.Proof, d.Account = "proof", "name@example.com"
			d.Alert = d.say("reset.other", d.Account)
		}},
		{"reset", "", func(d *Data) {
			d.Proof, d.Alert = "proof", d.say("reset.other.anonymous")
			for _, key := range []string{"empty", "differ", "too_large", "encoding", "common", "context", "identifier", "breached", "reused", "other"} {
				d.fail("password", d.say("refused."+key))
			}
			d.fail("password", d.say("refused.too_short", d.MinLength))
			d.fail("password", d.say("refused.too_long", d.MaxLength))
		}},
		{"done", "", nil},
		{"dead", "", nil},
		{"dead", "notice", nil},
		{"not-me", "links", func(d *Data) { d.Proof = "proof" }},
		{"not-me", "password", func(d *Data) { d.Proof = "proof" }},
		{"told", "links", nil},
		{"told", "password", nil},
	}
	for _, about := range []string{"many", "busy", "unknown", "stepup", "invalid", "foreign", "missing", "failed"} {
		all = append(all, sample{"problem", about, func(d *Data) { d.Wait, d.Detail = d.duration(time.Hour), "Detail" }})
	}
	return all
}

// try renders every page in every language, and looks at what came out.
func (p *Portal) try() error {
	var errs []error
	for _, l := range p.voices {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}, URL: &url.URL{Path: p.base + pathForgot, RawQuery: "lang=" + l.File}}
		for _, s := range p.samples() {
			d := p.page(r, s.page, "")
			d.About = s.about
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
				err = p.check(b.Bytes(), d)
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
func (p *Portal) check(page []byte, d *Data) error {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return err
	}
	var (
		errs     []error
		headings int
		fields   = map[string]map[string]string{}
		forms    []map[string]string
	)
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(d.Page+".html: "+format, args...))
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style":
				bad("<%s> has the attribute %s, which the policy of the page forbids", n.Data, a.Key)
			case slices.Contains([]string{"href", "src", "action", "formaction", "srcset", "data", "poster"}, a.Key) && !p.leadsHome(n.Data, a.Key, a.Val, d):
				bad("<%s %s> leads to another site", n.Data, a.Key)
			}
		}
		switch n.Data {
		case "html":
			if attr["lang"] != d.Lang || attr["dir"] != d.Dir {
				bad("<html> must have lang and dir, from .Lang and .Dir")
			}
		case "h1":
			headings++
		case "style", "script":
			if attr["nonce"] != d.Nonce {
				bad("<%s> must have the nonce", n.Data)
			}
		case "form":
			forms = append(forms, attr)
		case "input":
			fields[attr["name"]] = attr
		}
	}
	if headings != 1 {
		bad("there must be one <h1>, and there are %d", headings)
	}
	need := map[string][]string{
		"forgot": {"identifier"}, "code": {"code"}, "reset": {"password", "proof"}, "not-me": {"proof"},
	}[d.Page]
	if len(need) > 0 {
		if d.Page == "code" && !d.Known {
			need = append(need, "identifier")
		}
		for _, name := range need {
			if fields[name] == nil {
				bad("there is no <input name=%q>", name)
			}
		}
		if d.Proof != "" && fields["proof"]["value"] != d.Proof {
			bad(`<input name="proof"> must have the value .Proof`)
		}
		if d.Page == "reset" && (fields["password"]["type"] != "password" || fields["password"]["autocomplete"] != "new-password") {
			bad(`<input name="password"> must have the type "password" and autocomplete "new-password"`)
		}
		if len(forms) != 1 || !strings.EqualFold(forms[0]["method"], "post") || forms[0]["action"] != d.URL(d.Page) {
			bad("there must be one form, with method post and the action %s", `{{.URL "`+d.Page+`"}}`)
		}
	}
	for _, e := range d.Errors {
		if !bytes.Contains(page, []byte(html.EscapeString(e.Text))) && !strings.Contains(html.UnescapeString(string(page)), e.Text) {
			bad("an error of the field %s is not shown", e.Field)
			break
		}
	}
	return errors.Join(errs...)
}

// leadsHome reports whether a URL stays on this origin. A link of a person's
// choice may leave it, for the page to sign in and for help.
func (p *Portal) leadsHome(element, attr, value string, d *Data) bool {
	if element == "a" && attr == "href" && (value == d.SignIn || value == d.Support) {
		return true
	}
	u, err := url.Parse(value)
	return err == nil && u.Scheme == "" && u.Host == "" && !strings.HasPrefix(value, "//") && !strings.ContainsAny(value, "\\")
}
