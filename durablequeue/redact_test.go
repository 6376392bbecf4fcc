package durablequeue_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/durablequeue"
)

// FuzzRedact shows that every text becomes one line that is not too long,
// without control characters and long words.
func FuzzRedact(f *testing.F) {
	f.Add("Dequeue error: " + strings.Repeat("x", 500))
	f.Add("a\x00b\nc\xff" + strings.Repeat("ab ", 300))
	f.Add(strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, s string) {
		got := durablequeue.Redact(s)
		if len(got) > 420 || !utf8.ValidString(got) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
		for _, w := range strings.Fields(got) {
			if len(w) > 80 {
				t.Errorf("a word of %d bytes", len(w))
			}
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("control characters: %q", got)
		}
	})
}
