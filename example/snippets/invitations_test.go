package snippets_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// users is a table with people who were invited and people who have to replace
// their password.
var users = sqlstore.Columns{
	Table: "users", ID: "id", PasswordHash: "password_hash",
	Status: `CASE WHEN blocked THEN 'disabled' WHEN must_reset THEN 'reset_required'
		WHEN password_hash = '!' THEN 'invited' ELSE 'active' END`,
	Activate: "must_reset = FALSE",
	Fields: map[string]sqlstore.FieldColumns{
		"EmailAddress": {Value: "email", Verified: "verified_at IS NOT NULL", MarkVerified: "verified_at = CURRENT_TIMESTAMP"},
	},
}

// invitations lets people choose a first password.
var invitations = recovery.InvitationOptions{
	Link:     recovery.Link{URL: "https://www.example.com/account/invitation"},
	OnForgot: true, // whose invitation has expired finds "forgot password"
}

// addUser is what an administrator's page calls.
func addUser(ctx context.Context, db *sql.DB, service *recovery.Service, admin, email string) error {
	var id string
	err := db.QueryRowContext(ctx, "INSERT INTO users (email, password_hash) VALUES ($1, '!') RETURNING id", email).Scan(&id)
	if err != nil {
		return err
	}
	return service.SendInvitation(ctx, recovery.InvitationRequest{LeadID: id, Requester: recovery.Requester{Caller: admin}})
}

// leadIDs yields the IDs of a query. It reads them all first, because the messages
// may take hours, and an open query keeps its connection.
func leadIDs(ctx context.Context, db *sql.DB, query string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			yield("", err)
			return
		}
		defer rows.Close()
		var ids []string
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				yield("", err)
				return
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			yield("", err)
			return
		}
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// importUsers invites everybody who came from another system. Run it again after
// an error or a restart: it invites nobody twice.
func importUsers(ctx context.Context, db *sql.DB, service *recovery.Service) error {
	progress, err := service.SendToAll(ctx, recovery.BulkRequest{
		Name: "import-2026", Purpose: recovery.PurposeInvitation, PerSecond: 20,
		LeadIDs: leadIDs(ctx, db, "SELECT id FROM users WHERE password_hash = '!' AND NOT blocked"),
	})
	slog.Info("invited", "progress", progress, "error", err)
	return err
}

// forceResets writes to everybody who has to choose another password. Run it again
// after an error or a restart: it writes to nobody twice.
func forceResets(ctx context.Context, db *sql.DB, service *recovery.Service) error {
	_, err := service.SendToAll(ctx, recovery.BulkRequest{
		Name: "leak-of-2026-11", Purpose: recovery.PurposeForcedReset, PerSecond: 20,
		LeadIDs: leadIDs(ctx, db, "SELECT id FROM users WHERE must_reset AND NOT blocked"),
	})
	return err
}

// userOf returns what log-in has to know of a user. If there is no such user, the
// hash is empty, and Verify takes as long for it as for any other.
func userOf(ctx context.Context, db *sql.DB, email string) (id, hash string, status recovery.LeadStatus, err error) {
	err = db.QueryRowContext(ctx, "SELECT id, password_hash, "+users.Status+" FROM users WHERE lower(email) = lower($1)", email).Scan(&id, &hash, &status)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, hash, status, err
}

// errResetRequired is shown where people sign in: "You need a new password. Look
// for our mail, or choose Forgot password."
var errResetRequired = errors.New("the password has to be replaced")

var errWrong = errors.New("the e-mail address or the password is wrong")

// mayOpen decides, after the password was found right, whether to open a session.
// Nobody learns the status without the password.
func mayOpen(status recovery.LeadStatus) error {
	switch status {
	case recovery.StatusActive:
		return nil
	case recovery.StatusResetRequired:
		return errResetRequired
	}
	return errWrong
}

// unlock ends a lockout after too many failed log-ins, for whoever has proved to
// own the address. It lifts no ban: a lead with StatusDisabled never comes here.
func unlock(db *sql.DB) recovery.AfterResetFunc {
	return func(ctx context.Context, done recovery.PasswordReset) error {
		if done.Field == "" {
			return nil // nothing was proved that a stranger could not have
		}
		_, err := db.ExecContext(ctx, "UPDATE users SET failed_logins = 0 WHERE id = $1", done.LeadID)
		return err
	}
}

// forgetMe ends the cookie that keeps somebody signed in, on the hosted pages.
func forgetMe(w http.ResponseWriter, _ *http.Request, _ recovery.PasswordReset) {
	http.SetCookie(w, &http.Cookie{Name: "remember", MaxAge: -1, Path: "/", Secure: true, HttpOnly: true})
}

func nextMessage(t *testing.T, outbox *recoverytest.Outbox) recovery.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	return must(outbox.Next(ctx))
}

