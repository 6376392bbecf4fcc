package recoverytest

import (
	"slices"
	"testing"
)

// Findings are what a suite found: the failures by the name of the clause.
type Findings map[string][]string

func findings[E any](t *testing.T, s suite[E]) Findings {
	found := make(Findings)
	for _, c := range s.clauses {
		t.Run(c.name, func(t *testing.T) {
			if v := s.examine(t, c); len(v.failures) > 0 {
				found[c.name] = v.failures
			}
		})
	}
	return found
}

func ExamineTokenStore(t *testing.T, h TokenStoreHarness) Findings {
	return findings(t, tokenStoreSuite(h))
}

func ExamineLimiter(t *testing.T, h LimiterHarness) Findings { return findings(t, limiterSuite(h)) }

func ExamineLeadStore(t *testing.T, h LeadStoreHarness) Findings {
	return findings(t, leadStoreSuite(h))
}

func ExamineNotifier(t *testing.T, h NotifierHarness) Findings { return findings(t, notifierSuite(h)) }

func ExamineQueue(t *testing.T, h QueueHarness) Findings { return findings(t, queueSuite(h)) }

// Clauses returns the names and texts of all clauses, by suite.
func Clauses() map[string][][2]string {
	return map[string][][2]string{
		"TokenStore": texts(tokenStoreSuite(TokenStoreHarness{}).clauses),
		"Limiter":    texts(limiterSuite(LimiterHarness{}).clauses),
		"LeadStore":  texts(leadStoreSuite(LeadStoreHarness{}).clauses),
		"Notifier":   texts(notifierSuite(NotifierHarness{}).clauses),
		"Queue":      texts(queueSuite(QueueHarness{}).clauses),
	}
}

func texts[E any](clauses []clause[E]) (all [][2]string) {
	for _, c := range clauses {
		all = append(all, [2]string{c.name, c.text})
	}
	return slices.Clip(all)
}
