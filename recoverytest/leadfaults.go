package recoverytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// leadFaultClauses are about calls that cannot be answered.
var leadFaultClauses = []clause[*leads]{
	{"find-context-ended", "LeadStore.FindLead", "FindLead with a ctx that had ended before may answer as usual. If it fails, the error does not say that there is no such lead.", func(e *leads) {
		id, lead := e.addActive()
		for _, ctx := range e.ended() {
			for _, key := range e.keys(id, lead) {
				got, err := e.first.FindLead(ctx, key)
				if err != nil {
					e.wantNoAnswer("FindLead by "+key.Field+" with a ctx that had ended", err)
				} else if got.ID != id {
					e.errorf("FindLead by %s with a ctx that had ended returned lead %q, want %q or an error", key.Field, got.ID, id)
				}
			}
		}
		e.findByID(id)
	}},
	{"find-stalled", "LeadStore", "FindLead returns when ctx ends, also while the database does not answer.", func(e *leads) {
		id, lead := e.addActive()
		e.while("Stall", e.h.Stall, func() {
			for _, key := range e.keys(id, lead) {
				err := e.bounded("FindLead while the database does not answer", e.h.Patience, func(ctx context.Context) error { return e.lookUp(ctx, key) })
				if errors.Is(err, recovery.ErrLeadNotFound) {
					e.wantNoAnswer("FindLead while the database does not answer", err)
				}
			}
		})
	}},
	{"find-broken", "LeadStore.FindLead", "ErrLeadNotFound means that there is no such lead. Any other error means that the store could not answer, as while the database is down.", func(e *leads) {
		id, lead := e.addActive()
		e.while("Break", e.h.Break, func() {
			for _, key := range append(e.keys(id, lead), recovery.LeadKey{Field: recovery.LeadIDField, Value: random()}) {
				e.wantNoAnswer("FindLead by "+key.Field+" while the database is down", e.lookUp(e.ctx, key))
			}
		})
		e.findByID(id)
	}},
	{"write-context-ended", "LeadStore.SetPasswordHash", "SetPasswordHash with a ctx that had ended before may write as usual. If it writes nothing, its error wraps ErrNotWritten, so that the person's link works again.", func(e *leads) {
		for _, w := range e.writes() {
			for _, ctx := range e.ended() {
				id, version, old := e.written()
				latest := newHash()
				err := w.write(ctx, id, version, latest)
				if err != nil && e.storedHash(id) == old {
					e.wantError(err, recovery.ErrNotWritten, w.name+" with a ctx that had ended, which wrote nothing")
				}
				e.wantTruth(w.name+" with a ctx that had ended", err, id, old, latest)
			}
		}
	}},
	{"write-stalled", "LeadStore.SetPasswordHash", "SetPasswordHash returns when ctx ends, also while the database does not answer. Its error wraps ErrNotWritten only if the old hash is certainly still in place.", func(e *leads) {
		for _, w := range e.writes() {
			id, version, old := e.written()
			latest := newHash()
			var err error
			e.while("Stall", e.h.Stall, func() {
				err = e.bounded(w.name+" while the database does not answer", e.h.Patience, func(ctx context.Context) error { return w.write(ctx, id, version, latest) })
			})
			e.wantTruth(w.name+" while the database does not answer", err, id, old, latest)
		}
	}},
	{"write-broken", "LeadStore.SetPasswordHash", "If the old hash is certainly still in place, the error wraps ErrNotWritten, as while the database is down.", func(e *leads) {
		for _, w := range e.writes() {
			id, version, old := e.written()
			latest := newHash()
			var err error
			e.while("Break", e.h.Break, func() { err = w.write(e.ctx, id, version, latest) })
			e.wantError(err, recovery.ErrNotWritten, w.name+" while the database is down")
			e.wantTruth(w.name+" while the database is down", err, id, old, latest)
		}
	}},
	{"write-reply-lost", "LeadStore.SetPasswordHash", "An error wraps ErrNotWritten only if the old hash is certainly still in place. It is not when the reply to a write was lost.", func(e *leads) {
		for _, w := range e.writes() {
			id, version, old := e.written()
			latest := newHash()
			var err error
			e.while("LoseReply", e.h.LoseReply, func() { err = w.write(e.ctx, id, version, latest) })
			e.wantTruth(w.name+" whose reply was lost", err, id, old, latest)
		}
	}},
	{"history-broken", "PasswordHistoryLeadStore.PasswordHashes", "PasswordHashes returns the hashes of the lead, or an error: while the database is down, no lead is without a history.", func(e *leads) {
		history, ok := e.first.(recovery.PasswordHistoryLeadStore)
		if !ok {
			e.skip("not a PasswordHistoryLeadStore")
		}
		id, _ := e.addActive()
		e.setHash(id, newHash())
		for _, ctx := range e.ended() {
			if got, err := history.PasswordHashes(ctx, id, 1); err == nil && len(got) != 1 {
				e.errorf("PasswordHashes with a ctx that had ended: it returned %d hashes and no error, want 1 hash or an error", len(got))
			}
		}
		e.while("Break", e.h.Break, func() {
			if got, err := history.PasswordHashes(e.ctx, id, 3); err == nil {
				e.errorf("PasswordHashes while the database is down: it returned %d hashes and no error, want an error", len(got))
			}
		})
	}},
}

