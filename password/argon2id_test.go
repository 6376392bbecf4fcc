package password_test

import (
	"context"
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// It has the full cost, for a few tests only.
func TestArgon2idAtItsDefaults(t *testing.T) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := hasher.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if !form.MatchString(encoded) {
		t.Errorf("Hash wrote %q", encoded)
	}
	if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: encoded, Password: "correct horse battery"}); err != nil || got != (password.Result{Match: true}) {
		t.Errorf("the password: got %+v, %v", got, err)
	}
	if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: encoded, Password: "correct horse batterY"}); err != nil || got != (password.Result{}) {
		t.Errorf("another password: got %+v, %v", got, err)
	}
}

// These are the vectors of the reference implementation (phc-winner-argon2,
// test.c).
func TestArgon2idVectors(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	for _, tt := range []struct{ name, stored, presented string }{
		{"two passes over 256 KiB", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"two lanes", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"two passes over 64 MiB", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := password.Result{Match: true, Rehash: true}
			if got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented}); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestVerifyArgon2id(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	hash := func(s string) string {
		encoded, err := hasher.Hash(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	long := strings.Repeat("a", 1023)
	for _, tt := range []struct {
		name, stored, presented string
		match                   bool
	}{
		{"the password", hash("correct horse"), "correct horse", true},
		{"another case", hash("correct horse"), "Correct horse", false},
		{"a space more", hash("correct horse"), "correct horse ", false},
		{"the empty password", hash(""), "", true},
		{"the empty password against another", hash("x"), "", false},
		{"after a NUL (A64)", hash("abc\x00def"), "abc\x00deg", false},
		{"with a NUL (A64)", hash("abc\x00def"), "abc\x00def", true},
		{"beyond 72 bytes (A64)", hash(long + "x"), long + "y", false},
		{"all of 1,024 bytes", hash(long + "x"), long + "x", true},
		{"composed against decomposed", hash("caf\u00e9"), "cafe\u0301", true},
		{"decomposed against composed", hash("cafe\u0301"), "caf\u00e9", true},
		{"nobody's hash", "", "correct horse", false},
		{"nobody's hash and no password", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.presented})
			if err != nil || got != (password.Result{Match: tt.match}) {
				t.Errorf("got %+v, %v; want match %v and no rehash", got, err, tt.match)
			}
		})
	}
}

func TestHashUsesAFreshSalt(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	seen := map[string]bool{}
	for range 50 {
		encoded, err := hasher.Hash(t.Context(), "correct horse")
		if err != nil || seen[encoded] {
			t.Fatalf("got %q, %v twice", encoded, err)
		}
		seen[encoded] = true
	}
}

func TestRehash(t *testing.T) {
	now, err := password.NewArgon2id(password.Argon2idOptions{Memory: 12 * 1024, Time: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		opts   password.Argon2idOptions
		rehash bool
	}{
		{"the same cost", password.Argon2idOptions{Memory: 12 * 1024, Time: 3}, false},
		{"more memory", password.Argon2idOptions{Memory: 13 * 1024, Time: 3}, true},
		{"more passes", password.Argon2idOptions{Memory: 12 * 1024, Time: 4}, true},
		{"more lanes", password.Argon2idOptions{Memory: 12 * 1024, Time: 3, Parallelism: 2}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			then, err := password.NewArgon2id(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := then.Hash(t.Context(), "correct horse")
			if err != nil {
				t.Fatal(err)
			}
			want := password.Result{Match: true, Rehash: tt.rehash}
			if got, err := now.Verify(t.Context(), password.Attempt{Hash: encoded, Password: "correct horse"}); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			if got, err := now.Verify(t.Context(), password.Attempt{Hash: encoded, Password: "wrong"}); err != nil || got != (password.Result{}) {
				t.Errorf("a wrong password: got %+v, %v; want no rehash", got, err)
			}
		})
	}
	t.Run("a shorter salt", func(t *testing.T) {
		got, err := now.Verify(t.Context(), password.Attempt{Hash: "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", Password: "password"})
		if err != nil || !got.Rehash {
			t.Errorf("got %+v, %v; want a rehash", got, err)
		}
	})
}

func TestHasherErrorsDoNotDependOnTheAccount(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	argon, err := hasher.Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, presented string }{
		{"a password too long (A63)", strings.Repeat("a", 1025)},
		{"invalid UTF-8", "abc\xff"},
		{"an unassigned code point", "abc\u0378"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var texts []string
			for _, stored := range []string{argon, bcryptOf(t, "x"), "", "garbage", "$2garbage"} {
				_, err := hasher.Verify(t.Context(), password.Attempt{Hash: stored, Password: tt.presented})
				if _, ok := errors.AsType[*password.PolicyError](err); !ok {
					t.Fatalf("stored %q: got %v, want a *PolicyError", stored, err)
				}
				texts = append(texts, err.Error())
			}
			if len(slices.Compact(texts)) != 1 {
				t.Errorf("the errors differ: %q", texts)
			}
			if _, err := hasher.Hash(t.Context(), tt.presented); err == nil {
				t.Error("Hash accepted it")
			}
		})
	}
}

