package recoverytest

import (
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

// tokenGuessClauses are about what a guess at a code writes where there is no
// wrong guess to count (A97). How much a store writes cannot be seen from here.
var tokenGuessClauses = []clause[*tokens]{
	{"guess-unseen", "TokenStore.Peek", "A Peek or Claim with TokenRef.Code that finds no wrong guess to count changes nothing that any call can see (A97).", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures = 9
		ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest, Code: true}
		for range 10 {
			e.wantNotFound("a code that is not there yet", ref)
			e.wantClaimRefused("of a code that is not there yet", random(), ref)
		}
		e.putCode(slot, spec)
		e.guess(slot, 4)
		e.wantLive("a code with one try left, put after guesses at an empty slot", ref)

		// While it is claimed, and when it has been deleted.
		id := random()
		e.claim(id, ref)
		e.guessInVain(slot, 20)
		e.wantClaimRefused("of a claimed code", random(), ref)
		e.claim(id, ref)
		e.release(id, ref)
		e.wantLive("a code with one try left, guessed at while it was claimed", ref)
		e.delete(slot)
		e.guessInVain(slot, 20)
		e.wantNotFound("a deleted code", ref)
		e.wantSpent(slot, spec, "deleted and then guessed at")

		// Four of nine failures are counted.
		ref = e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 4)
		e.wantLive("a code in a slot with one failure left", ref)
		e.guess(slot, 1)
		e.wantNotFound("a code in a slot that took all its failures", ref)
		e.guessInVain(slot, 20)
		e.wantNotFound("a new code in a slot that took all its failures", e.putCode(slot, withNewDigest(spec)))
	}},
	{"guess-unseen-links", "TokenStore.Peek", "A Peek or Claim with TokenRef.Code changes nothing in a slot of links that any call can see (A97).", func(e *tokens) {
		slot, spec := random(), newLink()
		first := e.put(slot, spec)
		e.guessInVain(slot, 20)
		e.wantLive("a link in a slot with wrong guesses", recovery.TokenRef{Slot: slot, Digest: spec.Digest, Code: true})
		if again := e.put(slot, spec); !again.Expires.Equal(first.Expires) {
			e.errorf("Put of a live digest after guesses: Expires is %v, want %v, as the first Put returned it", again.Expires, first.Expires)
		}
		e.claim(random(), recovery.TokenRef{Slot: slot, Digest: spec.Digest})
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
}

// guessInVain makes n guesses with TokenRef.Code that find nothing to count.
func (e *tokens) guessInVain(slot string, n int) {
	for i := range n {
		ref := recovery.TokenRef{Slot: slot, Digest: random(), Code: true}
		if i%2 == 0 {
			e.wantNotFound("a guess", ref)
		} else {
			e.wantClaimRefused("with a guess", random(), ref)
		}
	}
}
