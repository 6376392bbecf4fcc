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
	"net/mail"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alexedwards/scs/postgresstore"
	"github.com/alexedwards/scs/v2"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/smtpnotifier"
	"github.com/seed-51359b35/recovery/sqlstore"
)

type app struct {
	db       *sql.DB
	hasher   password.Hasher
	sessions *scs.SessionManager
	service  *recovery.Service
	guesses  recovery.Limiter
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	base := os.Getenv("BASE_URL")
	key := must(recovery.ParseKey(os.Getenv("RECOVERY_KEY")))

	db := must(sql.Open("pgx", os.Getenv("DATABASE_URL")))
	defer db.Close()
	check(sqlstore.Migrate(ctx, db, sqlstore.PostgreSQL))
	store := must(sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{}))
	fields := []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	leads := must(sqlstore.Columns{
		Table: "users", ID: "id", PasswordHash: "password_hash",
		Status: "CASE WHEN blocked THEN 'disabled' ELSE 'active' END",
		Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "email_verified"}},
	}.Leads(ctx, db, sqlstore.PostgreSQL, fields, nil))

	mailer := must(smtpnotifier.New(must(messages.New(messages.Options{Product: "Acme"})), smtpnotifier.Options{
		Server: must(smtpnotifier.ParseURL(os.Getenv("SMTP_URL"))),
		From:   mail.Address{Name: "Acme", Address: "no-reply@accounts.example.com"},
	}))

	a := &app{
		db: db, hasher: must(password.NewArgon2id(password.Argon2idOptions{})), sessions: scs.New(),
		guesses: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}),
	}
	a.sessions.Store = postgresstore.New(db)
	a.sessions.Cookie.Secure = strings.HasPrefix(base, "https:")
	a.service = must(recovery.New(leads, store, mailer, recovery.Options{
		Keys:      [][]byte{key},
		Link:      recovery.Link{URL: base + "/account/reset"},
		NotMe:     recovery.Link{URL: base + "/account/not-me"},
		Fields:    fields,
		Limiter:   store,
		Sessions:  a,
		Passwords: recovery.PasswordOptions{Hasher: a.hasher},
	}))
	pages := must(portal.New(a.service, portal.Options{
		BaseURL: base + "/account", Keys: [][]byte{key}, Product: "Acme", SignIn: "/",
	}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.front)
	mux.HandleFunc("POST /log-in", a.logIn)
	mux.Handle("/account/", pages)
	mux.Handle("/.well-known/change-password", pages)
	handler := http.NewCrossOriginProtection().Handler(a.sessions.LoadAndSave(mux))
	server := &http.Server{
		Addr: os.Getenv("ADDR"), Handler: recovery.HideTokens(handler),
		ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
	}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ctx.Done()
	// First the requests, then the mails that they asked for.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	check(errors.Join(server.Shutdown(ctx), a.service.Shutdown(ctx), mailer.Shutdown(ctx)))
}

var (
	// guesses are the log-ins that a client may try.
	guesses = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 20, Window: time.Minute}}}
	// warnings are the lines about hashes that cannot be read.
	warnings = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
)

func (a *app) logIn(w http.ResponseWriter, r *http.Request) {
	ctx, typed := r.Context(), r.PostFormValue("password")
	client := a.service.Requester(r).Client
	network, _ := client.Prefix(min(client.BitLen(), 64)) // all of an IPv6 network is one client
	allowed, err := a.guesses.Allow(ctx, recovery.LimitRequest{Key: network.String(), Policy: guesses})
	if err != nil || !allowed[0].Allowed {
		http.Error(w, "Please try again in a minute.", http.StatusTooManyRequests)
		return
	}
	var id, stamp int64
	var hash string // stays empty for nobody, which takes as long and matches nothing
	err = a.db.QueryRowContext(ctx, "SELECT id, password_hash, session_stamp FROM users WHERE lower(email) = lower($1) AND NOT blocked",
		r.PostFormValue("email")).Scan(&id, &hash, &stamp)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		fail(w, err)
		return
	}
	result, err := a.hasher.Verify(ctx, password.Attempt{Hash: hash, Password: typed})
	if errors.Is(err, password.ErrBusy) {
		fail(w, err)
		return
	}
	if errors.Is(err, password.ErrMalformedHash) && hash != "!" { // "!" is a user who has no password yet
		a.warn(ctx, id, err)
	}
	if err != nil || !result.Match { // the same answer to all, so that it does not tell who has an account
		http.Error(w, "The e-mail address or the password is wrong.", http.StatusUnauthorized)
		return
	}
	if result.Rehash { // it was bcrypt until now
		if err := a.rehash(ctx, id, hash, typed); err != nil {
			log.Print(err)
		}
	}
	if err := a.sessions.RenewToken(ctx); err != nil {
		fail(w, err)
		return
	}
	a.sessions.Put(ctx, "user", id)
	a.sessions.Put(ctx, "stamp", stamp)
	if err := a.service.RememberDevice(w, r, strconv.FormatInt(id, 10)); err != nil {
		log.Print(err)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) rehash(ctx context.Context, id int64, old, typed string) error {
	newer, err := a.hasher.Hash(ctx, typed)
	if err == nil {
		_, err = a.db.ExecContext(ctx, "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3", newer, id, old)
	}
	return err
}

// warn says that a hash cannot be read. It writes a line a minute at most, because
// anybody can try to log in.
func (a *app) warn(ctx context.Context, id int64, cause error) {
	allowed, err := a.guesses.Allow(ctx, recovery.LimitRequest{Key: "unreadable", Policy: warnings})
	if err == nil && allowed[0].Allowed {
		log.Printf("The hash of user %d, and perhaps of others, cannot be read, so nobody signs in with it until a reset replaces it: %v", id, cause)
	}
}

// EndSessions signs a user out everywhere: a session counts while it has the
// user's stamp.
func (a *app) EndSessions(ctx context.Context, userID string) error {
	_, err := a.db.ExecContext(ctx, "UPDATE users SET session_stamp = session_stamp + 1 WHERE id = $1", userID)
	return err
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Acme</title>
{{if .}}Signed in as {{.}}{{else}}<form method="post" action="/log-in"><input name="email" type="email"><input name="password" type="password">
<button>Sign in</button></form><a href="/account/forgot">Forgot your password?</a>{{end}}`))

func (a *app) front(w http.ResponseWriter, r *http.Request) {
	var email string
	err := a.db.QueryRowContext(r.Context(), "SELECT email FROM users WHERE id = $1 AND session_stamp = $2 AND NOT blocked",
		a.sessions.GetInt64(r.Context(), "user"), a.sessions.GetInt64(r.Context(), "stamp")).Scan(&email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		fail(w, err)
		return
	}
	_ = page.Execute(w, email)
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "Please try again in a moment.", http.StatusServiceUnavailable)
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
