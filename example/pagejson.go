package main

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// sessionCookie carries the secret of a session.
const sessionCookie = "session"

func (p *pages) serveOutbox(w http.ResponseWriter, r *http.Request) {
	messages := p.outbox.list()
	slices.Reverse(messages)
	p.render(w, r, http.StatusOK, "outbox", view{Title: "Outbox", Messages: messages})
}

// serveMail shows a mail as a mail program would: on a page of its own, with the
// styles that it brings and nothing else.
func (p *pages) serveMail(w http.ResponseWriter, r *http.Request) {
	d, ok := p.outbox.find(r.PathValue("id"))
	if !ok || d.HTML == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, d.HTML)
}

func (p *pages) outboxJSON(w http.ResponseWriter, r *http.Request) {
	p.writeJSON(w, r, http.StatusOK, p.outbox.list())
}

func (p *pages) sessionsJSON(w http.ResponseWriter, r *http.Request) {
	open, err := p.login.sessions.list(r.Context())
	if err != nil {
		p.unavailableJSON(w, r, unavailable(err))
		return
	}
	p.writeJSON(w, r, http.StatusOK, append([]session{}, open...))
}

// writeJSON leaves '&' as it is, unlike encoding/json by itself, so that links
// can be read, and taken out with sed. Nothing takes this for HTML, because of
// its type and of nosniff.
func (p *pages) writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		p.log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// signedIn is the answer to a login.
type signedIn struct {
	LeadID  string `json:"LeadId"`
	Session string // as in /sessions.json
}

// refused is the answer to one that failed.
type refused struct{ Error string }

// loginJSON takes {"EmailAddress","Password"}.
func (p *pages) loginJSON(w http.ResponseWriter, r *http.Request) {
	var in struct{ EmailAddress, Password string }
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		p.writeJSON(w, r, http.StatusUnsupportedMediaType, refused{"the Content-Type must be application/json"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		p.writeJSON(w, r, http.StatusBadRequest, refused{"the body must be a JSON object with EmailAddress and Password"})
		return
	}
	s, secret, err := p.login.signIn(r.Context(), p.service.Requester(r).Client, in.EmailAddress, in.Password)
	limit, limited := errors.AsType[*recovery.RateLimitError](err)
	switch {
	case err == nil:
		http.SetCookie(w, p.cookie(secret))
		p.rememberDevice(w, r, s.LeadID)
		p.writeJSON(w, r, http.StatusOK, signedIn{s.LeadID, s.ID})
	case errors.Is(err, errResetRequired):
		p.writeJSON(w, r, http.StatusForbidden, refused{err.Error()})
	case errors.Is(err, errSignIn):
		p.writeJSON(w, r, http.StatusUnauthorized, refused{err.Error()})
	case limited:
		w.Header().Set("Retry-After", strconv.Itoa(limit.RetryAfterSeconds()))
		p.writeJSON(w, r, http.StatusTooManyRequests, refused{"too many attempts"})
	case errors.Is(err, password.ErrBusy):
		w.Header().Set("Retry-After", "5")
		p.writeJSON(w, r, http.StatusServiceUnavailable, refused{"busy"})
	case errors.Is(err, recovery.ErrUnavailable):
		p.unavailableJSON(w, r, err)
	default:
		p.log.ErrorContext(r.Context(), "login failed", "error", err)
		p.writeJSON(w, r, http.StatusInternalServerError, refused{"something went wrong"})
	}
}

func (p *pages) unavailableJSON(w http.ResponseWriter, r *http.Request, err error) {
	p.log.ErrorContext(r.Context(), "unavailable", "error", err)
	w.Header().Set("Retry-After", "5")
	p.writeJSON(w, r, http.StatusServiceUnavailable, refused{"temporarily unavailable"})
}

// signIn is the same for the form on the front page.
func (p *pages) signIn(w http.ResponseWriter, r *http.Request) {
	in, err := form(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	s, secret, err := p.login.signIn(r.Context(), p.service.Requester(r).Client, in.Get("email"), in.Get("password"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.SetCookie(w, p.cookie(secret))
	p.rememberDevice(w, r, s.LeadID)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// rememberDevice makes this browser one whose requests no stranger can keep from
// being served. The sign-in does not depend on it.
func (p *pages) rememberDevice(w http.ResponseWriter, r *http.Request, leadID string) {
	if err := p.service.RememberDevice(w, r, leadID); err != nil {
		p.log.WarnContext(r.Context(), "this browser is not a known device", "error", err)
	}
}

func (p *pages) cookie(secret string) *http.Cookie { return newCookie(secret, p.secure) }

func newCookie(secret string, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: secret, Path: "/", MaxAge: int(sessionTTL.Seconds()),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}
