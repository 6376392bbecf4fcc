package recoverytest

import (
	"slices"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
)

var leadFirstClauses = []clause[*leads]{
	{"reset-required-ends", "LeadStore.SetPasswordHash", "The write of a new password makes a lead with StatusResetRequired active, in the same step, and one that is disabled stays so.", func(e *leads) {
		e.needStatus(recovery.StatusResetRequired)
		write := map[string]func(id, hash string) error{
			"SetPasswordHash": func(id, hash string) error { return e.pick().SetPasswordHash(e.ctx, id, hash) },
		}
		if _, ok := e.first.(recovery.VersionedLeadStore); ok {
			write["SetPasswordHashIf"] = func(id, hash string) error {
				return e.pick().(recovery.VersionedLeadStore).SetPasswordHashIf(e.ctx, id, e.findByID(id).Version, hash)
			}
		}
		for name, set := range write {
			lead := e.activeLead(random())
			lead.Status = recovery.StatusResetRequired
			id, hash := e.add(lead), newHash()
			if got := e.findByID(id).Status; got != recovery.StatusResetRequired {
				e.fatalf("FindLead of a lead that has to reset its password: Status is %q, want %q", got, recovery.StatusResetRequired)
			}
			before := e.findByID(id).Version
			if err := set(id, hash); err != nil {
				e.fatalf("%s of a lead that has to reset its password: it returned %s, want none", name, outcomeOf(err))
			}
			e.wantHash("after "+name, id, hash)
			got := e.findByID(id)
			if got.Status != recovery.StatusActive {
				e.errorf("after %s of a lead that had to reset its password: Status is %q, want %q", name, got.Status, recovery.StatusActive)
			}
			if got.Version == before {
				e.errorf("after %s of a lead that had to reset its password: Version is as before, want another", name)
			}
		}
	}},
	{"first-password-writes", "FirstPasswordLeadStore.SetFirstPasswordHashIf", "SetFirstPasswordHashIf writes the hash and makes the lead active. It verifies no address.", func(e *leads) {
		s := e.firstPasswordStore()
		id, lead := e.addInvited()
		found, hash := e.findByID(id), newLongHash()
		if found.Status != recovery.StatusInvited {
			e.fatalf("FindLead of an invited lead: Status is %q, want %q", found.Status, recovery.StatusInvited)
		}
		if err := s().SetFirstPasswordHashIf(e.ctx, id, found.Version, hash); err != nil {
			e.fatalf("SetFirstPasswordHashIf with the present version: it returned %s, want none", outcomeOf(err))
		}
		e.wantHash("after SetFirstPasswordHashIf", id, hash)
		got := e.findByID(id)
		if got.Status != recovery.StatusActive || got.Version == found.Version {
			e.errorf("after SetFirstPasswordHashIf: Status is %q, want %q; the Version is another: %t, want true", got.Status, recovery.StatusActive, got.Version != found.Version)
		}
		for _, f := range e.h.Fields {
			if f.Receive && got.Fields[f.Name].Verified != lead.Fields[f.Name].Verified {
				e.errorf("after SetFirstPasswordHashIf: Verified of %s is %t, want %t, as before", f.Name, got.Fields[f.Name].Verified, lead.Fields[f.Name].Verified)
			}
		}
	}},
	{"first-password-refuses", "FirstPasswordLeadStore.SetFirstPasswordHashIf", "SetFirstPasswordHashIf writes nothing for a lead that has another version or a password, is disabled, or is not there: the error wraps ErrNotWritten and, if the lead is there, ErrVersionChanged.", func(e *leads) {
		s := e.firstPasswordStore()
		active, _ := e.addActive()
		kept := newHash()
		e.setHash(active, kept)
		e.wantChanged(s().SetFirstPasswordHashIf(e.ctx, active, e.findByID(active).Version, newHash()), "SetFirstPasswordHashIf of a lead that has a password")
		e.wantHash("after SetFirstPasswordHashIf of a lead that has a password", active, kept)
		id, _ := e.addInvited()
		version := e.findByID(id).Version
		for _, other := range []string{"", version + "x", strings.ToUpper(version) + "0", e.findByID(active).Version} {
			e.wantChanged(s().SetFirstPasswordHashIf(e.ctx, id, other, newHash()), "SetFirstPasswordHashIf with another version")
		}
		if got := e.findByID(id); got.Status != recovery.StatusInvited || got.Version != version {
			e.errorf("after refused writes: Status is %q and Version %q, want %q and %q, as before", got.Status, got.Version, recovery.StatusInvited, version)
		}
		e.wantError(s().SetFirstPasswordHashIf(e.ctx, random(), version, newHash()), recovery.ErrNotWritten, "SetFirstPasswordHashIf of an unknown lead")
		if e.h.SetStatus != nil {
			e.h.SetStatus(e.t, e.first, id, recovery.StatusDisabled)
			for _, v := range []string{version, e.findByID(id).Version} {
				e.wantChanged(s().SetFirstPasswordHashIf(e.ctx, id, v, newHash()), "SetFirstPasswordHashIf of a disabled lead")
			}
			if got := e.findByID(id).Status; got != recovery.StatusDisabled {
				e.errorf("after SetFirstPasswordHashIf of a disabled lead: Status is %q, want %q", got, recovery.StatusDisabled)
			}
		}
	}},
	{"first-password-racing", "FirstPasswordLeadStore.SetFirstPasswordHashIf", "SetFirstPasswordHashIf is one atomic step: of 32 calls at once with the same version exactly one writes.", func(e *leads) {
		s := e.firstPasswordStore()
		for range e.rounds(5, 2) {
			id, _ := e.addInvited()
			version := e.findByID(id).Version
			var mu sync.Mutex
			var winners []string
			e.race(32, func(int) {
				h := newLongHash()
				if err := s().SetFirstPasswordHashIf(e.ctx, id, version, h); err != nil {
					e.wantChanged(err, "SetFirstPasswordHashIf by a loser")
					return
				}
				mu.Lock()
				winners = append(winners, h)
				mu.Unlock()
			})
			if len(winners) != 1 {
				e.fatalf("SetFirstPasswordHashIf, called 32 times at once with the same version: %d calls returned no error, want 1", len(winners))
			}
			e.wantHash("after the race", id, winners[0])
		}
	}},
	{"verify-marks", "VerifyingLeadStore.MarkVerified", "MarkVerified marks the lead's value of one field as verified, if it still is that value, and changes nothing else.", func(e *leads) {
		v, ok := e.first.(recovery.VerifyingLeadStore)
		if !ok {
			e.skip("not a VerifyingLeadStore")
		}
		for _, f := range e.h.Fields {
			if !f.Receive {
				continue
			}
			lead := e.activeLead(random())
			for name, value := range lead.Fields {
				lead.Fields[name] = recovery.FieldValue{Value: value.Value}
			}
			id, hash := e.add(lead), newHash()
			e.setHash(id, hash)
			before := e.findByID(id)
			stored := before.Fields[f.Name].Value
			for _, c := range [][3]string{
				{id, f.Name, stored + "x"}, {id, f.Name, ""}, {id, f.Name, stored[:len(stored)-1]}, {random(), f.Name, stored},
			} {
				if err := v.MarkVerified(e.ctx, c[0], c[1], c[2]); err != nil {
					e.errorf("MarkVerified of a value that the lead does not have: it returned %s, want none", outcomeOf(err))
				}
			}
			if got := e.findByID(id); got.Fields[f.Name].Verified || got.Version != before.Version {
				e.errorf("after MarkVerified of other values: Verified of %s is %t, want false, and Version is as before: %t, want true", f.Name, got.Fields[f.Name].Verified, got.Version == before.Version)
			}
			if err := v.MarkVerified(e.ctx, id, f.Name, stored); err != nil {
				e.fatalf("MarkVerified of the stored value: it returned %s, want none", outcomeOf(err))
			}
			got := e.findByID(id)
			for name, value := range got.Fields {
				if other, _ := e.field(name); other.Receive && value.Verified != (name == f.Name) {
					e.errorf("after MarkVerified of %s: Verified of %s is %t, want %t", f.Name, name, value.Verified, name == f.Name)
				}
			}
			if got.Version == before.Version || got.Status != recovery.StatusActive || got.Fields[f.Name].Value != stored {
				e.errorf("after MarkVerified of %s: Version is another: %t, want true; Status is %q, want %q; the value is as before: %t, want true",
					f.Name, got.Version != before.Version, got.Status, recovery.StatusActive, got.Fields[f.Name].Value == stored)
			}
			e.wantHash("after MarkVerified", id, hash)
		}
	}},
}

