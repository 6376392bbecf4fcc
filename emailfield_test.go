package recovery_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// "email" of the JSON API stands for the field that the host means, and mistakes
// are told by the names that the client sent.
func TestEmailField(t *testing.T) {
	mail := recovery.Field{Name: "Mail", Type: recovery.FieldTypeEmail, Search: true, Receive: true}
	work := recovery.Field{Name: "Work", Type: recovery.FieldTypeEmail, Search: true, Receive: true}
	login := recovery.Field{Name: "Login", Type: recovery.FieldTypeText, Search: true}
	usual := recovery.Field{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}
	received := recovery.Field{Name: "Mail", Type: recovery.FieldTypeEmail, Receive: true}
	for name, tt := range map[string]struct {
		fields []recovery.Field
		option string
		body   string
		status int
		want   string // in the answer
	}{
		"the first e-mail field":      {[]recovery.Field{login, mail, work}, "", `{"email":"ada@mail.example"}`, 202, "{}"},
		"the usual one is preferred":  {[]recovery.Field{mail, usual}, "", `{"email":"ada@usual.example"}`, 202, "{}"},
		"the one that the host names": {[]recovery.Field{mail, work}, "Work", `{"email":"ada@work.example"}`, 202, "{}"},
		"no address": {[]recovery.Field{mail}, "", `{"email":"ada"}`, 400,
			`"detail":"Email is not formatted correctly.","code":"invalid_request","field":"email"`},
		"no address, as an identifier": {[]recovery.Field{mail}, "", `{"identifier":{"field":"Mail","value":"ada"}}`, 400,
			`"detail":"Identifier.value is not formatted correctly.","code":"invalid_request","field":"identifier.value"`},
		"a field that nobody declared": {[]recovery.Field{mail, login}, "", `{"identifier":{"field":"Email","value":"ada@mail.example"}}`, 400,
			`"detail":"Identifier.field must name a field that can be searched: Mail, Login.","code":"invalid_request","field":"identifier.field"`},
		"no e-mail field": {[]recovery.Field{login, received}, "", `{"email":"ada@mail.example"}`, 400,
			`"detail":"Email is not a key of these leads, use identifier with one of Login.","code":"invalid_request","field":"email"`},
		"an unknown name in the identifier": {[]recovery.Field{mail}, "", `{"identifier":{"field":"Mail","value":"x","to":"y"}}`, 400, `"field":"identifier.to"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					p.leads.Leads = recoverytest.NewLeads(tt.fields...)
					o.Fields, o.EmailField = tt.fields, tt.option
					values := map[string]recovery.FieldValue{}
					for _, f := range tt.fields {
						values[f.Name] = recovery.FieldValue{Value: "ada@" + strings.TrimSuffix(strings.ToLower(f.Name), "emailaddress") + ".example", Verified: true}
					}
					if _, ok := values["EmailAddress"]; ok {
						values["EmailAddress"] = recovery.FieldValue{Value: "ada@usual.example", Verified: true}
					}
					p.leads.Add(recovery.Lead{ID: "ada", Fields: values}, "")
				})
				for _, path := range []string{"/forgot-password", "/reset-password", "/check-token"} {
					body := tt.body
					if path != "/forgot-password" {
						if tt.status == 202 {
							continue
						}
						body = strings.TrimSuffix(body, "}") + `,"code":"12345678"`
						if path == "/reset-password" {
							body += `,"password":"` + goodPassword + `"`
						}
						body += "}"
					}
					r := httptest.NewRequest("POST", path, strings.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					p.Handler().ServeHTTP(w, r)
					if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
						t.Errorf("%s: %d %s, want %d with %s", path, w.Code, w.Body, tt.status, tt.want)
					}
				}
				settle()
				if n := len(p.outbox.Messages()); (n == 1) != (tt.status == 202) {
					t.Errorf("%d messages", n)
				}
			})
		})
	}
}
