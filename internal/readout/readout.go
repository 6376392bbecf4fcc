// Package readout makes the codes that a help desk reads out, and reads them as
// people type them.
package readout

import (
	"crypto/rand"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// alphabet is Crockford's base32. It has no I, L and O, which look like digits, and
// no U, which sounds like "you".
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Len is how many characters a code has. They are 75 random bits. NIST SP 800-63B-4
// (3.1.2.2) lets a secret of 64 bits or more do without a count of wrong guesses. So
// no stranger can use such a count up.
const Len = 15

// group is how many characters stand together when a code is read out.
const group = 5

// maxTyped is the longest text, in bytes, that is read as a code.
const maxTyped = 256

// New returns a random code. All codes are equally likely.
func New() string {
	var b [Len]byte
	_, _ = rand.Read(b[:]) // never fails
	for i, v := range b {
		b[i] = alphabet[v%byte(len(alphabet))] // 32 divides 256, so no character is likelier
	}
	return string(b[:])
}

// Grouped returns a code as it is shown to whoever reads it out: in three groups,
// with hyphens between them.
func Grouped(code string) string {
	var groups []string
	for i := 0; i < len(code); i += group {
		groups = append(groups, code[i:min(i+group, len(code))])
	}
	return strings.Join(groups, "-")
}

// Parse returns the code that a text spells, or false if it spells none. The case
// of letters, spaces, hyphens and invisible characters do not matter. O is read as
// 0, I and L as 1. Letters and digits may be as wide as those of East Asian
// keyboards.
func Parse(typed string) (code string, ok bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range norm.NFKC.String(typed) {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		switch {
		case unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Pd):
			continue
		case r == 'O':
			r = '0'
		case r == 'I' || r == 'L':
			r = '1'
		}
		if !strings.ContainsRune(alphabet, r) || b.Len() == Len {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), b.Len() == Len
}
