package portal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func TestWholeWay(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		v.open("/account/").is(t, "the front", 200, "Forgot your password?", "E-mail address or phone number")
		p := v.post("/account/forgot", "identifier", johnMail)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/sent" {
			t.Fatalf("forgot answers %d, %q", p.StatusCode, p.Header.Get("Location"))
		}
		v.get("/account/sent").is(t, "sent", 200, "Check your inbox", "an account for "+johnMail, "expires in 60 minutes")
		link := w.message().URL.Reveal()
		form := v.open(link)
		form.is(t, "the form", 200, "Choose a new password", "At least 15 characters")
		if !strings.Contains(form.body, `value="`+johnMail+`"`) {
			t.Error("the form does not say whose password it is")
		}
		p = v.post("/account/reset", "proof", form.proof(), "username", johnMail, "password", goodPassword)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/done" {
			t.Fatalf("reset answers %d, %q: %s", p.StatusCode, p.Header.Get("Location"), p.text())
		}
		v.get("/account/done").is(t, "done", 200, "Your password was changed", "Sign in")
		if !w.changed() {
			t.Error("the password is not changed")
		}
		// What is left says that it was done, and goes by itself.
		if left := slices.Collect(maps.Keys(v.cookies)); !slices.Equal(left, []string{"__Host-recovery-outcome"}) {
			t.Errorf("cookies stay behind: %v", left)
		}
		// Back, and the link once more.
		v.get("/account/reset").is(t, "back", 400, "This link does not work")
		v.open(link).is(t, "the link again", 400, "This link does not work", "you can sign in with the new one")
		if m := w.message(); m.Kind != recovery.MessagePasswordChanged {
			t.Errorf("a message of kind %s", m.Kind)
		}
	})
}

// A03: the token leaves the URL with the first response, into a cookie that
// hides it. Links of both wires and of the own API do.
func TestTokenLeavesTheURL(t *testing.T) {
	for _, c := range []struct {
		name string
		link recovery.Link
	}{
		{"own", recovery.Link{URL: base + "/reset"}},
		{"LoginRadius", recovery.Link{URL: base + "/reset", TokenParam: "vtoken", Fixed: []recovery.LinkParam{{Name: "vtype", Value: "reset"}}}},
		{"LeadSquared", recovery.Link{URL: base + "/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(o *recovery.Options, _ *portal.Options) { o.Link = c.link }, func(w *world) {
				t := w.t
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
				// Found valid, it stays as long as it is.
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

// A04: what scanners and prefetching browsers do changes nothing.
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

// Two tabs with the links of two accounts: the form of the first must not set
// the password of the second.
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
		// The same link in two tabs is one.
		link := w.link()
		one := v.open(link)
		v.open(link)
		if p := v.post("/account/reset", "proof", one.proof(), "password", goodPassword); p.StatusCode != 303 {
			t.Errorf("the same link in two tabs: %d", p.StatusCode)
		}
	})
}

// The same while the store is down: no page carries the other link's proof
// without saying so, or a second click would do what the first must not.
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

// The names of the link's parameters are the Service's.
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

// A form lies open for a while; its notice lives for days.
func TestNoticeThatLiesOpen(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		_, err := w.service.ForgotPassword(w.t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}})
		if err != nil {
			w.t.Fatal(err)
		}
		v := w.visitor()
		form := v.open(w.message().NotMe.Reveal())
		if age := v.cookies["__Host-recovery-notice"].MaxAge; age < 3600*12 {
			w.t.Errorf("the notice lives %d s", age)
		}
		time.Sleep(12 * time.Hour)
		if p := v.post("/account/not-me", "proof", form.proof()); p.StatusCode != 303 {
			w.t.Errorf("after half a day: %d %s", p.StatusCode, p.text())
		}
	})
}

// What says that something was done is not shown to who did nothing: a link to
// it would be good for a phishing mail.
func TestOutcomesAreShownToWhoMadeThem(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for _, path := range []string{"/account/done", "/account/told", "/account/told?about=password"} {
			if p := w.visitor().get(path); p.StatusCode != 303 || p.Header.Get("Location") != "/account/forgot" {
				w.t.Errorf("%s: %d %q", path, p.StatusCode, p.Header.Get("Location"))
			}
		}
	})
}

