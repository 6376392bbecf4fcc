package portal_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// knownBrands is a recovery.BrandOptions.Find that knows the brand of every BaseURL.
func knownBrands(t testing.TB, list ...portal.Brand) func(string) (recovery.Brand, bool) {
	t.Helper()
	var all []recovery.Brand
	for _, b := range list {
		all = append(all, recovery.Brand{
			Name: b.Name, Link: recovery.Link{URL: b.BaseURL + "/reset"},
			NotMe: recovery.Link{URL: b.BaseURL + "/not-me"}, Invitation: recovery.Link{URL: b.BaseURL + "/invitation"},
		})
	}
	find, err := recovery.BrandList(all...)
	if err != nil {
		t.Fatal(err)
	}
	return find
}

// shop returns a brand that differs from all others in everything.
func shop(n int) portal.Brand {
	logo := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 2<<10)...)
	return portal.Brand{
		Name: fmt.Sprintf("shop-%d", n), BaseURL: fmt.Sprintf("https://shop%d.example/account", n),
		Product: fmt.Sprintf("Shop %d Ltd", n), SignIn: fmt.Sprintf("https://shop%d.example/log-in", n),
		Support: fmt.Sprintf("help@shop%d.example", n), Color: fmt.Sprintf("#%06x", 0x400000+n), Logo: logo,
		Text: map[string]map[string]string{
			"":   {"forgot.heading": fmt.Sprintf("Lost your key to shop %d?", n)},
			"de": {"forgot.heading": fmt.Sprintf("Schlüssel zu Laden %d verlegt?", n)},
		},
	}
}

// withBrands adds brands to a world.
func withBrands(t testing.TB, list ...portal.Brand) func(*recovery.Options, *portal.Options) {
	return func(ro *recovery.Options, po *portal.Options) {
		ro.Brands.Find = knownBrands(t, list...)
		po.Brands.List = list
	}
}

// A shopper is a visitor of one origin.
type shopper struct {
	*visitor
	origin string
}

func (v *visitor) at(origin string) shopper { return shopper{v, origin} }

func (s shopper) url(target string) string {
	if strings.HasPrefix(target, "/") {
		return s.origin + target
	}
	return target
}

func (s shopper) get(target string) page {
	s.w.t.Helper()
	return s.do(httptest.NewRequest(http.MethodGet, s.url(target), nil))
}

func (s shopper) open(target string) page {
	s.w.t.Helper()
	for range 5 {
		p := s.get(target)
		if p.StatusCode != http.StatusSeeOther {
			return p
		}
		target = p.Header.Get("Location")
	}
	s.w.t.Fatal("redirects without end")
	return page{}
}

func (s shopper) post(target string, fields ...string) page {
	s.w.t.Helper()
	return s.postFrom("same-origin", target, fields...)
}

func (s shopper) postFrom(site, target string, fields ...string) page {
	s.w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, s.url(target), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	r.Header.Set("Origin", "null")
	return s.do(r)
}

// The whole way of a brand: its page, the message with its link, the new password and
// the notice, and "this was not me".
func TestWayOfABrand(t *testing.T) {
	inWorld(t, withBrands(t, shop(1), shop(2)), func(w *world) {
		t := w.t
		v := w.visitor().at("https://shop1.example")
		v.post("/account/forgot", "identifier", johnMail)
		v.open("/account/sent").is(t, "sent", 200)
		m := w.messageOf(recovery.MessageResetLink)
		link := m.URL.Reveal()
		if m.Brand != "shop-1" || !strings.HasPrefix(link, "https://shop1.example/account/reset?token=") {
			t.Fatalf("brand %q, link %q", m.Brand, link)
		}
		form := v.open(link)
		form.is(t, "the form", 200, "Choose a new password")
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Fatalf("%d %s", p.StatusCode, p.text())
		}
		v.open("/account/done").is(t, "done", 200)
		notice := w.messageOf(recovery.MessagePasswordChanged)
		if notice.Brand != "shop-1" || !strings.HasPrefix(notice.NotMe.Reveal(), "https://shop1.example/account/not-me?token=") {
			t.Fatalf("brand %q, link %q", notice.Brand, notice.NotMe.Reveal())
		}
		notMe := v.open(notice.NotMe.Reveal())
		notMe.is(t, "not me", 200)
		v.post("/account/not-me", "proof", notMe.proof())
		v.open("/account/not-me-done").is(t, "not me, done", 200)
		if m := w.messageOf(recovery.MessageResetLink); m.Brand != "shop-1" || !strings.HasPrefix(m.URL.Reveal(), "https://shop1.example/") {
			t.Errorf("after not me: brand %q, link %q", m.Brand, m.URL.Reveal())
		}
	})
}

