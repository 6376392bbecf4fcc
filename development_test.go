package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// In development the ordinary causes of "202, and nothing arrives" are told, with
// what to do. Otherwise they are not: any stranger can cause them.
func TestDevelopmentTellsWhyNothingArrives(t *testing.T) {
	forgot := func(address string) func(*testing.T, *portal) {
		return func(_ *testing.T, p *portal) { post(p.Handler(), "/forgot-password", `{"email":"`+address+`"}`) }
	}
	twice := func(t *testing.T, p *portal) {
		forgot(johnMail)(t, p)
		settle()
		forgot(johnMail)(t, p)
	}
	for _, test := range []struct {
		sentence, want string
		do             func(t *testing.T, p *portal)
	}{
		{"an unknown address", "FindLead found no lead", forgot("nobody@example.com")},
		{"Verified is not set", "with Verified set", forgot("unverified@example.com")},
		{"Status is not set", "FindLead has to set it", forgot("disabled@example.com")},
		{"no password", "option Messages.NoPassword", forgot("social@example.com")},
		{"asked twice within a minute", "a message for the same identifier was asked for a short time ago", twice},
		{"one client asks too often", "ClientAddress.TrustedProxies", func(t *testing.T, p *portal) {
			for range 31 {
				forgot("nobody@example.com")(t, p)
			}
		}},
		{"a link is used twice", "it was used", func(t *testing.T, p *portal) {
			proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
			_ = p.reset(t.Context(), proof, goodPassword)
			_ = p.reset(t.Context(), proof, goodPassword)
		}},
		{"an invited lead asks for a reset", "option Invitations.OnForgot", func(t *testing.T, p *portal) {
			p.leads.Add(ada(), "")
			forgot("ada@example.com")(t, p)
		}},
		{"an invitation for a lead that has a password", "Send it a reset link", func(t *testing.T, p *portal) {
			if err := p.SendInvitation(t.Context(), recovery.InvitationRequest{LeadID: johnID}); !errors.Is(err, recovery.ErrLeadNotFound) {
				t.Error(err)
			}
		}},
		{"the link of an invitation where passwords are reset", "have to lead to two pages", func(t *testing.T, p *portal) {
			p.leads.Add(ada(), "")
			invitation := p.invite(t, recovery.InvitationRequest{LeadID: ada().ID})
			_ = p.reset(t.Context(), recovery.TokenProof(token(t, invitation)), goodPassword)
		}},
		{"a link is cut off", "Pass the whole value", func(t *testing.T, p *portal) {
			sealed := token(t, p.forgot(t, byMail(johnMail)))
			_ = p.check(t.Context(), recovery.TokenProof(sealed[:10]))
		}},
		{"a handle is cut off", "the whole handle", func(t *testing.T, p *portal) {
			handle, err := p.NewHandle()
			if err != nil {
				t.Fatal(err)
			}
			_ = p.check(t.Context(), recovery.CodeProof(recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, "00123456").WithHandle(handle[1:]))
		}},
		{"a password is tried too often in changes", "option Limits.Change", func(t *testing.T, p *portal) {
			for i := range 11 {
				p.change(t, johnID, fmt.Sprintf("192.0.2.%d", i))
			}
		}},
		{"a change has no second factor", "Service.SignedIn tells a page", func(t *testing.T, p *portal) {
			p.change(t, "lead-unverified", "192.0.2.1")
		}},
		{"a lead of another brand shares the address", "names the accounts of one brand only", func(t *testing.T, p *portal) {
			for _, brand := range []string{"acme", "beta"} {
				shared := ada()
				shared.ID, shared.Brand, shared.Status = "lead-"+brand, brand, recovery.StatusActive
				shared.Fields["EmailAddress"] = recovery.FieldValue{Value: "ada@example.com", Verified: true}
				p.leads.Add(shared, "")
			}
			forgot("ada@example.com")(t, p)
		}},
	} {
		for _, development := range []bool{true, false} {
			t.Run(fmt.Sprint(test.sentence, "/", development), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPortal(t, func(p *portal, o *recovery.Options) {
						p.users = p.leads.Full()
						o.Development, o.Limits = development, recovery.Limits{}
						o.Link.URL, o.Invitations.Link.URL = "http://localhost:8080/reset", "http://localhost:8080/invitation"
						o.SecondFactor = recovery.SecondFactorOptions{
							Needed: func(_ context.Context, lead recovery.Lead) (bool, error) { return lead.ID == "lead-unverified", nil },
							Verify: func(context.Context, recovery.Lead, recovery.Secret) (bool, error) { return false, nil },
						}
						o.Brands.Find = func(name string) (recovery.Brand, bool) {
							return recovery.Brand{Name: name}, name == "acme" || name == "beta"
						}
					})
					test.do(t, p)
					settle()
					told := slices.ContainsFunc(shown(p.log.String()), func(line string) bool {
						return strings.Contains(line, "level=INFO") && strings.Contains(line, test.want)
					})
					if told != development {
						t.Errorf("told: %v, want %v:\n%s", told, development, p.log)
					}
				})
			})
		}
	}
}

