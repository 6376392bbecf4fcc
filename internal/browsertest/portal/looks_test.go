package portal_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/voice"
	"github.com/seed-51359b35/recovery/portal"
)

// logo is that of a host: a real one is not larger.
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40" width="120" height="40"><rect width="120" height="40" rx="8" fill="#1f4fd8"/></svg>`

// A viewer looks at the pages in one language.
type viewer struct {
	*site
	tab            *browsertest.Tab
	lang           string
	address, phone string
}

// Every page and state that there is over HTTP, in every language: it is small,
// fits the narrowest screen, and nothing on it moves once it is there. axe-core
// finds nothing wrong with it, and nothing that it could not tell. In English and
// Arabic it looks at the narrowest screen in the light, and at a wide one in the
// dark; in the others at one of the two by turns, because what it says of
// colours and sizes is the same in every language, and it takes its time.
func TestChromiumEveryPageInEveryLanguage(t *testing.T) {
	var axe *browsertest.Axe
	t.Run("axe-core", func(t *testing.T) { axe = browsertest.LoadAxe(t) })
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		p.Languages, p.Logo = voice.Tags(), []byte(logo)
		o.StepUp = func(_ context.Context, lead recovery.Lead) error {
			if lead.Name == "careful" {
				return &recovery.StepUpError{Detail: "Confirm with your security key."}
			}
			return nil
		}
	})
	s.calm = true
	t.Run("in", func(t *testing.T) {
		for i, l := range voice.Languages() {
			t.Run(l.File, func(t *testing.T) {
				t.Parallel()
				v := viewer{site: s, lang: l.File, address: l.File + "@example.com", phone: fmt.Sprintf("+1415741557%d", i)}
				s.addLead("John", v.address, v.phone)
				s.addLead("careful", "careful-"+v.address, fmt.Sprintf("+1415741558%d", i))
				v.tab = chromium.Browser(t).Open(t)
				if axe != nil {
					axe.Into(v.tab)
				}
				for _, s := range scenes() {
					if s.rare && l.File != "en" && l.File != "ar" {
						continue // as the others, in other words
					}
					v.tab.Scheme("light")
					v.tab.Size(320, 900, 1)
					s.show(&v)
					if got := v.tab.Status(); got != s.status {
						t.Fatalf("%s: status %d, want %d: %.200s", s.name, got, s.status, said(v.tab))
					}
					if got := browsertest.Eval[string](v.tab, "document.documentElement.lang"); got != l.Tag.String() {
						t.Errorf("%s is in %s", s.name, got)
					}
					v.measure(t, s.name)
					if axe == nil {
						continue
					}
					both := l.File == "en" || l.File == "ar"
					if both || i%2 == 0 {
						for _, wrong := range axe.Check(v.tab) {
							t.Errorf("%s, 320 px, light: %s", s.name, wrong)
						}
					}
					if both || i%2 == 1 {
						v.tab.Scheme("dark")
						v.tab.Size(1280, 900, 1)
						for _, wrong := range axe.Check(v.tab) {
							t.Errorf("%s, 1280 px, dark: %s", s.name, wrong)
						}
					}
				}
			})
		}
	})
}

// measure checks what a page weighs, how wide it is, and that it stays where it
// is.
func (v *viewer) measure(t *testing.T, name string) {
	t.Helper()
	if shifts := v.tab.Shifts(); len(shifts) > 0 {
		t.Errorf("%s: what was shown has moved: %q", name, shifts)
	}
	if w := browsertest.Eval[int](v.tab, "document.documentElement.scrollWidth"); w != 320 {
		t.Errorf("%s: %d pixels wide", name, w)
	}
	var bytes int
	var files []string
	v.tab.Until("everything has arrived", func() bool {
		all := v.tab.Requests()
		last := len(all) - 1
		for !all[last].Document {
			last--
		}
		bytes, files = 0, nil
		for _, r := range all[last:] {
			switch {
			case strings.HasSuffix(r.URL, "/favicon.ico"): // the host's own, or none
				continue
			case !r.Done:
				return false
			}
			bytes += r.Bytes
			files = append(files, r.URL)
		}
		return true
	})
	if len(files) < 1 || len(files) > 2 || bytes < 5_000 || bytes >= 30_000 {
		t.Errorf("%s: %d bytes in %q", name, bytes, files)
	}
}

// A scene is a page in a state.
type scene struct {
	name   string
	status int
	rare   bool
	show   func(v *viewer)
}

