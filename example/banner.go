package main

import (
	"fmt"
	"net/url"
	"strings"
)

// The new passwords of the curl lines: each reset sets another one, so that
// every line can be told by what it changed.
const (
	secondPassword  = "Continental-coins-for-a-room-2"
	thirdPassword   = "Continental-coins-for-a-room-3"
	fourthPassword  = "Continental-coins-for-a-room-4"
	fifthPassword   = "Continental-coins-for-a-room-5"
	sixthPassword   = "Continental-coins-for-a-room-6"
	seventhPassword = "Continental-coins-for-a-room-7"
	eighthPassword  = "Continental-coins-for-a-room-8"
	unusedPassword  = "Never-set-because-it-is-refused"
)

// show ends every curl call: quiet but for errors, and the status on a line of
// its own below the body.
const show = `curl -sS -w '\n%{http_code}\n' `

// asJSON is what every call with a body needs.
const asJSON = `-H 'Content-Type: application/json' `

// banner is what the demo prints before it serves: credentials, and a curl line
// for every flow. Each line is complete in itself and ends with the statuses to
// expect, so people and scripts can run them from top to bottom.
func banner(c config, local string) string {
	var b strings.Builder
	section := func(format string, args ...any) { fmt.Fprintf(&b, "\n"+format+"\n", args...) }
	line := func(expect string, parts ...string) {
		b.WriteString(strings.Join(parts, "") + "  # " + expect + "\n")
	}

	b.WriteString(about(c, local))

	section("Sign in with the first password, and see the session:")
	line("200", signIn(local, demoPassword))
	line("200", show, quote(local+"/sessions.json"))

	lsq := local + "/api/Authentication/"
	v1 := "-H 'Authorization: " + lsqPublicAuthKey + "' "
	v2 := v1 + "-H 'x-lsq-registertoken: " + lsqRegisterToken + "' -H 'x-lsq-portalid: " + lsqPortal + "' "
	keys := "?accessKey=" + lsqAccessKey + "&secretKey=" + lsqSecretKey
	section("LeadSquared, the two public keys:")
	line("200", show, quote(local+"/api/Access/PublicToken"+keys))
	line("200", show, quote(local+"/api/Access/GetRegisterToken"+keys))
	section("LeadSquared, forgot: by e-mail (v1, then v2), by phone, by %s to %s:", fieldPAN, fieldAlternate)
	line("200", show, asJSON, v1, `-d '{"EmailAddress":"`+demoEmail+`"}' `, quote(lsq+"SecureForgotPassword"))
	line("200", show, asJSON, v2, `-d '{"EmailAddress":"`+demoEmail+`"}' `, quote(lsq+"v2/SecureForgotPassword"))
	line("200", show, asJSON, v2, `-d '{"SearchKeyData":{"SchemaName":"Phone","Value":"`+demoPhone+`"}}' `, quote(lsq+"v2/SecureForgotPassword"))
	line("200", show, asJSON, v2, `-d '{"SearchKeyData":{"SchemaName":"`+fieldPAN+`","Value":"`+demoPAN+`"},"RecipientField":{"SchemaName":"`+fieldAlternate+`"}}' `, quote(lsq+"v2/SecureForgotPassword"))
	section("LeadSquared, reset by the newest link in the outbox, and once more by the same link:")
	for _, step := range []struct{ expect, wait, password string }{{"200", wait, secondPassword}, {"400", "", unusedPassword}} {
		line(step.expect, step.wait, takeFromOutbox(local,
			`LeadId=\([^&"]*\)&TemporaryPassword=\([0-9a-f]*\)`,
			`{"LeadId":"\1","TemporaryPassword":"\2","Password":"`+step.password+`"}`),
			show, asJSON, v2, `-d @- `, quote(lsq+"v2/ResetPassword"))
	}
	section("The first password is dead, and so is its session:")
	line("401", signIn(local, demoPassword))
	line("200", show, quote(local+"/sessions.json"))

	credentials := "?apikey=" + lrAPIKey + "&apisecret=" + lrAPISecret
	forgotToken := local + "/identity/v2/manage/account/forgot/token" + credentials
	reset := local + "/identity/v2/auth/password/reset?apikey=" + lrAPIKey
	section("LoginRadius, a forgot token that is mailed as well:")
	line("200", show, asJSON, `-H 'X-PreventWebhook: true' -d '{"Username":"`+demoUsername+`"}' `,
		quote(forgotToken+"&sendemail=true&resetpasswordurl="+url.QueryEscape(c.baseURL+accountPath+"/reset")+"&emailtemplate="+lrLinkTemplate+"&prevent_webhook=true"))
	section("LoginRadius, a forgot token by Username, then by Email; each resets once, and is refused the second time:")
	line("200 403", twice(forgotToken, `{"Username":"`+demoUsername+`"}`, "ForgotToken", thirdPassword,
		show+`-X PUT `+asJSON+`-d "{\"ResetToken\":\"$T\",\"Password\":\"$P\"}" `+quote(reset)))
	line("200 403", twice(forgotToken, `{"Email":"`+demoEmail+`"}`, "ForgotToken", fourthPassword,
		show+`-X PUT `+asJSON+`-d "{\"ResetToken\":\"$T\",\"Password\":\"$P\"}" `+quote(reset)))

	otp := local + "/identity/v2/auth/password/otp?apikey=" + lrAPIKey
	section("LoginRadius, a code by SMS; it resets once, and is refused the second time:")
	line("200", show, asJSON, `-d '{"phone":"`+demoPhone+`"}' `, quote(otp+"&smstemplate="+lrSMSTemplate))
	for _, step := range []struct{ expect, wait, password string }{{"200", wait, fifthPassword}, {"403", "", unusedPassword}} {
		line(step.expect, step.wait, takeFromOutbox(local,
			`"Code":"\([0-9][0-9]*\)"`,
			`{"phone":"`+demoPhone+`","otp":"\1","password":"`+step.password+`"}`),
			show, `-X PUT `, asJSON, `-d @- `, quote(otp))
	}

	section("Own API, forgot, reset by the newest link in the outbox, and once more by the same link:")
	line("202", show, asJSON, `-d '{"email":"`+demoEmail+`"}' `, quote(local+"/forgot-password"))
	for _, step := range []struct{ expect, wait, password string }{{"204", wait, sixthPassword}, {"400", "", unusedPassword}} {
		line(step.expect, step.wait, takeFromOutbox(local,
			`reset?token=\([A-Za-z0-9_-]*\)`,
			`{"token":"\1","password":"`+step.password+`"}`),
			show, asJSON, `-d @- `, quote(local+"/reset-password"))
	}
	section("Own API, a token for a server; it resets once, and is refused the second time:")
	bearer := "-H 'Authorization: Bearer " + ownTokenKey + "' "
	line("200", show, asJSON, bearer, `-d '{"email":"`+demoEmail+`"}' `, quote(local+"/forgot-token"))
	line("204 400", twice(local+"/forgot-token", `{"identifier":{"field":"Username","value":"`+demoUsername+`"}}`, "token", seventhPassword,
		show+asJSON+`-d "{\"token\":\"$T\",\"password\":\"$P\"}" `+quote(local+"/reset-password"), bearer))

	section("Sign in with the newest password, and see its session:")
	line("200", signIn(local, seventhPassword))
	line("200", show, quote(local+"/sessions.json"))
	section("Own API, \"this was not me\" to the newest notice: everybody is signed out, and a new link is sent:")
	line("204", takeFromOutbox(local, `not-me?token=\([A-Za-z0-9_-]*\)`, `{"token":"\1"}`), show, asJSON, `-d @- `, quote(local+"/not-me"))
	line("200", wait, show, quote(local+"/sessions.json"))
	helpDeskLines(c, local, section, line)
	section("Every message that was sent:")
	line("200", show, quote(local+"/outbox.json"))
	return b.String()
}

