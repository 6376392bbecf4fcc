package portal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// mark is a logo: a word on a shape of a colour.
func mark(word, colour string) []byte {
	return []byte(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 60" width="190" height="60">`+
		`<circle cx="30" cy="30" r="26" fill="%s"/><circle cx="30" cy="30" r="11" fill="#fff"/>`+
		`<text x="68" y="41" font-family="sans-serif" font-size="32" font-weight="700" fill="%s">%s</text></svg>`, colour, colour, word))
}

// A tenant is a brand of the tests, at a host of its own.
func tenant(s *site, n int) portal.Brand {
	colour := fmt.Sprintf("#%02x%02x%02x", 0x30+n*29%0x60, 0x20+n*53%0x40, 0x50+n*17%0x50)
	return portal.Brand{
		Name: fmt.Sprintf("shop-%d", n), BaseURL: s.url(fmt.Sprintf("shop%d.example", n), "/account"),
		Product: fmt.Sprintf("Shop %d Ltd", n), SignIn: s.url(fmt.Sprintf("shop%d.example", n), "/log-in"),
		Color: colour, Logo: mark(fmt.Sprintf("Shop %d", n), colour),
		Text: map[string]map[string]string{"": {"forgot.heading": fmt.Sprintf("Lost your key to shop %d?", n)}},
	}
}

// newMall starts a site whose pages have brands.
func newMall(t *testing.T, list func(s *site) []portal.Brand) *site {
	t.Helper()
	return newSiteWith(t, func(made *site, ro *recovery.Options, po *portal.Options) {
		made.everyHost = true
		var known []recovery.Brand
		po.Brands.List = list(made)
		for _, b := range po.Brands.List {
			known = append(known, recovery.Brand{Name: b.Name, Link: recovery.Link{URL: b.BaseURL + "/reset"}, NotMe: recovery.Link{URL: b.BaseURL + "/not-me"}})
		}
		find, err := recovery.BrandList(known...)
		if err != nil {
			t.Fatal(err)
		}
		ro.Brands.Find = find
	})
}

// isBrand checks that the tab shows a page of a brand, with its logo and its colour.
func (s *site) isBrand(tab *browsertest.Tab, b portal.Brand, path string, words ...string) {
	s.t.Helper()
	if got := tab.URL(); got != b.BaseURL+path || tab.Status() != 200 {
		s.t.Fatalf("on %s with %d, want %s: %.300s", got, tab.Status(), b.BaseURL+path, said(tab))
	}
	tab.Wait(`document.querySelector("header img")?.complete`)
	if !browsertest.Eval[bool](tab, `document.querySelector("header img").naturalWidth > 0`) {
		s.t.Errorf("%s%s: the logo is not shown", b.Name, path)
	}
	if got := browsertest.Eval[string](tab, `document.title + " / " + document.querySelector("header img").alt`); strings.Count(got, b.Product) != 2 {
		s.t.Errorf("%s%s: title and logo say %q", b.Name, path, got)
	}
	colour := "document.querySelector('[type=submit], .button') && getComputedStyle(document.querySelector('[type=submit], .button')).backgroundColor || ''"
	var r, g, blue int
	if _, err := fmt.Sscanf(b.Color, "#%02x%02x%02x", &r, &g, &blue); err != nil {
		s.t.Fatal(err)
	}
	if got := browsertest.Eval[string](tab, colour); got != "" && got != fmt.Sprintf("rgb(%d, %d, %d)", r, g, blue) {
		s.t.Errorf("%s%s: the button is %s, want %s", b.Name, path, got, b.Color)
	}
	for _, w := range words {
		if text := said(tab); !strings.Contains(text, w) {
			s.t.Errorf("%s%s does not say %q: %.600s", b.Name, path, w, text)
		}
	}
}

// One process serves a thousand brands. The whole way of one of them, from its page
// over the mail to the notice, and the first page of ten.
func TestChromiumWayOfABrand(t *testing.T) {
	t.Parallel()
	s := newMall(t, func(s *site) (list []portal.Brand) {
		for n := range 1000 {
			list = append(list, tenant(s, n))
		}
		return list
	})
	b := tenant(s, 417)
	tab := s.tab("en", 1280)
	tab.Load(s.url("shop417.example", "/.well-known/change-password"))
	s.isBrand(tab, b, "/forgot", "Lost your key to shop 417?")
	fill(tab, "#identifier", johnMail)
	submit(tab)
	s.isBrand(tab, b, "/sent", "Check your inbox")
	mail := s.message(recovery.MessageResetLink, johnMail)
	if mail.Brand != b.Name || !strings.HasPrefix(mail.URL.Reveal(), b.BaseURL+"/reset?token=") {
		t.Fatalf("brand %q, link %.60s", mail.Brand, mail.URL.Reveal())
	}
	tab.Load(s.inbox(mail.URL.Reveal()))
	tab.Follow(func() { tab.Click("#link") })
	s.isBrand(tab, b, "/reset", "Choose a new password")
	s.unchanged()
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.isBrand(tab, b, "/done", "Your password was changed")
	s.has(s.john, goodPassword)
	if got := browsertest.Eval[string](tab, `document.querySelector("a.button").href`); got != b.SignIn {
		t.Errorf("done leads to %s", got)
	}
	notice := s.message(recovery.MessagePasswordChanged, johnMail)
	if notice.Brand != b.Name {
		t.Errorf("the notice has the brand %q", notice.Brand)
	}
	tab.Load(notice.NotMe.Reveal())
	s.isBrand(tab, b, "/not-me")
	s.silent(tab)
	for n := 0; n < 1000; n += 100 {
		other := tenant(s, n)
		tab.Load(other.BaseURL + "/forgot")
		s.isBrand(tab, other, "/forgot", fmt.Sprintf("Lost your key to shop %d?", n))
	}
	s.silent(tab)
}

