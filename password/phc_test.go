package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

const (
	salt16 = "AAECAwQFBgcICQoLDA0ODw"
	tag32  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
)

func TestParsePHCAccepts(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"what Hash writes by default", "$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"RFC 9106's second choice", "$argon2id$v=19$m=65536,t=3,p=4$" + salt16 + "$" + tag32},
		{"Django's default", "$argon2id$v=19$m=102400,t=2,p=8$" + salt16 + "$" + tag32},
		{"PHP's default", "$argon2id$v=19$m=65536,t=4,p=1$" + salt16 + "$" + tag32},
		{"libsodium's moderate", "$argon2id$v=19$m=262144,t=3,p=1$" + salt16 + "$" + tag32},
		{"all the memory and all the work", "$argon2id$v=19$m=262144,t=4,p=1$" + salt16 + "$" + tag32},
		{"the most passes", "$argon2id$v=19$m=16384,t=64,p=1$" + salt16 + "$" + tag32},
		{"the most lanes", "$argon2id$v=19$m=2040,t=1,p=255$" + salt16 + "$" + tag32},
		{"argon2i", "$argon2i$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"the least of everything", "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgc$" + salt16},
		{"48 bytes of salt, 64 of tag", "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("A", 64) + "$" + strings.Repeat("A", 86)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := password.ReencodePHC(tt.in); err != nil || got != tt.in {
				t.Errorf("got %q, %v; want %q", got, err, tt.in)
			}
		})
	}
}

func TestParsePHCRefuses(t *testing.T) {
	const head = "$argon2id$v=19$m=19456,t=2,p=1$"
	for _, tt := range []struct{ name, in string }{
		{"nothing but the prefix", "$argon2id$"},
		{"argon2d", "$argon2d$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"upper case", "$Argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"something before it", "x$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"something after it", head + salt16 + "$" + tag32 + "$"},
		{"a line end after it", head + salt16 + "$" + tag32 + "\n"},
		{"a space after it", head + salt16 + "$" + tag32 + " "},
		{"version 16", "$argon2id$v=16$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"version 019", "$argon2id$v=019$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"no version", "$argon2id$m=19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"parameters in another order", "$argon2id$v=19$t=2,m=19456,p=1$" + salt16 + "$" + tag32},
		{"a parameter twice", "$argon2id$v=19$m=19456,t=2,t=2,p=1$" + salt16 + "$" + tag32},
		{"a parameter missing", "$argon2id$v=19$m=19456,t=2$" + salt16 + "$" + tag32},
		{"a parameter empty", "$argon2id$v=19$m=,t=2,p=1$" + salt16 + "$" + tag32},
		{"a key id", "$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAA$" + salt16 + "$" + tag32},
		{"a leading zero", "$argon2id$v=19$m=019456,t=2,p=1$" + salt16 + "$" + tag32},
		{"a plus sign", "$argon2id$v=19$m=+19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"a minus sign", "$argon2id$v=19$m=19456,t=-2,p=1$" + salt16 + "$" + tag32},
		{"an underscore", "$argon2id$v=19$m=19_456,t=2,p=1$" + salt16 + "$" + tag32},
		{"hexadecimal", "$argon2id$v=19$m=0x4c00,t=2,p=1$" + salt16 + "$" + tag32},
		{"a space in a number", "$argon2id$v=19$m= 19456,t=2,p=1$" + salt16 + "$" + tag32},
		{"more than 32 bits", "$argon2id$v=19$m=4294986752,t=2,p=1$" + salt16 + "$" + tag32},
		{"more than 64 bits", "$argon2id$v=19$m=18446744073709571072,t=2,p=1$" + salt16 + "$" + tag32},
		{"no memory", "$argon2id$v=19$m=0,t=2,p=1$" + salt16 + "$" + tag32},
		{"no pass", "$argon2id$v=19$m=19456,t=0,p=1$" + salt16 + "$" + tag32},
		{"no lane", "$argon2id$v=19$m=19456,t=2,p=0$" + salt16 + "$" + tag32},
		{"256 lanes", "$argon2id$v=19$m=19456,t=2,p=256$" + salt16 + "$" + tag32},
		{"less than 8 KiB a lane", "$argon2id$v=19$m=31,t=2,p=4$" + salt16 + "$" + tag32},
		{"over 256 MiB (A63)", "$argon2id$v=19$m=262145,t=1,p=1$" + salt16 + "$" + tag32},
		{"4 TiB (A63)", "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt16 + "$" + tag32},
		{"over 64 passes (A63)", "$argon2id$v=19$m=8,t=65,p=1$" + salt16 + "$" + tag32},
		{"four thousand million passes (A63)", "$argon2id$v=19$m=8,t=4294967295,p=1$" + salt16 + "$" + tag32},
		{"over 1 GiB of passes (A63)", "$argon2id$v=19$m=262144,t=5,p=1$" + salt16 + "$" + tag32},
		{"no salt", head + "$" + tag32},
		{"7 bytes of salt", head + "AAECAwQFBg$" + tag32},
		{"49 bytes of salt", head + strings.Repeat("A", 66) + "$" + tag32},
		{"no tag", head + salt16 + "$"},
		{"15 bytes of tag", head + salt16 + "$AAECAwQFBgcICQoLDA0O"},
		{"65 bytes of tag", head + salt16 + "$" + strings.Repeat("A", 87)},
		{"padding", head + salt16 + "==$" + tag32},
		{"trailing bits in the salt", head + "AAECAwQFBgcICQoLDA0ODx$" + tag32},
		{"trailing bits in the tag", head + salt16 + "$" + tag32[:42] + "9"},
		{"the URL alphabet", head + strings.Repeat("_", 22) + "$" + tag32},
		{"a line end in the base64, which Go's decoder skips", head + salt16[:8] + "\n" + salt16[8:] + "$" + tag32},
		{"a megabyte", head + strings.Repeat("A", 1<<20) + "$" + tag32},
		{"a thousand dollars", strings.Repeat("$", 1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := password.ReencodePHC(tt.in)
			if !errors.Is(err, password.ErrMalformedHash) {
				t.Fatalf("got %v, want ErrMalformedHash", err)
			}
			if strings.Contains(err.Error(), salt16) || strings.Contains(err.Error(), tag32) {
				t.Errorf("the error quotes the hash: %v", err)
			}
		})
	}
}

// A string that is accepted is the same when it is encoded again.
func FuzzParsePHC(f *testing.F) {
	for _, s := range []string{
		"", "$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32,
		"$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgc$" + salt16,
		"$argon2id$v=19$m=+8,t=01,p=1$AAECAwQFBgc=$" + salt16 + "\n",
		"$argon2id$v=19$m=4294967295,t=4294967295,p=255$$",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := password.ReencodePHC(s)
		switch {
		case err == nil && got != s:
			t.Fatalf("%q was accepted and is written %q", s, got)
		case err != nil && !errors.Is(err, password.ErrMalformedHash):
			t.Fatalf("%q: %v is not ErrMalformedHash", s, err)
		}
	})
}
