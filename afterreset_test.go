package recovery_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// hook keeps what AfterReset got.
type hook struct {
	p   *portal
	got []recovery.PasswordReset
	err error
}

func (h *hook) call(ctx context.Context, done recovery.PasswordReset) error {
	h.p.calls.add("AfterReset")
	h.got = append(h.got, done)
	return h.err
}

func hooked(t testing.TB, edit func(p *portal, o *recovery.Options)) (*portal, *hook) {
	h := &hook{}
	p := newPortal(t, func(p *portal, o *recovery.Options) {
		h.p, o.AfterReset = p, h.call
		if edit != nil {
			edit(p, o)
		}
	})
	return p, h
}

// What AfterReset is told of each kind of proof, and what a Go caller gets.
func TestAfterReset(t *testing.T) {
	issue := func(send bool, field string) func(t *testing.T, p *portal) recovery.Proof {
		return func(t *testing.T, p *portal) recovery.Proof {
			issued, err := p.IssueToken(t.Context(), recovery.IssueRequest{
				Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, Send: send, RecipientField: field,
				Requester: recovery.Requester{Caller: "server"},
			})
			if err != nil {
				t.Fatal(err)
			}
			return recovery.TokenProof(issued.Token.Reveal())
		}
	}
	forgot := func(req recovery.ForgotRequest) func(t *testing.T, p *portal) recovery.Proof {
		return func(t *testing.T, p *portal) recovery.Proof {
			req.Requester.Client = netip.MustParseAddr("192.0.2.7")
			m := p.forgot(t, req)
			if req.Code {
				return recovery.CodeProof(recovery.LeadKey{Field: "Phone", Value: johnPhone}, m.Code.Reveal())
			}
			return recovery.TokenProof(token(t, m))
		}
	}
	alternate := byMail(johnMail)
	alternate.RecipientField = "mx_Alternate_Email"
	phone := byMail(johnMail)
	phone.RecipientField, phone.Code = "Phone", true
	for name, c := range map[string]struct {
		proof func(t *testing.T, p *portal) recovery.Proof
		want  recovery.PasswordReset
	}{
		"link":            {forgot(byMail(johnMail)), recovery.PasswordReset{Proof: recovery.ProofLink, Field: "EmailAddress", Channel: recovery.ChannelEmail}},
		"other field":     {forgot(alternate), recovery.PasswordReset{Proof: recovery.ProofLink, Field: "mx_Alternate_Email", Channel: recovery.ChannelEmail}},
		"code":            {forgot(phone), recovery.PasswordReset{Proof: recovery.ProofCode, Field: "Phone", Channel: recovery.ChannelSMS}},
		"issued":          {issue(false, ""), recovery.PasswordReset{Proof: recovery.ProofIssued}},
		"issued and sent": {issue(true, "mx_Alternate_Email"), recovery.PasswordReset{Proof: recovery.ProofLink}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, h := hooked(t, nil)
			proof := c.proof(t, p)
			time.Sleep(3 * time.Minute)
			client := netip.MustParseAddr("192.0.2.7")
			p.calls.take()
			result, err := p.ResetPassword(t.Context(), recovery.ResetRequest{
				Proof: proof, Password: recovery.NewSecret(goodPassword), Requester: recovery.Requester{Client: client},
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(h.got) != 1 {
				t.Fatalf("%s: called %d times", name, len(h.got))
			}
			got := h.got[0]
			if result.Reset.Age != got.Age || result.Reset.Field != got.Field || result.Reset.LeadID != result.LeadID {
				t.Errorf("%s: the caller got %+v, the hook %+v", name, result.Reset, got)
			}
			if got.Age < 3*time.Minute || got.Age > 3*time.Minute+2*time.Second {
				t.Errorf("%s: age %v, want 3 min", name, got.Age)
			}
			if got.LeadID != johnID || got.Purpose != recovery.PurposeReset || got.Requester.Client != client || got.KnownDevice {
				t.Errorf("%s: got %+v", name, got)
			}
			if got.Proof != c.want.Proof || got.Field != c.want.Field || got.Channel != c.want.Channel {
				t.Errorf("%s: %s from %q by %q, want %s from %q by %q", name, got.Proof, got.Field, got.Channel, c.want.Proof, c.want.Field, c.want.Channel)
			}
			calls := strings.Join(p.calls.take(), " ")
			if !strings.Contains(calls, "EndSessions AfterReset") {
				t.Errorf("%s: not directly after the sessions were ended: %s", name, calls)
			}
		})
	}
}

// A code that was mailed proves the address, and never the phone; and nothing where
// it may have gone to more than one address. It ends with a change of the lead.
func TestMailedCodeProvesNoPhone(t *testing.T) {
	for name, c := range map[string]struct {
		alternate bool
		field     string
		channel   recovery.Channel
	}{
		"one address":   {false, "EmailAddress", recovery.ChannelEmail},
		"two addresses": {true, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, h := hooked(t, func(_ *portal, o *recovery.Options) {
				o.Fields = slices.DeleteFunc(fields(), func(f recovery.Field) bool { return f.Name == "mx_Alternate_Email" && !c.alternate })
			})
			req := byMail(johnMail)
			req.Code = true
			byPhone := func() recovery.Proof {
				return recovery.CodeProof(recovery.LeadKey{Field: "Phone", Value: johnPhone}, p.forgot(t, req).Code.Reveal())
			}
			proof := byPhone()
			if err := p.check(t.Context(), proof); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			p.leads.Touch(johnID)
			wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
			if err := p.reset(t.Context(), byPhone(), goodPassword); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := h.got[0]; got.Proof != recovery.ProofCode || got.Field != c.field || got.Channel != c.channel {
				t.Errorf("%s: %s from %q by %q, want %q by %q", name, got.Proof, got.Field, got.Channel, c.field, c.channel)
			}
		})
	}
}

