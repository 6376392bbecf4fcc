package canonical_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/canonical"
)

func TestPhone(t *testing.T) {
	const (
		plus   = "must begin with + and the country code"
		char   = "must contain only digits and the separators space - . ( ) / after the +"
		digits = "must have 7 to 15 digits"
		trunk  = "must not contain a trunk prefix in parentheses such as (0)"
		long   = "must not be longer than 64 characters"
	)
	tests := []struct {
		sentence string
		in, want string
		err      string
	}{
		{"the number in the vendor's example", "+14-157415569", "+14157415569", ""},
		{"a canonical number", "+14157415569", "+14157415569", ""},
		{"every separator", " +1 (415) 741-55.6/9 ", "+14157415569", ""},
		{"parentheses around the country code", "(+49) 30 123456", "+4930123456", ""},
		{"parentheses around an area code with its 0", "+39 (06) 1234567", "+39061234567", ""},
		{"a tab around it", "\t+14157415569\t", "+14157415569", ""},
		{"seven digits", "+2901234", "+2901234", ""},
		{"fifteen digits", "+123456789012345", "+123456789012345", ""},
		{"nothing", "", "", plus},
		{"separators alone", "( - )", "", plus},
		{"a plus alone", "+", "", plus},
		{"a national number", "04157415569", "", plus},
		{"a number without its plus", "14157415569", "", plus},
		{"00 for the plus", "0014157415569", "", plus},
		{"00 after the plus", "+0014157415569", "", plus},
		{"a country code of 0", "+0157415569", "", plus},
		{"a 0 after the plus in parentheses", "+(0)14157415569", "", trunk},
		{"a trunk prefix", "+49 (0) 30 123456", "", trunk},
		{"a trunk prefix with separators", "+49 (-0.) 30 123456", "", trunk},
		{"six digits", "+123456", "", digits},
		{"sixteen digits", "+1234567890123456", "", digits},
		{"two pluses", "++14157415569", "", char},
		{"a plus in the middle", "+1415+7415569", "", char},
		{"two numbers (A12)", "+14157415569,+14157415560", "", char},
		{"two numbers with a semicolon (A12)", "+14157415569;+1", "", char},
		{"two numbers with a space (A12)", "+14157415569 +1", "", char},
		{"an extension", "+14157415569x12", "", char},
		{"a URI parameter", "+14157415569;ext=12", "", char},
		{"a tel URI", "tel:+14157415569", "", char},
		{"letters", "+1415FLOWERS", "", char},
		{"a line break (A13)", "+1415741\r\n5569", "", char},
		{"a line break at the end (A13)", "+14157415569\n", "", char},
		{"a tab inside", "+1415\t7415569", "", char},
		{"a NUL", "+14157415569\x00", "", char},
		{"full-width digits (A11)", "+１４１５７４１５５６９", "", char},
		{"Arabic digits (A11)", "+١٤١٥٧٤١٥٥٦٩", "", char},
		{"a full-width plus (A11)", "\uff0b14157415569", "", char},
		{"a no-break space", "+1\u00a04157415569", "", char},
		{"a no-break hyphen", "+1\u20114157415569", "", char},
		{"invalid UTF-8", "+1415741556\xff", "", char},
		{"65 bytes (A14)", "+1" + strings.Repeat(" ", 56) + "4157415", "", long},
		{"a megabyte (A14)", strings.Repeat("+", 1<<20), "", long},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := canonical.Phone(test.in)
			check(t, got, err, test.want, test.err)
		})
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"+14-157415569", "(+49) 30/123456", "+49 (0) 30", "0049", "++1", "+1234567890123456", "+1\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := checkLaws(t, "Phone", canonical.Phone, s)
		if got == "" {
			return
		}
		if len(got) < 8 || len(got) > 16 || got[0] != '+' || got[1] == '0' || strings.Trim(got[1:], "0123456789") != "" {
			t.Fatalf("Phone(%q) = %q", s, got)
		}
		// No digit is lost, moved or added.
		if want := strings.Map(func(r rune) rune {
			if r == '+' || '0' <= r && r <= '9' {
				return r
			}
			return -1
		}, s); got != want {
			t.Fatalf("Phone(%q) = %q, want %q", s, got, want)
		}
	})
}

func BenchmarkPhone(b *testing.B) {
	for name, s := range map[string]string{"canonical": "+14157415569", "separators": "+14-157415569"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := canonical.Phone(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
