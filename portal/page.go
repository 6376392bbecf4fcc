package portal

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/i18n"
)

// Data is what a template sees of one page. Its fields are plain text, which
// html/template escapes.
type Data struct {
	// Page is the name of the page: forgot, sent, code, reset, done, not-me,
	// not-me-done, change-password, invalid-link or problem.
	Page string
	// Variant is the variant of the page, or empty. Pages with variants are:
	//   - not-me and not-me-done: "links" or "password".
	//   - invalid-link: "notice" for a link "this was not me", "invitation",
	//     "no_link" where the browser held no link, or empty.
	//   - done: "changed" after a change by somebody who is signed in still, or empty.
	//   - problem: "many", "busy", "unknown", "step_up", "invalid", "foreign",
	//     "missing", "signed_out" or "failed".
	Variant string
	// Damaged says that the link of the page invalid-link is not complete, or was
	// changed on its way. It has not expired, so the one in the message may work.
	Damaged bool
	// Invitation says that the pages reset, done and invalid-link are about a first
	// password.
	Invitation bool
	// Missing says that the browser brought no link to the page invalid-link. If it
	// opened the page where the browser keeps no cookie of it, Address is the URL
	// where the page works, and otherwise it is empty.
	Missing bool
	Address string
	// Lang and Dir are the attributes of the page's html element.
	Lang, Dir string
	// Nonce is the nonce that every style and script element must have.
	Nonce string
	// Product, SignIn and Support are as in [Options]. A mail address in
	// Support has "mailto:" in front.
	Product, SignIn, Support string
	// Logo is the URL of the logo, or empty.
	Logo string
	// Languages are the languages that the person can choose. It is empty where
	// there is only one.
	Languages []LanguageChoice

	// Identifier is the address, user name or number that the person typed or last
	// asked for.
	Identifier string
	// Known says that the page for a code need not ask for Identifier.
	Known bool
	// Choice says that the person chooses on the page forgot whether the mail carries
	// a link or a code, in the field "send" with the values "link" and "code". ByCode
	// says that a code is chosen or, without a Choice, that mails carry codes alone.
	Choice, ByCode bool
	// ByMail says, on the page for a code, that the code went out by mail or, if it is
	// not Known, that it may have.
	ByMail bool
	// ReadOut says that the page for a code is for one that a help desk has read out,
	// and asks for Identifier too. ReadOutURL is the path of that page, on the pages
	// that offer it, or empty.
	ReadOut    bool
	ReadOutURL string
	// Account is what the person signs in with, as [recovery.CheckProofResult] says,
	// or empty.
	Account string
	// Proof is the value of the field "proof" in the page's form.
	Proof string
	// WaitCookie is the name of the cookie that tells the script of the pages
	// reset and change-password when to send the form again.
	WaitCookie string
	// Patient is the number that the script gave the form that was sent, or
	// empty if no script waits for the answer.
	Patient string
	// Email, Phone and UserName say what the person may type to ask for a reset: an
	// address, a phone number, a user name.
	Email, Phone, UserName bool
	// SecondFactor says that the person has to enter a second factor on the page
	// reset, in the field "second-factor".
	SecondFactor bool
	// MinLength and MaxLength are the bounds of a password, in characters.
	MinLength, MaxLength int
	// CodeDigits is the number of digits of a code.
	CodeDigits int
	// EndsSessions says that a reset signs the person out on all devices, and a change
	// on all others.
	EndsSessions bool
	// Expiry is how long a link or code works: "60 minutes". It is set on the
	// pages sent and code.
	Expiry string

	// Captcha is the Widget of [Options].Captcha, and CaptchaScript its Script, on
	// the page forgot. They are empty if there is none.
	Captcha       template.HTML
	CaptchaScript string

	// Errors are the mistakes in the form's fields. The field of the first one
	// has the focus.
	Errors []FieldError
	// Alert is a message about the whole form, or empty.
	Alert string
	// Wait is how long to wait before the next try: "2 minutes". It may be
	// empty.
	Wait string
	// Detail is the Detail of a [recovery.StepUpError], or says where the pages
	// are if somebody asks for one at another path, or is empty.
	Detail string
	// StepUpURL is the answer of Options.StepUpURL, or empty.
	StepUpURL string
	// RetryURL is the path of a page where another try may help, or empty.
	RetryURL string
	// ReturnTo is the URL to which the page done offers to return, and ReturnHost
	// its host, with its port if that is not the usual one. They are empty if the
	// person came from nowhere that recovery.Options.ReturnTo lists.
	ReturnTo, ReturnHost string

	// Brand is the Name of the [Brand], or empty.
	Brand string

	// Style and Script are the contents of style.css and script.js.
	Style  template.CSS
	Script template.JS

	head       string // of the stylesheet
	translator *i18n.Translator
	url        func(path string) string
	// cameFrom is the place that links to the page forgot keep, or empty.
	cameFrom string
	// err is a sentence that failed. It keeps the page from being shown.
	err error
}

