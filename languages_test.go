package recovery_test

import (
	"strings"
	"testing"
	"testing/synctest"
)

// A14: of a long list of languages the beginning reaches the message, and no
// range is cut in two.
func TestLanguagesOfAMessage(t *testing.T) {
	fill := strings.Repeat("de-AT,", 20) // 120 bytes
	for name, c := range map[string][2]string{
		"usual":                        {"de-CH,fr;q=0.9", "de-CH,fr;q=0.9"},
		"as long as it may be":         {fill + "fr;q=0.9", fill + "fr;q=0.9"},
		"a range that ends at the end": {fill + "fr;q=0.9,en;q=0.8", fill + "fr;q=0.9"},
		"a range across the end":       {fill + "fr;q=0.99,en;q=0.8", strings.TrimSuffix(fill, ",")},
		"one long range":               {strings.Repeat("x", 129), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, nil)
				req := byMail(johnMail)
				req.Requester.AcceptLanguage = c[0]
				if m := p.forgot(t, req); m.Languages != c[1] {
					t.Errorf("%q, want %q", m.Languages, c[1])
				}
			})
		})
	}
}
