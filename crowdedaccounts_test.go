package recovery_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

// A99: accounts whose address nobody has verified take no place in the message, and
// do not keep the owner of the address from a reset, however their IDs sort.
func TestAccountsOfStrangersTakeNoPlace_A99(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := family(t, func(p *portal, _ *recovery.Options) {
			for i := range 40 {
				lead := member(fmt.Sprint(i))
				lead.Fields["EmailAddress"] = recovery.FieldValue{Value: sharedMail}
				p.leads.Add(lead, "")
			}
		})
		m := p.forgot(t, byMail(sharedMail))
		if got := namesOf(m); !slices.Equal(got, []string{"user-a", "user-b", "user-c"}) {
			t.Errorf("it names %q", got)
		}
	})
}

// A disabled account with the address of somebody who is invited does not keep the
// invitation back, whichever of the two the store finds first.
func TestDisabledAccountHidesNoInvitation(t *testing.T) {
	for _, name := range []string{"aaa", "zzz"} {
		synctest.Test(t, func(t *testing.T) {
			p := inviting(t, func(p *portal, o *recovery.Options) {
				disabled := ada()
				disabled.ID, disabled.Status = "lead-"+name, recovery.StatusDisabled
				p.leads.Add(disabled, "")
				o.Invitations.OnForgot = true
			})
			if m := p.forgot(t, byMail("ada@example.com")); m.Kind != recovery.MessageInvitation || m.LeadID != "lead-ada" {
				t.Errorf("%s: %v for %s", name, m.Kind, m.LeadID)
			}
		})
	}
}
