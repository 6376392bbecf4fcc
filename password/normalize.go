package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxBytes bounds a password in bytes, before normalisation and after.
//
// Before, because NFKC is the expensive step: a megabyte costs 50 ms, more than
// the hash (attack A63, CVE-2023-46695). After, because NFKC can multiply: the
// three bytes of U+FDFA become 33. The two bounds are one, so that whatever
// Normalize returns, Normalize accepts. Nothing that fits a policy is lost: 256
// code points never take more than 1,024 bytes.
const maxBytes = 1024

// Normalize returns the form of password that is hashed and judged: Unicode
// NFKC (NIST SP 800-63B-4 section 3.1.1.2). Nothing else is changed: no
// trimming, no change of case, no truncation (ASVS v5.0.0-6.2.8). NUL bytes
// survive, and the empty string is itself. Normalising twice is normalising
// once.
//
// The error is a [*PolicyError] with one violation:
//
//   - [RuleTooLong] for more than 1,024 bytes, before or after normalisation;
//   - [RuleEncoding] for invalid UTF-8, and for a code point that Unicode has
//     not assigned.
//
// Unassigned code points are refused because the next version of Unicode may
// give them a normal form, and then the same keys would yield another hash (UAX
// #15 section 12.1, Stabilized Strings). What is assigned is decided by the
// tables of package [unicode], what is normalised by those of
// golang.org/x/text/unicode/norm; both are at the same version of Unicode when
// the two come from releases of the same time, and a test of this package fails
// when they part. A fleet that runs two versions of Go for a while refuses the
// newest characters on its older half and is right everywhere else.
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
// for comparing only; what is hashed keeps its case.
func fold(s string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(s)))
}
