package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/ascii"
)

// fromLink reads the proof that a link carries. It knows all forms of links
// that the Service and its wires make, by the names that they are configured
// with. It returns false if the query has no proof.
//
// A link with both of its names is looked for first, because one of the names
// may also be that of another form.
func (p *Handler) fromLink(q url.Values) (storedProof, bool) {
	if len(q) == 0 {
		return storedProof{}, false
	}
	pairs, tokens := p.linkNames()
	split := func(found func(names [2]string) bool) (storedProof, bool) {
		for _, names := range pairs {
			if found(names) {
				return storedProof{LeadID: singleParam(q, names[0], 256), Secret: strings.ToLower(tokenParam(q, names[1], 64))}, true
			}
		}
		return storedProof{}, false
	}
	if stored, ok := split(func(names [2]string) bool { return q.Has(names[0]) && q.Has(names[1]) }); ok {
		return stored, true
	}
	for _, name := range tokens {
		if !q.Has(name) {
			continue
		}
		if q.Has("vtype") && singleParam(q, "vtype", 64) != "reset" {
			return storedProof{}, true // a token for something else
		}
		return storedProof{Sealed: tokenParam(q, name, 1024)}, true
	}
	// Half of a link is a broken link.
	return split(func(names [2]string) bool { return q.Has(names[0]) || q.Has(names[1]) })
}

// linkNames returns the names of parameters that links have. A wire may be
// added after the pages were made, so they are asked for each time. A link may come
// to the pages of another brand than its own, which has the names of Options. Those of
// LeadSquared and its usual portals are known also if the wire is in another
// program.
func (p *Handler) linkNames() (pairs [][2]string, tokens []string) {
	for _, l := range append(p.service.Settings().Links, p.resetLink, p.invitationLink, p.settings.Invitations.Link) {
		if l.LeadIDParam != "" {
			pairs = append(pairs, [2]string{l.LeadIDParam, l.SecretParam})
		} else if l.TokenParam != "" {
			tokens = append(tokens, l.TokenParam)
		}
	}
	return append(pairs, [2]string{"LeadId", "TemporaryPassword"}, [2]string{"leadId", "tmpPassword"}),
		append(tokens, "vtoken", "token")
}

// singleParam returns the value of a parameter. It returns "" unless the
// parameter has exactly one value, of 1 to most bytes of printable ASCII
// without spaces. Any other value is neither a token nor an ID, and might not
// fit into the cookie.
func singleParam(q url.Values, name string, most int) string {
	if values := q[name]; len(values) == 1 && ascii.IsName(values[0], 1, most) {
		return values[0]
	}
	return ""
}

// tokenParam returns the token in a parameter, as singleParam does, without what
// links pick up on their way: white space, which comes from a line that a mail
// program broke, and at both ends every other character that no token has, such as
// the full stop or the bracket behind a link. So what is removed was certainly
// added. Only links are mended: elsewhere a token has one spelling (A06).
func tokenParam(q url.Values, name string, most int) string {
	token := strings.Join(strings.Fields(strings.TrimFunc(q.Get(name), isForeign)), "")
	if len(q[name]) != 1 || !ascii.IsName(token, 1, most) {
		return ""
	}
	return token
}

// isForeign reports whether no token has the character.
func isForeign(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// linkQuery returns the query of a link. Programs that copy a link out of HTML may
// leave "&amp;" in it for '&'. A link has that nowhere else, because both '&' and
// ';' are escaped in values.
func linkQuery(r *http.Request) url.Values {
	q, _ := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, "&amp;", "&")) // what is malformed is left out
	return q
}

// showReset takes the token out of the URL at once, because it would appear in
// the history, in logs and on the screen (A03). It asks the Service nothing
// before the browser loads the page without the token. The page then consumes
// nothing either, because mail scanners open every link before the person does
// (A04).
func (p *Handler) showReset(w http.ResponseWriter, r *http.Request) {
	if p.takeLink(w, r, false) {
		return
	}
	if r.Method == http.MethodHead {
		p.render(w, r, http.StatusOK, p.page(r, "reset", ""))
		return
	}
	var stored storedProof
	if p.linkCookie.load(r, &stored) {
		// The new link replaces the old one only after it was found valid. So a
		// stray or forged link costs the person no good one.
		p.showStoredProof(w, r, stored, p.linkCookie)
		return
	}
	if !p.proofCookie.load(r, &stored) {
		p.missingLink(w, r, invalidLink{variant: "no_link"})
		return
	}
	p.showStoredProof(w, r, stored, p.proofCookie)
}

// showInvitation is where the link of an invitation leads. From the second page on
// it is that for a new password, which knows by the cookie what the link is for.
func (p *Handler) showInvitation(w http.ResponseWriter, r *http.Request) {
	if !p.takeLink(w, r, true) {
		p.redirect(w, r, pathReset)
	}
}

