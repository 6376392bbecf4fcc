package recoverytest

import (
	"errors"
	"slices"

	"github.com/seed-51359b35/recovery"
)

// leadMultiClauses are about stores that find several leads with one value.
var leadMultiClauses = []clause[*leads]{
	{"multi-all", "MultiLeadStore.FindLeads", "FindLeads returns the leads whose field has the value, whatever their status: those among which FindLead does not choose.", func(e *leads) {
		for _, f := range e.searchFields() {
			value := e.activeLead(random()).Fields[f.Name].Value
			var want []string
			for i, status := range []recovery.LeadStatus{recovery.StatusActive, recovery.StatusDisabled, recovery.StatusNoPassword} {
				want = append(want, e.addWith(f, value, status))
				e.wantAll(f, value, 8, want)
				if i > 0 {
					e.wantNobody("which several leads have", f.Name, value)
				}
			}
		}
	}},
	{"multi-none", "MultiLeadStore.FindLeads", "If there is none, it returns no lead, and no error or one that wraps ErrLeadNotFound.", func(e *leads) {
		e.addActive()
		for _, f := range e.searchFields() {
			for _, value := range []string{e.value(f, random()), "' OR '1'='1", "%", ""} {
				e.wantAll(f, value, 8, nil)
			}
		}
	}},
	{"multi-max", "MultiLeadStore.FindLeads", "If there are more than max, it returns max of them.", func(e *leads) {
		for _, f := range e.searchFields() {
			value := e.activeLead(random()).Fields[f.Name].Value
			var ids []string
			for range 4 {
				ids = append(ids, e.addWith(f, value, recovery.StatusActive))
			}
			for _, max := range []int{1, 3, 4, 5} {
				got := e.findAll(f, value, max)
				if len(got) != min(max, len(ids)) {
					e.errorf("FindLeads by %s %q with max %d: it returned %d leads, want %d, because 4 have the value", f.Name, value, max, len(got), min(max, len(ids)))
				}
				for _, lead := range got {
					if !slices.Contains(ids, lead.ID) {
						e.errorf("FindLeads by %s %q: it returned the lead %q, want only those that have the value: %q", f.Name, value, lead.ID, ids)
					}
				}
			}
		}
	}},
	{"multi-order", "MultiLeadStore.FindLeads", "They come in an order that stays the same while the leads do.", func(e *leads) {
		f := e.searchFields()[0]
		value := e.activeLead(random()).Fields[f.Name].Value
		for range 5 {
			e.addWith(f, value, recovery.StatusActive)
		}
		first := idsOf(e.findAll(f, value, 8))
		e.setHash(first[len(first)-1], newHash()) // where a row is written anew, it may move
		e.setHash(first[0], newHash())
		for range 3 {
			if got := idsOf(e.findAll(f, value, 8)); !slices.Equal(got, first) {
				e.errorf("FindLeads by %s %q returned %q, and %q before, want the same order", f.Name, value, got, first)
			}
			if got := idsOf(e.findAll(f, value, 2)); !slices.Equal(got, first[:2]) {
				e.errorf("FindLeads by %s %q with max 2 returned %q, want the first two of %q", f.Name, value, got, first)
			}
		}
	}},
	{"multi-complete", "MultiLeadStore.FindLeads", "Each lead is as FindLead returns it.", func(e *leads) {
		f := e.searchFields()[0]
		value := e.activeLead(random()).Fields[f.Name].Value
		e.addWith(f, value, recovery.StatusActive)
		e.addWith(f, value, recovery.StatusDisabled)
		for _, lead := range e.findAll(f, value, 8) {
			want := e.findByID(lead.ID)
			if lead.Version != want.Version || lead.Status != want.Status || lead.Name != want.Name || lead.Locale != want.Locale {
				e.errorf("FindLeads returned %q with Version %q and Status %q, want %q and %q, as FindLead by ID", lead.ID, lead.Version, lead.Status, want.Version, want.Status)
			}
			for name, v := range want.Fields {
				if lead.Fields[name] != v {
					e.errorf("FindLeads returned %q with %q in %s, want %q, as FindLead by ID", lead.ID, lead.Fields[name].Value, name, v.Value)
				}
			}
		}
	}},
	{"multi-look-alikes", "MultiLeadStore.FindLeads", "Values are compared in the same way: a look-alike is another value, and another spelling with the same canonical form is none (A10).", func(e *leads) {
		for _, f := range e.searchFields() {
			value := e.value(f, "kis"+random())
			want := []string{e.addWith(f, value, recovery.StatusActive)}
			if other := asTyped(f, value); other != value {
				want = append(want, e.addWith(f, other, recovery.StatusActive))
			}
			if f.Type != recovery.FieldTypePhone {
				for _, twin := range lookAlikes(value) {
					e.addWith(f, twin, recovery.StatusActive)
				}
			}
			e.wantAll(f, value, 8, want)
		}
	}},
}

// addWith adds a lead that has the value in the field, and random ones elsewhere.
func (e *leads) addWith(f recovery.Field, value string, status recovery.LeadStatus) (id string) {
	e.multiStore()
	lead := e.activeLead(random())
	lead.Status = status
	lead.Fields[f.Name] = recovery.FieldValue{Value: value, Verified: f.Receive}
	return e.add(lead)
}

// findAll calls FindLeads, and fails if that returns an error or a lead that breaks
// the contract.
func (e *leads) findAll(f recovery.Field, value string, max int) []recovery.Lead {
	got, err := e.multiStore().FindLeads(e.ctx, recovery.LeadKey{Field: f.Name, Value: value}, max)
	if err != nil && (len(got) > 0 || !errors.Is(err, recovery.ErrLeadNotFound)) {
		e.fatalf("FindLeads by %s %q: it returned %d leads and %s, want no error", f.Name, value, len(got), outcomeOf(err))
	}
	for _, lead := range got {
		if canonical(f, lead.Fields[f.Name].Value) != value {
			e.errorf("FindLeads by %[1]s %[2]q returned lead %[3]q with %[4]q in that field, want %[2]q", f.Name, value, lead.ID, lead.Fields[f.Name].Value)
		}
		if lead.ID == "" || lead.Version == "" {
			e.errorf("FindLeads by %s %q returned a lead with the ID %q and the Version %q, want both", f.Name, value, lead.ID, lead.Version)
		}
	}
	return got
}

// wantAll fails unless FindLeads returns exactly these leads, in whatever order.
func (e *leads) wantAll(f recovery.Field, value string, max int, want []string) {
	got := idsOf(e.findAll(f, value, max))
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		e.errorf("FindLeads by %s %q: it returned the leads %q, want %q", f.Name, value, got, want)
	}
}

func idsOf(leads []recovery.Lead) []string {
	ids := make([]string, len(leads))
	for i, lead := range leads {
		ids[i] = lead.ID
	}
	return ids
}

// multiStore returns the store, or the next instance. It skips the clause for a
// store that finds one lead only.
func (e *leads) multiStore() recovery.MultiLeadStore {
	if _, ok := e.first.(recovery.MultiLeadStore); !ok {
		e.skip("not a MultiLeadStore")
	}
	return e.pick().(recovery.MultiLeadStore)
}
