package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/portal"
)

// A03: the token leaves the URL with the first response, into a cookie that
// hides it. This holds for links of both wires and of the own API.
func TestTokenLeavesTheURL(t *testing.T) {
	for _, c := range []struct {
		name string
		link recovery.Link
		hide bool
	}{
		{name: "own", link: recovery.Link{URL: base + "/reset"}},
		{"own, hidden from the access log", recovery.Link{URL: base + "/reset"}, true},
		{"own, with another name", recovery.Link{URL: base + "/reset", TokenParam: "t"}, true},
		{"LoginRadius", recovery.Link{URL: base + "/reset", TokenParam: "vtoken", Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}}}, true},
		{"LeadSquared", recovery.Link{URL: base + "/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}, true},
		{"LeadSquared, as many portals name it", recovery.Link{URL: base + "/reset", LeadIDParam: "leadId", SecretParam: "tmpPassword"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(o *recovery.Options, _ *portal.Options) { o.Link = c.link }, func(w *world) {
				t := w.t
				w.hide = c.hide
				v := w.visitor()
				link := w.link()
				u, err := url.Parse(link)
				if err != nil {
					t.Fatal(err)
				}
				p := v.get(link)
				if p.StatusCode != 303 || p.Header.Get("Location") != "/account/reset" {
					t.Fatalf("%d, %q", p.StatusCode, p.Header.Get("Location"))
				}
				cookies := p.Cookies()
				if len(cookies) != 1 {
					t.Fatalf("%d cookies", len(cookies))
				}
				ck := cookies[0]
				if ck.Name != "__Host-recovery-opened" || !ck.Secure || !ck.HttpOnly || ck.SameSite != http.SameSiteLaxMode ||
					ck.Path != "/" || ck.Domain != "" || ck.MaxAge != 3600 {
					t.Errorf("cookie %+v", ck)
				}
				form := v.get("/account/reset")
				form.is(t, "the form", 200)
				for name, values := range u.Query() {
					if len(values[0]) < 32 {
						continue
					}
					for where, text := range map[string]string{"the cookie": fmt.Sprint(p.Header), "the page": form.body + fmt.Sprint(form.Header)} {
						if strings.Contains(text, values[0]) {
							t.Errorf("%s shows %s", where, name)
						}
					}
				}
				// A link that was found valid is stored for as long as links live.
				for _, ck := range form.Cookies() {
					if ck.Name == "__Host-recovery-proof" && ck.MaxAge != 3600 || ck.Name == "__Host-recovery-opened" && ck.MaxAge >= 0 {
						t.Errorf("the cookie %s of a valid link lives %d s", ck.Name, ck.MaxAge)
					}
				}
				v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
				if !w.changed() {
					t.Error("the password is not changed")
				}
			})
		})
	}
}

// A form works for as long as its link, also if the token store's clock is an hour
// behind that of the portal. Before, it worked for a minute.
func TestFormOutlivesAWrongClock(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.tokens.ahead = -time.Hour
		v := w.visitor()
		v.get(w.link())
		form := v.get("/account/reset")
		time.Sleep(50 * time.Minute)
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		if !w.changed() {
			w.t.Error("the password is not changed")
		}
	})
}

// A04: scanners and prefetching browsers change nothing.
func TestToLookChangesNothing(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		link := w.link()
		scanner := w.visitor()
		for range 50 {
			scanner.open(link)
		}
		head := httptest.NewRequest(http.MethodHead, strings.TrimPrefix(link, "https://acme.example"), nil)
		if p := scanner.do(head); p.StatusCode != 303 || p.body != "" {
			t.Errorf("HEAD of the link: %d, %q", p.StatusCode, p.body)
		}
		if p := scanner.do(httptest.NewRequest(http.MethodHead, "/account/reset", nil)); p.StatusCode != 200 || p.body != "" {
			t.Errorf("HEAD of the page: %d, %q", p.StatusCode, p.body)
		}
		scanner.header.Set("Sec-Purpose", "prefetch")
		scanner.open(link)
		person := w.visitor()
		form := person.open(link)
		person.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		if !w.changed() {
			t.Error("the link was used up")
		}
	})
}

