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

// A request is what was last asked for in this browser, for the pages that
// follow.
type lastRequest struct {
	Identifier string `json:"i,omitempty"`
	Code       bool   `json:"c,omitempty"`
}

func (p *Handler) showForgot(w http.ResponseWriter, r *http.Request) {
	var last lastRequest
	p.requestCookie.load(r, &last)
	d := p.page(r, "forgot", "")
	d.Identifier = last.Identifier
	p.render(w, r, http.StatusOK, d)
}

func (p *Handler) forgot(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	req := recovery.ForgotRequest{Requester: p.requester(r)}
	typed := trim(form.Get("identifier"))
	req.Key = p.key(typed)
	if req.Code = req.Key.Field == p.opts.PhoneField; req.Code {
		req.RecipientField = p.opts.PhoneField
	}
	_, err := p.service.ForgotPassword(r.Context(), req)
	if err != nil {
		d := p.page(r, "forgot", "")
		d.Identifier = typed
		p.answerError(w, r, err, errorAnswers{page: d, invalidRequest: func() {
			key := "forgot.invalid"
			if p.opts.PhoneField != "" {
				key += ".phone"
			}
			d.fail("identifier", d.text(key))
			p.render(w, r, http.StatusUnprocessableEntity, d)
		}})
		return
	}
	next := pathSent
	if req.Code {
		next = pathCode
	}
	if err := p.requestCookie.save(w, lastRequest{typed, req.Code}, session); err != nil {
		p.fail(w, r, err)
		return
	}
	p.redirect(w, r, next)
}

// key reads what a person typed: an address has an "@", and a phone number has
// none.
func (p *Handler) key(typed string) recovery.LeadKey {
	if p.opts.PhoneField == "" || strings.Contains(typed, "@") {
		return recovery.LeadKey{Field: p.opts.EmailField, Value: typed}
	}
	return recovery.LeadKey{Field: p.opts.PhoneField, Value: latinDigits(typed)}
}

func (p *Handler) showSent(w http.ResponseWriter, r *http.Request) {
	var last lastRequest
	p.requestCookie.load(r, &last)
	d := p.page(r, "sent", "")
	if !last.Code {
		d.Identifier = last.Identifier
	}
	p.render(w, r, http.StatusOK, d)
}

// form reads the fields of a form, or answers. What stands in the query is not
// part of it, and of two values with one name neither counts.
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

// trim drops what comes with an identifier that is copied: white space and what
// is not seen, at either end.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// latinDigits has the digits of other keyboards read as 0 to 9.
func latinDigits(s string) string {
	return strings.Map(func(r rune) rune {
		for _, zero := range []rune{'\u0660', '\u06f0', '\u0966', '\uff10'} {
			if r >= zero && r < zero+10 {
				return '0' + r - zero
			}
		}
		if r == '\uff0b' {
			return '+'
		}
		return r
	}, s)
}
