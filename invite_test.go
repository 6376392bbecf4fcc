package recovery_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// ada is invited. Her address is not verified: the host wrote it there.
func ada() recovery.Lead {
	lead := lead("ada", recovery.StatusInvited)
	lead.Fields["EmailAddress"] = recovery.FieldValue{Value: "ada@example.com"}
	return lead
}

// inviting is a portal whose leads can be invited, with Ada.
func inviting(t testing.TB, edit func(p *portal, o *recovery.Options)) *portal {
	t.Helper()
	return newPortal(t, func(p *portal, o *recovery.Options) {
		p.leads.Add(ada(), "")
		p.users = p.leads.Full()
		o.Invitations.Link = recovery.Link{URL: "https://portal.example.com/welcome"}
		if edit != nil {
			edit(p, o)
		}
	})
}

// sent returns the one message that f causes.
func (p *portal) sent(t testing.TB, f func() error) recovery.Message {
	t.Helper()
	settle()
	before := len(p.outbox.Messages())
	if err := f(); err != nil {
		t.Fatal(err)
	}
	settle()
	all := p.outbox.Messages()
	if len(all) != before+1 {
		t.Fatalf("%d messages were sent, want 1\n%s", len(all)-before, p.log)
	}
	return all[before]
}

func (p *portal) invite(t testing.TB, req recovery.InvitationRequest) recovery.Message {
	t.Helper()
	return p.sent(t, func() error { return p.SendInvitation(t.Context(), req) })
}

func (p *portal) accept(ctx context.Context, token, pw string) error {
	_, err := p.AcceptInvitation(ctx, recovery.ResetRequest{Proof: recovery.TokenProof(token), Password: recovery.NewSecret(pw)})
	return err
}

func (p *portal) lead(t testing.TB, id string) recovery.Lead {
	t.Helper()
	lead, err := p.leads.FindLead(t.Context(), recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
	if err != nil {
		t.Fatal(err)
	}
	return lead
}

func TestInvitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		m := p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada", Requester: recovery.Requester{Caller: "root"}})
		if m.Kind != recovery.MessageInvitation || m.To != "ada@example.com" || !m.NotMe.IsZero() {
			t.Errorf("message %v to %s, with NotMe %v", m.Kind, m.To, !m.NotMe.IsZero())
		}
		if left := time.Until(m.Expires); left < 7*24*time.Hour-time.Minute || left > 7*24*time.Hour {
			t.Errorf("expires in %v, want 7 days", left)
		}
		if !strings.HasPrefix(m.URL.Reveal(), "https://portal.example.com/welcome?token=") {
			t.Errorf("link %s", m.URL.Reveal())
		}
		time.Sleep(6 * 24 * time.Hour)
		result, err := p.CheckInvitation(t.Context(), recovery.CheckProofRequest{Proof: recovery.TokenProof(token(t, m))})
		if err != nil || result.Account != "ada@example.com" {
			t.Fatalf("CheckInvitation: %+v, %v", result, err)
		}
		if err := p.accept(t.Context(), token(t, m), goodPassword); err != nil {
			t.Fatal(err)
		}
		got := p.lead(t, "lead-ada")
		if got.Status != recovery.StatusActive || p.leads.Hash("lead-ada") != "fast:"+goodPassword || !got.Fields["EmailAddress"].Verified {
			t.Errorf("the lead is %s, hash %q, verified %v", got.Status, p.leads.Hash("lead-ada"), got.Fields["EmailAddress"].Verified)
		}
		if set := p.events.of(recovery.EventFirstPassword); len(set) != 1 || set[0].LeadID != "lead-ada" || set[0].Purpose != recovery.PurposeInvitation {
			t.Errorf("events %v", set)
		}
		settle()
		if n := len(p.outbox.Messages()); n != 1 {
			t.Errorf("%d messages, want the invitation alone: nobody had the account before", n)
		}
		wantErr(t, p.accept(t.Context(), token(t, m), goodPassword+"2"), recovery.ErrInvalidProof)
	})
}

