package portal

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// fromLink reads the proof that a link carries, in any of the forms that this
// library and its wires make. It is false where there is none.
func fromLink(q url.Values) (held, bool) {
	one := func(name string) string {
		if len(q[name]) != 1 {
			return "" // of two, neither
		}
		return q.Get(name)
	}
	h := held{LeadID: one("LeadId"), Secret: one("TemporaryPassword")}
	switch {
	case q.Has("LeadId") || q.Has("TemporaryPassword"):
	case q.Has("vtoken"):
		h = held{}
		if vtype := one("vtype"); vtype == "reset" || !q.Has("vtype") {
			h.Sealed = one("vtoken")
		}
	case q.Has("token"):
		h = held{Sealed: one("token")}
	default:
		return held{}, false
	}
	// What is too long for a token is too long for the cookie.
	if len(h.LeadID) > 512 || len(h.Secret) > 64 || len(h.Sealed) > 1024 {
		h = held{}
	}
	return h, true
}

// showReset takes the token out of the URL at once: it would stand in the
// history, in logs and on the screen (A03). Nothing is asked of the Service
// before the clean page is shown, and nothing is consumed then either, because
// mail scanners open every link before the person does (A04).
func (p *Portal) showReset(w http.ResponseWriter, r *http.Request) {
	if h, ok := fromLink(r.URL.Query()); ok {
		// A broken one is kept as well: the page then says so, instead of showing
		// the link that was opened before.
		if err := p.proofs.put(w, h, shortly); err != nil {
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
	var h held
	if !p.proofs.take(r, &h) {
		p.dead(w, r)
		return
	}
	p.showHeld(w, r, h, http.StatusOK, nil)
}

// showHeld checks the proof and shows the form for the new password.
func (p *Portal) showHeld(w http.ResponseWriter, r *http.Request, h held, status int, edit func(d *Data)) {
	found, err := p.service.CheckProof(r.Context(), recovery.CheckRequest{Proof: h.proof(), Origin: p.origin(r)})
	if err != nil {
		p.refused(w, r, h, err)
		return
	}
	h.Account, h.Locale = found.Account, found.Locale
	if err := p.hold(w, h, found); err != nil {
		p.fail(w, r, err)
		return
	}
	d := p.resetPage(r, h)
	if edit != nil {
		edit(d)
	}
	p.render(w, r, status, d)
}

// hold keeps a proof that was found valid for as long as it is.
func (p *Portal) hold(w http.ResponseWriter, h held, found recovery.CheckResult) error {
	return p.proofs.put(w, h, time.Until(found.Expires))
}

func (p *Portal) resetPage(r *http.Request, h held) *Data {
	d := p.page(r, "reset", h.Locale)
	d.Account, d.Proof = h.Account, p.name(h)
	return d
}

func (p *Portal) reset(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	var h held
	if !p.proofs.take(r, &h) {
		p.dead(w, r)
		return
	}
	if subtle.ConstantTimeCompare([]byte(form.Get("proof")), []byte(p.name(h))) != 1 {
		// Another link has taken the cookie since this form was shown: its
		// account is not the one that the person was looking at.
		p.showHeld(w, r, h, http.StatusConflict, func(d *Data) {
			if d.Account != "" {
				d.Alert = d.say("reset.other", d.Account)
			} else {
				d.Alert = d.say("reset.other.anonymous")
			}
		})
		return
	}
	d := p.resetPage(r, h)
	again, twice := form["again"]
	switch {
	case form.Get("password") == "":
		d.fail("password", d.say("refused.empty"))
	case twice && again[0] != "" && again[0] != form.Get("password"):
		d.fail("password", d.say("refused.differ"))
	}
	if len(d.Errors) > 0 {
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	_, err := p.service.ResetPassword(r.Context(), recovery.ResetRequest{
		Proof: h.proof(), Password: recovery.NewSecret(form.Get("password")), Origin: p.origin(r),
	})
	if policy, ok := errors.AsType[*password.PolicyError](err); ok {
		// The link still works, so the person just chooses another one.
		for _, v := range policy.Violations {
			d.fail("password", refusal(d, v))
		}
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	if err != nil {
		p.refused(w, r, h, err)
		return
	}
	p.proofs.drop(w)
	p.asked.drop(w)
	next := pathDone
	if p.chosen(r) == "" && h.Locale != "" {
		next += "?lang=" + p.voice(r, h.Locale).File
	}
	p.redirect(w, r, next)
}

// refusal says why a password is not accepted.
func refusal(d *Data, v password.Violation) string {
	switch v.Rule {
	case password.RuleTooShort:
		return d.say("refused.too_short", v.Min)
	case password.RuleTooLong:
		if v.Max == 0 {
			return d.say("refused.too_large")
		}
		return d.say("refused.too_long", v.Max)
	case password.RuleEncoding, password.RuleCommon, password.RuleContext,
		password.RuleIdentifier, password.RuleBreached, password.RuleReused:
		return d.say("refused." + string(v.Rule))
	}
	return d.say("refused.other")
}

// refused answers with what a person can do about an error of CheckProof or
// ResetPassword. Where the same form can be sent again, it is shown.
func (p *Portal) refused(w http.ResponseWriter, r *http.Request, h held, err error) {
	_, invalid := errors.AsType[*recovery.InvalidRequestError](err)
	stepUp, needed := errors.AsType[*recovery.StepUpError](err)
	switch {
	case errors.Is(err, recovery.ErrInvalidProof), invalid:
		p.proofs.drop(w)
		p.dead(w, r)
	case errors.Is(err, recovery.ErrOutcomeUnknown):
		p.log.ErrorContext(r.Context(), "portal: the outcome of a reset is unknown", "error", err)
		p.proofs.drop(w)
		p.problem(w, r, http.StatusInternalServerError, "unknown")
	case needed && p.opts.StepUp != nil:
		p.opts.StepUp(w, r, stepUp)
	case errors.Is(err, recovery.ErrStepUpRequired):
		d := p.page(r, "problem", h.Locale)
		d.About = "stepup"
		if needed {
			d.Detail = stepUp.Detail
		}
		p.render(w, r, http.StatusForbidden, d)
	case h.Account == "" && r.Method != http.MethodPost:
		p.retry(w, r, p.page(r, "problem", h.Locale), err)
	default:
		p.retry(w, r, p.resetPage(r, h), err)
	}
}

// dead says that a link works no longer, in the words that fit them all: it is
// not said which of them it was (A20).
func (p *Portal) dead(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusBadRequest, p.page(r, "dead", ""))
}

func (p *Portal) showDone(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, p.page(r, "done", ""))
}
