package canonical_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/seed-51359b35/recovery/internal/canonical"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// The reasons that Email gives.
const (
	empty  = "must not be empty"
	long   = "must not be longer than 254 bytes"
	at     = "must contain exactly one @"
	local  = "must have 1 to 64 bytes of letters, digits or unquoted symbols before the @, with no dot first"
	domain = "must have a valid domain name of at least two labels after the @"
)

func TestEmailCanonical(t *testing.T) {
	label := strings.Repeat("a", 63)
	tests := []struct {
		sentence string
		in, want string
	}{
		{"a plain address", "johnwick@example.com", "johnwick@example.com"},
		{"capitals", "John.Wick@EXAMPLE.Com", "john.wick@example.com"},
		{"spaces and tabs around it (A15)", " \t johnwick@example.com\t ", "johnwick@example.com"},
		{"a sub-address, kept (A15)", "victim+1@example.com", "victim+1@example.com"},
		{"dots, kept (A15)", "v.i.c.t.i.m@example.com", "v.i.c.t.i.m@example.com"},
		{"every symbol of atext", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"an apostrophe", "O'Brien@example.ie", "o'brien@example.ie"},
		{"one character before the @", "a@b.co", "a@b.co"},
		{"64 bytes before the @", strings.Repeat("l", 64) + "@example.com", strings.Repeat("l", 64) + "@example.com"},
		{"254 bytes", strings.Repeat("l", 62) + "@" + label + "." + label + "." + label, strings.Repeat("l", 62) + "@" + label + "." + label + "." + label},
		{"a dot last, as Docomo had", "foo.@docomo.ne.jp", "foo.@docomo.ne.jp"},
		{"dots in a row", "a..b@docomo.ne.jp", "a..b@docomo.ne.jp"},
		{"many of them", "A...b..@Docomo.ne.jp", "a...b..@docomo.ne.jp"},
		{"letters outside ASCII", "müller@example.com", "müller@example.com"},
		{"only A to Z are folded (A10)", "MÜLLER@EXAMPLE.COM", "mÜller@example.com"},
		{"a dotless i, which is a letter of its own (A10)", "m\u0131ke@example.com", "m\u0131ke@example.com"},
		{"a dotted capital I, which is too (A10)", "m\u0130ke@example.com", "m\u0130ke@example.com"},
		{"a sharp s, which is too (A10)", "wei\u00df@example.com", "wei\u00df@example.com"},
		{"a Cyrillic letter that looks like a Latin one (A10)", "\u0430nna@example.com", "\u0430nna@example.com"},
		{"letters of another script, and its digits", "用户.๑@例え.テスト", "用户.๑@xn--r8jz45g.xn--zckzah"},
		{"a letter with a mark that has no letter of its own", "m\u0304ary@example.com", "m\u0304ary@example.com"},
		{"right-to-left letters", "\u05d3\u05e0@example.com", "\u05d3\u05e0@example.com"},
		{"32 letters of two bytes", strings.Repeat("ü", 32) + "@example.com", strings.Repeat("ü", 32) + "@example.com"},
		{"an internationalised domain", "a@bücher.example", "a@xn--bcher-kva.example"},
		{"an internationalised domain in capitals", "a@BÜCHER.example", "a@xn--bcher-kva.example"},
		{"the same in A-labels", "a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"},
		{"the same decomposed", "a@bu\u0308cher.example", "a@xn--bcher-kva.example"},
		{"sharp s, which is a letter of its own (A10)", "a@stra\u00dfe.example", "a@xn--strae-oqa.example"},
		{"an internationalised top-level domain", "a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"},
		{"a full-width domain (A11)", "a@ｅｘａｍｐｌｅ.com", "a@example.com"},
		{"an ideographic full stop (A11)", "a@example\u3002com", "a@example.com"},
		{"a full-width full stop (A11)", "a@example\uff0ecom", "a@example.com"},
		{"a soft hyphen in the domain (A11)", "a@exam\u00adple.com", "a@example.com"},
		{"a Kelvin sign in the domain, which DNS takes for a k (A10)", "a@\u212aernel.example", "a@kernel.example"},
		{"a long s in the domain, which DNS takes for an s (A10)", "a@\u017fignal.example", "a@signal.example"},
		{"a ligature in the domain, which DNS takes apart (A10)", "a@\ufb01sh.example", "a@fish.example"},
		{"a dotted capital I in the domain, which DNS takes for no i (A10)", "a@\u0130bm.example", "a@xn--ibm-8dc.example"},
		{"a label of digits", "a@163.com", "a@163.com"},
		{"hyphens inside a label", "a@a-b.c-d.example", "a@a-b.c-d.example"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := canonical.Email(test.in)
			if got != test.want || err != nil {
				t.Errorf("Email(%q) = %q, %v; want %q", test.in, got, err, test.want)
			}
		})
	}
}

