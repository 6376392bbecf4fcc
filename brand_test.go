package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// brandOf is a brand whose pages have a host of their own.
func brandOf(name string) recovery.Brand {
	return recovery.Brand{
		Name:       name,
		Link:       recovery.Link{URL: "https://" + name + ".example/reset"},
		NotMe:      recovery.Link{URL: "https://" + name + ".example/not-me"},
		Invitation: recovery.Link{URL: "https://" + name + ".example/welcome"},
	}
}

// byHost is the brand of "NAME.example".
func byHost(r *http.Request) string {
	name, _, _ := strings.Cut(r.Host, ".")
	return map[string]string{"acme": "acme", "beta": "beta", "gone": "gone"}[name]
}

// branded returns a portal with the brands acme and beta, and with the lead
// "lead-acme", who belongs to acme, and others who belong to none.
func branded(t testing.TB, edit func(p *portal, o *recovery.Options), brands ...recovery.Brand) *portal {
	t.Helper()
	if brands == nil {
		brands = []recovery.Brand{brandOf("acme"), brandOf("beta")}
	}
	find, err := recovery.BrandList(brands...)
	if err != nil {
		t.Fatal(err)
	}
	return newPortal(t, func(p *portal, o *recovery.Options) {
		o.Brands = recovery.BrandOptions{Find: find, Of: byHost}
		o.NotMe = recovery.Link{URL: "https://portal.example.com/not-me"}
		acme := lead("acme", recovery.StatusActive)
		acme.Brand = "acme"
		p.leads.Add(acme, "")
		if edit != nil {
			edit(p, o)
		}
	})
}

func hostOf(t testing.TB, link recovery.Secret) string {
	t.Helper()
	u, err := url.Parse(link.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return u.Hostname()
}

// wantBrand checks the brand of a message, and the hosts that its links lead to.
func wantBrand(t testing.TB, m recovery.Message, brand, host string) {
	t.Helper()
	if m.Brand != brand {
		t.Errorf("%v has the brand %q, want %q", m, m.Brand, brand)
	}
	for _, link := range []recovery.Secret{m.URL, m.NotMe} {
		if got := hostOf(t, link); !link.IsZero() && got != host {
			t.Errorf("%v leads to %q, want %q", m, got, host)
		}
	}
}

// The name of the brand goes from the request through the job to the message, its
// links and its events, and from a reset to its notice and to what follows from
// "this was not me".
func TestBrandOfTheRequestGoesAllTheWay(t *testing.T) {
	for _, test := range []struct{ host, brand, links string }{
		{"acme.example", "acme", "acme.example"},
		{"beta.example", "beta", "beta.example"},
		{"other.example", "", "portal.example.com"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := branded(t, nil)
			api := p.Handler()
			at := func(r *http.Request) { r.Host = test.host }
			if w := post(api, "/forgot-password", `{"email":"`+johnMail+`"}`, at); w.Code != http.StatusAccepted {
				t.Fatal(answer(w))
			}
			settle()
			m := p.outbox.Messages()[0]
			wantBrand(t, m, test.brand, test.links)
			if w := post(api, "/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, token(t, m), goodPassword), at); w.Code != http.StatusNoContent {
				t.Fatal(answer(w))
			}
			settle()
			notices := p.outbox.OfKind(recovery.MessagePasswordChanged)
			if len(notices) != 3 {
				t.Fatalf("%d notices, want 3", len(notices))
			}
			for _, n := range notices {
				wantBrand(t, n, test.brand, test.links)
			}
			p.outbox.Reset()
			// The page of "this was not me" need not be that of the brand.
			if w := post(api, "/not-me", fmt.Sprintf(`{"token":%q}`, parameter(t, notices[0].NotMe))); w.Code != http.StatusNoContent {
				t.Fatal(answer(w))
			}
			settle()
			links := p.outbox.OfKind(recovery.MessageResetLink)
			if len(links) != 2 {
				t.Fatalf("%d new links, want 2\n%s", len(links), p.log)
			}
			for _, m := range links {
				wantBrand(t, m, test.brand, test.links)
			}
			for _, kind := range []recovery.EventKind{recovery.EventMessageSent, recovery.EventPasswordReset, recovery.EventNotMe} {
				for _, e := range p.events.of(kind) {
					if e.Brand != test.brand {
						t.Errorf("%s has the brand %q, want %q", kind, e.Brand, test.brand)
					}
				}
			}
		})
	}
}

