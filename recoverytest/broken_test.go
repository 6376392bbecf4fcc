package recoverytest_test

import (
	"testing"

	"github.com/seed-51359b35/recovery/recoverytest"
)

// seeded is an implementation with one bug, and the clause that must find it.
type seeded struct{ bug, clause string }

// catch runs the whole suite on the implementation without a bug, and on each
// bug the clauses that must find it.
func catch(t *testing.T, all []seeded, examine func(t *testing.T, bug string, clauses ...string) recoverytest.Findings) {
	t.Run("none", func(t *testing.T) {
		for clause, failures := range examine(t, "") {
			t.Errorf("clause %s fails: %q", clause, failures)
		}
	})
	for _, s := range all {
		t.Run(s.bug, func(t *testing.T) {
			if found := examine(t, s.bug, s.clause); len(found) == 0 {
				t.Errorf("clause %s does not find it", s.clause)
			}
		})
	}
}