// A code that is asked for at a brand is typed there.
func TestCodeOfABrand(t *testing.T) {
	inWorld(t, withBrands(t, shop(1)), func(w *world) {
		v := w.visitor().at("https://shop1.example")
		v.post("/account/forgot", "identifier", johnPhone)
		form := v.open("/account/code")
		m := w.messageOf(recovery.MessageResetCode)
		if m.Brand != "shop-1" {
			w.t.Errorf("brand %q", m.Brand)
		}
		v.post("/account/code", "proof", form.proof(), "code", m.Code.Reveal())
		reset := v.open("/account/reset")
		v.post("/account/reset", "proof", reset.proof(), "password", goodPassword)
		if !w.changed() {
			w.t.Error("the password is the old one")
		}
		if m := w.messageOf(recovery.MessagePasswordChanged); m.Brand != "shop-1" {
			w.t.Errorf("notice of brand %q", m.Brand)
		}
	})
}

// An invitation of a brand leads to its pages.
func TestInvitationOfABrand(t *testing.T) {
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withBrands(t, shop(1))(ro, po)
		ro.Invitations.Link = recovery.Link{URL: base + "/invitation"}
	}, func(w *world) {
		mary := w.leads.Add(recovery.Lead{Status: recovery.StatusInvited, Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "mary@example.com"}}}, "")
		if err := w.service.SendInvitation(w.t.Context(), recovery.InvitationRequest{LeadID: mary, Brand: "shop-1"}); err != nil {
			w.t.Fatal(err)
		}
		link := w.messageOf(recovery.MessageInvitation).URL.Reveal()
		if !strings.HasPrefix(link, "https://shop1.example/account/invitation?") {
			w.t.Fatal(link)
		}
		v := w.visitor().at("https://shop1.example")
		form := v.open(link)
		form.is(w.t, "the form", 200)
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		v.open("/account/done").is(w.t, "done", 200)
		if got := w.leads.Hash(mary); got != "fast:"+goodPassword {
			w.t.Errorf("hash %q", got)
		}
	})
}