// A10, A11: letters whose capital is a special case. Each spelling of a name is
// the same domain, and a name that only looks like it is another, as UTS #46
// says: lower case first, then NFC, and no transitional processing.
func TestEmailFoldsCapitals(t *testing.T) {
	for _, test := range []struct {
		sentence  string
		want      string
		spellings []string
		others    []string
	}{
		{"sharp s", "xn--fa-hia.de", []string{"fa\u00df.de", "FA\u1e9e.DE", "Fa\u00df.De", "fa\u1e9e.de", "XN--FA-HIA.DE"}, []string{"fass.de", "FASS.DE", "fas.de", "fa\u03b2.de"}},
		{"sharp s twice, with hyphens", "xn--gro-strae-i1af.example", []string{"gro\u00df-stra\u00dfe.example", "GRO\u1e9e-STRA\u1e9eE.EXAMPLE", "Gro\u00df-Stra\u1e9ee.example"}, []string{"gross-strasse.example", "gro\u00df-strasse.example"}},
		{"sharp s alone", "xn--zca.example", []string{"\u00df.example", "\u1e9e.example"}, []string{"ss.example"}},
		{"sharp s with a mark, which comes after the mapping", "xn--zca47i.example", []string{"\u00df\u0323.example", "\u1e9e\u0323.example"}, []string{"\u00df.example"}},
		{"sigma, whose capital is never the final one", "xn--0xah.example", []string{"\u03c3\u03bf.example", "\u03a3\u039f.example", "\u03a3\u03bf.example"}, nil},
		{"final sigma, which is a letter of its own", "xn--0xag.example", []string{"\u03bf\u03c2.example", "\u039f\u03c2.example"}, []string{"\u03bf\u03c3.example", "\u039f\u03a3.example"}},
		{"a ring, as one letter, as a unit and as a mark", "xn--5ca.example", []string{"\u00e5.example", "\u00c5.example", "\u212b.example", "a\u030a.example", "A\u030a.example"}, []string{"a.example"}},
		{"omega, also as a unit", "xn--bya.example", []string{"\u03c9.example", "\u03a9.example", "\u2126.example"}, nil},
		{"a digraph, in its three cases", "dz.example", []string{"dz.example", "\u01f1.example", "\u01f2.example", "\u01f3.example"}, nil},
		{"two marks in either order", "xn--zkg.example", []string{"a\u0323\u0302.example", "a\u0302\u0323.example", "\u1eac.example", "\u1ead.example"}, nil},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			for _, s := range test.spellings {
				if got, err := canonical.Email("a@" + s); got != "a@"+test.want || err != nil {
					t.Errorf("Email(%+q) = %q, %v; want %q", "a@"+s, got, err, "a@"+test.want)
				}
			}
			for _, s := range test.others {
				if got, err := canonical.Email("a@" + s); got == "a@"+test.want || err != nil {
					t.Errorf("Email(%+q) = %q, %v; want another domain", "a@"+s, got, err)
				}
			}
		})
	}
}