// A06: a link that was damaged on its way works where it is certain what it was: with
// "&amp;" for '&', with what a program took for a part of it, or with a slash
// before its query.
func TestDamagedLinksAreMended(t *testing.T) {
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {
		o.Link = recovery.Link{URL: base + "/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}
		o.NotMe = recovery.Link{URL: base + "/not-me"}
	}, func(w *world) {
		t := w.t
		if _, err := w.service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}}); err != nil {
			t.Fatal(err)
		}
		m := w.message()
		link, notMe := m.URL.Reveal(), m.NotMe.Reveal()
		at := strings.LastIndex(link, "=") + 1
		for what, damaged := range map[string]string{
			"&amp;":          strings.ReplaceAll(link, "&", "&amp;"),
			"a full stop":    link + ".",
			"a bracket":      link + ")",
			"an angle":       link + "%3E",
			"a quoted link":  link + "%E2%80%9D,",
			"a Japanese dot": link + "%E3%80%82",
			"a space":        link + "%20",
			"a line end":     link + "%0A",
			"a broken line":  link[:at+20] + "%0D%0A" + link[at+20:],
			"a slash":        strings.Replace(link, "/reset?", "/reset/?", 1),
			"upper-case hex": link[:at] + strings.ToUpper(link[at:]),
		} {
			w.visitor().open(damaged).is(t, what, 200, "Choose a new password")
		}
		for what, damaged := range map[string]string{
			"a full stop": notMe + ".",
			"a slash":     strings.Replace(notMe, "/not-me?", "/not-me/?", 1),
		} {
			w.visitor().open(damaged).is(t, "not me, "+what, 200, "This was not you?")
		}
		// What is not certain is refused.
		for what, damaged := range map[string]string{
			"cut off":              link[:len(link)-1],
			"a character too many": link + "a",
			"a foreign character":  link[:at+20] + "." + link[at+20:],
			"an unlucky letter":    link + "%C3%A4b",
			"another page":         strings.Replace(link, "/reset?", "/reset//?", 1),
		} {
			if p := w.visitor().open(damaged); strings.Contains(p.body, "Choose a new password") {
				t.Errorf("%s: the link works", what)
			}
		}
	})
}

// A24: a link that is damaged is told apart from one that has expired or was
// used. It is not told why one that was complete no longer works.
func TestDamagedLinksAreTold(t *testing.T) {
	const damaged, expired = "It is not complete, or was changed on its way.", "It has expired, or it was used before."
	for _, link := range []recovery.Link{
		{URL: base + "/reset"},
		{URL: base + "/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"},
	} {
		inWorld(t, func(o *recovery.Options, _ *portal.Options) {
			o.Link, o.NotMe = link, recovery.Link{URL: base + "/not-me"}
		}, func(w *world) {
			t := w.t
			if _, err := w.service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}}); err != nil {
				t.Fatal(err)
			}
			m := w.message()
			link, notMe := m.URL.Reveal(), m.NotMe.Reveal()
			is := func(what, link, want string) {
				t.Helper()
				p := w.visitor().open(link)
				p.is(t, what, 400, "This link does not work", want)
				if strings.Contains(p.text(), damaged) && strings.Contains(p.text(), expired) {
					t.Errorf("%s is said to be both", what)
				}
			}
			middle := len(link) - 20
			is("cut off", link[:middle], damaged)
			altered := damaged
			if strings.Contains(link, "TemporaryPassword=") {
				altered = expired // nothing authenticates such a secret
			}
			is("an altered link", link[:middle]+swapped(link[middle])+link[middle+1:], altered)
			is("a notice that is cut off", notMe[:len(notMe)-20], damaged)
			for _, page := range []string{"/account/not-me", "/account/reset"} {
				p := w.visitor().get(page)
				p.is(t, "no link", 400, "No link has reached this page.")
				if strings.Contains(p.text(), expired) {
					t.Errorf("%s without a link says that one has expired", page)
				}
			}
			v := w.visitor()
			form := v.open(link)
			v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
			is("used", link, expired)
			for _, age := range []time.Duration{time.Hour, 24 * time.Hour, 8 * 24 * time.Hour} {
				time.Sleep(age)
				is("a used link, "+age.String()+" later", link, expired)
			}
			is("a notice of last week", notMe, expired)
		})
	}
}