// parameter returns the token in the link "this was not me".
func parameter(t testing.TB, link recovery.Secret) string {
	t.Helper()
	u, err := url.Parse(link.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("token")
}

// A stranger who asks at another brand, whose owner may be the stranger, cannot have
// a link to somebody's account made that leads to the pages of that brand.
func TestLeadsBrandWinsOverTheRequests_A104(t *testing.T) {
	beta := recovery.Link{URL: "https://beta.example/elsewhere"}
	for _, test := range []struct {
		sentence string
		edit     func(*recovery.ForgotRequest)
		host     string
		returns  bool
	}{
		{"no brand in the request", func(*recovery.ForgotRequest) {}, "acme.example", true},
		{"its own brand", func(r *recovery.ForgotRequest) { r.Brand = "acme" }, "acme.example", true},
		{"another brand", func(r *recovery.ForgotRequest) { r.Brand = "beta" }, "acme.example", false},
		{"another brand and its link", func(r *recovery.ForgotRequest) { r.Brand, r.Link = "beta", &beta }, "acme.example", false},
		{"a link of the host's own", func(r *recovery.ForgotRequest) { r.Link = &beta }, "beta.example", true},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := branded(t, func(_ *portal, o *recovery.Options) { o.ReturnTo = []string{"https://beta.example"} })
				req := byMail("acme@example.com")
				req.ReturnTo = "https://beta.example/cart"
				test.edit(&req)
				m := p.forgot(t, req)
				if m.Brand != "acme" || hostOf(t, m.URL) != test.host || hostOf(t, m.NotMe) != "acme.example" {
					t.Errorf("brand %q, link to %s, \"not me\" to %s", m.Brand, hostOf(t, m.URL), hostOf(t, m.NotMe))
				}
				if got := strings.Contains(m.URL.Reveal(), "return_to="); got != test.returns {
					t.Errorf("the link carries a place to return to: %t, want %t", got, test.returns)
				}
				// The notice too, wherever the link is redeemed.
				if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof(token(t, m)), Password: recovery.NewSecret(goodPassword), Brand: "beta"}); err != nil {
					t.Fatal(err)
				}
				settle()
				wantBrand(t, p.outbox.OfKind(recovery.MessagePasswordChanged)[0], "acme", "acme.example")
			})
		})
	}
}

// Invitations, forced resets, issued tokens and what IssueInvitation returns have the
// lead's brand, or else that of the request.
func TestWhatTheHostSendsHasABrand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := branded(t, func(p *portal, o *recovery.Options) {
			o.Invitations = recovery.InvitationOptions{Link: recovery.Link{URL: "https://portal.example.com/welcome"}}
			for _, brand := range []string{"", "acme"} {
				l := lead("invited"+brand, recovery.StatusInvited)
				l.Brand = brand
				p.leads.Add(l, "")
			}
			p.users = p.leads.Full()
		})
		sent := func(do func() error) recovery.Message {
			t.Helper()
			p.outbox.Reset()
			if err := do(); err != nil {
				t.Fatal(err)
			}
			settle()
			if p.outbox.Len() != 1 {
				t.Fatalf("%d messages\n%s", p.outbox.Len(), p.log)
			}
			return p.outbox.Messages()[0]
		}
		for _, test := range []struct{ id, ask, want, links string }{
			{"lead-invited", "", "", "portal.example.com"},
			{"lead-invited", "beta", "beta", "beta.example"},
			{"lead-invitedacme", "", "acme", "acme.example"},
			{"lead-invitedacme", "beta", "acme", "acme.example"},
		} {
			req := recovery.InvitationRequest{LeadID: test.id, Brand: test.ask, Data: map[string]string{"team": "north"}}
			m := sent(func() error { return p.SendInvitation(t.Context(), req) })
			wantBrand(t, m, test.want, test.links)
			if !strings.Contains(m.URL.Reveal(), "/welcome?") || m.Data["team"] != "north" {
				t.Errorf("the link is %s, the data %v", m.URL.Reveal(), m.Data)
			}
			invitation, err := p.IssueInvitation(t.Context(), req)
			if err != nil || hostOf(t, invitation.URL) != test.links {
				t.Errorf("%v, %v", invitation.URL.Reveal(), err)
			}
			time.Sleep(time.Hour)
		}
		for _, test := range []struct{ id, mail, ask, want, links string }{
			{johnID, johnMail, "", "", "portal.example.com"},
			{johnID, johnMail, "beta", "beta", "beta.example"},
			{"lead-acme", "acme@example.com", "beta", "acme", "acme.example"},
		} {
			m := sent(func() error {
				_, err := p.SendToAll(t.Context(), recovery.BulkRequest{
					Name: "leak-" + test.ask, Purpose: recovery.PurposeForcedReset, LeadIDs: each(test.id), Brand: test.ask,
				})
				return err
			})
			wantBrand(t, m, test.want, test.links)
			m = sent(func() error {
				_, err := p.IssueToken(t.Context(), recovery.IssueRequest{
					Key: recovery.LeadKey{Field: "EmailAddress", Value: test.mail}, Send: true, Brand: test.ask,
					Requester: recovery.Requester{Caller: "server"},
				})
				return err
			})
			wantBrand(t, m, test.want, test.links)
		}
	})
}

