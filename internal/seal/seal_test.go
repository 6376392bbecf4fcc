package seal_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

func key(fill byte) seal.Key {
	return seal.Key{Hash: bytes.Repeat([]byte{fill}, 32), Block: bytes.Repeat([]byte{^fill}, 32)}
}

func TestSealedValuesOpenOnlyWhereTheyShould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seal.New([]seal.Key{key(1)}, "token", time.Hour, 1024)
		value := []byte("lead and secret")
		sealed, err := s.Seal(value)
		if err != nil {
			t.Fatal(err)
		}
		if string(value) != "lead and secret" {
			t.Errorf("Seal changed its argument to %q", value)
		}
		if again, _ := s.Seal(value); again == sealed {
			t.Error("equal values seal to equal strings")
		}
		if strings.Contains(sealed, "lead") {
			t.Errorf("sealed %q", sealed)
		}
		rotated := seal.New([]seal.Key{key(2), key(1)}, "token", time.Hour, 1024)
		for _, c := range []struct {
			name string
			by   *seal.Sealer
			want error
		}{
			{"the one that sealed it", s, nil},
			{"one that has the key as its second", rotated, nil},
			{"one for another purpose", seal.New([]seal.Key{key(1)}, "job", time.Hour, 1024), seal.ErrUnknownKey},
			{"one of another name", s.Named("job"), seal.ErrUnknownKey},
			{"one that has its name back", s.Named("job").Named("token"), nil},
			{"one without the key", seal.New([]seal.Key{key(2)}, "token", time.Hour, 1024), seal.ErrUnknownKey},
			{"one that takes strings of its length", seal.New([]seal.Key{key(1)}, "token", time.Hour, len(sealed)), nil},
			{"one that takes shorter strings", seal.New([]seal.Key{key(1)}, "token", time.Hour, len(sealed)-1), seal.ErrInvalid},
		} {
			got, _, err := c.by.Open(sealed)
			if err != c.want || err == nil && string(got) != string(value) {
				t.Errorf("%s: %q, %v, want %v", c.name, got, err, c.want)
			}
		}
		end, other := len(sealed)-20, byte('A')
		if sealed[end] == other {
			other = 'B'
		}
		for _, c := range []struct {
			name, in string
			want     error
		}{
			{"the next version", "2" + sealed[1:], seal.ErrNewerVersion},
			{"a short word that begins like the next version", "2020", seal.ErrInvalid},
			{"the version before the first", "0" + sealed[1:], seal.ErrInvalid},
			{"no version", sealed[1:], seal.ErrInvalid},
			{"nothing", "", seal.ErrInvalid},
			{"the version alone", "1", seal.ErrInvalid},
			{"the end cut off", sealed[:len(sealed)-4], seal.ErrInvalid},
			{"a letter of the MAC changed", sealed[:end] + string(other) + sealed[end+1:], seal.ErrUnknownKey},
			{"a word of the right letters", "1" + strings.Repeat("A", 100), seal.ErrInvalid},
		} {
			if _, _, err := s.Open(c.in); err != c.want {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		if _, key, err := rotated.Open(sealed); err != nil || key != 1 {
			t.Errorf("opened by key %d, %v, want 1", key, err)
		}
		time.Sleep(time.Hour)
		if _, _, err := s.Open(sealed); err != nil {
			t.Error("at its last second:", err)
		}
		time.Sleep(time.Second)
		if _, _, err := s.Open(sealed); err != seal.ErrTooOld {
			t.Error("too old:", err)
		}
	})
}

func TestValueThatIsTooLongIsNotSealed(t *testing.T) {
	s := seal.New([]seal.Key{key(1)}, "token", time.Hour, 256)
	if sealed, err := s.Seal(bytes.Repeat([]byte{'x'}, 200)); err == nil {
		t.Errorf("sealed to %d bytes", len(sealed))
	}
}

// A06: a value opens in exactly one spelling.
func FuzzOpen(f *testing.F) {
	s := seal.New([]seal.Key{key(1)}, "token", 0, 1024)
	sealed, err := s.Seal([]byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed + "=")
	f.Add(sealed[:20] + "\n" + sealed[20:])
	// Four bytes more leave the padding right: base64 comes in groups of four.
	f.Add(sealed[:20] + "\r\n\r\n" + sealed[20:])
	f.Fuzz(func(t *testing.T, in string) {
		if _, _, err := s.Open(in); err != nil {
			return
		}
		b, err := base64.RawURLEncoding.DecodeString(in[1:])
		if err != nil || "1"+base64.RawURLEncoding.EncodeToString(b) != in {
			t.Errorf("%q opened, and is spelt otherwise", in)
		}
	})
}
