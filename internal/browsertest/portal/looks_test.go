package portal_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/i18n"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
)

// logo is as large as the logo of a real host.
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40" width="120" height="40"><rect width="120" height="40" rx="8" fill="#1f4fd8"/></svg>`

// A viewer looks at the pages in one language.
type viewer struct {
	*site
	tab            *browsertest.Tab
	lang           string
	address, phone string
	john, factor   string // IDs of leads, without and with a second factor
	in             *signIns
	screen         screen // the screen that the tab has
}

// Every page and every state over HTTP, in every language: it is small, fits
// the narrowest screen, and nothing moves after it is shown. axe-core finds
// nothing wrong, and nothing that it could not decide. See audited for the
// pages that axe-core checks.
func TestChromiumEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	var axe *browsertest.Axe
	t.Run("axe-core", func(t *testing.T) { axe = browsertest.LoadAxe(t) })
	in := &signIns{open: map[string]string{}}
	var withDesk portal.Options
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		p.Languages, p.Logo = i18n.Tags(), []byte(logo)
		withDesk = *p
		withDesk.ReadOutCodes = true
		in.serve(o)
		o.MailCodes = recovery.MailCodesOnRequest
		o.SecondFactor = recovery.SecondFactorOptions{
			Needed: func(_ context.Context, lead recovery.Lead) (bool, error) { return lead.Name == "with a factor", nil },
			Verify: func(context.Context, recovery.Lead, recovery.Secret) (bool, error) { return false, nil },
		}
		o.StepUp = func(_ context.Context, lead recovery.Lead) error {
			if lead.Name == "careful" {
				return &recovery.StepUpError{Detail: "Confirm with your security key."}
			}
			return nil
		}
	})
	s.calm = true
	desk, err := portal.New(s.service, withDesk)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.desk = desk
	s.mu.Unlock()
	t.Run("in", func(t *testing.T) {
		for i, l := range i18n.Languages() {
			t.Run(l.File, func(t *testing.T) {
				t.Parallel()
				v := viewer{site: s, lang: l.File, address: l.File + "@example.com", phone: fmt.Sprintf("+1415741557%d", i)}
				v.in, v.john = in, s.addLead("John", v.address, v.phone)
				s.addLead("careful", "careful-"+v.address, fmt.Sprintf("+1415741558%d", i))
				v.factor = s.addLead("with a factor", "factor-"+v.address, fmt.Sprintf("+1415741559%d", i))
				v.tab = chromium.Browser(t).Open(t)
				if axe != nil && (testenv.Long() || l.File == "en" || l.File == "ar") {
					axe.Into(v.tab)
				}
				for j, s := range scenes() {
					if !shown(s, l.File, i) {
						continue
					}
					v.look(narrowLight)
					s.show(&v)
					v.measure(t, s, l.Tag.String())
					if axe == nil {
						continue
					}
					for n, at := range audited(l.File, i, j) {
						v.look(at)
						check := axe.Check
						if n > 0 && !testenv.Long() {
							check = axe.CheckLooks // the rest has not changed
						}
						for _, wrong := range check(v.tab) {
							t.Errorf("%s, %d px, %s: %s", s.name, at.width, at.scheme, wrong)
						}
					}
				}
			})
		}
	})
}

// A screen is a width in CSS pixels, and the colours that the person prefers.
type screen struct {
	width  int
	scheme string
}

var narrowLight, wideDark = screen{320, "light"}, screen{1280, "dark"}

// look shows the page to the viewer on a screen.
func (v *viewer) look(at screen) {
	if v.screen == at {
		return
	}
	v.screen = at
	v.tab.Scheme(at.scheme)
	v.tab.Size(at.width, 900, 1)
}

// shown says whether a scene is shown in a language, by its number. English and
// Arabic show all scenes. The other languages leave out scenes that differ from
// others only in their words. Without RECOVERY_LONG=1, one of these languages
// shows the scenes before a link, and the next one shows the scenes with a
// link.
func shown(s scene, lang string, language int) bool {
	switch {
	case lang == "en", lang == "ar":
		return true
	case s.rare:
		return false
	}
	return testenv.Long() || s.byLink == (language%2 == 0)
}

