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
			add(split(domain)...)
			for dot := strings.LastIndexByte(domain, '.'); dot > 0; dot = strings.LastIndexByte(domain, '.') {
				domain = domain[:dot]
				add(domain)
			}
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
// them from primary, in any number and order, with trivial padding around and
// between them. From the second word on, the last may be cut off:
// "acmeacmeacmeacm".
//
// It is a search for the least padding with which each position can be reached,
// so its time is bounded by the length of the password times that of all
// words.
func isOnly(folded string, primary, secondary []word) bool {
	if len(primary) == 0 {
		return false
	}
	s := []rune(folded)
	tail := len(s) // from here on nothing but padding
	for tail > 0 && isPadding(s[tail-1]) {
		tail--
	}

	// The least padding with which a position can be reached, by whether a
	// primary word was used and whether two words were: at the end of a word,
	// and in a gap after one.
	const unreachable = freePadding + 1
	type state [2][2]int
	ends, gaps := make([]state, len(s)+1), make([]state, len(s)+1)
	for i := range ends {
		ends[i] = state{{unreachable, unreachable}, {unreachable, unreachable}}
		gaps[i] = ends[i]
	}

	start := true // nothing but padding so far
	for i := 0; i <= len(s); i++ {
		rest := s[i:]
		least := [2]int{unreachable, unreachable} // by whether a primary word was used
		for used := range 2 {
			for many := range 2 {
				if used == 1 && i >= tail && ends[i][used][many] < unreachable && ends[i][used][many]+padding(rest) <= freePadding {
					return true
				}
				cost := min(ends[i][used][many], gaps[i][used][many])
				if cost == unreachable {
					continue
				}
				if used == 1 && many == 1 && (cutOff(rest, primary) || cutOff(rest, secondary)) {
					return true
				}
				least[used] = min(least[used], cost)
				if i < len(s) && isPadding(s[i]) {
					next := cost
					if !isJoint(s[i]) {
						next++
					}
					gaps[i+1][used][many] = min(gaps[i+1][used][many], next)
				}
			}
		}
		if start || least != [2]int{unreachable, unreachable} {
			for list, words := range [][]word{primary, secondary} {
				for _, w := range words {
					n := w.match(rest)
					if n == 0 {
						continue
					}
					end := &ends[i+n]
					isPrimary := 1 - list
					if start {
						end[isPrimary][0] = min(end[isPrimary][0], padding(s[:i]))
					}
					for used := range 2 {
						end[max(used, isPrimary)][1] = min(end[max(used, isPrimary)][1], least[used])
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
