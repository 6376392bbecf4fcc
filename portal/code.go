package portal

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/seed-51359b35/recovery"
)

func (p *Handler) showCode(w http.ResponseWriter, r *http.Request) {
	d, _ := p.codePage(r)
	p.render(w, r, http.StatusOK, d)
}

// codePage returns the form for a code, and the handle that the code works with. If
// this browser asked for the code, the form has the address or number that it was
// asked for with.
func (p *Handler) codePage(r *http.Request) (d *Data, handle string) {
	d = p.page(r, "code", "")
	var last lastRequest
	known := p.requestCookie.load(r, &last)
	p.keep(r, d, last.ReturnTo)
	if known && last.Code {
		d.Identifier, d.Known = last.Identifier, true
		d.ByMail = p.key(last.Identifier).Field != p.opts.PhoneField
		d.Proof = p.formDigest("code", last.Identifier)
	}
	return d, last.Handle
}

// codeKey returns the key for what the person typed on the page for a code. Without
// codes by mail, nobody types anything but a phone number there.
func (p *Handler) codeKey(d *Data) recovery.LeadKey {
	if d.ByMail {
		return p.key(d.Identifier)
	}
	return recovery.LeadKey{Field: p.opts.PhoneField, Value: latinDigits(d.Identifier)}
}

func (p *Handler) code(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	d, handle := p.codePage(r)
	if d.Known && form.Has("proof") && !p.isFormFor(form.Get("proof"), "code", d.Identifier) {
		// The person has asked for a code for another number since. The code in
		// this form is not tried for that number.
		p.render(w, r, http.StatusConflict, d)
		return
	}
	if !d.Known {
		d.Identifier = trim(form.Get("identifier"))
	}
	key := p.codeKey(d)
	code := cleanCode(form.Get("code"))
	if len(code) != p.settings.CodeDigits {
		d.fail("code", d.text("code.malformed", p.settings.CodeDigits))
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	stored := storedProof{Field: key.Field, Value: key.Value, Code: code, Handle: handle, ReturnTo: d.cameFrom}
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
				if d.ByMail {
					d.fail("identifier", d.text("forgot.invalid"+d.asked()))
				} else {
					d.fail("identifier", d.text("code.phone.invalid"))
				}
				p.render(w, r, http.StatusUnprocessableEntity, d)
			},
		})
		return
	}
	stored.keep(found)
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
