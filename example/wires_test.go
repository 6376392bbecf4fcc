package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestLeadSquared(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	v1 := []string{"Authorization: " + lsqPublicAuthKey}
	v2 := append(v1, "X-Lsq-Registertoken: demo-register-token", "X-Lsq-Portalid: 11111111-2222-4333-8444-555555555555")
	const sent = `{"Status":"Success","Message":"Reset link sent successfully"}`
	forgot, reset := "/api/Authentication/v2/SecureForgotPassword", "/api/Authentication/v2/ResetPassword"

	d.want("public auth key", d.get("/api/Access/PublicToken?accessKey=demo-access-key&secretKey=demo-secret-key"), 200, `{"PublicAuthKey":"`+lsqPublicAuthKey+`"}`)
	d.want("register token", d.get("/api/Access/GetRegisterToken?accessKey=demo-access-key&secretKey=demo-secret-key"), 200, `"demo-register-token"`)
	d.want("wrong secret", d.get("/api/Access/PublicToken?accessKey=demo-access-key&secretKey=demo-secret-kez"), 401, "")
	d.want("v2 without its headers", d.post(forgot, `{"EmailAddress":"johnwick@example.com"}`, v1...), 401, "")

	links := 0
	for _, tt := range []struct {
		sentence, path, body string
		headers              []string
		channel, to          string
	}{
		{"by e-mail, v1", "/api/Authentication/SecureForgotPassword", `{"EmailAddress":"johnwick@example.com"}`, v1, "email", "johnwick@example.com"},
		{"by e-mail, v2", forgot, `{"EmailAddress":"johnwick@example.com"}`, v2, "email", "johnwick@example.com"},
		{"by phone", forgot, `{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"}}`, v2, "email", "johnwick@example.com"},
		{"by phone to phone", forgot, `{"SearchKeyData":{"SchemaName":"Phone","Value":"+14-157415569"},"RecipientField":{"SchemaName":"Phone"}}`, v2, "sms", "+14157415569"},
		{"by PAN to the alternative address", forgot, `{"SearchKeyData":{"SchemaName":"mx_PAN_Number","Value":"SSKKPPYY222"},"RecipientField":{"SchemaName":"mx_Alternate_Email"}}`, v2, "email", "john.alt@example.com"},
	} {
		d.want(tt.sentence, d.post(tt.path, tt.body, tt.headers...), 200, sent)
		links++
		m, query := d.link(links)
		if m.Channel != tt.channel || m.To != tt.to || query.Get("LeadId") != demoLeadID || len(query.Get("TemporaryPassword")) != 64 {
			t.Errorf("%s: %s to %s with %v", tt.sentence, m.Channel, m.To, query)
		}
	}
	if !strings.Contains(d.get("/outbox.json").body, `?LeadId=`+demoLeadID+`&TemporaryPassword=`) {
		t.Error("links in outbox.json cannot be read by sed")
	}
	d.want("by a field that is not unique", d.post(forgot, `{"SearchKeyData":{"SchemaName":"mx_Alternate_Email","Value":"john.alt@example.com"}}`, v2...), 400, "")

	_, query := d.link(links)
	body := func(password string) string {
		return fmt.Sprintf(`{"Password":%q,"LeadId":%q,"TemporaryPassword":%q}`, password, query.Get("LeadId"), query.Get("TemporaryPassword"))
	}
	d.want("a weak password", d.post(reset, body("short"), v2...), 400, "")
	d.want("the password is as it was", d.login(demoEmail, demoPassword), 200, "")
	d.want("the link still works", d.post(reset, body("Samplepassword@123"), v2...), 200, `{"IsSuccessful":true,"ResponseText":"Password changed successfully"}`)
	d.want("the same link again", d.post(reset, body(thirdPassword), v2...), 400, "")
	d.want("the old password", d.login(demoEmail, demoPassword), 401, "")
	d.want("the new password", d.login(demoEmail, "Samplepassword@123"), 200, "")
	d.want("the temporary password is none to sign in with", d.login(demoEmail, query.Get("TemporaryPassword")), 401, "")
	if m := d.messages("password-changed", 3); m[0].To == m[1].To || m[1].To == m[2].To {
		t.Errorf("told %s, %s and %s", m[0].To, m[1].To, m[2].To)
	}
}

