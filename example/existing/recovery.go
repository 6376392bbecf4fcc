package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/smtpnotifier"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// serve adds forgotten passwords to the application, and runs it until it is told
// to end.
func (a *app) serve(ctx context.Context, mux *http.ServeMux) {
	base, keys := os.Getenv("BASE_URL"), [][]byte{must(recovery.ParseKey(os.Getenv("RECOVERY_KEY")))}
	mailer := must(smtpnotifier.Open(os.Getenv("SMTP_URL"), "Acme <no-reply@accounts.example.com>"))
	check(sqlstore.Migrate(ctx, a.db, sqlstore.SQLite))
	store := must(sqlstore.New(a.db, sqlstore.SQLite, sqlstore.Options{}))
	users := must(sqlstore.Columns{
		Table: "users", ID: "id", PasswordHash: "password_hash",
		Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "true"}},
	}.Leads(ctx, a.db, sqlstore.SQLite, nil, nil))
	a.service = must(recovery.New(users, store, mailer, recovery.Options{
		Keys:     keys,
		Link:     recovery.Link{URL: base + "/account/reset"},
		NotMe:    recovery.Link{URL: base + "/account/not-me"},
		Sessions: must(sqlstore.EndSessions(ctx, a.db, sqlstore.SQLite, "DELETE FROM sessions WHERE user_id = :id")),
	}))
	pages := must(portal.New(a.service, portal.Options{BaseURL: base + "/account", Keys: keys, Product: "Acme", SignIn: "/"}))
	pages.Mount(mux)
	server := &http.Server{Addr: os.Getenv("ADDR"), Handler: mux}
	check(a.service.ListenAndServe(ctx, server, mailer.Shutdown))
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
