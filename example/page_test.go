package main

import (
	"net/url"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	sameOrigin := []string{"Sec-Fetch-Site: same-origin", "Origin: " + d.base}

	t.Log("a person asks for a link, opens it, and chooses a password")
	front := d.get("/")
	for _, want := range []string{`href="/account/forgot"`, `action="/sign-in"`, `href="/outbox"`, "<!DOCTYPE html>"} {
		if !strings.Contains(front.body, want) {
			t.Errorf("the front page lacks %s", want)
		}
	}
	for _, path := range []string{"/", "/outbox", "/outbox.json", "/sessions.json", "/nothing"} {
		h := d.get(path).header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	if a := d.get("/style.css"); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %v", a.status, a.header)
	}

	v := d.visitor()
	known := v.send(accountPath+"/forgot", url.Values{"identifier": {"johnwick@example.com"}})
	if d.want("forgot", known, 200, ""); !strings.Contains(known.body, "Check your inbox") {
		t.Error(known.body)
	}
	link, query := d.link(1)
	page := v.open(link.URL)
	for range 2 {
		page = v.open(link.URL) // consumes nothing (A04)
	}
	d.want("reset page", page, 200, "")
	if strings.Contains(page.body, query.Get("token")) {
		t.Error("the page carries the token")
	}
	at := accountPath + "/reset"
	values := url.Values{"proof": {page.proof(t)}, "password": {"short"}}
	a := v.send(at, values)
	if d.want("a weak password", a, 422, ""); !strings.Contains(a.body, "15") || strings.Contains(a.body, `value="short"`) {
		t.Errorf("no reasons, or the password:\n%s", a.body)
	}
	values.Set("password", secondPassword)
	d.want("another site's form", v.send(at, values, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"), 403, "")
	a = v.send(at, values)
	if d.want("a good one", a, 200, ""); !strings.Contains(a.body, "Your password was changed") || !strings.Contains(a.body, `href="/#sign-in"`) {
		t.Error(a.body)
	}
	a = v.open(link.URL)
	if d.want("once more", a, 400, ""); !strings.Contains(a.body, "Ask for a new link") {
		t.Error(a.body)
	}
	a = v.open("/.well-known/change-password")
	if d.want("what password managers open", a, 200, ""); !strings.Contains(a.body, "Forgot your password?") {
		t.Error(a.body)
	}

	t.Log("and signs in")
	in := url.Values{"email": {"johnwick@example.com"}, "password": {demoPassword}}
	d.want("old password", d.form("/sign-in", in, sameOrigin...), 401, "")
	in.Set("password", secondPassword)
	a = d.form("/sign-in", in, sameOrigin...)
	if a.status != 303 || a.header.Get("Location") != "/" {
		t.Fatalf("%d to %q", a.status, a.header.Get("Location"))
	}
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	if a := d.do("GET", "/", "", "Cookie: "+cookie); !strings.Contains(a.body, "signed in as John Wick") {
		t.Errorf("the front page does not know the person:\n%s", a.body)
	}
	if a := d.do("GET", "/", "", "Cookie: session="+d.sessions()[0].ID); strings.Contains(a.body, "signed in as") {
		t.Error("the name of a session opens it")
	}
}

// TestResetPageTakesEveryLink: the demo's page is where the links of all three
// APIs lead.
func TestResetPageTakesEveryLink(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	ask := []func() answer{
		func() answer {
			return d.post("/api/Authentication/SecureForgotPassword", `{"EmailAddress":"johnwick@example.com"}`, "Authorization: "+lsqPublicAuthKey)
		},
		func() answer {
			return d.post("/identity/v2/auth/password?apikey=demo-api-key&resetpasswordurl=", `{"email":"johnwick@example.com"}`)
		},
		func() answer { return d.post("/forgot-password", `{"email":"johnwick@example.com"}`) },
	}
	for i, password := range []string{secondPassword, thirdPassword, fourthPassword} {
		if a := ask[i](); a.status > 202 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		link, _ := d.link(i + 1)
		v := d.visitor()
		page := v.open(link.URL)
		a := v.send(accountPath+"/reset", url.Values{"proof": {page.proof(t)}, "password": {password}})
		d.want("reset by "+link.URL, a, 200, "")
		d.want("sign in", d.login(demoEmail, password), 200, "")
	}
}
