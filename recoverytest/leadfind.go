package recoverytest

import (
	"errors"
	"strings"

	"github.com/seed-51359b35/recovery"
)

var leadFindClauses = []clause[*leads]{
	{"find-by-field", "FindLead returns the one lead whose field has the value, for every field that is searched, and the lead holds that field.", func(e *leads) {
		id, lead := e.addActive()
		e.addActive()
		for _, f := range e.searched() {
			value := lead.Fields[f.Name].Value
			got := e.find(f.Name, value)
			if got.ID != id {
				e.errorf("FindLead by %s returned lead %q, want %q", f.Name, got.ID, id)
			}
			if canonical(f, got.Fields[f.Name].Value) != value {
				e.errorf("the lead found by %s %q holds %q there", f.Name, value, got.Fields[f.Name].Value)
			}
		}
	}},
	{"find-by-canonical-form", "The store finds what it holds by the canonical form: addresses in lower case, phone numbers as '+' and digits.", func(e *leads) {
		lead := e.active(random())
		given := lead
		given.Fields = map[string]recovery.FieldValue{}
		for _, f := range e.h.Fields {
			v := lead.Fields[f.Name]
			given.Fields[f.Name] = recovery.FieldValue{Value: typed(f, v.Value), Verified: v.Verified}
		}
		id := e.add(given)
		for _, f := range e.searched() {
			value := lead.Fields[f.Name].Value
			got := e.find(f.Name, value)
			if got.ID != id || canonical(f, got.Fields[f.Name].Value) != value {
				e.errorf("FindLead by %s %q returned lead %q with %q, want %q", f.Name, value, got.ID, got.Fields[f.Name].Value, id)
			}
		}
	}},
	{"find-by-id", "FindLead is asked for LeadIDField too: by the lead's own, stable ID.", func(e *leads) {
		id, lead := e.addActive()
		other, _ := e.addActive()
		if id == other {
			e.fatalf("two leads have the ID %q", id)
		}
		got := e.read(id)
		for _, f := range e.h.Fields {
			v, ok := got.Fields[f.Name]
			if !ok {
				e.errorf("the lead lacks %s, which is declared", f.Name)
			} else if canonical(f, v.Value) != lead.Fields[f.Name].Value {
				e.errorf("the lead holds %q in %s, want %q", v.Value, f.Name, lead.Fields[f.Name].Value)
			}
		}
		e.read(other)
	}},
	{"find-nobody", "FindLead returns an error that wraps ErrLeadNotFound when there is no such lead.", func(e *leads) {
		e.addActive()
		for _, f := range e.searched() {
			e.nobody("which nobody has", f.Name, e.value(f, random()))
		}
		e.nobody("which nobody has", recovery.LeadIDField, random())
	}},
	{"find-ambiguous", "FindLead returns an error that wraps ErrLeadNotFound when there is more than one such lead.", func(e *leads) {
		for _, f := range e.searched() {
			first := e.active(random())
			second := e.active(random())
			second.Fields[f.Name] = first.Fields[f.Name]
			e.add(first)
			e.add(second)
			e.nobody("which two leads have", f.Name, first.Fields[f.Name].Value)
		}
	}},
	{"find-ambiguous-case", "More than one lead has the value when two spellings of it have one canonical form.", func(e *leads) {
		for _, f := range e.searched() {
			first := e.active(random())
			second := e.active(random())
			value := first.Fields[f.Name]
			other := recovery.FieldValue{Value: typed(f, value.Value), Verified: value.Verified}
			if other.Value == value.Value {
				continue
			}
			second.Fields[f.Name] = other
			e.add(first)
			e.add(second)
			e.nobody("which two leads have, in two spellings", f.Name, value.Value)
		}
	}},
	{"find-status", "Status says whether a lead can recover a password: an active one can.", func(e *leads) {
		id, _ := e.addActive()
		if got := e.read(id); got.Status != recovery.StatusActive {
			e.errorf("Status is %q, want %q", got.Status, recovery.StatusActive)
		}
	}},
	{"find-disabled", "A lead that is disabled does not come back as active.", func(e *leads) {
		lead := e.active(random())
		lead.Status = recovery.StatusDisabled
		id := e.add(lead)
		for _, key := range e.keys(id, lead) {
			got, err := e.pick().FindLead(e.ctx, key)
			switch {
			case errors.Is(err, recovery.ErrLeadNotFound):
			case err != nil:
				e.errorf("FindLead of a disabled lead: %v", err)
			case got.Status != recovery.StatusDisabled:
				e.errorf("Status is %q, want %q", got.Status, recovery.StatusDisabled)
			}
		}
	}},
	{"find-verified", "Verified says that the person proved to receive messages there: nothing is verified that was not.", func(e *leads) {
		lead := e.active(random())
		for _, f := range e.h.Fields {
			lead.Fields[f.Name] = recovery.FieldValue{Value: lead.Fields[f.Name].Value}
		}
		unverified := e.read(e.add(lead))
		id, _ := e.addActive()
		verified := e.read(id)
		for _, f := range e.h.Fields {
			if !f.Receive {
				continue
			}
			if unverified.Fields[f.Name].Verified {
				e.errorf("%s comes back as verified, and was not", f.Name)
			}
			if !verified.Fields[f.Name].Verified {
				e.errorf("%s comes back as not verified, and was", f.Name)
			}
		}
	}},
	{"find-look-alikes", "FindLead returns the one lead whose field has the value: a look-alike is another value (A10).", func(e *leads) {
		// Victims whose names hold every letter that has such a double.
		for _, f := range e.searched() {
			if f.Type == recovery.FieldPhone {
				continue
			}
			value := e.value(f, "kis"+random())
			lead := e.active(random())
			lead.Fields[f.Name] = recovery.FieldValue{Value: value, Verified: f.Receive}
			id := e.add(lead)
			for _, double := range []struct{ letter, twin string }{
				{"k", "\u212a"}, {"i", "\u0131"}, {"s", "\u017f"}, {"i", "\u0130"},
				{"k", "\uff4b"}, {"i", "\u0456"}, {"s", "\u0455"}, {"i", "\u00ed"}, {"i", "i\u0307"}, {"s", "s\u200b"},
			} {
				e.nobody("a look-alike", f.Name, strings.Replace(value, double.letter, double.twin, 1))
			}
			for _, pad := range []string{value + " ", " " + value, value + "\u00a0", value + "\u3000", "\ufeff" + value, value + "."} {
				e.nobody("a padded value", f.Name, pad)
			}
			if f.Type == recovery.FieldEmail {
				e.nobody("a look-alike", f.Name, strings.Replace(value, "@", "\uff20", 1))
				e.nobody("an extended address", f.Name, strings.Replace(value, "@", "+x@", 1))
			}
			if got := e.find(f.Name, value); got.ID != id {
				e.errorf("FindLead returned lead %q, want %q", got.ID, id)
			}
		}
	}},
	{"find-exact-case", "Text without IgnoreCase is compared exactly, and so is an ID.", func(e *leads) {
		id, lead := e.addActive()
		for _, f := range e.searched() {
			if value := lead.Fields[f.Name].Value; f.Type == recovery.FieldText && !f.IgnoreCase {
				e.nobody("in another case", f.Name, strings.ToLower(value))
				e.nobody("cut short", f.Name, value[:len(value)-1])
			}
		}
		for _, other := range []string{strings.ToLower(id), strings.ToUpper(id)} {
			if other != id {
				e.nobody("in another case", recovery.LeadIDField, other)
			}
		}
		e.nobody("with a space", recovery.LeadIDField, id+" ")
	}},
	{"find-metacharacters", "FindLead returns the one lead whose field has the value: a value is never a pattern or a piece of a query.", func(e *leads) {
		id, lead := e.addActive()
		fields := []string{recovery.LeadIDField}
		for _, f := range e.searched() {
			fields = append(fields, f.Name)
		}
		for _, field := range fields {
			value := id
			if field != recovery.LeadIDField {
				value = lead.Fields[field].Value
			}
			for _, bad := range []string{
				"%", "_", "*", "?", ".*", "%" + value[1:], value[:1] + "%", "_" + value[1:], value[:len(value)-1] + "_",
				"' OR '1'='1", value + "' OR '1'='1", `" OR ""="`, value + "' --", value + "'; --", "1; DROP TABLE leads", value + `\`,
				"*)(uid=*", `{"$ne":null}`, "[a-z]%", "\x1a", value + "\n", "\n" + value, value + "\t",
			} {
				e.nobody("which is nobody's value", field, bad)
			}
		}
		e.read(id)
	}},
	{"find-empty", "FindLead returns the one lead whose field has the value: a lead without one is not found by the empty value.", func(e *leads) {
		for _, f := range e.searched() {
			lead := e.active(random())
			if len(e.h.Fields) > 1 {
				delete(lead.Fields, f.Name)
			}
			e.add(lead)
			e.nobody("empty", f.Name, "")
		}
		e.nobody("empty", recovery.LeadIDField, "")
	}},
	{"find-other-field", "FindLead searches the field it is asked for: a value that a lead has in another finds nobody.", func(e *leads) {
		id, lead := e.addActive()
		for _, f := range e.searched() {
			e.nobody("an ID", f.Name, id)
			e.nobody("a value of another field", recovery.LeadIDField, lead.Fields[f.Name].Value)
			for _, other := range e.h.Fields {
				if value := lead.Fields[other.Name].Value; value != lead.Fields[f.Name].Value {
					e.nobody("a value of another field", f.Name, value)
				}
			}
		}
	}},
	{"find-stable", "ID and Version are stable: what did not change reads the same, by whatever field.", func(e *leads) {
		id, lead := e.addActive()
		first := e.read(id)
		for range 3 {
			for _, key := range e.keys(id, lead) {
				if got := e.find(key.Field, key.Value); got.ID != first.ID || got.Version != first.Version {
					e.errorf("FindLead by %s: ID %q, Version %q, and before %q, %q", key.Field, got.ID, got.Version, first.ID, first.Version)
				}
			}
		}
	}},
	{"find-racing", "Implementations are safe for concurrent use.", func(e *leads) {
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
						e.errorf("FindLead returned lead %q, want %q", got.ID, ids[n])
					}
				}
				if i%4 == 0 {
					e.write(ids[n], hash())
				}
			}
		})
	}},
}

// keys are all ways to ask for a lead.
func (e *leads) keys(id string, lead recovery.Lead) []recovery.LeadKey {
	keys := []recovery.LeadKey{{Field: recovery.LeadIDField, Value: id}}
	for _, f := range e.searched() {
		keys = append(keys, recovery.LeadKey{Field: f.Name, Value: lead.Fields[f.Name].Value})
	}
	return keys
}