// takeLink keeps what a link carries, and redirects to the page without it. It
// returns false if the URL carries nothing.
func (p *Handler) takeLink(w http.ResponseWriter, r *http.Request, invitation bool) bool {
	q := linkQuery(r)
	stored, ok := p.fromLink(q)
	if !ok {
		return false
	}
	stored.Invitation = invitation
	// This opens nothing but what the Service has sealed, and asks no store.
	stored.ReturnTo = p.service.OpenReturnTo(tokenParam(q, returnToParam, 1024))
	// A broken link is stored as well. The page then says that it is broken, and
	// does not show the link that was opened before.
	if err := p.linkCookie.save(w, stored, p.settings.LinkTTL); err != nil {
		p.fail(w, r, err)
		return true
	}
	p.redirect(w, r, pathReset)
	return true
}

// showStoredProof checks the proof that a cookie holds, and shows the form for
// the new password.
func (p *Handler) showStoredProof(w http.ResponseWriter, r *http.Request, stored storedProof, from *sealedCookie) {
	found, err := p.checkProof(r, stored)
	if err != nil {
		p.answerProofError(w, r, err, p.problemPage(r, stored), from)
		return
	}
	stored.keep(found)
	if err := p.saveProof(w, stored); err != nil {
		p.fail(w, r, err)
		return
	}
	if from != p.proofCookie {
		from.clear(w)
	}
	p.render(w, r, http.StatusOK, p.resetPage(r, stored))
}

// showOther answers a form that is about another proof than the one that the
// browser holds now. Another link was opened since, and its account is not the
// one that the person was looking at. The new form works for the other link's
// account, so it must show that the account changed. Otherwise a second click
// would change the wrong account's password.
func (p *Handler) showOther(w http.ResponseWriter, r *http.Request, stored storedProof) {
	found, err := p.checkProof(r, stored)
	if err != nil {
		p.answerProofError(w, r, err, p.problemPage(r, stored), p.proofCookie)
		return
	}
	stored.keep(found)
	d := p.resetPage(r, stored)
	if d.Account != "" {
		d.Alert = d.text("reset.other", d.Account)
	} else {
		d.Alert = d.text("reset.other.anonymous")
	}
	p.render(w, r, http.StatusConflict, d)
}

func (p *Handler) checkProof(r *http.Request, stored storedProof) (recovery.CheckProofResult, error) {
	req := recovery.CheckProofRequest{Proof: stored.proof(), Requester: p.requester(r), Brand: p.brand}
	if stored.Invitation {
		return p.service.CheckInvitation(r.Context(), req)
	}
	return p.service.CheckProof(r.Context(), req)
}

func (p *Handler) setPassword(r *http.Request, stored storedProof, password, factor string) (recovery.ResetResult, error) {
	req := recovery.ResetRequest{
		Proof: stored.proof(), Password: recovery.NewSecret(password), SecondFactor: recovery.NewSecret(factor),
		Requester: p.requester(r), Brand: p.brand,
	}
	if stored.Invitation {
		return p.service.AcceptInvitation(r.Context(), req)
	}
	return p.service.ResetPassword(r.Context(), req)
}

// saveProof stores a proof that was found valid, for as long as any link or code
// lives. When this one expires is known by the clock of the token store alone,
// which may not be that of this machine. The Service decides whether it is valid.
func (p *Handler) saveProof(w http.ResponseWriter, stored storedProof) error {
	return p.proofCookie.save(w, stored, max(p.settings.LinkTTL, p.settings.CodeTTL))
}

func (p *Handler) resetPage(r *http.Request, stored storedProof) *Data {
	d := p.page(r, "reset", stored.Locale)
	d.Account, d.Proof = stored.Account, p.formDigest(stored.digestParts()...)
	d.WaitCookie, d.Invitation, d.SecondFactor = p.waitCookie, stored.Invitation, stored.SecondFactor
	d.cameFrom = stored.ReturnTo
	return d
}

// isPatient reports whether s is a number by which the script knows its form. It
// goes into a cookie as it is.
func isPatient(s string) bool {
	return len(s) <= 16 && strings.Trim(s, "0123456789") == ""
}

// problemPage is the page for an error where there is no form to show again.
func (p *Handler) problemPage(r *http.Request, stored storedProof) *Data {
	d := p.page(r, "problem", stored.Locale)
	d.Invitation, d.cameFrom = stored.Invitation, stored.ReturnTo
	return d
}

func (p *Handler) reset(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	var stored storedProof
	if !p.proofCookie.load(r, &stored) {
		p.missingLink(w, r, invalidLink{variant: "no_link"})
		return
	}
	if !p.isFormFor(form.Get("proof"), stored.digestParts()...) {
		p.showOther(w, r, stored)
		return
	}
	d := p.resetPage(r, stored)
	d.readPassword(form)
	factor := d.readFactor(form, stored.SecondFactor)
	// Whoever has needed one only since the cookie was set keeps the field.
	d.SecondFactor = d.SecondFactor || p.settings.SecondFactor && factor != ""
	if len(d.Errors) > 0 {
		p.render(w, r, http.StatusUnprocessableEntity, d)
		return
	}
	result, err := p.setPassword(r, stored, form.Get("password"), factor)
	if isAboutFactor(err) {
		p.answerSecondFactor(w, r, d, factor)
		return
	}
	if err != nil {
		p.answerProofError(w, r, err, d, p.proofCookie)
		return
	}
	p.proofCookie.clear(w)
	p.requestCookie.clear(w)
	p.finish(w, r, result.Reset, stored.Locale, outcome{Done: true, First: stored.Invitation, ReturnTo: stored.ReturnTo})
}