// A LanguageChoice is a language that the person can choose.
type LanguageChoice struct {
	// Name is the name of the language in that language.
	Name string
	// Lang and Dir are the language and the direction of Name.
	Lang, Dir string
	// URL is the same page in that language.
	URL string
	// Current says that the page is in that language now.
	Current bool
}

// A FieldError says what is wrong with a field of the form.
type FieldError struct{ Field, Text string }

// T returns a sentence in the page's language. The keys and their arguments are
// in the file catalog_en.go. An unknown key is an error that [New] finds.
func (d *Data) T(key string, args ...any) (string, error) {
	return d.translator.Translate(true, key, args...)
}

// Asking returns the sentence with that key about what the person may type: of
// those whose keys have the ending of Email, Phone and UserName.
func (d *Data) Asking(key string) (string, error) { return d.T(key + d.asked()) }

// asked is the ending of the keys of sentences about what the person may type.
func (d *Data) asked() string {
	switch {
	case d.UserName && !d.Email:
		return ".user"
	case d.UserName && d.Phone:
		return ".all"
	case d.UserName:
		return ".name"
	case d.Phone:
		return ".phone"
	}
	return ""
}

// URL returns the path of a page: forgot, sent, code, reset, done, not-me,
// not-me-done or change-password.
func (d *Data) URL(page string) (string, error) {
	switch path := "/" + page; path {
	case pathForgot, pathSent, pathCode, pathReset, pathDone, pathNotMe, pathNotMeDone, pathChange:
		return d.url(path), nil
	}
	return "", fmt.Errorf("there is no page %q", page)
}

// Heading returns the title of the page.
func (d *Data) Heading() (string, error) {
	if d.Invitation && d.Page == "reset" {
		return d.T("invitation.heading")
	}
	if d.Invitation && d.Page == "done" {
		return d.T("invitation.done")
	}
	if d.Page == "problem" {
		return d.T(d.Variant + ".heading")
	}
	return d.T(d.Page + ".heading")
}

// ErrorsFor returns the errors of one field.
func (d *Data) ErrorsFor(field string) []string {
	var all []string
	for _, e := range d.Errors {
		if e.Field == field {
			all = append(all, e.Text)
		}
	}
	return all
}

// Focus reports whether a field should have the focus. It is true for the field
// of the first error.
func (d *Data) Focus(field string) bool {
	return len(d.Errors) > 0 && d.Errors[0].Field == field
}

func (d *Data) fail(field, text string) {
	d.Errors = append(d.Errors, FieldError{field, text})
}

// text is T for the pages' own code. An error is a mistake in this package or
// in Options.Text, and keeps the page from being shown.
func (d *Data) text(key string, args ...any) string {
	text, err := d.T(key, args...)
	d.err = errors.Join(d.err, err)
	return text
}

// duration spells a duration in the page's language, rounded up.
func (d *Data) duration(t time.Duration) string {
	switch {
	case t < 2*time.Minute:
		return d.text("seconds", max(1, int((t+time.Second-1)/time.Second)))
	case t < 2*time.Hour:
		return d.text("minutes", int((t+time.Minute-1)/time.Minute))
	}
	return d.text("hours", int((t+time.Hour-1)/time.Hour))
}