// The link that follows "this was not me" goes to every address, so it proves
// none.
func TestLinkAfterNotMeProvesNoAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := hooked(t, func(_ *portal, o *recovery.Options) { o.NotMe.URL = notMePage })
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail)))), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		all := p.outbox.Messages()
		notice := all[len(all)-1]
		if _, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: notMe(t, notice)}); err != nil {
			t.Fatal(err)
		}
		settle()
		all = p.outbox.Messages()
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, all[len(all)-1])), goodPassword+"2"); err != nil {
			t.Fatal(err)
		}
		if len(h.got) != 2 || h.got[0].Field != "EmailAddress" || h.got[1].Field != "" || h.got[1].Channel != "" {
			t.Errorf("got %+v", h.got)
		}
	})
}

// A hook that fails, panics or hangs changes no answer, and is called once.
func TestAfterResetFails(t *testing.T) {
	for name, f := range map[string]recovery.AfterResetFunc{
		"error": func(context.Context, recovery.PasswordReset) error { return errors.New("cannot unlock " + johnMail) },
		"panic": func(context.Context, recovery.PasswordReset) error { panic("cannot unlock") },
		"hang": func(ctx context.Context, _ recovery.PasswordReset) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			p := newPortal(t, func(_ *portal, o *recovery.Options) {
				o.AfterReset = func(ctx context.Context, done recovery.PasswordReset) error {
					calls++
					return f(ctx, done)
				}
			})
			proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
			// The client hangs up, and the hook has its time all the same.
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if err := p.reset(ctx, proof, goodPassword); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if took := time.Since(began); name == "hang" && took < 5*time.Second || took > 6*time.Second {
				t.Errorf("%s: the answer took %v", name, took)
			}
			time.Sleep(time.Hour)
			failed := p.events.of(recovery.EventAfterResetFailed)
			if calls != 1 || len(failed) != 1 || failed[0].LeadID != johnID || failed[0].Cause == "" {
				t.Errorf("%s: called %d times, events %v", name, calls, failed)
			}
			if strings.Contains(failed[0].Cause, johnMail) {
				t.Errorf("%s: the cause names the person: %s", name, failed[0].Cause)
			}
			if strings.Contains(p.log.String(), johnMail) {
				t.Errorf("%s: the log names the person (A39): %s", name, p.log)
			}
			if len(p.events.of(recovery.EventPasswordReset)) != 1 || !strings.Contains(p.log.String(), "AfterReset fails. It is not called again") {
				t.Errorf("%s: log %s", name, p.log)
			}
		})
	}
}