// A key that comes to the front while a form is open does not make it another's.
func TestKeyRotationWhileAFormIsOpen(t *testing.T) {
	old, fresh := []byte(strings.Repeat("k", 32)), []byte(strings.Repeat("n", 32))
	inWorld(t, func(_ *recovery.Options, o *portal.Options) { o.Keys = [][]byte{old, fresh} }, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		o := portal.Options{BaseURL: base, Product: "Acme", Keys: [][]byte{fresh, old}, Languages: []language.Tag{language.English}}
		var err error
		if w.Portal, err = portal.New(w.service, o); err != nil {
			w.t.Fatal(err)
		}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			w.t.Errorf("%d %s", p.StatusCode, p.text())
		}
	})
}

// A host that keeps sessions does not say that it ends them (A74).
func TestSessionsThatAreKept(t *testing.T) {
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {
		o.Sessions, o.DangerouslyKeepSessions = nil, true
	}, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		done := v.open(v.post("/account/reset", "proof", form.proof(), "password", goodPassword).Header.Get("Location"))
		done.is(w.t, "done", 200, "You can now sign in with your new password.")
		notice := v.open(w.messageOf(recovery.MessagePasswordChanged).NotMe.Reveal())
		told := v.open(v.post("/account/not-me", "proof", notice.proof()).Header.Get("Location"))
		told.is(w.t, "told", 200, "A link to choose a new password is on its way to you.")
		for _, p := range []page{form, done, notice, told} {
			if strings.Contains(p.text(), "signed out") || strings.Contains(p.text(), "sign everybody out") {
				w.t.Errorf("it is said that sessions end: %s", p.text())
			}
		}
	})
}

// Two tabs with the codes of two numbers: the code of the one is not tried on
// the other.
func TestTwoNumbers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		v := w.visitor()
		v.post("/account/forgot", "identifier", "+4930123456")
		first := v.get("/account/code")
		v.post("/account/forgot", "identifier", johnPhone)
		code := w.message().Code.Reveal()
		v.post("/account/code", "proof", first.proof(), "code", code).is(w.t, "the first tab", 409, "an account for "+johnPhone)
		second := v.get("/account/code")
		if p := v.post("/account/code", "proof", second.proof(), "code", code); p.StatusCode != 303 {
			w.t.Errorf("the second tab: %d %s", p.StatusCode, p.text())
		}
	})
}

// What nobody can have meant is refused as such, and never as an error of ours.
func TestNonsenseIsNoErrorOfOurs(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		v := w.visitor()
		for _, target := range []string{
			"/account/reset?token=" + strings.Repeat("%3C", 1000), "/account/reset?LeadId=" + strings.Repeat("%3C", 256) + "&TemporaryPassword=" + strings.Repeat("%22", 64),
			"/account/reset?LeadId=" + strings.Repeat("%22", 256) + "&TemporaryPassword=" + strings.Repeat("%01", 64),
			"/account/not-me?token=" + strings.Repeat("%3C", 1024), "/account/not-me?token=" + strings.Repeat("%5C", 1024),
		} {
			if p := v.get(target); p.StatusCode != 303 {
				w.t.Errorf("%.50s: %d", target, p.StatusCode)
			}
		}
		if p := v.post("/account/forgot", "identifier", "\u00a0"+johnMail+strings.Repeat(" ", 6000)+"\u200b"); p.StatusCode != 303 {
			w.t.Errorf("spaces around an address: %d", p.StatusCode)
		}
		if log := w.log.String(); strings.Contains(log, "level=ERROR") {
			w.t.Error(log)
		}
	})
}

