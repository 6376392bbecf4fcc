// Package canonical brings the identifiers by which people are found into one
// canonical form.
//
// An identifier is canonicalised once and checked in that form. From then on
// only that form is used: to look up, to count against limits, and to compare
// with stored values. So every function here is idempotent and accepts its own
// results, and a limiter counts exactly one spelling.
package canonical

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrInvalid is wrapped by every error of this package. The text of an error
// completes a sentence that begins with the name of a field ("must contain
// exactly one @"). The text never quotes the value, so it is safe to show.
var ErrInvalid = errors.New("must be a valid identifier")

// invalid is an error that wraps ErrInvalid and says why.
type invalid string

func (e invalid) Error() string { return string(e) }
func (e invalid) Unwrap() error { return ErrInvalid }

// maxText is the length of the longest text in bytes.
const maxText = 256

const (
	errTextEmpty   = invalid("must not be empty")
	errTextLong    = invalid("must not be longer than 256 bytes")
	errTextUTF8    = invalid("must be valid UTF-8")
	errTextControl = invalid("must not contain control characters")
)

// Text returns the canonical form of an identifier without a syntax of its own,
// such as a user name or a customer number. It trims spaces and tabs from both
// ends and changes nothing else. A text has 1 to 256 bytes of valid UTF-8 and
// no control characters or line separators.
//
// Text does not fold case: a wire whose lookups ignore case applies [FoldASCII]
// to the result.
func Text(s string) (canonical string, err error) {
	s = trim(s)
	switch {
	case s == "":
		return "", errTextEmpty
	case len(s) > maxText:
		return "", errTextLong
	case !utf8.ValidString(s):
		return "", errTextUTF8
	case strings.ContainsFunc(s, breaksLine):
		return "", errTextControl
	}
	return s, nil
}

// breaksLine reports whether r is a control character, or one of the two
// separators that are not in Unicode's class of control characters but end a
// line as well.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// FoldASCII lower-cases the letters A to Z and nothing else. strings.ToLower
// would also change U+212A to a k and U+0130 to an i, and so turn one name into
// the name of somebody else. FoldASCII allocates only if it changes something.
func FoldASCII(s string) string {
	for i := range len(s) {
		if isUpper(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if isUpper(b[j]) {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// trim removes the spaces and tabs that people paste along with an identifier.
// It keeps a line break, which is a sign of an injection, so that it is
// refused.
func trim(s string) string { return strings.Trim(s, " \t") }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