// page returns the data that every page has, in the language for the request. A
// lead's locale may be empty.
func (p *Handler) page(r *http.Request, name, locale string) *Data {
	t := p.translator(r, locale)
	d := &Data{
		Page: name, Lang: t.Tag.String(), Dir: "ltr", Nonce: newNonce(),
		Product: p.opts.Product, SignIn: p.opts.SignIn, Support: p.opts.Support,
		Email: p.opts.EmailField != "", Phone: p.opts.PhoneField != "", UserName: p.opts.UserNameField != "",
		MinLength: p.settings.PasswordPolicy.MinLength(), MaxLength: p.settings.PasswordPolicy.MaxLength(),
		CodeDigits: p.settings.CodeDigits, EndsSessions: p.settings.EndsSessions, Logo: p.logo, head: p.head, translator: t,
		Brand: p.brand,
	}
	d.url = func(path string) string {
		if path == pathForgot {
			path = withReturnTo(path, d.cameFrom)
		}
		return p.url(r, path)
	}
	if t.RightToLeft {
		d.Dir = "rtl"
	}
	if strings.Contains(d.Support, "@") && !strings.Contains(d.Support, "://") {
		d.Support = "mailto:" + d.Support
	}
	switch name {
	case "forgot":
		d.Captcha, d.CaptchaScript = p.opts.Captcha.Widget, p.opts.Captcha.Script
		d.cameFrom = p.returnTo(r)
		d.Choice = p.settings.MailCodes == recovery.MailCodesOnRequest
		d.ByCode = p.settings.MailCodes == recovery.MailCodesOnly
		d.ReadOutURL = p.readOutURL(r)
	case "sent":
		d.Expiry = d.duration(p.settings.LinkTTL)
	case "code":
		d.Expiry = d.duration(p.settings.CodeTTL)
		d.ByMail = p.mailsCodes()
	}
	d.Languages = p.languageChoices(r, d)
	return d
}

// languageChoices returns the languages that the person can choose. The answer
// to a form has no URL of its own, so its languages lead to the page with the
// form. Those of a problem or an invalid link lead to the first page.
func (p *Handler) languageChoices(r *http.Request, d *Data) []LanguageChoice {
	if len(p.translators) < 2 {
		return nil
	}
	path := strings.TrimPrefix(r.URL.Path, p.base)
	if d.Page == "problem" || d.Page == "invalid-link" {
		path = pathForgot
	}
	keep := ""
	if path == pathForgot && d.cameFrom != "" {
		keep = "&" + returnToParam + "=" + url.QueryEscape(d.cameFrom)
	}
	if d.ReadOut {
		keep = "&" + readOutParam + "=1"
	}
	var all []LanguageChoice
	for _, l := range p.translators {
		c := LanguageChoice{Name: ownName(l.File), Lang: l.Tag.String(), Dir: "ltr", Current: l.Tag == d.translator.Tag}
		if l.RightToLeft {
			c.Dir = "rtl"
		}
		c.URL = p.base + path + "?lang=" + l.File + keep
		all = append(all, c)
	}
	return all
}

// render writes a page. If the page fails to render, it writes the page for a
// failure instead. It never writes half of a page.
func (p *Handler) render(w http.ResponseWriter, r *http.Request, status int, d *Data) {
	var b bytes.Buffer
	err := p.templates.execute(&b, d)
	if err != nil {
		p.log.ErrorContext(r.Context(), "portal: a page was not rendered", "page", d.Page, "error", err)
		// The host's templates are not used, because one of them may have
		// failed.
		status, b = http.StatusInternalServerError, bytes.Buffer{}
		if err := p.templates.executeBuiltin(&b, d); err != nil {
			http.Error(w, http.StatusText(status), status)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", p.pagePolicy(d))
	h.Set("Referrer-Policy", p.referrerPolicy(r, d))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", d.Lang)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = b.WriteTo(w) // whoever does not get the page loads it again
	}
}
