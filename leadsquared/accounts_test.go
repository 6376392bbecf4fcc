package leadsquared_test

import (
	"net/url"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// Leads that share an address get one mail with a link for each, and each link
// resets its own lead on the wire. Codes do not exist here, and a link in a text
// message is for one lead.
func TestLeadsWithOneAddress(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.a.leads.Add(recovery.Lead{ID: "mary", Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: johnMail, Verified: true}, "Phone": {Value: "+14157415569", Verified: true},
		}}, "")
		want(t, w.do(post(forgotV2, seedEmail)), 200, forgotOK)
		want(t, w.do(post(forgotV2, seedRecipient)), 200, forgotOK)
		settle()
		sent := w.a.outbox.Messages()
		if len(sent) != 1 || sent[0].Kind != recovery.MessageResetLinks || len(sent[0].Accounts) != 2 {
			t.Fatalf("sent %v, want one message for both", sent)
		}
		for _, a := range sent[0].Accounts {
			u, err := url.Parse(a.URL.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Query().Get("LeadId"); got != a.LeadID {
				t.Errorf("the link of %s is for %s", a.LeadID, got)
			}
			want(t, w.do(post(resetV2, resetWith(goodPass, u))), 200, resetOK)
			if w.a.leads.Hash(a.LeadID) == "" {
				t.Errorf("the password of %s is not changed", a.LeadID)
			}
		}
	})
}
