package portal

import (
	"strings"
	"unicode"
)

// maxTypedPhone is how many bytes are read of a phone number as it was typed.
const maxTypedPhone = 256

// phone returns the phone number that a person typed, as the Service reads it. What
// cannot be read it returns unchanged, so that the Service refuses it. Everything
// but the pages takes numbers as the Service reads them, because a program that
// guesses what its user meant may find somebody else.
func (p *Handler) phone(typed string) string {
	number, ok := readPhone(typed)
	if !ok {
		return typed
	}
	if number[0] != '+' && p.opts.NationalPhone != nil {
		return p.opts.NationalPhone(number)
	}
	return number
}

// isInternational reports whether a typed text begins as a phone number with a
// country code does.
func isInternational(typed string) bool {
	return strings.HasPrefix(strings.TrimLeft(plainPhone(typed), "("), "+")
}

// readPhone returns the digits of a typed number, with a '+' in front if there is
// one.
//
// It reads no "00" as a '+', because which digits dial abroad depends on the country
// of the person.
func readPhone(typed string) (string, bool) {
	if len(typed) > maxTypedPhone {
		return "", false
	}
	s, ok := withoutTrunkPrefix(plainPhone(typed))
	s = strings.NewReplacer("(", "", ")", "").Replace(s)
	digits := strings.TrimPrefix(s, "+")
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return s, true
}

// plainPhone returns a typed number without what people and programs put around and
// between the digits, but for brackets, which it writes as '(' and ')': "tel:" of a
// link (RFC 3966), spaces and dashes of all kinds, dots and slashes.
func plainPhone(typed string) string {
	typed = trim(typed)
	if len(typed) > 4 && strings.EqualFold(typed[:4], "tel:") {
		typed = typed[4:]
	}
	return strings.Map(phoneCharacter, typed)
}

// phoneCharacter returns the plain form of a character in a phone number: a digit,
// '+', '(' or ')'. It drops what stands between digits, and returns anything else
// as it is.
func phoneCharacter(r rune) rune {
	switch r {
	case '+', '\uff0b', '\ufe62': // full-width and small
		return '+'
	case '(', '[', '\uff08', '\uff3b':
		return '('
	case ')', ']', '\uff09', '\uff3d':
		return ')'
	case '.', '/', '\uff0f', '\uff0e', '\u00b7', '~', '\u2053', '\u223c', '\uff5e':
		return -1
	case '\u2212', '\u30fc', '\u2043': // minus, and what stands for a dash
		return -1
	}
	if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Pd) {
		return -1
	}
	return latinDigit(r)
}

// withoutTrunkPrefix drops the "(0)" behind a country code, which nobody dials from
// abroad: +49 (0)30. Only in Italy, San Marino and the Vatican it is dialled. It is
// false for a "(0)" elsewhere, and for one before another 0.
func withoutTrunkPrefix(s string) (string, bool) {
	before, after, found := strings.Cut(s, "(0)")
	if !found || !strings.Contains(before, "+") {
		return s, true
	}
	country := strings.Trim(before, "()")
	switch {
	case len(country) < 2, len(country) > 4, strings.HasPrefix(after, "0"), strings.Contains(after, "(0)"):
		return "", false
	case country == "+39", country == "+378", country == "+379":
		return country + "0" + after, true
	}
	return country + after, true
}

// latinDigits replaces the digits of all scripts by 0 to 9.
func latinDigits(s string) string { return strings.Map(latinDigit, s) }

// latinDigit returns 0 to 9 for a decimal digit, and another character as it is.
// Unicode has the digits of each script in the order of their values, from 0 on.
func latinDigit(r rune) rune {
	if r < unicode.MaxASCII || !unicode.Is(unicode.Nd, r) {
		return r
	}
	for _, block := range unicode.Nd.R16 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return '0' + (r-rune(block.Lo))%10
		}
	}
	for _, block := range unicode.Nd.R32 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return '0' + (r-rune(block.Lo))%10
		}
	}
	return r
}