func TestVerifyMalformed(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	for _, tt := range []struct{ name, stored string }{
		{"a plain password", "correct horse"},
		{"a marker for a locked account", "!"},
		{"MD5 crypt", "$1$salt$hash"},
		{"scrypt", "$scrypt$ln=17,r=8,p=1$c2FsdA$aGFzaA"},
		{"an argon2id hash that wants 4 TiB (A63)", "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt16 + "$" + tag32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: tt.stored})
			if got != (password.Result{}) || !errors.Is(err, password.ErrMalformedHash) {
				t.Errorf("got %+v, %v; want ErrMalformedHash", got, err)
			}
		})
	}
}

// An account that does not exist, or whose hash cannot be read, costs as much
// as a wrong password. The test compares memory, because that is the same on a
// busy machine. BenchmarkVerify compares the time.
func TestNobodyCostsTheSame(t *testing.T) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := hasher.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, stored string }{
		{"a wrong password", stored},
		{"nobody", ""},
		{"an unreadable hash", "!"},
		{"an unreadable bcrypt hash", "$2a$31$"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if got, _ := hasher.Verify(t.Context(), password.Attempt{Hash: tt.stored, Password: "wrong horse battery"}); got.Match {
				t.Error("it matched")
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took < 19<<20 || took > 21<<20 {
				t.Errorf("took %d bytes, want the 19 MiB of one hash", took)
			}
		})
	}
}

func TestArgon2idOptions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		opts     password.Argon2idOptions
		mistakes int
	}{
		{"the zero value", password.Argon2idOptions{}, 0},
		{"46 MiB for one pass", password.Argon2idOptions{Memory: 46 * 1024, Time: 1}, 0},
		{"a KiB less", password.Argon2idOptions{Memory: 46*1024 - 1, Time: 1}, 1},
		{"one pass and the default memory", password.Argon2idOptions{Time: 1}, 1},
		{"19 MiB for two passes", password.Argon2idOptions{Memory: 19 * 1024, Time: 2}, 0},
		{"a KiB less than 19 MiB", password.Argon2idOptions{Memory: 19*1024 - 1, Time: 2}, 1},
		{"12 MiB for three passes", password.Argon2idOptions{Memory: 12 * 1024, Time: 3}, 0},
		{"a KiB less than 12 MiB", password.Argon2idOptions{Memory: 12*1024 - 1, Time: 3}, 1},
		{"9 MiB for four passes, which OWASP allows and ASVS does not", password.Argon2idOptions{Memory: 9 * 1024, Time: 4}, 1},
		{"255 lanes", password.Argon2idOptions{Parallelism: 255}, 0},
		{"256 MiB", password.Argon2idOptions{Memory: 256 * 1024, Time: 4}, 0},
		{"a KiB more", password.Argon2idOptions{Memory: 256*1024 + 1, Time: 1}, 1},
		{"more work than Verify accepts", password.Argon2idOptions{Memory: 256 * 1024, Time: 5}, 1},
		{"65 passes", password.Argon2idOptions{Time: 65}, 1},
		{"negative concurrency", password.Argon2idOptions{MaxConcurrent: -1}, 1},
		{"absurd concurrency", password.Argon2idOptions{MaxConcurrent: 1 << 30}, 1},
		{"a negative queue", password.Argon2idOptions{MaxWaiting: -1}, 1},
		{"an absurd queue", password.Argon2idOptions{MaxWaiting: 1 << 30}, 1},
		{"a negative wait", password.Argon2idOptions{MaxWait: -time.Second}, 1},
		{"an hour's wait", password.Argon2idOptions{MaxWait: time.Hour}, 1},
		{"everything at once", password.Argon2idOptions{Memory: 1, Time: 100, MaxConcurrent: -1, MaxWaiting: -1, MaxWait: -1}, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hasher, err := password.NewArgon2id(tt.opts)
			if n := mistakes(err); n != tt.mistakes {
				t.Fatalf("got %d mistakes, want %d: %v", n, tt.mistakes, err)
			}
			if (hasher == nil) != (err != nil) {
				t.Errorf("got %v, %v", hasher, err)
			}
		})
	}
}

// mistakes counts what errors.Join joined.
func mistakes(err error) int {
	if err == nil {
		return 0
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return len(joined.Unwrap())
	}
	return 1
}

func TestZeroArgon2idFailsClosed(t *testing.T) {
	var hasher password.Argon2id
	if _, err := hasher.Hash(t.Context(), "correct horse"); !errors.Is(err, password.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}

func TestHashAfterItsContextEnded(t *testing.T) {
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hasher.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: got %v", err)
	}
	if _, err := hasher.Verify(ctx, password.Attempt{Hash: "", Password: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: got %v", err)
	}
	if _, err := hasher.Verify(ctx, password.Attempt{Hash: bcryptOf(t, "x"), Password: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify of bcrypt: got %v", err)
	}
}
