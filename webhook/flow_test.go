package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/loginradius"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/webhook"
)

const (
	johnMail    = "john.wick@example.com"
	adaMail     = "ada.lovelace@example.com"
	johnName    = "John_Doe"
	newPassword = "a heron eats no gravel"
	apiKey      = "k-123"
	apiSecret   = "s-456-6f1d2c0b9e8a7d35"
)

// A portal is a real Service behind package loginradius. Its events go to two
// receivers: one with the default events, and one that gets all.
type portal struct {
	t        *testing.T
	svc      *recovery.Service
	sender   *webhook.Sender
	vendor   *loginradius.Handler
	leads    *recoverytest.Leads
	outbox   *recoverytest.Outbox
	usual    *receiver
	audit    *receiver
	logs     *log
	sessions error
	after    error // what AfterReset returns
}

func newPortal(t *testing.T) *portal {
	t.Helper()
	fields := []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Username", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
	}
	p := &portal{
		t: t, leads: recoverytest.NewLeads(fields...), outbox: &recoverytest.Outbox{},
		usual: newReceiver(t, nil), audit: newReceiver(t, nil), logs: &log{},
	}
	p.leads.Add(recovery.Lead{ID: "lead-42", Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: johnMail, Verified: true}, "Username": {Value: johnName},
	}}, "a hash")
	audit := p.audit.endpoint("audit", secretB)
	audit.Events, audit.IncludeClient, audit.IncludePrevented = webhook.AllEvents(), true, true
	p.sender = newSender(t, webhook.Options{
		Logger: p.logs.logger(), Endpoints: []webhook.Endpoint{p.usual.endpoint("usual", secretA), audit},
	})
	var err error
	p.svc, err = recovery.New(p.leads.Full(), recovery.NewMemoryTokenStore(), p.outbox, recovery.Options{
		Keys: [][]byte{key2}, Fields: fields, Logger: p.logs.logger(),
		Link:  recovery.Link{URL: "https://www.example.com/reset"},
		NotMe: recovery.Link{URL: "https://www.example.com/not-me"},
		Sessions: recovery.SessionEnderFunc(func(context.Context, string) error {
			return p.sessions
		}),
		Events:      p.sender.Sink,
		Invitations: recovery.InvitationOptions{Link: recovery.Link{URL: "https://www.example.com/welcome"}},
		AfterReset:  func(context.Context, recovery.PasswordReset) error { return p.after },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.svc.Shutdown(context.Background()) })
	p.vendor, err = loginradius.New(loginradius.Options{Apps: []loginradius.App{{
		APIKey: apiKey, Secrets: []recovery.Secret{recovery.NewSecret(apiSecret)}, Service: p.svc,
		ResetURLs: []string{"https://www.example.com/reset"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// issue asks for a token as a server does. The headers are pairs of name and
// value.
func (p *portal) issue(query string, headers ...string) (token string) {
	p.t.Helper()
	r := httptest.NewRequest("POST", "/identity/v2/manage/account/forgot/token?"+query, strings.NewReader(`{"Username":"john_doe"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-LoginRadius-ApiKey", apiKey)
	r.Header.Set("X-LoginRadius-ApiSecret", apiSecret)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.vendor.ServeHTTP(w, r)
	m := regexp.MustCompile(`"ForgotToken":"([^"]+)"`).FindStringSubmatch(w.Body.String())
	if m == nil {
		p.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return m[1]
}

// reset resets a password with a token, as a browser does.
func (p *portal) reset(token string) {
	p.t.Helper()
	r := httptest.NewRequest("PUT", "/identity/v2/auth/password/reset?apikey="+apiKey,
		strings.NewReader(`{"resettoken":"`+token+`","password":"`+newPassword+`"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.vendor.ServeHTTP(w, r)
	if w.Code != 200 {
		p.t.Fatalf("%d %s", w.Code, w.Body)
	}
}

// types waits for n requests and returns the types of their events.
func (p *portal) types(rc *receiver, n int, secret recovery.Secret) []string {
	p.t.Helper()
	var types []string
	for _, h := range rc.wait(p.t, n) {
		if err := verify(secret, h); err != nil {
			p.t.Error("the receiver's library says", err)
		}
		var body webhook.Payload
		if err := json.Unmarshal(h.body, &body); err != nil {
			p.t.Fatal(err)
		}
		types = append(types, strings.TrimPrefix(body.Type, "recovery."))
	}
	slices.Sort(types)
	return types
}

// The header X-PreventWebhook of LoginRadius prevents the webhook of the
// operation that it came with. It does not prevent the webhook of the reset
// that follows, or any webhook to an endpoint that watches the callers. So a
// thief of the API secret cannot take over an account without a webhook.
func TestPreventWebhookThroughTheWire(t *testing.T) {
	for _, tt := range []struct {
		name    string
		query   string
		headers []string
		usual   []string
	}{
		{"without it both are told", "", nil, []string{"password_reset", "token_issued"}},
		{"the header silences the token", "", []string{"X-PreventWebhook", "true"}, []string{"password_reset"}},
		{"so does the query", "prevent_webhook=true", nil, []string{"password_reset"}},
		{"the header wins", "prevent_webhook=true", []string{"X-PreventWebhook", "false"}, []string{"password_reset", "token_issued"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPortal(t)
			p.reset(p.issue(tt.query, tt.headers...))
			// The events are password_reset, token_issued, and message_sent for
			// the notice.
			if got := p.types(p.audit, 3, secretB); !slices.Equal(got, []string{"message_sent", "password_reset", "token_issued"}) {
				t.Errorf("who ignores it hears %v", got)
			}
			if err := p.svc.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := p.sender.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if got := p.types(p.usual, 0, secretA); !slices.Equal(got, tt.usual) {
				t.Errorf("the usual endpoint hears %v, want %v", got, tt.usual)
			}
		})
	}
}

// A39, A80: in a whole flow with failures, no body and no log line holds a
// token, a code, an address, a password or a secret.
func TestBodiesHoldNoSecrets(t *testing.T) {
	p := newPortal(t)
	ctx := t.Context()
	client := recovery.Requester{Client: netip.MustParseAddr("203.0.113.9"), Caller: "web"}
	next := func() recovery.Message {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, testenv.Patience(20*time.Second))
		defer cancel()
		m, err := p.outbox.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	param := func(link recovery.Secret) string {
		t.Helper()
		u, err := url.Parse(link.Reveal())
		if err != nil || u.Query().Get("token") == "" {
			t.Fatal("no link")
		}
		return u.Query().Get("token")
	}
	john := recovery.LeadKey{Field: "EmailAddress", Value: johnMail}
	secrets := []string{
		adaMail, johnMail, "john.wick", strings.ToLower(johnName), johnName, "stranger@example.org", newPassword, "weak", apiSecret, urlSecret,
		string(key1), string(key2), secretA.Reveal()[6:], secretB.Reveal()[6:],
	}

	// One reset fails, and one succeeds but ends no sessions.
	forgot := func(req recovery.ForgotRequest) {
		t.Helper()
		req.Requester = client
		if _, err := p.svc.ForgotPassword(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	forgot(recovery.ForgotRequest{Key: john})
	mail := next()
	link := param(mail.URL)
	secrets = append(secrets, link)
	reset := func(token, password string) error {
		_, err := p.svc.ResetPassword(ctx, recovery.ResetRequest{
			Proof: recovery.TokenProof(token), Password: recovery.NewSecret(password), Requester: client,
		})
		return err
	}
	if reset("forged"+link, newPassword) == nil || reset(link, "weak") == nil {
		t.Error("was reset")
	}
	p.sessions, p.after = errors.New("no sessions for "+johnMail), errors.New("cannot unlock "+johnMail)
	if err := reset(link, newPassword); err != nil {
		t.Fatal(err)
	}
	notice := next()
	// The password is changed, with a wrong and with the right one.
	const changedTo = "the fourth one, of iron"
	secrets = append(secrets, changedTo)
	for _, current := range []string{changedTo, newPassword} {
		_, err := p.svc.ChangePassword(ctx, recovery.ChangeRequest{
			LeadID: "lead-42", Current: recovery.NewSecret(current), Password: recovery.NewSecret(changedTo), Requester: client,
		})
		if (err == nil) != (current == newPassword) {
			t.Fatal(err)
		}
	}
	next()
	// Somebody is invited, by herself and with others.
	p.leads.Add(recovery.Lead{ID: "lead-ada", Status: recovery.StatusInvited, Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: adaMail},
	}}, "")
	if err := p.svc.SendInvitation(ctx, recovery.InvitationRequest{LeadID: "lead-ada", Requester: client}); err != nil {
		t.Fatal(err)
	}
	invitation := param(next().URL)
	bulk := recovery.BulkRequest{Name: "import", Purpose: recovery.PurposeInvitation, Requester: client, LeadIDs: func(yield func(string, error) bool) {
		yield("lead-ada", nil)
	}}
	if _, err := p.svc.SendToAll(ctx, bulk); err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, invitation, param(next().URL))
	_, err := p.svc.AcceptInvitation(ctx, recovery.ResetRequest{
		Proof: recovery.TokenProof(invitation), Password: recovery.NewSecret(newPassword), Requester: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	// Next come a "this was not me", an unknown address, a code, a token and an
	// operator.
	token := param(notice.NotMe)
	secrets = append(secrets, token)
	if _, err := p.svc.NotMe(ctx, recovery.NotMeRequest{Token: recovery.NewSecret(token), Requester: client}); err != nil {
		t.Fatal(err)
	}
	refused := make(chan recovery.Message, 100)
	p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
		refused <- m
		return fmt.Errorf("%w: 550 <%s>: %s%s", recovery.ErrPermanent, m.To, m.URL.Reveal(), m.Code.Reveal())
	})
	forgot(recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: "stranger@example.org"}})
	forgot(recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Username", Value: johnName}, Code: true})
	secrets = append(secrets, p.issue("", "X-PreventWebhook", "true"))
	if err := p.svc.RevokeTokens(ctx, "lead-42"); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		_, _ = p.svc.ForgotPassword(ctx, recovery.ForgotRequest{Key: john, Requester: client})
	}

	all := webhook.AllEvents()
	deadline := time.Now().Add(testenv.Patience(20 * time.Second))
	for {
		received := p.types(p.audit, 0, secretB)
		missing := slices.DeleteFunc(slices.Clone(all), func(k recovery.EventKind) bool {
			// The first needs a store that returns the wrong record, which no store of
			// the tests does, and the second more codes than the limits allow within
			// the time of this test.
			return k == recovery.EventWrongRecord || k == recovery.EventCodesExhausted || slices.Contains(received, string(k))
		})
		if len(missing) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never told of %v", missing)
		}
		select {
		case <-p.audit.news:
		case <-time.After(time.Until(deadline)):
		}
	}
	// A job starts up to 250 ms after its request, so the code may come last.
	for codes := 0; codes == 0 || len(refused) > 0; {
		select {
		case m := <-refused:
			if m.Code.IsZero() {
				secrets = append(secrets, param(m.URL))
			} else {
				secrets, codes = append(secrets, m.Code.Reveal()), codes+1
			}
		case <-time.After(time.Until(deadline)):
			t.Fatal("no code was sent")
		}
	}
	var everything strings.Builder
	for _, rc := range []*receiver{p.usual, p.audit} {
		for _, h := range rc.hooks() {
			fmt.Fprintf(&everything, "%s %v\n", h.body, h.header)
		}
	}
	// The Service writes into the same log. Tests of the Service check its own
	// lines.
	for line := range strings.Lines(p.logs.String()) {
		if strings.Contains(line, "webhook") {
			everything.WriteString(line)
		}
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			if i := strings.Index(strings.ToLower(everything.String()), strings.ToLower(form)); i >= 0 {
				t.Errorf("%q was sent or logged: ...%s", form, everything.String()[max(0, i-80):i+len(form)])
			}
		}
	}
	// The search above finds a text that is there.
	if !strings.Contains(everything.String(), `"lead_id":"lead-42"`) || !strings.Contains(everything.String(), `"client":"203.0.113.9"`) {
		t.Error("nothing was told")
	}
}