func TestLoginRadius(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	const credentials = "?apikey=demo-api-key&apisecret=demo-api-secret"
	token, reset := "/identity/v2/manage/account/forgot/token"+credentials, "/identity/v2/auth/password/reset?apikey=demo-api-key"
	const posted = `{"IsPosted":true}`

	// The seed's own request.
	a := d.post(token+"&sendemail=true&resetpasswordurl=&emailtemplate=Email-Template&prevent_webhook=true", `{"Username":"john_doe"}`, "X-PreventWebhook: true")
	d.want("forgot token by Username", a, 200, "")
	answer := a.json(t)
	if keys := sorted(answer); !slices.Equal(keys, []string{"ForgotToken", "IdentityProviders"}) || fmt.Sprint(answer["IdentityProviders"]) != "[google facebook]" {
		t.Errorf("answer %v", answer)
	}
	_, query := d.link(1)
	if query.Get("vtype") != "reset" || query.Get("vtoken") != answer["ForgotToken"] {
		t.Errorf("the mailed link is %v, want vtype and the token of the answer", query)
	}
	use := func(token any, password string) string {
		return fmt.Sprintf(`{"ResetToken":%q,"Password":%q}`, token, password)
	}
	d.want("reset", d.put(reset, use(answer["ForgotToken"], secondPassword)), 200, posted)
	d.want("second use", d.put(reset, use(answer["ForgotToken"], thirdPassword)), 403, "")
	d.want("new password", d.login(demoEmail, secondPassword), 200, "")

	a = d.post("/identity/v2/manage/account/forgot/token", `{"email":"JohnWick@Example.com"}`, "X-LoginRadius-ApiKey: demo-api-key", "X-LoginRadius-ApiSecret: demo-api-secret")
	d.want("forgot token by Email, keys in headers", a, 200, "")
	d.want("reset by the SDK's other path", d.put("/identity/v2/auth/password?apikey=demo-api-key", use(a.json(t)["ForgotToken"], thirdPassword)), 200, posted)
	if n := count(d.outbox())["reset-link"]; n != 1 {
		t.Errorf("%d links mailed, want none without sendemail", n-1)
	}

	for _, tt := range []struct {
		sentence, path, body string
		status, code         int
	}{
		{"unknown", token, `{"Email":"nobody@example.com"}`, 403, 938},
		{"disabled", token, `{"Email":"disabled@example.com"}`, 403, 938},
		{"social only", token, `{"Email":"social@example.com"}`, 403, 938},
		{"a foreign page", token + "&resetpasswordurl=https%3A%2F%2Fevil.example%2Freset", `{"Email":"johnwick@example.com"}`, 400, 908},
		{"an unknown template", token + "&emailtemplate=None", `{"Email":"johnwick@example.com"}`, 400, 908},
		{"a wrong secret", "/identity/v2/manage/account/forgot/token?apikey=demo-api-key&apisecret=demo-api-secreT", `{"Email":"johnwick@example.com"}`, 401, 902},
		{"an unknown key", "/identity/v2/manage/account/forgot/token?apikey=demo-api-kez&apisecret=demo-api-secret", `{"Email":"johnwick@example.com"}`, 403, 901},
	} {
		a := d.post(tt.path, tt.body)
		if code := a.json(t)["ErrorCode"]; a.status != tt.status || code != float64(tt.code) {
			t.Errorf("%s: %d with ErrorCode %v, want %d with %d", tt.sentence, a.status, code, tt.status, tt.code)
		}
	}

	otp := "/identity/v2/auth/password/otp?apikey=demo-api-key"
	d.want("code by SMS", d.post(otp+"&smstemplate=SMS-Template", `{"phone":"+14-157415569"}`), 200, posted)
	m := d.messages("reset-code", 1)[0]
	if m.Channel != "sms" || m.To != "+14157415569" {
		t.Errorf("code by %s to %s", m.Channel, m.To)
	}
	d.want("reset by code", d.put(otp, fmt.Sprintf(`{"phone":"+14-157415569","otp":%q,"password":%q}`, m.Code, fourthPassword)), 200, posted)
	d.want("code by mail", d.post("/identity/v2/auth/password?apikey=demo-api-key&emailtemplate=Code-Template", `{"email":"johnwick@example.com"}`), 200, posted)
	m = d.messages("reset-code", 2)[1]
	d.want("reset by mailed code", d.put(reset, fmt.Sprintf(`{"otp":%q,"email":"johnwick@example.com","password":%q}`, m.Code, fifthPassword)), 200, posted)
	d.want("newest password", d.login(demoEmail, fifthPassword), 200, "")
}

