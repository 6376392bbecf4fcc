package recoverytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
)

var leadWriteClauses = []clause[*leads]{
	{"write-changes-hash", "SetPasswordHash replaces the lead's password hash: a login reads what was written, byte for byte.", func(e *leads) {
		id, _ := e.addActive()
		for _, want := range []string{newHash(), newLongHash(), newLongHash(), newHash()} {
			e.setHash(id, want)
			e.wantHash("after SetPasswordHash", id, want)
		}
	}},
	{"write-changes-version", "SetPasswordHash changes the lead's Version, so that no earlier token can be used (A35).", func(e *leads) {
		id, lead := e.addActive()
		seen := map[string]bool{e.findByID(id).Version: true}
		for range 4 {
			e.setHash(id, newHash())
			version := e.findByID(id).Version
			if seen[version] {
				e.errorf("after SetPasswordHash: Version is %q, want another than before", version)
			}
			seen[version] = true
			for _, key := range e.keys(id, lead) {
				if got := e.find(key.Field, key.Value).Version; got != version {
					e.errorf("after SetPasswordHash: Version is %q by %s and %q by ID, want the same", got, key.Field, version)
				}
			}
		}
		for range 2 {
			e.setHash(id, newLongHash())
			version := e.findByID(id).Version
			if seen[version] {
				e.errorf("SetPasswordHash of two hashes that differ in their last bytes: Version is the same, want another")
			}
			seen[version] = true
		}
	}},
	{"write-leaves-others", "SetPasswordHash replaces the hash of one lead, and changes no other lead's hash or Version.", func(e *leads) {
		id, _ := e.addActive()
		other, _ := e.addActive()
		old := newHash()
		e.setHash(other, old)
		version := e.findByID(other).Version
		e.setHash(id, newHash())
		e.wantHash("another lead after SetPasswordHash", other, old)
		if got := e.findByID(other).Version; got != version {
			e.errorf("SetPasswordHash changed another lead's Version from %q to %q, want no change", version, got)
		}
	}},
	{"write-leaves-fields", "SetPasswordHash replaces the hash and nothing else.", func(e *leads) {
		id, _ := e.addActive()
		before := e.findByID(id)
		e.setHash(id, newHash())
		after := e.findByID(id)
		if after.Status != before.Status || after.Name != before.Name || after.ID != before.ID {
			e.errorf("after SetPasswordHash: ID is %q, Status %q, Name %q, want %q, %q, %q, as before", after.ID, after.Status, after.Name, before.ID, before.Status, before.Name)
		}
		for _, f := range e.h.Fields {
			if after.Fields[f.Name] != before.Fields[f.Name] {
				e.errorf("after SetPasswordHash: %s is %v, want %v, as before", f.Name, after.Fields[f.Name], before.Fields[f.Name])
			}
		}
	}},
	{"write-unknown", "An error that left the old hash in place for certain wraps ErrNotWritten. This is a lead that is not there.", func(e *leads) {
		id, _ := e.addActive()
		old := newHash()
		e.setHash(id, old)
		for _, unknown := range []string{random(), "", "%", "' OR '1'='1", id + "x", strings.ToLower(random())} {
			err := e.pick().SetPasswordHash(e.ctx, unknown, newHash())
			e.wantError(err, recovery.ErrNotWritten, "SetPasswordHash of an unknown lead")
		}
		e.wantHash("after SetPasswordHash of unknown leads", id, old)
	}},
	{"write-context-ended", "An error that wraps ErrNotWritten left the old hash in place, also when ctx had ended before.", func(e *leads) {
		id, _ := e.addActive()
		old, latest := newHash(), newHash()
		e.setHash(id, old)
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		err := e.pick().SetPasswordHash(ctx, id, latest)
		e.wantTruth("SetPasswordHash with a ctx that had ended", err, id, old, latest)
	}},
	{"write-racing", "Implementations are safe for concurrent use: of several hashes written at once one is left, complete, and Version belongs to it.", func(e *leads) {
		id, _ := e.addActive()
		before := e.findByID(id).Version
		written := make([]string, 16)
		e.race(len(written), func(i int) {
			written[i] = newLongHash()
			e.setHash(id, written[i])
		})
		if got := e.storedHash(id); !slices.Contains(written, got) {
			e.errorf("after %[2]d writes at once: the hash is %[1]q, want one that was written", got, len(written))
		}
		if e.findByID(id).Version == before {
			e.errorf("after several writes at once: Version is as before, want another")
		}
	}},
	{"version-address", "Version changes whenever an address changes, in any way (A35).", func(e *leads) {
		if e.h.SetValue == nil {
			e.skip("needs LeadStoreHarness.SetValue")
		}
		for _, f := range e.h.Fields {
			if !f.Receive && !f.Search {
				continue
			}
			id, lead := e.addActive()
			before := e.findByID(id)
			value := e.value(f, random())
			e.h.SetValue(e.t, e.first, id, f.Name, value)
			after := e.findByID(id)
			if after.Fields[f.Name].Value != value {
				e.errorf("after SetValue: %s is %q, want %q", f.Name, after.Fields[f.Name].Value, value)
			}
			if f.Receive && after.Version == before.Version {
				e.errorf("after SetValue of %s: Version is as before, want another", f.Name)
			}
			if f.Search {
				e.wantNobody("the former value", f.Name, lead.Fields[f.Name].Value)
				if got := e.find(f.Name, value); got.ID != id {
					e.errorf("FindLead by the new %s returned lead %q, want %q", f.Name, got.ID, id)
				}
			}
		}
	}},
	{"version-status", "Version changes whenever the status changes, in any way (A35).", func(e *leads) {
		if e.h.SetStatus == nil {
			e.skip("needs LeadStoreHarness.SetStatus")
		}
		id, _ := e.addActive()
		before := e.findByID(id)
		e.h.SetStatus(e.t, e.first, id, recovery.StatusDisabled)
		disabled, err := e.pick().FindLead(e.ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
		switch {
		case errors.Is(err, recovery.ErrLeadNotFound):
		case err != nil:
			e.errorf("FindLead of a disabled lead: error is %v, want none or ErrLeadNotFound", err)
		case disabled.Version == before.Version || disabled.Status != recovery.StatusDisabled:
			e.errorf("after the lead was disabled: Status is %q, Version %q, before %q, %q, want a disabled lead with another Version", disabled.Status, disabled.Version, before.Status, before.Version)
		}
		e.h.SetStatus(e.t, e.first, id, recovery.StatusActive)
		if after := e.findByID(id); after.Status != recovery.StatusActive {
			e.errorf("after the lead was made active again: Status is %q, want %q", after.Status, recovery.StatusActive)
		}
	}},
	{"versioned-writes", "SetPasswordHashIf is SetPasswordHash for a lead that still has the version.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		for range 3 {
			before, want := e.findByID(id).Version, newLongHash()
			if err := v().SetPasswordHashIf(e.ctx, id, before, want); err != nil {
				e.fatalf("SetPasswordHashIf with the present version: error is %v, want none", err)
			}
			e.wantHash("after SetPasswordHashIf", id, want)
			if e.findByID(id).Version == before {
				e.errorf("after SetPasswordHashIf: Version is as before, want another")
			}
		}
	}},
	{"versioned-refuses", "SetPasswordHashIf of a lead that has another version writes nothing: the error wraps both ErrVersionChanged and ErrNotWritten.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		stale, kept := e.findByID(id).Version, newHash()
		e.setHash(id, kept)
		current := e.findByID(id).Version
		for _, version := range []string{stale, "", random(), current + "x", strings.Repeat("0", 3) + current} {
			if version == current {
				continue
			}
			err := v().SetPasswordHashIf(e.ctx, id, version, newHash())
			e.wantError(err, recovery.ErrVersionChanged, "SetPasswordHashIf with another version")
			e.wantError(err, recovery.ErrNotWritten, "SetPasswordHashIf with another version")
		}
		e.wantHash("after SetPasswordHashIf with other versions", id, kept)
		if got := e.findByID(id).Version; got != current {
			e.errorf("after refused writes: Version is %q, want %q, as before", got, current)
		}
	}},
	{"versioned-address", "SetPasswordHashIf refuses a lead whose address has changed since it was read.", func(e *leads) {
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
			err := v().SetPasswordHashIf(e.ctx, id, stale, newHash())
			e.wantError(err, recovery.ErrVersionChanged, "SetPasswordHashIf after "+f.Name+" changed")
			e.wantError(err, recovery.ErrNotWritten, "SetPasswordHashIf after "+f.Name+" changed")
		}
	}},
	{"versioned-unknown", "SetPasswordHashIf of a lead that is not there writes nothing for certain: its error wraps ErrNotWritten.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		version := e.findByID(id).Version
		e.wantError(v().SetPasswordHashIf(e.ctx, random(), version, newHash()), recovery.ErrNotWritten, "SetPasswordHashIf of an unknown lead")
		if e.findByID(id).Version != version {
			e.errorf("SetPasswordHashIf of an unknown lead changed another lead's Version, want no change")
		}
	}},
	{"versioned-context-ended", "An error of SetPasswordHashIf that wraps ErrNotWritten left the old hash in place, also when ctx had ended before.", func(e *leads) {
		v := e.versionedStore()
		id, _ := e.addActive()
		old, latest := newHash(), newHash()
		e.setHash(id, old)
		version := e.findByID(id).Version
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		err := v().SetPasswordHashIf(ctx, id, version, latest)
		e.wantTruth("SetPasswordHashIf with a ctx that had ended", err, id, old, latest)
	}},
	{"versioned-racing", "SetPasswordHashIf is one atomic step: of 64 calls at once with the same version exactly one writes.", func(e *leads) {
		v := e.versionedStore()
		for range 5 {
			id, _ := e.addActive()
			version := e.findByID(id).Version
			var mu sync.Mutex
			var winners []string
			e.race(64, func(i int) {
				h := newLongHash()
				err := v().SetPasswordHashIf(e.ctx, id, version, h)
				if err != nil {
					e.wantError(err, recovery.ErrVersionChanged, "SetPasswordHashIf by a loser")
					e.wantError(err, recovery.ErrNotWritten, "SetPasswordHashIf by a loser")
					return
				}
				mu.Lock()
				winners = append(winners, h)
				mu.Unlock()
			})
			if len(winners) != 1 {
				e.fatalf("of 64 calls of SetPasswordHashIf at once %d succeeded, want 1", len(winners))
			}
			e.wantHash("after the race", id, winners[0])
		}
	}},
	{"history", "PasswordHashes returns up to n of the lead's hashes, the current one first.", func(e *leads) {
		history, ok := e.pick().(recovery.PasswordHistoryLeadStore)
		if !ok {
			e.skip("not a PasswordHistoryLeadStore")
		}
		id, _ := e.addActive()
		other, _ := e.addActive()
		var written []string // the current one first
		for range 4 {
			written = slices.Insert(written, 0, newLongHash())
			e.setHash(id, written[0])
			e.setHash(other, newHash())
			for n := range 6 {
				got, err := history.PasswordHashes(e.ctx, id, n)
				if err != nil {
					e.fatalf("PasswordHashes: error is %v, want none", err)
				}
				if len(got) > n {
					e.errorf("PasswordHashes with n %d returned %d hashes, want no more than n", n, len(got))
				}
				// Behind the hashes of this clause there is the one of Add.
				if same := min(n, len(written)); len(got) < same || !slices.Equal(got[:same], written[:same]) {
					e.errorf("PasswordHashes with n %d after %d writes returned %q, want %q first", n, len(written), got, written[:same])
				}
			}
		}
		if v, ok := history.(recovery.VersionedLeadStore); ok {
			want := newHash()
			if err := v.SetPasswordHashIf(e.ctx, id, e.findByID(id).Version, want); err != nil {
				e.fatalf("SetPasswordHashIf with the present version: error is %v, want none", err)
			}
			got, err := history.PasswordHashes(e.ctx, id, 2)
			if err != nil || !slices.Equal(got, []string{want, written[0]}) {
				e.errorf("PasswordHashes after SetPasswordHashIf returned %q and error %v, want %q and none", got, err, []string{want, written[0]})
			}
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

// wantTruth compares the error of a write with the hash that is stored now.
// With an error that does not wrap ErrNotWritten it may be the old or the new
// one.
func (e *leads) wantTruth(what string, err error, id, old, latest string) {
	switch got := e.storedHash(id); {
	case got != old && got != latest:
		e.errorf("%s: the hash is %q, want the old or the new one", what, got)
	case err == nil && got != latest:
		e.errorf("%s: no error and the old hash, want an error or the new hash", what)
	case errors.Is(err, recovery.ErrNotWritten) && got != old:
		e.errorf("%s: error is %q and the hash is new, want no ErrNotWritten or the old hash", what, err)
	}
}
