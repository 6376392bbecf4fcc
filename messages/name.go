package messages

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The bounds of a text that comes from outside.
const (
	maxName      = 60  // characters
	maxNameBytes = 512 // bytes, of any of these texts
	maxPlace     = 80  // characters
	maxProvider  = 40  // characters
	// maxMarks is how many combining marks may follow one another. Thai and
	// Vietnamese need two, Devanagari and vocalised Arabic need three. Stacks
	// that paint over the lines around them have dozens.
	maxMarks = 3
)

// cleanName returns the name as a greeting may show it, or "" for a name that
// the greeting leaves out (A66, A13). Somebody may sign up under another
// person's address: then the host's mail greets that person with a name that an
// attacker chose. A name has letters and marks, with single spaces,
// apostrophes, hyphens, middle dots and periods between them. A period joins
// nothing but initials, so that no mail program finds a domain to link. Digits
// are refused, because they could make a telephone number. A name that has more
// than this is not cut or cleaned but left out, because half of it may still be
// the attack.
func cleanName(s string) string {
	return cleanText(s, maxName, "'’-‐·・.", false)
}

// cleanPlace is like cleanName, for an answer of Options.Locate.
func cleanPlace(s string) string {
	return cleanText(s, maxPlace, "'’-‐·・.,()/،、", true)
}

// cleanOperator is like cleanName, for whoever of the host helped. The host wrote it,
// so it may have digits, such as the number of a ticket, and other signs. It still
// has nothing that mail programs make a link of.
func cleanOperator(s string) string {
	return cleanText(s, maxPlace, "'’-‐·・.,()/،、#&_", true)
}

// cleanProvider is like cleanName, for the name of an identity provider.
func cleanProvider(s string) string {
	return cleanText(s, maxProvider, "'’-·+&.", true)
}

func cleanText(s string, maxRunes int, punctuation string, digits bool) string {
	// The length is checked first, because normalising ten megabytes takes
	// time.
	if len(s) > maxNameBytes || !utf8.ValidString(s) {
		return ""
	}
	s = norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, s))
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
	if s == "" || utf8.RuneCountInString(s) > maxRunes {
		return ""
	}
	marks, letters := 0, 0
	for i, r := range s {
		switch {
		case isInvisible(r):
			return ""
		case unicode.IsMark(r):
			if marks++; i == 0 || marks > maxMarks {
				return ""
			}
			continue
		case unicode.IsLetter(r):
			letters++
		case r == ' ' || strings.ContainsRune(punctuation, r):
		case digits && unicode.Is(unicode.Nd, r):
		default:
			return ""
		}
		marks = 0
	}
	if letters == 0 || looksLikeDomain(s) {
		return ""
	}
	return s
}

// isInvisible reports whether a character shows nothing. Some of these count as
// letters or marks, such as the Hangul filler.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Bidi_Control, unicode.Cf)
}

// looksLikeDomain reports whether a period joins two parts of which one is more
// than a single letter. J.R.R. is a name. t.co, evil.com and 1.2.3.4 are not.
func looksLikeDomain(s string) bool {
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' }) {
		parts := strings.Split(strings.TrimRight(word, "."), ".")
		if len(parts) == 1 {
			continue
		}
		for _, p := range parts {
			if r, size := utf8.DecodeRuneInString(p); size != len(p) || !unicode.IsLetter(r) {
				return true
			}
		}
	}
	return false
}

// providerName spells the names of well-known identity providers as the
// providers do. User stores have them in lower case.
func providerName(s string) string {
	s = cleanProvider(s)
	switch strings.ToLower(s) {
	case "amazon":
		return "Amazon"
	case "apple":
		return "Apple"
	case "facebook":
		return "Facebook"
	case "github":
		return "GitHub"
	case "gitlab":
		return "GitLab"
	case "google":
		return "Google"
	case "line":
		return "LINE"
	case "linkedin":
		return "LinkedIn"
	case "microsoft", "live":
		return "Microsoft"
	case "paypal":
		return "PayPal"
	case "twitter", "x":
		return "X"
	case "wechat":
		return "WeChat"
	case "yahoo":
		return "Yahoo"
	}
	return s
}