// about is the part to read.
func about(c config, local string) string {
	limits := `The library's own limits hold: one message a minute to a person, 30 requests in
10 minutes to a client. So the curl lines below meet refusals when run at once; with
-relaxed-limits they do not.`
	if c.relaxed {
		limits = `Limits are relaxed: every one but the vendors' 25 in 5 s is times 100.`
	}
	return `recovery example: a whole small portal. ` + livesIn(c) + `

  pages    ` + c.baseURL + `/  ,  ` + c.baseURL + accountPath + `/forgot  and  ` + c.baseURL + `/outbox  (also ` + local + `/outbox.json)
  lead     ` + demoEmail + `, phone ` + demoPhone + `, username ` + demoUsername + `,
           ` + fieldPAN + ` ` + demoPAN + `, LeadId ` + demoLeadID + `
           first password ` + demoPassword + `
  others   disabled@example.com (disabled), social@example.com (signs in by Google only)
` + appOf(c) + `
  LeadSquared   portal ` + lsqPortal + `
                access key ` + lsqAccessKey + `, secret key ` + lsqSecretKey + `
                Authorization ` + lsqPublicAuthKey + `, x-lsq-registertoken ` + lsqRegisterToken + `
  LoginRadius   API key ` + lrAPIKey + `, API secret ` + lrAPISecret + `
                e-mail templates ` + lrLinkTemplate + `, ` + lrCodeTemplate + `; SMS template ` + lrSMSTemplate + `
  own API       Authorization: Bearer ` + ownTokenKey + `  (for /forgot-token)

` + limits + `

Paste the lines below into a shell one after the other, from top to bottom. Each
prints the answer and its status; the status to expect stands behind the #.
`
}

