package portal_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// hostOfShop is a site of the host's that people come from.
const hostOfShop = "shop.example"

// A person comes from the shop, and is offered to return there. The page done
// stays where it is until the person follows its button, by keyboard here, on the
// narrowest screen and from right to left. The shop is not told where the person
// was (A02, A03).
func TestChromiumReturnTo_A02(t *testing.T) {
	t.Parallel()
	var axe *browsertest.Axe
	t.Run("axe-core", func(t *testing.T) { axe = browsertest.LoadAxe(t) })
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		shop := strings.Replace(strings.TrimSuffix(p.BaseURL, "/account"), hostOfSite, hostOfShop, 1)
		o.ReturnTo = []string{shop + "/cart"}
		p.Languages = []language.Tag{language.English, language.Arabic}
	})
	cart := s.url(hostOfShop, "/cart?a=1&b=%22")
	s.serve(hostOfShop, "/cart", `<!DOCTYPE html><title>Cart</title><link rel="icon" href="data:,"><a id="forgot" href="`+
		s.base+"/forgot?return_to="+url.QueryEscape(cart)+`">Forgot your password?</a>`)
	tab := s.tab("ar", 320)
	if axe != nil {
		axe.Into(tab)
	}
	tab.Load(cart)
	tab.Follow(func() { tab.Click("#forgot") })
	s.on(tab, "/forgot?return_to="+url.QueryEscape(cart), 200)
	fill(tab, "#identifier", johnMail)
	submit(tab)
	s.on(tab, "/sent", 200)
	tab.Load(s.inbox(s.message(recovery.MessageResetLink, johnMail).URL.Reveal()))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200)
	fill(tab, "#password", goodPassword)
	submit(tab)

	stays := func() {
		t.Helper()
		// Whatever leads away by itself does so before the second frame is painted.
		browsertest.Eval[bool](tab, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
		s.on(tab, "/done", 200, "المتابعة إلى", hostOfShop)
		if visits := s.visited("GET", "/cart"); len(visits) != 1 {
			t.Errorf("%d visits to the shop, want the first one alone", len(visits))
		}
	}
	stays()
	tab.Reload()
	stays()
	mirrored(t, tab, 320)
	stops(t, tab, "/done")
	if axe != nil {
		for _, wrong := range axe.Check(tab) {
			t.Errorf("/done: %s", wrong)
		}
	}
	s.has(s.john, goodPassword)
	tabTo(tab, "a.button")
	if name := tab.Spoken("a.button").Name; !strings.Contains(name, hostOfShop) {
		t.Errorf("a screen reader reads the button as %q", name)
	}
	tab.Follow(func() { tab.Press(kb.Enter) })
	if got := tab.URL(); got != cart {
		t.Errorf("the button leads to %s, want %s", got, cart)
	}
	visits := s.visited("GET", "/cart")
	if len(visits) != 2 || visits[1].Header.Get("Referer") != "" {
		t.Errorf("visits to the shop: %+v", visits)
	}
	s.silent(tab)
}
