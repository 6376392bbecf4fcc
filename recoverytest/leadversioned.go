package recoverytest

import (
	"fmt"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
)

var leadVersionedClauses = []clause[*leads]{
	{"versioned-writes", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf is SetPasswordHash for a lead that still has the version.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		for range 3 {
			before, want := e.findByID(id).Version, newLongHash()
			if err := v().SetPasswordHashIf(e.ctx, id, before, want); err != nil {
				e.fatalf("SetPasswordHashIf with the present version: it returned %s, want none", outcomeOf(err))
			}
			e.wantHash("after SetPasswordHashIf", id, want)
			if e.findByID(id).Version == before {
				e.errorf("after SetPasswordHashIf: Version is as before, want another")
			}
		}
	}},
	{"versioned-refuses", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf of a lead that has another version writes nothing: the error wraps both ErrVersionChanged and ErrNotWritten.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		stale, kept := e.findByID(id).Version, newHash()
		e.setHash(id, kept)
		current := e.findByID(id).Version
		for _, version := range []string{
			stale, "", random(), current + "x", strings.Repeat("0", 3) + current, current[:len(current)-1], current[1:],
			current + " ", " " + current, strings.ToUpper(current), strings.ToLower(current), "0", "%",
		} {
			if version == current {
				continue
			}
			e.wantChanged(v().SetPasswordHashIf(e.ctx, id, version, newHash()), fmt.Sprintf("SetPasswordHashIf with the version %q", version))
		}
		e.wantHash("after SetPasswordHashIf with other versions", id, kept)
		if got := e.findByID(id).Version; got != current {
			e.errorf("after refused writes: Version is %q, want %q, as before", got, current)
		}
	}},
	{"versioned-address", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf refuses a lead whose address has changed since it was read.", func(e *leads) {
		v := e.versionedStore()
		if e.h.SetValue == nil {
			e.skip("needs LeadStoreHarness.SetValue")
		}
		for _, f := range e.h.Fields {
			if !f.Receive {
				continue
			}
			id, _ := e.addActive()
			stale := e.findByID(id).Version
			e.h.SetValue(e.t, e.first, id, f.Name, e.value(f, random()))
			e.wantChanged(v().SetPasswordHashIf(e.ctx, id, stale, newHash()), "SetPasswordHashIf after "+f.Name+" changed")
		}
	}},
	{"versioned-status", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf refuses a lead whose status has changed since it was read.", func(e *leads) {
		v := e.versionedStore()
		if e.h.SetStatus == nil {
			e.skip("needs LeadStoreHarness.SetStatus")
		}
		id, _ := e.addActive()
		stale, kept := e.findByID(id).Version, newHash()
		e.setHash(id, kept)
		fresh := e.findByID(id).Version
		e.h.SetStatus(e.t, e.first, id, recovery.StatusDisabled)
		for _, version := range []string{stale, fresh} {
			e.wantChanged(v().SetPasswordHashIf(e.ctx, id, version, newHash()), "SetPasswordHashIf after the lead was disabled")
		}
		e.wantHash("after SetPasswordHashIf of a lead that was disabled", id, kept)
	}},
	{"versioned-of-another", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf compares the version of this lead, and not that of another.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		other, _ := e.addActive()
		for range 3 {
			e.setHash(other, newHash())
		}
		kept := newHash()
		e.setHash(id, kept)
		if version := e.findByID(other).Version; version != e.findByID(id).Version {
			e.wantChanged(v().SetPasswordHashIf(e.ctx, id, version, newHash()), "SetPasswordHashIf with the version of another lead")
			e.wantHash("after SetPasswordHashIf with the version of another lead", id, kept)
		}
	}},
	{"versioned-unknown", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf of a lead that is not there writes nothing for certain: its error wraps ErrNotWritten.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		version := e.findByID(id).Version
		for _, unknown := range append(e.otherIDs(id), random(), "") {
			e.wantError(v().SetPasswordHashIf(e.ctx, unknown, version, newHash()), recovery.ErrNotWritten, "SetPasswordHashIf of an unknown lead")
		}
		if e.findByID(id).Version != version {
			e.errorf("SetPasswordHashIf of an unknown lead changed another lead's Version, want no change")
		}
	}},
	{"versioned-racing", "VersionedLeadStore.SetPasswordHashIf", "SetPasswordHashIf is one atomic step: of 64 calls at once with the same version exactly one writes.", func(e *leads) {
		v := e.versionedStore()
		for range e.rounds(20, 3) {
			id, _ := e.addActive()
			version := e.findByID(id).Version
			var mu sync.Mutex
			var winners []string
			e.race(64, func(i int) {
				h := newLongHash()
				err := v().SetPasswordHashIf(e.ctx, id, version, h)
				if err != nil {
					e.wantChanged(err, "SetPasswordHashIf by a loser")
					return
				}
				mu.Lock()
				winners = append(winners, h)
				mu.Unlock()
			})
			if len(winners) != 1 {
				e.fatalf("SetPasswordHashIf, called 64 times at once with the same version: %d calls returned no error, want 1", len(winners))
			}
			e.wantHash("after the race", id, winners[0])
		}
	}},
}

// versionedStore returns a function that returns the store, or the next
// instance. It skips the clause for a store that is no VersionedLeadStore.
func (e *leads) versionedStore() func() recovery.VersionedLeadStore {
	if _, ok := e.first.(recovery.VersionedLeadStore); !ok {
		e.skip("not a VersionedLeadStore")
	}
	return func() recovery.VersionedLeadStore { return e.pick().(recovery.VersionedLeadStore) }
}

// wantChanged fails unless the error says that the version has changed, and that
// nothing was written.
func (e *leads) wantChanged(err error, what string) {
	e.wantError(err, recovery.ErrVersionChanged, what)
	e.wantError(err, recovery.ErrNotWritten, what)
}