// readPassword reads what the part of a form has that is about a new password.
func (d *Data) readPassword(form url.Values) {
	if number := form.Get("patient"); isPatient(number) {
		d.Patient = number
	}
	again, twice := form["again"]
	switch {
	case form.Get("password") == "":
		d.fail("password", d.text("refused.empty"))
	case twice && again[0] != form.Get("password"):
		d.fail("password", d.text("refused.differ"))
	}
}

// readFactor reads the second factor of a form. It is missing if it is needed.
func (d *Data) readFactor(form url.Values, needed bool) string {
	factor := latinDigits(trim(form.Get("second-factor")))
	if needed && factor == "" {
		d.failFactor("factor.empty")
	}
	return factor
}

// finish leads to the page that says what was done.
func (p *Handler) finish(w http.ResponseWriter, r *http.Request, done recovery.PasswordReset, locale string, o outcome) {
	if err := p.service.RememberDevice(w, r, done.LeadID); err != nil {
		// The password is changed. The person only competes with strangers the next
		// time, as from any other device.
		p.log.WarnContext(r.Context(), "portal: a device is not remembered after a reset", "error", err)
	}
	p.tellDone(w, r, done)
	next := pathDone
	if p.chosenLanguage(r) == "" && locale != "" {
		next += "?lang=" + p.translator(r, locale).File
	}
	p.redirectToOutcome(w, r, next, o)
}

// isAboutFactor reports whether the second factor was refused, or was too long to be
// tried. Any other request of these pages that is invalid has an invalid link.
func isAboutFactor(err error) bool {
	e, ok := errors.AsType[*recovery.InvalidRequestError](err)
	return ok && e.Field == "secondFactor" || recovery.ErrorCodeOf(err) == recovery.ErrorCodeSecondFactor
}

// answerProofError answers an error of CheckProof or ResetPassword for a proof
// that a cookie holds. Where another try may help, the person sees d again.
func (p *Handler) answerProofError(w http.ResponseWriter, r *http.Request, err error, d *Data, from *sealedCookie) {
	invalid := func() {
		from.clear(w)
		link := invalidLink{damaged: errors.Is(err, recovery.ErrDamagedProof), cameFrom: d.cameFrom}
		if d.Invitation {
			link.variant = "invitation"
		}
		p.invalidLink(w, r, link)
	}
	p.answerError(w, r, err, errorAnswers{page: d, invalidProof: invalid, invalidRequest: invalid})
}

// An invalidLink says what is known of a link that does not work: its variant, as
// in [Data], whether it is damaged, and where the person came from.
type invalidLink struct {
	variant  string
	damaged  bool
	cameFrom string
}

// invalidLink says that a link does not work. A link that is damaged has words of
// its own, because the person may still have the whole one, and they tell nothing
// about an account. The other words fit every other reason, and the page does not
// say which one it was (A20).
func (p *Handler) invalidLink(w http.ResponseWriter, r *http.Request, link invalidLink) {
	d := p.page(r, "invalid-link", "")
	d.Variant, d.Damaged, d.Invitation = link.variant, link.damaged, link.variant == "invitation"
	p.keep(r, d, link.cameFrom)
	p.render(w, r, http.StatusBadRequest, d)
}

// missingLink says that the browser brought no link. Nothing has expired then. Over
// http at another host than that of BaseURL it is known why: browsers keep the
// cookie of the link over https alone.
func (p *Handler) missingLink(w http.ResponseWriter, r *http.Request, link invalidLink) {
	d := p.page(r, "invalid-link", "")
	d.Variant, d.Missing = link.variant, true
	p.keep(r, d, link.cameFrom)
	if p.hints.Insecure(p.log, r, p.opts.BaseURL) {
		d.Address = p.opts.BaseURL
	}
	p.render(w, r, http.StatusBadRequest, d)
}

func (p *Handler) showDone(w http.ResponseWriter, r *http.Request) {
	var o outcome
	if !p.outcomeCookie.load(r, &o) || !o.Done {
		p.redirect(w, r, pathForgot)
		return
	}
	d := p.page(r, "done", "")
	d.Invitation = o.First
	if o.SignedIn {
		d.Variant = "changed"
	}
	p.offer(d, o.ReturnTo)
	p.render(w, r, http.StatusOK, d)
}

// tellDone calls the host's function. A panic in it must not cost the person the
// page that says that the password is changed.
func (p *Handler) tellDone(w http.ResponseWriter, r *http.Request, done recovery.PasswordReset) {
	if p.opts.Done == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			p.log.ErrorContext(r.Context(), "portal: panic", "in", "Options.Done", "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
	}()
	p.opts.Done(w, r, done)
}