// A104: a Host header that is no brand's gets no brand's page, whatever else the
// request says, and nothing is asked of the Service.
func TestHostOfNoBrand_A104(t *testing.T) {
	inWorld(t, withBrands(t, shop(1), shop(2)), func(w *world) {
		t := w.t
		for _, host := range []string{
			"evil.example", "shop1.example.evil.example", "evil.shop1.example", "shop1.example:8443", "shop1.example.",
			"shop1.example@evil.example", "shop1.example, evil.example", "", "192.0.2.1", "[::1]:443", strings.Repeat("a", 5000),
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				for _, path := range []string{"/account/forgot", "/account/reset?token=abc", "/account/logo", "/.well-known/change-password", "/"} {
					r := httptest.NewRequest(method, path, strings.NewReader("identifier="+url.QueryEscape(johnMail)))
					r.Host = host
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					for _, name := range []string{"X-Forwarded-Host", "X-Original-Host", "Origin", "Referer"} {
						r.Header.Set(name, "https://shop1.example")
					}
					r.Header.Set("Forwarded", "host=shop1.example")
					answer := httptest.NewRecorder()
					w.ServeHTTP(answer, r)
					body := answer.Body.String()
					if answer.Code != http.StatusMisdirectedRequest || body != "There are no pages for this host name.\n" ||
						len(answer.Result().Cookies()) > 0 || answer.Header().Get("Location") != "" {
						t.Errorf("%.40q %s %s: %d %q %v", host, method, path, answer.Code, body, answer.Header())
					}
					if answer.Header().Get("Cache-Control") != "no-store, no-transform" || answer.Header().Get("X-Frame-Options") != "DENY" {
						t.Errorf("%.40q: headers %v", host, answer.Header())
					}
				}
			}
		}
		// A Host is read as browsers write it, and as they need not.
		for _, host := range []string{"shop1.example", "shop1.example:443", "SHOP1.example"} {
			r := httptest.NewRequest(http.MethodGet, "/account/forgot", nil)
			r.Host = host
			answer := httptest.NewRecorder()
			if w.ServeHTTP(answer, r); answer.Code != 200 || !strings.Contains(answer.Body.String(), "Shop 1 Ltd") {
				t.Errorf("%s: %d", host, answer.Code)
			}
		}
		if n := w.outbox.Len(); n > 0 {
			t.Errorf("%d messages", n)
		}
		if got := w.log.String(); strings.Count(got, "a request came for a host that has no pages") != 1 || !strings.Contains(got, "host=evil.example") {
			t.Errorf("the log is\n%s", got)
		}
	})
}

// A104: whoever asks at one brand for the account of another does not choose whose
// pages the link leads to, and the notice is that of the lead's brand.
func TestLeadsBrandWins_A104(t *testing.T) {
	inWorld(t, withBrands(t, shop(1), shop(2)), func(w *world) {
		w.leads.Change(w.john, func(l *recovery.Lead) { l.Brand = "shop-2" })
		w.visitor().at("https://shop1.example").post("/account/forgot", "identifier", johnMail)
		m := w.messageOf(recovery.MessageResetLink)
		if m.Brand != "shop-2" || !strings.HasPrefix(m.URL.Reveal(), "https://shop2.example/account/reset?") {
			w.t.Errorf("brand %q, link %q", m.Brand, m.URL.Reveal())
		}
		v := w.visitor().at("https://shop2.example")
		form := v.open(m.URL.Reveal())
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		if m := w.messageOf(recovery.MessagePasswordChanged); m.Brand != "shop-2" {
			w.t.Errorf("notice of brand %q", m.Brand)
		}
	})
}

// sharedHost are brands at one host, and one at a host below it.
func sharedHost() []portal.Brand {
	return []portal.Brand{
		{Name: "red", BaseURL: "https://mall.example/red/account", Product: "Red"},
		{Name: "blue", BaseURL: "https://mall.example/blue/account", Product: "Blue"},
		{Name: "deep", BaseURL: "https://mall.example/blue/account/deep", Product: "Deep"},
		{Name: "sub", BaseURL: "https://sub.mall.example/account", Product: "Sub"},
	}
}

