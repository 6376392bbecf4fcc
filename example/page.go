package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

//go:embed pages.html style.css
var files embed.FS

// pages are the demo's own: where people sign in, and where they look at what
// was sent. Those where a password is chosen are the library's.
type pages struct {
	service *recovery.Service
	outbox  *outbox
	login   *login
	log     *slog.Logger

	html   *template.Template
	style  []byte
	secure bool // whether cookies may demand https
}

// newPages completes p and returns its handler.
func newPages(c config, p pages) (http.Handler, error) {
	var err error
	if p.html, err = template.ParseFS(files, "pages.html"); err != nil {
		return nil, err
	}
	if p.style, err = files.ReadFile("style.css"); err != nil {
		return nil, err
	}
	base, err := url.Parse(c.baseURL)
	if err != nil {
		return nil, err
	}
	p.secure = isSecure(c.baseURL)
	// Forms of other sites are refused. The origin is named for a proxy that
	// changes the Host.
	csrf := http.NewCrossOriginProtection()
	if err := csrf.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.front)
	mux.HandleFunc("GET /style.css", p.serveStyle)
	mux.HandleFunc("GET /outbox", p.serveOutbox)
	mux.HandleFunc("GET /outbox/{id}", p.serveMail)
	mux.HandleFunc("GET /outbox.json", p.outboxJSON)
	mux.HandleFunc("GET /sessions.json", p.sessionsJSON)
	mux.HandleFunc("POST /login", p.loginJSON)
	mux.HandleFunc("POST /sign-in", p.signIn)
	return harden(csrf.Handler(mux)), nil
}

// harden sets what every page needs whose content holds a token: it
// is stored nowhere, sent to nobody as a referrer, framed by nobody, and runs
// no script.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// view is what a template shows.
type view struct {
	Title    string
	Lines    []string    // paragraphs
	SignedIn string      // the person's name
	Messages []delivered // newest first
}

// render writes a page, or an error while nothing is written yet.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	var b bytes.Buffer
	if err := p.html.ExecuteTemplate(&b, name, v); err != nil {
		p.log.ErrorContext(r.Context(), "page not rendered", "page", name, "error", err)
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // who does not get the page asks for it again
}

func (p *pages) serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(p.style)
}

func (p *pages) front(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "A portal to try password recovery with"}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		name, err := p.login.whose(r.Context(), cookie.Value)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		v.SignedIn = name
	}
	p.render(w, r, http.StatusOK, "front", v)
}

// form reads a form from a body of at most 16 KiB. What stands in the query is
// not part of it.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		return nil, &recovery.InvalidRequestError{Field: "form", Reason: "cannot be read"}
	}
	return r.PostForm, nil
}

// fail explains an error to a person, by the table at
// [recovery.ErrInvalidRequest].
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, v := http.StatusInternalServerError, view{Title: "Something went wrong", Lines: []string{"Please try again."}}
	limit, limited := errors.AsType[*recovery.RateLimitError](err)
	switch {
	case errors.Is(err, errResetRequired):
		status, v.Title = http.StatusForbidden, "You need a new password"
		v.Lines = []string{"The password is right, and has to be replaced. Choose \"Forgot password\" to get a link."}
	case errors.Is(err, errSignIn):
		status, v.Title = http.StatusUnauthorized, "That did not work"
		v.Lines = []string{"The e-mail address or the password is wrong."}
	case errors.Is(err, recovery.ErrInvalidRequest):
		status, v.Title = http.StatusBadRequest, "That did not work"
		v.Lines = []string{"Please check what you entered. An e-mail address looks like name@example.com."}
	case limited:
		status, v.Title = http.StatusTooManyRequests, "Too many attempts"
		v.Lines = []string{fmt.Sprintf("Please try again in %d seconds.", limit.RetryAfterSeconds())}
		w.Header().Set("Retry-After", strconv.Itoa(limit.RetryAfterSeconds()))
	case errors.Is(err, recovery.ErrUnavailable), errors.Is(err, password.ErrBusy):
		p.log.ErrorContext(r.Context(), "unavailable", "error", err)
		status = http.StatusServiceUnavailable
		v.Lines = []string{"Please try again in a moment."}
		w.Header().Set("Retry-After", "5")
	default:
		p.log.ErrorContext(r.Context(), "internal error", "error", err)
	}
	p.render(w, r, status, "notice", v)
}