func TestEmailRefused(t *testing.T) {
	label := strings.Repeat("a", 63)
	tests := []struct {
		sentence string
		in, want string
	}{
		{"nothing", "", empty},
		{"white space", " \t ", empty},
		{"no @", "johnwick", at},
		{"two @", "a@b@example.com", at},
		{"an @ at each end", "@@", at},
		{"a doubled @ (A12)", "victim@example.com@evil.example", at},
		{"nothing before the @", "@example.com", local},
		{"nothing after the @", "a@", domain},

		// A10, A11: local parts that some databases, or NFKC, treat as others.
		{"a long s (A10)", "\u017fam@example.com", local},
		{"a Kelvin sign (A10)", "mi\u212ae@example.com", local},
		{"a ligature (A10)", "\ufb01n@example.com", local},
		{"an umlaut, decomposed (A10)", "mu\u0308ller@example.com", local},
		{"two marks in another order than that of NFC (A10)", "a\u0302\u0323@example.com", local},
		{"an Angstrom sign, which NFC changes (A10)", "\u212bke@example.com", local},
		{"a Greek question mark, which NFC turns into a semicolon (A11)", "a\u037eb@example.com", local},
		{"a grave accent that NFC turns into that of ASCII (A11)", "a\u1fefb@example.com", local},
		{"a superscript digit (A11)", "a\u00b2@example.com", local},
		{"Hangul letters that NFC composes (A10)", "\u1100\u1161@example.com", local},
		{"full-width letters (A11)", "ｖictim@example.com", local},
		{"a full-width @ instead of one (A10, A11)", "victim\uff20example.com", at},
		{"a small @ instead of one (A11)", "victim\ufe6bexample.com", at},
		{"a full-width @ before the real one (A11)", "victim\uff20example.com@evil.example", local},
		{"a full-width @ after the real one (A11)", "victim@example.com\uff20evil.example", domain},
		{"a small @ after the real one (A11)", "victim@example.com\ufe6bevil.example", domain},
		{"a full-width comma in the domain (A11)", "v@x.example\uff0ca.example", domain},
		{"a full-width full stop in the local part (A11)", "a\uff0eb@example.com", local},
		{"a one dot leader in the local part (A11)", "a\u2024b@example.com", local},
		{"a zero width space in the local part", "vic\u200btim@example.com", local},
		{"a variation selector in the local part", "vic\ufe0ftim@example.com", local},
		{"a grapheme joiner in the local part", "vic\u034ftim@example.com", local},
		{"a zero width joiner in the local part", "vic\u200dtim@example.com", local},
		{"a letter that is not seen", "vic\u115ftim@example.com", local},
		{"a right-to-left override (A13)", "vic\u202etim@example.com", local},
		{"a mark first, which combines with a < in front of it (A13)", "\u0338victim@example.com", local},
		{"a line separator in the local part (A13)", "vic\u2028tim@example.com", local},
		{"a next line in the local part (A13)", "vic\u0085tim@example.com", local},
		{"an emoji in the local part", "\U0001f40e@example.com", local},
		{"a code point for private use", "\ue000@example.com", local},
		{"a code point that is not assigned", "a\u0378@example.com", local},
		{"an ideographic comma (A12)", "v\u3001a@example.com", local},
		{"a surrogate in UTF-8", "a\xed\xa0\x80@example.com", local},
		{"an overlong full stop", "a\xc0\xaeb@example.com", local},
		{"an overlong @", "victim\xc1\x80evil.example@example.com", local},
		{"a soft hyphen in the local part", "vic\u00adtim@example.com", local},
		{"an A-label that is nothing but ASCII (A11)", "a@xn--example-.com", domain},
		{"an A-label that does not decode", "a@xn--999999999999.com", domain},
		{"an empty A-label", "a@xn--.com", domain},

		// A12: more than one recipient.
		{"a list with a comma (A12)", "v@x.example,a@y.example", at},
		{"a list with a semicolon (A12)", "v@x.example;a@y.example", at},
		{"a list with a space (A12)", "v@x.example a@y.example", at},
		{"a comma before the @ (A12)", "v,a@y.example", local},
		{"a comma after the @ (A12)", "v@y.example,a", domain},
		{"a semicolon after the @ (A12)", "v@y.example;a", domain},
		{"a display name (A12)", `"V" <v@x.example>, a@y.example`, at},
		{"one with a display name", "Victim <victim@example.com>", local},
		{"angle brackets", "<victim@example.com>", local},
		{"a percent route", "victim%example.com@evil.example@", at},
		{"a bang path with a colon", "@evil.example:victim@example.com", at},
		{"a mailto URL", "mailto:victim@example.com", local},

		// A13: quoting, comments, literals, line breaks.
		{"ESMTP parameters in a quoted local part (A13)", `"victim@x.com> ORCPT=a"@y.com`, at},
		{"a quoted local part (A13)", `"victim"@example.com`, local},
		{"a quoted space (A13)", `"a b"@example.com`, local},
		{"an escaped character (A13)", `a\b@example.com`, local},
		{"a comment (A13)", "victim(comment)@example.com", local},
		{"a comment after the @ (A13)", "victim@(comment)example.com", domain},
		{"an address literal (A13)", "victim@[192.0.2.1]", domain},
		{"an IPv6 literal (A13)", "victim@[IPv6:2001:db8::1]", domain},
		{"an address without its brackets (A13)", "victim@192.0.2.1", domain},
		{"an address in hexadecimal (A13)", "victim@0x7f.0x1", domain},
		{"a header after a line break (A13)", "victim@example.com\r\nBcc: evil@evil.example", at},
		{"a line break before the @ (A13)", "vic\r\ntim@example.com", local},
		{"a line break at the end (A13)", "victim@example.com\r\n", domain},
		{"a line feed at the start (A13)", "\nvictim@example.com", local},
		{"a NUL (A13)", "victim@example.com\x00.evil.example", domain},
		{"a NUL before the @ (A13)", "victim\x00@example.com", local},
		{"a space before the @", "vic tim@example.com", local},
		{"a space after the @", "victim@ example.com", domain},
		{"a no-break space around it", "\u00a0victim@example.com", local},
		{"DEL", "victim\x7f@example.com", local},

		{"a dot first", ".victim@example.com", local},
		{"a dot alone", ".@example.com", local},
		{"a single label (localhost)", "root@localhost", domain},
		{"a top-level domain", "a@com", domain},
		{"a trailing dot in the domain (A15)", "victim@example.com.", domain},
		{"a leading dot in the domain", "victim@.example.com", domain},
		{"a doubled dot in the domain", "victim@example..com", domain},
		{"an ideographic full stop at the end", "victim@example.com\u3002", domain},
		{"a label with a leading hyphen", "victim@-example.com", domain},
		{"a label with a trailing hyphen", "victim@example-.com", domain},
		{"hyphens third and fourth", "victim@ab--cd.com", domain},
		{"an underscore", "victim@ex_ample.com", domain},
		{"a slash", "victim@example.com/x", domain},
		{"a port", "victim@example.com:25", domain},
		{"a numeric top-level domain", "victim@example.123", domain},
		{"a zero width joiner out of place", "victim@exam\u200dple.com", domain},
		{"right-to-left letters after digits", "victim@0\u05d0.example", domain},
		{"invalid UTF-8 in the domain", "victim@ex\xffample.com", domain},
		{"invalid UTF-8 in the local part", "vic\xfftim@example.com", local},

		{"33 letters of two bytes before the @", strings.Repeat("ü", 33) + "@example.com", local},
		{"dots alone", "..@example.com", local},
		{"a dot first and last", ".victim.@example.com", local},
		{"65 bytes before the @", strings.Repeat("l", 65) + "@example.com", local},
		{"255 bytes", strings.Repeat("l", 63) + "@" + label + "." + label + "." + label, long},
		{"a label of 64 bytes", "a@" + label + "a.example", domain},
		{"80 short labels that are more as A-labels", "a@" + strings.Repeat("ü.", 80) + "example", long},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := canonical.Email(test.in)
			if err == nil {
				t.Fatalf("Email(%q) = %q", test.in, got)
			}
			if got != "" {
				t.Errorf("Email(%q) = %q along with an error", test.in, got)
			}
			if err.Error() != test.want {
				t.Errorf("Email(%q): %q, want %q", test.in, err, test.want)
			}
			if !errors.Is(err, canonical.ErrInvalid) {
				t.Error("error does not wrap ErrInvalid")
			}
		})
	}
}

