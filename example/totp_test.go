package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

// The whole way with a mailed code and a second factor, through the own API and then
// through the pages, on each kind of storage. On Redis, one instance is asked and
// another resets.
func TestMailedCodeAndSecondFactor(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(t *testing.T) []string{
		"memory": func(*testing.T) []string { return nil },
		"SQLite": func(t *testing.T) []string { return []string{"-sqlite", filepath.Join(t.TempDir(), "demo.db")} },
		"Redis":  func(t *testing.T) []string { return []string{"-redis", "redis://" + redistest.Start(t).Addr} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := append([]string{"-relaxed-limits", "-totp", "-mail-codes"}, args(t)...)
			from := start(t, flags...)
			to := from
			if name == "Redis" {
				to = start(t, flags...)
			}
			used := resetByAPI(t, from, to)
			resetByPages(t, from, used)
		})
	}
}

// resetByAPI asks at one instance and resets at another. It returns the code of the
// authenticator app that it used.
func resetByAPI(t *testing.T, from, to *demo) (used string) {
	t.Helper()
	asked := from.post("/forgot-password", fmt.Sprintf(`{"email":%q,"code":true,"handle":""}`, demoEmail))
	from.want("forgot", asked, 202, "")
	handle := asked.json(t)["handle"]
	code := from.messages("reset-code", 1)[0].Code
	body := func(more string) string {
		return fmt.Sprintf(`{"email":%q,"code":%q,"handle":%q%s}`, demoEmail, code, handle, more)
	}
	to.want("check without the handle", to.post("/check-token", fmt.Sprintf(`{"email":%q,"code":%q}`, demoEmail, code)), 400, "")
	to.want("check", to.post("/check-token", body("")), 200, `{"secondFactor":true}`)
	pw := fmt.Sprintf(`,"password":%q`, secondPassword)
	for what, more := range map[string]string{"no factor": "", "a wrong factor": `,"secondFactor":"12"`} {
		if refused := to.post("/reset-password", body(pw+more)); refused.status != 403 || refused.json(t)["code"] != "second_factor" {
			t.Errorf("%s: %d %s", what, refused.status, refused.body)
		}
	}
	used = appCode(t)
	shown := used[:3] + " " + used[3:] // as apps show it
	to.want("reset", to.post("/reset-password", body(fmt.Sprintf(`%s,"secondFactor":%q`, pw, shown))), 204, "")
	from.want("the new password", from.login(demoEmail, secondPassword), 200, "")
	from.want("the code again", from.post("/reset-password", body(pw)), 400, "")
	return used
}

// resetByPages chooses a code on the page, and types the code of the app that is
// used up first.
func resetByPages(t *testing.T, d *demo, used string) {
	t.Helper()
	v := d.visitor()
	page := v.open(accountPath + "/forgot")
	if !strings.Contains(page.body, `name="send" value="code"`) {
		t.Fatalf("nothing to choose: %d %.300s", page.status, page.body)
	}
	page = v.send(accountPath+"/forgot", url.Values{"identifier": {demoEmail}, "send": {"code"}})
	codes := d.messages("reset-code", 2)
	if len(codes) != 2 {
		t.Fatalf("%d codes", len(codes))
	}
	page = v.send(accountPath+"/code", url.Values{"proof": {page.proof(t)}, "code": {codes[1].Code}})
	if !strings.Contains(page.body, `name="second-factor"`) {
		t.Fatalf("no field for the factor: %d %.300s", page.status, page.body)
	}
	send := func(factor string) answer {
		return v.send(accountPath+"/reset", url.Values{"proof": {page.proof(t)}, "password": {thirdPassword}, "second-factor": {factor}})
	}
	// The code that was used is valid for 90 seconds, and accepted once. A test that is
	// slower than that finds it too old.
	if again := send(used); again.status != 422 || !strings.Contains(again.body, "second-factor-wrong") {
		t.Errorf("the used code of the app: %d %.300s", again.status, again.body)
	}
	// The next step's code is valid already, because clocks differ.
	next, err := totp.GenerateCode(demoTOTPSecret, time.Now().Add(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if done := send(next); done.status != 200 || !strings.Contains(done.body, "Your password was changed") {
		t.Errorf("the next code of the app: %d %.300s", done.status, done.body)
	}
	d.want("the new password", d.login(demoEmail, thirdPassword), 200, "")
}

// appCode returns what John's authenticator app shows now.
func appCode(t *testing.T) string {
	t.Helper()
	code, err := totp.GenerateCode(demoTOTPSecret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestBannerNamesTheApp(t *testing.T) {
	t.Parallel()
	if d := start(t, "-totp"); !strings.Contains(d.stdout.String(), "secret="+demoTOTPSecret) {
		t.Errorf("the secret is not printed:\n%s", d.stdout)
	}
	if d := start(t); strings.Contains(d.stdout.String(), "otpauth") {
		t.Error("an app that nobody needs is printed")
	}
}