// A stranger chooses no brand that the host does not know, and none by a body.
func TestUnknownBrandsAreRefused_A104(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := branded(t, nil)
		for _, name := range []string{"nobody", "ACME", "acme ", "a\ncme", strings.Repeat("a", 65)} {
			req := byMail(johnMail)
			req.Brand = name
			_, err := p.ForgotPassword(t.Context(), req)
			e, ok := errors.AsType[*recovery.InvalidRequestError](err)
			if !ok || e.Field != "brand" {
				t.Errorf("ForgotPassword with brand %q: %v", name, err)
			}
			if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: recovery.TokenProof("x"), Password: recovery.NewSecret(goodPassword), Brand: name}); !isInvalid(err) {
				t.Errorf("ResetPassword with brand %q: %v", name, err)
			}
			if _, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: recovery.TokenProof("x"), Brand: name}); !isInvalid(err) {
				t.Errorf("CheckProof with brand %q: %v", name, err)
			}
			if _, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: req.Key, Brand: name, Requester: recovery.Requester{Caller: "server"}}); !isInvalid(err) {
				t.Errorf("IssueToken with brand %q: %v", name, err)
			}
		}
		api := p.Handler()
		// Find does not know what Of returns for this host.
		if w := post(api, "/forgot-password", `{"email":"`+johnMail+`"}`, func(r *http.Request) { r.Host = "gone.example" }); w.Code != http.StatusBadRequest {
			t.Errorf("an unknown brand: %s", answer(w))
		}
		if w := post(api, "/forgot-password", `{"email":"`+johnMail+`","brand":"beta"}`); w.Code != http.StatusBadRequest {
			t.Errorf("a brand in the body: %s", answer(w))
		}
		settle()
		if n := p.outbox.Len(); n != 0 {
			t.Errorf("%d messages were sent", n)
		}
	})
	synctest.Test(t, func(t *testing.T) { // without brands
		p := newPortal(t, nil)
		req := byMail(johnMail)
		req.Brand = "acme"
		if _, err := p.ForgotPassword(t.Context(), req); !isInvalid(err) {
			t.Errorf("a brand without option Brands: %v", err)
		}
	})
}

func isInvalid(err error) bool {
	_, ok := errors.AsType[*recovery.InvalidRequestError](err)
	return ok
}

// A lead's brand that nobody knows is sent nothing under another name. Once it is
// known, the message goes out.
func TestMessagesOfUnknownBrandsWait_A104(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		known := map[string]recovery.Brand{}
		set := func(b recovery.Brand) {
			mu.Lock()
			defer mu.Unlock()
			known["acme"] = b
		}
		p := branded(t, func(_ *portal, o *recovery.Options) {
			o.Brands.Find = func(name string) (recovery.Brand, bool) {
				mu.Lock()
				defer mu.Unlock()
				b, ok := known[name]
				return b, ok
			}
		})
		if _, err := p.ForgotPassword(t.Context(), byMail("acme@example.com")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if p.outbox.Len() != 0 || !strings.Contains(p.log.String(), "brand=acme") {
			t.Errorf("%d messages, and the log says\n%s", p.outbox.Len(), p.log)
		}
		wrong := brandOf("acme")
		wrong.Link.URL = "http://acme.example/reset"
		set(wrong)
		time.Sleep(10 * time.Minute)
		if p.outbox.Len() != 0 || !strings.Contains(p.log.String(), "must be https") {
			t.Errorf("%d messages, and the log says\n%s", p.outbox.Len(), p.log)
		}
		set(brandOf("acme"))
		time.Sleep(30 * time.Minute)
		if p.outbox.Len() != 1 {
			t.Fatalf("%d messages\n%s", p.outbox.Len(), p.log)
		}
		wantBrand(t, p.outbox.Messages()[0], "acme", "acme.example")
	})
}

