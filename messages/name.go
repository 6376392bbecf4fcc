package messages

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What a text that came from outside may at most have, in characters.
const (
	maxName      = 60
	maxNameBytes = 512
	maxPlace     = 80
	maxProvider  = 40
	// maxMarks is how many combining marks may follow one another. Thai and
	// Vietnamese need two, Devanagari and vocalised Arabic three; stacks that
	// paint over the lines around them have dozens.
	maxMarks = 3
)

// cleanName returns the name as a greeting may show it, or "" for one that is
// left out (A66, A13): whoever signs up under somebody else's address chooses
// the name that the host's mail then greets that person with. A name is letters
// and marks with single spaces, apostrophes, hyphens, middle dots and periods
// between them. A period joins nothing but initials, so that no mail program
// finds a domain to link, and no digit makes a telephone number. A name that is
// more than this is not cut or cleaned but left out: half of it may be the
// attack.
func cleanName(s string) string {
	return cleanText(s, maxName, "'’-‐·・.", false)
}

// cleanPlace is the same for what Options.Locate answers.
func cleanPlace(s string) string {
	return cleanText(s, maxPlace, "'’-‐·・.,()/،、", true)
}

// cleanProvider is the same for the name of an identity provider.
func cleanProvider(s string) string {
	return cleanText(s, maxProvider, "'’-·+&.", true)
}

func cleanText(s string, maxRunes int, punctuation string, digits bool) string {
	// The length first: normalising ten megabytes is work too.
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

// isInvisible reports characters that count as letters or marks and show
// nothing, such as the Hangul filler.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Bidi_Control, unicode.Cf)
}

// looksLikeDomain reports a period that joins two parts, unless all that it
// joins are single letters: J.R.R. is a name, and t.co, evil.com and 1.2.3.4
// are not.
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

// providerName writes the well-known identity providers as they write
// themselves; user stores have them in lower case.
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