// works reports whether the store answers. A store that reports every failure as
// ErrLeadNotFound seems to, and other clauses find it.
func (e *leads) works() bool {
	return errors.Is(e.lookUp(e.ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: random()}), recovery.ErrLeadNotFound)
}

// while calls f while a hook of the harness makes the database fail.
func (e *leads) while(name string, begin func(*testing.T, recovery.LeadStore), f func()) {
	e.during("LeadStoreHarness."+name+" and Mend", hook(e.probe, begin, e.first), hook(e.probe, e.h.Mend, e.first), e.works, f)
}

// lookUp returns the error of FindLead, on the instance that faults concern.
func (e *leads) lookUp(ctx context.Context, key recovery.LeadKey) error {
	_, err := e.first.FindLead(ctx, key)
	return err
}

// wantNoAnswer fails unless the error says that the store could not answer.
func (e *leads) wantNoAnswer(what string, err error) {
	if err == nil || errors.Is(err, recovery.ErrLeadNotFound) {
		e.errorf("%s: it returned %s, want an error that does not wrap recovery.ErrLeadNotFound", what, outcomeOf(err))
	}
}

// A leadWrite is a way to write a hash: SetPasswordHash or SetPasswordHashIf.
type leadWrite struct {
	name  string
	write func(ctx context.Context, id, version, hash string) error
}

// writes returns the ways to write that the store has.
func (e *leads) writes() []leadWrite {
	all := []leadWrite{{"SetPasswordHash", func(ctx context.Context, id, _, hash string) error {
		return e.first.SetPasswordHash(ctx, id, hash)
	}}}
	if v, ok := e.first.(recovery.VersionedLeadStore); ok {
		all = append(all, leadWrite{"SetPasswordHashIf", v.SetPasswordHashIf})
	}
	return all
}

// written returns a new lead whose hash was written, its version and the hash.
func (e *leads) written() (id, version, hash string) {
	id, _ = e.addActive()
	hash = newHash()
	e.setHash(id, hash)
	return id, e.findByID(id).Version, hash
}

// lateWrite is how long a write is waited for that must not happen.
const lateWrite = 50 * time.Millisecond

// wantTruth compares the error of a write with the hash that is stored now.
// With an error that does not wrap ErrNotWritten it may be the old or the new
// one.
func (e *leads) wantTruth(what string, err error, id, old, latest string) {
	if errors.Is(err, recovery.ErrNotWritten) {
		// A store may go on in the background, and write after it has said that
		// nothing was written.
		time.Sleep(lateWrite)
	}
	switch got := e.storedHash(id); {
	case got != old && got != latest:
		e.errorf("%s: the stored hash is %q, want %q, as before, or %q, which was to be written", what, got, old, latest)
	case err == nil && got != latest:
		e.errorf("%s: it returned no error, and the old hash is still stored, want an error or the new hash", what)
	case errors.Is(err, recovery.ErrNotWritten) && got != old:
		e.errorf("%s returned %s and the new hash is stored, want an error that does not wrap recovery.ErrNotWritten, or the old hash", what, outcomeOf(err))
	}
}
