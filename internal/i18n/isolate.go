package i18n

import (
	"strings"

	"golang.org/x/text/unicode/bidi"
)

const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// Isolate puts controls around a fragment, so that it does not reorder the
// sentence that it stands in (UAX #9, section 2.7). In a sentence from left to
// right, only a fragment with letters from right to left can do that. Isolate
// does not change other fragments, because some programs paint a box for a
// control that they do not know. With rtl the sentence runs from right to left.
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
