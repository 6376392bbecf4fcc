package snippets_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

// signsIn verifies a hash of whatever program made it, and replaces it.
func signsIn(ctx context.Context, hasher password.Hasher, hash, typed string, store func(hash string) error) (bool, error) {
	result, err := hasher.Verify(ctx, password.Attempt{Hash: hash, Password: typed})
	if errors.Is(err, password.ErrMalformedHash) {
		return false, nil // "!", or a kind that is not known: tell the operator
	}
	if err != nil || !result.Match || !result.Rehash {
		return result.Match, err
	}
	if hash, err = hasher.Hash(ctx, typed); err != nil {
		return true, nil // the old hash stays until the next time
	}
	return true, store(hash)
}

func TestForeignHashesOfATable(t *testing.T) {
	t.Parallel()
	db := database(t)
	execute(t, db, `CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL, password_hash varchar(255), deleted_at timestamptz);
		CREATE TABLE firebase_users (email text, password_hash text, salt text);
		INSERT INTO firebase_users VALUES ('ada@example.com', 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==', '42xEC+ixf3L2lw=='),
			('social@example.com', '', '')`)
	execute(t, db, readFile(t, "firebase.sql"))
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	hashOf := func(email string) (hash string) {
		if err := db.QueryRowContext(t.Context(), "SELECT password_hash FROM users WHERE email = $1", email).Scan(&hash); err != nil {
			t.Fatal(err)
		}
		return hash
	}
	store := func(hash string) error {
		_, err := db.ExecContext(t.Context(), "UPDATE users SET password_hash = $1 WHERE email = 'ada@example.com'", hash)
		return err
	}
	if ok, err := signsIn(t.Context(), hasher, hashOf("ada@example.com"), "wrong", store); ok || err != nil {
		t.Errorf("a wrong password: %t, %v", ok, err)
	}
	for range 2 {
		if ok, err := signsIn(t.Context(), hasher, hashOf("ada@example.com"), "user1password", store); !ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
		if hash := hashOf("ada@example.com"); !strings.HasPrefix(hash, "$argon2id$") {
			t.Errorf("after the log-in the table has %.20s", hash)
		}
	}
	if ok, err := signsIn(t.Context(), hasher, hashOf("social@example.com"), "", store); ok || err != nil {
		t.Errorf("nobody's password: %t, %v", ok, err)
	}
}
