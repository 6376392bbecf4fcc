package portal

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Data is what a template sees of one page. Its text is plain: html/template
// escapes it.
type Data struct {
	// Page is the name of the page: forgot, sent, code, reset, done, not-me,
	// told, dead or problem.
	Page string
	// About says which variant it is: of not-me and told "links" or "password";
	// of dead "notice", "no_link" where the browser had no link to show, or
	// empty; of problem what happened: many, busy, unknown, stepup, invalid,
	// foreign, missing or failed.
	Variant string
	// Lang and Dir are those of the page's html element.
	Lang, Dir string
	// Nonce is for every style and script element.
	Nonce string
	// Product, SignIn and Support are as in [Options]. Support is a link.
	Product, SignIn, Support string
	// Logo is the URL of the logo, or empty.
	Logo string
	// Languages are those to choose from.
	Languages []LanguageChoice

	// Identifier is what was typed, or was last asked for. Known says that the
	// page for a code need not ask for it.
	Identifier string
	Known      bool
	// Account is what the person signs in with, or empty.
	Account string
	// Proof goes back in the field "proof" of the page's form.
	Proof string
	// Phone says that a phone number can be typed as well.
	Phone bool
	// MinLength and MaxLength are the Policy's, in characters.
	MinLength, MaxLength int
	// CodeDigits is how long a code is.
	CodeDigits int
	// EndsSessions says that a reset signs everybody out.
	EndsSessions bool
	// Expiry is how long a link or code works, as "60 minutes".
	Expiry string

	// Errors are about the form's fields. The first one has the focus.
	Errors []FieldError
	// Alert is about the whole form, or empty.
	Alert string
	// Wait is when to come back, as "2 minutes", or empty.
	Wait string
	// Detail is what a StepUpError says, and Next where the further proof is
	// given; each may be empty.
	Detail, StepUpURL string
	// Again is the path of a page that is worth another try, or empty.
	RetryURL string

	// Style and Script are the contents of style.css and script.js.
	Style  template.CSS
	Script template.JS

	translator *i18n.Translator
	url        func(path string) string
	err        error
}

// A Choice is a language to choose.
type LanguageChoice struct {
	// Name is the language's own name for itself.
	Name string
	// Lang and Dir are those of the name, and HREF the same page in it.
	Lang, Dir, URL string
	Current        bool
}

// A FieldError is what is wrong with a field.
type FieldError struct{ Field, Text string }

// T is a sentence of the page's language, with its arguments.
func (d *Data) T(key string, args ...any) (string, error) {
	return d.translator.Translate(true, key, args...)
}

// URL is the path of a page: forgot, sent, code, reset, done, not-me or told.
func (d *Data) URL(page string) (string, error) {
	switch path := "/" + page; path {
	case pathForgot, pathSent, pathCode, pathReset, pathDone, pathNotMe, pathNotMeDone:
		return d.url(path), nil
	}
	return "", fmt.Errorf("there is no page %q", page)
}

// Heading is the page's title.
func (d *Data) Heading() (string, error) {
	switch d.Page {
	case "problem":
		return d.T(d.Variant + ".heading")
	case "not-me":
		return d.T("not-me.heading")
	}
	return d.T(d.Page + ".heading")
}

// Wrong returns what is wrong with a field, or nothing.
func (d *Data) ErrorsFor(field string) []string {
	var all []string
	for _, e := range d.Errors {
		if e.Field == field {
			all = append(all, e.Text)
		}
	}
	return all
}

// Focus reports whether a field should have the focus: the first one with an
// error.
func (d *Data) Focus(field string) bool {
	return len(d.Errors) > 0 && d.Errors[0].Field == field
}

func (d *Data) fail(field, text string) {
	d.Errors = append(d.Errors, FieldError{field, text})
}

// say is T where an error is a mistake of this package, or of the host's Text:
// then the page fails to render.
func (d *Data) text(key string, args ...any) string {
	text, err := d.T(key, args...)
	d.err = errors.Join(d.err, err)
	return text
}

// duration is a time from now, in the words of the page.
func (d *Data) duration(t time.Duration) string {
	switch {
	case t < 2*time.Minute:
		return d.text("seconds", max(1, int((t+time.Second-1)/time.Second)))
	case t < 2*time.Hour:
		return d.text("minutes", int((t+time.Minute-1)/time.Minute))
	}
	return d.text("hours", int((t+time.Hour-1)/time.Hour))
}

// page begins a page in the language for the request.
func (p *Handler) page(r *http.Request, name, locale string) *Data {
	v := p.translator(r, locale)
	d := &Data{
		Page: name, Lang: v.Tag.String(), Dir: "ltr", Nonce: newNonce(),
		Product: p.opts.Product, SignIn: p.opts.SignIn, Support: p.opts.Support,
		Phone:     p.opts.PhoneField != "",
		MinLength: p.settings.PasswordPolicy.MinLength(), MaxLength: p.settings.PasswordPolicy.MaxLength(),
		CodeDigits: p.settings.CodeDigits, EndsSessions: p.settings.EndsSessions, Logo: p.logo, translator: v,
		url: func(path string) string { return p.url(r, path) },
	}
	if v.RightToLeft {
		d.Dir = "rtl"
	}
	if strings.Contains(d.Support, "@") && !strings.Contains(d.Support, "://") {
		d.Support = "mailto:" + d.Support
	}
	switch name {
	case "sent":
		d.Expiry = d.duration(p.settings.LinkTTL)
	case "code":
		d.Expiry = d.duration(p.settings.CodeTTL)
	}
	d.Languages = p.languageChoices(r, v, name)
	return d
}

// choices are the languages that the page can be seen in. The answer to a form
// has no address of its own: its languages lead to the page with the form.
func (p *Handler) languageChoices(r *http.Request, current *i18n.Translator, name string) []LanguageChoice {
	if len(p.translators) < 2 {
		return nil
	}
	path := strings.TrimPrefix(r.URL.Path, p.base)
	if name == "problem" || name == "invalid-link" {
		path = pathForgot
	}
	var all []LanguageChoice
	for _, l := range p.translators {
		c := LanguageChoice{Name: ownName(l.File), Lang: l.Tag.String(), Dir: "ltr", Current: l.Tag == current.Tag}
		if l.RightToLeft {
			c.Dir = "rtl"
		}
		c.URL = p.base + path + "?lang=" + l.File
		all = append(all, c)
	}
	return all
}

// render writes a page, or an error while nothing is written yet.
func (p *Handler) render(w http.ResponseWriter, r *http.Request, status int, d *Data) {
	var b bytes.Buffer
	err := p.templates.execute(&b, d)
	if err != nil {
		p.log.ErrorContext(r.Context(), "portal: a page was not rendered", "page", d.Page, "error", err)
		// Without the host's templates, which may be what failed.
		status, b = http.StatusInternalServerError, bytes.Buffer{}
		if err := p.templates.executeBuiltin(&b, d); err != nil {
			http.Error(w, http.StatusText(status), status)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", p.pagePolicy(d.Nonce))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", d.Lang)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = b.WriteTo(w) // who does not get the page asks for it again
	}
}
