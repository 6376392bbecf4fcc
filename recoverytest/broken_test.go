package recoverytest_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/seed-51359b35/recovery/recoverytest"
)

// seeded is an implementation with one bug, and the clause that must find it.
type seeded struct{ bug, clause string }

// catch runs a suite on each bug, and on none.
func catch(t *testing.T, all []seeded, examine func(t *testing.T, bug string) recoverytest.Findings) {
	found := map[string]recoverytest.Findings{}
	for _, s := range slices.Concat(all, []seeded{{}}) {
		if _, ok := found[s.bug]; !ok {
			t.Run(s.bug, func(t *testing.T) { found[s.bug] = examine(t, s.bug) })
		}
	}
	for clause, failures := range found[""] {
		t.Errorf("the implementation without a bug fails clause %s: %q", clause, failures)
	}
	for _, s := range all {
		if len(found[s.bug][s.clause]) == 0 {
			t.Errorf("bug %q: clause %s does not find it; others that do: %q", s.bug, s.clause, slices.Sorted(maps.Keys(found[s.bug])))
		}
	}
}
