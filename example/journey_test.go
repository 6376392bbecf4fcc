package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// pair starts two instances on one Redis.
func pair(t *testing.T, redisURL string) (a, b *demo) {
	t.Helper()
	args := []string{"-relaxed-limits", "-redis", redisURL}
	return start(t, args...), start(t, args...)
}

const lsqReset = "/api/Authentication/v2/ResetPassword"

func lsqForgot(d *demo) answer {
	d.t.Helper()
	return d.post("/api/Authentication/v2/SecureForgotPassword", `{"EmailAddress":"johnwick@example.com"}`, lsqHeaders...)
}

var lsqHeaders = []string{"Authorization: " + lsqPublicAuthKey, "X-Lsq-Registertoken: " + lsqRegisterToken, "X-Lsq-Portalid: " + lsqPortal}

func lsqBody(link url.Values, password string) string {
	return fmt.Sprintf(`{"LeadId":%q,"TemporaryPassword":%q,"Password":%q}`, link.Get("LeadId"), link.Get("TemporaryPassword"), password)
}

const (
	lrForgotToken = "/identity/v2/manage/account/forgot/token?apikey=" + lrAPIKey + "&apisecret=" + lrAPISecret
	lrReset       = "/identity/v2/auth/password/reset?apikey=" + lrAPIKey
	lrOTP         = "/identity/v2/auth/password/otp?apikey=" + lrAPIKey
	ownBearer     = "Authorization: Bearer " + ownTokenKey
)

func lrBody(token any, password string) string {
	return fmt.Sprintf(`{"ResetToken":%q,"Password":%q}`, token, password)
}

func ownBody(token any, password string) string {
	return fmt.Sprintf(`{"token":%q,"password":%q}`, token, password)
}

// A journey asks at one instance, resets at the other and signs in at both.
type journey struct {
	from, to *demo
	now      string   // the newest password
	secrets  []string // what no store may hold in clear
	resets   int
}

// reset checks what a reset at the other instance did at both.
func (j *journey) reset(what string, status int, do func(password string) answer) {
	t := j.from.t
	t.Helper()
	old := j.now
	j.resets++
	j.now = fmt.Sprintf("%s-and-%d-cats", demoPassword, j.resets)
	j.to.want(what, do(j.now), status, "")
	for _, d := range []*demo{j.from, j.to} {
		d.want(what+": the sessions are ended", d.get("/sessions.json"), 200, "[]")
	}
	j.from.want(what+": the old password", j.from.login(demoEmail, old), 401, "")
	j.secrets = append(j.secrets, old, j.now)
	for _, d := range []*demo{j.from, j.to} {
		in := d.login(demoEmail, j.now)
		d.want(what+": the new password", in, 200, "")
		_, cookie, _ := strings.Cut(in.header.Get("Set-Cookie"), "=")
		cookie, _, _ = strings.Cut(cookie, ";")
		// On Redis, what stands before the point says where to look.
		j.secrets = append(j.secrets, cookie[strings.IndexByte(cookie, '.')+1:])
		for _, at := range []*demo{j.from, j.to} {
			if front := at.do("GET", "/", "", "Cookie: session="+cookie); !strings.Contains(front.body, "John Wick") {
				t.Errorf("%s: the session is not known everywhere", what)
			}
		}
	}
	for _, d := range []*demo{j.from, j.to} {
		if open := d.sessions(); len(open) != 2 || open[0].LeadID != demoLeadID {
			t.Errorf("%s: sessions %+v, want the two", what, open)
		}
	}
}

func (j *journey) leadSquared() {
	from, to := j.from, j.to
	from.t.Helper()
	links := count(from.outbox())["reset-link"]
	from.want("LeadSquared forgot", lsqForgot(from), 200, "")
	_, link := from.link(links + 1)
	j.secrets = append(j.secrets, link.Get("TemporaryPassword"))
	j.reset("LeadSquared reset", 200, func(password string) answer {
		return to.post(lsqReset, lsqBody(link, password), lsqHeaders...)
	})
	from.want("the link again", from.post(lsqReset, lsqBody(link, unusedPassword), lsqHeaders...), 400, "")
}

func (j *journey) loginRadius() {
	from, to := j.from, j.to
	from.t.Helper()
	token := from.post(lrForgotToken, `{"Username":"john_doe"}`).json(from.t)["ForgotToken"]
	j.secrets = append(j.secrets, fmt.Sprint(token))
	j.reset("LoginRadius reset", 200, func(password string) answer { return to.put(lrReset, lrBody(token, password)) })
	from.want("the token again", from.put(lrReset, lrBody(token, unusedPassword)), 403, "")
}

func (j *journey) loginRadiusCode() {
	from, to := j.from, j.to
	from.t.Helper()
	from.want("LoginRadius code", from.post(lrOTP, `{"phone":"+14-157415569"}`), 200, "")
	code := from.messages("reset-code", 1)[0].Code
	j.secrets = append(j.secrets, code)
	body := func(password string) string {
		return fmt.Sprintf(`{"phone":"+14-157415569","otp":%q,"password":%q}`, code, password)
	}
	j.reset("reset by code", 200, func(password string) answer { return to.put(lrOTP, body(password)) })
	from.want("the code again", from.put(lrOTP, body(unusedPassword)), 403, "")
}

func (j *journey) own() {
	from, to := j.from, j.to
	from.t.Helper()
	links := count(from.outbox())["reset-link"]
	from.want("own forgot", from.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "")
	_, link := from.link(links + 1)
	to.want("own check", to.post("/check-token", fmt.Sprintf(`{"token":%q}`, link.Get("token"))), 204, "")
	j.reset("own reset", 204, func(password string) answer {
		return to.post("/reset-password", ownBody(link.Get("token"), password))
	})
	from.want("the link again", from.post("/reset-password", ownBody(link.Get("token"), unusedPassword)), 400, "")
	j.secrets = append(j.secrets, link.Get("token"))
}

func (j *journey) ownToken() {
	from, to := j.from, j.to
	from.t.Helper()
	issued := from.post("/forgot-token", `{"email":"johnwick@example.com"}`, ownBearer).json(from.t)["token"]
	j.secrets = append(j.secrets, fmt.Sprint(issued))
	j.reset("own reset by a server's token", 204, func(password string) answer {
		return to.post("/reset-password", ownBody(issued, password))
	})
}