func TestRefusedPasswords(t *testing.T) {
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {}, func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		for _, c := range []struct {
			password, again, words string
		}{
			{"", "", "Enter a new password."},
			{"shrt-pw", "", "too short. Use at least 15 characters."},
			{strings.Repeat("xyz1", 100), "", "too long. Use at most 256 characters."},
			{"aaaaaaaaaaaaaaaaaaaa", "", "easy to guess"},
			{"abcdefghijklmnopqrst", "", "easy to guess"},
			{"johnwick@example.com", "", "your own name, address or number"},
			{"Continental-\xff-coins-for", "", "cannot be used"},
			{goodPassword, "something else", "not the same"},
		} {
			fields := []string{"proof", form.proof(), "password", c.password}
			if c.again != "" {
				fields = append(fields, "again", c.again)
			}
			p := v.post("/account/reset", fields...)
			p.is(t, strconv.Quote(c.password), 422, c.words)
			for _, want := range []string{`aria-invalid="true"`, `autofocus`, `<title>Error: `, `role="alert"`, `aria-describedby="password-wrong`} {
				if !strings.Contains(p.body, want) {
					t.Errorf("%q: the page has no %s", c.password, want)
				}
			}
			if c.password != "" && strings.Contains(p.body, c.password) && c.password != johnMail {
				t.Errorf("the page shows %q", c.password)
			}
			form = p
		}
		if w.changed() {
			t.Fatal("changed")
		}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "again", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Error("after all these the link does not work")
		}
	})
}

func TestTypedAddressIsKept(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		for _, typed := range []string{"john@", "", `"><script>alert(1)</script>@x`, "+12"} {
			p := v.post("/account/forgot", "identifier", typed)
			p.is(t, typed, 422, "Enter an e-mail address, such as name@example.com, or a phone number")
			for _, want := range []string{`aria-invalid="true"`, `autofocus`, `aria-describedby="identifier-wrong"`} {
				if !strings.Contains(p.body, want) {
					t.Errorf("%q: the page has no %s", typed, want)
				}
			}
			if typed == "john@" && !strings.Contains(p.body, `value="john@"`) {
				t.Error("what was typed is lost")
			}
			if strings.Contains(p.body, "<script>alert") { // A72
				t.Error("what was typed is markup")
			}
		}
		v.post("/account/forgot", "identifier", johnMail)
		if p := v.get("/account/forgot"); !strings.Contains(p.body, `value="`+johnMail+`"`) {
			t.Error("to try again means to type it again")
		}
	})
}

// A20 to A22: the pages are the same for everybody.
func TestNobodyLearnsWhoHasAnAccount(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.leads.Add(recovery.Lead{Status: recovery.StatusDisabled, Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "disabled@example.com", Verified: true}}}, "")
		var first string
		for i, address := range []string{johnMail, "disabled@example.com", "nobody@example.com"} {
			v := w.visitor()
			asked := v.post("/account/forgot", "identifier", address)
			sent := v.get("/account/sent")
			asked.Header.Del("Set-Cookie")
			for _, p := range []page{asked, sent} {
				p.Header.Del("Content-Security-Policy") // its nonce
				p.Header.Del("Content-Length")          // that of the address
			}
			seen := fmt.Sprint(asked.StatusCode, asked.Header, asked.body, sent.StatusCode, sent.Header, strings.ReplaceAll(sent.text(), address, "ADDRESS"))
			if i == 0 {
				first = seen
			} else if seen != first {
				t.Errorf("%s sees\n%s\nand John\n%s", address, seen, first)
			}
		}
		for _, phone := range []string{johnPhone, "+4930123456"} {
			v := w.visitor()
			if p := v.post("/account/forgot", "identifier", phone); p.Header.Get("Location") != "/account/code" {
				t.Errorf("%s: %d %q", phone, p.StatusCode, p.Header.Get("Location"))
			}
			p := v.post("/account/code", "code", "12345678")
			p.is(t, "a wrong code", 422, "This code is wrong, or it has expired.")
		}
	})
}

