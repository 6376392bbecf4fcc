// A test of package leadsquared with a real Chromium: a portal of one origin
// calls the API of another one, over TLS.
package leadsquared_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/leadsquared"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

var chromium browsertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

const (
	hostOfPortal = "portal.example"
	hostOfAPI    = "portal-api.example"
	hostOfEvil   = "evil.example"

	portalID      = "3f0b8c7e-5d8f-4f0e-9a3c-2f1f6f7f7b10"
	publicAuthKey = "cHVibGljLWF1dGgta2V5"
	registerToken = "the-registration-token"
	accessKey     = "u$r0123456789abcdefA"
	secretKey     = "0123456789abcdef0123456789abcdef"

	johnMail     = "johnwick@example.com"
	goodPassword = "Continental-coins-for-a-room"
)

// page is the page of every portal here. Its script is written as the portals'
// code is: the credentials are fetched in the browser, and the link is read from
// the path.
const page = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Portal</title><link rel="icon" href="data:,"><h1>Portal</h1>
<script>
const api = "API", pair = "accessKey=" + encodeURIComponent("ACCESS") + "&secretKey=SECRET"
async function call(method, path, headers, body) {
	try {
		const r = await fetch(api + path, {method, headers, body: body && JSON.stringify(body)})
		return r.status + " " + await r.text()
	} catch (e) {
		return "the browser refused"
	}
}
const json = {"Content-Type": "application/json"}
async function credentials() {
	const key = (await (await fetch(api + "/api/Access/PublicToken?" + pair)).json()).PublicAuthKey
	const token = await (await fetch(api + "/api/Access/GetRegisterToken?" + pair)).json()
	return {...json, "Authorization": key, "x-lsq-registertoken": token, "x-lsq-portalid": "PORTAL"}
}
function fromLink(password) {
	const [leadId, temporary] = location.pathname.split("/").slice(-2)
	return {Password: password, LeadId: leadId, TemporaryPassword: temporary}
}
</script></html>`

// quick is a hasher that takes no time.
type quick struct{}

func (quick) Hash(_ context.Context, pw string) (string, error) { return "quick:" + pw, nil }

func (quick) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "quick:"+a.Password}, nil
}

// A site is a portal, its API, and a stranger's copy of the portal.
type site struct {
	port   string
	leads  *recoverytest.Leads
	outbox *recoverytest.Outbox
	john   string
}

func (s *site) url(host, path string) string { return "https://" + host + ":" + s.port + path }

func newSite(t *testing.T, allowPair bool) *site {
	t.Helper()
	browsertest.Require(t)
	fields := []recovery.Field{{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}}
	s := &site{leads: recoverytest.NewLeads(fields...), outbox: &recoverytest.Outbox{}}
	s.john = s.leads.AddEmail(johnMail, "quick:the old password")
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log browsers that hang up
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.port = port
	// The person asks three times at once.
	much := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1000, Window: time.Second}}}
	service, err := recovery.New(s.leads, recovery.NewMemoryTokenStore(), s.outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: s.url(hostOfPortal, "/unused")}, Fields: fields,
		Limits:    recovery.Limits{Identifier: much, Lead: much, Recipient: much, ClientForgot: much},
		Passwords: recovery.PasswordOptions{Hasher: quick{}}, DangerouslyKeepSessions: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	api, err := leadsquared.New(leadsquared.Options{Portals: []leadsquared.Portal{{
		ID: portalID, Service: service, PublicAuthKeys: []string{publicAuthKey}, RegisterTokens: []string{registerToken},
		AccessKeys: []leadsquared.AccessKey{{Key: accessKey, Secret: recovery.NewSecret(secretKey)}},
		AllowV1:    true, DangerouslyAllowAccessKeys: allowPair,
		ResetURL: s.url(hostOfPortal, "/reset/{LeadId}/{TemporaryPassword}"), Origins: []string{s.url(hostOfPortal, "")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	html := strings.NewReplacer("API", s.url(hostOfAPI, ""), "ACCESS", accessKey, "SECRET", secretKey, "PORTAL", portalID).Replace(page)
	server.Config.Handler = recovery.HideTokens(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := net.SplitHostPort(r.Host); host == hostOfAPI {
			api.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, html)
	}))
	server.StartTLS()
	t.Cleanup(func() {
		server.Close()
		if err := service.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// link returns the link that was sent last, once there are n.
func (s *site) link(t *testing.T, tab *browsertest.Tab, n int) string {
	t.Helper()
	tab.Until("the link is sent", func() bool { return len(s.outbox.OfKind(recovery.MessageResetLink)) == n })
	return s.outbox.OfKind(recovery.MessageResetLink)[n-1].URL.Reveal()
}

const (
	forgotten = `200 {"Status":"Success","Message":"Reset link sent successfully"}`
	changed   = `200 {"IsSuccessful":true,"ResponseText":"Password changed successfully"}`
	refused   = "the browser refused"
)

// Forgot and Reset across origins: with keys that were fetched in the browser,
// and as the oldest portals do, with the pair alone, in the query and in headers.
// A stranger's page gets nothing from its visitors' browsers.
func TestPortalInTheBrowser(t *testing.T) {
	s := newSite(t, true)
	tab := chromium.Browser(t).Open(t)
	const (
		email  = `{EmailAddress: "` + johnMail + `"}`
		inPair = `{...json, "x-LSQ-AccessKey": "` + accessKey + `", "x-LSQ-SecretKey": "` + secretKey + `"}`
	)
	for i, way := range []struct{ name, forgot, reset string }{
		{"v2, with fetched keys",
			`credentials().then(c => call("POST", "/api/Authentication/v2/SecureForgotPassword", c, ` + email + `))`,
			`credentials().then(c => call("POST", "/api/Authentication/v2/ResetPassword", c, fromLink(PASSWORD)))`},
		{"v1, with the pair in the query",
			`call("POST", "/api/Authentication/ForgotPassword?" + pair, json, ` + email + `)`,
			`call("POST", "/api/Authentication/ResetPassword?" + pair, json, fromLink(PASSWORD))`},
		{"v1, with the pair in headers",
			`call("POST", "/api/Authentication/ForgotPassword", ` + inPair + `, ` + email + `)`,
			`call("POST", "/api/Authentication/ResetPassword", ` + inPair + `, fromLink(PASSWORD))`},
	} {
		tab.Load(s.url(hostOfPortal, "/forgot"))
		if got := browsertest.Eval[string](tab, way.forgot); got != forgotten {
			t.Fatalf("%s: forgot: %s", way.name, got)
		}
		tab.Load(s.link(t, tab, i+1))
		chosen := goodPassword + strings.Repeat("!", i)
		reset := strings.ReplaceAll(way.reset, "PASSWORD", `"`+chosen+`"`)
		if got := browsertest.Eval[string](tab, reset); got != changed {
			t.Fatalf("%s: reset: %s", way.name, got)
		}
		if got := s.leads.Hash(s.john); got != "quick:"+chosen {
			t.Errorf("%s: the hash is %s", way.name, got)
		}
		if got := browsertest.Eval[string](tab, reset); !strings.HasPrefix(got, "400 ") {
			t.Errorf("%s: the link twice: %s", way.name, got)
		}
	}
	tab.Load(s.url(hostOfEvil, "/"))
	for _, call := range []string{
		`credentials().then(() => "read", () => "` + refused + `")`,
		`call("POST", "/api/Authentication/v2/SecureForgotPassword", {...json, "Authorization": "` + publicAuthKey + `"}, ` + email + `)`,
		`call("POST", "/api/Authentication/ForgotPassword?" + pair, json, ` + email + `)`,
		`call("POST", "/api/Authentication/ForgotPassword", ` + inPair + `, ` + email + `)`,
		`call("POST", "/api/Authentication/ForgotPassword?" + pair, {}, ` + email + `)`, // text/plain, without a preflight
	} {
		if got := browsertest.Eval[string](tab, call); got != refused {
			t.Errorf("a stranger's page: %s: %s", call, got)
		}
	}
	if n := len(s.outbox.OfKind(recovery.MessageResetLink)); n != 3 {
		t.Errorf("%d links, want the portal's 3", n)
	}
}

// Without the option, the portal's own page cannot use a pair either, and reads
// why: the preflight has passed, and the answer names the missing header.
func TestPortalWithoutTheOption(t *testing.T) {
	s := newSite(t, false)
	tab := chromium.Browser(t).Open(t)
	tab.Load(s.url(hostOfPortal, "/forgot"))
	if got := browsertest.Eval[string](tab, `credentials().then(() => "read", () => "`+refused+`")`); got != refused {
		t.Errorf("the key: %s", got)
	}
	got := browsertest.Eval[string](tab, `call("POST", "/api/Authentication/ForgotPassword?" + pair, json, {EmailAddress: "`+johnMail+`"})`)
	if !strings.HasPrefix(got, "401 ") || !strings.Contains(got, "Missing: the Authorization header.") {
		t.Errorf("the pair: %s", got)
	}
}
