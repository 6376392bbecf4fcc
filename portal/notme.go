package portal

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/seed-51359b35/recovery"
)

// A notice is the token of the link "this was not me". The JSON name never
// changes: browsers hold it.
type notice struct {
	Token string `json:"t,omitempty"`
}

// showNotMe changes nothing. Only the button of its page does, because mail
// scanners open links and press no button (A04).
func (p *Handler) showNotMe(w http.ResponseWriter, r *http.Request) {
	q := linkQuery(r)
	param := cmp.Or(p.notMeLink.TokenParam, "token")
	if !q.Has(param) {
		param = "token"
	}
	if q.Has(param) {
		if err := p.noticeCookie.save(w, notice{tokenParam(q, param, 1024)}, noticeLifetime); err != nil {
			p.fail(w, r, err)
			return
		}
		p.redirect(w, r, pathNotMe)
		return
	}
	var n notice
	p.noticeCookie.load(r, &n)
	p.showNotice(w, r, n, http.StatusOK)
}

func (p *Handler) showNotice(w http.ResponseWriter, r *http.Request, n notice, status int) {
	found, err := p.service.CheckNotMe(r.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(n.Token)})
	if err != nil {
		p.invalidNotice(w, r, err)
		return
	}
	d := p.page(r, "not-me", "")
	d.Variant, d.Proof = variantOf(found.Message), p.formDigest("not-me", n.Token)
	p.render(w, r, status, d)
}

// variantOf returns the variant of the page for a notice. The notice was about
// a password that was changed, or about a link or code that was sent.
func variantOf(kind recovery.MessageKind) string {
	if kind == recovery.MessagePasswordChanged {
		return "password"
	}
	return "links"
}

func (p *Handler) notMe(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	var n notice
	p.noticeCookie.load(r, &n)
	if !p.isFormFor(form.Get("proof"), "not-me", n.Token) {
		// Another notice was opened since. It may be about another account.
		p.showNotice(w, r, n, http.StatusConflict)
		return
	}
	result, err := p.service.NotMe(r.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(n.Token), Requester: p.requester(r)})
	if err != nil {
		d := p.page(r, "not-me", "")
		d.Variant, d.Proof = "links", form.Get("proof")
		if found, err := p.service.CheckNotMe(r.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(n.Token)}); err == nil {
			d.Variant = variantOf(found.Message)
		}
		p.answerError(w, r, err, errorAnswers{page: d, invalidProof: func() { p.invalidNotice(w, r, err) }})
		return
	}
	p.noticeCookie.clear(w)
	p.redirectToOutcome(w, r, pathNotMeDone, outcome{NotMe: variantOf(result.Message)})
}

func (p *Handler) invalidNotice(w http.ResponseWriter, r *http.Request, err error) {
	var n notice
	if !p.noticeCookie.load(r, &n) {
		p.missingLink(w, r, invalidLink{variant: "notice"})
		return
	}
	p.noticeCookie.clear(w)
	d := p.page(r, "invalid-link", "")
	d.Variant, d.Damaged = "notice", errors.Is(err, recovery.ErrDamagedProof)
	p.render(w, r, http.StatusBadRequest, d)
}

func (p *Handler) showNotMeDone(w http.ResponseWriter, r *http.Request) {
	var o outcome
	if !p.outcomeCookie.load(r, &o) || o.NotMe == "" {
		p.redirect(w, r, pathForgot)
		return
	}
	d := p.page(r, "not-me-done", "")
	d.Variant = o.NotMe
	p.render(w, r, http.StatusOK, d)
}

// An outcome says what was done, for the page that tells the person. Without an
// outcome that page is not shown, because a link to it would serve a phishing
// mail. The JSON names never change: browsers hold them.
type outcome struct {
	First bool `json:"f,omitempty"` // the password was the first one
	Done  bool `json:"d,omitempty"` // the password was changed
	// NotMe is the variant of the page not-me-done, or empty.
	NotMe string `json:"t,omitempty"`
	// ReturnTo is where the person came from.
	ReturnTo string `json:"r,omitempty"`
	// SignedIn says that the person changed the password while signed in, and is so
	// still.
	SignedIn bool `json:"s,omitempty"`
}

func (p *Handler) redirectToOutcome(w http.ResponseWriter, r *http.Request, path string, o outcome) {
	if err := p.outcomeCookie.save(w, o, outcomeLifetime); err != nil {
		p.fail(w, r, err)
		return
	}
	p.redirect(w, r, path)
}
