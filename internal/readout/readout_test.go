package readout_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/readout"
)

func TestParse(t *testing.T) {
	const code = "01A2B3C4D5E6F7Z"
	for _, typed := range []string{
		code, "01A2B-3C4D5-E6F7Z", "01a2b 3c4d5 e6f7z", "  O1A2B–3C4D5—E6F7Z\n", "oiA2B3C4D5E6F7Z", "0lA2B3C4D5E6F7Z",
		"0LA2B3C4D5E6F7Z", "\u200b01A2B\u00a03C4D5\u2011E6F7Z\u2060", "０１Ａ２Ｂ　３ｃ４ｄ５ｅ６ｆ７ｚ",
	} {
		if got, ok := readout.Parse(typed); !ok || got != code {
			t.Errorf("%q: %q, %t", typed, got, ok)
		}
	}
	for _, typed := range []string{
		"", "-", "12345678", code[1:], code + "0", strings.Replace(code, "A", "U", 1), strings.Replace(code, "A", ".", 1),
		strings.Replace(code, "A", "é", 1), strings.Replace(code, "1", "١", 1), code + strings.Repeat(" ", 300), "\xff" + code[1:],
	} {
		if got, ok := readout.Parse(typed); ok {
			t.Errorf("%q is taken for %q", typed, got)
		}
	}
}

// Each character of each place comes as often as any other, and what is shown reads
// back as what was drawn.
func TestNew(t *testing.T) {
	const draws = 32_000
	var count [readout.Len]map[byte]int
	for i := range count {
		count[i] = map[byte]int{}
	}
	for range draws {
		code := readout.New()
		for i := range count {
			count[i][code[i]]++
		}
		shown := readout.Grouped(code)
		if got, ok := readout.Parse(shown); !ok || got != code || len(shown) != 17 || shown[5] != '-' || shown[11] != '-' {
			t.Fatalf("%q is shown as %q, which reads %q, %t", code, shown, got, ok)
		}
	}
	for i, seen := range count {
		for c, n := range seen {
			// 1,000 are expected. Seven standard deviations are 218.
			if n < 780 || n > 1220 || len(seen) != 32 {
				t.Errorf("place %d: %q came %d times of %d, and %d characters came", i, c, n, draws, len(seen))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("01A2B-3C4D5-E6F7Z")
	f.Add("oil\u200b\xff")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := readout.Parse(typed)
		if !ok {
			return
		}
		if again, ok := readout.Parse(strings.ToLower(readout.Grouped(code))); !ok || again != code || len(code) != readout.Len {
			t.Errorf("%q reads %q, which reads %q, %t", typed, code, again, ok)
		}
	})
}
