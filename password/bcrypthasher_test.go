package password_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery/password"
)

// What Hash returns is verified by the log-in that the host has already, with
// the password as the person types it.
func TestBcryptHash(t *testing.T) {
	hasher := password.CheapBcrypt()
	for _, tt := range []struct {
		name, typed string
		refused     password.Rule
	}{
		{"a passphrase", "correct horse battery", ""},
		{"72 bytes", strings.Repeat("x", 72), ""},
		{"73 bytes (A64)", strings.Repeat("x", 73), password.RuleTooLong},
		{"25 emoji, which are 100 bytes (A64)", strings.Repeat("\U0001f40e", 25), password.RuleTooLong},
		{"75 bytes as typed, 25 in the normal form", strings.Repeat("\uff21", 25), password.RuleTooLong},
		{"a NUL, which bcrypt confuses (A64)", "abc\x00", password.RuleEncoding},
		{"letters that the normal form changes", "\uff21\uff22 \u2026 cafe\u0301", ""},
		{"an unassigned code point", "abc\u0378", password.RuleEncoding},
		{"1,025 bytes (A63)", strings.Repeat("x", 1025), password.RuleTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			encoded, err := hasher.Hash(t.Context(), tt.typed)
			if tt.refused != "" {
				refused, ok := errors.AsType[*password.PolicyError](err)
				if !ok || !refused.Has(tt.refused) || encoded != "" {
					t.Fatalf("got %q, %v; want %s", encoded, err, tt.refused)
				}
				return
			}
			if err != nil || len(encoded) != 60 {
				t.Fatalf("got %q, %v", encoded, err)
			}
			if err := bcrypt.CompareHashAndPassword([]byte(encoded), []byte(tt.typed)); err != nil {
				t.Errorf("the host's own log-in refuses it: %v", err)
			}
			for _, h := range []password.Hasher{hasher, password.CheapArgon2id(password.Argon2idOptions{})} {
				want := password.Result{Match: true, Rehash: h != password.Hasher(hasher)}
				if got, err := h.Verify(t.Context(), password.Attempt{Hash: encoded, Password: tt.typed}); err != nil || got != want {
					t.Errorf("%T: got %+v, %v; want %+v", h, got, err, want)
				}
			}
		})
	}
}

// Both hashers verify every hash that the package knows. They differ only in
// what they would write themselves.
func TestHashersVerifyEveryKnownHash(t *testing.T) {
	own, argon := password.CheapBcrypt(), password.CheapArgon2id(password.Argon2idOptions{})
	argonHash, err := argon.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	costFive, err := bcrypt.GenerateFromPassword([]byte("correct horse"), 5)
	if err != nil {
		t.Fatal(err)
	}
	costFour := bcryptOf(t, "correct horse")
	for _, tt := range []struct {
		name, stored      string
		byBcrypt, byArgon password.Result
		unreadable        bool
	}{
		{"bcrypt of the hasher's cost", costFour, password.Result{Match: true}, password.Result{Match: true, Rehash: true}, false},
		{"the same from PHP", "$2y" + costFour[3:], password.Result{Match: true}, password.Result{Match: true, Rehash: true}, false},
		{"bcrypt of another cost", string(costFive), password.Result{Match: true, Rehash: true}, password.Result{Match: true, Rehash: true}, false},
		{"argon2id", argonHash, password.Result{Match: true, Rehash: true}, password.Result{Match: true}, false},
		{"nobody's", "", password.Result{}, password.Result{}, false},
		{"one that cannot be read", "!", password.Result{}, password.Result{}, true},
		{"bcrypt of cost 31 (A63)", "$2a$31$" + costFour[7:], password.Result{}, password.Result{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, h := range []struct {
				password.Hasher
				want password.Result
			}{{own, tt.byBcrypt}, {argon, tt.byArgon}} {
				got, err := h.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: "correct horse"})
				if got != h.want || tt.unreadable != errors.Is(err, password.ErrMalformedHash) || !tt.unreadable && err != nil {
					t.Errorf("%T: got %+v, %v; want %+v", h.Hasher, got, err, h.want)
				}
				got, err = h.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: "wrong horse"})
				if got != (password.Result{}) || tt.unreadable != errors.Is(err, password.ErrMalformedHash) {
					t.Errorf("%T, a wrong password: got %+v, %v", h.Hasher, got, err)
				}
			}
		})
	}
}

// An account that does not exist takes the slots and the computation of one that
// does: with all slots taken, it is refused like any other.
func TestBcryptOfNobodyTakesASlot(t *testing.T) {
	hasher := password.CheapBcrypt()
	defer hasher.OccupyAll()()
	for _, stored := range []string{"", "!", bcryptOf(t, "x")} {
		// With room for nobody to wait, whoever needs a slot is refused at once.
		if _, err := hasher.Verify(t.Context(), password.Attempt{Hash: stored, Password: "x"}); !errors.Is(err, password.ErrBusy) {
			t.Errorf("%q: got %v, want ErrBusy", stored, err)
		}
	}
	var zero password.Bcrypt
	if _, err := zero.Hash(t.Context(), "correct horse"); !errors.Is(err, password.ErrBusy) {
		t.Errorf("the zero value: got %v, want ErrBusy", err)
	}
}

func TestBcryptOptions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		opts     password.BcryptOptions
		mistakes int
	}{
		{"the zero value", password.BcryptOptions{}, 0},
		{"cost 9", password.BcryptOptions{Cost: 9}, 1},
		{"cost 15", password.BcryptOptions{Cost: 15}, 0},
		{"cost 16, which Verify refuses", password.BcryptOptions{Cost: 16}, 1},
		{"everything at once", password.BcryptOptions{Cost: -1, MaxConcurrent: -1, MaxWaiting: -1, MaxWait: -1}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hasher, err := password.NewBcrypt(tt.opts)
			if n := mistakes(err); n != tt.mistakes || (hasher == nil) != (err != nil) {
				t.Fatalf("got %d mistakes, want %d: %v", n, tt.mistakes, err)
			}
		})
	}
}
