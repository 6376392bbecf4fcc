package snippets_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/sqlstore"
)

// authbossHasher is an authboss.Hasher. It verifies the bcrypt hashes that are
// stored and the argon2id hashes that a reset writes.
type authbossHasher struct{ password.Hasher }

func (h authbossHasher) GenerateHash(chosen string) (string, error) {
	return h.Hash(context.Background(), chosen)
}

func (h authbossHasher) CompareHashAndPassword(hash, typed string) error {
	result, err := h.Verify(context.Background(), password.Attempt{Hash: hash, Password: typed})
	if err == nil && !result.Match {
		err = errors.New("wrong password")
	}
	return err
}

// rememberer is what authboss' storer has for its module remember.
type rememberer interface {
	DelRememberTokens(ctx context.Context, pid string) error
}

// authbossSessions ends what authboss would keep open.
type authbossSessions struct {
	db     *sql.DB
	storer rememberer
}

// EndSessions gives the user a new stamp, which every session is compared with,
// and deletes the cookies that sign in again.
func (s authbossSessions) EndSessions(ctx context.Context, leadID string) error {
	var pid string
	err := s.db.QueryRowContext(ctx,
		"UPDATE users SET session_stamp = session_stamp + 1 WHERE CAST(id AS text) = $1 RETURNING email", leadID).Scan(&pid)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // deleted since, so no session finds the user
	}
	if err != nil {
		return err
	}
	return s.storer.DelRememberTokens(ctx, pid)
}

// authbossColumns are the columns of a table whose PID is the e-mail address.
var authbossColumns = sqlstore.Columns{
	Table: "users", ID: "id", PasswordHash: "password",
	Fields: map[string]sqlstore.FieldColumns{"EmailAddress": {Value: "email", Verified: "confirmed"}},
}

// What authboss v3 asks of a hasher.
var _ interface {
	CompareHashAndPassword(hash, password string) error
	GenerateHash(password string) (string, error)
} = authbossHasher{}

func TestAuthbossHasher(t *testing.T) {
	t.Parallel()
	argon, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := authbossHasher{argon}
	fresh, err := h.GenerateHash("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	old, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.CompareHashAndPassword("!", "!"); err == nil {
		t.Error("a user without a hash signs in")
	}
	for _, hash := range []string{fresh, string(old)} {
		if err := h.CompareHashAndPassword(hash, "correct horse battery"); err != nil {
			t.Errorf("%.7s: %v", hash, err)
		}
		if err := h.CompareHashAndPassword(hash, "another"); err == nil {
			t.Errorf("%.7s matches another password", hash)
		}
	}
}

// tokens are the remember-me tokens of authboss.
type tokens map[string]bool

func (t tokens) DelRememberTokens(_ context.Context, pid string) error {
	delete(t, pid)
	return nil
}

func TestAuthbossTable(t *testing.T) {
	t.Parallel()
	db := database(t)
	execute(t, db, `CREATE TABLE users (id bigserial PRIMARY KEY, email text UNIQUE NOT NULL, password varchar(60) NOT NULL,
		confirmed boolean NOT NULL, recover_selector text, recover_verifier text, recover_token_expiry timestamptz)`)
	execute(t, db, `INSERT INTO users (email, password, confirmed, recover_selector) VALUES ('ada@example.com', 'x', true, 's'), ('new@example.com', 'x', false, NULL)`)

	_, err := authbossColumns.Leads(t.Context(), db, sqlstore.PostgreSQL, fields, quiet)
	if err == nil || !strings.Contains(err.Error(), "97") {
		t.Errorf("a column of 60 characters: %v, want an error that says 97", err)
	}
	execute(t, db, readFile(t, "authboss.sql"))
	leads, err := authbossColumns.Leads(t.Context(), db, sqlstore.PostgreSQL, fields, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for email, verified := range map[string]bool{"ada@example.com": true, "new@example.com": false} {
		lead, err := leads.FindLead(t.Context(), recovery.LeadKey{Field: "EmailAddress", Value: email})
		if err != nil || lead.Status != recovery.StatusActive || lead.Fields["EmailAddress"].Verified != verified {
			t.Errorf("%s: %v, %v", email, lead.Status, err)
		}
	}
	remembered := tokens{"ada@example.com": true, "new@example.com": true}
	if err := (authbossSessions{db, remembered}).EndSessions(t.Context(), "1"); err != nil || len(remembered) != 1 {
		t.Errorf("%d remember-me tokens are left, want the other user's: %v", len(remembered), err)
	}
	if err := (authbossSessions{db, remembered}).EndSessions(t.Context(), "404"); err != nil {
		t.Errorf("a user who was deleted since: %v, which would be tried again for a day", err)
	}
	var stamp int
	var selector sql.NullString
	if err := db.QueryRowContext(t.Context(), "SELECT session_stamp, recover_selector FROM users WHERE id = 1").Scan(&stamp, &selector); err != nil || stamp != 1 || selector.Valid {
		t.Errorf("stamp %d, selector %v, %v", stamp, selector, err)
	}
}
