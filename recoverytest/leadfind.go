package recoverytest

import (
	"strings"

	"github.com/seed-51359b35/recovery"
)

var leadFindClauses = []clause[*leads]{
	{"find-by-field", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value, for every field that is searched, and the lead holds that field.", func(e *leads) {
		id, lead := e.addActive()
		e.addActive()
		for _, f := range e.searchFields() {
			value := lead.Fields[f.Name].Value
			got := e.find(f.Name, value)
			if got.ID != id {
				e.errorf("FindLead by %s returned lead %q, want %q", f.Name, got.ID, id)
			}
			if canonical(f, got.Fields[f.Name].Value) != value {
				e.errorf("FindLead by %[1]s %[2]q returned a lead with %[3]q in that field, want %[2]q", f.Name, value, got.Fields[f.Name].Value)
			}
		}
	}},
	{"find-by-canonical-form", "LeadStore.FindLead", "The store finds its leads by the canonical form of a value: addresses in lower case, phone numbers as '+' and digits.", func(e *leads) {
		lead := e.activeLead(random())
		given := lead
		given.Fields = map[string]recovery.FieldValue{}
		for _, f := range e.h.Fields {
			v := lead.Fields[f.Name]
			given.Fields[f.Name] = recovery.FieldValue{Value: asTyped(f, v.Value), Verified: v.Verified}
		}
		id := e.add(given)
		for _, f := range e.searchFields() {
			value := lead.Fields[f.Name].Value
			got := e.find(f.Name, value)
			if got.ID != id || canonical(f, got.Fields[f.Name].Value) != value {
				e.errorf("FindLead by %s %q returned lead %q with %q in that field, want lead %q", f.Name, value, got.ID, got.Fields[f.Name].Value, id)
			}
		}
	}},
	{"find-by-id", "LeadStore.FindLead", "FindLead also finds a lead by LeadIDField, which is the lead's own, stable ID.", func(e *leads) {
		id, lead := e.addActive()
		other, _ := e.addActive()
		if id == other {
			e.fatalf("Add of two leads returned the ID %q twice, want two IDs", id)
		}
		got := e.findByID(id)
		for _, f := range e.h.Fields {
			v, ok := got.Fields[f.Name]
			if !ok {
				e.errorf("the lead that FindLead returned has no %s, want every declared field", f.Name)
			} else if canonical(f, v.Value) != lead.Fields[f.Name].Value {
				e.errorf("the lead that FindLead returned has %q in %s, want %q", v.Value, f.Name, lead.Fields[f.Name].Value)
			}
		}
		e.findByID(other)
	}},
	{"find-nobody", "LeadStore.FindLead", "FindLead returns an error that wraps ErrLeadNotFound when there is no such lead.", func(e *leads) {
		e.addActive()
		for _, f := range e.searchFields() {
			e.wantNobody("which nobody has", f.Name, e.value(f, random()))
		}
		e.wantNobody("which nobody has", recovery.LeadIDField, random())
	}},
	{"find-ambiguous", "LeadStore.FindLead", "FindLead returns an error that wraps ErrLeadNotFound when there is more than one such lead.", func(e *leads) {
		for _, f := range e.searchFields() {
			first := e.activeLead(random())
			second := e.activeLead(random())
			second.Fields[f.Name] = first.Fields[f.Name]
			e.add(first)
			e.add(second)
			e.wantNobody("which two leads have", f.Name, first.Fields[f.Name].Value)
		}
	}},
	{"find-ambiguous-status", "LeadStore.FindLead", "More than one lead has the value also if only one of them is active, or is verified there: FindLead does not choose.", func(e *leads) {
		for _, f := range e.searchFields() {
			for _, status := range []recovery.LeadStatus{recovery.StatusActive, recovery.StatusDisabled} {
				first, second := e.activeLead(random()), e.activeLead(random())
				second.Status = status
				second.Fields[f.Name] = recovery.FieldValue{Value: first.Fields[f.Name].Value}
				if status == recovery.StatusDisabled {
					second.Fields[f.Name] = first.Fields[f.Name]
				}
				e.add(first)
				e.add(second)
				e.wantNobody("which two leads have", f.Name, first.Fields[f.Name].Value)
			}
		}
	}},
	{"find-ambiguous-case", "LeadStore.FindLead", "More than one lead has the value when two spellings of it have one canonical form.", func(e *leads) {
		for _, f := range e.searchFields() {
			first := e.activeLead(random())
			second := e.activeLead(random())
			value := first.Fields[f.Name]
			other := recovery.FieldValue{Value: asTyped(f, value.Value), Verified: value.Verified}
			if other.Value == value.Value {
				continue
			}
			second.Fields[f.Name] = other
			e.add(first)
			e.add(second)
			e.wantNobody("which two leads have, in two spellings", f.Name, value.Value)
		}
	}},
	{"find-look-alikes", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value: a look-alike is another value (A10).", func(e *leads) {
		// The values contain every letter that has such a look-alike.
		for _, f := range e.searchFields() {
			if f.Type == recovery.FieldTypePhone {
				continue
			}
			value := e.value(f, "kis"+random())
			lead := e.activeLead(random())
			lead.Fields[f.Name] = recovery.FieldValue{Value: value, Verified: f.Receive}
			id := e.add(lead)
			for _, double := range []struct{ letter, twin string }{
				{"k", "\u212a"}, {"i", "\u0131"}, {"s", "\u017f"}, {"i", "\u0130"},
				{"k", "\uff4b"}, {"i", "\u0456"}, {"s", "\u0455"}, {"i", "\u00ed"}, {"i", "i\u0307"}, {"s", "s\u200b"}, {"s", "s."}, {"k", "k\u034f"},
			} {
				e.wantNobody("a look-alike", f.Name, strings.Replace(value, double.letter, double.twin, 1))
			}
			for _, pad := range []string{value + " ", " " + value, value + "\u00a0", value + "\u3000", "\ufeff" + value, value + "."} {
				e.wantNobody("a padded value", f.Name, pad)
			}
			if f.Type == recovery.FieldTypeEmail {
				e.wantNobody("a look-alike", f.Name, strings.Replace(value, "@", "\uff20", 1))
				e.wantNobody("an extended address", f.Name, strings.Replace(value, "@", "+x@", 1))
			}
			if got := e.find(f.Name, value); got.ID != id {
				e.errorf("FindLead by the value itself returned lead %q, want %q", got.ID, id)
			}
		}
	}},
	{"find-stored-look-alikes", "LeadStore.FindLead", "A value that only looks alike is a different value, also if another lead has it: whoever registers it does not keep the owner from resetting (A10).", func(e *leads) {
		for _, f := range e.searchFields() {
			if f.Type == recovery.FieldTypePhone {
				continue
			}
			value := e.value(f, "kis"+random())
			owner := e.activeLead(random())
			owner.Fields[f.Name] = recovery.FieldValue{Value: value, Verified: f.Receive}
			id := e.add(owner)
			for _, twin := range lookAlikes(value) {
				other := e.activeLead(random())
				other.Fields[f.Name] = recovery.FieldValue{Value: twin, Verified: f.Receive}
				e.add(other)
			}
			if got := e.find(f.Name, value); got.ID != id {
				e.errorf("FindLead by %s %q returned lead %q, want %q, the only one that has this value", f.Name, value, got.ID, id)
			}
		}
	}},
	{"find-long-values", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value: values that differ only in their last characters are different, however long they are.", func(e *leads) {
		if e.h.Value != nil {
			e.skip("needs values of the suite's own, without LeadStoreHarness.Value")
		}
		for _, f := range e.searchFields() {
			if f.Type == recovery.FieldTypePhone {
				continue
			}
			// The part of an address before the '@' has at most 64 bytes.
			name := random() + random() + random()[:11]
			values := []string{e.value(f, name+"x"), e.value(f, name+"y"), e.value(f, name[:60]), e.value(f, name)}
			var ids []string
			for _, value := range values[:3] {
				lead := e.activeLead(random())
				lead.Fields[f.Name] = recovery.FieldValue{Value: value, Verified: f.Receive}
				ids = append(ids, e.add(lead))
			}
			for i, id := range ids {
				if got := e.find(f.Name, values[i]); got.ID != id || canonical(f, got.Fields[f.Name].Value) != values[i] {
					e.errorf("FindLead by %s %q returned lead %q with %q in that field, want lead %q", f.Name, values[i], got.ID, got.Fields[f.Name].Value, id)
				}
			}
			e.wantNobody("almost the value of others", f.Name, values[3])
		}
	}},
	{"find-dots-and-letters", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value: addresses that differ only in dots before the '@', or in letters outside ASCII, are different addresses, and each is found.", func(e *leads) {
		if e.h.Value != nil {
			e.skip("needs values of the suite's own, without LeadStoreHarness.Value")
		}
		for _, f := range e.searchFields() {
			if f.Type != recovery.FieldTypeEmail {
				continue
			}
			name, domain, _ := strings.Cut(e.value(f, random()), "@")
			ids := map[string]string{}
			for _, local := range []string{name, name + ".", name + "..", "u." + name, "u.." + name, "u" + name, "\u00fc" + name, "\u7528" + name} {
				lead := e.activeLead(random())
				lead.Fields[f.Name] = recovery.FieldValue{Value: local + "@" + domain, Verified: f.Receive}
				ids[local+"@"+domain] = e.add(lead)
			}
			for value, id := range ids {
				if got := e.find(f.Name, value); got.ID != id || canonical(f, got.Fields[f.Name].Value) != value {
					e.errorf("FindLead by %s %q returned lead %q with %q in that field, want lead %q", f.Name, value, got.ID, got.Fields[f.Name].Value, id)
				}
			}
			e.wantNobody("decomposed", f.Name, "u\u0308"+name+"@"+domain)
		}
	}},
	{"find-exact-case", "LeadStore.FindLead", "Text without IgnoreCase is compared exactly.", func(e *leads) {
		_, lead := e.addActive()
		for _, f := range e.searchFields() {
			if value := lead.Fields[f.Name].Value; f.Type == recovery.FieldTypeText && !f.IgnoreCase {
				e.wantNobody("in another case", f.Name, strings.ToLower(value))
				e.wantNobody("cut short", f.Name, value[:len(value)-1])
			}
		}
	}},
	{"find-exact-id", "LeadStore.FindLead", "An ID is compared exactly. One that looks alike, or that the store could not hold, is nobody's.", func(e *leads) {
		id, _ := e.addActive()
		e.addActive()
		for _, other := range e.otherIDs(id) {
			e.wantNobody("like an ID", recovery.LeadIDField, other)
		}
		e.findByID(id)
	}},
	{"find-metacharacters", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value: a value is never a pattern or a piece of a query.", func(e *leads) {
		id, lead := e.addActive()
		fields := []string{recovery.LeadIDField}
		for _, f := range e.searchFields() {
			fields = append(fields, f.Name)
		}
		for _, field := range fields {
			value := id
			if field != recovery.LeadIDField {
				value = lead.Fields[field].Value
			}
			for _, pattern := range []string{
				"%", "_", "*", "?", ".*", "%" + value[1:], value[:1] + "%", "_" + value[1:], value[:len(value)-1] + "_",
				"' OR '1'='1", value + "' OR '1'='1", `" OR ""="`, value + "' --", value + "'; --", "1; DROP TABLE leads", value + `\`,
				"*)(uid=*", `{"$ne":null}`, "[a-z]%", "\x1a", value + "\n", "\n" + value, value + "\t",
			} {
				e.wantNobody("which is nobody's value", field, pattern)
			}
		}
		e.findByID(id)
	}},
	{"find-empty", "LeadStore.FindLead", "FindLead returns the one lead whose field has the value: a lead without one is not found by the empty value.", func(e *leads) {
		for _, f := range e.searchFields() {
			lead := e.activeLead(random())
			if len(e.h.Fields) > 1 {
				delete(lead.Fields, f.Name)
			}
			e.add(lead)
			e.wantNobody("empty", f.Name, "")
		}
		e.wantNobody("empty", recovery.LeadIDField, "")
	}},
	{"find-other-field", "LeadStore.FindLead", "FindLead searches the field it is asked for: a value that a lead has in another finds nobody.", func(e *leads) {
		id, lead := e.addActive()
		for _, f := range e.searchFields() {
			e.wantNobody("an ID", f.Name, id)
			e.wantNobody("a value of another field", recovery.LeadIDField, lead.Fields[f.Name].Value)
			for _, other := range e.h.Fields {
				if value := lead.Fields[other.Name].Value; value != lead.Fields[f.Name].Value {
					e.wantNobody("a value of another field", f.Name, value)
				}
			}
		}
	}},
	{"find-stable", "Lead.ID", "ID and Version are stable: a lead that did not change reads the same, by any field.", func(e *leads) {
		id, lead := e.addActive()
		first := e.findByID(id)
		for range 3 {
			for _, key := range e.keys(id, lead) {
				if got := e.find(key.Field, key.Value); got.ID != first.ID || got.Version != first.Version {
					e.errorf("FindLead by %s: ID is %q, Version %q, want %q, %q, as before", key.Field, got.ID, got.Version, first.ID, first.Version)
				}
			}
		}
	}},
	{"find-racing", "LeadStore", "Implementations are safe for concurrent use.", func(e *leads) {
		var all []recovery.Lead
		var ids []string
		for range 8 {
			id, lead := e.addActive()
			ids, all = append(ids, id), append(all, lead)
		}
		e.race(32, func(i int) {
			for j := range 10 {
				n := (i + j) % len(all)
				for _, key := range e.keys(ids[n], all[n]) {
					if got := e.find(key.Field, key.Value); got.ID != ids[n] {
						e.errorf("FindLead by %s beside other calls returned lead %q, want %q", key.Field, got.ID, ids[n])
					}
				}
				if i%4 == 0 {
					e.setHash(ids[n], newHash())
				}
			}
		})
	}},
}

// lookAlikes returns values that look like one with the letters k, i and s.
func lookAlikes(value string) []string {
	return []string{
		strings.Replace(value, "k", "\u212a", 1), strings.Replace(value, "i", "\u0131", 1), strings.Replace(value, "i", "\u00ed", 1),
		strings.Replace(value, "s", "\u017f", 1), strings.Replace(value, "s", "s\u200b", 1),
	}
}

// otherIDs returns values that are nobody's ID, and that a column which folds,
// cuts, pads or converts could take for this one.
func (e *leads) otherIDs(id string) (all []string) {
	for _, other := range []string{
		strings.ToLower(id), strings.ToUpper(id), id[:len(id)-1], id[1:], id + "x", id + "0", "0" + id, "+" + id, "-" + id,
		id + " ", " " + id, id + "\n", id + "\t", id + "\x00", id + ".0", id + "e0", "{" + id + "}", strings.ReplaceAll(id, "-", ""),
		id + strings.Repeat("x", 256), strings.Repeat("9", 40), "-1", "\u212a", strings.Repeat("x", 256),
	} {
		if other == id || other == "" || isCount(id) && isCount(other) && len(other) < 40 {
			continue // another lead may have the next number
		}
		got, err := e.first.FindLead(e.ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: other})
		if err != nil || got.ID != other {
			all = append(all, other)
		}
	}
	return all
}

// isCount reports whether the ID is one that a counter gives.
func isCount(id string) bool { return strings.Trim(id, "0123456789") == "" && id[0] != '0' }

// keys returns all keys by which FindLead finds the lead.
func (e *leads) keys(id string, lead recovery.Lead) []recovery.LeadKey {
	keys := []recovery.LeadKey{{Field: recovery.LeadIDField, Value: id}}
	for _, f := range e.searchFields() {
		keys = append(keys, recovery.LeadKey{Field: f.Name, Value: lead.Fields[f.Name].Value})
	}
	return keys
}
