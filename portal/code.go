package portal

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/seed-51359b35/recovery"
)

func (p *Handler) showCode(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, p.codePage(r))
}

// codePage is the form for a code, with the number that it was sent to if this
// browser asked for it.
func (p *Handler) codePage(r *http.Request) *Data {
	d := p.page(r, "code", "")
	var last lastRequest
	if p.requestCookie.load(r, &last) && last.Code {
		d.Identifier, d.Known = last.Identifier, true
		d.Proof = p.formDigest("code", last.Identifier)
	}
	return d
}

func (p *Handler) code(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	d := p.codePage(r)
	if d.Known && form.Has("proof") && !p.isFormFor(form.Get("proof"), "code", d.Identifier) {
		// A code was asked for by another number since: this one is not tried
		// there.
		p.render(w, r, http.StatusConflict, d)
		return
	}
	if !d.Known {
		d.Identifier = trim(form.Get("identifier"))
	}
	key := recovery.LeadKey{Field: p.opts.PhoneField, Value: latinDigits(d.Identifier)}
	code := cleanCode(form.Get("code"))
	if len(code) != p.settings.CodeDigits {
		d.fail("code", d.text("code.malformed", p.settings.CodeDigits))
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	h := storedProof{Field: key.Field, Value: key.Value, Code: code}
	found, err := p.service.CheckProof(r.Context(), recovery.CheckRequest{Proof: h.proof(), Requester: p.requester(r)})
	if err != nil {
		p.answerError(w, r, err, errorAnswers{
			page: d,
			invalidProof: func() {
				d.fail("code", d.text("code.invalid"))
				p.render(w, r, http.StatusUnprocessableEntity, d)
			},
			invalidRequest: func() {
				d.Known = false
				d.fail("identifier", d.text("code.phone.invalid"))
				p.render(w, r, http.StatusUnprocessableEntity, d)
			},
		})
		return
	}
	h.Account, h.Locale = found.Account, found.Locale
	if err := p.saveProof(w, h, found); err != nil {
		p.fail(w, r, err)
		return
	}
	p.redirect(w, r, pathReset)
}

// cleanCode drops what people type between the digits. What has anything else
// in it is no code, and empty.
func cleanCode(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Pd) {
			return -1
		}
		return r
	}, latinDigits(s))
	if strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}
