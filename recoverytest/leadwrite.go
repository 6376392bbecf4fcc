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
	{"write-changes-hash", "SetPasswordHash replaces the lead's password hash: what a login reads is what was written, byte for byte.", func(e *leads) {
		id, _ := e.addActive()
		for _, want := range []string{hash(), longHash(), longHash(), hash()} {
			e.write(id, want)
			e.holds("after SetPasswordHash", id, want)
		}
	}},
	{"write-changes-version", "SetPasswordHash changes the lead's Version: every token made before it is dead (A35).", func(e *leads) {
		id, lead := e.addActive()
		seen := map[string]bool{e.read(id).Version: true}
		for range 4 {
			e.write(id, hash())
			version := e.read(id).Version
			if seen[version] {
				e.errorf("Version is %q after SetPasswordHash, as it was before", version)
			}
			seen[version] = true
			for _, key := range e.keys(id, lead) {
				if got := e.find(key.Field, key.Value).Version; got != version {
					e.errorf("Version is %q by %s and %q by ID", got, key.Field, version)
				}
			}
		}
		for range 2 {
			e.write(id, longHash())
			version := e.read(id).Version
			if seen[version] {
				e.errorf("Version is the same for hashes that differ in their last bytes")
			}
			seen[version] = true
		}
	}},
	{"write-leaves-others", "SetPasswordHash replaces one lead's hash, and no other's hash or Version.", func(e *leads) {
		id, _ := e.addActive()
		other, _ := e.addActive()
		old := hash()
		e.write(other, old)
		version := e.read(other).Version
		e.write(id, hash())
		e.holds("another lead's after SetPasswordHash", other, old)
		if got := e.read(other).Version; got != version {
			e.errorf("another lead's Version changed from %q to %q", version, got)
		}
	}},
	{"write-leaves-fields", "SetPasswordHash replaces the hash and nothing else.", func(e *leads) {
		id, _ := e.addActive()
		before := e.read(id)
		e.write(id, hash())
		after := e.read(id)
		if after.Status != before.Status || after.Name != before.Name || after.ID != before.ID {
			e.errorf("the lead is %q, %q, %q, and before %q, %q, %q", after.ID, after.Status, after.Name, before.ID, before.Status, before.Name)
		}
		for _, f := range e.h.Fields {
			if after.Fields[f.Name] != before.Fields[f.Name] {
				e.errorf("%s is %v, and before %v", f.Name, after.Fields[f.Name], before.Fields[f.Name])
			}
		}
	}},
	{"write-unknown", "An error that left the old hash in place for certain wraps ErrNotWritten: a lead that is not there.", func(e *leads) {
		id, _ := e.addActive()
		old := hash()
		e.write(id, old)
		for _, unknown := range []string{random(), "", "%", "' OR '1'='1", id + "x", strings.ToLower(random())} {
			err := e.pick().SetPasswordHash(e.ctx, unknown, hash())
			e.wantError(err, recovery.ErrNotWritten, "SetPasswordHash of an unknown lead")
		}
		e.holds("after SetPasswordHash of unknown leads", id, old)
	}},
	{"write-context-ended", "An error that left the old hash in place for certain wraps ErrNotWritten, and says the truth, also when ctx had ended before.", func(e *leads) {
		id, _ := e.addActive()
		old, latest := hash(), hash()
		e.write(id, old)
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		err := e.pick().SetPasswordHash(ctx, id, latest)
		e.truth("SetPasswordHash with a ctx that had ended", err, id, old, latest)
	}},
	{"write-racing", "Implementations are safe for concurrent use: of hashes written at once one is left, whole, and Version is of that.", func(e *leads) {
		id, _ := e.addActive()
		before := e.read(id).Version
		written := make([]string, 16)
		e.race(len(written), func(i int) {
			written[i] = longHash()
			e.write(id, written[i])
		})
		if got := e.hash(id); !slices.Contains(written, got) {
			e.errorf("the hash is %q, which nobody wrote", got)
		}
		if e.read(id).Version == before {
			e.errorf("Version did not change")
		}
	}},
	{"version-address", "Version changes whenever an address changes, by whatever way (A35).", func(e *leads) {
		if e.h.SetValue == nil {
			e.skip("needs LeadStoreHarness.SetValue")
		}
		for _, f := range e.h.Fields {
			if !f.Receive && !f.Search {
				continue
			}
			id, lead := e.addActive()
			before := e.read(id)
			value := e.value(f, random())
			e.h.SetValue(e.t, e.first, id, f.Name, value)
			after := e.read(id)
			if after.Fields[f.Name].Value != value {
				e.errorf("%s is %q, want %q", f.Name, after.Fields[f.Name].Value, value)
			}
			if f.Receive && after.Version == before.Version {
				e.errorf("Version did not change with %s", f.Name)
			}
			if f.Search {
				e.nobody("the former value", f.Name, lead.Fields[f.Name].Value)
				if got := e.find(f.Name, value); got.ID != id {
					e.errorf("FindLead by the new %s returned lead %q, want %q", f.Name, got.ID, id)
				}
			}
		}
	}},
	{"version-status", "Version changes whenever the status changes, by whatever way (A35).", func(e *leads) {
		if e.h.SetStatus == nil {
			e.skip("needs LeadStoreHarness.SetStatus")
		}
		id, _ := e.addActive()
		before := e.read(id)
		e.h.SetStatus(e.t, e.first, id, recovery.StatusDisabled)
		disabled, err := e.pick().FindLead(e.ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
		switch {
		case errors.Is(err, recovery.ErrLeadNotFound):
		case err != nil:
			e.errorf("FindLead of a disabled lead: %v", err)
		case disabled.Version == before.Version || disabled.Status != recovery.StatusDisabled:
			e.errorf("disabled, the lead has Status %q and Version %q, before %q, %q", disabled.Status, disabled.Version, before.Status, before.Version)
		}
		e.h.SetStatus(e.t, e.first, id, recovery.StatusActive)
		if after := e.read(id); after.Status != recovery.StatusActive {
			e.errorf("Status is %q, want %q", after.Status, recovery.StatusActive)
		}
	}},
	{"versioned-writes", "SetPasswordHashIf is SetPasswordHash for a lead that still has the version.", func(e *leads) {
		v := e.versioned()
		id, _ := e.addActive()
		for range 3 {
			before, want := e.read(id).Version, longHash()
			if err := v().SetPasswordHashIf(e.ctx, id, before, want); err != nil {
				e.fatalf("SetPasswordHashIf: %v", err)
			}
			e.holds("after SetPasswordHashIf", id, want)
			if e.read(id).Version == before {
				e.errorf("Version is the same after SetPasswordHashIf")
			}
		}
	}},
	{"versioned-refuses", "SetPasswordHashIf of a lead that has another version writes nothing: the error wraps both ErrVersionChanged and ErrNotWritten.", func(e *leads) {
		v := e.versioned()
		id, _ := e.addActive()
		stale, kept := e.read(id).Version, hash()
		e.write(id, kept)
		current := e.read(id).Version
		for _, version := range []string{stale, "", random(), current + "x", strings.Repeat("0", 3) + current} {
			if version == current {
				continue
			}
			err := v().SetPasswordHashIf(e.ctx, id, version, hash())
			e.wantError(err, recovery.ErrVersionChanged, "SetPasswordHashIf with another version")
			e.wantError(err, recovery.ErrNotWritten, "SetPasswordHashIf with another version")
		}
		e.holds("after SetPasswordHashIf with other versions", id, kept)
		if got := e.read(id).Version; got != current {
			e.errorf("Version is %q, and before the refused writes %q", got, current)
		}
	}},
	{"versioned-address", "SetPasswordHashIf refuses a lead whose address has changed since it was read.", func(e *leads) {
		v := e.versioned()
		if e.h.SetValue == nil {
			e.skip("needs LeadStoreHarness.SetValue")
		}
		for _, f := range e.h.Fields {
			if !f.Receive {
				continue
			}
			id, _ := e.addActive()
			stale := e.read(id).Version
			e.h.SetValue(e.t, e.first, id, f.Name, e.value(f, random()))
			err := v().SetPasswordHashIf(e.ctx, id, stale, hash())
			e.wantError(err, recovery.ErrVersionChanged, "SetPasswordHashIf after "+f.Name+" changed")
			e.wantError(err, recovery.ErrNotWritten, "SetPasswordHashIf after "+f.Name+" changed")
		}
	}},
	{"versioned-unknown", "SetPasswordHashIf of a lead that is not there left the old hash in place for certain: its error wraps ErrNotWritten.", func(e *leads) {
		v := e.versioned()
		id, _ := e.addActive()
		version := e.read(id).Version
		e.wantError(v().SetPasswordHashIf(e.ctx, random(), version, hash()), recovery.ErrNotWritten, "SetPasswordHashIf of an unknown lead")
		if e.read(id).Version != version {
			e.errorf("another lead's Version changed")
		}
	}},
	{"versioned-context-ended", "An error of SetPasswordHashIf that wraps ErrNotWritten says the truth, also when ctx had ended before.", func(e *leads) {
		v := e.versioned()
		id, _ := e.addActive()
		old, latest := hash(), hash()
		e.write(id, old)
		version := e.read(id).Version
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		err := v().SetPasswordHashIf(ctx, id, version, latest)
		e.truth("SetPasswordHashIf with a ctx that had ended", err, id, old, latest)
	}},
	{"versioned-racing", "SetPasswordHashIf is one atomic step: of 64 that race with the same version exactly one writes.", func(e *leads) {
		v := e.versioned()
		for range 5 {
			id, _ := e.addActive()
			version := e.read(id).Version
			var mu sync.Mutex
			var winners []string
			e.race(64, func(i int) {
				h := longHash()
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
				e.fatalf("%d of 64 wrote, want 1", len(winners))
			}
			e.holds("after the race", id, winners[0])
		}
	}},
	{"history", "PasswordHashes returns up to n of the lead's hashes, the current one first.", func(e *leads) {
		history, ok := e.pick().(recovery.HistoryLeadStore)
		if !ok {
			e.skip("not a HistoryLeadStore")
		}
		id, _ := e.addActive()
		other, _ := e.addActive()
		var written []string // the current one first
		for range 4 {
			written = slices.Insert(written, 0, longHash())
			e.write(id, written[0])
			e.write(other, hash())
			for n := range 6 {
				got, err := history.PasswordHashes(e.ctx, id, n)
				if err != nil {
					e.fatalf("PasswordHashes: %v", err)
				}
				if len(got) > n {
					e.errorf("PasswordHashes of %d returned %d", n, len(got))
				}
				// Beyond what was written here stands what Add wrote.
				if same := min(n, len(written)); len(got) < same || !slices.Equal(got[:same], written[:same]) {
					e.errorf("PasswordHashes of %d after %d writes returned %q, want %q", n, len(written), got, written[:same])
				}
			}
		}
		if v, ok := history.(recovery.VersionedLeadStore); ok {
			want := hash()
			if err := v.SetPasswordHashIf(e.ctx, id, e.read(id).Version, want); err != nil {
				e.fatalf("SetPasswordHashIf: %v", err)
			}
			got, err := history.PasswordHashes(e.ctx, id, 2)
			if err != nil || !slices.Equal(got, []string{want, written[0]}) {
				e.errorf("PasswordHashes after SetPasswordHashIf returned %q and %v, want %q", got, err, []string{want, written[0]})
			}
		}
	}},
}

// versioned skips the clause for a store without the upgrade.
func (e *leads) versioned() func() recovery.VersionedLeadStore {
	if _, ok := e.first.(recovery.VersionedLeadStore); !ok {
		e.skip("not a VersionedLeadStore")
	}
	return func() recovery.VersionedLeadStore { return e.pick().(recovery.VersionedLeadStore) }
}

// truth compares what a write said with what it did. Only an error that does
// not wrap ErrNotWritten may leave open which of them it was.
func (e *leads) truth(what string, err error, id, old, latest string) {
	switch got := e.hash(id); {
	case got != old && got != latest:
		e.errorf("%s left the hash %q, which is neither", what, got)
	case err == nil && got != latest:
		e.errorf("%s reported success and wrote nothing", what)
	case errors.Is(err, recovery.ErrNotWritten) && got != old:
		e.errorf("%s said %q and wrote", what, err)
	}
}
