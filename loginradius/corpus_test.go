package loginradius_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// An sdkRequest is one request as an SDK of the vendor's writes it. In head and
// body, KEY and SECRET stand for the credentials, and TOKEN, CODE and SMSCODE for
// what the requests before had sent.
type sdkRequest struct {
	line string
	head []string
	body string
	// want is posted or token for an answer without a message, link, code or sms
	// for the message that is sent, and "status code Description" for a failure.
	want string
	more string // the template of the message, if the SDK names one
}

// An sdk is what one SDK sends from the first request to the last, on one
// connection.
type sdk struct {
	name     string
	app      func(*loginradius.App)
	requests []sdkRequest
}

const (
	jsonType   = "Content-Type: application/json"
	forgotLine = "POST /identity/v2/manage/account/forgot/token?"
	resetLine  = "PUT /identity/v2/auth/password/reset?"
)

// sdks are those of Node 11.7.0, Python 11.7.0, PHP 11.7.0, Ruby 11.7.0, Java
// 11.7.0, .NET 11.7.0, Go 11.5.0 and HTML5 11.3.0.
func sdks() []sdk {
	querySecret := func(a *loginradius.App) { a.DangerouslyAllowQuerySecret = true }
	return []sdk{
		{"PHP", querySecret, []sdkRequest{
			{line: forgotLine + "apikey=KEY&apisecret=SECRET&emailTemplate=tpl-1&resetPasswordUrl=https%3A%2F%2Fexample.com%2Freset&sendEmail=1", head: []string{jsonType, "Accept: */*"}, body: `{"email":"user@example.com"}`, want: "link", more: "tpl-1"},
			{line: forgotLine + "apikey=KEY&apisecret=SECRET&sendEmail=0", head: []string{jsonType}, body: `{"email":"user@example.com"}`, want: "token"},
			{line: forgotLine + "apikey=KEY&apisecret=SECRET&sendEmail=", head: []string{jsonType}, body: `{"email":"user@example.com"}`, want: "token"},
			{line: resetLine + "apikey=KEY", head: []string{jsonType}, body: `{"resettoken":"TOKEN","password":"Sup3r-Secret-New-1"}`, want: "posted"},
			{line: resetLine + "apikey=KEY", head: []string{jsonType}, body: `{"resettoken":"TOKEN","password":"Sup3r-Secret-New-1"}`, want: "403 1063 The token is invalid, was used already or has expired. Ask for a new one."},
			{line: forgotLine + "apikey=KEY&sendEmail=1", head: []string{jsonType, "digest: SHA-256=c2lnbmF0dXJl", "X-Request-Expires: 2026/11/28 10:00:00"}, body: `{"email":"user@example.com"}`, want: "400 908 Request signing is not supported here. Switch it off in the SDK, so that it sends the apisecret."},
		}},
		{"Ruby", nil, []sdkRequest{
			{line: forgotLine + "apikey=KEY&sendEmail=true", head: []string{jsonType, "X-LoginRadius-ApiSecret: SECRET", "Accept: */*", "User-Agent: Ruby"}, body: `{"email":"user@example.com"}`, want: "link"},
			{line: "PUT /identity/v2/auth/password/reset?apikey=KEY", head: []string{jsonType}, body: `{"resettoken":"TOKEN","password":"Sup3r-Secret-New-1","welcomeEmailTemplate":"w","resetPasswordEmailTemplate":"r"}`, want: "posted"},
			{line: forgotLine + "apikey=KEY", head: []string{jsonType, "digest: SHA-256=c2lnbmF0dXJl", "X-Request-Expires: 2026-11-28 10:00:00"}, body: `{"email":"user@example.com"}`, want: "400 908 Request signing is not supported here. Switch it off in the SDK, so that it sends the apisecret."},
		}},
		{"Java", nil, []sdkRequest{
			{line: forgotLine + "apiKey=KEY&sendEmail=true&resetPasswordUrl=https%3A%2F%2Fexample.com%2Freset", head: []string{"Content-Type: application/json; charset=utf-8", "X-LoginRadius-ApiSecret: SECRET"}, body: `{"email":"user@example.com"}`, want: "link"},
			{line: "POST /identity/v2/auth/password?apiKey=KEY&emailTemplate=tpl-code", head: []string{"Content-Type: application/json;", "X-Origin-IP: 198.51.100.7"}, body: `{"email":"user@example.com"}`, want: "code", more: "tpl-code"},
			{line: resetLine + "apiKey=KEY", head: []string{jsonType}, body: `{"email":"user@example.com","otp":"CODE","password":"Sup3r-Secret-New-1"}`, want: "posted"},
			{line: resetLine + "apiKey=KEY", head: []string{jsonType}, body: `{"email":"user@example.com","otp":"CODE","password":"Sup3r-Secret-New-1"}`, want: "403 1185 The code is invalid, was used already or has expired. Ask for a new one."},
		}},
		{".NET", nil, []sdkRequest{
			{line: forgotLine + "apikey=KEY&sendEmail=True", head: []string{"Content-Type: application/json", "X-LoginRadius-ApiSecret: SECRET"}, body: `{"Email":"user@example.com","Username":null}`, want: "link"},
			{line: resetLine + "apikey=KEY", head: []string{jsonType}, body: `{"ResetToken":"TOKEN","Password":"Sup3r-Secret-New-1","WelcomeEmailTemplate":null}`, want: "posted"},
		}},
		{"Python", nil, []sdkRequest{
			{line: forgotLine + "apiKey=KEY&emailTemplate=tpl-1&resetPasswordUrl=https://example.com/reset?a=1&b=x%20y&sendEmail=True", head: []string{jsonType, "Accept-Encoding: gzip", "X-LoginRadius-ApiSecret: SECRET"}, body: `{"email": "user@example.com"}`, want: "link", more: "tpl-1"},
			{line: "POST /identity/v2/auth/password/otp?apiKey=KEY&smsTemplate=sms-1&isVoiceOtp=False", head: []string{jsonType, "Accept-Encoding: gzip"}, body: `{"phone": "+4915112345680"}`, want: "sms", more: "sms-1"},
			{line: "PUT /identity/v2/auth/password/otp?apiKey=KEY", head: []string{jsonType}, body: `{"phone": "+4915112345680", "otp": "CODE", "password": "Sup3r-Secret-New-1"}`, want: "posted"},
			{line: "POST /identity/v2/auth/password/otp?apiKey=KEY&isVoiceOtp=True", head: []string{jsonType}, body: `{"phone": "+4915112345680"}`, want: "400 908 The isvoiceotp is not supported here: codes are sent as text messages."},
		}},
		{"Node", nil, []sdkRequest{
			{line: "POST //identity/v2/manage/account/forgot/token?apiKey=KEY&emailTemplate=tpl-1&sendEmail=true", head: []string{jsonType, "X-LoginRadius-apiKey: KEY", "X-LoginRadius-apiSecret: SECRET"}, body: `{"email":"user@example.com"}`, want: "link"},
			{line: "POST /identity/v2/auth/password?apiKey=KEY", head: []string{jsonType, "X-Origin-IP: 198.51.100.7"}, body: `{"email":"user@example.com"}`, want: "link"},
			{line: resetLine + "apiKey=KEY", head: []string{jsonType}, body: `{"resettoken":"TOKEN","password":"Sup3r-Secret-New-1"}`, want: "posted"},
			{line: forgotLine + "apiKey=KEY", head: []string{jsonType, "digest: SHA-256=dW5kZWZpbmVk", "X-Request-Expires: 2026-11-28 10:00:00"}, body: `{"email":"user@example.com"}`, want: "400 908 Request signing is not supported here. Switch it off in the SDK, so that it sends the apisecret."},
			{line: "PUT /identity/v2/auth/password/securityanswer?apiKey=KEY", head: []string{jsonType}, body: `{"password":"Sup3r-Secret-New-1"}`, want: "404 908 There is no such endpoint."},
		}},
		{"Go", nil, []sdkRequest{
			{line: forgotLine + "emailTemplate=tpl-1&resetPasswordUrl=https%3A%2F%2Fexample.com%2Freset%3Fa%3D1%26b%3Dx+y&sendemail=true", head: []string{jsonType, "X-Loginradius-Apikey: KEY", "X-Loginradius-Apisecret: SECRET", "Accept-Encoding: gzip"}, body: "{\"Email\":\"user@example.com\"}\n", want: "link", more: "tpl-1"},
			{line: resetLine + "apiKey=KEY", head: []string{jsonType}, body: "{\"resettoken\":\"TOKEN\",\"password\":\"Sup3r-Secret-New-1\"}\n", want: "posted"},
		}},
		{"HTML5", nil, []sdkRequest{
			{line: "POST /identity/v2/auth/password?apikey=KEY&resetpasswordurl=https%3A%2F%2Fexample.com%2Freset&g-recaptcha-response=03AGdBq25&h-captcha-response=", head: []string{jsonType, "Origin: https://www.example.com", "X-Requested-With: XMLHttpRequest", "Sec-Fetch-Site: cross-site"}, body: `{"email":"user@example.com"}`, want: "link"},
			{line: "POST /identity/v2/auth/password/otp?apikey=KEY", head: []string{jsonType, "Origin: https://www.example.com", "X-Requested-With: XMLHttpRequest"}, body: `{"phone":"+4915112345680"}`, want: "sms"},
			{line: resetLine + "apikey=KEY", head: []string{jsonType, "Origin: https://www.example.com", "X-Requested-With: XMLHttpRequest"}, body: `{"username":"user","otp":"CODE","password":"Sup3r-Secret-New-1"}`, want: "posted"},
			{line: forgotLine + "apikey=KEY&apisecret=SECRET", head: []string{jsonType, "Origin: https://www.example.com", "X-Requested-With: XMLHttpRequest"}, body: `{"email":"user@example.com"}`, want: "403 909 This endpoint is for servers and refuses requests from browsers."},
		}},
	}
}

