package messages_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/messages"
)

// A look is a width in CSS pixels, and a light or dark scheme.
type look struct {
	width  int
	scheme string
}

var looks = []look{{320, "light"}, {320, "dark"}, {640, "light"}, {640, "dark"}}

// at sets the width and the scheme, and shows the mail.
func (l look) at(tab *browsertest.Tab) {
	tab.Size(l.width, 800, 1)
	tab.Scheme(l.scheme)
}

// measureTab runs the script below.
func measureTab(tab *browsertest.Tab) measured { return browsertest.Eval[measured](tab, measure) }

// measured is what the script below finds.
type measured struct {
	ScrollWidth, ClientWidth int
	Height                   int
	Dir, Lang                string
	Background               string
	Texts                    int
	Contrast                 float64
	Worst                    string
	Remote                   []string
	Unaligned                []string
}

// measure computes the contrast of every visible text against the nearest
// opaque background behind it, by WCAG 2.2.
const measure = `(() => {
	const parse = c => c.match(/[\d.]+/g).map(Number);
	const lum = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const d = document.documentElement;
	const r = {ScrollWidth: d.scrollWidth, ClientWidth: d.clientWidth,
		Height: document.body.getBoundingClientRect().height | 0, Dir: getComputedStyle(document.querySelector('h1') || document.body).direction,
		Lang: d.lang, Background: getComputedStyle(document.body).backgroundColor, Texts: 0, Contrast: 21, Worst: '', Remote: [], Unaligned: []};
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
		if (!text || !e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
		r.Texts++;
		const a = lum(parse(getComputedStyle(e).color)), b = lum(behind(e));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < r.Contrast) { r.Contrast = contrast; r.Worst = text; }
	}
	for (const e of document.querySelectorAll('[src],[background],link,script,iframe,object,form')) r.Remote.push(e.outerHTML);
	for (const e of document.querySelectorAll('h1,p')) {
		const box = e.getBoundingClientRect();
		if (box.left < 0 || box.right > d.clientWidth) r.Unaligned.push(e.textContent);
	}
	return r;
})()`

// TestMailsInChromium shows every kind in every language, narrow and wide,
// light and dark. Nothing overflows, nothing is loaded, and everything can be
// read. With RECOVERY_CONTACT_SHEETS=DIR it writes one picture per language.
func TestMailsInChromium(t *testing.T) {
	tab := chromium.Browser(t).Open(t)
	sheets := os.Getenv("RECOVERY_CONTACT_SHEETS")
	s := newRenderer(t, "Acme", "https://www.example.com/help", func(_ netip.Addr, tag language.Tag) string {
		if tag == language.German {
			return "Berlin, Deutschland"
		}
		return ""
	})
	for _, tag := range messages.Languages() {
		t.Run(tag.String(), func(t *testing.T) {
			var rows [][]image.Image
			for _, kind := range kinds {
				mail := mustMail(t, s, newMessage(kind, tag.String()))
				tab.SetContent(mail.HTML)
				var row []image.Image
				for _, l := range looks {
					l.at(tab)
					checkLook(t, tab, fmt.Sprintf("%s, %d px, %s", kind, l.width, l.scheme), tag, l)
					if sheets != "" {
						row = append(row, picture(t, tab))
					}
				}
				rows = append(rows, row)
			}
			if sheets != "" {
				writeSheet(t, filepath.Join(sheets, "mail-"+tag.String()+".png"), rows)
			}
		})
	}
	t.Run("the longest of everything", func(t *testing.T) {
		s := newRenderer(t, strings.Repeat("W", 60), "https://"+strings.Repeat("w", 60)+".example.com/"+strings.Repeat("x", 110),
			func(netip.Addr, language.Tag) string { return strings.Repeat("w", 80) })
		for _, kind := range kinds {
			m := newMessage(kind, "en")
			m.Name = strings.Repeat("W", 60)
			if kind == recovery.MessageResetLink {
				m.URL = recovery.NewSecret("https://example.com/?token=" + strings.Repeat("W", 2000))
			}
			if kind == recovery.MessageResetCode {
				m.Code = recovery.NewSecret(strings.Repeat("Q", 32))
			}
			m.IdentityProviders = []string{strings.Repeat("W", 40)}
			tab.SetContent(mustMail(t, s, m).HTML)
			looks[0].at(tab)
			checkLook(t, tab, string(kind), language.English, looks[0])
		}
	})
}

