package recovery_test

import (
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/journeytest"
)

// People who share an address, sign in with a user name, or have an odd address,
// on memory.
func TestJourneys(t *testing.T) {
	journeytest.Run(t, journeytest.Leads(), recovery.NewMemoryTokenStore(), nil)
}

// A help desk issues, looks and revokes, on memory.
func TestHelpDeskJourney(t *testing.T) {
	journeytest.RunHelpDesk(t, journeytest.Leads(), recovery.NewMemoryTokenStore(), nil)
}

// A person at two brands and at none, through the JSON API, on memory.
func TestBrandJourneys(t *testing.T) {
	journeytest.Brands(t, journeytest.Leads(), recovery.NewMemoryTokenStore(), nil)
}
