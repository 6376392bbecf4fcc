package recoverytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
)

var leadWriteClauses = []clause[*leads]{
	{"write-changes-hash", "LeadStore.SetPasswordHash", "SetPasswordHash replaces the lead's password hash: a login reads what was written, byte for byte.", func(e *leads) {
		id, _ := e.addActive()
		for _, want := range []string{newHash(), newLongHash(), newLongHash(), newHash()} {
			e.setHash(id, want)
			e.wantHash("after SetPasswordHash", id, want)
		}
	}},
	{"write-any-hash", "LeadStore.SetPasswordHash", "A hash has up to 256 bytes of printable ASCII without spaces: none is cut, padded or changed, and Version belongs to the whole of it.", func(e *leads) {
		id, _ := e.addActive()
		for _, n := range []int{1, 13, 60, 61, 72, 73, 128, 129, 255, 256, 256} {
			want := hashOf(n)
			e.setHash(id, want)
			e.wantHash("after SetPasswordHash", id, want)
			before := e.findByID(id).Version
			other := want[:n-1] + string(want[n-1]^1)
			e.setHash(id, other)
			e.wantHash("after SetPasswordHash", id, other)
			if e.findByID(id).Version == before {
				e.errorf("SetPasswordHash of two hashes of %d bytes, which differ in the last one: Version is the same, want another", n)
			}
		}
	}},
	{"write-changes-version", "Lead.Version", "SetPasswordHash changes the lead's Version, so that no earlier token can be used (A35).", func(e *leads) {
		id, lead := e.addActive()
		seen := map[string]bool{e.findByID(id).Version: true}
		for range 4 {
			e.setHash(id, newHash())
			version := e.findByID(id).Version
			if seen[version] {
				e.errorf("FindLead after SetPasswordHash: Version is %q, want another than before", version)
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
				e.errorf("FindLead after SetPasswordHash of a hash that differs from the one before in its last bytes only: Version is %q, want another than before", version)
			}
			seen[version] = true
		}
	}},
	{"write-leaves-neighbours", "LeadStore.SetPasswordHash", "SetPasswordHash replaces the hash of one lead, also if the IDs of others begin with that lead's ID.", func(e *leads) {
		// Where a counter gives the IDs, those of the last begin with that of the
		// first.
		const most = 12
		var ids, hashes []string
		for range most {
			hashes = append(hashes, newHash())
			ids = append(ids, e.h.Add(e.t, e.first, e.activeLead(random()), hashes[len(hashes)-1]))
		}
		for _, n := range []int{0, most - 1} {
			hashes[n] = newHash()
			e.setHash(ids[n], hashes[n])
			for i, id := range ids {
				if got := e.storedHash(id); got != hashes[i] {
					e.errorf("after SetPasswordHash of lead %q: the hash of lead %q is %q, want %q", ids[n], id, got, hashes[i])
				}
			}
		}
	}},
	{"write-leaves-others", "LeadStore.SetPasswordHash", "SetPasswordHash replaces the hash of one lead, and changes no other lead's hash or Version.", func(e *leads) {
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
	{"write-leaves-fields", "LeadStore.SetPasswordHash", "SetPasswordHash replaces the hash and nothing else.", func(e *leads) {
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
	{"write-leaves-status", "LeadStore.SetPasswordHash", "SetPasswordHash replaces the hash and nothing else: it does not enable a lead, and verifies no address.", func(e *leads) {
		lead := e.activeLead(random())
		for name, v := range lead.Fields {
			lead.Fields[name] = recovery.FieldValue{Value: v.Value}
		}
		id := e.add(lead)
		e.setHash(id, newHash())
		e.wantUnverified("after SetPasswordHash", id)
		if v, ok := e.first.(recovery.VersionedLeadStore); ok {
			if err := v.SetPasswordHashIf(e.ctx, id, e.findByID(id).Version, newHash()); err != nil {
				e.fatalf("SetPasswordHashIf with the present version: it returned %s, want none", outcomeOf(err))
			}
			e.wantUnverified("after SetPasswordHashIf", id)
		}
		lead = e.activeLead(random())
		lead.Status = recovery.StatusDisabled
		id = e.add(lead)
		err := e.pick().SetPasswordHash(e.ctx, id, newHash())
		got, findErr := e.pick().FindLead(e.ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
		if findErr == nil && got.Status != recovery.StatusDisabled {
			e.errorf("after SetPasswordHash of a disabled lead, with %s: Status is %q, want %q", outcomeOf(err), got.Status, recovery.StatusDisabled)
		}
	}},
	{"write-unknown", "LeadStore.SetPasswordHash", "An error that left the old hash in place for certain wraps ErrNotWritten. This is a lead that is not there.", func(e *leads) {
		id, _ := e.addActive()
		old := newHash()
		e.setHash(id, old)
		for _, unknown := range append(e.otherIDs(id), random(), "", "%", "' OR '1'='1", strings.ToLower(random())) {
			err := e.pick().SetPasswordHash(e.ctx, unknown, newHash())
			e.wantError(err, recovery.ErrNotWritten, fmt.Sprintf("SetPasswordHash of %q, which is no lead's ID", unknown))
		}
		e.wantHash("after SetPasswordHash of unknown leads", id, old)
	}},
	{"write-racing", "LeadStore", "Implementations are safe for concurrent use: of several hashes written at once one is left, complete, and Version belongs to it.", func(e *leads) {
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
	{"version-address", "Lead.Version", "Version changes whenever an address changes, in any way (A35).", func(e *leads) {
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
				e.errorf("FindLead after SetValue: %s is %q, want %q", f.Name, after.Fields[f.Name].Value, value)
			}
			if f.Receive && after.Version == before.Version {
				e.errorf("FindLead after SetValue of %s: Version is as before, want another", f.Name)
			}
			if f.Search {
				e.wantNobody("the former value", f.Name, lead.Fields[f.Name].Value)
				if got := e.find(f.Name, value); got.ID != id {
					e.errorf("FindLead by the new %s returned lead %q, want %q", f.Name, got.ID, id)
				}
			}
		}
	}},
	{"version-status", "Lead.Version", "Version changes whenever the status changes, in any way (A35).", func(e *leads) {
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
			e.errorf("FindLead of a disabled lead: it returned %s, want none or recovery.ErrLeadNotFound", outcomeOf(err))
		case disabled.Version == before.Version || disabled.Status != recovery.StatusDisabled:
			e.errorf("FindLead after SetStatus disabled the lead: Status is %q, Version %q, before %q, %q, want a disabled lead with another Version", disabled.Status, disabled.Version, before.Status, before.Version)
		}
		e.h.SetStatus(e.t, e.first, id, recovery.StatusActive)
		if after := e.findByID(id); after.Status != recovery.StatusActive {
			e.errorf("FindLead after SetStatus made the lead active again: Status is %q, want %q", after.Status, recovery.StatusActive)
		}
	}},
	{"history", "PasswordHistoryLeadStore.PasswordHashes", "PasswordHashes returns up to n of the lead's hashes, the current one first.", func(e *leads) {
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
					e.fatalf("PasswordHashes: it returned %s, want none", outcomeOf(err))
				}
				if len(got) > n {
					e.errorf("PasswordHashes with n %d: it returned %d hashes, want no more than n", n, len(got))
				}
				// Behind the hashes of this clause there is the one of Add.
				if same := min(n, len(written), e.h.History); len(got) < same || !slices.Equal(got[:same], written[:same]) {
					e.errorf("PasswordHashes with n %d after %d writes: it returned %q, want %q first", n, len(written), got, written[:same])
				}
			}
		}
		if got, err := history.PasswordHashes(e.ctx, id, 2); err == nil && len(got) > 0 {
			got[0] = "changed by the caller"
			if again, err := history.PasswordHashes(e.ctx, id, 1); err != nil || !slices.Equal(again, written[:1]) {
				e.errorf("PasswordHashes after a caller changed the slice that it got: it returned %q and %s, want %q and no error", again, outcomeOf(err), written[:1])
			}
		}
		if v, ok := history.(recovery.VersionedLeadStore); ok {
			want := hashOf(256)
			if err := v.SetPasswordHashIf(e.ctx, id, e.findByID(id).Version, want); err != nil {
				e.fatalf("SetPasswordHashIf with the present version: it returned %s, want none", outcomeOf(err))
			}
			got, err := history.PasswordHashes(e.ctx, id, 2)
			if err != nil || !slices.Equal(got, []string{want, written[0]}) {
				e.errorf("PasswordHashes after SetPasswordHashIf: it returned %q and %s, want %q and no error", got, outcomeOf(err), []string{want, written[0]})
			}
		}
	}},
}

// wantUnverified fails if the lead has a verified address, or is not active.
func (e *leads) wantUnverified(what, id string) {
	got := e.findByID(id)
	if got.Status != recovery.StatusActive {
		e.errorf("%s of an active lead: Status is %q, want %q", what, got.Status, recovery.StatusActive)
	}
	for name, v := range got.Fields {
		if e.receives(name) && v.Verified {
			e.errorf("%s of a lead without verified addresses: %s is verified, want it not verified", what, name)
		}
	}
}
