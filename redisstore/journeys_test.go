package redisstore_test

import (
	"testing"

	"github.com/seed-51359b35/recovery/internal/journeytest"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// People who share an address, sign in with a user name, or have an odd address,
// with tokens and limits on a Redis.
func TestJourneys(t *testing.T) {
	s := newStore(t, redistest.Start(t).Client(t), nil)
	journeytest.Run(t, journeytest.Leads(), s, s)
}

// A help desk issues, looks and revokes, on a Redis.
func TestHelpDeskJourney(t *testing.T) {
	s := newStore(t, redistest.Start(t).Client(t), nil)
	journeytest.RunHelpDesk(t, journeytest.Leads(), s, s)
}

// A person at two brands and at none, through the JSON API, on a Redis.
func TestBrandJourneys(t *testing.T) {
	s := newStore(t, redistest.Start(t).Client(t), nil)
	journeytest.Brands(t, journeytest.Leads(), s, s)
}