// Brands at one host are told apart by their paths, with and without
// http.StripPrefix.
func TestBrandsAtOneHost(t *testing.T) {
	inWorld(t, withBrands(t, sharedHost()...), func(w *world) {
		t := w.t
		v := w.visitor().at("https://mall.example")
		for path, product := range map[string]string{
			"/red/account/forgot": "Red", "/blue/account/forgot": "Blue", "/blue/account/deep/forgot": "Deep",
		} {
			p := v.get(path)
			p.is(t, path, 200, product)
			if action := `action="` + path + `"`; !strings.Contains(p.body, action) {
				t.Errorf("%s has no %s", path, action)
			}
		}
		v.get("/red/account/nothing").is(t, "no page of a brand", 404, "Red")
		for _, path := range []string{"/green/account/forgot", "/account/forgot", "/forgot", "/red/accounts/forgot", "/red"} {
			if p := v.get(path); p.StatusCode != 404 || p.body != "There is no such page.\n" {
				t.Errorf("%s: %d %q", path, p.StatusCode, p.body)
			}
		}
		if p := v.get("/.well-known/change-password"); p.Header.Get("Location") != "/red/account/forgot" {
			t.Errorf("the well-known URL leads to %q", p.Header.Get("Location"))
		}
		r := httptest.NewRequest(http.MethodGet, "/blue/account/forgot?lang=de", nil)
		r.Host = "mall.example"
		answer := httptest.NewRecorder()
		http.StripPrefix("/blue/account", w).ServeHTTP(answer, r)
		if answer.Code != 200 || !strings.Contains(answer.Body.String(), "<p>Blue</p>") {
			t.Errorf("behind StripPrefix: %d %s", answer.Code, answer.Body)
		}
		mux := http.NewServeMux()
		w.Mount(mux)
		for _, target := range []string{"https://mall.example/red/account/forgot", "https://mall.example/blue/account/deep/forgot", "https://sub.mall.example/account/forgot", base + "/forgot"} {
			answer := httptest.NewRecorder()
			if mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, target, nil)); answer.Code != 200 {
				t.Errorf("mounted, %s: %d", target, answer.Code)
			}
		}
	})
}

// Cookies of brands do not mix, neither on one host nor on sibling hosts: they have
// names of their own, and what one brand has sealed opens at no other, whatever name
// it is given.
func TestCookiesOfBrandsDoNotMix(t *testing.T) {
	inWorld(t, withBrands(t, sharedHost()...), func(w *world) {
		t := w.t
		v := w.visitor()
		red, blue := v.at("https://mall.example"), v.at("https://mall.example")
		link := func(brand string) string {
			_, err := w.service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, Brand: brand})
			if err != nil {
				t.Fatal(err)
			}
			return w.messageOf(recovery.MessageResetLink).URL.Reveal()
		}
		red.open(link("red")).is(t, "red", 200, "Choose a new password")
		if len(v.cookies) != 1 {
			t.Fatalf("cookies %v", v.cookies)
		}
		blue.open("/blue/account/reset").is(t, "blue without a link", 400)
		form := blue.open(link("blue"))
		form.is(t, "blue", 200, "Choose a new password")
		names := slices.Sorted(func(yield func(string) bool) {
			for name, c := range v.cookies {
				if !strings.HasPrefix(name, "__Host-recovery-") || !c.Secure || c.Domain != "" || c.Path != "/" || !yield(name) {
					return
				}
			}
		})
		if len(names) != 2 {
			t.Fatalf("cookies %v", v.cookies)
		}
		// Somebody gives each the value of the other, and a sibling one as well.
		values := []string{v.cookies[names[0]].Value, v.cookies[names[1]].Value}
		v.cookies[names[0]].Value, v.cookies[names[1]].Value = values[1], values[0]
		blue.open("/blue/account/reset").is(t, "blue with a cookie of red", 400)
		red.open("/red/account/reset").is(t, "red with a cookie of blue", 400)
		v.cookies = map[string]*http.Cookie{"__Host-recovery-proof": {Name: "__Host-recovery-proof", Value: values[0]}}
		v.at("https://acme.example").open("/account/reset").is(t, "the pages of no brand", 400)
	})
}

