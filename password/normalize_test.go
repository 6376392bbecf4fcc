package password_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-51359b35/recovery/password"
)

func TestNormalize(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
	}{
		{"the empty string is itself", "", ""},
		{"ASCII is itself", "Correct horse 7!", "Correct horse 7!"},
		{"case and spaces at the ends are kept", "  A b ", "  A b "},
		{"NUL bytes survive (A64)", "a\x00b\x00", "a\x00b\x00"},
		{"control characters survive", "a\tb\x7f", "a\tb\x7f"},
		{"a combining accent is composed", "cafe\u0301", "caf\u00e9"},
		{"full width letters become plain", "\uff30\uff41\uff53\uff53", "Pass"},
		{"a no-break space becomes a space", "a\u00a0b", "a b"},
		{"a ligature is taken apart", "\ufb01sh", "fish"},
		{"the Angstrom sign becomes the letter", "\u212b", "\u00c5"},
		{"Hangul is composed", "\u1112\u1161\u11ab", "\ud55c"},
		{"an emoji is itself", "\U0001f40e", "\U0001f40e"},
		{"a private use character is itself", "\ue000", "\ue000"},
		{"1,024 bytes are accepted", strings.Repeat("a", 1024), strings.Repeat("a", 1024)},
		{"256 code points of four bytes are accepted", strings.Repeat("\U0001f40e", 256), strings.Repeat("\U0001f40e", 256)},
		{"U+FDFA grows elevenfold and is accepted within the bound", "\ufdfa", norm.NFKC.String("\ufdfa")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := password.Normalize(tt.in)
			if err != nil || got != tt.want {
				t.Fatalf("Normalize(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
			}
			again, err := password.Normalize(got)
			if err != nil || again != got {
				t.Errorf("Normalize(%q) = %q, %v; want it unchanged", got, again, err)
			}
		})
	}
}

func TestNormalizeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		rule     password.Rule
	}{
		{"1,025 bytes (A63)", strings.Repeat("a", 1025), password.RuleTooLong},
		{"a megabyte (A63, CVE-2023-46695)", strings.Repeat("\u0301", 1<<19), password.RuleTooLong},
		{"more than 4,096 bytes after NFKC (A63)", strings.Repeat("\ufdfa", 341), password.RuleTooLong},
		{"more than 1,024 bytes after NFKC, which it would not accept again", strings.Repeat("\ufdfa", 32), password.RuleTooLong},
		{"too long before it is invalid", strings.Repeat("\xff", 2000), password.RuleTooLong},
		{"a lone continuation byte", "abc\x80def", password.RuleEncoding},
		{"a truncated sequence", "abc\xe2\x82", password.RuleEncoding},
		{"an overlong NUL", "a\xc0\x80", password.RuleEncoding},
		{"a surrogate", "a\xed\xa0\x80", password.RuleEncoding},
		{"beyond U+10FFFF", "\xf4\x90\x80\x80", password.RuleEncoding},
		{"an unassigned code point (UAX #15 12.1)", "abc\u0378", password.RuleEncoding},
		{"a noncharacter", "abc\ufffe", password.RuleEncoding},
		{"a noncharacter of plane 16", "abc\U0010ffff", password.RuleEncoding},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := password.Normalize(tt.in)
			refused, ok := errors.AsType[*password.PolicyError](err)
			if !ok || got != "" {
				t.Fatalf("got %q, %v; want a *PolicyError", got, err)
			}
			if len(refused.Violations) != 1 || refused.Violations[0].Rule != tt.rule {
				t.Errorf("got %v, want %s alone", err, tt.rule)
			}
		})
	}
}

// Stabilized strings need the same version of Unicode for assigned and for
// normalised code points. When this test fails after an update of Go, update
// golang.org/x/text.
func TestUnicodeVersionsAgree(t *testing.T) {
	if unicode.Version != norm.Version {
		t.Errorf("package unicode is at %s, package norm at %s", unicode.Version, norm.Version)
	}
}

func TestEveryAssignedCodePointIsAccepted(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		assigned := unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co)
		normal, err := password.Normalize(string(r))
		if assigned != (err == nil) {
			t.Fatalf("%U: assigned %v, err %v", r, assigned, err)
		}
		if again, err2 := password.Normalize(normal); err == nil && (err2 != nil || again != normal) {
			t.Fatalf("%U: normalised twice is %q, %v; once %q", r, again, err2, normal)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{
		"", "a\x00b", "cafe\u0301", "\ufdfa\ufdfa", "\uff21\u0300\u0316", "\u1100\u1161\u11a8",
		strings.Repeat("\u0301", 40), "a" + strings.Repeat("\u0316\u0301", 33), "\u0378", "\xff", strings.Repeat("\ufdfa", 31),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := password.Normalize(s)
		if err != nil {
			if _, ok := errors.AsType[*password.PolicyError](err); !ok || once != "" {
				t.Fatalf("%q: got %q, %v", s, once, err)
			}
			return
		}
		if len(once) > 1024 || !utf8.ValidString(once) || !norm.NFKC.IsNormalString(once) {
			t.Fatalf("%q: %q is not a normal form within the bound", s, once)
		}
		twice, err := password.Normalize(once)
		if err != nil || twice != once {
			t.Fatalf("%q: once %q, twice %q, %v", s, once, twice, err)
		}
	})
}