// A link that was made for one purpose is refused for another, whatever the
// status of the lead has become, and stays usable for its own.
func TestLinksOfOtherPurposesAreRefused_A36(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		reset := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		invitation := recovery.TokenProof(token(t, p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"})))
		pw := recovery.NewSecret(goodPassword)

		wantErr(t, p.check(t.Context(), invitation), recovery.ErrInvalidProof)
		wantErr(t, p.reset(t.Context(), invitation, goodPassword), recovery.ErrInvalidProof)
		_, err := p.CheckInvitation(t.Context(), recovery.CheckProofRequest{Proof: reset})
		wantErr(t, err, recovery.ErrInvalidProof)
		code := recovery.CodeProof(recovery.LeadKey{Field: "Phone", Value: johnPhone}, "12345678")
		parts := recovery.LinkSecretProof("lead-ada", strings.Repeat("0", 64))
		for _, proof := range []recovery.Proof{reset, code, parts} {
			_, err := p.AcceptInvitation(t.Context(), recovery.ResetRequest{Proof: proof, Password: pw})
			wantErr(t, err, recovery.ErrInvalidProof)
		}
		refused := p.events.of(recovery.EventResetRefused)
		if len(refused) != 6 || slices.ContainsFunc(refused, func(e recovery.Event) bool { return e.Reason != recovery.ReasonWrongPurpose }) {
			t.Errorf("refused: %v", refused)
		}
		if p.leads.Writes() != 0 {
			t.Error("a password was written")
		}
		if err := p.reset(t.Context(), reset, goodPassword); err != nil {
			t.Error(err)
		}
		if _, err := p.AcceptInvitation(t.Context(), recovery.ResetRequest{Proof: invitation, Password: pw}); err != nil {
			t.Error(err)
		}
	})
}

// Whoever knows the secret of an invitation cannot write it as a link of two parts.
func TestInvitationHasOneSpelling_A36(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		_ = p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"})
		secret := recovery.SecretOf(p.Service, token(t, p.outbox.Messages()[0]))
		wantErr(t, p.reset(t.Context(), recovery.LinkSecretProof("lead-ada", secret), goodPassword), recovery.ErrInvalidProof)
	})
}

// Who is invited: nobody who has a password or is disabled, and whoever signs in
// elsewhere only by option.
func TestWhoIsInvited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		for lead, reason := range map[string]recovery.EventReason{
			johnID: recovery.ReasonHasPassword, "lead-disabled": recovery.ReasonDisabled,
			"lead-social": recovery.ReasonNoPassword, "nobody": recovery.ReasonUnknownLead,
		} {
			wantErr(t, p.SendInvitation(t.Context(), recovery.InvitationRequest{LeadID: lead}), recovery.ErrLeadNotFound)
			_, err := p.IssueInvitation(t.Context(), recovery.InvitationRequest{LeadID: lead})
			wantErr(t, err, recovery.ErrLeadNotFound)
			all := p.events.of(recovery.EventMessageSuppressed)
			if last := all[len(all)-1]; last.Reason != reason {
				t.Errorf("%s: reason %s, want %s", lead, last.Reason, reason)
			}
		}
		for _, req := range []recovery.InvitationRequest{
			{LeadID: "has space"}, {LeadID: "lead-ada", TTL: time.Second}, {LeadID: "lead-ada", TTL: 31 * 24 * time.Hour},
			{LeadID: "lead-ada", RecipientField: "Username"}, {LeadID: "lead-ada", Template: strings.Repeat("x", 129)},
			{LeadID: "lead-ada", Link: &recovery.Link{URL: "https://portal.example.com/", LeadIDParam: "l", SecretParam: "s"}},
			{LeadID: "lead-ada", Link: &recovery.Link{URL: "http://portal.example.com/"}},
		} {
			wantErr(t, p.SendInvitation(t.Context(), req), recovery.ErrInvalidRequest)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, func(_ *portal, o *recovery.Options) { o.Invitations.NoPassword = true })
		m := p.invite(t, recovery.InvitationRequest{LeadID: "lead-social"})
		if err := p.accept(t.Context(), token(t, m), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		// Somebody had this account before, so that person is told.
		if all := p.outbox.Messages(); len(all) != 2 || all[1].Kind != recovery.MessagePasswordChanged {
			t.Errorf("messages %v", all)
		}
	})
}