func tokenIn(t *testing.T, link string) string {
	t.Helper()
	return must(url.Parse(link)).Query().Get("token")
}

// An administrator adds one person, an import brings two more, everybody is
// invited once, chooses a password, and later has to replace it.
func TestInvitations(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := must(sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate"))
	t.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{
		`CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, password_hash TEXT NOT NULL)`,
		"CREATE INDEX users_email ON users (lower(email))",
		readFile(t, "invitations.sql"),
		`INSERT INTO users (email, password_hash) VALUES ('two@example.com', '!'), ('three@example.com', '!')`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	leads, err := users.Leads(ctx, db, sqlstore.SQLite, fields, nil)
	if err != nil {
		t.Fatal(err)
	}
	outbox := &recoverytest.Outbox{}
	hasher := must(password.NewBcrypt(password.BcryptOptions{}))
	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("k")}, Fields: fields, Link: recovery.Link{URL: "https://www.example.com/account/reset"},
		Invitations: invitations, AfterReset: unlock(db), DangerouslyKeepSessions: true,
		Passwords: recovery.PasswordOptions{Hasher: hasher}, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Shutdown(context.WithoutCancel(ctx)) })
	if err := addUser(ctx, db, service, "root", "one@example.com"); err != nil {
		t.Fatal(err)
	}
	first := nextMessage(t, outbox)
	for range 2 {
		if err := importUsers(ctx, db, service); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // what is sent twice would come
	}
	invited := map[string]recovery.Message{}
	for range 3 {
		m := nextMessage(t, outbox)
		invited[m.To] = m
	}
	if len(invited) != 3 || outbox.Len() != 4 || invited["one@example.com"].ID == first.ID {
		t.Fatalf("%d messages to %d people", outbox.Len(), len(invited))
	}
	accept := func(m recovery.Message) {
		t.Helper()
		_, err := service.AcceptInvitation(ctx, recovery.ResetRequest{Proof: recovery.TokenProof(tokenIn(t, m.URL.Reveal())), Password: recovery.NewSecret("a-first-password-of-mine")})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(ctx, "UPDATE users SET failed_logins = 5"); err != nil {
		t.Fatal(err)
	}
	accept(first)
	accept(invited["two@example.com"])
	status := func(email string) (s recovery.LeadStatus, failed int, verified bool) {
		t.Helper()
		lead, err := leads.FindLead(ctx, recovery.LeadKey{Field: "EmailAddress", Value: email})
		if err == nil {
			err = db.QueryRowContext(ctx, "SELECT failed_logins FROM users WHERE id = ?", lead.ID).Scan(&failed)
		}
		if err != nil {
			t.Fatal(err)
		}
		return lead.Status, failed, lead.Fields["EmailAddress"].Verified
	}
	for email, want := range map[string]string{"one@example.com": "active 0 true", "two@example.com": "active 0 true", "three@example.com": "invited 5 false"} {
		s, failed, verified := status(email)
		if got := fmt.Sprint(s, " ", failed, " ", verified); got != want {
			t.Errorf("%s: %s, want %s", email, got, want)
		}
	}
	if _, err := db.ExecContext(ctx, readFile(t, "leak.sql")); err != nil {
		t.Fatal(err)
	}
	if err := forceResets(ctx, db, service); err != nil {
		t.Fatal(err)
	}
	logIn := func(email, typed string) error {
		t.Helper()
		_, hash, status, err := userOf(ctx, db, email)
		if err != nil {
			t.Fatal(err)
		}
		if result, err := hasher.Verify(ctx, password.Attempt{Hash: hash, Password: typed}); err != nil || !result.Match {
			return errWrong
		}
		return mayOpen(status)
	}
	m := nextMessage(t, outbox)
	if m.Kind != recovery.MessageResetRequired {
		t.Errorf("%s", m.Kind)
	}
	for _, c := range []struct {
		email, typed string
		want         error
	}{
		{strings.ToUpper(m.To), "a-first-password-of-mine", errResetRequired},
		{m.To, "another-password-of-mine", errWrong},
		{"three@example.com", "!", errWrong},
		{"nobody@example.com", "", errWrong},
	} {
		if err := logIn(c.email, c.typed); !errors.Is(err, c.want) {
			t.Errorf("%s signs in with %q: %v, want %v", c.email, c.typed, err, c.want)
		}
	}
	_, err = service.ResetPassword(ctx, recovery.ResetRequest{Proof: recovery.TokenProof(tokenIn(t, m.URL.Reveal())), Password: recovery.NewSecret("a-second-password-of-mine")})
	if err != nil {
		t.Fatal(err)
	}
	if err := forceResets(ctx, db, service); err != nil { // as after a restart
		t.Fatal(err)
	}
	if err := logIn(m.To, "a-second-password-of-mine"); err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	portal.Options{Done: forgetMe}.Done(w, nil, recovery.PasswordReset{})
	if c := w.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("cookies %v", c)
	}
}