// A reset lifts no ban, and the hook cannot make it: it is not called.
func TestAfterResetIsNotCalledForTheDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := hooked(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		p.leads.SetStatus(johnID, recovery.StatusDisabled)
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
		if len(h.got) != 0 {
			t.Errorf("called with %+v", h.got)
		}
	})
}

// An address that a link proved is marked, once, and only that one.
func TestVerifiedByReset(t *testing.T) {
	trusting := func(t testing.TB) *portal {
		return newPortal(t, func(p *portal, o *recovery.Options) {
			p.users = p.leads.Full()
			for i := range o.Fields {
				o.Fields[i].Trusted = o.Fields[i].Receive
			}
		})
	}
	mail := byMail("unverified@example.com")
	synctest.Test(t, func(t *testing.T) {
		p := trusting(t)
		proof := recovery.TokenProof(token(t, p.forgot(t, mail)))
		if p.lead(t, "lead-unverified").Fields["EmailAddress"].Verified {
			t.Error("verified before the reset")
		}
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		if !p.lead(t, "lead-unverified").Fields["EmailAddress"].Verified {
			t.Error("not verified after the reset")
		}
	})
	// The address changes while the token is used: what is stored now was not
	// proved.
	synctest.Test(t, func(t *testing.T) {
		p := trusting(t)
		proof := recovery.TokenProof(token(t, p.forgot(t, mail)))
		p.sessions = func(context.Context, string) error {
			p.leads.Change("lead-unverified", func(l *recovery.Lead) {
				l.Fields["EmailAddress"] = recovery.FieldValue{Value: "eve@example.com"}
			})
			return nil
		}
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		if p.lead(t, "lead-unverified").Fields["EmailAddress"].Verified {
			t.Error("another address is verified")
		}
	})
	// A store that fails is asked again.
	synctest.Test(t, func(t *testing.T) {
		p := trusting(t)
		proof := recovery.TokenProof(token(t, p.forgot(t, mail)))
		asked := 0
		p.leads.SetHooks(recoverytest.LeadsHooks{Verify: func(context.Context, string, string) error {
			if asked++; asked < 4 {
				return errors.New("down")
			}
			return nil
		}})
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if asked != 4 || !p.lead(t, "lead-unverified").Fields["EmailAddress"].Verified {
			t.Errorf("asked %d times", asked)
		}
	})
	// Without Trusted nothing is sent to an address that is not verified.
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, _ *recovery.Options) { p.users = p.leads.Full() })
		if _, err := p.ForgotPassword(t.Context(), mail); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := len(p.outbox.Messages()); n != 0 {
			t.Errorf("%d messages", n)
		}
	})
}

// A lead that has to reset its password can, and is active then.
func TestResetRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		p.leads.SetStatus(johnID, recovery.StatusResetRequired)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		if got := p.lead(t, johnID).Status; got != recovery.StatusActive {
			t.Errorf("status %s", got)
		}
		if strings.Contains(p.log.String(), "level=ERROR") {
			t.Errorf("log %s", p.log)
		}
	})
	// A store that forgets the rule is told.
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for range 2 {
			p.leads.SetStatus(johnID, recovery.StatusResetRequired)
			p.leads.SetHooks(recoverytest.LeadsHooks{AfterWrite: func(context.Context, string, string) error {
				p.leads.SetStatus(johnID, recovery.StatusResetRequired)
				return nil
			}})
			proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
			if err := p.reset(t.Context(), proof, goodPassword); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(p.log.String(), "still has StatusResetRequired"); n != 1 {
			t.Errorf("told %d times, want once for many\n%s", n, p.log)
		}
	})
}
