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

// pages are what a person sees. They call the Service directly, as the pages of
// a host do; scripts use the APIs.
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
	p.secure = base.Scheme == "https"
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
	mux.HandleFunc("POST /forgot", p.forgot)
	mux.HandleFunc("GET /reset", p.resetForm)
	mux.HandleFunc("POST /reset", p.reset)
	mux.HandleFunc("GET "+notMePath, p.notMeForm)
	mux.HandleFunc("POST "+notMePath, p.notMe)
	return harden(csrf.Handler(mux)), nil
}

// harden sets what every page needs whose address or content holds a token: it
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
	Again    bool        // offer to ask for a new link
	SignedIn string      // the person's name
	Messages []delivered // newest first
	Hidden   []hidden    // the proof, in the form of the reset page
}

// A hidden field of a form.
type hidden struct{ Name, Value string }

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

// forgot has a link sent. Its page says the same to everybody.
func (p *pages) forgot(w http.ResponseWriter, r *http.Request) {
	in, err := form(w, r)
	if err == nil {
		_, err = p.service.ForgotPassword(r.Context(), recovery.ForgotRequest{
			Key:    recovery.LeadKey{Field: fieldEmail, Value: in.Get("email")},
			Origin: p.service.Origin(r),
		})
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.render(w, r, http.StatusOK, "notice", view{Title: "Look at your messages", Lines: []string{
		"If there is an account with this address, a message with a link is on its way.",
	}})
}

// proof reads what a link carries, in any of the three forms that the demo's
// APIs make, and repeats it for the form.
func proof(in url.Values) (recovery.Proof, []hidden, bool) {
	keep := func(names ...string) []hidden {
		var all []hidden
		for _, name := range names {
			all = append(all, hidden{name, in.Get(name)})
		}
		return all
	}
	switch {
	case in.Get("LeadId") != "" && in.Get("TemporaryPassword") != "":
		return recovery.LinkProof(in.Get("LeadId"), in.Get("TemporaryPassword")), keep("LeadId", "TemporaryPassword"), true
	case in.Get("vtype") == "reset" && in.Get("vtoken") != "":
		return recovery.SealedProof(in.Get("vtoken")), keep("vtype", "vtoken"), true
	case in.Get("token") != "":
		return recovery.SealedProof(in.Get("token")), keep("token"), true
	}
	return recovery.Proof{}, nil, false
}

// resetForm consumes nothing and asks nothing of the Service: mail scanners
// open every link before the person does.
func (p *pages) resetForm(w http.ResponseWriter, r *http.Request) {
	_, hidden, ok := proof(r.URL.Query())
	if !ok {
		p.fail(w, r, recovery.ErrInvalidProof)
		return
	}
	p.render(w, r, http.StatusOK, "reset", view{Title: "Choose a new password", Hidden: hidden})
}

func (p *pages) reset(w http.ResponseWriter, r *http.Request) {
	in, err := form(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	proven, hidden, ok := proof(in)
	if !ok {
		p.fail(w, r, recovery.ErrInvalidProof)
		return
	}
	_, err = p.service.ResetPassword(r.Context(), recovery.ResetRequest{
		Proof: proven, Password: recovery.NewSecret(in.Get("password")), Origin: p.service.Origin(r),
	})
	if policy, ok := errors.AsType[*password.PolicyError](err); ok {
		// The link still works, so the person just chooses another one.
		v := view{Title: "Please choose another password", Hidden: hidden}
		for _, violation := range policy.Violations {
			v.Lines = append(v.Lines, violation.Message)
		}
		p.render(w, r, http.StatusUnprocessableEntity, "reset", v)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.render(w, r, http.StatusOK, "notice", view{Title: "Your password is changed", Lines: []string{
		"Everybody who was signed in to your account has been signed out. You can sign in with the new password now.",
	}})
}

// notMePath is where the link "this was not me" leads.
const notMePath = "/this-was-not-me"

// notMeForm does nothing yet: the button does, which mail scanners do not
// press.
func (p *pages) notMeForm(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	kind, err := p.service.ReadNotMe(recovery.NewSecret(token))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := view{Title: "This was not you?", Hidden: []hidden{{"token", token}}}
	if kind == recovery.MessagePasswordChanged {
		v.Lines = []string{"We will sign everybody out of your account and send you a link, so that you can choose a new password."}
	} else {
		v.Lines = []string{"We will make every link and code that was sent to you useless. That changes nothing else."}
	}
	p.render(w, r, http.StatusOK, "not-me", v)
}

func (p *pages) notMe(w http.ResponseWriter, r *http.Request) {
	in, err := form(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	result, err := p.service.NotMe(r.Context(), recovery.NotMeRequest{
		Token: recovery.NewSecret(in.Get("token")), Origin: p.service.Origin(r),
	})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := view{Title: "Thank you for telling us", Lines: []string{"The links and codes that were sent to you work no more. This changed nothing else: if you cannot sign in, ask for a new link now."}}
	if result.Notice == recovery.MessagePasswordChanged {
		v.Lines = []string{"Everybody is being signed out of the account. A link to choose a new password is on its way to its mailboxes.",
			"Whoever did this may be able to read your mail: change the password of your mailbox as well."}
	}
	p.render(w, r, http.StatusOK, "notice", v)
}

// fail explains an error to a person, by the table at
// [recovery.ErrInvalidRequest].
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, v := http.StatusInternalServerError, view{Title: "Something went wrong", Lines: []string{"Please try again."}}
	limit, limited := errors.AsType[*recovery.RateLimitError](err)
	switch {
	case errors.Is(err, errSignIn):
		status, v.Title = http.StatusUnauthorized, "That did not work"
		v.Lines = []string{"The e-mail address or the password is wrong."}
	case errors.Is(err, recovery.ErrInvalidRequest):
		status, v.Title = http.StatusBadRequest, "That did not work"
		v.Lines = []string{"Please check what you entered. An e-mail address looks like name@example.com."}
	case errors.Is(err, recovery.ErrInvalidProof):
		status, v.Title, v.Again = http.StatusBadRequest, "This link does not work", true
		v.Lines = []string{"It is incomplete, was used already, or is too old."}
	case limited:
		status, v.Title = http.StatusTooManyRequests, "Too many attempts"
		v.Lines = []string{fmt.Sprintf("Please try again in %d seconds.", limit.Seconds())}
		w.Header().Set("Retry-After", strconv.Itoa(limit.Seconds()))
	case errors.Is(err, recovery.ErrUnavailable), errors.Is(err, password.ErrBusy):
		p.log.ErrorContext(r.Context(), "unavailable", "error", err)
		status = http.StatusServiceUnavailable
		v.Lines = []string{"Please try again in a moment. If you came here by a link, it still works."}
		w.Header().Set("Retry-After", "5")
	case errors.Is(err, recovery.ErrOutcomeUnknown):
		p.log.ErrorContext(r.Context(), "outcome of a reset unknown", "error", err)
		v.Lines, v.Again = []string{"It is not certain that your password was changed. Please ask for a new link."}, true
	default:
		p.log.ErrorContext(r.Context(), "internal error", "error", err)
	}
	p.render(w, r, status, "notice", v)
}
