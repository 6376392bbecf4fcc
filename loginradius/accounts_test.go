package loginradius_test

import (
	"net/url"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// Accounts that share an address get one mail with a link for each, and each link
// resets its own account on the wire. A code, and the management API, are for one.
func TestAccountsWithOneAddress(t *testing.T) {
	s := newSite(t, func(o *recovery.Options) { o.SignInField = "Username" }, nil)
	s.leads.Add(recovery.Lead{ID: "lead-mary", Fields: map[string]recovery.FieldValue{
		"Username": {Value: "mary"}, "EmailAddress": {Value: "john@example.com", Verified: true},
	}}, "")
	s.do("POST", pathPassword+"?apikey="+apiKey+"&emailtemplate=tpl-code", john).wantPosted(t)
	s.quiet()
	if got, nobody := s.manage("", john), s.manage("", `{"Email":"nobody@example.com"}`); got.status < 400 || got.dump() != nobody.dump() {
		t.Errorf("the management API answers %s", got.dump())
	}
	s.do("POST", pathPassword+"?apikey="+apiKey, john).wantPosted(t)
	m := s.one()
	if m.Kind != recovery.MessageResetLinks || len(m.Accounts) != 2 {
		t.Fatalf("%v with %d accounts", m, len(m.Accounts))
	}
	for _, a := range m.Accounts {
		u, err := url.Parse(a.URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		s.do("PUT", pathPassword+"?apikey="+apiKey, resetBody(u.Query().Get("vtoken"))).wantPosted(t)
		if s.leads.Hash(a.LeadID) == "" {
			t.Errorf("the password of %s is not changed", a.LeadID)
		}
	}
}
