package portal

import (
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/seed-51359b35/recovery"
)

// A notice is the link "this was not me", taken out of its URL.
type notice struct {
	Token string `json:"t,omitempty"`
}

// showNotMe does nothing yet: the button does, which mail scanners do not press
// (A04).
func (p *Portal) showNotMe(w http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query(); q.Has("token") {
		var n notice
		if len(q["token"]) == 1 && len(q.Get("token")) <= 1024 {
			n.Token = q.Get("token")
		}
		if err := p.notices.put(w, n, shortly); err != nil {
			p.fail(w, r, err)
			return
		}
		p.redirect(w, r, pathNotMe)
		return
	}
	var n notice
	p.notices.take(r, &n)
	p.showNotice(w, r, n, http.StatusOK)
}

func (p *Portal) showNotice(w http.ResponseWriter, r *http.Request, n notice, status int) {
	kind, err := p.service.ReadNotMe(recovery.NewSecret(n.Token))
	if err != nil {
		p.deadNotice(w, r)
		return
	}
	d := p.page(r, "not-me", "")
	d.About, d.Proof = about(kind), p.digest("not-me", n.Token)
	p.render(w, r, status, d)
}

// about is what a notice told of: a password that was changed, or a link or
// code that was sent.
func about(kind recovery.MessageKind) string {
	if kind == recovery.MessagePasswordChanged {
		return "password"
	}
	return "links"
}

func (p *Portal) notMe(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	var n notice
	p.notices.take(r, &n)
	if subtle.ConstantTimeCompare([]byte(form.Get("proof")), []byte(p.digest("not-me", n.Token))) != 1 {
		// Another notice was opened since: it may be about another account.
		p.showNotice(w, r, n, http.StatusConflict)
		return
	}
	result, err := p.service.NotMe(r.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(n.Token), Origin: p.origin(r)})
	switch {
	case errors.Is(err, recovery.ErrInvalidProof):
		p.deadNotice(w, r)
		return
	case err != nil:
		d := p.page(r, "not-me", "")
		d.About, d.Proof = "links", form.Get("proof")
		if kind, err := p.service.ReadNotMe(recovery.NewSecret(n.Token)); err == nil {
			d.About = about(kind)
		}
		p.retry(w, r, d, err)
		return
	}
	p.notices.drop(w)
	p.redirect(w, r, pathTold+"?about="+about(result.Notice))
}

func (p *Portal) deadNotice(w http.ResponseWriter, r *http.Request) {
	p.notices.drop(w)
	d := p.page(r, "dead", "")
	d.About = "notice"
	p.render(w, r, http.StatusBadRequest, d)
}

func (p *Portal) showTold(w http.ResponseWriter, r *http.Request) {
	d := p.page(r, "told", "")
	d.About = "links"
	if r.URL.Query().Get("about") == "password" {
		d.About = "password"
	}
	p.render(w, r, http.StatusOK, d)
}
