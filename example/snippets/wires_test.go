package snippets_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/leadsquared"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// leadSquared serves a portal that was written for LeadSquared, with the values
// that it has.
func leadSquared(service *recovery.Service, portalID, publicAuthKey, registerToken string) (*leadsquared.Handler, error) {
	return leadsquared.New(leadsquared.Options{Portals: []leadsquared.Portal{{
		ID:                     portalID,
		Service:                service,
		PublicAuthKeys:         []string{publicAuthKey},
		RegisterTokens:         []string{registerToken},
		ResetURL:               "https://portal.example.com/reset",
		LeadIDParam:            "leadId", // what the page reads from the link
		TemporaryPasswordParam: "tmpPassword",
		AllowV1:                true, // while pages send Authorization alone
		Origins:                []string{"https://portal.example.com"},
	}}})
}

// loginRadiusFields are what LoginRadius' clients name.
var loginRadiusFields = []recovery.Field{
	{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
	{Name: "Username", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
}

// loginRadius serves an app whose clients are LoginRadius' SDKs.
func loginRadius(service *recovery.Service, apiKey string, secret recovery.Secret) (*loginradius.Handler, error) {
	return loginradius.New(loginradius.Options{Apps: []loginradius.App{{
		APIKey:                      apiKey,
		Secrets:                     []recovery.Secret{secret},
		DangerouslyAllowQuerySecret: true, // while clients send apisecret in the query
		Service:                     service,
		ResetURLs:                   []string{"https://www.example.com/reset"}, // every resetpasswordurl
		EmailTemplates:              []loginradius.Template{{Name: "forgot-2024"}},
		Origins:                     []string{"https://www.example.com"},
	}}})
}

func TestVendors(t *testing.T) {
	t.Parallel()
	const portalID, key, token, apiKey, secret = "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10", "cHVibGljLWF1dGgta2V5", "the-registration-token", "5d2f0c6e-7a41", "0b9d7c52-3f0e-4f6a-8d8e"
	leads := recoverytest.NewLeads(fields...)
	leads.Add(ada, "")
	links := make(chan string, 9)
	service := newService(t, leads, recovery.NewMemoryTokenStore(), links, recovery.Options{Keys: [][]byte{recovery.NewKey()}})
	lsq, err := leadSquared(service, portalID, key, token)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/Authentication/SecureForgotPassword", strings.NewReader(`{"EmailAddress":"ada@example.com"}`))
	r.Header.Set("Authorization", key)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	lsq.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("LeadSquared: %d %s", w.Code, w.Body)
	}
	<-links

	withNames := recoverytest.NewLeads(loginRadiusFields...)
	withNames.Add(ada, "")
	opts := recovery.Options{
		Keys: [][]byte{recovery.NewKey()}, Link: recovery.Link{URL: "https://www.example.com/reset"},
		Fields: loginRadiusFields, DangerouslyKeepSessions: true, Logger: quiet,
	}
	service, err = recovery.New(withNames, recovery.NewMemoryTokenStore(), toChannel(links), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = service.Shutdown(t.Context()) }()
	lr, err := loginRadius(service, apiKey, recovery.NewSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest(http.MethodPost, "/identity/v2/manage/account/forgot/token?apikey="+apiKey+"&apisecret="+secret+"&emailtemplate=forgot-2024",
		strings.NewReader(`{"Email":"ada@example.com"}`))
	r.Header.Set("Content-Type", "application/json")
	w = httptest.NewRecorder()
	lr.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ForgotToken") {
		t.Errorf("LoginRadius: %d %s", w.Code, w.Body)
	}
}