// needStatus skips the clause for a store that cannot return the status.
func (e *leads) needStatus(status recovery.LeadStatus) {
	if !slices.Contains(e.h.Statuses, status) {
		e.skip("needs " + string(status) + " in LeadStoreHarness.Statuses")
	}
}

// firstPasswordStore returns a function that returns the store, or the next
// instance. It skips the clause for a store that is no FirstPasswordLeadStore.
func (e *leads) firstPasswordStore() func() recovery.FirstPasswordLeadStore {
	if _, ok := e.first.(recovery.FirstPasswordLeadStore); !ok {
		e.skip("not a FirstPasswordLeadStore")
	}
	e.needStatus(recovery.StatusInvited)
	return func() recovery.FirstPasswordLeadStore { return e.pick().(recovery.FirstPasswordLeadStore) }
}

// addInvited adds an invited lead, whose addresses are not verified.
func (e *leads) addInvited() (id string, lead recovery.Lead) {
	lead = e.activeLead(random())
	lead.Status = recovery.StatusInvited
	for name, v := range lead.Fields {
		lead.Fields[name] = recovery.FieldValue{Value: v.Value}
	}
	return e.add(lead), lead
}

func (e *leads) field(name string) (recovery.Field, bool) {
	i := slices.IndexFunc(e.h.Fields, func(f recovery.Field) bool { return f.Name == name })
	if i < 0 {
		return recovery.Field{}, false
	}
	return e.h.Fields[i], true
}
