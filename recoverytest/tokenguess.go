package recoverytest

import "github.com/seed-51359b35/recovery"

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
		e.wantExhausted("a new digest", slot, withNewDigest(spec))
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