// A70: a form that a page of one brand sends to another brand is refused.
func TestFormsOfOtherBrandsAreRefused_A70(t *testing.T) {
	inWorld(t, withBrands(t, sharedHost()...), func(w *world) {
		v := w.visitor().at("https://sub.mall.example")
		for _, site := range []string{"same-site", "cross-site"} {
			v.postFrom(site, "/account/forgot", "identifier", johnMail).is(w.t, site, 403, "Sub")
		}
		r := httptest.NewRequest(http.MethodPost, "https://sub.mall.example/account/forgot", strings.NewReader("identifier=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://mall.example")
		v.do(r).is(w.t, "by its Origin", 403)
	})
}

// What a brand does not say is as in Options, but for its product and its logo.
func TestWhatABrandShares(t *testing.T) {
	plain := portal.Brand{Name: "plain", BaseURL: "https://plain.example", Product: "Plain"}
	own := shop(7)
	own.Font, own.Languages = []byte("wOF2-own"), []language.Tag{language.Japanese, language.German}
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withBrands(t, plain, own)(ro, po)
		po.Logo, po.Font, po.Color, po.Support = []byte("\x89PNG\r\n\x1a\n0000"), []byte("wOF2-all"), "#7a1f8d", "help@acme.example"
		po.Text = map[string]map[string]string{"": {"forgot.heading": "Lost it?", "sent.heading": "Look into your mail"}}
	}, func(w *world) {
		t := w.t
		p := w.visitor().at("https://plain.example").get("/forgot")
		p.is(t, "a plain brand", 200, "Lost it?")
		for _, want := range []string{"<p>Plain</p>", "--accent:#7a1f8d", "help@acme.example", `href="/sign-in"`, `url("/font.woff2?`, `lang="de"`} {
			if !strings.Contains(p.body, want) {
				t.Errorf("a plain brand has no %s", want)
			}
		}
		if strings.Contains(p.body, "<img") {
			t.Error("a plain brand has the logo of another one")
		}
		if f := w.visitor().at("https://plain.example").get("/font.woff2"); f.body != "wOF2-all" {
			t.Errorf("font %q", f.body)
		}
		v := w.visitor().at("https://shop7.example")
		if f := v.get("/account/font.woff2"); f.body != "wOF2-own" {
			t.Errorf("font %q", f.body)
		}
		p = v.get("/account/forgot")
		if !strings.Contains(p.body, `<html lang="ja"`) || strings.Contains(p.body, `lang="en"`) {
			t.Error("a brand with languages of its own has others")
		}
		p.is(t, "a text for all languages", 200, "Lost your key to shop 7?")
		v.get("/account/sent").is(t, "a text of Options", 200, "Look into your mail")
	})
}

// A path to return to is one at the host of the brand.
func TestReturnToOfABrand(t *testing.T) {
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withBrands(t, shop(1))(ro, po)
		ro.ReturnTo = []string{"https://shop1.example/app"}
	}, func(w *world) {
		v := w.visitor().at("https://shop1.example")
		v.post("/account/forgot?return_to="+url.QueryEscape("/app/cart"), "identifier", johnMail)
		form := v.open(w.messageOf(recovery.MessageResetLink).URL.Reveal())
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		if p := v.open("/account/done"); !strings.Contains(p.body, `href="https://shop1.example/app/cart"`) {
			w.t.Errorf("done leads elsewhere: %s", p.text())
		}
	})
}

// If the Service does not know a brand any more, the link is not called invalid, and
// works again with the brand.
func TestBrandThatTheServiceForgot(t *testing.T) {
	gone := false
	inWorld(t, func(ro *recovery.Options, po *portal.Options) {
		withBrands(t, shop(1))(ro, po)
		known := ro.Brands.Find
		ro.Brands.Find = func(name string) (recovery.Brand, bool) {
			b, ok := known(name)
			return b, ok && !gone
		}
	}, func(w *world) {
		v := w.visitor().at("https://shop1.example")
		v.post("/account/forgot", "identifier", johnMail)
		form := v.open(w.messageOf(recovery.MessageResetLink).URL.Reveal())
		gone = true
		v.post("/account/forgot", "identifier", johnMail).is(w.t, "forgot", 500)
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword).is(w.t, "reset", 500)
		gone = false
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("%d %s", p.StatusCode, p.text())
		}
	})
}