// A14: addresses that take parsers a long time.
func TestEmailIsCheap_A14(t *testing.T) {
	const size = 1 << 20
	for _, s := range []string{
		strings.Repeat("@", size),
		strings.Repeat(" ", size),
		strings.Repeat("\t ", size) + "a",
		strings.Repeat("a", size) + "@example.com",
		"a@" + strings.Repeat("a.", size),
		"a@" + strings.Repeat("xn--", size),
		"a@" + strings.Repeat("\u0300", size),
		strings.Repeat("(", size) + "a@example.com",
		strings.Repeat(`"`, size) + "@example.com",
	} {
		start := time.Now()
		if got, err := canonical.Email(s); err == nil {
			t.Errorf("Email(%.20q...) = %q", s, got)
		}
		if took := time.Since(start); took > testenv.Patience(10*time.Second) {
			t.Errorf("Email(%.20q...) took %v", s, took)
		}
	}
	// Short enough for idna to read.
	for _, s := range []string{
		"a@" + strings.Repeat("\ufdfa", 84), // one code point becomes 18
		"a@" + strings.Repeat("\u0300", 126),
		"a@xn--" + strings.Repeat("z", 240),
		"a@" + strings.Repeat("xn--a.", 41) + "com",
	} {
		start := time.Now()
		if got, err := canonical.Email(s); err == nil {
			t.Errorf("Email(%.20q...) = %q", s, got)
		}
		if took := time.Since(start); took > testenv.Patience(10*time.Second) {
			t.Errorf("Email(%.20q...) took %v", s, took)
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{
		"johnwick@example.com", " John.Wick@EXAMPLE.com\t", "a@bücher.example", "a@xn--bcher-kva.example",
		"a@xn--example-.com", "a@XN--.com", "victim\uff20example.com", "a@example\u3002com", "a@exam\u00adple.com",
		"a@\u0130.example", "a@\u212a.example", "a@\u1e9e.example", "a@\ufdfa.example", "a@0\u05d0.example", "a@\u05d00.\u05d0",
		"foo.@docomo.ne.jp", "a..b@docomo.ne.jp", ".a@b.example", "müller@example.com", "MÜLLER@example.com", "mu\u0308ller@example.com",
		"\u212ae@example.com", "\u0338a@b.example", "a\u037eb@c.example", "\u0130\u0131\u00df\u017f@example.com", "a\ufe0f\u034f@b.example",
		"o'brien@a--b.example", "a@ab--cd.example", `"a b"@example.com`, "v@x,a@y", "a@1.2.3.4", "a@\u2488com", "a@a\u200d.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := checkLaws(t, "Email", canonical.Email, s)
		if got == "" {
			return
		}
		if len(got) > 254 || strings.Count(got, "@") != 1 || canonical.FoldASCII(got) != got {
			t.Fatalf("Email(%q) = %q", s, got)
		}
		localPart, domain, _ := strings.Cut(got, "@")
		for i, c := range got {
			if c <= ' ' || c == 0x7f || strings.ContainsRune(`"(),:;<>[\]`, c) || c > '~' && i > len(localPart) {
				t.Fatalf("%q in Email(%q) = %q", c, s, got)
			}
			if c > '~' && (unicode.IsControl(c) || unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) || c == '\u2028' || c == '\u2029') {
				t.Fatalf("%+q in Email(%+q) = %+q", c, s, got)
			}
		}
		// In front of the @ nothing is changed but A to Z (A10).
		if before, _, _ := strings.Cut(s, "@"); canonical.FoldASCII(strings.Trim(before, " \t")) != localPart {
			t.Fatalf("Email(%+q) = %+q changes the local part", s, got)
		}
		// What normalises it later does not make another address of it, also
		// behind the "<" of a header (A10, A11, A13).
		if in := "<" + got + ">"; norm.NFC.String(in) != in || norm.NFKC.String(in) != in {
			t.Fatalf("Email(%+q) = %+q, which normalisation changes", s, got)
		}
		// Case and surrounding spaces do not make another identifier (A15).
		if again, err := canonical.Email(" " + upperASCII(localPart) + "@" + strings.ToUpper(domain) + "\t"); again != got || err != nil {
			t.Fatalf("another spelling of %q is %q, %v", got, again, err)
		}
	})
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, s)
}

// checkLaws checks what must be true for every function of the package. A
// result is returned unchanged when it is passed in again (A11). An error comes
// without a value, does not quote the input, and wraps ErrInvalid.
func checkLaws(t *testing.T, name string, f func(string) (string, error), s string) string {
	t.Helper()
	got, err := f(s)
	if err != nil {
		if got != "" || !errors.Is(err, canonical.ErrInvalid) {
			t.Fatalf("%s(%q) = %q, %v", name, s, got, err)
		}
		return ""
	}
	if got == "" || !utf8.ValidString(got) {
		t.Fatalf("%s(%q) = %q", name, s, got)
	}
	if again, err := f(got); again != got || err != nil {
		t.Fatalf("%s(%q) = %q, whose canonical form is %q, %v", name, s, got, again, err)
	}
	return got
}

func BenchmarkEmail(b *testing.B) {
	for name, s := range map[string]string{
		"canonical": "johnwick@example.com",
		"capitals":  " JohnWick@Example.com ",
		"idn":       "johnwick@bücher.example",
		"umlaut":    "müller@example.com",
		"hostile":   "a@" + strings.Repeat("\ufdfa", 84),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = canonical.Email(s)
			}
		})
	}
}
