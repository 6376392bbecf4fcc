package portal

import (
	"errors"
	"net/http"
	"slices"

	"github.com/seed-51359b35/recovery"
)

// wellKnown returns the page to which /.well-known/change-password leads: that for a
// change, if somebody is signed in. While the sessions of the host cannot be read,
// that page says so.
func (p *Handler) wellKnown(r *http.Request) string {
	if p.settings.Change {
		if _, err := p.service.SignedIn(r); !errors.Is(err, recovery.ErrNotSignedIn) {
			return pathChange
		}
	}
	return withReturnTo(pathForgot, p.returnTo(r))
}

// showChange shows the form to whoever is signed in.
func (p *Handler) showChange(w http.ResponseWriter, r *http.Request) {
	lead, err := p.service.SignedIn(r)
	if err != nil {
		p.answerError(w, r, err, errorAnswers{page: p.page(r, "problem", "")})
		return
	}
	p.render(w, r, http.StatusOK, p.changePage(r, lead))
}

func (p *Handler) changePage(r *http.Request, lead recovery.SignedInLead) *Data {
	d := p.page(r, "change-password", lead.Locale)
	d.SecondFactor = lead.SecondFactor
	d.Account, d.Proof, d.WaitCookie = lead.Account, p.formDigest("change", lead.ID), p.waitCookie
	return d
}

// change changes the password of whoever is signed in. The form names the account for
// which it was shown. If another one was signed in to since, in another tab, nothing
// is changed, because the person was looking at the first one.
func (p *Handler) change(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	lead, err := p.service.SignedIn(r)
	if err != nil {
		p.answerError(w, r, err, errorAnswers{page: p.page(r, "problem", "")})
		return
	}
	d := p.changePage(r, lead)
	if !p.isFormFor(form.Get("proof"), "change", lead.ID) {
		d.Alert = d.text("change-password.other")
		p.render(w, r, http.StatusConflict, d)
		return
	}
	if form.Get("current") == "" {
		d.fail("current", d.text("change-password.empty"))
	}
	d.readPassword(form)
	factor := d.readFactor(form, lead.SecondFactor)
	if len(d.Errors) > 0 {
		d.currentAgain()
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	result, err := p.service.ChangeSignedIn(w, r, recovery.ChangeRequest{
		Current: recovery.NewSecret(form.Get("current")), Password: recovery.NewSecret(form.Get("password")),
		SecondFactor: recovery.NewSecret(factor), Requester: p.requester(r), Brand: p.brand,
	})
	if isAboutFactor(err) {
		d.currentAgain()
		d.fail("password", d.text("factor.again"))
		p.answerSecondFactor(w, r, d, factor)
		return
	}
	if recovery.ErrorCodeOf(err) == recovery.ErrorCodePasswordPolicy {
		d.currentAgain()
	}
	if err != nil {
		p.answerError(w, r, err, errorAnswers{page: d})
		return
	}
	p.finish(w, r, result.Reset, lead.Locale, outcome{Done: true, SignedIn: result.SessionKept && p.settings.EndsSessions})
}

// currentAgain asks for the current password again, because no page repeats one. Its
// field is the first to be filled, and gets the focus.
func (d *Data) currentAgain() {
	if len(d.ErrorsFor("current")) == 0 {
		d.Errors = slices.Insert(d.Errors, 0, FieldError{"current", d.text("change-password.empty")})
	}
}

// changeSamples are the page change-password as a person may see it.
func (p *Handler) changeSamples() []sample {
	return []sample{
		{"change-password", "", func(d *Data) { d.Proof, d.Account = "proof", "name@example.com" }},
		{"change-password", "", func(d *Data) { d.Proof, d.Alert = "proof", d.text("change-password.other") }},
		{"change-password", "", func(d *Data) {
			d.Proof, d.EndsSessions = "proof", false
			d.fail("current", d.text("change-password.empty"))
			d.fail("current", d.text("change-password.wrong"))
			d.fail("password", d.text("refused.empty"))
		}},
		{"done", "changed", nil},
	}
}