// audited returns the screens on which axe-core checks a scene in a language,
// by their numbers. axe-core takes time, and its results for colours and sizes
// are the same in every language. With RECOVERY_LONG=1 it checks every scene on
// both screens in English and Arabic, and on one of the two in other languages.
// Without it, it checks the colours and sizes of the second screen in Arabic,
// one of the two screens by turns in English, and one scene in six in other
// languages.
func audited(lang string, language, scene int) []screen {
	both := []screen{narrowLight, wideDark}
	switch {
	case lang == "ar", testenv.Long() && lang == "en":
		return both
	case testenv.Long():
		return both[language%2:][:1]
	case lang == "en", (language+scene)%6 == 0:
		return both[scene%2:][:1]
	}
	return nil
}

// measure checks the status and the language of a page, its size, its width,
// and that nothing on it moves.
func (v *viewer) measure(t *testing.T, s scene, lang string) {
	t.Helper()
	name := s.name
	shifts := v.tab.Shifts()
	got := browsertest.Eval[struct {
		Status, Width int
		Lang          string
	}](v.tab, `({
		Status: performance.getEntriesByType("navigation")[0].responseStatus,
		Width: document.documentElement.scrollWidth, Lang: document.documentElement.lang,
	})`)
	if got.Status != s.status {
		t.Fatalf("%s: status %d, want %d: %.200s", name, got.Status, s.status, said(v.tab))
	}
	if got.Lang != lang {
		t.Errorf("%s is in %s", name, got.Lang)
	}
	if len(shifts) > 0 {
		t.Errorf("%s: what was shown has moved: %q", name, shifts)
	}
	if got.Width != 320 {
		t.Errorf("%s: %d pixels wide", name, got.Width)
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
			case strings.HasSuffix(r.URL, "/favicon.ico"): // the host's own, if there is one
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

// A scene is a page in one of its states.
type scene struct {
	name         string
	status       int
	rare, byLink bool // see shown
	show         func(v *viewer)
}

// scenes are in an order in which each scene leads to the next, where possible.
func scenes() []scene {
	return []scene{
		{"forgot", 200, false, false, func(v *viewer) { v.load(hostOfSite, "/forgot") }},
		{"forgot, refused", 422, false, false, func(v *viewer) { v.send("#identifier", "nobody") }},
		{"sent", 200, false, false, func(v *viewer) { v.send("#identifier", "nobody@example.com") }},
		{"code, without a number", 200, false, false, func(v *viewer) { v.load(hostOfSite, "/code") }},
		{"code", 200, false, false, func(v *viewer) { v.load(hostOfSite, "/forgot"); v.send("#identifier", v.phone) }},
		{"code, refused", 422, false, false, func(v *viewer) { v.send("#code", "123") }},

		{"code, by mail", 200, false, false, func(v *viewer) {
			v.load(hostOfSite, "/forgot")
			browsertest.Eval[bool](v.tab, `document.querySelector("[name=send][value=code]").checked = true`)
			v.send("#identifier", v.address)
		}},

		{"forgot, with a help desk", 200, true, false, func(v *viewer) { v.load(hostOfDesk, "/forgot") }},
		{"code, read out", 200, false, false, func(v *viewer) { v.load(hostOfDesk, "/code") }},
		{"code, read out, refused", 422, false, false, func(v *viewer) { v.send("#code", "123") }},

		{"reset, with a second factor", 200, false, true, func(v *viewer) { v.open(v.link("factor-" + v.address)) }},
		{"reset, second factor refused", 422, false, true, func(v *viewer) {
			browsertest.Eval[bool](v.tab, `document.querySelector("#second-factor").value = "123456", true`)
			v.send("#password", goodPassword)
		}},
		{"one more step", 403, true, true, func(v *viewer) {
			v.open(v.link("careful-" + v.address))
			v.send("#password", goodPassword)
		}},
		{"reset", 200, false, true, func(v *viewer) { v.open(v.link(v.address)) }},
		{"reset, while typing", 200, false, true, func(v *viewer) {
			v.tab.Click("#password")
			v.tab.Insert("abcdefgh")
			v.tab.Click("#show")
		}},
		{"reset, refused", 422, false, true, func(v *viewer) { v.send("#password", "abcdefgh") }},
		{"reset, of another link", 409, false, true, func(v *viewer) {
			browsertest.Eval[bool](v.tab, `document.querySelector("[name=proof]").value = "x", true`)
			v.send("#password", "x")
		}},
		{"done", 200, false, true, func(v *viewer) { v.send("#password", goodPassword) }},
		{"invalid link", 400, false, true, func(v *viewer) { v.load(hostOfSite, "/reset") }},

		{"change", 200, false, true, func(v *viewer) { v.signIn(v.john); v.load(hostOfSite, "/change-password") }},
		{"change, refused", 422, false, true, func(v *viewer) { v.send("#password", "abcdefgh") }},
		{"change, with a second factor", 200, false, true, func(v *viewer) { v.signIn(v.factor); v.load(hostOfSite, "/change-password") }},
		{"change, second factor refused", 422, false, true, func(v *viewer) {
			browsertest.Eval[bool](v.tab, `document.querySelector("#second-factor").value = "123456", true`)
			browsertest.Eval[bool](v.tab, `document.querySelector("#current").value = "old password of with a factor", true`)
			v.send("#password", goodPassword)
		}},
		{"change, done", 200, true, true, func(v *viewer) {
			v.signIn(v.john)
			v.load(hostOfSite, "/change-password")
			browsertest.Eval[bool](v.tab, fmt.Sprintf(`document.querySelector("#current").value = %q, true`, goodPassword))
			v.send("#password", "Second-"+goodPassword)
		}},
		{"change, signed out", 403, false, true, func(v *viewer) { v.signIn(""); v.load(hostOfSite, "/change-password") }},

		{"this was not me, a link", 200, false, true, func(v *viewer) { v.open(v.notMe(recovery.MessageResetLink)) }},
		{"not me done, of a link", 200, false, true, func(v *viewer) { v.tab.Follow(func() { v.tab.Click("[type=submit]") }) }},
		{"this was not me, a password", 200, false, true, func(v *viewer) { v.open(v.notMe(recovery.MessagePasswordChanged)) }},
		{"not me done, of a password", 200, false, true, func(v *viewer) { v.tab.Follow(func() { v.tab.Click("[type=submit]") }) }},
		{"invalid link, of a notice", 400, true, true, func(v *viewer) { v.load(hostOfSite, "/not-me") }},
		{"no such page", 404, false, true, func(v *viewer) { v.load(hostOfSite, "/nothing") }},

		{"forgot, too often", 429, true, true, func(v *viewer) { v.load(hostOfClosed, "/forgot"); v.send("#identifier", v.address) }},
		{"too often", 429, true, true, func(v *viewer) { v.open(v.url(hostOfClosed, "/account/reset?token=x")) }},
		{"forgot, out of order", 503, true, true, func(v *viewer) { v.load(hostOfBroken, "/forgot"); v.send("#identifier", v.address) }},
		{"out of order", 503, true, true, func(v *viewer) { v.open(v.url(hostOfBroken, "/account/reset?token=x")) }},
	}
}

// signIn opens a session of a lead, or of nobody, in the viewer's browser.
func (v *viewer) signIn(leadID string) {
	v.tab.SetCookie(v.url(hostOfSite, "/"), "__Host-session", v.in.cookie(leadID).Value)
}

func (v *viewer) load(host, path string) { v.tab.Load(v.url(host, "/account"+path+"?lang="+v.lang)) }

// open opens a link in the viewer's language.
func (v *viewer) open(link string) {
	separator := "?"
	if strings.Contains(link, "?") {
		separator = "&"
	}
	v.tab.Load(link + separator + "lang=" + v.lang)
}

// send fills in a form by script and sends it. Other tests use the keyboard.
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

// notMe returns the link "this was not me" of the last message of a kind.
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

// A file or a part of a page that arrives late moves nothing. The page keeps
// the space of a logo free, and a page that arrives in pieces is not drawn in
// pieces.
func TestChromiumWhatComesLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(_ *recovery.Options, p *portal.Options) { p.Logo, p.Languages = []byte(logo), i18n.Tags() })
	tab := s.tab("en", 320)
	// The test goes on after the browser had time to draw what has arrived.
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
