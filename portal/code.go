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

// codePage returns the form for a code. If this browser asked for the code, the
// form has the number that it was sent to.
func (p *Handler) codePage(r *http.Request) *Data {
	d := p.page(r, "code", "")
	var last lastRequest
	known := p.requestCookie.load(r, &last)
	p.keep(r, d, last.ReturnTo)
	if known && last.Code {
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
		// The person has asked for a code for another number since. The code in
		// this form is not tried for that number.
		p.render(w, r, http.StatusConflict, d)
		return
	}
	if !d.Known {
		d.Identifier = trim(form.Get("identifier"))
	}
	key := recovery.LeadKey{Field: p.opts.PhoneField, Value: p.phone(d.Identifier)}
	code := cleanCode(form.Get("code"))
	if len(code) != p.settings.CodeDigits {
		d.fail("code", d.text("code.malformed", p.settings.CodeDigits))
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	stored := storedProof{Field: key.Field, Value: key.Value, Code: code, ReturnTo: d.cameFrom}
	found, err := p.service.CheckProof(r.Context(), recovery.CheckProofRequest{Proof: stored.proof(), Requester: p.requester(r)})
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
	stored.Account, stored.Locale = found.Account, found.Locale
	if err := p.saveProof(w, stored); err != nil {
		p.fail(w, r, err)
		return
	}
	p.redirect(w, r, pathReset)
}

// cleanCode removes spaces and dashes, which people type between the digits. It
// returns the empty text if anything but digits is left.
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
