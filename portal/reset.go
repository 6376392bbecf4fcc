package portal

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// fromLink reads the proof that a link carries, in any of the forms that this
// library and its wires make. It is false where there is none.
func (p *Handler) fromLink(q url.Values) (storedProof, bool) {
	for _, names := range [][2]string{{p.resetLink.LeadIDParam, p.resetLink.SecretParam}, {"LeadId", "TemporaryPassword"}} {
		if names[0] != "" && (q.Has(names[0]) || q.Has(names[1])) {
			return storedProof{LeadID: singleParam(q, names[0], 256), Secret: singleParam(q, names[1], 64)}, true
		}
	}
	for _, name := range []string{p.resetLink.TokenParam, "vtoken", "token"} {
		if name == "" || !q.Has(name) {
			continue
		}
		if q.Has("vtype") && singleParam(q, "vtype", 64) != "reset" {
			return storedProof{}, true // a token for something else
		}
		return storedProof{Sealed: singleParam(q, name, 1024)}, true
	}
	return storedProof{}, false
}

// one is the value of a parameter: of two, neither, and none that cannot be a
// token or an ID and might not fit the cookie.
func singleParam(q url.Values, name string, most int) string {
	if len(q[name]) != 1 {
		return ""
	}
	s := q.Get(name)
	if len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return s
}

// showReset takes the token out of the URL at once: it would stand in the
// history, in logs and on the screen (A03). Nothing is asked of the Service
// before the clean page is shown, and nothing is consumed then either, because
// mail scanners open every link before the person does (A04).
func (p *Handler) showReset(w http.ResponseWriter, r *http.Request) {
	if h, ok := p.fromLink(r.URL.Query()); ok {
		// A broken one is kept as well: the page then says so, instead of showing
		// the link that was opened before.
		if err := p.linkCookie.save(w, h, p.settings.LinkTTL); err != nil {
			p.fail(w, r, err)
			return
		}
		p.redirect(w, r, pathReset)
		return
	}
	if r.Method == http.MethodHead {
		p.render(w, r, http.StatusOK, p.page(r, "reset", ""))
		return
	}
	var h storedProof
	if p.linkCookie.load(r, &h) {
		// It takes the place of the one before it once it was found valid, so
		// that no stray or forged link costs the person a good one.
		p.showStoredProof(w, r, h, p.linkCookie)
		return
	}
	if !p.proofCookie.load(r, &h) {
		p.invalidLink(w, r, "no_link")
		return
	}
	p.showStoredProof(w, r, h, p.proofCookie)
}

// showHeld checks the proof that a jar holds, and shows the form for the new
// password.
func (p *Handler) showStoredProof(w http.ResponseWriter, r *http.Request, h storedProof, from *sealedCookie) {
	found, err := p.service.CheckProof(r.Context(), recovery.CheckRequest{Proof: h.proof(), Requester: p.requester(r)})
	if err != nil {
		p.answerProofError(w, r, err, p.problemPage(r, h), from)
		return
	}
	h.Account, h.Locale = found.Account, found.Locale
	if err := p.saveProof(w, h, found); err != nil {
		p.fail(w, r, err)
		return
	}
	if from != p.proofCookie {
		from.clear(w)
	}
	p.render(w, r, http.StatusOK, p.resetPage(r, h))
}

// showOther answers a form that is not about the proof which the browser holds
// now: another link was opened since, and its account is not the one that the
// person was looking at. Nothing but a page that says so may carry the other
// proof, or a second click would do what the first must not.
func (p *Handler) showOther(w http.ResponseWriter, r *http.Request, h storedProof) {
	found, err := p.service.CheckProof(r.Context(), recovery.CheckRequest{Proof: h.proof(), Requester: p.requester(r)})
	if err != nil {
		p.answerProofError(w, r, err, p.problemPage(r, h), p.proofCookie)
		return
	}
	h.Account, h.Locale = found.Account, found.Locale
	d := p.resetPage(r, h)
	if d.Account != "" {
		d.Alert = d.text("reset.other", d.Account)
	} else {
		d.Alert = d.text("reset.other.anonymous")
	}
	p.render(w, r, http.StatusConflict, d)
}

// hold keeps a proof that was found valid for as long as it is.
func (p *Handler) saveProof(w http.ResponseWriter, h storedProof, found recovery.CheckResult) error {
	return p.proofCookie.save(w, h, time.Until(found.Expires))
}

func (p *Handler) resetPage(r *http.Request, h storedProof) *Data {
	d := p.page(r, "reset", h.Locale)
	d.Account, d.Proof = h.Account, p.formDigest(h.parts()...)
	return d
}

// problemPage is where there is no form to show again.
func (p *Handler) problemPage(r *http.Request, h storedProof) *Data {
	return p.page(r, "problem", h.Locale)
}

func (p *Handler) reset(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	var h storedProof
	if !p.proofCookie.load(r, &h) {
		p.invalidLink(w, r, "no_link")
		return
	}
	if !p.isFormFor(form.Get("proof"), h.parts()...) {
		p.showOther(w, r, h)
		return
	}
	d := p.resetPage(r, h)
	again, twice := form["again"]
	switch {
	case form.Get("password") == "":
		d.fail("password", d.text("refused.empty"))
	case twice && again[0] != form.Get("password"):
		d.fail("password", d.text("refused.differ"))
	}
	if len(d.Errors) > 0 {
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	_, err := p.service.ResetPassword(r.Context(), recovery.ResetRequest{
		Proof: h.proof(), Password: recovery.NewSecret(form.Get("password")), Requester: p.requester(r),
	})
	if err != nil {
		p.answerProofError(w, r, err, d, p.proofCookie)
		return
	}
	p.proofCookie.clear(w)
	p.requestCookie.clear(w)
	next := pathDone
	if p.chosenLanguage(r) == "" && h.Locale != "" {
		next += "?lang=" + p.translator(r, h.Locale).File
	}
	p.redirectToOutcome(w, r, next, outcome{Done: true})
}

// answerProofError answers an error of CheckProof or ResetPassword for a proof
// that a cookie holds. Where another try may help, the person sees d again.
func (p *Handler) answerProofError(w http.ResponseWriter, r *http.Request, err error, d *Data, from *sealedCookie) {
	invalid := func() {
		from.clear(w)
		p.invalidLink(w, r, "")
	}
	p.answerError(w, r, err, errorAnswers{page: d, invalidProof: invalid, invalidRequest: invalid})
}

// invalidLink says that a link no longer works. The words fit every reason, and
// the page does not say which one it was (A20).
func (p *Handler) invalidLink(w http.ResponseWriter, r *http.Request, variant string) {
	d := p.page(r, "invalid-link", "")
	d.Variant = variant
	p.render(w, r, http.StatusBadRequest, d)
}

func (p *Handler) showDone(w http.ResponseWriter, r *http.Request) {
	var o outcome
	if !p.outcomeCookie.load(r, &o) || !o.Done {
		p.redirect(w, r, pathForgot)
		return
	}
	p.render(w, r, http.StatusOK, p.page(r, "done", ""))
}
