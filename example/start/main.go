// Command start is the smallest whole application: one user in memory, log-in,
// and a forgotten password. It prints the mails that it would send.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"html/template"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
)

func main() {
	addr := cmp.Or(os.Getenv("ADDR"), "localhost:8080")
	base := "http://" + addr
	keys := [][]byte{recovery.NewKey()} // later from your secret store, so that links outlive the program

	a := &app{sessions: map[string]bool{}}
	a.service = must(recovery.New(a, recovery.NewMemoryTokenStore(), recovery.DevNotifier(os.Stdout), recovery.Options{
		Keys:        keys,
		Link:        recovery.Link{URL: base + "/account/reset"},
		NotMe:       recovery.Link{URL: base + "/account/not-me"},
		Sessions:    a,
		Development: true, // the log says why nothing arrives
	}))
	a.hash = must(a.service.Hasher().Hash(context.Background(), "correct horse battery"))
	pages := must(portal.New(a.service, portal.Options{BaseURL: base + "/account", Keys: keys, Product: "Acme", SignIn: "/"}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.front)
	mux.HandleFunc("POST /log-in", a.logIn)
	pages.Mount(mux)
	log.Print("open ", base)
	// At Ctrl-C or SIGTERM the requests end, and the mails are sent that they asked for.
	server := &http.Server{Addr: addr, Handler: http.NewCrossOriginProtection().Handler(mux)}
	if err := a.service.ListenAndServe(context.Background(), server); err != nil {
		log.Fatal(err)
	}
}

// app has one user, whose ID is 1.
type app struct {
	service *recovery.Service

	mu       sync.Mutex
	hash     string          // of the user's password
	version  int             // of the user: a new password is a new version
	sessions map[string]bool // the cookies that are signed in
}

// FindLead is one SELECT of yours: by address, and by ID.
func (a *app) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	if key != (recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"}) &&
		key != (recovery.LeadKey{Field: recovery.LeadIDField, Value: "1"}) {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return recovery.Lead{
		ID: "1", Version: strconv.Itoa(a.version), Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "ada@example.com", Verified: true}},
	}, nil
}

// SetPasswordHash is one UPDATE of yours.
func (a *app) SetPasswordHash(_ context.Context, leadID, hash string) error {
	if leadID != "1" {
		return recovery.ErrNotWritten
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hash = hash
	a.version++
	return nil
}

// EndSessions signs the user out everywhere.
func (a *app) EndSessions(_ context.Context, _ string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.sessions)
	return nil
}

func (a *app) logIn(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	hash, version := a.hash, a.version
	a.mu.Unlock()
	if !strings.EqualFold(r.PostFormValue("email"), "ada@example.com") {
		hash = "" // takes as long, and matches nothing
	}
	result, err := a.service.Hasher().Verify(r.Context(), password.Attempt{Hash: hash, Password: r.PostFormValue("password")})
	cookie := http.Cookie{Name: "session", Value: rand.Text(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	a.mu.Lock()
	signedIn := err == nil && result.Match && a.version == version // a reset may have come first
	if signedIn {
		a.sessions[cookie.Value] = true
	}
	a.mu.Unlock()
	if !signedIn {
		http.Error(w, "The e-mail address or the password is wrong.", http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &cookie)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Acme</title>
{{if .}}Signed in as ada@example.com{{else}}<form method="post" action="/log-in"><input name="email" type="email"><input name="password" type="password">
<button>Sign in</button></form><a href="/account/forgot">Forgot your password?</a>{{end}}`))

func (a *app) front(w http.ResponseWriter, r *http.Request) {
	signedIn := false
	if cookie, err := r.Cookie("session"); err == nil {
		a.mu.Lock()
		signedIn = a.sessions[cookie.Value]
		a.mu.Unlock()
	}
	_ = page.Execute(w, signedIn)
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
