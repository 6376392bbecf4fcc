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