// TestCorpus replays what each SDK sends, byte by byte, on one connection that
// stays open.
func TestCorpus(t *testing.T) {
	for _, client := range sdks() {
		t.Run(client.name, func(t *testing.T) {
			s := newSite(t, nil, client.app)
			server := httptest.NewServer(recovery.HideTokens(s.handler))
			defer server.Close()
			w := dial(t, server)
			values := []string{"KEY", apiKey, "SECRET", apiSecret}
			for i, r := range client.requests {
				fill := strings.NewReplacer(values...).Replace
				head := []string{fill(r.line) + " HTTP/1.1"}
				for _, line := range r.head {
					head = append(head, fill(line))
				}
				body := fill(r.body)
				a := w.send(head, body, len(body))
				if got := s.checkReplay(r, a); got != nil {
					values = append(got, values...) // the newest comes first
				}
				if t.Failed() {
					t.Fatalf("request %d: %s\n%d %s", i, r.line, a.status, a.body)
				}
			}
		})
	}
}

// checkReplay compares an answer, and what was sent, with what a request wants.
// It returns what later requests need of it.
func (s *site) checkReplay(r sdkRequest, a answer) (values []string) {
	s.t.Helper()
	switch r.want {
	case "posted":
		a.wantPosted(s.t)
		s.deliver()
		return nil
	case "token":
		values = []string{"TOKEN", a.wantToken(s.t, "google", "facebook")}
		if sent := s.deliver(); len(sent) > 0 {
			s.t.Errorf("sent %v", sent)
		}
		return values
	case "link", "code", "sms":
	default:
		status, rest, _ := strings.Cut(r.want, " ")
		code, description, _ := strings.Cut(rest, " ")
		if e := a.failure(s.t); strconv.Itoa(a.status) != status || strconv.Itoa(e.ErrorCode) != code || e.Description != description {
			s.t.Errorf("want %s", r.want)
		}
		if sent := s.deliver(); len(sent) > 0 {
			s.t.Errorf("sent %v", sent)
		}
		return nil
	}
	m := s.one()
	if strings.HasPrefix(r.line, "POST /identity/v2/auth/") {
		a.wantPosted(s.t)
	} else if token := a.wantToken(s.t, "google", "facebook"); token != vtoken(s.t, m) {
		s.t.Error("the mail has another token than the answer")
	}
	if m.LeadID != "lead-user" || m.Template != r.more && r.more != "" || (r.want == "sms") != (m.Channel == recovery.ChannelSMS) {
		s.t.Errorf("sent %+v", m)
	}
	if r.want == "link" {
		if want := resetURL + "&vtype=reset&vtoken="; !strings.HasPrefix(m.URL.Reveal(), want) {
			s.t.Errorf("link %q", m.URL.Reveal())
		}
		return []string{"TOKEN", vtoken(s.t, m)}
	}
	return []string{"CODE", m.Code.Reveal()}
}
