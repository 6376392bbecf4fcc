package snippets_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
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

// toVendor passes calls on to the vendor.
func toVendor(vendorURL *url.URL) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(vendorURL) // the Host too
	}}
}

// leadSquaredBeside serves password resets here. The vendor still serves what
// else the portal calls.
func leadSquaredBeside(portal leadsquared.Portal, vendorURL *url.URL) (*leadsquared.Handler, error) {
	return leadsquared.New(leadsquared.Options{
		Portals: []leadsquared.Portal{portal},
		Next:    toVendor(vendorURL),
	})
}

// loginRadiusBeside does the same for LoginRadius. Log-in and changed passwords
// have moved here already, to handlers of the host's own.
func loginRadiusBeside(app loginradius.App, own http.Handler, vendorURL *url.URL) (*loginradius.Handler, error) {
	next := http.NewServeMux()
	next.Handle("POST /identity/v2/auth/login", own)
	next.Handle("PUT /identity/v2/auth/password/change", own)
	next.Handle("PUT /identity/v2/manage/account/{uid}/password", own)
	next.Handle("/", toVendor(vendorURL))
	return loginradius.New(loginradius.Options{Apps: []loginradius.App{app}, Next: next})
}

// oldPortal is a portal of the oldest kind: its pages have a key pair in their
// JavaScript, and read the link from the path.
func oldPortal(portal leadsquared.Portal, accessKey string, secretKey recovery.Secret) leadsquared.Portal {
	portal.AllowV1 = true
	portal.AccessKeys = []leadsquared.AccessKey{{Key: accessKey, Secret: secretKey}}
	portal.DangerouslyAllowAccessKeys = true // every visitor has the pair
	portal.ResetURL = "https://portal.example.com/reset/{LeadId}/{TemporaryPassword}"
	portal.LeadIDParam, portal.TemporaryPasswordParam = "", ""
	return portal
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
	next(t, links)

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

// One base URL serves the resets here and all else at the vendor, or at the
// handlers of the host.
func TestBesideTheVendor(t *testing.T) {
	t.Parallel()
	var atVendor []string
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		atVendor = append(atVendor, r.Method+" "+r.Host+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(body))
		w.Header().Set("Cache-Control", "the vendor's")
	}))
	defer vendor.Close()
	vendorURL, err := url.Parse(vendor.URL)
	if err != nil {
		t.Fatal(err)
	}
	leads := recoverytest.NewLeads(fields...)
	adaID := leads.Add(ada, "")
	links := make(chan string, 9)
	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		links <- m.URL.Reveal()
		return nil
	}), recovery.Options{
		Keys: [][]byte{recovery.NewKey()}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, Fields: fields,
		DangerouslyKeepSessions: true, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = service.Shutdown(context.Background()) }()
	const accessKey, secretKey = "u$r0123456789abcdefA", "0123456789abcdef0123456789abcdef"
	portal := oldPortal(leadsquared.Portal{
		ID: "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10", Service: service, PublicAuthKeys: []string{"cHVibGljLWF1dGgta2V5"},
		RegisterTokens: []string{"the-registration-token"}, Origins: []string{"https://portal.example.com"},
	}, accessKey, recovery.NewSecret(secretKey))
	lsq, err := leadSquaredBeside(portal, vendorURL)
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	lr, err := loginRadiusBeside(loginradius.App{
		APIKey: "5d2f0c6e-7a41", Secrets: []recovery.Secret{recovery.NewSecret("0b9d7c52-3f0e-4f6a-8d8e")}, Service: service,
		ResetURLs: []string{"https://www.example.com/reset"},
	}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { own++ }), vendorURL)
	if err != nil {
		t.Fatal(err)
	}
	call := func(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const pair = "?accessKey=u%24r0123456789abcdefA&secretKey=" + secretKey
	if w := call(lsq, "POST", "/api/Authentication/ForgotPassword"+pair, `{"EmailAddress":"ada@example.com"}`); w.Code != http.StatusOK {
		t.Errorf("forgot: %d %s", w.Code, w.Body)
	}
	if link := next(t, links); !strings.HasPrefix(link, "https://portal.example.com/reset/"+adaID+"/") {
		t.Errorf("the link is %s", link)
	}
	if w := call(lsq, "POST", "/api/Authentication/Signin"+pair, `{"Password":"x"}`); strings.Join(w.Header()["Cache-Control"], ", ") != "the vendor's" {
		t.Errorf("the vendor's answer has %v", w.Header())
	}
	call(lr, "GET", "/identity/v2/auth/account?apikey=k", "")
	call(lr, "PUT", "/identity/v2/manage/account/0b9d/password?apikey=k", "{}")
	call(lr, "PUT", "/identity/v2/auth/password/change?apikey=k", "{}")
	call(lr, "POST", "/identity/v2/auth/password/reset", "{}") // no method of the wire's, but its path
	want := []string{
		"POST " + vendorURL.Host + "/api/Authentication/Signin" + pair + `  {"Password":"x"}`,
		"GET " + vendorURL.Host + "/identity/v2/auth/account?apikey=k  ",
	}
	if !slices.Equal(atVendor, want) || own != 2 {
		t.Errorf("the vendor got %q, and the host %d calls", atVendor, own)
	}
}
