package portal

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/httpapi"
)

// A lastRequest says what this browser last asked for. The next pages show it.
// The JSON names never change: browsers hold them.
type lastRequest struct {
	Identifier string `json:"i,omitempty"`
	Code       bool   `json:"c,omitempty"`
	ReturnTo   string `json:"r,omitempty"` // where the person came from
	// Handle is what the last code works with: see [recovery.Proof.WithHandle]. It stays
	// in this cookie, so a code works in this browser alone. If Code is not set, a link
	// was asked for since.
	Handle string `json:"h,omitempty"`
}

// mailsCodes reports whether codes go out by mail.
func (p *Handler) mailsCodes() bool { return p.settings.MailCodes != recovery.MailCodesNever }

func (p *Handler) showForgot(w http.ResponseWriter, r *http.Request) {
	var last lastRequest
	p.requestCookie.load(r, &last)
	d := p.page(r, "forgot", "")
	d.Identifier = last.Identifier
	if d.Choice {
		d.ByCode = last.Code && p.key(last.Identifier).Field != p.opts.PhoneField
	}
	p.render(w, r, http.StatusOK, d)
}

func (p *Handler) forgot(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	req := recovery.ForgotRequest{Requester: p.requester(r), ReturnTo: p.returnTo(r), Brand: p.brand}
	typed := trim(form.Get("identifier"))
	req.Key = p.key(typed)
	d := p.page(r, "forgot", "")
	if d.Identifier = typed; d.Choice {
		d.ByCode = form.Get("send") == "code"
	}
	if req.Key.Field == p.opts.PhoneField {
		req.Code, req.RecipientField = true, p.opts.PhoneField
	} else {
		req.Code = d.ByCode
	}
	if req.Code {
		if err := p.handleFor(r, typed, &req); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	req.Captcha = p.captcha(form)
	result, err := p.service.ForgotPassword(r.Context(), req)
	if err != nil {
		p.answerError(w, r, err, errorAnswers{page: d, invalidRequest: func() {
			d.fail("identifier", d.text("forgot.invalid"+d.asked()))
			p.render(w, r, http.StatusUnprocessableEntity, d)
		}})
		return
	}
	next := pathSent
	if req.Code {
		next = pathCode
	}
	asked := lastRequest{typed, req.Code, req.ReturnTo, result.Handle}
	if !req.Code {
		// The code that was asked for in another tab still works.
		var last lastRequest
		p.requestCookie.load(r, &last)
		asked.Handle = last.Handle
	}
	if err := p.requestCookie.save(w, asked, session); err != nil {
		p.fail(w, r, err)
		return
	}
	p.redirect(w, r, next)
}

// handleFor sets the handle of a request for a code: that of the last one, if this
// browser has asked for the same person, so that the new code replaces its own, and
// otherwise a new one. So nobody else can replace this code, or spoil it by guesses
// (A100).
func (p *Handler) handleFor(r *http.Request, typed string, req *recovery.ForgotRequest) (err error) {
	if req.Handle = p.handleOf(r, typed); req.Handle == "" {
		req.Handle, err = p.service.NewHandle()
	}
	return err
}

// handleOf returns the handle of the code for which this browser has asked with what
// was typed, or empty.
func (p *Handler) handleOf(r *http.Request, typed string) string {
	var last lastRequest
	if p.requestCookie.load(r, &last) && last.Code && last.Identifier == typed {
		return last.Handle
	}
	return ""
}

// key returns the key for the text that a person typed. A text with an "@" is
// an address. Any other text is a phone number if it begins with a '+' or if the
// pages take no user names. Without the '+', nobody can tell a phone number from a
// user name of digits.
func (p *Handler) key(typed string) recovery.LeadKey {
	o := &p.opts
	switch {
	case o.EmailField != "" && (strings.Contains(typed, "@") || o.PhoneField == "" && o.UserNameField == ""):
		return recovery.LeadKey{Field: o.EmailField, Value: typed}
	case o.PhoneField != "" && (o.UserNameField == "" || isInternational(typed)):
		return recovery.LeadKey{Field: o.PhoneField, Value: p.phone(typed)}
	}
	return recovery.LeadKey{Field: o.UserNameField, Value: typed}
}

func (p *Handler) showSent(w http.ResponseWriter, r *http.Request) {
	var last lastRequest
	p.requestCookie.load(r, &last)
	d := p.page(r, "sent", "")
	p.keep(r, d, last.ReturnTo)
	if !last.Code {
		d.Identifier = last.Identifier
	}
	p.render(w, r, http.StatusOK, d)
}

// form reads the fields of a form. If it returns false, it has answered the
// request. The query is not part of the form. A form with two values of one
// name is refused.
func (p *Handler) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		p.problem(w, r, http.StatusUnsupportedMediaType, "invalid")
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, httpapi.MaxBody)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		if httpapi.IsTooSlow(err) {
			status = http.StatusRequestTimeout
			w.Header().Set("Connection", "close")
		}
		p.problem(w, r, status, "invalid")
		return nil, false
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			p.problem(w, r, http.StatusBadRequest, "invalid")
			return nil, false
		}
	}
	return r.PostForm, true
}

// trim removes white space and invisible characters at both ends. A copied
// address or number often has some.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}
