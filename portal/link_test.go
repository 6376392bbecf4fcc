package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

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
				// A link that was found valid is stored for as long as it stays
				// valid.
				for _, ck := range form.Cookies() {
					if ck.Name == "__Host-recovery-proof" && (ck.MaxAge < 3500 || ck.MaxAge > 3600) || ck.Name == "__Host-recovery-opened" && ck.MaxAge >= 0 {
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