// The state is looked at until the end: an invitation is dead once the lead has
// another status, address or password, and once it was revoked.
func TestInvitationDies_A35(t *testing.T) {
	for name, change := range map[string]func(p *portal){
		"disabled": func(p *portal) { p.leads.SetStatus("lead-ada", recovery.StatusDisabled) },
		"active":   func(p *portal) { p.leads.SetStatus("lead-ada", recovery.StatusActive) },
		"address":  func(p *portal) { p.leads.SetValue("lead-ada", "EmailAddress", "eve@example.com") },
		"removed":  func(p *portal) { p.leads.Remove("lead-ada") },
		"revoked": func(p *portal) {
			if err := p.RevokeTokens(context.Background(), "lead-ada"); err != nil {
				panic(err)
			}
		},
		"expired": func(*portal) { time.Sleep(7*24*time.Hour + time.Second) },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := inviting(t, nil)
			m := p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"})
			change(p)
			if err := p.accept(t.Context(), token(t, m), goodPassword); !errors.Is(err, recovery.ErrInvalidProof) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// Of 32 requests with one invitation, one wins.
func TestInvitationHasOneWinner_A33(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		sealed := token(t, p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"}))
		results := make(chan error, 32)
		for range 32 {
			go func() { results <- p.accept(t.Context(), sealed, goodPassword) }()
		}
		won := 0
		for range 32 {
			if <-results == nil {
				won++
			}
		}
		if won != 1 || p.leads.Writes() != 1 {
			t.Errorf("%d won, %d writes", won, p.leads.Writes())
		}
	})
}

// What the host sends costs no request of the person, and the other way round.
func TestInvitationsHaveLimitsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Lead, o.Limits.Recipient, o.Limits.Identifier = recovery.LimitPolicy{}, recovery.LimitPolicy{}, recovery.LimitPolicy{}
			o.Invitations.OnForgot = true
		})
		_ = p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"})
		var limited *recovery.RateLimitError
		if err := p.SendInvitation(t.Context(), recovery.InvitationRequest{LeadID: "lead-ada"}); !errors.As(err, &limited) || limited.Scope != recovery.ScopeLead {
			t.Errorf("the second in a minute: %v", err)
		}
		// "Forgot password" sends an invitation all the same, and counts on its own.
		m := p.forgot(t, byMail("ada@example.com"))
		if m.Kind != recovery.MessageInvitation || !strings.HasPrefix(m.URL.Reveal(), "https://portal.example.com/welcome?") {
			t.Errorf("%s, %s", m.Kind, m.URL.Reveal())
		}
		time.Sleep(time.Minute)
		_ = p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"})
		if err := p.accept(t.Context(), token(t, m), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// By default a forgotten password sends nothing to an invited lead, and says so in
// its event alone.
func TestForgotOfAnInvitedLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		if _, err := p.ForgotPassword(t.Context(), byMail("ada@example.com")); err != nil {
			t.Fatal(err)
		}
		settle()
		all := p.events.of(recovery.EventMessageSuppressed)
		if len(p.outbox.Messages()) != 0 || len(all) != 1 || all[0].Reason != recovery.ReasonInvited {
			t.Errorf("%d messages, events %v", len(p.outbox.Messages()), all)
		}
	})
}

