package routers

import (
	"io"
	"net/http"

	"github.com/gorilla/sessions"

	"github.com/seed-51359b35/recovery"
)

// The values of a session.
const (
	sessionName = "acme"
	leadName    = "lead"
	stampName   = "stamp"
)

// Gorilla returns the application with net/http and a CookieStore. Its sessions
// are in the browsers, so nothing that the server deletes ends them. Each has the
// stamp of its user, and every request compares it. A reset changes the stamp.
func Gorilla(h *Host, store *sessions.CookieStore) http.Handler {
	g := &gorilla{Host: h, store: store}
	h.signedIn, h.keepSession = g.leadID, g.keepSession
	mux := http.NewServeMux()
	mux.Handle("/api/", h.service.Handler())
	mux.Handle("/account/", h.pages)
	mux.Handle("/.well-known/change-password", h.pages)
	mux.HandleFunc("POST /sign-in", g.signIn)
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, g.leadID(r)) })
	return recovery.HideTokens(mux)
}

type gorilla struct {
	*Host
	store *sessions.CookieStore
}

// signIn reads hash and stamp in one row. So a log-in that compared the old
// password while a reset ran gets the old stamp, and is signed out by it.
func (g *gorilla) signIn(w http.ResponseWriter, r *http.Request) {
	u, ok, err := g.compare(r.Context(), r.PostFormValue("email"), r.PostFormValue("password"))
	if ok {
		err = g.open(w, r, u)
	}
	answerSignIn(w, ok, err)
}

// open opens a session with the stamp that the user had when the row was read.
func (g *gorilla) open(w http.ResponseWriter, r *http.Request, u user) error {
	session := sessions.NewSession(g.store, sessionName) // nothing of the session from before
	options := *g.store.Options
	session.Options = &options
	session.Values[leadName], session.Values[stampName] = u.id, u.stamp
	return session.Save(r, w)
}

// keepSession signs the user in again after a change of the password, which has changed
// the stamp. No other browser has a session with the new one.
func (g *gorilla) keepSession(w http.ResponseWriter, r *http.Request, leadID string) error {
	u, ok := g.users.byID(leadID)
	if !ok {
		return recovery.ErrLeadNotFound
	}
	return g.open(w, r, u)
}

// leadID returns the ID of the user who is signed in, or "".
func (g *gorilla) leadID(r *http.Request) string {
	session, err := g.store.Get(r, sessionName)
	if err != nil {
		return "" // a cookie that this program did not write
	}
	id, _ := session.Values[leadName].(string)
	stamp, ok := session.Values[stampName].(string)
	u, found := g.users.byID(id) // most hosts read the user for each request anyway
	if !ok || !found || u.stamp != stamp {
		return ""
	}
	return id
}
