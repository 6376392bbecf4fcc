package recovery_test

import (
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/journeytest"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// People who share an address, sign in with a user name, or have an odd address,
// on memory.
func TestJourneys(t *testing.T) {
	leads := recoverytest.NewLeads(journeytest.Fields()...)
	for _, p := range journeytest.People() {
		leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{
			"EmailAddress": {Value: p.EmailAddress, Verified: true}, "UserName": {Value: p.UserName},
		}}, "old")
	}
	journeytest.Run(t, leads.Full(), recovery.NewMemoryTokenStore(), nil)
}
