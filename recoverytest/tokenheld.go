package recoverytest

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// tokenHeldClauses are about what a store holds and what it frees, which Dump and
// Purge of the harness show. Another clause beside one of them would change that.
var tokenHeldClauses = []clause[*tokens]{
	{"peek-writes-nothing", "TokenStore", "Peek and Claim without TokenRef.Code, Release, Delete, List and End write nothing about a slot that is not there: nobody can fill the store with questions.", func(e *tokens) {
		e.putLinks(1)
		before := e.dump()
		ref := recovery.TokenRef{Slot: random(), Digest: random()}
		for range 10 {
			e.wantNotFound("a slot that was never put in", ref)
			e.wantClaimRefused("of a slot that was never put in", random(), ref)
		}
		e.release(random(), ref)
		e.delete(ref.Slot)
		if lister, ok := e.pick().(recovery.TokenLister); ok {
			e.wantList(lister, "a slot that was never put in", []string{ref.Slot})
			e.end(lister, ref)
		}
		if after := e.dump(); after != before {
			was, is := difference(before, after)
			e.errorf("after Peek and Claim without TokenRef.Code, Release, Delete, List and End of a slot that was never put in, Dump returned another text than before: it has\n%q\nwant, as before,\n%q", is, was)
		}
	}},
	{"list-writes-nothing", "TokenLister.List", "List counts no guess and writes nothing.", func(e *tokens) {
		lister := e.lister()
		slot, refs := e.putLinks(2)
		code := e.putCode(random(), withHandle(random(), 2))
		before := e.dump()
		for range 3 {
			e.wantList(lister, "two slots with three tokens", []string{slot, code.Slot}, append(refs, code)...)
		}
		if after := e.dump(); after != before {
			was, is := difference(before, after)
			e.errorf("after List of two slots with live tokens, Dump returned another text than before: it has\n%q\nwant, as before,\n%q", is, was)
		}
	}},
	{"guess-writes", "TokenStore.Peek", "A Peek or Claim with TokenRef.Code writes to the record of its slot, even if there is none (A97).", func(e *tokens) {
		before := e.dump()
		for _, op := range []struct {
			name  string
			guess func(ref recovery.TokenRef)
		}{
			{"Peek", func(ref recovery.TokenRef) { e.wantNotFound("a wrong guess", ref) }},
			{"Claim", func(ref recovery.TokenRef) { e.wantClaimRefused("with a wrong guess", random(), ref) }},
		} {
			op.guess(recovery.TokenRef{Slot: random(), Digest: random(), Code: true})
			after := e.dump()
			if after == before {
				e.errorf("%s with TokenRef.Code of a slot that was never put in: Dump is the same as before, want a record", op.name)
			}
			before = after
		}
	}},
	{"guess-forgotten", "TokenStore.Peek", "A record that is there for guesses alone is removed within 10 minutes of the last one (A95, A97).", func(e *tokens) {
		e.dump() // skips the clause without Dump
		if !e.timing.exact() {
			e.skip("needs TokenStoreHarness.Bubble or Advance, because 10 minutes have to pass")
		}
		var slots []string
		for range 10 {
			slot := random()
			e.guessInVain(slot, 3)
			slots = append(slots, slot)
		}
		e.advance(10 * time.Minute)
		e.useOthers()
		held := e.dump()
		for _, slot := range slots {
			if strings.Contains(held, slot) {
				e.errorf("10 minutes after the last guess at an empty slot Dump still has the slot: %q, want nothing of it", around(held, slot))
			}
		}
	}},
	{"code-failures-survive-expiry", "TokenSpec.MaxFailures", "The number of failures outlives the codes, also a code that expired.", func(e *tokens) {
		// How long ago the code expired. A store that frees the slot after a
		// minute, an hour or a day shows only where time costs nothing.
		idles := []time.Duration{0}
		if e.timing.exact() {
			idles = append(idles, 2*time.Minute, 2*time.Hour, 2*day, 30*day)
		}
		for _, idle := range idles {
			slot, spec := random(), newCode()
			spec.MaxFailures, spec.TTL, spec.FailureWindow = 7, e.ticks(3), max(longTTL, idle+day)
			e.putCode(slot, spec)
			e.guess(slot, 4)
			e.advance(e.ticks(4) + idle)
			e.useOthers() // a store may free what is old at such calls
			spec.TTL = longTTL
			ref := e.putCode(slot, withNewDigest(spec))
			e.guess(slot, 2)
			e.wantLive("a code in a slot that took 6 of 7 failures", ref)
			e.guess(slot, 1)
			e.wantNotFound(fmt.Sprintf("a code in a slot that took 7 of 7 failures within %v, 4 of them at a code that expired about %v ago", spec.FailureWindow, e.ticks(1)+idle), ref)
		}
	}},
	{"purge-keeps", "TokenStore", "Only expired records are removed: what is live, claimed, barred, spent or counted stays, and means the same after it.", func(e *tokens) {
		if e.h.Purge == nil {
			e.skip("needs TokenStoreHarness.Purge")
		}
		slot, codeSlot, goneSlot, owner, barred := random(), random(), random(), random(), random()
		deleted, replaced := newLink(), newLink()
		e.put(slot, deleted)
		e.delete(slot)
		live, claimed := e.putLink(slot), e.putLink(slot)
		e.put(slot, replaced)
		latest := e.putLink(slot)
		e.claim(owner, claimed)
		e.release(barred, live)
		code := e.putCode(codeSlot, newCode())
		e.guess(codeSlot, 4)
		gone := newCode()
		gone.TTL, gone.MaxFailures = e.ticks(2), 7
		e.putCode(goneSlot, gone)
		e.guess(goneSlot, 4)
		e.advance(e.ticks(3))
		e.h.Purge(e.t, e.first)
		e.wantLive("a token that has not expired, after Purge", live, latest, code)
		e.wantClaimRefused("by another id, after Purge", random(), claimed)
		if _, err := e.pick().Claim(e.ctx, owner, claimed); err != nil {
			e.errorf("Claim by the owner of a token that was claimed before Purge, and has not expired: it returned %s, want the token, as before Purge", outcomeOf(err))
		}
		e.wantClaimRefused("by a barred id, after Purge", barred, live)
		e.wantSpent(slot, deleted, "deleted before Purge")
		e.wantSpent(slot, replaced, "replaced before Purge")
		e.guess(codeSlot, 1)
		e.wantNotFound("a code after four wrong guesses, Purge and a fifth", code)
		gone.TTL = longTTL
		next := e.putCode(goneSlot, withNewDigest(gone))
		e.guess(goneSlot, 3)
		e.wantNotFound("a code in a slot that took 4 of 7 failures before Purge, at a code that has expired, and 3 after it", next)
	}},
	{"forgets", "TokenStore", "A store frees what it holds of a slot when the tokens have expired and the failures have left their window (A32).", func(e *tokens) {
		e.dump() // skips the clause without Dump
		slot, codeSlot := random(), random()
		e.put(slot, shortLived(e.ticks(4)))
		claimed := shortLived(e.ticks(4))
		e.put(slot, claimed)
		e.claim(random(), recovery.TokenRef{Slot: slot, Digest: claimed.Digest})
		spec := newCode()
		spec.TTL, spec.FailureWindow = e.ticks(4), e.ticks(6)
		e.putCode(codeSlot, spec)
		e.guess(codeSlot, 2)
		e.delete(slot)
		old := shortLived(e.ticks(4))
		busy, _ := e.putLinks(1)
		e.put(busy, old)
		e.advance(e.ticks(8))
		e.putLink(busy)
		e.useOthers()
		held := e.dump()
		for _, gone := range []struct{ what, name string }{
			{"the slot whose links have expired", slot}, {"the slot whose code has expired, with all failures", codeSlot},
			{"the digest of a claimed link that has expired", claimed.Digest}, {"the digest of a code that has expired", spec.Digest},
			{"the digest of a link that has expired, in a slot that is used", old.Digest},
		} {
			if strings.Contains(held, gone.name) {
				e.errorf("after Puts into other slots, and Purge if there is one, Dump still has %s: %q, want nothing of it", gone.what, around(held, gone.name))
			}
		}
	}},
}
