package canonical_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/seed-51359b35/recovery/internal/canonical"
)

func TestText(t *testing.T) {
	const (
		tooLong = "must not be longer than 256 bytes"
		control = "must not contain control characters"
		utf8    = "must be valid UTF-8"
	)
	tests := []struct {
		sentence string
		in, want string
		err      string
	}{
		{"a user name", "john_doe", "john_doe", ""},
		{"a user name with spaces and tabs around it (A15)", "\t john_doe ", "john_doe", ""},
		{"capitals, kept", "John", "John", ""},
		{"a space inside, kept", "John Doe", "John Doe", ""},
		{"letters outside ASCII, kept as they are", "Jos\u00e9 \u212a", "Jos\u00e9 \u212a", ""},
		{"a decomposed letter, kept as it is", "Jose\u0301", "Jose\u0301", ""},
		{"a no-break space around it, kept", "\u00a0x\u00a0", "\u00a0x\u00a0", ""},
		{"256 bytes", strings.Repeat("x", 256), strings.Repeat("x", 256), ""},
		{"256 bytes and spaces around them", " " + strings.Repeat("x", 256) + " ", strings.Repeat("x", 256), ""},
		{"nothing", "", "", empty},
		{"spaces", "  \t", "", empty},
		{"257 bytes", strings.Repeat("x", 257), "", tooLong},
		{"255 characters in more than 256 bytes", strings.Repeat("é", 255), "", tooLong},
		{"a line break inside (A13)", "a\r\nb", "", control},
		{"a line break at the end (A13)", "a\n", "", control},
		{"a line break at the start (A13)", "\ra", "", control},
		{"a tab inside", "a\tb", "", control},
		{"a NUL", "a\x00", "", control},
		{"DEL", "a\x7f", "", control},
		{"a control character outside ASCII (NEL)", "a\u0085b", "", control},
		{"a line separator", "a\u2028b", "", control},
		{"a paragraph separator", "a\u2029b", "", control},
		{"invalid UTF-8", "a\xff", "", utf8},
		{"half of a surrogate pair", "a\xed\xa0\x80", "", utf8},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := canonical.Text(test.in)
			check(t, got, err, test.want, test.err)
		})
	}
}

func check(t *testing.T, got string, err error, want, wantErr string) {
	t.Helper()
	if wantErr == "" {
		if got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		return
	}
	if got != "" || err == nil || err.Error() != wantErr || !errors.Is(err, canonical.ErrInvalid) {
		t.Errorf("%q, %v; want the error %q", got, err, wantErr)
	}
}

func TestFoldASCII_A10(t *testing.T) {
	tests := []struct {
		sentence string
		in, want string
	}{
		{"nothing", "", ""},
		{"lower case", "john_doe", "john_doe"},
		{"capitals", "JOHN_DOE[@]^`{}", "john_doe[@]^`{}"},
		{"capitals after other letters", "éÉA", "éÉa"},
		{"dotless i", "\u0131I", "\u0131i"},
		{"dotted capital I", "\u0130", "\u0130"},
		{"long s", "\u017fS", "\u017fs"},
		{"Kelvin sign", "\u212aK", "\u212ak"},
		{"ligature", "\ufb01", "\ufb01"},
		{"full-width @", "\uff20\uff21", "\uff20\uff21"},
		{"sharp s", "\u00df\u1e9e", "\u00df\u1e9e"},
		{"invalid UTF-8", "\xff\xc3A", "\xff\xc3a"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if got := canonical.FoldASCII(test.in); got != test.want {
				t.Errorf("FoldASCII(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
	s := strings.Repeat("nothing to change, ", 10)
	if n := testing.AllocsPerRun(100, func() { canonical.FoldASCII(s) }); n != 0 {
		t.Errorf("%v allocations for nothing", n)
	}
}

// A15: all spellings of one identifier have the same canonical form, and two
// identifiers never have the same one.
func TestSpellings_A15(t *testing.T) {
	emails, phones := map[string]bool{}, map[string]bool{}
	for i := range 100 {
		email := []byte("victim@example.com")
		for j := range email {
			if i>>(j%7)&1 == 1 && 'a' <= email[j] && email[j] <= 'z' {
				email[j] -= 'a' - 'A'
			}
		}
		spelling, err := canonical.Email(strings.Repeat(" ", i%3) + string(email) + strings.Repeat("\t", i%5))
		if err != nil {
			t.Fatal(err)
		}
		emails[spelling] = true

		var phone strings.Builder
		for j, c := range "+14157415569" {
			phone.WriteRune(c)
			if i>>(j%7)&1 == 1 {
				phone.WriteByte(" -./("[(i+j)%5])
			}
		}
		if spelling, err = canonical.Phone(phone.String()); err != nil {
			t.Fatal(err)
		}
		phones[spelling] = true
	}
	if len(emails) != 1 || !emails["victim@example.com"] {
		t.Errorf("e-mail addresses: %v", emails)
	}
	if len(phones) != 1 || !phones["+14157415569"] {
		t.Errorf("phone numbers: %v", phones)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"john_doe", " a b ", "\u0085", "a\r\nb", "\xff", "\u2028", strings.Repeat("é", 128)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := checkLaws(t, "Text", canonical.Text, s)
		if strings.ContainsFunc(got, unicode.IsControl) || len(got) > 256 || got != strings.Trim(got, " ") {
			t.Fatalf("Text(%q) = %q", s, got)
		}
		// A folded text is still a valid text, so that a lookup without case
		// may fold it.
		if got != "" {
			folded := canonical.FoldASCII(got)
			if again, err := canonical.Text(folded); again != folded || err != nil || !strings.EqualFold(folded, got) {
				t.Fatalf("FoldASCII(%q) = %q, %v", got, folded, err)
			}
		}
	})
}
