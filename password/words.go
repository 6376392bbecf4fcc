package password

import (
	"slices"
	"strings"
	"unicode"
)

// word is a name in the form in which passwords are compared with it: folded,
// letters and digits only.
type word []rune

func newWord(s string) word {
	return slices.DeleteFunc([]rune(fold(s)), func(r rune) bool { return !isWordRune(r) })
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)
}

// identifierWords returns what a password might be made of, of all that
// identifies a person.
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
		// No password is longer, and identifiers may come from strangers
		// (CVE-2021-45115).
		if len(s) > maxBytes {
			continue
		}
		add(s)
		if at := strings.LastIndexByte(s, '@'); at >= 0 {
			local, domain := s[:at], s[at+1:]
			untagged, _, _ := strings.Cut(local, "+")
			add(local, untagged, domain)
			add(split(local)...)
			for dot := strings.LastIndexByte(domain, '.'); dot > 0; dot = strings.LastIndexByte(domain, '.') {
				domain = domain[:dot]
				add(domain)
			}
			add(split(domain)...)
			continue
		}
		if digits, ok := phoneDigits(s); ok {
			// A country code has one to three digits. A zero in place of one
			// passes as padding.
			for cut := range 4 {
				if len(digits)-cut >= 7 {
					add(digits[cut:])
				}
			}
			continue
		}
		add(split(s)...)
	}
	return words
}

// split returns the words of s of at least two characters: initials alone would
// match too much.
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

// isOnly reports whether a folded password is nothing but words, at least one of
// them from primary, in any number and order, with separators between them and
// trivial padding around them. From the second word on, the last may be cut off:
// "acmeacmeacmeacm".
//
// It is a search for the cheapest padding on the left with which each position
// can be reached, so its time is bounded by the length of the password times
// that of all words.
func isOnly(folded string, primary, secondary []word) bool {
	if len(primary) == 0 {
		return false
	}
	s := []rune(folded)
	const unreachable = freePadding + 1
	// By position; then by whether a primary word was used, and whether two
	// words were.
	type state [2][2]int
	reached := make([]state, len(s)+1)
	for i := range reached {
		reached[i] = state{{unreachable, unreachable}, {unreachable, unreachable}}
	}
	reach := func(at, used, many, cost int) {
		reached[at][used][many] = min(reached[at][used][many], cost)
	}

	tail := len(s) // from here on nothing but padding
	for tail > 0 && isPadding(s[tail-1]) {
		tail--
	}
	start := true // nothing but padding so far
	for i := 0; i <= len(s); i++ {
		rest := s[i:]
		fresh := unreachable
		if start {
			fresh = min(padding(s[:i]), unreachable)
		}
		for used := range 2 {
			for many := range 2 {
				cost := reached[i][used][many]
				if cost == unreachable {
					continue
				}
				if used == 1 && i >= tail && cost+padding(rest) <= freePadding {
					return true
				}
				if used == 1 && many == 1 && (cutOff(rest, primary) || cutOff(rest, secondary)) {
					return true
				}
				if i < len(s) && isJoint(s[i]) {
					reach(i+1, used, many, cost)
				}
			}
		}
		least := min(fresh, reached[i][0][0], reached[i][0][1], reached[i][1][0], reached[i][1][1])
		if least <= freePadding {
			for list, words := range [][]word{primary, secondary} {
				for _, w := range words {
					j := i + w.match(rest)
					if j == i {
						continue
					}
					primaryUsed := 1 - list
					reach(j, primaryUsed, 0, fresh)
					for used := range 2 {
						cost := min(reached[i][used][0], reached[i][used][1])
						reach(j, max(used, primaryUsed), 1, cost)
					}
				}
			}
		}
		start = start && i < len(s) && isPadding(s[i])
	}
	return false
}

// match returns how much of s, from its beginning, spells w with or without
// separators inside; 0 if it does not.
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

func cutOff(s []rune, words []word) bool {
	return slices.ContainsFunc(words, func(w word) bool {
		return len(s) < len(w) && slices.Equal(s, w[:len(s)])
	})
}

// isJoint reports whether r may stand inside a name or between two.
func isJoint(r rune) bool {
	return isSeparator(r) || r == '@' || r == '+' || r == '\'' || r == ',' || r == '/'
}