// appOf says which authenticator app the person has, if any.
func appOf(c config) string {
	if !c.totp {
		return ""
	}
	return `  app      for a new password John needs the code of his authenticator app. Enter this there:
           ` + totpURL() + `
           The lines below that reset his password are answered with a refusal
`
}

// livesIn says where everything is, and what that means.
func livesIn(c config) string {
	mails := ""
	if c.smtp != nil {
		mails = "\n\nMails are sent over " + c.smtp.String() + ", and shown in the outbox once it has taken them."
	}
	if c.sql != nil {
		messages := `Messages wait in memory, and those that wait are lost when the process is killed. The
outbox ends with the program.`
		if c.durable {
			messages = `Messages wait there as well, and whichever instance comes first delivers them: look into
the outboxes of all, which end with their programs.`
		}
		return `Users, sessions, tokens and limits live
in ` + c.sql.name + `.
They stay there when the program ends. A password that was reset stays reset, so at the
next start the lines below, which begin with the first one, do not all work.

  THE KEYS ARE KEPT THERE TOO. Whoever can read it can forge tokens: a real portal keeps
  its keys in a secret store.

` + messages + mails
	}
	if c.redis == nil {
		return `Keys, users, sessions and messages live in
memory and end with the program.` + mails
	}
	messages := "Messages live in the memory of the instance that took the request: look into its outbox."
	if c.durable {
		messages = `Messages wait on that Redis, and whichever instance comes first delivers them: look into
the outboxes of all.`
	}
	return `Users, sessions, tokens and limits live
on ` + c.redis.String() + `,
sealed, and are shared by all instances there. They go when nobody has used them for
24 hours; until then a password that was reset, here or elsewhere, stays reset, and
the lines below, which begin with the first one, do not all work.

  THE KEYS ARE FIXED, for the demo alone. Anybody who has read this source can forge
  tokens and read what is stored: never use these keys.

` + messages + mails
}

// quote quotes for the shell. What is quoted here holds no quote itself.
func quote(s string) string { return "'" + s + "'" }

func signIn(local, password string) string {
	return show + asJSON + `-d '{"EmailAddress":"` + demoEmail + `","Password":"` + password + `"}' ` + quote(local+"/login")
}

// wait is long enough for a message to arrive: jobs start up to 250 ms after
// the answer.
const wait = "sleep 1; "

// takeFromOutbox begins a pipe that makes a body of the newest link or code.
// The outbox is one line, oldest message first, so the greedy .* finds the last
// one.
func takeFromOutbox(local, link, body string) string {
	return `curl -sS ` + quote(local+"/outbox.json") + ` | sed -n 's/.*` + link + `.*/` + body + `/p' | `
}

// twice is a line that asks for a token and uses it two times.
func twice(from, body, name, newPassword, use string, headers ...string) string {
	return `T=$(curl -sS ` + asJSON + strings.Join(headers, "") + `-d ` + quote(body) + ` ` + quote(from) +
		` | sed -n 's/.*"` + name + `":"\([^"]*\)".*/\1/p'); for P in ` + newPassword + ` ` + unusedPassword + `; do ` + use + `; done`
}
