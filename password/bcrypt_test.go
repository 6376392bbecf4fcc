package password_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery/password"
)

func bcryptOf(t testing.TB, s string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(s), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func TestVerifyBcrypt(t *testing.T) {
	const at72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,-_!?*+#~"
	if len(at72) != 72 {
		t.Fatal("at72 is not 72 bytes")
	}
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	for _, tt := range []struct {
		name, stored, presented string
		match                   bool
	}{
		{"the password", bcryptOf(t, "correct horse"), "correct horse", true},
		{"another password", bcryptOf(t, "correct horse"), "Correct horse", false},
		{"the empty password", bcryptOf(t, ""), "", true},
		{"72 bytes", bcryptOf(t, at72), at72, true},
		{"71 bytes against 72", bcryptOf(t, at72), at72[:71], false},
		{"73 bytes that begin alike (A64)", bcryptOf(t, at72), at72 + "x", false},
		{"a password that an old host truncated (A64)", bcryptOf(t, at72), at72 + " and what it dropped", false},
		{"25 emoji against the 18 that bcrypt reads (A64)", bcryptOf(t, strings.Repeat("\U0001f40e", 18)), strings.Repeat("\U0001f40e", 25), false},
		{"a NUL that bcrypt takes for its own (A64)", bcryptOf(t, "a"), "a\x00a", false},
		{"a NUL at the end (A64)", bcryptOf(t, "abc"), "abc\x00", false},
		{"the normal form, hashed normalised", bcryptOf(t, "caf\u00e9 au lait"), "cafe\u0301 au lait", true},
		{"the raw form, hashed raw", bcryptOf(t, "cafe\u0301 au lait"), "cafe\u0301 au lait", true},
		{"the normal form against one hashed raw", bcryptOf(t, "cafe\u0301 au lait"), "caf\u00e9 au lait", false},
		{"72 bytes raw, fewer normalised", bcryptOf(t, strings.Repeat("\uff21", 24)), strings.Repeat("\uff21", 24), true},
		{"73 bytes raw, fewer normalised and hashed so", bcryptOf(t, strings.Repeat("A", 25)), strings.Repeat("\uff21", 25), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented})
			want := password.Result{Match: tt.match, Rehash: tt.match}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestVerifyBcryptVersions(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	rest := bcryptOf(t, "correct horse")[4:]
	for _, tt := range []struct {
		name, prefix string
		readable     bool
	}{
		{"2a is read", "$2a$", true},
		{"2b is read", "$2b$", true},
		{"2y is read", "$2y$", true},
		{"2x, which is the broken one of PHP, is not", "$2x$", false},
		{"2 without a letter is not", "$2$", false},
		{"3a is not", "$3a$", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.prefix + rest, Password: "correct horse"})
			if tt.readable != (err == nil) || tt.readable != got.Match {
				t.Errorf("got %+v, %v", got, err)
			}
			if !tt.readable && !errors.Is(err, password.ErrMalformedHash) {
				t.Errorf("got %v, want ErrMalformedHash", err)
			}
		})
	}
}

// Other implementations made these hashes, so that this package is not only
// compared with itself.
func TestVerifyBcryptVectors(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	for _, tt := range []struct{ name, stored, presented string }{
		{"Openwall's test vector, 2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"Openwall's test vector, 2y", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"Openwall's test vector, empty", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented}); err != nil || !got.Match {
				t.Errorf("got %+v, %v; want a match", got, err)
			}
		})
	}
}

func TestBcryptRefuses(t *testing.T) {
	good := bcryptOf(t, "correct horse")
	for _, tt := range []struct{ name, stored string }{
		{"cost 16 (A63)", "$2a$16$" + good[7:]},
		{"cost 31, a day of a core (A63)", "$2a$31$" + good[7:]},
		{"cost 03", "$2a$03$" + good[7:]},
		{"a cost of one digit", "$2a$4$" + good[7:]},
		{"a cost with a sign", "$2a$+9$" + good[7:]},
		{"a cost that is not a number", "$2a$xx$" + good[7:]},
		{"one character less", good[:59]},
		{"one character more", good + "A"},
		{"a character outside the alphabet in the salt", good[:10] + "=" + good[11:]},
		{"a character outside the alphabet in the hash", good[:59] + "\n"},
		{"the prefix alone", "$2"},
		{"the prefix and nothing else", "$2a$"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := password.CheckBcrypt(tt.stored); !errors.Is(err, password.ErrMalformedHash) {
				t.Errorf("got %v, want ErrMalformedHash", err)
			}
			hasher := password.CheapArgon2id(password.Argon2idOptions{})
			if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: "correct horse"}); got.Match || !errors.Is(err, password.ErrMalformedHash) {
				t.Errorf("Verify: got %+v, %v", got, err)
			}
		})
	}
	for _, cost := range []string{"04", "10", "15"} {
		if err := password.CheckBcrypt("$2b$" + cost + good[6:]); err != nil {
			t.Errorf("cost %s: %v", cost, err)
		}
	}
}

func FuzzBcrypt(f *testing.F) {
	for _, s := range []string{"", "$2", "$2a$04$", "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// Verify computes every hash that passes this check, so x/crypto must
		// accept it.
		if password.CheckBcrypt("$2"+s) != nil {
			return
		}
		if cost, err := bcrypt.Cost([]byte("$2" + s)); err != nil || cost > 15 {
			t.Fatalf("%q: cost %d, %v", s, cost, err)
		}
	})
}