func TestOwnAPI(t *testing.T) {
	t.Parallel()
	d := start(t, "-relaxed-limits")
	d.want("forgot", d.post("/forgot-password", `{"email":"johnwick@example.com"}`), 202, "{}")
	_, query := d.link(1)
	token := query.Get("token")
	d.want("check", d.post("/check-token", fmt.Sprintf(`{"token":%q}`, token)), 204, "")
	d.want("a weak password", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":"short"}`, token)), 422, "")
	d.want("reset", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, token, secondPassword)), 204, "")
	d.want("second use", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, token, thirdPassword)), 400, "")
	d.want("check of a used one", d.post("/check-token", fmt.Sprintf(`{"token":%q}`, token)), 400, "")

	bearer := "Authorization: Bearer demo-forgot-token-key"
	d.want("no key", d.post("/forgot-token", `{"email":"johnwick@example.com"}`), 401, "")
	d.want("a browser", d.post("/forgot-token", `{"email":"johnwick@example.com"}`, bearer, "Origin: "+d.base), 403, "")
	a := d.post("/forgot-token", `{"email":"johnwick@example.com"}`, bearer)
	d.want("forgot token", a, 200, "")
	d.want("reset by it", d.post("/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, a.json(t)["token"], thirdPassword)), 204, "")
	d.want("new password", d.login(demoEmail, thirdPassword), 200, "")
}

// TestUnknownPaths: whatever is below a vendor's prefix answers in that
// vendor's JSON, and nothing redirects.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	d := start(t)
	for _, path := range []string{"/api/x", "/api/", "/api", "/API/x", "/api//Authentication/v2/ResetPassword", "/api/Authentication/v2/ResetPassword/", "/api/../outbox"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := d.do(method, path, "")
			if m := a.json(t); a.status != 404 || m["Status"] != "Error" || m["ExceptionType"] == nil || m["ExceptionMessage"] == nil {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
	for _, path := range []string{"/identity/x", "/identity/", "/identity", "/Identity/x", "/identity//v2", "/identity/v2/auth/password/securityanswer"} {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			a := d.do(method, path, "")
			if keys := sorted(a.json(t)); a.status != 404 || !slices.Equal(keys, []string{"Description", "ErrorCode", "IsProviderError", "Message", "ProviderErrorResponse"}) {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
	d.want("two slashes", d.post("//identity/v2/auth/password?apikey=demo-api-key", `{"email":"nobody@example.com"}`), 200, `{"IsPosted":true}`)
	for _, path := range []string{"/x", "//api/x", "/outbox/", "/./outbox", "/reset-password/", "/forgot-token/x"} {
		if a := d.get(path); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	a := d.get("/api/Authentication/v2/ResetPassword")
	if a.status != 405 || a.header.Get("Allow") != "POST" {
		t.Errorf("GET of a reset: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}
