package messages_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// A browser is a tab of a real Chromium that loads mails.
type browser struct {
	ctx context.Context

	mu       sync.Mutex
	requests []string
}

// newBrowser starts Chromium, or skips the test where there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	binary := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	if binary == "" {
		if os.Getenv("RECOVERY_REQUIRE_CHROMIUM") == "1" {
			t.Fatal("no Chromium, and RECOVERY_REQUIRE_CHROMIUM=1")
		}
		t.Skip("no Chromium: mails are not looked at in a browser")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			b.mu.Lock()
			b.requests = append(b.requests, e.Request.URL)
			b.mu.Unlock()
		}
	})
	if err == nil {
		err = call(b, network.Enable, network.EnableParams{})
	}
	if err != nil {
		t.Fatal(err)
	}
	b.took()
	return b
}

// took returns what was requested since the last call.
func (b *browser) took() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.requests
	b.requests = nil
	return r
}

// show loads the HTML.
func (b *browser) show(t *testing.T, html string) {
	t.Helper()
	tree, err := chromedp.Run(b.ctx, func(ctx context.Context, tab *chromedp.Target) (page.GetFrameTreeResult, error) {
		return cdp.Call(ctx, tab, page.GetFrameTree, cdp.Empty{})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := call(b, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: tree.FrameTree.Frame.ID, HTML: html}); err != nil {
		t.Fatal(err)
	}
}

// look lays it out at a width in CSS pixels, light or dark.
func (b *browser) look(t *testing.T, width int64, scheme string) {
	t.Helper()
	err := errors.Join(
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1}),
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// call sends one command to the tab.
func call[P any](b *browser, c cdp.Command[P, cdp.Empty], params P) error {
	return chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, c, params)
		return err
	}))
}

// measured runs the script below.
func (b *browser) measured(t *testing.T) measured {
	t.Helper()
	m, err := chromedp.Run(b.ctx, chromedp.Evaluate[measured](measure))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

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

// measure computes the contrast of every text that is shown with the nearest
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

// TestMailsInChromium lays out every kind in every language, narrow and wide,
// light and dark: nothing overflows, nothing is fetched, everything can be
// read. With RECOVERY_CONTACT_SHEETS=DIR it writes one picture per language.
func TestMailsInChromium(t *testing.T) {
	b := newBrowser(t)
	sheets := os.Getenv("RECOVERY_CONTACT_SHEETS")
	s := newSet(t, func(o *messages.Options) {
		o.Locate = func(_ netip.Addr, tag language.Tag) string {
			if tag == language.German {
				return "Berlin, Deutschland"
			}
			return ""
		}
	})
	eachLanguage(t, func(t *testing.T, tag language.Tag) {
		var rows [][]image.Image
		for _, kind := range allKinds {
			mail := mustMail(t, s, newMessage(kind, tag.String()))
			b.show(t, mail.HTML)
			var row []image.Image
			for _, width := range []int64{320, 640} {
				for _, scheme := range []string{"light", "dark"} {
					b.look(t, width, scheme)
					b.check(t, fmt.Sprintf("%s, %d px, %s", kind, width, scheme), tag, width, scheme)
					if sheets != "" {
						row = append(row, b.picture(t))
					}
				}
			}
			rows = append(rows, row)
		}
		if sheets != "" {
			writeSheet(t, filepath.Join(sheets, "mail-"+tag.String()+".png"), rows)
		}
	})
	t.Run("the longest of everything", func(t *testing.T) {
		s := newSet(t, func(o *messages.Options) {
			o.Product = strings.Repeat("W", 60)
			o.Support = "https://" + strings.Repeat("w", 60) + ".example.com/" + strings.Repeat("x", 110)
			o.Locate = func(netip.Addr, language.Tag) string { return strings.Repeat("w", 80) }
		})
		for _, kind := range allKinds {
			m := newMessage(kind, "en")
			m.Name = strings.Repeat("W", 60)
			if kind == recovery.MessageResetLink {
				m.URL = recovery.NewSecret("https://example.com/?token=" + strings.Repeat("W", 2000))
			}
			if kind == recovery.MessageResetCode {
				m.Code = recovery.NewSecret(strings.Repeat("Q", 32))
			}
			m.IdentityProviders = []string{strings.Repeat("W", 40)}
			b.show(t, mustMail(t, s, m).HTML)
			b.look(t, 320, "light")
			b.check(t, string(kind), language.English, 320, "light")
		}
	})
}

func (b *browser) check(t *testing.T, name string, tag language.Tag, width int64, scheme string) {
	t.Helper()
	m := b.measured(t)
	if m.ClientWidth != int(width) || m.ScrollWidth > m.ClientWidth {
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
	want := map[string]string{"light": "rgb(244, 245, 247)", "dark": "rgb(16, 18, 22)"}[scheme]
	if m.Background != want {
		t.Errorf("%s: background %s, want %s", name, m.Background, want)
	}
	if r := b.took(); len(r) > 0 {
		t.Errorf("%s: requested %q", name, r)
	}
}

// TestChromiumNotices: the checks above fail on mails that are wrong.
func TestChromiumNotices(t *testing.T) {
	b := newBrowser(t)
	b.show(t, `<body style="margin:0"><h1>a</h1><p style="width:500px;color:#999">grey<img src="http://127.0.0.1:1/pixel.gif">`)
	b.look(t, 320, "light")
	m := b.measured(t)
	if m.ScrollWidth <= m.ClientWidth || m.Contrast >= 4.5 || len(m.Remote) != 1 || len(m.Unaligned) != 1 {
		t.Errorf("%+v", m)
	}
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.images[0].complete`)); err != nil {
		t.Fatal(err)
	}
	if r := b.took(); len(r) != 1 {
		t.Errorf("requests %q", r)
	}
}

func (b *browser) picture(t *testing.T) image.Image {
	t.Helper()
	m := b.measured(t)
	err := call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(m.ClientWidth), Height: int64(m.Height), DeviceScaleFactor: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// writeSheet puts pictures in rows.
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
