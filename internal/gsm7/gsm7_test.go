package gsm7_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/seed-51359b35/recovery/internal/gsm7"
)

// TestAlphabet counts the table of TS 23.038: 127 characters without the escape
// character, and ten that follow an escape character.
func TestAlphabet(t *testing.T) {
	one, two := 0, 0
	for r := rune(0); r <= utf8.MaxRune; r++ {
		switch gsm7.Septets(r) {
		case 1:
			one++
		case 2:
			two++
		}
	}
	if one != 127 || two != 10 {
		t.Errorf("%d characters of one septet and %d of two, want 127 and 10", one, two)
	}
	for _, tt := range []struct {
		name  string
		chars string
		want  int
	}{
		{"letters, digits and what codes are bound with", "azAZ09 @#.-_/:?=&%+\n", 1},
		{"accents that are in it", "èéùìòÇØøÅåÆæßÉÄÖÑÜäöñüà¿¡§", 1},
		{"the escape's", "^{}\\[~]|€\f", 2},
		{"accents that are not", "áíóúçêâîôûãõëï", 0},
		{"typographic characters", "’‘“”–—…\u00a0\u202f", 0},
		{"grave accent, tab, escape, NUL", "`\t\x1b\x00", 0},
		{"other scripts", "क你あ한א🙂", 0},
	} {
		for _, r := range tt.chars {
			if got := gsm7.Septets(r); got != tt.want {
				t.Errorf("%s: %q takes %d, want %d", tt.name, r, got, tt.want)
			}
		}
	}
}

func TestSegments(t *testing.T) {
	a := strings.Repeat
	for _, tt := range []struct {
		name string
		text string
		n    int
		gsm  bool
	}{
		{"the empty text", "", 1, true},
		{"160 septets", a("a", 160), 1, true},
		{"161 septets", a("a", 161), 2, true},
		{"306 septets", a("a", 306), 2, true},
		{"307 septets", a("a", 307), 3, true},
		{"80 of two septets", a("€", 80), 1, true},
		{"81 of two septets", a("€", 81), 2, true},
		{"an escape that would be split at the end of the first part", a("a", 152) + "€" + a("a", 152), 3, true},
		{"the same without the escape", a("a", 152) + "bc" + a("a", 152), 2, true},
		{"70 units", a("ç", 70), 1, false},
		{"71 units", a("ç", 71), 2, false},
		{"134 units", a("ç", 134), 2, false},
		{"135 units", a("ç", 135), 3, false},
		{"35 surrogate pairs", a("🙂", 35), 1, false},
		{"a pair that would be split", a("ç", 66) + "🙂" + a("ç", 66), 3, false},
		{"one character spoils it", a("a", 70) + "ê", 2, false},
		{"bytes that are no text", "a\xff", 1, false},
	} {
		if n, gsm := gsm7.Segments(tt.text); n != tt.n || gsm != tt.gsm {
			t.Errorf("%s: %d segments, GSM %v; want %d, %v", tt.name, n, gsm, tt.n, tt.gsm)
		}
	}
}

// FuzzSegments checks that there are as many segments as the text needs, and at
// most one more for each segment that ends before a character of two septets or
// units.
func FuzzSegments(f *testing.F) {
	for _, s := range []string{"", "abc", strings.Repeat("€", 81), strings.Repeat("🙂", 90), "a\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, gsm := gsm7.Segments(s)
		size, one, part := 0, 160, 153
		if gsm {
			for _, r := range s {
				size += gsm7.Septets(r)
			}
		} else {
			size, one, part = len(utf16.Encode([]rune(s))), 70, 67
		}
		if (n == 1) != (size <= one) {
			t.Fatalf("%d segments for %d", n, size)
		}
		if n > 1 && (size > n*part || size <= (n-1)*(part-1)) {
			t.Fatalf("%d segments for %d", n, size)
		}
		if gsm != gsm7.Encodable(s) {
			t.Fatal("Segments and Encodable differ")
		}
	})
}
