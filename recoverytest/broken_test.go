package recoverytest_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/recoverytest"
)

// seeded is an implementation with one bug, and the clause that must find it.
type seeded struct{ bug, clause string }

// TestEveryClauseIsBroken shows that there is a broken implementation for every
// clause: one that can never fail promises what it does not test.
func TestEveryClauseIsBroken(t *testing.T) {
	leads := slices.Clone(brokenLeadStores)
	for name := range alteredLeads() {
		leads = append(leads, seeded{clause: name[strings.LastIndex(name, " ")+1:]})
	}
	notifiers := append(slices.Clone(brokenNotifiers), seeded{clause: "budgets"}) // TestBrokenBudgets
	for suite, seeds := range map[string][]seeded{
		"TokenStore": brokenTokenStores, "Limiter": brokenLimiters, "LeadStore": leads, "Notifier": notifiers, "Queue": brokenQueues,
	} {
		for _, clause := range recoverytest.Clauses()[suite] {
			if !slices.ContainsFunc(seeds, func(s seeded) bool { return s.clause == clause.Name }) {
				t.Errorf("%s: no broken implementation for the clause %s", suite, clause.Name)
			}
		}
	}
}

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
			found := examine(t, s.bug, s.clause)
			if len(found) == 0 {
				t.Errorf("clause %s does not find it", s.clause)
			}
			for clause, failures := range found {
				t.Logf("%s finds %q:\n\t%s", clause, s.bug, strings.Join(failures, "\n\t"))
				for _, failure := range failures {
					wantWhole(t, failure)
				}
			}
		})
	}
}

// wantWhole fails unless the failure says where its clause is and what was
// wanted, and names errors as a program does.
func wantWhole(t *testing.T, failure string) {
	if strings.HasPrefix(failure, "goroutines of the implementation") {
		return // no line of the clause waits for them
	}
	if !clauseLine.MatchString(failure) {
		t.Errorf("the failure does not begin with the line of a clause: %s", failure)
	}
	if strings.Contains(failure, "panic: ") || strings.Contains(failure, "of the seed") {
		return // these say what the implementation did, or how to see it again
	}
	for _, part := range []string{": ", "want"} {
		if !strings.Contains(failure, part) {
			t.Errorf("the failure does not have %q: %s", part, failure)
		}
	}
	for _, part := range []string{"<nil>", "%!", `wraps "`} {
		if strings.Contains(failure, part) {
			t.Errorf("the failure has %q: %s", part, failure)
		}
	}
}

var clauseLine = regexp.MustCompile(`^(token|limiter|lead|notifier|queue)[a-z]+\.go:\d+: `)
