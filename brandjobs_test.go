package recovery_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// An instance of an earlier version does not perform what it would send under
// another name: such jobs are of a kind that it does not know.
func TestEarlierVersionsLeaveBrandedJobsAlone(t *testing.T) {
	earlier := []string{"forgot", "send", "deliver", "notice", "sessions", "not-me", "send-for"}
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			sentence string
			edit     func(*recovery.ForgotRequest)
			brands   bool
			known    bool
		}{
			{"no brand", func(*recovery.ForgotRequest) {}, false, true},
			{"a brand", func(r *recovery.ForgotRequest) { r.Brand = "acme" }, true, false},
			{"perhaps a lead's brand", func(*recovery.ForgotRequest) {}, true, false},
			{"data", func(r *recovery.ForgotRequest) { r.Data = map[string]string{"shop": "Acme"} }, false, false},
		} {
			queue := &heldQueue{}
			edit := func(_ *portal, o *recovery.Options) {
				o.Queue = queue
				if !test.brands {
					o.Brands = recovery.BrandOptions{}
				}
			}
			p := branded(t, edit)
			req := byMail(johnMail)
			test.edit(&req)
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			job := queue.take()[0]
			if got := slices.Contains(earlier, recovery.OpOf(p.Service, job)); got != test.known {
				t.Errorf("%s: an earlier version knows the kind of job: %t, want %t", test.sentence, got, test.known)
			}
			for range 2 { // and this version performs it, and what it hands over
				if err := p.Perform(t.Context(), job); err != nil {
					t.Fatal(err)
				}
				if jobs := queue.take(); len(jobs) > 0 {
					job = jobs[0]
				}
			}
			if p.outbox.Len() == 0 {
				t.Errorf("%s: nothing was sent", test.sentence)
			}
		}
	})
}

func TestBrandListReportsAllMistakes(t *testing.T) {
	split := brandOf("split")
	split.Link = recovery.Link{URL: "https://split.example/reset", LeadIDParam: "id", SecretParam: "secret"}
	fixed := brandOf("fixed")
	fixed.NotMe = recovery.Link{Fixed: []recovery.LinkParam{{Name: "a", Value: "b"}}}
	budget := brandOf("budget")
	budget.Limits.SMSBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: -1, Window: time.Hour}}}
	_, err := recovery.BrandList(brandOf("acme"), brandOf("acme"), recovery.Brand{Name: "two words"}, split, fixed, budget)
	if err == nil {
		t.Fatal("no mistake was found")
	}
	for _, want := range []string{`"acme" comes twice`, "Name: must be", `"split": Link: must carry one token`, `"fixed": NotMe: URL: is required`, `"budget": Limits.SMSBudget: `} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if err := (recovery.Brand{Name: "plain"}).Validate(); err != nil {
		t.Errorf("a brand with nothing but a name: %v", err)
	}
	brand := brandOf("acme")
	brand.Link.Fixed = []recovery.LinkParam{{Name: "a", Value: "b"}}
	find, err := recovery.BrandList(brand)
	if err != nil {
		t.Fatal(err)
	}
	brand.Link.Fixed[0].Value = "changed"
	if b, ok := find("acme"); !ok || b.Link.Fixed[0].Value != "b" {
		t.Error("a change of the caller's slice changed the list")
	}
}

// One user name stands for different people at two brands. Where the request does not
// say at which, nobody knows who is meant.
func TestUserNamesOfTwoBrandsAreTwoPeople(t *testing.T) {
	for _, test := range []struct{ request, to string }{{"acme", "a@example.com"}, {"beta", "b@example.com"}, {"", ""}} {
		synctest.Test(t, func(t *testing.T) {
			p := branded(t, func(p *portal, _ *recovery.Options) {
				for _, l := range []struct{ id, brand, mail string }{{"l1", "acme", "a@example.com"}, {"l2", "beta", "b@example.com"}} {
					p.leads.Add(recovery.Lead{ID: l.id, Brand: l.brand, Fields: map[string]recovery.FieldValue{
						"Username": {Value: "admin"}, "EmailAddress": {Value: l.mail, Verified: true},
					}}, "")
				}
				p.users = p.leads.Full()
			})
			req := recovery.ForgotRequest{Key: recovery.LeadKey{Field: "Username", Value: "admin"}, Brand: test.request}
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
			to := ""
			for _, m := range p.outbox.Messages() {
				to += m.To
			}
			if to != test.to {
				t.Errorf("a request at %q: sent to %q, want %q", test.request, to, test.to)
			}
		})
	}
}

// A forced reset needs a link that carries one token (A36). Where the lead's brand has
// no link, and Options.Link carries two, nothing is sent: neither a link that is refused
// nor that of another brand (A104).
func TestForcedResetsOfBrandsSendNoSplitLinks_A36_A104(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := branded(t, func(_ *portal, o *recovery.Options) {
			o.Link = recovery.Link{URL: "https://portal.example.com/reset", LeadIDParam: "id", SecretParam: "secret"}
		}, recovery.Brand{Name: "acme"}, brandOf("beta"))
		link := brandOf("beta").Link
		_, err := p.SendToAll(t.Context(), recovery.BulkRequest{
			Name: "leak", Purpose: recovery.PurposeForcedReset, LeadIDs: each("lead-acme", johnID), Brand: "beta", Link: &link,
		})
		if err != nil {
			t.Fatal(err)
		}
		settle()
		all := p.outbox.Messages()
		if len(all) != 1 || all[0].LeadID != johnID || len(p.events.of(recovery.EventDeadLetter)) != 1 {
			t.Fatalf("%v\n%s", all, p.log)
		}
		wantBrand(t, all[0], "beta", "beta.example")
	})
}
