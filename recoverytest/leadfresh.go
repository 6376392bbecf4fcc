package recoverytest

import (
	"github.com/seed-51359b35/recovery"
)

// leadFreshClauses are about leads that have few values, and about what a store
// may not remember.
var leadFreshClauses = []clause[*leads]{
	{"find-one-value", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value, also if all its other fields are empty.", func(e *leads) {
		for _, f := range e.searchFields() {
			lead := e.activeLead(random())
			value := lead.Fields[f.Name]
			lead.Fields = map[string]recovery.FieldValue{f.Name: value}
			id := e.add(lead)
			for _, got := range []recovery.Lead{e.find(f.Name, value.Value), e.findByID(id)} {
				if got.ID != id || canonical(f, got.Fields[f.Name].Value) != value.Value {
					e.errorf("FindLead of a lead that has only %s: it returned lead %q with %q in that field, want lead %q with %q", f.Name, got.ID, got.Fields[f.Name].Value, id, value.Value)
				}
				for _, other := range e.h.Fields {
					if v := got.Fields[other.Name]; other.Name != f.Name && v.Value != "" {
						e.errorf("FindLead of a lead that has only %s: it returned %q in %s, want nothing there", f.Name, v.Value, other.Name)
					}
				}
			}
		}
	}},
	{"find-new", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value: also one that was added, or got the value, just after a search for it found nobody.", func(e *leads) {
		for _, f := range e.searchFields() {
			lead := e.activeLead(random())
			value := lead.Fields[f.Name].Value
			e.wantNobodyYet(f, value)
			id := e.add(lead)
			e.wantEverywhere("a lead that was just added", f, value, id)
			if e.h.SetValue == nil {
				continue
			}
			next := e.value(f, random())
			e.wantNobodyYet(f, next)
			e.h.SetValue(e.t, e.first, id, f.Name, next)
			e.wantEverywhere("a lead that just got the value", f, next, id)
		}
	}},
}

// wantNobodyYet fails if a value is found by one of the instances.
func (e *leads) wantNobodyYet(f recovery.Field, value string) {
	for range e.all {
		e.wantNobody("which nobody has yet", f.Name, value)
	}
}

// wantEverywhere fails unless each instance finds the lead.
func (e *leads) wantEverywhere(what string, f recovery.Field, value, id string) {
	for range e.all {
		lead, err := e.pick().FindLead(e.ctx, recovery.LeadKey{Field: f.Name, Value: value})
		if err != nil || lead.ID != id {
			e.errorf("FindLead by %s of %s, for whom a search before found nobody: it returned lead %q and %s, want lead %q", f.Name, what, lead.ID, outcomeOf(err), id)
		}
	}
}