// A03, A71, A72, A73: whatever the answer, its headers protect it.
func TestHeadersOfEveryAnswer(t *testing.T) {
	inWorld(t, func(_ *recovery.Options, o *portal.Options) {
		o.Logo = []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")
	}, func(w *world) {
		t := w.t
		v := w.visitor()
		link := w.link()
		form := v.open(link)
		reads := func(method, target, contentType, body string) page {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			return v.do(r)
		}
		const urlencoded = "application/x-www-form-urlencoded"
		foreign := w.visitor()
		foreign.header.Set("Sec-Fetch-Site", "cross-site")
		answers := map[string]page{
			"200":          v.get("/account/forgot"),
			"303":          v.get(link),
			"303 base":     v.get("/account"),
			"well-known":   v.get("/.well-known/change-password"),
			"400 dead":     w.visitor().get("/account/reset"),
			"400 twice":    reads("POST", "/account/forgot", urlencoded, "identifier=a&identifier=b"),
			"400 escapes":  reads("POST", "/account/forgot", urlencoded, "identifier=%zz"),
			"403":          foreign.do(httptest.NewRequest("POST", "/account/forgot", nil)),
			"404":          v.get("/account/nothing"),
			"404 outside":  v.get("/elsewhere"),
			"405":          reads("DELETE", "/account/forgot", "", ""),
			"405 post":     reads("POST", "/account/sent", urlencoded, ""),
			"413":          reads("POST", "/account/forgot", urlencoded, "identifier="+strings.Repeat("x", 20<<10)),
			"415":          reads("POST", "/account/forgot", "text/plain", "identifier=x"),
			"415 json":     reads("POST", "/account/forgot", "application/json", "{}"),
			"422":          v.post("/account/reset", "proof", form.proof(), "password", "x"),
			"logo":         v.get("/account/logo"),
			"notice, dead": v.open("/account/not-me?token=x"),
		}
		for name, p := range answers {
			if want, err := strconv.Atoi(strings.Fields(name)[0]); err == nil && p.StatusCode != want {
				t.Errorf("%s: status %d", name, p.StatusCode)
			}
			for header, want := range map[string]string{
				"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
				"X-Robots-Tag": "noindex, nofollow",
			} {
				if got := p.Header.Get(header); got != want {
					t.Errorf("%s: %s is %q, want %q", name, header, got, want)
				}
			}
			if p.Header.Get("Permissions-Policy") == "" {
				t.Errorf("%s: no Permissions-Policy", name)
			}
			csp := p.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe-inline") && name != "logo" || strings.Contains(csp, "unsafe-eval") {
				t.Errorf("%s: policy %q", name, csp)
			}
			if cache := p.Header.Get("Cache-Control"); cache != "no-store" && name != "logo" {
				t.Errorf("%s: Cache-Control %q", name, cache)
			}
			if p.body != "" && name != "logo" && (!strings.HasPrefix(p.Header.Get("Content-Type"), "text/html; charset=utf-8") || !strings.Contains(p.body, "<h1>")) {
				t.Errorf("%s is no page: %q", name, p.body)
			}
		}
		if allow := answers["405"].Header.Get("Allow"); allow != "GET, HEAD, POST" {
			t.Errorf("Allow: %q", allow)
		}
		// A nonce is never used twice.
		if a, b := v.get("/account/forgot").Header.Get("Content-Security-Policy"), answers["200"].Header.Get("Content-Security-Policy"); a == b {
			t.Error("two pages have one nonce")
		}
	})
}

// A70: what a page of another site sends is refused, on every path.
func TestForeignForms(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		for _, path := range []string{"/account/forgot", "/account/code", "/account/reset", "/account/not-me", "/account/sent", "/account/nothing", "/elsewhere", "/.well-known/change-password"} {
			for _, site := range []string{"cross-site", "same-site"} {
				v.header = http.Header{"Sec-Fetch-Site": {site}}
				p := v.post(path, "identifier", johnMail, "proof", form.proof(), "password", goodPassword)
				p.is(t, site+" "+path, 403, "page of another site")
			}
			v.header = http.Header{"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}}
			if p := v.post(path, "identifier", johnMail); p.StatusCode != 403 {
				t.Errorf("an old browser of another origin, %s: %d", path, p.StatusCode)
			}
		}
		if w.changed() || w.outbox.Len() != 1 {
			t.Error("something was done")
		}
		// Behind a proxy that changes the Host, the browser's own Origin is ours.
		v.header = http.Header{"Sec-Fetch-Site": nil, "Origin": {"https://acme.example"}}
		r := httptest.NewRequest("POST", "http://10.0.0.1:8080/account/forgot", strings.NewReader("identifier="+johnMail))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p := v.do(r); p.StatusCode != 303 {
			t.Errorf("behind a proxy: %d", p.StatusCode)
		}
	})
}

