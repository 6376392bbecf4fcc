package recoverytest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
)

var tokenCodeClauses = []clause[*tokens]{
	{"code-new-replaces-old", "TokenSpec.Handle", "A slot has at most one live code for each handle: a new code replaces the one with its own handle. Empty is a handle like any other.", func(e *tokens) {
		slot := random()
		old := e.putCode(slot, newCode())
		latest := e.putCode(slot, newCode())
		e.wantClaimRefused("of a replaced code", random(), old)
		e.wantLive("the new code", latest)
	}},
	{"code-wrong-guess-peek", "TokenStore.Peek", "If the slot holds a live code and the digest is another, that is a wrong guess, which Peek counts: the fifth of five ends the code, and not the fourth (A34).", func(e *tokens) {
		slot := random()
		ref := e.putCode(slot, newCode())
		for range 4 {
			e.wantNotFound("a wrong guess", recovery.TokenRef{Slot: slot, Digest: random()})
		}
		e.wantLive("a code after four wrong guesses by Peek", ref)
		e.wantNotFound("a wrong guess", recovery.TokenRef{Slot: slot, Digest: random()})
		e.wantNotFound("a code after five wrong guesses by Peek", ref)
		e.wantClaimRefused("of a code after five wrong guesses by Peek", random(), ref)
	}},
	{"code-wrong-guess-claim", "TokenStore.Claim", "Claim counts wrong guesses as Peek does: the fifth of five ends the code, and not the fourth (A34).", func(e *tokens) {
		slot := random()
		ref := e.putCode(slot, newCode())
		for range 4 {
			e.wantClaimRefused("with a wrong guess", random(), recovery.TokenRef{Slot: slot, Digest: random()})
		}
		e.wantLive("a code after four wrong guesses by Claim", ref)
		e.wantClaimRefused("with a wrong guess", random(), recovery.TokenRef{Slot: slot, Digest: random()})
		e.wantNotFound("a code after five wrong guesses by Claim", ref)
		e.wantClaimRefused("of a code after five wrong guesses by Claim", random(), ref)
	}},
	{"code-wrong-guess-both", "TokenStore.Claim", "Wrong guesses by Peek and by Claim are counted together.", func(e *tokens) {
		for _, tries := range []int{1, 2, 5, 9} {
			slot, spec := random(), newCode()
			spec.MaxTries = tries
			ref := e.putCode(slot, spec)
			e.guess(slot, tries-1)
			e.wantLive(fmt.Sprintf("a code after %d wrong guesses at MaxTries %d", tries-1, tries), ref)
			e.guess(slot, 1)
			e.wantNotFound(fmt.Sprintf("a code after %d wrong guesses at MaxTries %d", tries, tries), ref)
		}
	}},
	{"code-same-guess", "TokenStore.Peek", "Every wrong guess counts, also if it is the same as an earlier one.", func(e *tokens) {
		slot, wrong := random(), random()
		ref := e.putCode(slot, newCode())
		for range 5 {
			e.wantNotFound("a wrong guess", recovery.TokenRef{Slot: slot, Digest: wrong})
		}
		e.wantNotFound("a code after the same wrong guess five times", ref)
	}},
	{"code-old-is-wrong", "TokenStore.Peek", "A replaced code is another digest than the live one, so it is a wrong guess.", func(e *tokens) {
		slot, spec := random(), newCode()
		old := e.putCode(slot, newCode())
		spec.MaxTries = 1
		latest := e.putCode(slot, spec)
		e.wantNotFound("a replaced code", old)
		e.wantNotFound("a code of one try after a guess with its predecessor", latest)
	}},
	{"code-claimed-is-wrong", "TokenStore.Peek", "A code that was claimed and then replaced is another digest than the live one, so it is a wrong guess.", func(e *tokens) {
		slot, spec := random(), newCode()
		old := e.putCode(slot, newCode())
		e.claim(random(), old)
		spec.MaxTries = 1
		latest := e.putCode(slot, spec)
		e.wantClaimRefused("of a code that was claimed and replaced", random(), old)
		e.wantNotFound("a code of one try after a guess with its predecessor", latest)
	}},
	{"code-right-not-counted", "TokenStore.Peek", "A right guess is not counted.", func(e *tokens) {
		slot, spec, id := random(), newCode(), random()
		spec.MaxFailures = 6
		ref := e.putCode(slot, spec)
		e.guess(slot, 4)
		for range 8 {
			e.wantLive("a code that was peeked at often", ref)
		}
		for range 8 {
			e.claim(id, ref)
		}
		e.release(id, ref)
		for range 8 {
			e.wantClaimRefused("with a barred id", id, ref)
		}
		e.wantLive("a code with one try left after many right guesses", ref)
		e.claim(random(), ref)
	}},
	{"code-held-not-counted", "TokenStore.Peek", "Guesses count only against a live code: while the code is claimed, no guess counts, right or wrong.", func(e *tokens) {
		slot, id := random(), random()
		ref := e.putCode(slot, newCode())
		e.claim(id, ref)
		for range 10 {
			e.wantClaimRefused("of a claimed code", random(), ref)
			e.guess(slot, 2)
		}
		e.release(id, ref)
		e.guess(slot, 4)
		e.wantLive("a code with one try left, guessed at while it was claimed", ref)
	}},
	{"code-guesses-without-code", "TokenStore.Peek", "Guesses count only against a live code: if there is none, or none any more, they do not count against a later code.", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures = 9
		e.guess(slot, 30)
		ref := e.putCode(slot, spec)
		e.guess(slot, 4)
		e.wantLive("a code with one try left, put after guesses at an empty slot", ref)
		e.delete(slot)
		e.guess(slot, 30)
		ref = e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 4)
		e.wantLive("a code with one try left, put after guesses at a deleted one", ref)
	}},
	{"code-guesses-after-expiry", "TokenStore.Peek", "Guesses count only against a live code, and not against an expired one.", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.TTL, spec.MaxFailures = e.ticks(3), 5
		e.putCode(slot, spec)
		e.advance(e.ticks(4))
		e.guess(slot, 30)
		spec.TTL = longTTL
		ref := e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 4)
		e.wantLive("a code with one try left, put after guesses at an expired one", ref)
	}},
	{"code-guesses-at-links", "TokenStore.Peek", "Guesses are counted for codes only: a wrong digest does not affect links.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		e.guess(slot, 40)
		e.wantLive("links after wrong digests", refs...)
	}},
	{"code-parallel", "TokenStore.Peek", "A wrong guess is counted in the same atomic step that compares it: however many run at once, no code survives more than its tries (A34).", func(e *tokens) {
		slot := random()
		ref := e.putCode(slot, newCode())
		guesses := e.fewer(500, 40)
		e.race(guesses, func(i int) {
			wrong := recovery.TokenRef{Slot: slot, Digest: random()}
			if i%2 == 0 {
				e.wantNotFound("a wrong guess", wrong)
			} else {
				e.wantClaimRefused("with a wrong guess", random(), wrong)
			}
		})
		e.wantNotFound("a code after many wrong guesses at once", ref)
		e.wantClaimRefused("of a code after many wrong guesses at once", random(), ref)
	}},
	{"code-parallel-late", "TokenStore.Peek", "A wrong guess is counted in the same atomic step that compares it: a right guess after the last allowed wrong one is refused.", func(e *tokens) {
		racers := e.fewer(64, 16)
		for range e.rounds(10, 2) {
			slot := random()
			ref := e.putCode(slot, newCode())
			var wrong atomic.Int32
			e.race(racers, func(i int) {
				if i > 0 {
					e.wantNotFound("a wrong guess", recovery.TokenRef{Slot: slot, Digest: random()})
					wrong.Add(1)
					return
				}
				// Until the others are done, but not for ever: one may fail.
				for n, done := 0, false; !done && n < 10_000; n++ {
					// It is read before the guess: at least so many wrong
					// guesses had been counted by then.
					before := wrong.Load()
					done = before == int32(racers-1)
					_, err := e.pick().Peek(e.ctx, ref)
					if err == nil && before >= 5 {
						e.errorf("Peek with the right code, after at least %d wrong guesses at MaxTries 5: it returned the token, want recovery.ErrTokenNotFound", before)
					}
					time.Sleep(time.Microsecond)
				}
			})
		}
	}},
	{"code-parallel-exact", "TokenStore.Peek", "Wrong guesses that run at once are counted once each: four of five leave the code alive.", func(e *tokens) {
		for range e.rounds(20, 2) {
			slot := random()
			ref := e.putCode(slot, newCode())
			e.race(4, func(int) { e.wantNotFound("a wrong guess", recovery.TokenRef{Slot: slot, Digest: random()}) })
			e.wantLive("a code after four wrong guesses at once", ref)
			e.guess(slot, 1)
			e.wantNotFound("a code after a fifth", ref)
		}
	}},
	{"code-failures-add-up", "TokenSpec.MaxFailures", "MaxFailures is how many wrong guesses a slot takes over all its codes; while it is reached no code in it can be used.", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures = 12
		for _, guesses := range []int{5, 4, 2} {
			ref := e.putCode(slot, withNewDigest(spec))
			e.guess(slot, guesses)
			if guesses < 5 {
				e.wantLive("a code in a slot that took fewer failures than it may", ref)
			}
		}
		last := e.putCode(slot, withNewDigest(spec))
		e.wantLive("a code in a slot with one failure left", last)
		e.guess(slot, 1)
		e.wantNotFound("a code in a slot that took 12 of 12 failures, 5, 4 and 2 of them at former codes", last)
		e.wantClaimRefused("of a code in a slot that took 12 of 12 failures, 5, 4 and 2 of them at former codes", random(), last)
		e.wantExhausted("a new digest", slot, withNewDigest(spec))
		other := e.putCode(random(), withNewDigest(spec))
		e.wantLive("a code in another slot", other)
	}},
	{"code-failures-survive-delete", "TokenStore.Delete", "Delete does not change the count of failed guesses.", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures = 7
		e.putCode(slot, spec)
		e.guess(slot, 4)
		e.delete(slot)
		ref := e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 2)
		e.wantLive("a code in a slot with one failure left", ref)
		e.guess(slot, 1)
		e.wantNotFound("a code in a slot that took all its failures, some before a Delete", ref)
	}},
	{"code-failures-pass", "TokenSpec.MaxFailures", "MaxFailures is how many wrong guesses a slot takes in any interval of FailureWindow: each failure leaves the interval when the window has passed, and codes can be used again.", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures, spec.FailureWindow = 3, e.ticks(10)
		e.putCode(slot, spec)
		e.guess(slot, 2)
		e.advance(e.ticks(4))
		ref := e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 1)
		e.wantNotFound("a code in a slot that took 2 and 1 of 3 failures", ref)
		e.advance(e.ticks(3.5))
		e.wantNotFound("a code before the first failures have left the window", ref)
		e.advance(e.ticks(4)) // 11.5 after the first, 7.5 after the second
		e.wantLive("a code after the first failures have left the window", ref)
		second := e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 1)
		e.wantLive("a code in a slot with one failure left", second)
		e.guess(slot, 1)
		e.wantNotFound("a code in a slot that took 1 and 2 of 3 failures", second)
		e.advance(e.ticks(11))
		e.wantLive("a code after all failures have left the window", e.putCode(slot, withNewDigest(spec)))
	}},
	{"code-failures-full", "TokenSpec.MaxFailures", "A slot takes MaxFailures in the window: further guesses are not counted, so that whoever goes on guessing does not lock the person out for longer (A58).", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures, spec.FailureWindow = 3, e.ticks(8)
		ref := e.putCode(slot, spec)
		e.guess(slot, 3)
		e.advance(e.ticks(5))
		e.guess(slot, 6)
		e.wantNotFound("a code in a slot that took 3 of 3 failures in the window", ref)
		e.advance(e.ticks(4))
		e.wantLive("a code after the counted failures have left the window", ref)
	}},
	{"code-failures-exactly", "TokenSpec.MaxFailures", "A wrong guess is in the interval until FailureWindow has passed, to the millisecond, and not after that.", func(e *tokens) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		for _, window := range []time.Duration{e.ticks(3), e.ticks(3) + 217*time.Millisecond} {
			slot, spec := random(), newCode()
			spec.MaxFailures, spec.FailureWindow = 1, window
			ref := e.putCode(slot, spec)
			e.guess(slot, 1)
			e.advance(window - time.Millisecond)
			e.wantNotFound(fmt.Sprintf("a code a millisecond before the FailureWindow of %v has passed, with MaxFailures 1", window), ref)
			e.advance(2 * time.Millisecond)
			e.wantLive(fmt.Sprintf("a code a millisecond after the FailureWindow of %v, with MaxFailures 1", window), ref)
		}
	}},
	{"code-failures-end-none", "TokenSpec.MaxFailures", "MaxFailures ends no code: one that has tries left is live again when enough failures have left the interval.", func(e *tokens) {
		slot, spec := random(), newCode()
		spec.MaxFailures, spec.FailureWindow = 3, e.ticks(6)
		ref := e.putCode(slot, spec)
		e.guess(slot, 3)
		e.wantNotFound("a code in a slot that took 3 of 3 failures in the window", ref)
		e.wantExhausted("the same digest", slot, spec)
		e.advance(e.ticks(7))
		e.put(slot, spec)
		e.wantLive("a code that took 3 of 5 wrong guesses, after the failures have left the window", ref)
		e.guess(slot, 1)
		e.wantLive("the same code with one try left", ref)
		e.guess(slot, 1)
		e.wantNotFound("the same code without tries left", ref)
	}},
	{"code-release-keeps-tries", "TokenStore.Release", "Release makes the token live again as it was: the wrong guesses that were counted stay counted, for the code and for the slot.", func(e *tokens) {
		slot, spec, id := random(), newCode(), random()
		spec.MaxFailures = 6
		ref := e.putCode(slot, spec)
		e.guess(slot, 4)
		e.claim(id, ref)
		e.release(id, ref)
		e.wantLive("a code with one try left, claimed and released", ref)
		e.guess(slot, 1)
		e.wantNotFound("a code after four wrong guesses, a claim, its release, and a fifth guess", ref)
		latest := e.putCode(slot, withNewDigest(spec))
		e.wantLive("a code in a slot that took 5 of 6 failures", latest)
		e.guess(slot, 1)
		e.wantNotFound("a code in a slot that took 6 of 6 failures, 4 of them before a release", latest)
	}},
	{"code-put-after-full", "TokenSpec.MaxTries", "A code guessed at too often makes room for a new one, which has all its tries.", func(e *tokens) {
		slot, spec := random(), newCode()
		for range 3 {
			e.putCode(slot, withNewDigest(spec))
			e.guess(slot, 5)
		}
		ref := e.putCode(slot, withNewDigest(spec))
		e.guess(slot, 4)
		e.wantLive("the fourth code with one try left", ref)
	}},
}

// withNewDigest returns the same kind of token with another digest and state.
func withNewDigest(spec recovery.TokenSpec) recovery.TokenSpec {
	spec.Digest, spec.State = random(), random()
	return spec
}
