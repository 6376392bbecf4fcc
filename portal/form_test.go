package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

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

// A form that no person can have sent is refused as such, and never as an error
// of the server.
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

// A70: a form from a page of another site is refused, on every path.
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
		// Behind a proxy that changes the Host, the browser's Origin is still
		// the portal's.
		v.header = http.Header{"Sec-Fetch-Site": nil, "Origin": {"https://acme.example"}}
		r := httptest.NewRequest("POST", "http://10.0.0.1:8080/account/forgot", strings.NewReader("identifier="+johnMail))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p := v.do(r); p.StatusCode != 303 {
			t.Errorf("behind a proxy: %d", p.StatusCode)
		}
	})
}
