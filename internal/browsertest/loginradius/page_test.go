package loginradius_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
)

// page is every page here, also the stranger's. lr sends what the vendor's SDK
// for browsers sends.
const page = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,"><h1>Page</h1>
<script>
function lr(method, path, query, model, originIP) {
	return new Promise(resolve => {
		const x = new XMLHttpRequest()
		x.onload = () => resolve(x.status + " " + x.responseText)
		x.onerror = () => resolve("the browser refused")
		x.open(method, "API/identity/v2/" + path + "?" + new URLSearchParams({...query, ApiKey: "KEY"}))
		if (originIP) {
			x.setRequestHeader("X-Origin-IP", originIP)
		}
		x.setRequestHeader("Content-type", "application/json")
		x.setRequestHeader("X-Requested-With", "XMLHttpRequest")
		x.send(JSON.stringify(model))
	})
}
// plain is a request that a browser sends before it asks the API.
function plain(path, model) {
	return fetch("API/identity/v2/" + path + "?apikey=KEY", {method: "POST", body: JSON.stringify(model)})
		.then(r => r.text(), () => "the browser refused")
}
const vtoken = new URLSearchParams(location.search).get("vtoken")
</script></html>`

const (
	posted  = `200 {"IsPosted":true}`
	refused = "the browser refused"
)

// call calls lr with the arguments that are written in JavaScript.
func call(tab *browsertest.Tab, args ...string) string {
	return browsertest.Eval[string](tab, "lr("+strings.Join(args, ", ")+")")
}

// Forgot by e-mail, and Reset by the token of the mailed link, from a page of a
// listed origin. The page reads the errors too.
func TestPageByMail(t *testing.T) {
	s := newSite(t, nil)
	tab := chromium.Browser(t).Open(t)
	tab.Load(s.url(hostOfPages, "/forgot"))
	query := `{resetPasswordUrl: "` + s.resetURL + `", emailTemplate: "tpl-1"}`
	if got := call(tab, `"POST"`, `"auth/password"`, query, `{email: "`+janeMail+`"}`); got != posted {
		t.Fatalf("forgot: %s", got)
	}
	m := s.sent(recovery.MessageResetLink, 1)
	s.vtoken(m)
	tab.Load(m.URL.Reveal())
	reset := []string{`"PUT"`, `"auth/password/reset"`, `{}`, `{resettoken: vtoken, password: "` + goodPassword + `"}`}
	if got := call(tab, reset...); got != posted {
		t.Fatalf("reset: %s", got)
	}
	s.wantHash(goodPassword)
	if got := call(tab, reset...); !strings.HasPrefix(got, "403 {") || !strings.Contains(got, `"ErrorCode":1063,`) {
		t.Errorf("the link twice: %s", got)
	}
	s.wantAsSDK(2, 3)
	s.wantProofs(1)
}

// Forgot and Reset by a code in a text message, with the header field that the
// SDK adds where a page sets originIp.
func TestPageByPhone(t *testing.T) {
	s := newSite(t, nil)
	tab := chromium.Browser(t).Open(t)
	tab.Load(s.url(hostOfPages, "/forgot"))
	if got := call(tab, `"POST"`, `"auth/password/otp"`, `{smsTemplate: "sms-1"}`, `{phone: "`+janePhone+`"}`, `"198.51.100.1"`); got != posted {
		t.Fatalf("forgot: %s", got)
	}
	m := s.sent(recovery.MessageResetCode, 1)
	if m.Channel != recovery.ChannelSMS || m.Template != "sms-1" {
		t.Errorf("sent by %s with the template %q", m.Channel, m.Template)
	}
	reset := []string{`"PUT"`, `"auth/password/otp"`, `{}`,
		`{phone: "` + janePhone + `", otp: "` + m.Code.Reveal() + `", password: "` + goodPassword + `"}`, `"198.51.100.1"`}
	if got := call(tab, reset...); got != posted {
		t.Fatalf("reset: %s", got)
	}
	s.wantHash(goodPassword)
	if got := call(tab, reset...); !strings.HasPrefix(got, "403 {") || !strings.Contains(got, `"ErrorCode":1185,`) {
		t.Errorf("the code twice: %s", got)
	}
	s.wantAsSDK(1, 3)
	s.wantProofs(1)
}

// wantAsSDK requires that the browser asked before it called, at least once for
// each path, and that each call had what the SDK sends.
func (s *site) wantAsSDK(paths, n int) {
	s.t.Helper()
	preflights, calls := s.callsFrom(s.url(hostOfPages, ""))
	if len(preflights) < paths || len(calls) != n {
		s.t.Errorf("%d preflights and %d calls, want %d and %d", len(preflights), len(calls), paths, n)
	}
	for _, r := range preflights {
		if names := r.Header.Get("Access-Control-Request-Headers"); !strings.Contains(names, "x-requested-with") || !strings.Contains(names, "content-type") {
			s.t.Errorf("a preflight asks for %q", names)
		}
	}
	for _, r := range calls {
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Requested-With": "XMLHttpRequest", "Sec-Fetch-Site": "cross-site", "Cookie": "",
		} {
			if got := r.Header.Get(name); got != want {
				s.t.Errorf("%s %s: %s: %q, want %q", r.Method, r.URL.Path, name, got, want)
			}
		}
	}
}

// A stranger's page, even one that has a token and a code, gets nothing from its
// visitors' browsers. Nor does the site's own page at the endpoint that is for
// servers.
func TestPageOfAStranger(t *testing.T) {
	s := newSite(t, nil)
	tab := chromium.Browser(t).Open(t)
	tab.Load(s.url(hostOfPages, "/forgot"))
	email, phone := `{email: "`+janeMail+`"}`, `{phone: "`+janePhone+`"}`
	if got := call(tab, `"POST"`, `"auth/password"`, `{}`, email); got != posted {
		t.Fatalf("forgot: %s", got)
	}
	if got := call(tab, `"POST"`, `"auth/password/otp"`, `{}`, phone); got != posted {
		t.Fatalf("forgot by phone: %s", got)
	}
	if got := call(tab, `"POST"`, `"manage/account/forgot/token"`, `{}`, email); got != refused {
		t.Errorf("the token: %s", got)
	}
	token := `{resettoken: "` + s.vtoken(s.sent(recovery.MessageResetLink, 1)) + `", password: "` + goodPassword + `"}`
	byToken := []string{`"PUT"`, `"auth/password/reset"`, `{}`, token}
	byCode := []string{`"PUT"`, `"auth/password/otp"`, `{}`,
		`{phone: "` + janePhone + `", otp: "` + s.sent(recovery.MessageResetCode, 1).Code.Reveal() + `", password: "` + goodPassword + `"}`}

	tab.Load(s.url(hostOfEvil, "/"))
	for _, args := range [][]string{
		{`"POST"`, `"auth/password"`, `{}`, email}, {`"POST"`, `"auth/password"`, `{}`, email, `"198.51.100.1"`},
		{`"POST"`, `"auth/password/otp"`, `{}`, phone}, {`"POST"`, `"manage/account/forgot/token"`, `{}`, email},
		byToken, {`"PUT"`, `"auth/password"`, `{}`, token}, byCode,
	} {
		if got := call(tab, args...); got != refused {
			t.Errorf("%s: %s", args, got)
		}
	}
	preflights, calls := s.callsFrom(s.url(hostOfEvil, ""))
	if len(preflights) < 7 || len(calls) != 0 {
		t.Errorf("%d preflights and %d calls, want 7 or more and none", len(preflights), len(calls))
	}
	for path, model := range map[string]string{"auth/password": email, "auth/password/otp": phone} {
		if got := browsertest.Eval[string](tab, `plain("`+path+`", `+model+`)`); got != refused {
			t.Errorf("%s without a preflight: %s", path, got)
		}
	}
	if _, calls := s.callsFrom(s.url(hostOfEvil, "")); len(calls) != 2 || calls[0].Method != http.MethodPost {
		t.Errorf("%d calls without a preflight, want 2", len(calls))
	}
	if got := s.leads.Hash(s.jane); got != oldHash {
		t.Errorf("the hash is %s", got)
	}

	// What the stranger had was good all the same.
	tab.Load(s.url(hostOfPages, "/reset"))
	if got := call(tab, byToken...); got != posted {
		t.Errorf("reset: %s", got)
	}
	s.wantHash(goodPassword)
	s.wantProofs(2)
}
