package recoverytest

import (
	"errors"
	"maps"
	"slices"

	"github.com/seed-51359b35/recovery"
)

// leadRecordClauses are about what a lead holds once it is found.
var leadRecordClauses = []clause[*leads]{
	{"find-status", "LeadStatus", "Status says whether a lead can recover a password: an active lead can.", func(e *leads) {
		id, _ := e.addActive()
		if got := e.findByID(id); got.Status != recovery.StatusActive {
			e.errorf("FindLead of an active lead: Status is %q, want %q", got.Status, recovery.StatusActive)
		}
	}},
	{"find-disabled", "LeadStatus", "A lead that is disabled does not come back as active.", func(e *leads) {
		lead := e.activeLead(random())
		lead.Status = recovery.StatusDisabled
		id := e.add(lead)
		for _, key := range e.keys(id, lead) {
			got, err := e.pick().FindLead(e.ctx, key)
			switch {
			case errors.Is(err, recovery.ErrLeadNotFound):
			case err != nil:
				e.errorf("FindLead of a disabled lead: it returned %s, want none or recovery.ErrLeadNotFound", outcomeOf(err))
			case got.Status != recovery.StatusDisabled:
				e.errorf("FindLead of a disabled lead: Status is %q, want %q", got.Status, recovery.StatusDisabled)
			}
		}
	}},
	{"find-no-password", "LeadStatus", "A lead that signs in elsewhere comes back with StatusNoPassword.", func(e *leads) {
		lead := e.activeLead(random())
		lead.Status = recovery.StatusNoPassword
		id := e.add(lead)
		for _, key := range e.keys(id, lead) {
			if got := e.find(key.Field, key.Value); got.Status != recovery.StatusNoPassword {
				e.errorf("FindLead by %s of a lead without a password: Status is %q, want %q", key.Field, got.Status, recovery.StatusNoPassword)
			}
		}
	}},
	{"find-verified", "FieldValue.Verified", "Verified says that the person proved to receive messages there: a value comes back as verified only if it is.", func(e *leads) {
		lead := e.activeLead(random())
		for _, f := range e.h.Fields {
			lead.Fields[f.Name] = recovery.FieldValue{Value: lead.Fields[f.Name].Value}
		}
		unverified := e.findByID(e.add(lead))
		id, _ := e.addActive()
		verified := e.findByID(id)
		for _, f := range e.h.Fields {
			if !f.Receive {
				continue
			}
			if unverified.Fields[f.Name].Verified {
				e.errorf("FindLead of a lead whose %s was added as not verified: Verified is true, want false", f.Name)
			}
			if !verified.Fields[f.Name].Verified {
				e.errorf("FindLead of a lead whose %s was added as verified: Verified is false, want true", f.Name)
			}
		}
	}},
	{"find-verified-apart", "FieldValue.Verified", "Verified says that the person proved to receive messages at this Value: each field comes back with its own.", func(e *leads) {
		for _, f := range e.h.Fields {
			if !f.Receive {
				continue
			}
			for _, verified := range []bool{true, false} {
				lead := e.activeLead(random())
				for name, v := range lead.Fields {
					lead.Fields[name] = recovery.FieldValue{Value: v.Value, Verified: (name == f.Name) == verified && e.receives(name)}
				}
				id := e.add(lead)
				for _, key := range e.keys(id, lead) {
					got := e.find(key.Field, key.Value)
					for name, want := range lead.Fields {
						if e.receives(name) && got.Fields[name].Verified != want.Verified {
							e.errorf("FindLead by %s: Verified of %s is %v, want %v, as it was added", key.Field, name, got.Fields[name].Verified, want.Verified)
						}
					}
				}
			}
		}
	}},
	{"find-whole-lead", "Lead.Fields", "Fields holds the field that was searched, those that may receive, and the others: by every key FindLead returns the same lead.", func(e *leads) {
		id, lead := e.addActive()
		want := e.findByID(id)
		for _, key := range e.keys(id, lead) {
			got := e.find(key.Field, key.Value)
			for _, f := range e.h.Fields {
				if v, ok := got.Fields[f.Name]; !ok || canonical(f, v.Value) != lead.Fields[f.Name].Value || v != want.Fields[f.Name] {
					e.errorf("FindLead by %s: %s is %+v, want %+v, as by ID and as it was added", key.Field, f.Name, v, want.Fields[f.Name])
				}
			}
			if got.Status != want.Status || got.Name != want.Name || got.Locale != want.Locale || !slices.Equal(got.IdentityProviders, want.IdentityProviders) {
				e.errorf("FindLead by %s: Status %q, Name %q, Locale %q, IdentityProviders %q, want %q, %q, %q, %q, as by ID",
					key.Field, got.Status, got.Name, got.Locale, got.IdentityProviders, want.Status, want.Name, want.Locale, want.IdentityProviders)
			}
		}
	}},
	{"find-copies", "LeadStore.FindLead", "Implementations are safe for concurrent use: a lead belongs to the caller, who may change its Fields and IdentityProviders.", func(e *leads) {
		id, lead := e.addActive()
		want := e.findByID(id)
		fields := maps.Clone(want.Fields)
		// One after the other: two writers of one map would end the process.
		for _, key := range e.keys(id, lead) {
			got := e.find(key.Field, key.Value)
			for name := range got.Fields {
				got.Fields[name] = recovery.FieldValue{Value: "changed@example.net", Verified: true}
			}
			if got.Fields != nil {
				got.Fields["Added"] = recovery.FieldValue{Value: "added"}
			}
			for i := range got.IdentityProviders {
				got.IdentityProviders[i] = "changed"
			}
		}
		for _, key := range e.keys(id, lead) {
			if got := e.find(key.Field, key.Value); got.Version != want.Version || !maps.Equal(got.Fields, fields) {
				e.errorf("after a caller changed the lead that it got: FindLead by %s returned Fields %+v and Version %q, want %+v and %q, as before", key.Field, got.Fields, got.Version, fields, want.Version)
			}
		}
	}},
}

// receives reports whether messages may be sent to the field.
func (e *leads) receives(name string) bool {
	return slices.ContainsFunc(e.h.Fields, func(f recovery.Field) bool { return f.Name == name && f.Receive })
}
