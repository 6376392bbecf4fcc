package recoverytest

import (
	"slices"
	"testing"
)

// Findings are what a suite found: the failures by the name of the clause.
type Findings map[string][]string

// findings runs the named clauses, or all if none is named.
func findings[E any](t *testing.T, s suite[E], names []string) Findings {
	found := make(Findings)
	for _, c := range s.all() {
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if v := s.examine(t, c); len(v.failures) > 0 {
				found[c.name] = v.failures
			}
		})
	}
	return found
}

func ExamineTokenStore(t *testing.T, h TokenStoreHarness, clauses ...string) Findings {
	return findings(t, tokenStoreSuite(h), clauses)
}

func ExamineLimiter(t *testing.T, h LimiterHarness, clauses ...string) Findings {
	return findings(t, limiterSuite(h), clauses)
}

// ExamineLimiterOnce runs each clause once, also where its calls were slow.
func ExamineLimiterOnce(t *testing.T, h LimiterHarness, clauses ...string) Findings {
	found := make(Findings)
	s := limiterSuite(h)
	for _, c := range s.all() {
		if slices.Contains(clauses, c.name) {
			p := s.probe(t)
			s.once(p, c)
			if v := p.verdict(); len(v.failures) > 0 {
				found[c.name] = v.failures
			}
		}
	}
	return found
}

func ExamineLeadStore(t *testing.T, h LeadStoreHarness, clauses ...string) Findings {
	return findings(t, leadStoreSuite(h), clauses)
}

func ExamineNotifier(t *testing.T, h NotifierHarness, clauses ...string) Findings {
	return findings(t, notifierSuite(h), clauses)
}

func ExamineQueue(t *testing.T, h QueueHarness, clauses ...string) Findings {
	return findings(t, queueSuite(h), clauses)
}

// A Clause is what a suite says of a clause.
type Clause struct{ Name, Where, Text string }

// Clauses returns all clauses, by suite.
func Clauses() map[string][]Clause {
	return map[string][]Clause{
		"TokenStore": texts(tokenStoreSuite(TokenStoreHarness{}).all()),
		"Limiter":    texts(limiterSuite(LimiterHarness{}).all()),
		"LeadStore":  texts(leadStoreSuite(LeadStoreHarness{}).all()),
		"Notifier":   texts(notifierSuite(NotifierHarness{}).all()),
		"Queue":      texts(queueSuite(QueueHarness{}).all()),
	}
}

func texts[E any](clauses []clause[E]) (all []Clause) {
	for _, c := range clauses {
		all = append(all, Clause{c.name, c.where, c.text})
	}
	return slices.Clip(all)
}

// QuotesSecret is quotesSecret.
var QuotesSecret = quotesSecret