func TestCodes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		// As typed on an Arabic keyboard.
		p := v.post("/account/forgot", "identifier", "+١٤١٥٧٤١٥٥٦٩")
		if p.Header.Get("Location") != "/account/code" {
			t.Fatalf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		form := v.get("/account/code")
		form.is(t, "the form", 200, "Enter your code", "expires in 10 minutes", "8 digits")
		for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`} {
			if !strings.Contains(form.body, want) {
				t.Errorf("the form has no %s", want)
			}
		}
		if strings.Contains(form.body, `name="identifier"`) {
			t.Error("the number is asked for again")
		}
		m := w.message()
		code := m.Code.Reveal()
		for _, wrong := range []string{"", "1234", code + "1", "abcdefgh", code[:4] + "x" + code[4:]} {
			v.post("/account/code", "code", wrong).is(t, strconv.Quote(wrong), 422, "Enter the code that we sent you: 8 digits.")
		}
		p = v.post("/account/code", "code", code[:4]+" "+code[4:6]+"-"+code[6:])
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/reset" {
			t.Fatalf("the right code: %d, %s", p.StatusCode, p.text())
		}
		form = v.get("/account/reset")
		form.is(t, "the form", 200, "Choose a new password")
		if !form.has(`value="`+johnPhone+`"`) || form.has(johnMail) {
			t.Error("the account of a code is not what was typed")
		}
		if strings.Contains(form.body+fmt.Sprint(form.Header), code) {
			t.Error("the page shows the code")
		}
		if p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Errorf("reset: %d, %s", p.StatusCode, p.text())
		}
	})
}

// Five wrong guesses kill a code, on the page as anywhere, and a code can be
// entered in a browser that did not ask for it.
func TestWrongCodes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.visitor().post("/account/forgot", "identifier", johnPhone)
		code := w.message().Code.Reveal()
		v := w.visitor()
		v.get("/account/code").is(t, "the form", 200, "Phone number", "Enter your phone number and the code")
		wrong := "00000000"
		if code == wrong {
			wrong = "00000001"
		}
		v.post("/account/code", "identifier", "nonsense", "code", code).is(t, "no number", 422, "Enter your phone number with its country code")
		for range 5 {
			p := v.post("/account/code", "identifier", johnPhone, "code", wrong)
			p.is(t, "a wrong code", 422, "This code is wrong")
			if !p.has(`value="` + johnPhone + `"`) {
				t.Error("the number is lost")
			}
		}
		v.post("/account/code", "identifier", johnPhone, "code", code).is(t, "the right code after five wrong ones", 422, "This code is wrong, or it has expired.")
	})
	inWorld(t, func(_ *recovery.Options, o *portal.Options) { o.Phone = "" }, func(w *world) {
		v := w.visitor()
		v.get("/account/code").is(w.t, "without phones", 404)
		v.post("/account/forgot", "identifier", johnPhone).is(w.t, "a number", 422, "Enter an e-mail address, such as name@example.com.")
	})
}

func TestNotMe(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		_, err := w.service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}})
		if err != nil {
			t.Fatal(err)
		}
		m := w.message()
		v := w.visitor()
		p := v.get(m.NotMe.Reveal())
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/not-me" {
			t.Fatalf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		for range 50 { // A04
			v.open(m.NotMe.Reveal())
		}
		form := v.get("/account/not-me")
		form.is(t, "the page", 200, "This was not you?", "cancel every link and code", "Cancel links and codes")
		person := w.visitor()
		person.open(m.URL.Reveal()).is(t, "the link before", 200)
		p = v.post("/account/not-me", "proof", form.proof())
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/told" {
			t.Fatalf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		v.open(p.Header.Get("Location")).is(t, "told", 200, "Thank you for telling us", "no longer work")
		person.open(m.URL.Reveal()).is(t, "the link after", 400, "This link does not work")

		link := w.link()
		form = person.open(link)
		person.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		changed := w.messageOf(recovery.MessagePasswordChanged)
		form = v.open(changed.NotMe.Reveal())
		form.is(t, "the page about a password", 200, "sign everybody out", "Secure my account")
		// A proof that is not this notice's does nothing.
		v.post("/account/not-me", "proof", "x").is(t, "another proof", 409, "This was not you?")
		p = v.post("/account/not-me", "proof", form.proof())
		v.open(p.Header.Get("Location")).is(t, "told", 200, "Everybody is being signed out", "Change the password of your mailbox")
		w.messageOf(recovery.MessageResetLink)
		w.visitor().open("/account/not-me").is(t, "without a notice", 400, "This link does not work")
		w.visitor().open("/account/not-me?token=forged").is(t, "forged", 400, "This link does not work")
	})
}

// Too many tries say when to come back, and keep what was typed.
func TestTooManyTries(t *testing.T) {
	few := recovery.Tier{Limits: []recovery.Limit{{N: 2, Window: 90 * time.Minute}}}
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {
		o.Limits.ClientForgot, o.Limits.ClientReset = few, few
		o.Limits.ClientCheck = recovery.Tier{Limits: []recovery.Limit{{N: 4, Window: time.Minute}}}
	}, func(w *world) {
		t := w.t
		v := w.visitor()
		link := w.link()
		form := v.open(link)
		for range 2 {
			v.post("/account/forgot", "identifier", johnMail)
			v.post("/account/reset", "proof", form.proof(), "password", "weak")
		}
		p := v.post("/account/forgot", "identifier", johnMail)
		p.is(t, "forgot", 429, "Nothing was changed. Please try again in 90 minutes.")
		if p.Header.Get("Retry-After") != "5400" || !strings.Contains(p.body, `value="`+johnMail+`"`) {
			t.Errorf("Retry-After %q", p.Header.Get("Retry-After"))
		}
		p = v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(t, "reset", 429, "Nothing was changed. Please try again in 90 minutes.", "Choose a new password")
		for range 4 {
			p = v.get("/account/reset")
		}
		p.is(t, "to look", 429, "Too many tries", "Please try again in 60 seconds.", "Try again")
		w.visitor().open(link).is(t, "to look for the first time", 429, "Too many tries", "Please try again in 60 seconds.")
		if p.Header.Get("Retry-After") != "60" {
			t.Errorf("Retry-After %q", p.Header.Get("Retry-After"))
		}
		time.Sleep(90 * time.Minute / 2)
		form = v.get("/account/reset")
		form.is(t, "the link, which waited", 200)
		time.Sleep(90 * time.Minute / 2)
		v.post("/account/forgot", "identifier", johnMail)
	})
}

// What fails behind the pages looks the same to everybody, loses nothing, and
// is worth another try.
func TestStoresThatFail(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		link := w.link()
		form := v.open(link)
		w.tokens.failWith(errors.New("down: " + johnMail))
		p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(t, "reset", 503, "Nothing was changed. Please try again in a moment.", "Choose a new password")
		if p.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		w.visitor().open(link).is(t, "to look", 503, "Please try again in a moment")
		w.tokens.failWith(nil)
		w.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error {
			return fmt.Errorf("no: %w", recovery.ErrNotWritten)
		}})
		v.post("/account/reset", "proof", p.proof(), "password", goodPassword).is(t, "a store that did not write", 503, "Nothing was changed")
		w.leads.SetHooks(recoverytest.LeadsHooks{})
		if p := v.post("/account/reset", "proof", p.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Errorf("afterwards: %d %s", p.StatusCode, p.text())
		}
	})
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		w.leads.SetHooks(recoverytest.LeadsHooks{AfterWrite: func(context.Context, string, string) error { return errors.New("lost") }})
		p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(t, "a lost reply", 500, "It is not certain that your password was changed", "Try to sign in with the new password.", "Ask for a new link")
	})
	inWorld(t, nil, func(w *world) {
		if err := w.service.Shutdown(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		p := w.visitor().post("/account/forgot", "identifier", johnMail)
		p.is(w.t, "shut down", 503, "Nothing was changed. Please try again in a moment.")
		if !strings.Contains(p.body, `value="`+johnMail+`"`) {
			w.t.Error("what was typed is lost")
		}
	})
}

func TestStepUp(t *testing.T) {
	stepUp := func(o *recovery.Options, _ *portal.Options) {
		o.StepUp = func(context.Context, recovery.Lead) error {
			return &recovery.StepUpError{Detail: "Use your <b>security key</b> first."}
		}
	}
	inWorld(t, stepUp, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword).is(w.t, "the page", 403, "One more step", "Use your <b>security key</b> first.")
	})
	inWorld(t, func(o *recovery.Options, p *portal.Options) {
		stepUp(o, p)
		p.StepUp = func(_ *http.Request, err *recovery.StepUpError) string {
			return "https://id.example/second?for=" + err.Detail[:3]
		}
	}, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(w.t, "the page with a link", 403, "One more step", "Continue")
		if !p.has(`href="https://id.example/second?for=Use"`) || w.changed() {
			w.t.Errorf("no link to where the proof is given: %s", p.body)
		}
		if _, ok := v.cookies["__Host-recovery-proof"]; !ok {
			w.t.Error("the link is lost on the way")
		}
	})
}

// W3C, "A Well-Known URL for Changing Passwords".
func TestWellKnown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		p := w.visitor().get("/.well-known/change-password")
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/forgot" {
			w.t.Errorf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		w.visitor().get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").is(w.t, "the probe", 404)
	})
}

// Links that were cut, changed or made up, and queries with two of a kind.
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
			"vtoken=" + token + "&vtype=emailverification", "vtype=reset&vtoken=x", "LeadId=x", "TemporaryPassword=x",
			"LeadId=" + strings.Repeat("x", 3000) + "&TemporaryPassword=y", "LeadId=a&LeadId=b&TemporaryPassword=" + strings.Repeat("0", 64),
			"token=%00%ff",
		} {
			v := w.visitor()
			form := v.open(u.String()) // a good one was there before
			p := v.get("/account/reset?" + query)
			if p.StatusCode != 303 || strings.Contains(p.Header.Get("Location"), "?") {
				t.Errorf("%.60s: %d %q", query, p.StatusCode, p.Header.Get("Location"))
			}
			v.get("/account/reset").is(t, query, 400, "This link does not work")
			// It cost the person nothing: whose form is still open, goes on.
			v.post("/account/reset", "proof", form.proof(), "password", "weak").is(t, "after "+query, 422, "too short")
			v.get("/account/reset").is(t, "reloaded", 200, "Choose a new password")
		}
	})
}

// The cookie is the only place of the proof, and nobody makes one up.
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
		// Two of one name, as a neighbouring host can set: neither.
		r := httptest.NewRequest("GET", "/account/reset", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: good})
		r.AddCookie(&http.Cookie{Name: name, Value: "x"})
		if p := w.visitor().do(r); p.StatusCode != 400 {
			t.Errorf("two cookies: %d", p.StatusCode)
		}
		// A cookie of one kind is none of another.
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

// A39: no log has the token, the password or the code.
func TestNoSecretInTheLog(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		link := w.link()
		u, _ := url.Parse(link)
		form := v.open(link)
		w.tokens.failWith(errors.New("down"))
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		w.tokens.failWith(nil)
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		log := w.log.String()
		if !strings.Contains(log, "portal: unavailable") {
			t.Errorf("the failure is not logged: %s", log)
		}
		for what, secret := range map[string]string{"token": u.Query().Get("token"), "password": goodPassword, "proof": form.proof()} {
			if strings.Contains(log, secret) {
				t.Errorf("the log has the %s", what)
			}
		}
	})
}
