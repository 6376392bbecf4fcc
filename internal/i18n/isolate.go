package i18n

import (
	"strings"

	"golang.org/x/text/unicode/bidi"
)

const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// Isolate keeps a fragment from reordering the sentence around it (UAX #9,
// section 2.7). In a sentence from left to right only a fragment with letters
// from right to left can do that; all others are left as they are, because some
// programs paint a box for a control they do not know.
func Isolate(s string, rtl bool) string {
	if s == "" || !rtl && !hasRightToLeft(s) {
		return s
	}
	return firstStrongIsolate + s + popIsolate
}

func hasRightToLeft(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		if r < 0x0590 {
			return false
		}
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.R, bidi.AL, bidi.AN:
			return true
		}
		return false
	})
}