// scenes are in an order in which each leads to the next where it can.
func scenes() []scene {
	return []scene{
		{"forgot", 200, false, func(v *viewer) { v.load(hostOfSite, "/forgot") }},
		{"forgot, refused", 422, false, func(v *viewer) { v.send("#identifier", "nobody") }},
		{"sent", 200, false, func(v *viewer) { v.send("#identifier", "nobody@example.com") }},
		{"code, without a number", 200, false, func(v *viewer) { v.load(hostOfSite, "/code") }},
		{"code", 200, false, func(v *viewer) { v.load(hostOfSite, "/forgot"); v.send("#identifier", v.phone) }},
		{"code, refused", 422, false, func(v *viewer) { v.send("#code", "123") }},

		{"one more step", 403, true, func(v *viewer) {
			v.open(v.link("careful-" + v.address))
			v.send("#password", goodPassword)
		}},
		{"reset", 200, false, func(v *viewer) { v.open(v.link(v.address)) }},
		{"reset, while typing", 200, false, func(v *viewer) {
			v.tab.Click("#password")
			v.tab.Insert("abcdefgh")
			v.tab.Click("#show")
		}},
		{"reset, refused", 422, false, func(v *viewer) { v.send("#password", "abcdefgh") }},
		{"reset, of another link", 409, false, func(v *viewer) {
			browsertest.Eval[bool](v.tab, `document.querySelector("[name=proof]").value = "x", true`)
			v.send("#password", "x")
		}},
		{"done", 200, false, func(v *viewer) { v.send("#password", goodPassword) }},
		{"dead", 400, false, func(v *viewer) { v.load(hostOfSite, "/reset") }},

		{"this was not me, a link", 200, false, func(v *viewer) { v.open(v.notMe(recovery.MessageResetLink)) }},
		{"told, of a link", 200, false, func(v *viewer) { v.tab.Follow(func() { v.tab.Click("[type=submit]") }) }},
		{"this was not me, a password", 200, false, func(v *viewer) { v.open(v.notMe(recovery.MessagePasswordChanged)) }},
		{"told, of a password", 200, false, func(v *viewer) { v.tab.Follow(func() { v.tab.Click("[type=submit]") }) }},
		{"dead, of a notice", 400, true, func(v *viewer) { v.load(hostOfSite, "/not-me") }},
		{"no such page", 404, false, func(v *viewer) { v.load(hostOfSite, "/nothing") }},

		{"forgot, too often", 429, true, func(v *viewer) { v.load(hostOfClosed, "/forgot"); v.send("#identifier", v.address) }},
		{"too often", 429, true, func(v *viewer) { v.open(v.url(hostOfClosed, "/account/reset?token=x")) }},
		{"forgot, out of order", 503, true, func(v *viewer) { v.load(hostOfBroken, "/forgot"); v.send("#identifier", v.address) }},
		{"out of order", 503, true, func(v *viewer) { v.open(v.url(hostOfBroken, "/account/reset?token=x")) }},
	}
}

func (v *viewer) load(host, path string) { v.tab.Load(v.url(host, "/account"+path+"?lang="+v.lang)) }

// open opens a link, in the viewer's language.
func (v *viewer) open(link string) {
	separator := "?"
	if strings.Contains(link, "?") {
		separator = "&"
	}
	v.tab.Load(link + separator + "lang=" + v.lang)
}

// send fills in a form and sends it. Other tests do it by hand.
func (v *viewer) send(field, text string) {
	v.tab.Follow(func() {
		browsertest.Eval[bool](v.tab, fmt.Sprintf(`(() => {
			const field = document.querySelector(%q);
			field.value = %q;
			field.form.requestSubmit();
			return true;
		})()`, field, text))
	})
}

// notMe is the link of the last message of a kind.
func (v *viewer) notMe(kind recovery.MessageKind) (link string) {
	v.tab.Until("a message", func() bool {
		for _, m := range v.outbox.Messages() {
			if m.Kind == kind && m.To == v.address {
				link = m.NotMe.Reveal()
			}
		}
		return link != ""
	})
	return link
}

// What comes late moves nothing: the space of a logo is there before it is, and a
// page that comes in pieces is not drawn in pieces.
func TestChromiumWhatComesLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(_ *recovery.Options, p *portal.Options) { p.Logo, p.Languages = []byte(logo), voice.Tags() })
	tab := s.tab("en", 320)
	// go on once there was time to draw what there is.
	const drawn = `new Promise(resolve => { setTimeout(resolve, 200, true); requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))) })`
	still := func(what string) {
		t.Helper()
		tab.Wait("document.readyState === 'complete' && document.images[0].naturalWidth === 120")
		if shifts := tab.Shifts(); len(shifts) > 0 {
			t.Errorf("%s: the page has moved: %q", what, shifts)
		}
	}
	letGo := s.hold("GET", "/account/logo")
	browsertest.Eval[bool](tab, "location.assign('"+s.base+"/forgot'), true")
	tab.Wait("document.querySelector('header img') && document.readyState === 'interactive'")
	browsertest.Eval[bool](tab, drawn)
	letGo()
	still("a late logo")

	for _, at := range []string{"<h1", "<form", "<button", "</main", `<li><a href="/account/forgot?lang=fr`, `<li><a href="/account/forgot?lang=ar`, "<script"} {
		letGo := s.alter(func(html string) string { return strings.Replace(html, at, "<b id=cut></b><!-- pause -->"+at, 1) })
		browsertest.Eval[bool](tab, "location.assign('"+s.base+"/forgot?lang=en&at="+url.QueryEscape(at)+"'), true")
		tab.Wait("document.querySelector('#cut') && document.readyState === 'loading'")
		browsertest.Eval[bool](tab, drawn)
		letGo()
		still("cut before " + at)
	}
}