// swapped returns another digit or letter that a token may have.
func swapped(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

// The parameters of a link have the names that the Service gives them.
func TestLinksWithOtherParameters(t *testing.T) {
	for _, link := range []recovery.Link{
		{URL: base + "/reset", TokenParam: "t"},
		{URL: base + "/reset", LeadIDParam: "who", SecretParam: "secret"},
	} {
		inWorld(t, func(o *recovery.Options, _ *portal.Options) {
			o.Link, o.NotMe = link, recovery.Link{URL: base + "/not-me", TokenParam: "n"}
		}, func(w *world) {
			v := w.visitor()
			_, err := w.service.ForgotPassword(w.t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}})
			if err != nil {
				w.t.Fatal(err)
			}
			m := w.message()
			if p := v.get(m.URL.Reveal()); p.Header.Get("Location") != "/account/reset" {
				w.t.Errorf("%d %q", p.StatusCode, p.Header.Get("Location"))
			}
			v.get("/account/reset").is(w.t, "the form", 200, "Choose a new password")
			v.open(m.NotMe.Reveal()).is(w.t, "the notice", 200, "This was not you?")
		})
	}
}

// Links that were cut, changed or made up, and queries with two parameters of
// one name.
func TestBrokenLinks(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		u, err := url.Parse(w.link())
		if err != nil {
			t.Fatal(err)
		}
		token := u.Query().Get("token")
		for _, query := range []string{
			"token=" + token[:len(token)-1], "token=", "token=" + token + "&token=" + token, "token=" + strings.Repeat("x", 5000),
			"vtoken=" + token + "&vtype=emailverification", "vtype=reset&vtoken=x", "LeadId=x", "TemporaryPassword=x", "leadId=x", "tmpPassword=x", "LeadId=x&tmpPassword=" + strings.Repeat("0", 64),
			"LeadId=" + strings.Repeat("x", 3000) + "&TemporaryPassword=y", "LeadId=a&LeadId=b&TemporaryPassword=" + strings.Repeat("0", 64),
			"token=%00%ff",
		} {
			v := w.visitor()
			form := v.open(u.String()) // a good link was there before
			p := v.get("/account/reset?" + query)
			if p.StatusCode != 303 || strings.Contains(p.Header.Get("Location"), "?") {
				t.Errorf("%.60s: %d %q", query, p.StatusCode, p.Header.Get("Location"))
			}
			v.get("/account/reset").is(t, query, 400, "This link does not work")
			// The broken link cost the person nothing: the open form still
			// works.
			v.post("/account/reset", "proof", form.proof(), "password", "weak").is(t, "after "+query, 422, "too short")
			v.get("/account/reset").is(t, "reloaded", 200, "Choose a new password")
		}
	})
}

// Two tabs have the links of two accounts. The form of the first tab must not
// set the password of the second account.
func TestTwoTabs(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		jane := w.leads.AddEmail("jane@example.com", "fast:jane")
		v := w.visitor()
		first := v.open(w.link())
		v.open(w.linkFor("jane@example.com"))
		p := v.post("/account/reset", "proof", first.proof(), "password", goodPassword)
		p.is(t, "the first tab", 409, "Nothing was changed: another link was opened in this browser. This page is now for jane@example.com.")
		if w.changed() || w.leads.Hash(jane) != "fast:jane" {
			t.Fatal("a password was changed")
		}
		if p := v.post("/account/reset", "proof", p.proof(), "password", goodPassword); p.StatusCode != 303 {
			t.Errorf("sent again: %d", p.StatusCode)
		}
		if w.changed() || w.leads.Hash(jane) != "fast:"+goodPassword {
			t.Error("the page of the second link does not work")
		}
		// The same link in two tabs is one link.
		link := w.link()
		one := v.open(link)
		v.open(link)
		if p := v.post("/account/reset", "proof", one.proof(), "password", goodPassword); p.StatusCode != 303 {
			t.Errorf("the same link in two tabs: %d", p.StatusCode)
		}
	})
}

