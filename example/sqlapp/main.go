// Command sqlapp is an application with users in PostgreSQL: log-in, sessions,
// and forgotten passwords by mail.
package main

import (
	"context"
	"database/sql"
	"errors"
	"html/template"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/postgresstore"
	"github.com/alexedwards/scs/v2"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/smtpnotifier"
	"github.com/seed-51359b35/recovery/sqlstore"
)

type app struct {
	db       *sql.DB
	sessions *scs.SessionManager
	service  *recovery.Service
	limiter  recovery.Limiter // of log-ins
}

func main() {
	ctx, base := context.Background(), os.Getenv("BASE_URL")
	keys := [][]byte{must(recovery.ParseKey(os.Getenv("RECOVERY_KEY")))}
	mailer := must(smtpnotifier.Open(os.Getenv("SMTP_URL"), "Acme <no-reply@accounts.example.com>"))
	db := must(sql.Open("pgx", os.Getenv("DATABASE_URL")))
	defer db.Close()
	check(sqlstore.Migrate(ctx, db, sqlstore.PostgreSQL))
	store := must(sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{}))
	users := must(sqlstore.Columns{
		Table: "users", ID: "id", PasswordHash: "password_hash",
		Status: "CASE WHEN blocked THEN 'disabled' ELSE 'active' END",
		Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "email_verified"}},
	}.Leads(ctx, db, sqlstore.PostgreSQL, nil, nil))

	a := &app{db: db, sessions: scs.New(), limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
	a.sessions.Store = postgresstore.New(db)
	a.sessions.Cookie.Secure = strings.HasPrefix(base, "https:")
	a.service = must(recovery.New(users, store, mailer, recovery.Options{
		Keys:  keys,
		Link:  recovery.Link{URL: base + "/account/reset"},
		NotMe: recovery.Link{URL: base + "/account/not-me"},
		// A session counts while it has the user's stamp.
		Sessions: must(sqlstore.EndSessions(ctx, db, sqlstore.PostgreSQL, "UPDATE users SET session_stamp = session_stamp + 1 WHERE id = :id")),
	}))
	pages := must(portal.New(a.service, portal.Options{BaseURL: base + "/account", Keys: keys, Product: "Acme", SignIn: "/"}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.front)
	mux.HandleFunc("POST /log-in", a.logIn)
	pages.Mount(mux)
	handler := http.NewCrossOriginProtection().Handler(a.sessions.LoadAndSave(mux))
	server := &http.Server{Addr: os.Getenv("ADDR"), Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	check(a.service.ListenAndServe(ctx, server, mailer.Shutdown))
}

// allow lets a key through n times a minute.
func (a *app) allow(ctx context.Context, key string, n int) bool {
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: time.Minute}}}
	decisions, err := a.limiter.Allow(ctx, recovery.LimitRequest{Key: key, Policy: policy})
	return err == nil && decisions[0].Allowed
}

func (a *app) logIn(w http.ResponseWriter, r *http.Request) {
	ctx, typed := r.Context(), r.PostFormValue("password")
	client := a.service.Requester(r).Client
	network, _ := client.Prefix(min(client.BitLen(), 64)) // all of an IPv6 network is one client
	if !a.allow(ctx, network.String(), 20) {
		http.Error(w, "Please try again in a minute.", http.StatusTooManyRequests)
		return
	}
	var id, stamp int64
	var hash string // stays empty for nobody, which takes as long and matches nothing
	err := a.db.QueryRowContext(ctx, "SELECT id, password_hash, session_stamp FROM users WHERE lower(email) = lower($1) AND NOT blocked",
		r.PostFormValue("email")).Scan(&id, &hash, &stamp)
	if failed(w, err) {
		return
	}
	result, err := a.service.Hasher().Verify(ctx, password.Attempt{Hash: hash, Password: typed})
	if errors.Is(err, password.ErrBusy) && failed(w, err) {
		return
	}
	// "!" is a user who has no password yet. Anybody can cause this line.
	if errors.Is(err, password.ErrMalformedHash) && hash != "!" && a.allow(ctx, "unreadable", 1) {
		log.Printf("The hash of user %d, and perhaps of others, cannot be read, so nobody signs in with it until a reset replaces it: %v", id, err)
	}
	if err != nil || !result.Match { // the same answer to all, so that it does not tell who has an account
		http.Error(w, "The e-mail address or the password is wrong.", http.StatusUnauthorized)
		return
	}
	if result.Rehash { // it was bcrypt until now
		newer, err := a.service.Hasher().Hash(ctx, typed)
		if err == nil {
			_, err = a.db.ExecContext(ctx, "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3", newer, id, hash)
		}
		if err != nil {
			log.Print(err)
		}
	}
	if failed(w, a.sessions.RenewToken(ctx)) {
		return
	}
	a.sessions.Put(ctx, "user", id)
	a.sessions.Put(ctx, "stamp", stamp)
	if err := a.service.RememberDevice(w, r, strconv.FormatInt(id, 10)); err != nil {
		log.Print(err)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Acme</title>
{{if .}}Signed in as {{.}}{{else}}<form method="post" action="/log-in"><input name="email" type="email"><input name="password" type="password">
<button>Sign in</button></form><a href="/account/forgot">Forgot your password?</a>{{end}}`))

func (a *app) front(w http.ResponseWriter, r *http.Request) {
	var email string
	err := a.db.QueryRowContext(r.Context(), "SELECT email FROM users WHERE id = $1 AND session_stamp = $2 AND NOT blocked",
		a.sessions.GetInt64(r.Context(), "user"), a.sessions.GetInt64(r.Context(), "stamp")).Scan(&email)
	if !failed(w, err) {
		_ = page.Execute(w, email)
	}
}

// failed answers an error, unless it only says that there is no such row.
func failed(w http.ResponseWriter, err error) bool {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return false
	}
	log.Print(err)
	http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
	return true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