// Of several accounts with one address, a message names those of one brand. Nobody
// is told at one brand of an account at another.
func TestSharedMessagesAreOfOneBrand_A104(t *testing.T) {
	for _, test := range []struct {
		request string
		want    []string // the leads of the message
		brand   string
	}{
		{"acme", []string{"l1", "l2", "l4"}, "acme"}, // l4 has no brand
		{"beta", []string{"l3", "l4"}, "beta"},
		{"", []string{"l4"}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := branded(t, func(p *portal, _ *recovery.Options) {
				for i, brand := range []string{"acme", "acme", "beta", ""} {
					l := lead("x", recovery.StatusActive)
					l.ID, l.Brand = fmt.Sprintf("l%d", i+1), brand
					l.Fields["EmailAddress"] = recovery.FieldValue{Value: "all@example.com", Verified: true}
					p.leads.Add(l, "")
				}
				p.users = p.leads.Full()
			})
			req := byMail("all@example.com")
			req.Brand = test.request
			m := p.forgot(t, req)
			var got []string
			for _, a := range m.Accounts {
				got = append(got, a.LeadID)
			}
			if m.LeadID != "" {
				got = append(got, m.LeadID)
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) || m.Brand != test.brand {
				t.Errorf("a request at %q: message of %q for %v, want %q and %v", test.request, m.Brand, got, test.brand, test.want)
			}
			others := 0
			for _, e := range p.events.of(recovery.EventMessageSuppressed) {
				if e.Reason == recovery.ReasonOtherBrand {
					others++
				}
			}
			if others != 4-len(test.want) {
				t.Errorf("%d events tell of the others, want %d", others, 4-len(test.want))
			}
		})
	}
}

// What is asked for at one brand neither goes over its own budget nor costs the
// others theirs.
func TestBrandsHaveBudgetsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acme := brandOf("acme")
		acme.Limits.EmailBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Hour}}}
		p := branded(t, func(p *portal, o *recovery.Options) {
			o.Limits.EmailBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 4, Window: time.Hour}}}
			for i := range 12 {
				p.leads.Add(lead(fmt.Sprintf("n%d", i), recovery.StatusActive), "")
			}
		}, acme, brandOf("beta"))
		sent := map[string]int{}
		for i := range 12 {
			req := byMail(fmt.Sprintf("n%d@example.com", i))
			req.Brand = "acme"
			if i >= 6 {
				req.Brand = "beta"
			}
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		for _, m := range p.outbox.Messages() {
			sent[m.Brand]++
		}
		if sent["acme"] != 2 || sent["beta"] != 2 {
			t.Errorf("sent %v, want 2 of acme by its own budget, and then 2 of beta by that of all", sent)
		}
		for _, e := range p.events.of(recovery.EventMessageSuppressed) {
			if e.Reason != recovery.ReasonRateLimited || e.Scope != recovery.ScopeBudget || e.Brand == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// One user name may belong to another person at each brand. The limit of an address
// holds for all brands together.
func TestIdentifiersAreCountedForEachBrand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
		p := branded(t, func(_ *portal, o *recovery.Options) { o.Limits.Identifier = one })
		for _, brand := range []string{"acme", "beta", "", "acme"} {
			req := byMail(johnMail)
			req.Brand = brand
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		if n := p.outbox.Len(); n != 3 {
			t.Errorf("%d messages, want 3", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		one := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
		p := branded(t, func(_ *portal, o *recovery.Options) { o.Limits.Recipient = one })
		for _, brand := range []string{"acme", "beta", ""} {
			req := byMail(johnMail)
			req.Brand = brand
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		if n := p.outbox.Len(); n != 1 {
			t.Errorf("%d messages to one address, want 1", n)
		}
	})
}

// brandedLeads has leads with the same identifiers at two brands, and looks among
// those of the request's.
type brandedLeads struct {
	recovery.LeadStore
	asked func(brand string, key recovery.LeadKey)
}

func (s brandedLeads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	s.asked(recovery.BrandOf(ctx), key)
	return s.LeadStore.FindLead(ctx, key)
}

// A store learns which brand a request is for: in the worker, and when somebody
// types a code.
func TestStoresLearnTheBrandOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		p := branded(t, func(p *portal, _ *recovery.Options) {
			p.users = brandedLeads{p.leads, func(brand string, key recovery.LeadKey) {
				mu.Lock()
				defer mu.Unlock()
				if key.Field != recovery.LeadIDField {
					asked[brand]++
				}
			}}
		})
		req := byMail(johnMail)
		req.Brand, req.Code, req.RecipientField = "beta", true, "Phone"
		m := p.forgot(t, req)
		proof := recovery.CodeProof(req.Key, m.Code.Reveal())
		if _, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof, Brand: "beta"}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.ResetPassword(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(goodPassword), Brand: "beta"}); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(asked) != 1 || asked["beta"] < 4 {
			t.Errorf("searches by brand: %v, want all at beta", asked)
		}
	})
}
