// Command existing is an application that somebody had: users in SQLite with bcrypt
// hashes, log-in and sessions. What it needs for forgotten passwords is recovery.go,
// and the lines of logIn that say so.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"html/template"
	"log"
	"net/http"
	"os"

	_ "modernc.org/sqlite"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

type app struct {
	db      *sql.DB
	service *recovery.Service // new
}

func main() {
	db, err := sql.Open("sqlite", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	run(context.Background(), db)
}

func run(ctx context.Context, db *sql.DB) {
	a := &app{db: db}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.front)
	mux.HandleFunc("POST /log-in", a.logIn)
	a.serve(ctx, mux) // was http.ListenAndServe
}

func (a *app) logIn(w http.ResponseWriter, r *http.Request) {
	var id int64
	var hash string
	err := a.db.QueryRowContext(r.Context(), "SELECT id, password_hash FROM users WHERE lower(email) = lower(?)",
		r.PostFormValue("email")).Scan(&id, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		log.Print(err)
		http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
		return
	}
	// These lines were bcrypt.CompareHashAndPassword. An empty hash is nobody's.
	result, err := a.service.Hasher().Verify(r.Context(), password.Attempt{Hash: hash, Password: r.PostFormValue("password")})
	if err != nil || !result.Match {
		http.Error(w, "The e-mail address or the password is wrong.", http.StatusUnauthorized)
		return
	}
	// A reset that came between the two statements has changed the hash.
	token := rand.Text()
	_, err = a.db.ExecContext(r.Context(), "INSERT INTO sessions (token, user_id) SELECT ?, id FROM users WHERE id = ? AND password_hash = ?", token, id, hash)
	if err != nil {
		log.Print(err)
		http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Acme</title>
{{if .}}Signed in as {{.}}{{else}}<form method="post" action="/log-in"><input name="email" type="email"><input name="password" type="password">
<button>Sign in</button></form><a href="/account/forgot">Forgot your password?</a>{{end}}`))

func (a *app) front(w http.ResponseWriter, r *http.Request) {
	email := ""
	if cookie, err := r.Cookie("session"); err == nil {
		err := a.db.QueryRowContext(r.Context(), "SELECT email FROM users JOIN sessions ON user_id = id WHERE token = ?", cookie.Value).Scan(&email)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			log.Print(err)
		}
	}
	_ = page.Execute(w, email)
}