// change asks for a change of the password as a lead that is signed in, with a right
// current password.
func (p *portal) change(t *testing.T, leadID, client string) {
	t.Helper()
	if err := p.leads.Leads.SetPasswordHash(t.Context(), leadID, "fast:"+oldPassword); err != nil {
		t.Fatal(err)
	}
	_, _ = p.ChangePassword(t.Context(), recovery.ChangeRequest{
		LeadID: leadID, Current: recovery.NewSecret(oldPassword), Password: recovery.NewSecret(newPassword),
		Requester: recovery.Requester{Client: netip.MustParseAddr(client)},
	})
}

func TestDevelopmentIsForOwnHosts(t *testing.T) {
	for url, allowed := range map[string]bool{
		"http://localhost:8080/reset": true, "http://app.localhost/reset": true, "http://127.0.0.2/reset": true, "http://[::1]:8080/reset": true,
		"https://shop.test/reset": true, "https://192.168.1.20/reset": true, "https://10.0.0.1:8443/reset": true, "https://[fd00::1]/reset": true,
		"https://portal.example.com/reset": false, "https://test/reset": false, "https://localhost.example.com/reset": false,
		"https://192.0.2.1/reset": false, "https://mytest/reset": false, "https://contest.example/reset": false,
	} {
		for name, set := range map[string]func(o *recovery.Options){
			"Link":  func(o *recovery.Options) { o.Link.URL = url },
			"NotMe": func(o *recovery.Options) { o.Link.URL, o.NotMe.URL = "http://localhost/reset", url },
		} {
			opts := goodOptions()
			set(&opts)
			opts.Development = true
			if errs := newWith(t, opts); (len(errs) == 0) != allowed || !allowed && (errs[0].Option != "Development" || !strings.Contains(errs[0].Reason, name)) {
				t.Errorf("%s %s: %v, want allowed: %v", name, url, errs, allowed)
			}
			opts.Development = false
			for what, notifier := range map[string]recovery.Notifier{
				"DevNotifier":              recovery.DevNotifier(&bytes.Buffer{}),
				"DevNotifier in ByChannel": recovery.ByChannel(map[recovery.Channel]recovery.Notifier{recovery.ChannelEmail: recovery.DevNotifier(&bytes.Buffer{})}),
			} {
				errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), notifier, opts)
				if (len(errs) == 0) != allowed || !allowed && errs[0].Option != "notifier" {
					t.Errorf("%s, %s %s: %v, want allowed: %v", what, name, url, errs, allowed)
				}
			}
		}
	}
	if errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), recovery.DevNotifier(nil), func() recovery.Options {
		o := goodOptions()
		o.Link.URL = "http://localhost/reset"
		return o
	}()); len(errs) != 1 || errs[0].Option != "notifier" {
		t.Errorf("a DevNotifier without a writer: %v", errs)
	}
}

func TestDevNotifierPrints(t *testing.T) {
	var out bytes.Buffer
	n := recovery.DevNotifier(&out)
	for _, m := range []recovery.Message{
		{Kind: recovery.MessageResetLink, To: johnMail, URL: recovery.NewSecret("http://localhost/reset?token=t"), NotMe: recovery.NewSecret("http://localhost/not-me?token=n"), Expires: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)},
		{Kind: recovery.MessageResetCode, To: johnPhone, Code: recovery.NewSecret("00123456")},
		{Kind: recovery.MessagePasswordChanged, To: johnMail},
		{Kind: recovery.MessagePasswordChanged, To: johnMail, Brand: "acme", Operator: "Ada Byron"},
	} {
		if err := n.Notify(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	invitation := recovery.Message{Kind: recovery.MessageInvitation, To: johnMail, Expires: time.Now().Add(7 * 24 * time.Hour)}
	if err := n.Notify(context.Background(), invitation); err != nil {
		t.Fatal(err)
	}
	want := `
reset_link to johnwick@example.com, good until 03:04:05
  link: http://localhost/reset?token=t
  "this was not me": http://localhost/not-me?token=n


reset_code to +14157415569
  code: 00123456


password_changed to johnwick@example.com


password_changed to johnwick@example.com, brand acme, with the help of Ada Byron


invitation to johnwick@example.com, good until ` + invitation.Expires.Local().Format(time.DateTime) + `

`
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
