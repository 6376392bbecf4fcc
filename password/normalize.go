package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxBytes is the most bytes of a password, before and after normalisation.
//
// It holds before, because NFKC is expensive: a megabyte costs 50 ms, more than
// the hash (attack A63, CVE-2023-46695). It holds after, because NFKC can
// multiply the length: the three bytes of U+FDFA become 33. Both bounds are the
// same, so that Normalize accepts whatever it returns. No password of an
// allowed length is refused: 256 code points never take more than 1,024 bytes.
const maxBytes = 1024

// Normalize returns the form of password that is hashed and judged: Unicode
// NFKC (NIST SP 800-63B-4 section 3.1.1.2). It changes nothing else: it does
// not trim, change case or truncate (ASVS v5.0.0-6.2.8), and keeps NUL bytes.
// The empty string stays empty. Normalising the result again does not change
// it.
//
// The error is a [*PolicyError] with one violation:
//
//   - [RuleTooLong] for more than 1,024 bytes, before or after normalisation;
//   - [RuleEncoding] for invalid UTF-8, and for a code point that Unicode has
//     not assigned.
//
// Unassigned code points are refused because a later version of Unicode may
// give them a normal form. The same keys would then give another hash (UAX #15
// section 12.1, Stabilized Strings). The tables of package [unicode] say which
// code points are assigned, and those of golang.org/x/text/unicode/norm say how
// they are normalised. Both have the same version of Unicode if they come from
// releases of the same time, and a test of this package fails if the versions
// differ. Servers that run two versions of Go for a while refuse the newest
// characters on the older version. All other characters work on both.
//
// The same function must be used at sign-up, login and reset. [Argon2id] and
// [Policy] call it themselves.
func Normalize(password string) (string, error) {
	if len(password) > maxBytes {
		return "", policyError(tooManyBytes(maxBytes))
	}
	if !utf8.ValidString(password) {
		return "", policyError(badEncoding("This password is not valid text. Type it again."))
	}
	for _, r := range password {
		// Cn includes the noncharacters, such as U+FFFE.
		if r >= utf8.RuneSelf && unicode.Is(unicode.Cn, r) {
			return "", policyError(badEncoding("This password contains a character that is too new or not allowed. Leave it out."))
		}
	}
	normal := norm.NFKC.String(password)
	if len(normal) > maxBytes {
		return "", policyError(tooManyBytes(maxBytes))
	}
	return normal, nil
}

// fold returns the form in which words are compared: NFKC and lower case. It is
// for comparisons only. The password that is hashed keeps its case.
func fold(s string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(s)))
}
