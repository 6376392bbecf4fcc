package password

import (
	"slices"
	"strings"
	"unicode"
)

// word is a name in the form in which passwords are compared with it: folded,
// and with letters and digits only.
type word []rune

func newWord(s string) word {
	return slices.DeleteFunc([]rune(fold(s)), func(r rune) bool { return !isWordRune(r) })
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)
}

// identifierWords returns the words that a person's identifiers contain, as
// [Policy.CheckFor] documents.
func identifierWords(identifiers []string) []word {
	var words []word
	seen := map[string]bool{}
	add := func(parts ...string) {
		for _, part := range parts {
			w := newWord(part)
			if len(w) > 0 && !seen[string(w)] {
				seen[string(w)] = true
				words = append(words, w)
			}
		}
	}
	for _, s := range identifiers {
		// Longer identifiers are ignored, because no password is so long, and
		// because identifiers may come from strangers (CVE-2021-45115).
		if len(s) > maxBytes {
			continue
		}
		add(s)
		if at := strings.LastIndexByte(s, '@'); at >= 0 {
			local, domain := s[:at], s[at+1:]
			untagged, _, _ := strings.Cut(local, "+")
			add(local, untagged, domain)
			add(split(local)...)
			add(split(domain)...)
			for dot := strings.LastIndexByte(domain, '.'); dot > 0; dot = strings.LastIndexByte(domain, '.') {
				domain = domain[:dot]
				add(domain)
			}
			continue
		}
		if digits, ok := phoneDigits(s); ok {
			// A country code has one to three digits. A zero that replaces it
			// counts as padding.
			for codeDigits := range 4 {
				if len(digits)-codeDigits >= 7 {
					add(digits[codeDigits:])
				}
			}
			continue
		}
		add(split(s)...)
	}
	return words
}

// split returns the words of s that have at least two characters. Initials
// would match too many passwords.
func split(s string) []string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return !isWordRune(r) })
	return slices.DeleteFunc(parts, func(part string) bool { return len([]rune(part)) < 2 })
}

// phoneDigits returns the digits of s if it looks like a phone number.
func phoneDigits(s string) (string, bool) {
	var digits strings.Builder
	for _, r := range fold(s) {
		switch {
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		case !strings.ContainsRune("+-–‐()./ \u00a0", r):
			return "", false
		}
	}
	return digits.String(), digits.Len() >= 7
}

// match returns how many runes at the beginning of s spell w, with or without
// separators inside. It returns 0 if s does not begin with w.
func (w word) match(s []rune) int {
	i := 0
	for n, r := range w {
		for n > 0 && i < len(s) && s[i] != r && isJoint(s[i]) {
			i++
		}
		if i == len(s) || s[i] != r {
			return 0
		}
		i++
	}
	return i
}

// isJoint reports whether r may stand inside a name or between two.
func isJoint(r rune) bool {
	return isSeparator(r) || r == '@' || r == '+' || r == '\'' || r == ',' || r == '/'
}
