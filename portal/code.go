package portal

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/readout"
)

func (p *Handler) showCode(w http.ResponseWriter, r *http.Request) {
	d, _ := p.codePage(r, r.URL.Query().Has(readOutParam))
	p.render(w, r, http.StatusOK, d)
}

// codePage returns the form for a code, and the handle that the code works with. If
// this browser asked for the code, the form has the address or number that it was
// asked for with.
//
// With readOut, the person has come for the code of a help desk instead. Whatever
// this browser asked for is no part of that form.
func (p *Handler) codePage(r *http.Request, readOut bool) (d *Data, handle string) {
	d = p.page(r, "code", "")
	var last lastRequest
	known := p.requestCookie.load(r, &last)
	d.ReadOut = p.opts.ReadOutCodes && (readOut || !known || !last.Code)
	p.keep(r, d, last.ReturnTo)
	if d.ReadOut {
		return d, ""
	}
	d.ReadOutURL = p.readOutURL(r)
	if known && last.Code {
		d.Identifier, d.Known = last.Identifier, true
		d.ByMail = p.key(last.Identifier).Field != p.opts.PhoneField
		d.Proof = p.formDigest("code", last.Identifier)
	}
	return d, last.Handle
}

// codeKey returns the key for what the person typed on the page for a code. Without
// codes by mail or a help desk, nobody types anything but a phone number there.
func (p *Handler) codeKey(d *Data) recovery.LeadKey {
	if d.ByMail || d.ReadOut {
		return p.key(d.Identifier)
	}
	return recovery.LeadKey{Field: p.opts.PhoneField, Value: p.phone(d.Identifier)}
}

func (p *Handler) code(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	// Of the two forms, only that for the code of a help desk has this field where
	// the browser has asked for a code.
	d, handle := p.codePage(r, form.Has("identifier"))
	if d.Known && form.Has("proof") && !p.isFormFor(form.Get("proof"), "code", d.Identifier) {
		// The person has asked for a code for another number since. The code in
		// this form is not tried for that number.
		p.render(w, r, http.StatusConflict, d)
		return
	}
	if !d.Known {
		d.Identifier = trim(form.Get("identifier"))
	}
	if d.ReadOut {
		handle = p.handleOf(r, d.Identifier)
	}
	key := p.codeKey(d)
	code, wrong := p.typedCode(d, form.Get("code"))
	if wrong != "" {
		d.fail("code", wrong)
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	stored := storedProof{Field: key.Field, Value: key.Value, Code: code, Handle: handle, ReturnTo: d.cameFrom}
	found, err := p.service.CheckProof(r.Context(), recovery.CheckProofRequest{Proof: stored.proof(), Requester: p.requester(r), Brand: p.brand})
	if err != nil {
		p.answerError(w, r, err, errorAnswers{
			page: d,
			invalidProof: func() {
				d.fail("code", d.text("code.invalid"))
				p.render(w, r, http.StatusUnprocessableEntity, d)
			},
			invalidRequest: func() {
				d.Known = false
				if d.ByMail || d.ReadOut {
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

// typedCode returns the code that a person typed, or what is wrong with it. Both forms
// take the codes of messages and those of a help desk.
func (p *Handler) typedCode(d *Data, typed string) (code, wrong string) {
	if code, ok := readout.Parse(latinDigits(typed)); ok {
		return code, ""
	}
	code = cleanCode(typed)
	switch {
	case len(code) == p.settings.CodeDigits:
		return code, ""
	case d.ReadOut:
		return "", d.text("code.malformed.read-out")
	}
	return "", d.text("code.malformed", p.settings.CodeDigits)
}

// readOutParam asks for the form for the code of a help desk.
const readOutParam = "read-out"

// readOutURL returns the path of the form for the code of a help desk, or empty.
func (p *Handler) readOutURL(r *http.Request) string {
	if !p.opts.ReadOutCodes {
		return ""
	}
	return p.url(r, pathCode+"?"+readOutParam+"=1")
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
