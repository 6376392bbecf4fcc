package durablequeue

import "strings"

const (
	// maxWord is the longest word that is logged. A payload is one word, and
	// longer than any word that a library writes.
	maxWord = 80
	maxLine = 400
)

// Redact removes from a line of a library's log what could be a payload: words
// that are too long, and bytes that are not text.
func Redact(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, text)
	words := strings.Fields(text)
	for i, w := range words {
		if len(w) > maxWord {
			words[i] = "[...]"
		}
	}
	text = strings.Join(words, " ")
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + " [...]"
	}
	return text
}