// The host hands an issued invitation over itself, so it proves no address.
func TestIssuedInvitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		issued, err := p.IssueInvitation(t.Context(), recovery.InvitationRequest{LeadID: "lead-ada", TTL: 30 * 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if want := "https://portal.example.com/welcome?token=" + issued.Token.Reveal(); issued.URL.Reveal() != want {
			t.Errorf("URL %s, want %s", issued.URL.Reveal(), want)
		}
		time.Sleep(30*24*time.Hour - time.Minute)
		result, err := p.AcceptInvitation(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof(issued.Token.Reveal()), Password: recovery.NewSecret(goodPassword)})
		if err != nil {
			t.Fatal(err)
		}
		if result.Reset.Field != "" || p.lead(t, "lead-ada").Fields["EmailAddress"].Verified {
			t.Errorf("the address counts as proved: %+v", result.Reset)
		}
		if result.Reset.Age < 30*24*time.Hour-2*time.Minute {
			t.Errorf("age %v", result.Reset.Age)
		}
	})
}

func TestInvitationAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inviting(t, nil)
		h := p.Handler()
		sealed := token(t, p.invite(t, recovery.InvitationRequest{LeadID: "lead-ada"}))
		for _, c := range []struct {
			path, body string
			want       int
		}{
			{"/check-invitation", `{"token":"` + sealed + `"}`, http.StatusNoContent},
			{"/check-token", `{"token":"` + sealed + `"}`, http.StatusBadRequest},
			{"/reset-password", `{"token":"` + sealed + `","password":"` + goodPassword + `"}`, http.StatusBadRequest},
			{"/accept-invitation", `{"token":"` + sealed + `"}`, http.StatusBadRequest},
			{"/accept-invitation", `{"token":"` + sealed + `","leadId":"lead-ada","password":"` + goodPassword + `"}`, http.StatusBadRequest},
			{"/accept-invitation", `{"token":"` + sealed + `","password":"short"}`, http.StatusUnprocessableEntity},
			{"/accept-invitation", `{"token":"` + sealed + `","password":"` + goodPassword + `"}`, http.StatusNoContent},
			{"/accept-invitation", `{"token":"` + sealed + `","password":"` + goodPassword + `"}`, http.StatusBadRequest},
			{"/check-invitation", `{"token":"` + sealed + `"}`, http.StatusBadRequest},
		} {
			if w := post(h, c.path, c.body); w.Code != c.want {
				t.Errorf("%s %s: %d %s, want %d", c.path, c.body, w.Code, w.Body, c.want)
			}
		}
	})
	// Without the option there are no such endpoints.
	p := newPortal(t, nil)
	if w := post(p.Handler(), "/accept-invitation", `{"token":"x","password":"y"}`); w.Code != http.StatusNotFound {
		t.Errorf("answered with %d", w.Code)
	}
}

func TestInvitationOptions(t *testing.T) {
	leads := newLeads()
	for name, c := range map[string]struct {
		leads recovery.LeadStore
		edit  func(o *recovery.Options)
	}{
		"store":      {leads, func(o *recovery.Options) { o.Invitations.Link.URL = "https://a.example/" }},
		"NoPassword": {leads.Full(), func(o *recovery.Options) { o.Invitations.NoPassword = true }},
		"OnForgot":   {leads.Full(), func(o *recovery.Options) { o.Invitations.OnForgot = true }},
		"http":       {leads.Full(), func(o *recovery.Options) { o.Invitations.Link.URL = "http://a.example/" }},
		"split": {leads.Full(), func(o *recovery.Options) {
			o.Invitations.Link = recovery.Link{URL: "https://a.example/{LeadId}/{TemporaryPassword}"}
		}},
		"TTL":        {leads.Full(), func(o *recovery.Options) { o.Tokens.InvitationTTL = 31 * 24 * time.Hour }},
		"forced TTL": {leads.Full(), func(o *recovery.Options) { o.Tokens.ForcedResetTTL = time.Second }},
	} {
		o := recovery.Options{
			Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://a.example/"}, DangerouslyKeepSessions: true,
		}
		c.edit(&o)
		_, err := recovery.New(c.leads, recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), o)
		var mistakes *recovery.OptionError
		if !errors.As(err, &mistakes) || !strings.Contains(err.Error(), "Invitations") && !strings.Contains(err.Error(), "Tokens.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
