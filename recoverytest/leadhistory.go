package recoverytest

import (
	"slices"

	"github.com/seed-51359b35/recovery"
)

// leadHistoryClauses are about long histories, and about those of several leads.
var leadHistoryClauses = []clause[*leads]{
	{"history-long", "PasswordHistoryLeadStore.PasswordHashes", "PasswordHashes returns up to n hashes, newest first. A Service asks for PasswordOptions.History of them, at most 24, and the store keeps at least as many.", func(e *leads) {
		history := e.historyStore()
		id, _ := e.addActive()
		var written []string // the present one first
		for range e.h.History + 1 {
			written = slices.Insert(written, 0, newLongHash())
			e.setHash(id, written[0])
		}
		for _, n := range []int{min(6, e.h.History), min(12, e.h.History), e.h.History} {
			got, err := history().PasswordHashes(e.ctx, id, n)
			if err != nil || !slices.Equal(got, written[:n]) {
				e.errorf("PasswordHashes with n %d after %d writes: it returned %d hashes and %s, want the last %d that were written, newest first, and no error", n, len(written), len(got), outcomeOf(err), n)
			}
		}
	}},
	{"history-of-one-lead", "PasswordHistoryLeadStore.PasswordHashes", "PasswordHashes returns the hashes of the lead, and none of another.", func(e *leads) {
		history := e.historyStore()
		var ids []string
		var own [][]string
		for range 2 {
			hash := newHash()
			ids = append(ids, e.h.Add(e.t, e.first, e.activeLead(random()), hash))
			own = append(own, []string{hash})
		}
		for range 2 {
			for i, id := range ids {
				hash := newHash()
				own[i] = append(own[i], hash)
				e.setHash(id, hash)
			}
		}
		for i, id := range ids {
			got, err := history().PasswordHashes(e.ctx, id, 24)
			if err != nil {
				e.fatalf("PasswordHashes: it returned %s, want none", outcomeOf(err))
			}
			for _, hash := range got {
				if !slices.Contains(own[i], hash) {
					e.errorf("PasswordHashes of lead %d of 2: it returned %q, want only hashes that were written to this lead: %q", i+1, hash, own[i])
				}
			}
		}
	}},
}

// historyStore returns a function that returns the store, or the next instance.
// It skips the clause for a store that has no history.
func (e *leads) historyStore() func() recovery.PasswordHistoryLeadStore {
	if _, ok := e.first.(recovery.PasswordHistoryLeadStore); !ok {
		e.skip("not a PasswordHistoryLeadStore")
	}
	return func() recovery.PasswordHistoryLeadStore { return e.pick().(recovery.PasswordHistoryLeadStore) }
}