// A104: a browser that comes by a host name that is no brand's sees no brand, and
// gets no cookie.
func TestChromiumHostOfNoBrand_A104(t *testing.T) {
	t.Parallel()
	s := newMall(t, func(s *site) []portal.Brand { return []portal.Brand{tenant(s, 1)} })
	tab := s.tab("en", 1280)
	for _, path := range []string{"/account/forgot", "/account/reset?token=abc", "/.well-known/change-password"} {
		tab.Load(s.url("shop2.example", path))
		if tab.Status() != 421 || strings.TrimSpace(said(tab)) != "There are no pages for this host name." {
			t.Errorf("%s: %d %q", path, tab.Status(), said(tab))
		}
	}
	for _, v := range s.visited("GET", "/account/forgot") {
		if v.Header.Get("Cookie") != "" {
			t.Errorf("the browser has a cookie: %v", v.Header)
		}
	}
}

// Two links of two brands at one host are open in two tabs of one browser, and a
// third brand at a sibling host has none. Each form changes the password that it is
// about.
func TestChromiumCookiesOfBrandsDoNotMix(t *testing.T) {
	t.Parallel()
	var red, blue, sibling portal.Brand
	s := newMall(t, func(s *site) []portal.Brand {
		red, blue, sibling = tenant(s, 1), tenant(s, 2), tenant(s, 3)
		red.BaseURL, blue.BaseURL = s.url("mall.example", "/red"), s.url("mall.example", "/blue")
		sibling.BaseURL = s.url("sub.mall.example", "/account")
		return []portal.Brand{red, blue, sibling}
	})
	first := s.tab("en", 1280)
	open := func(tab *browsertest.Tab, b portal.Brand, address string) {
		tab.Load(b.BaseURL + "/forgot")
		fill(tab, "#identifier", address)
		submit(tab)
		tab.Load(s.message(recovery.MessageResetLink, address).URL.Reveal())
		s.isBrand(tab, b, "/reset", "Choose a new password")
	}
	open(first, red, johnMail)
	second := first.Beside()
	open(second, blue, maryMail)
	second.Load(sibling.BaseURL + "/reset")
	if second.Status() != 400 {
		t.Errorf("the sibling has a link: %d %s", second.Status(), said(second))
	}
	second.Load(blue.BaseURL + "/reset")
	s.isBrand(second, blue, "/reset", "Choose a new password")
	if got := value(second, "#username"); got != maryMail {
		t.Errorf("blue is about %s", got)
	}
	first.Front()
	fill(first, "#password", goodPassword)
	submit(first)
	s.isBrand(first, red, "/done", "Your password was changed")
	s.has(s.john, goodPassword)
	s.has(s.mary, "old password of Mary")
	second.Front()
	fill(second, "#password", "Second-"+goodPassword)
	submit(second)
	s.isBrand(second, blue, "/done", "Your password was changed")
	s.has(s.mary, "Second-"+goodPassword)
	s.has(s.john, goodPassword)
}

// TestScreenshotsOfBrands writes pictures of the same page of three brands, as
// TestScreenshots does.
func TestScreenshotsOfBrands(t *testing.T) {
	dir := os.Getenv("RECOVERY_SCREENSHOTS")
	if dir == "" {
		t.Skip("RECOVERY_SCREENSHOTS names no directory to write pictures to")
	}
	s := newMall(t, func(s *site) []portal.Brand {
		at := func(name string) string { return s.url(name+".example", "/account") }
		return []portal.Brand{
			{Name: "bakery", BaseURL: at("bakery"), Product: "Crumb & Co.", Color: "#8a4b12", Logo: mark("Crumb", "#b5651d"), SignIn: "/",
				Text: map[string]map[string]string{"": {"forgot.heading": "Forgot your password, baker?"}}},
			{Name: "bank", BaseURL: at("bank"), Product: "Northbank", Color: "#0b5d4e", Support: "https://northbank.example/help"},
			{Name: "studio", BaseURL: at("studio"), Product: "Studio Violet", Color: "#6b21a8", Logo: mark("Violet", "#a855f7"), SignIn: "/"},
		}
	})
	for _, name := range []string{"bakery", "bank", "studio"} {
		tab := s.tab("en", 800)
		if name == "studio" {
			tab.Scheme("dark")
		}
		s.picture(tab, phone, filepath.Join(dir, "brand-"+name+".png"), func() { tab.Load(s.url(name+".example", "/account/forgot")) })
	}
}