func checkLook(t *testing.T, tab *browsertest.Tab, name string, tag language.Tag, l look) {
	t.Helper()
	m := measureTab(tab)
	if m.ClientWidth != l.width || m.ScrollWidth > m.ClientWidth {
		t.Errorf("%s: %d pixels of content in %d", name, m.ScrollWidth, m.ClientWidth)
	}
	if m.Contrast < 4.5 || m.Texts < 5 {
		t.Errorf("%s: %d texts, contrast %.2f at %q", name, m.Texts, m.Contrast, m.Worst)
	}
	if len(m.Remote) > 0 || len(m.Unaligned) > 0 {
		t.Errorf("%s: remote %q, outside of the window %q", name, m.Remote, m.Unaligned)
	}
	dir := "ltr"
	if tag == language.Arabic {
		dir = "rtl"
	}
	if m.Dir != dir || m.Lang != tag.String() {
		t.Errorf("%s: dir %q, lang %q", name, m.Dir, m.Lang)
	}
	want := map[string]string{"light": "rgb(244, 245, 247)", "dark": "rgb(16, 18, 22)"}[l.scheme]
	if m.Background != want {
		t.Errorf("%s: background %s, want %s", name, m.Background, want)
	}
	if r := tab.TakeRequests(); len(r) > 0 {
		t.Errorf("%s: requested %+v", name, r)
	}
}

// TestChromiumNotices: the checks above fail for mails with mistakes.
func TestChromiumNotices(t *testing.T) {
	tab := chromium.Browser(t).Open(t)
	tab.SetContent(`<body style="margin:0"><h1>a</h1><p style="width:500px;color:#999">grey<img src="http://127.0.0.1:1/pixel.gif">`)
	looks[0].at(tab)
	m := measureTab(tab)
	if m.ScrollWidth <= m.ClientWidth || m.Contrast >= 4.5 || len(m.Remote) != 1 || len(m.Unaligned) != 1 {
		t.Errorf("%+v", m)
	}
	tab.Wait("document.images[0].complete")
	if r := tab.TakeRequests(); len(r) != 1 || r[0].URL != "http://127.0.0.1:1/pixel.gif" {
		t.Errorf("requests %+v", r)
	}
}

func picture(t *testing.T, tab *browsertest.Tab) image.Image {
	t.Helper()
	m := measureTab(tab)
	tab.Size(m.ClientWidth, m.Height, 1)
	img, err := png.Decode(bytes.NewReader(tab.Picture(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// writeSheet arranges pictures in rows.
func writeSheet(t *testing.T, path string, rows [][]image.Image) {
	t.Helper()
	const gap = 12
	width, height := 0, gap
	for _, row := range rows {
		w, h := gap, 0
		for _, img := range row {
			w += img.Bounds().Dx() + gap
			h = max(h, img.Bounds().Dy())
		}
		width, height = max(width, w), height+h+gap
	}
	sheet := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(color.Gray{0x80}), image.Point{}, draw.Src)
	y := gap
	for _, row := range rows {
		x, h := gap, 0
		for _, img := range row {
			draw.Draw(sheet, img.Bounds().Add(image.Pt(x, y)), img, image.Point{}, draw.Src)
			x += img.Bounds().Dx() + gap
			h = max(h, img.Bounds().Dy())
		}
		y += h + gap
	}
	var b bytes.Buffer
	if err := png.Encode(&b, sheet); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
