package loginradius_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

// What the vendor's page prints, but for the credentials, which its sample leaves
// out.
const (
	seedQuery   = "?sendemail=true&resetpasswordurl=https%3A%2F%2Fexample.com%2Fresetpassword&emailtemplate=Email-Template&prevent_webhook=true"
	seedBody    = `{    "Username": "john_doe"  }`
	seedSuccess = `{
  "ForgotToken": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
  "IdentityProviders": [
    "google",
    "facebook"
  ]
}`
	seedParameter = `{
  "ErrorCode": 908,
  "Message": "A parameter is not formatted correctly",
  "Description": "The email is a required parameter."
}`
	seedSecret = `{
  "ErrorCode": 902,
  "Message": "The API secret is unauthorized",
  "Description": "The provided LoginRadius API secret is invalid or is not authorized, please use a valid or authorized LoginRadius API secret or check the API secret for your LoginRadius account."
}`
	seedUser = `{
  "ErrorCode": 938,
  "Message": "User does not exist",
  "Description": "The user does not exist, please use a valid user in order to process this request."
}`
)

// newSeedSite has the URL and the template of the vendor's page.
func newSeedSite(t *testing.T) *site {
	return newSite(t, nil, func(a *loginradius.App) {
		a.DangerouslyAllowQuerySecret = true
		a.ResetURLs = append(a.ResetURLs, "https://example.com/resetpassword")
		a.EmailTemplates = append(a.EmailTemplates, loginradius.Template{Name: "Email-Template"})
	})
}

// sample checks that an answer has every member that the page prints. The token
// is another one each time.
func (a answer) sample(t *testing.T, printed string) {
	t.Helper()
	var want, got map[string]any
	for text, into := range map[string]*map[string]any{printed: &want, a.body: &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for name, value := range want {
		if name == "ForgotToken" {
			value = got[name]
		}
		if value == nil || !reflect.DeepEqual(got[name], value) {
			t.Errorf("%s is %v, and the page prints %v", name, got[name], want[name])
		}
	}
}

// TestVendorsPage goes through the page from top to bottom: the sample request
// with each of its parameters left out or given, and each sample answer.
func TestVendorsPage(t *testing.T) {
	const credentials = "&apikey=" + apiKey + "&apisecret=" + apiSecret
	const chosen, usual = "https://example.com/resetpassword?vtype=reset&vtoken=", resetURL + "&vtype=reset&vtoken="
	missing := func(name string) string { return strings.Replace(seedParameter, "email", name, 1) }
	for _, tt := range []struct {
		sentence, query string
		headers         []string
		body            string
		status          int
		printed         string
		link, template  string // of the mail; empty for none
		silent          bool
	}{
		{"the sample request", seedQuery + credentials, []string{"X-PreventWebhook", "true"}, seedBody, 200, seedSuccess, chosen, "Email-Template", true},
		{"as printed, without credentials", seedQuery, []string{"X-PreventWebhook", "true"}, seedBody, 400, missing("apikey"), "", "", false},
		{"nothing that is optional", "?" + credentials[1:], nil, seedBody, 200, seedSuccess, "", "", false},
		{"sendemail false", strings.Replace(seedQuery, "sendemail=true", "sendemail=false", 1) + credentials, nil, seedBody, 200, seedSuccess, "", "", true},
		{"no resetpasswordurl and no emailtemplate", "?sendemail=true" + credentials, nil, seedBody, 200, seedSuccess, usual, "", false},
		{"prevent_webhook false, and true in the header", "?sendemail=true&prevent_webhook=false" + credentials, []string{"X-PreventWebhook", "true"}, seedBody, 200, seedSuccess, usual, "", true},
		{"prevent_webhook true, and false in the header", "?sendemail=true&prevent_webhook=true" + credentials, []string{"X-PreventWebhook", "false"}, seedBody, 200, seedSuccess, usual, "", false},
		{"no apikey", seedQuery + "&apisecret=" + apiSecret, nil, seedBody, 400, missing("apikey"), "", "", false},
		{"no apisecret", seedQuery + "&apikey=" + apiKey, nil, seedBody, 400, missing("apisecret"), "", "", false},
		{"no Username", seedQuery + credentials, nil, `{}`, 400, seedParameter, "", "", false},
		{"a wrong apisecret", seedQuery + "&apikey=" + apiKey + "&apisecret=wrong", nil, seedBody, 401, seedSecret, "", "", false},
		{"a Username that nobody has", seedQuery + credentials, nil, `{"Username":"nobody"}`, 403, seedUser, "", "", false},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			s := newSeedSite(t)
			s.leads.Change("lead-john", func(l *recovery.Lead) {
				l.Fields["Username"] = recovery.FieldValue{Value: "john_doe"}
			})
			a := s.do("POST", pathForgotToken+tt.query, tt.body, tt.headers...)
			if a.status != tt.status {
				t.Fatalf("%d %s", a.status, a.body)
			}
			a.sample(t, tt.printed)
			if tt.status != 200 {
				s.quiet()
				return
			}
			token := a.wantToken(t)
			if tt.link == "" {
				if sent := s.deliver(); len(sent) > 0 {
					t.Errorf("sent %v", sent)
				}
			} else if m := s.one(); m.URL.Reveal() != tt.link+token || m.Template != tt.template {
				t.Errorf("link %s, template %q", m.URL.Reveal(), m.Template)
			}
			if e := s.event(recovery.EventTokenIssued); (e.Labels[recovery.LabelNoWebhook] != "") != tt.silent {
				t.Errorf("event %+v", e)
			}
		})
	}
}
