package portal_test

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/i18n"
	"github.com/seed-51359b35/recovery/portal"
)

// The widths of pictures, in pixels of CSS.
const desk, phone = 800, 390

// TestScreenshots writes the pictures of the pages into the directory that
// RECOVERY_SCREENSHOTS names. From the root of the repository:
//
//	RECOVERY_SCREENSHOTS=$PWD/portal/screenshots go test -run Screenshots ./internal/browsertest/portal
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("RECOVERY_SCREENSHOTS")
	if dir == "" {
		t.Skip("RECOVERY_SCREENSHOTS names no directory to write pictures to")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(_ *recovery.Options, p *portal.Options) { p.Languages = i18n.Tags() })
	for _, c := range []struct {
		name, lang, scheme string
		width              int
		show               func(tab *browsertest.Tab)
	}{
		{"forgot", "en", "light", desk, func(tab *browsertest.Tab) { tab.Load(s.base + "/forgot"); fill(tab, "#identifier", johnMail) }},
		{"forgot-phone", "en", "light", phone, func(tab *browsertest.Tab) { tab.Load(s.base + "/forgot") }},
		{"forgot-dark", "en", "dark", desk, func(tab *browsertest.Tab) { tab.Load(s.base + "/forgot"); fill(tab, "#identifier", johnMail) }},
		{"forgot-error", "en", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.base + "/forgot")
			fill(tab, "#identifier", "johnwick@example")
			submit(tab)
			focused(tab, "#identifier")
		}},
		{"sent", "en", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.base + "/forgot")
			fill(tab, "#identifier", johnMail)
			submit(tab)
			s.message(recovery.MessageResetLink, johnMail)
		}},
		{"code-phone", "en", "light", phone, func(tab *browsertest.Tab) {
			tab.Load(s.base + "/forgot")
			fill(tab, "#identifier", "+14157415569")
			submit(tab)
			fill(tab, "#code", "40925")
		}},
		{"reset", "en", "light", desk, func(tab *browsertest.Tab) { tab.Load(s.link(johnMail)) }},
		{"reset-typing", "en", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.link(johnMail))
			fill(tab, "#password", "correct horse")
			tab.Click("#show")
			tab.Click("#password")
		}},
		{"reset-phone", "en", "dark", phone, func(tab *browsertest.Tab) {
			tab.Load(s.link(johnMail))
			fill(tab, "#password", "correct horse battery")
		}},
		{"reset-error", "en", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.link(johnMail))
			fill(tab, "#password", "Password1234567890")
			submit(tab)
			focused(tab, "#password")
		}},
		{"reset-dark", "en", "dark", desk, func(tab *browsertest.Tab) {
			tab.Load(s.link(johnMail))
			fill(tab, "#password", "correct horse battery staple")
		}},
		{"reset-arabic", "ar", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.link(johnMail))
			fill(tab, "#password", "correct horse")
		}},
		{"reset-arabic-phone", "ar", "light", phone, func(tab *browsertest.Tab) {
			tab.Load(s.link(johnMail))
			fill(tab, "#password", "correct horse")
		}},
		{"invalid-link", "en", "light", desk, func(tab *browsertest.Tab) { tab.Load(s.base + "/reset") }},
		{"not-me", "en", "light", desk, func(tab *browsertest.Tab) {
			s.link(johnMail)
			all := s.outbox.Messages()
			tab.Load(all[len(all)-1].NotMe.Reveal())
		}},
		{"done", "en", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.link(maryMail))
			fill(tab, "#password", goodPassword)
			submit(tab)
		}},
		{"not-me-done", "en", "light", desk, func(tab *browsertest.Tab) {
			tab.Load(s.message(recovery.MessagePasswordChanged, maryMail).NotMe.Reveal())
			submit(tab)
		}},
	} {
		tab := chromium.Browser(t).Open(t)
		tab.Languages(c.lang)
		tab.Scheme(c.scheme)
		s.picture(tab, c.width, filepath.Join(dir, c.name+".png"), func() { c.show(tab) })
	}
}

// picture writes a picture of what show shows. Wide pictures show the middle of a
// window. Pictures of a phone show all of it.
func (s *site) picture(tab *browsertest.Tab, width int, file string, show func()) {
	t := s.t
	t.Helper()
	window := width
	if width == desk {
		window = 1280
	}
	tab.Size(window, 640, 2)
	show()
	// A blinking caret would be in every other picture.
	browsertest.Eval[bool](tab, `document.activeElement?.style?.setProperty("caret-color", "transparent"), scrollTo(0, 0), true`)
	height := browsertest.Eval[float64](tab, `Math.ceil(document.querySelector("footer").getBoundingClientRect().bottom + 24)`)
	tab.Size(window, int(height), 2)
	b := tab.Picture(&cdppage.Viewport{X: float64(window-width) / 2, Width: float64(width), Height: height, Scale: 1})
	b = smaller(t, b)
	if len(b) > 120_000 {
		t.Errorf("%s has %d bytes", file, len(b))
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// smaller packs a PNG as small as possible, with a palette of the most frequent
// colours. A picture has some thousand colours, and all but a few are at the
// edges of letters.
func smaller(t *testing.T, b []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	count := map[color.NRGBA]int{}
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA) }
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			count[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.NRGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	var palette color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	nearest := map[color.NRGBA]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	few := image.NewPaletted(img.Bounds(), palette)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			few.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