// The same while the store is down. No page carries the proof of the other link
// without saying so, or a second click would do what the first click must not
// do.
func TestTwoTabsWhileTheStoreIsDown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		jane := w.leads.AddEmail("jane@example.com", "fast:jane")
		v := w.visitor()
		first := v.open(w.link())
		v.open(w.linkFor("jane@example.com"))
		w.tokens.failWith(errors.New("down"))
		p := v.post("/account/reset", "proof", first.proof(), "password", goodPassword)
		p.is(t, "the first tab", 503, "Please try again in a moment")
		if p.proof() != "" {
			t.Error("the answer is a form for the other account")
		}
		w.tokens.failWith(nil)
		v.post("/account/reset", "proof", first.proof(), "password", goodPassword).is(t, "once more", 409, "This page is now for jane@example.com.")
		if w.changed() || w.leads.Hash(jane) != "fast:jane" {
			t.Error("a password was changed")
		}
	})
}

// Only the cookie holds the proof, and nobody can make a cookie up.
func TestCookiesThatWereTamperedWith(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		const name = "__Host-recovery-proof"
		good := v.cookies[name].Value
		for what, value := range map[string]string{
			"changed": good[:40] + "A" + good[41:], "cut": good[:len(good)-2], "none": "", "another's name": "x",
		} {
			v.cookies[name] = &http.Cookie{Name: name, Value: value}
			v.get("/account/reset").is(t, what, 400, "This link does not work")
			v.cookies[name] = &http.Cookie{Name: name, Value: value}
			v.post("/account/reset", "proof", form.proof(), "password", goodPassword).is(t, what, 400, "This link does not work")
		}
		// A neighbouring host can set a second cookie of the same name. Then
		// neither counts.
		r := httptest.NewRequest("GET", "/account/reset", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: good})
		r.AddCookie(&http.Cookie{Name: name, Value: "x"})
		if p := w.visitor().do(r); p.StatusCode != 400 {
			t.Errorf("two cookies: %d", p.StatusCode)
		}
		// A cookie of one kind is not accepted as another kind.
		r = httptest.NewRequest("GET", "/account/not-me", nil)
		r.AddCookie(&http.Cookie{Name: "__Host-recovery-notice", Value: good})
		if p := w.visitor().do(r); p.StatusCode != 400 {
			t.Errorf("a cookie of another kind: %d", p.StatusCode)
		}
		if w.changed() {
			t.Error("changed")
		}
	})
}

// A new first key while a form is open does not make the form another's.
func TestKeyRotationWhileAFormIsOpen(t *testing.T) {
	old, fresh := testenv.Key("k"), testenv.Key("n")
	inWorld(t, func(_ *recovery.Options, o *portal.Options) { o.Keys = [][]byte{old, fresh} }, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		o := portal.Options{BaseURL: base, Product: "Acme", Keys: [][]byte{fresh, old}, Languages: []language.Tag{language.English}}
		var err error
		if w.Handler, err = portal.New(w.service, o); err != nil {
			w.t.Fatal(err)
		}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("%d %s", p.StatusCode, p.text())
		}
	})
}

// Over plain http at another host, browsers do not keep the cookies of pages whose
// BaseURL is https, so no link works there. The page says where it works, and the log
// says so once. They say nothing of it at the host of BaseURL, where a proxy may speak https.
func TestPagesWithoutTheirCookiesAreTold(t *testing.T) {
	for _, test := range []struct {
		url, fetchMode string
		told           int
	}{
		{"http://192.168.1.4/account/reset", "", 1},
		{"http://192.168.1.4/account/reset", "navigate", 0}, // a proxy speaks https and changes Host
		{"https://192.168.1.4/account/reset", "", 0},
		{"http://" + strings.TrimPrefix(base, "https://") + "/reset", "", 0},
	} {
		inWorld(t, nil, func(w *world) {
			for range 3 {
				page, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, test.url, nil)
				r.Header.Set("Sec-Fetch-Mode", test.fetchMode)
				w.ServeHTTP(page, r)
				if told := strings.Contains(page.Body.String(), "Open it at "+base+", with the link"); told != (test.told > 0) || strings.Contains(page.Body.String(), "expired") {
					w.t.Errorf("%s: the page says\n%s", test.url, page.Body)
				}
			}
			if n := strings.Count(w.log.String(), "opened over http at another host than that of option BaseURL"); n != test.told {
				w.t.Errorf("%s: told %d times, want %d:\n%s", test.url, n, test.told, w.log)
			}
		})
	}
}
