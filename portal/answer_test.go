package portal_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// A03, A71, A72, A73: the headers of every answer protect it.
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
			"200":            v.get("/account/forgot"),
			"303":            v.get(link),
			"303 base":       v.get("/account"),
			"well-known":     v.get("/.well-known/change-password"),
			"400 invalid":    w.visitor().get("/account/reset"),
			"400 twice":      reads("POST", "/account/forgot", urlencoded, "identifier=a&identifier=b"),
			"400 escapes":    reads("POST", "/account/forgot", urlencoded, "identifier=%zz"),
			"403":            foreign.do(httptest.NewRequest("POST", "/account/forgot", nil)),
			"404":            v.get("/account/nothing"),
			"404 outside":    v.get("/elsewhere"),
			"405":            reads("DELETE", "/account/forgot", "", ""),
			"405 post":       reads("POST", "/account/sent", urlencoded, ""),
			"413":            reads("POST", "/account/forgot", urlencoded, "identifier="+strings.Repeat("x", 20<<10)),
			"415":            reads("POST", "/account/forgot", "text/plain", "identifier=x"),
			"415 json":       reads("POST", "/account/forgot", "application/json", "{}"),
			"422":            v.post("/account/reset", "proof", form.proof(), "password", "x"),
			"logo":           v.get("/account/logo"),
			"invalid notice": v.open("/account/not-me?token=x"),
		}
		for name, p := range answers {
			if want, err := strconv.Atoi(strings.Fields(name)[0]); err == nil && p.StatusCode != want {
				t.Errorf("%s: status %d", name, p.StatusCode)
			}
			for header, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
				"X-Robots-Tag": "noindex, nofollow",
			} {
				if got := p.Header.Get(header); got != want {
					t.Errorf("%s: %s is %q, want %q", name, header, got, want)
				}
			}
			referrer := "same-origin"
			switch name {
			case "303", "303 base", "well-known", "404", "404 outside", "logo":
				referrer = "no-referrer"
			}
			if got := p.Header.Get("Referrer-Policy"); got != referrer {
				t.Errorf("%s: Referrer-Policy is %q, want %q", name, got, referrer)
			}
			if p.Header.Get("Permissions-Policy") == "" {
				t.Errorf("%s: no Permissions-Policy", name)
			}
			csp := p.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe-inline") && name != "logo" || strings.Contains(csp, "unsafe-eval") {
				t.Errorf("%s: policy %q", name, csp)
			}
			if cache := p.Header.Get("Cache-Control"); cache != "no-store, no-transform" && name != "logo" {
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

// A20 to A22: the pages are the same for every address.
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
				p.Header.Del("Content-Security-Policy") // the nonce differs
				p.Header.Del("Content-Length")          // the length of the address differs
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
