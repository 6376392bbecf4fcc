package recovery_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

func TestForgottenPasswordIsResetThroughTheMailedLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		m := p.forgot(t, byMail("  JohnWick@Example.com "))
		if m.Kind != recovery.MessageResetLink || m.Channel != recovery.ChannelEmail || m.To != johnMail || m.LeadID != johnID {
			t.Fatalf("message %#v to %q", m.Kind, m.To)
		}
		if got := time.Until(m.Expires).Round(time.Minute); got != time.Hour {
			t.Errorf("the link lives %v, want 1h", got)
		}
		proof := recovery.TokenProof(token(t, m))
		if err := p.check(t.Context(), proof); err != nil {
			t.Fatal(err)
		}
		p.calls.take()
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		want := []string{"Take 1", "Peek", "FindLead LeadId", "FindLead LeadId", "Claim", "SetPasswordHash", "Delete", "EndSessions", "Enqueue", "Enqueue", "Enqueue",
			"FindLead LeadId"} // the first reset looks whether the version has changed
		// The first notice may be on its way before the last is enqueued.
		got := slices.DeleteFunc(p.calls.take(), func(call string) bool { return strings.HasPrefix(call, "Notify") })
		if !slices.Equal(got, want) {
			t.Errorf("calls %q, want %q", got, want)
		}
		if got := p.leads.Hash(johnID); got != "fast:"+goodPassword {
			t.Errorf("hash %q", got)
		}
		if !slices.Equal(p.ended, []string{johnID}) {
			t.Errorf("sessions ended: %q", p.ended)
		}
		// A32: the link is dead.
		wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
		wantErr(t, p.reset(t.Context(), proof, "another-fine-password"), recovery.ErrInvalidProof)
		settle()
		var told []string
		for _, m := range p.outbox.OfKind(recovery.MessagePasswordChanged) {
			told = append(told, m.To)
		}
		slices.Sort(told)
		if want := []string{johnPhone, johnAlt, johnMail}; !slices.Equal(told, want) {
			t.Errorf("told of the change: %q, want %q", told, want)
		}
		if got := len(p.events.of(recovery.EventPasswordReset)); got != 1 {
			t.Errorf("%d events of the reset, want 1", got)
		}
	})
}

func TestLinkWithLeadIDAndSecretApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		req := byMail(johnMail)
		req.Link = &recovery.Link{URL: "https://portal.example.com/reset?lang=en", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"}
		u, err := url.Parse(p.forgot(t, req).URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("LeadId") != johnID || len(q.Get("TemporaryPassword")) != 64 || q.Get("lang") != "en" {
			t.Fatalf("query %q", q)
		}
		proof := recovery.LinkSecretProof(q.Get("LeadId"), q.Get("TemporaryPassword"))
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
	})
}

func TestCodeBySMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		key := recovery.LeadKey{Field: "Phone", Value: "+1 (415) 741-5569"}
		m := p.forgot(t, recovery.ForgotRequest{Key: key, RecipientField: "Phone", Code: true})
		if m.Kind != recovery.MessageResetCode || m.Channel != recovery.ChannelSMS || m.To != johnPhone || len(m.Code.Reveal()) != 8 || !m.URL.IsZero() {
			t.Fatalf("message %v", m)
		}
		if err := p.check(t.Context(), recovery.CodeProof(key, m.Code.Reveal())); err != nil {
			t.Fatal(err)
		}
		// Any identifier that finds the lead will do.
		proof := recovery.CodeProof(recovery.LeadKey{Field: "Username", Value: "JOHN_doe"}, m.Code.Reveal())
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
	})
}

func TestIssuedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		req := recovery.IssueRequest{
			Key: recovery.LeadKey{Field: "Username", Value: "john_doe"}, Requester: recovery.Requester{Caller: "crm"},
		}
		issued, err := p.IssueToken(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		settle()
		if n := len(p.outbox.Messages()); n != 0 {
			t.Errorf("%d messages were sent, want none", n)
		}
		if !slices.Equal(issued.IdentityProviders, []string{"google", "facebook"}) || time.Until(issued.Expires) > time.Hour {
			t.Errorf("result %+v", issued)
		}
		if e := p.events.of(recovery.EventTokenIssued); len(e) != 1 || e[0].Mailed || e[0].Caller != "crm" || e[0].LeadID != johnID {
			t.Errorf("events %+v", e)
		}
		req.Send = true
		mailed, err := p.IssueToken(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		settle()
		m := p.outbox.Messages()
		if len(m) != 1 || m[0].To != johnMail {
			t.Fatalf("messages %v", m)
		}
		if e := p.events.of(recovery.EventTokenIssued); len(e) != 2 || !e[1].Mailed {
			t.Errorf("events %+v", e)
		}
		if token(t, m[0]) != mailed.Token.Reveal() {
			t.Error("the mail carries another token")
		}
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, m[0])), goodPassword); err != nil {
			t.Fatal(err)
		}
		for _, s := range []recovery.Secret{mailed.Token, issued.Token} {
			wantErr(t, p.reset(t.Context(), recovery.TokenProof(s.Reveal()), goodPassword), recovery.ErrInvalidProof)
		}
	})
}

func TestIssueTokenTellsServersWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for _, who := range []string{"nobody", "disabled", "social"} {
			_, err := p.IssueToken(t.Context(), recovery.IssueRequest{
				Key: recovery.LeadKey{Field: "EmailAddress", Value: who + "@example.com"}, Requester: recovery.Requester{Caller: "crm"},
			})
			wantErr(t, err, recovery.ErrLeadNotFound)
		}
		_, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}})
		wantErr(t, err, recovery.ErrInvalidRequest)
	})
}

func TestWeakPasswordLeavesTheLinkAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		for _, weak := range []string{"short", "passwordpassword", johnMail} {
			err := p.reset(t.Context(), proof, weak)
			var policy *password.PolicyError
			if !errors.As(err, &policy) {
				t.Errorf("%q: %v, want a PolicyError", weak, err)
			}
		}
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// A35: RevokeTokens ends all links, codes and tokens of a lead, whichever of its
// addresses they went to.
func TestRevokedTokensAreDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		req := byMail(johnMail)
		req.Code = true
		proofs := []recovery.Proof{recovery.CodeProof(req.Key, p.forgot(t, req).Code.Reveal())}
		for _, field := range []string{"EmailAddress", "mx_Alternate_Email", "Phone"} {
			link := byMail(johnMail)
			link.RecipientField = field
			proofs = append(proofs, recovery.TokenProof(token(t, p.forgot(t, link))))
		}
		issued, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: req.Key, Requester: recovery.Requester{Caller: "crm"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.RevokeTokens(t.Context(), johnID); err != nil {
			t.Fatal(err)
		}
		for _, proof := range append(proofs, recovery.TokenProof(issued.Token.Reveal())) {
			wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
		}
	})
}

// A75: the hook stands between proof and write, and a refusal costs nothing.
func TestStepUpStandsBetweenProofAndWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := error(&recovery.StepUpError{Detail: "Enter the code of your authenticator."})
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.StepUp = stepUp(func(l recovery.Lead) error {
				if l.ID != johnID {
					t.Errorf("asked about %v", l.ID)
				}
				return answer
			})
		})
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrStepUpRequired)
		answer = errors.New("the hook's database is down")
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrUnavailable)
		if p.leads.Writes() != 0 {
			t.Fatal("a password was written without the second proof")
		}
		answer = nil
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Error(err)
		}
	})
}
