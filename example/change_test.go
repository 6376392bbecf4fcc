package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// signedIn is a visitor who has signed in by the form of the front page.
func (d *demo) signedIn(email, password string) *visitor {
	d.t.Helper()
	v := d.visitor()
	if front := v.send("/sign-in", url.Values{"email": {email}, "password": {password}}); !strings.Contains(front.body, "You are signed in as") {
		d.t.Fatalf("the sign-in: %d %.300s", front.status, front.body)
	}
	return v
}

// changes goes the whole way at one instance, with sessions at another: a change on
// the page and one over the API. Everybody else is signed out, and whoever made the
// change goes on under another cookie.
func (j *journey) changes() {
	from, to := j.from, j.to
	t := from.t
	t.Helper()
	thief := to.signedIn(demoEmail, j.now)
	v := from.signedIn(demoEmail, j.now)
	before := v.cookies[sessionCookie]
	page := v.open("/.well-known/change-password")
	form := url.Values{"proof": {page.proof(t)}, "current": {"not the current one"}, "password": {j.now + " and a dog"}}
	if a := v.send("/account/change-password", form); a.status != 422 || !strings.Contains(a.body, "This is not your current password.") {
		t.Errorf("a wrong password: %d %.300s", a.status, a.body)
	}
	form.Set("current", j.now)
	if a := v.send("/account/change-password", form); !strings.Contains(a.body, "You have been signed out on all other devices.") {
		t.Errorf("the change: %d %.300s", a.status, a.body)
	}
	j.changed(v, thief, before, j.now+" and a dog")

	thief, before = to.signedIn(demoEmail, j.now), v.cookies[sessionCookie]
	api := func(d *demo, current, chosen, cookie string, headers ...string) answer {
		return d.post("/change-password", fmt.Sprintf(`{"currentPassword":%q,"password":%q}`, current, chosen), append(headers, "Cookie: "+sessionCookie+"="+cookie)...)
	}
	next := j.now + " and a cat"
	to.want("the change by nobody", api(to, j.now, next, "x"), 401, "")
	to.want("the change by another site", api(to, j.now, next, before, "Sec-Fetch-Site: cross-site"), 403, "")
	done := api(to, j.now, next, before)
	to.want("the change over the API", done, 204, "")
	v.cookies[sessionCookie], _, _ = strings.Cut(strings.TrimPrefix(done.header.Get("Set-Cookie"), sessionCookie+"="), ";")
	j.changed(v, thief, before, next)
}

// changed checks what a change by v did.
func (j *journey) changed(v, thief *visitor, before, now string) {
	t := j.from.t
	t.Helper()
	after := v.cookies[sessionCookie]
	if after == before || after == "" {
		t.Errorf("the session went on under the same cookie, or did not go on")
	}
	for what, in := range map[string]struct {
		cookie string
		open   bool
	}{"the browser": {after, true}, "its old session": {before, false}, "the thief": {thief.cookies[sessionCookie], false}} {
		for _, d := range []*demo{j.from, j.to} {
			front := d.do("GET", "/", "", "Cookie: "+sessionCookie+"="+in.cookie)
			if open := strings.Contains(front.body, "/account/change-password"); open != in.open {
				t.Errorf("%s is signed in: %v, want %v", what, open, in.open)
			}
		}
	}
	j.to.want("the old password", j.to.login(demoEmail, j.now), 401, "")
	j.secrets = append(j.secrets, j.now, now, after[strings.IndexByte(after, '.')+1:])
	j.now = now
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	d := start(t)
	j := &journey{from: d, to: d, now: demoPassword}
	j.changes()
	d.messages("password-changed", 2)
	if a := d.visitor().open("/.well-known/change-password"); !strings.Contains(a.body, "Forgot your password?") {
		t.Errorf("the well-known URL leads nobody in particular to %.300s", a.body)
	}
}
