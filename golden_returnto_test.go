package recovery_test

import (
	"testing"

	"github.com/seed-51359b35/recovery"
)

// A goldenReturn is a place to return to, as a link carries it.
type goldenReturn struct{ Sealed, Place string }

// keepReturn keeps the place that the link in a message carries, if any.
func (v *golden) keepReturn(t *testing.T, m recovery.Message, place string) {
	if place != "" {
		v.Returns = append(v.Returns, goldenReturn{returnTo(t, m.URL.Reveal()), place})
	}
}

func readGoldenReturn(t *testing.T, r goldenReturn, g *goldenPortal) {
	if got := g.OpenReturnTo(r.Sealed); got != r.Place {
		t.Errorf("the place opens as %q, want %q", got, r.Place)
	}
}
