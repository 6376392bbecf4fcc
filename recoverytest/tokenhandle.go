package recoverytest

import (
	"errors"
	"fmt"

	"github.com/seed-51359b35/recovery"
)

// tokenHandleClauses are about the codes of several askers in one slot (A100).
var tokenHandleClauses = []clause[*tokens]{
	{"code-handles-live", "TokenSpec.Handle", "Handle tells the codes of a slot apart: codes with different handles are live beside each other, and a new code replaces that with its own handle alone (A100).", func(e *tokens) {
		slot := random()
		refs := e.putHandles(slot, "", random(), printable(3, 64))
		e.wantLive("one of three codes with MaxLive 3", refs...)
		for i, old := range refs {
			refs[i] = e.putCode(slot, withHandle(old.Handle, 3))
			e.wantNotFound("a code whose handle got a new code", old)
			e.wantLive("one of three codes, after one of them was replaced", refs...)
		}
	}},
	{"code-handles-are-apart", "TokenSpec.Handle", "Two handles are compared byte by byte: one in another case, cut off or longer is another.", func(e *tokens) {
		handle := "aB" + random()
		slot := random()
		refs := e.putHandles(slot, handle, "ab"+handle[2:], handle[:len(handle)-1], handle+"x", "*", "%")
		e.wantLive("one of six codes whose handles are similar", refs...)
		e.guessAt(slot, handle, 4)
		e.guessAt(slot, handle, 1)
		e.wantNotFound("a code after five wrong guesses with its handle", refs[0])
		e.wantLive("a code whose handle is similar to one that was guessed at", refs[1:]...)
	}},
	{"code-handle-claimed-replaced", "TokenSpec.Handle", "A new code replaces the one with its own handle, also if that one is claimed.", func(e *tokens) {
		slot, handle, id := random(), random(), random()
		other := e.putCode(slot, withHandle(random(), 2))
		old := e.putCode(slot, withHandle(handle, 2))
		e.claim(id, old)
		latest := e.putCode(slot, withHandle(handle, 2))
		e.wantLive("the new code of the handle, and the code of another", latest, other)
		e.release(id, old)
		e.wantClaimRefused("of a code that was claimed, replaced and released", random(), old)
		e.wantLive("the new code of the handle, after the old one was released", latest)
	}},
	{"code-handle-guess", "TokenStore.Peek", "A wrong guess is one at the code with the handle of the ref: it takes a try from that code, and none from those with other handles (A100).", func(e *tokens) {
		slot, handle := random(), random()
		refs := e.putHandles(slot, handle, random(), "")
		e.guessAt(slot, handle, 4)
		e.wantLive("one of three codes, one of which was guessed at four times", refs...)
		e.guessAt(slot, handle, 1)
		e.wantNotFound("a code after five wrong guesses with its handle", refs[0])
		e.wantClaimRefused("of a code after five wrong guesses with its handle", random(), refs[0])
		e.guessAt(slot, refs[1].Handle, 4)
		e.guessAt(slot, "", 4)
		e.wantLive("a code with one try left, beside one that was guessed at too often", refs[1:]...)
		e.guessAt(slot, "", 1)
		e.wantNotFound("a code without a handle after five wrong guesses", refs[2])
		e.wantLive("the last of three codes", refs[1])
	}},
	{"code-handle-guess-nowhere", "TokenStore.Peek", "A guess at a handle without a live code counts nowhere: neither at the codes with other handles, nor for MaxFailures (A100).", func(e *tokens) {
		slot, spec := random(), withHandle(random(), 2)
		spec.MaxFailures = 5
		ref := e.putCode(slot, spec)
		for range 3 {
			e.guessAt(slot, random(), 2)
			e.guessAt(slot, "", 2)
		}
		// One whose code is claimed has none that is live.
		claimed := withHandle(random(), 2)
		claimed.MaxFailures = 5
		gone, id := e.putCode(slot, claimed), random()
		e.claim(id, gone)
		e.guessAt(slot, gone.Handle, 6)
		e.wantLive("a code, after guesses at handles without a live code", ref)
		e.guessAt(slot, spec.Handle, 4)
		e.wantLive("a code with one try and one failure left, after guesses at handles without a live code", ref)
		e.guessAt(slot, spec.Handle, 1)
		e.wantNotFound("a code after five wrong guesses with its handle", ref)
	}},
	{"code-handle-old-is-wrong", "TokenStore.Peek", "A replaced code is a wrong guess at the code that has its handle now, and at no other.", func(e *tokens) {
		slot, handle := random(), random()
		old := e.putCode(slot, withHandle(handle, 2))
		other := withHandle(random(), 2)
		other.MaxTries = 1
		otherRef := e.putCode(slot, other)
		latest := e.putCode(slot, withHandle(handle, 2))
		for range 4 {
			e.wantNotFound("a replaced code", old)
		}
		e.wantLive("a code after four guesses with its predecessor, and one with another handle", latest, otherRef)
		e.wantNotFound("a replaced code", old)
		e.wantNotFound("a code after five guesses with its predecessor", latest)
	}},
	{"code-handle-not-sought", "TokenRef.Handle", "A token is found by Slot and Digest alone, whatever the Handle: that is a right guess, which takes no try from any code.", func(e *tokens) {
		slot, spec, id := random(), withHandle(random(), 2), random()
		spec.MaxTries = 1
		ref := e.putCode(slot, spec)
		for _, handle := range []string{random(), "", spec.Handle} {
			e.wantLive("a code, with its Handle or another", recovery.TokenRef{Slot: slot, Digest: ref.Digest, Code: true, Handle: handle})
		}
		e.wantLive("a code, without Code and Handle", recovery.TokenRef{Slot: slot, Digest: ref.Digest})
		another := recovery.TokenRef{Slot: slot, Digest: ref.Digest, Code: true, Handle: random()}
		e.claim(id, another)
		e.wantNotFound("a code that was claimed with another Handle", ref)
		e.release(id, another)
		e.wantLive("a code that was released with another Handle", ref)
	}},
	{"code-handle-each-ref", "TokenStore", "Each ref is a guess, also if two of them name one slot with two handles: it counts at both codes.", func(e *tokens) {
		slot := random()
		refs := e.putHandles(slot, random(), random(), random())
		for i := range 5 {
			if i == 4 {
				e.wantLive("one of three codes, two of which took four wrong guesses in one call", refs...)
			}
			wrong := []recovery.TokenRef{
				{Slot: slot, Digest: random(), Code: true, Handle: refs[0].Handle},
				{Slot: slot, Digest: random(), Code: true, Handle: refs[1].Handle},
			}
			if i%2 == 0 {
				e.wantNone("Peek with two wrong guesses", func() (recovery.TokenRecord, error) { return e.pick().Peek(e.ctx, wrong...) })
			} else {
				e.wantClaimRefused("with two wrong guesses", random(), wrong...)
			}
		}
		e.wantNotFound("a code after five wrong guesses with its handle and another", refs[:2]...)
		e.wantLive("the code that nobody guessed at", refs[2])
	}},
	{"code-handles-failures", "TokenSpec.MaxFailures", "The wrong guesses are counted over all codes of the slot, whatever their handles: once there are MaxFailures, no code can be used, not even one that nobody guessed at.", func(e *tokens) {
		slot := random()
		specs := []recovery.TokenSpec{withHandle(random(), 3), withHandle("", 3), withHandle(random(), 3)}
		var refs []recovery.TokenRef
		for _, spec := range specs {
			spec.MaxFailures = 7
			refs = append(refs, e.putCode(slot, spec))
		}
		e.guessAt(slot, refs[0].Handle, 3)
		e.guessAt(slot, refs[1].Handle, 3)
		e.wantLive("one of three codes, in a slot that took 6 of 7 failures", refs...)
		e.guessAt(slot, refs[0].Handle, 1)
		e.wantNotFound("one of three codes, in a slot that took 7 of 7 failures, none of them at the last", refs...)
		e.wantClaimRefused("of a code that nobody guessed at, in a slot that took all its failures", random(), refs[2])
	}},
	{"code-failures-latest", "TokenSpec.MaxFailures", "A Put is judged by its own numbers. Those of the code that was stored last hold for the whole slot.", func(e *tokens) {
		slot := random()
		first, second, third := withHandle(random(), 3), withHandle(random(), 3), withHandle(random(), 3)
		first.MaxFailures, second.MaxFailures, third.MaxFailures = 3, 2, 9
		ref := e.putCode(slot, first)
		e.guessAt(slot, first.Handle, 2)
		e.wantExhausted("a code with MaxFailures 2, into a slot that took 2", slot, second)
		e.wantLive("a code in a slot that took 2 of 3 failures, after a Put that was refused", ref)
		e.guessAt(slot, first.Handle, 1)
		e.wantNotFound("a code in a slot that took 3 of 3 failures", ref)
		e.put(slot, third)
		e.wantLive("a code in a slot that took 3 of 9 failures, since another code was stored", ref)
		e.guessAt(slot, third.Handle, 2)
		second.MaxFailures = 6
		e.put(slot, second)
		e.put(slot, third) // it is live, so nothing is stored
		e.guessAt(slot, first.Handle, 1)
		e.wantNotFound("a code in a slot that took 6 of 6 failures, since another code was stored", recovery.TokenRef{Slot: slot, Digest: third.Digest})
	}},
	{"code-handles-parallel", "TokenStore.Peek", "A wrong guess is counted in the same atomic step that compares it, for each handle: however many run at once, each code has exactly its tries.", func(e *tokens) {
		for range e.rounds(10, 2) {
			slot := random()
			refs := e.putHandles(slot, random(), random())
			e.race(8, func(i int) { e.guessAt(slot, refs[i%2].Handle, 1) })
			e.wantLive("one of two codes, each after four wrong guesses at once", refs...)
			e.guessAt(slot, refs[0].Handle, 1)
			e.wantNotFound("a code after a fifth", refs[0])
			e.wantLive("the other code, with one try left", refs[1])
		}
	}},
}

// withHandle returns a new code with a handle.
func withHandle(handle string, maxLive int) recovery.TokenSpec {
	spec := newCode()
	spec.Handle, spec.MaxLive = handle, maxLive
	return spec
}

// putHandles puts a code for each handle, with room for all.
func (e *tokens) putHandles(slot string, handles ...string) (refs []recovery.TokenRef) {
	for _, handle := range handles {
		refs = append(refs, e.putCode(slot, withHandle(handle, len(handles))))
	}
	return refs
}

// guessAt makes n wrong guesses at the code of a handle, alternately by Peek and by
// Claim.
func (e *tokens) guessAt(slot, handle string, n int) {
	for i := range n {
		ref := recovery.TokenRef{Slot: slot, Digest: random(), Code: true, Handle: handle}
		if i%2 == 0 {
			e.wantNotFound("a wrong guess", ref)
		} else {
			e.wantClaimRefused("with a wrong guess", random(), ref)
		}
	}
}

// wantExhausted fails unless a Put is refused because of the wrong guesses.
func (e *tokens) wantExhausted(what, slot string, spec recovery.TokenSpec) {
	if _, err := e.pick().Put(e.ctx, slot, spec); !errors.Is(err, recovery.ErrTooManyGuesses) {
		e.errorf("Put of %s, in a slot that took all its failures: it returned %s, want an error that wraps recovery.ErrTooManyGuesses", what, tokenOr(err))
	}
}

// wantNoRoom fails unless a Put is refused because of the codes of others.
func (e *tokens) wantNoRoom(what, slot string, spec recovery.TokenSpec) {
	if _, err := e.pick().Put(e.ctx, slot, spec); !errors.Is(err, recovery.ErrTooManyCodes) {
		e.errorf("Put of %s: it returned %s, want an error that wraps recovery.ErrTooManyCodes", what, tokenOr(err))
	}
}

// tokenRoomClauses are about codes that Put refuses.
var tokenRoomClauses = []clause[*tokens]{
	{"put-no-room", "TokenSpec.Handle", "A new code never replaces one with another handle: if MaxLive codes with other handles are live, there is no room, and the error is ErrTooManyCodes (A100).", func(e *tokens) {
		for _, n := range []int{1, 2, 8} {
			slot := random()
			var refs []recovery.TokenRef
			for range n {
				refs = append(refs, e.putCode(slot, withHandle(random(), n)))
			}
			what := fmt.Sprintf("a code with a new handle and MaxLive %d, beside as many others", n)
			for _, handle := range []string{random(), ""} {
				e.wantNoRoom(what, slot, withHandle(handle, n))
			}
			e.wantLive("a code, after "+what+", was put", refs...)
			latest := e.putCode(slot, withHandle(refs[0].Handle, n))
			e.wantLive("a new code of a handle that had one", latest)
			e.wantNotFound("the code that it replaces", refs[0])
		}
	}},
	{"put-no-room-claimed", "TokenSpec.Handle", "Codes with other handles that are claimed take room as live ones do, because a release makes them usable again.", func(e *tokens) {
		slot, id := random(), random()
		refs := e.putHandles(slot, random(), random())
		e.claim(id, refs[0])
		e.wantNoRoom("a code with a new handle and MaxLive 2, beside a live and a claimed one", slot, withHandle(random(), 2))
		e.release(id, refs[0])
		e.wantLive("one of two codes, after a Put that was refused", refs...)
	}},
	{"put-room-again", "TokenSpec.Handle", "Only codes that are live or claimed take room: not those that were replaced, guessed at too often or deleted, or have expired.", func(e *tokens) {
		slot, short := random(), withHandle(random(), 2)
		short.TTL = e.ticks(4)
		e.put(slot, short)
		guessed := e.putCode(slot, withHandle(random(), 2))
		e.putCode(slot, withHandle(guessed.Handle, 2)) // replaces its own
		e.wantNoRoom("a code with a new handle and MaxLive 2, beside two others", slot, withHandle(random(), 2))
		e.guessAt(slot, guessed.Handle, 5)
		third := e.putCode(slot, withHandle(random(), 2))
		e.advance(e.ticks(5))
		fourth := e.putCode(slot, withHandle(random(), 2))
		e.wantLive("two codes, put after one was guessed at too often and one had expired", third, fourth)
		e.delete(slot)
		e.wantLive("two codes, put after a Delete", e.putHandles(slot, random(), random())...)
	}},
	{"put-no-room-lower", "TokenSpec.Handle", "If MaxLive codes with other handles are live, there is no room, also for a handle that has a live code. It stays.", func(e *tokens) {
		slot := random()
		refs := e.putHandles(slot, random(), random(), random())
		e.wantNoRoom("a code with MaxLive 2 and a handle that has a code, beside two others", slot, withHandle(refs[0].Handle, 2))
		e.wantLive("one of three codes, after a Put that was refused", refs...)
	}},
	{"put-exhausted", "TokenStore.Put", "A code that could not be used is not stored: if the slot has had MaxFailures wrong guesses, the error is ErrTooManyGuesses, which wraps ErrTokenNotFound, also for a digest that is live.", func(e *tokens) {
		slot, spec, fresh := random(), withHandle(random(), 2), withHandle(random(), 2)
		spec.MaxFailures, spec.FailureWindow = 2, e.ticks(6)
		fresh.MaxFailures, fresh.FailureWindow = 2, e.ticks(6)
		ref := e.putCode(slot, spec)
		e.guessAt(slot, spec.Handle, 2)
		for range 2 {
			e.wantExhausted("a live digest", slot, spec)
			e.wantExhausted("a new digest", slot, fresh)
		}
		e.wantNotFound("a code that was not stored", recovery.TokenRef{Slot: slot, Digest: fresh.Digest})
		e.advance(e.ticks(7))
		e.wantLive("a code whose slot could take no more guesses for a while", ref)
		e.put(slot, fresh)
		e.put(slot, spec)
		e.wantLive("two codes, put after the failures have left the window", ref, recovery.TokenRef{Slot: slot, Digest: fresh.Digest})
	}},
	{"put-refusals-in-order", "TokenStore.Put", "A spent digest is looked for first, then the guesses, then a live digest, then room.", func(e *tokens) {
		slot := random()
		spent, live, other, fresh := withHandle(random(), 2), withHandle(random(), 2), withHandle(random(), 2), withHandle(random(), 2)
		for _, spec := range []*recovery.TokenSpec{&spent, &live, &other, &fresh} {
			spec.MaxFailures = 4
		}
		e.put(slot, spent)
		e.delete(slot)
		e.put(slot, live)
		e.put(slot, other)
		e.wantSpent(slot, spent, "deleted, in a slot without room")
		e.put(slot, live) // is there, though there is no room for another
		e.wantNoRoom("a code with a new handle, beside two others", slot, fresh)
		e.guessAt(slot, live.Handle, 4)
		e.wantSpent(slot, spent, "deleted, in a slot that took all its failures")
		e.wantExhausted("a live digest", slot, live)
		e.wantExhausted("a new digest for which there is no room either", slot, fresh)
	}},
	{"put-refused-changes-nothing", "TokenStore.Put", "A Put with ErrTooManyGuesses or ErrTooManyCodes changes nothing: the digest is not spent, and the code of its handle stays.", func(e *tokens) {
		slot, spec := random(), withHandle(random(), 2)
		refs := e.putHandles(slot, random(), random())
		e.wantNoRoom("a code with a new handle, beside two others", slot, spec)
		e.guessAt(slot, refs[0].Handle, 5)
		e.put(slot, spec)
		e.wantLive("a code that there was no room for before", recovery.TokenRef{Slot: slot, Digest: spec.Digest}, refs[1])

		slot = random()
		old, fresh := withHandle(random(), 2), newCode()
		old.MaxFailures, old.FailureWindow = 2, e.ticks(6)
		fresh.Handle, fresh.MaxFailures, fresh.FailureWindow = old.Handle, 2, e.ticks(6)
		ref := e.putCode(slot, old)
		e.guessAt(slot, old.Handle, 2)
		e.wantExhausted("a new digest of a handle that has a live code", slot, fresh)
		e.advance(e.ticks(7))
		e.wantLive("a code that a refused one would have replaced", ref)
		e.put(slot, fresh)
		e.wantLive("a code that was refused before", recovery.TokenRef{Slot: slot, Digest: fresh.Digest})
	}},
	{"racing-handles", "TokenSpec.Handle", "If MaxLive codes with other handles are live, there is no room, however many callers race: exactly MaxLive are stored.", func(e *tokens) {
		for range e.rounds(10, 2) {
			slot := random()
			refs := make([]recovery.TokenRef, 16)
			e.race(len(refs), func(i int) {
				spec := withHandle(random(), 2)
				refs[i] = recovery.TokenRef{Slot: slot, Digest: spec.Digest, Code: true, Handle: random()}
				if _, err := e.pick().Put(e.ctx, slot, spec); err != nil && !errors.Is(err, recovery.ErrTooManyCodes) {
					e.errorf("Put of a code beside others: it returned %s, want none or recovery.ErrTooManyCodes", outcomeOf(err))
				}
			})
			if n := e.usable(refs); n != 2 {
				e.errorf("after %d Puts of codes with different handles at once, with MaxLive 2: Peek finds %d of them, want 2", len(refs), n)
			}
		}
	}},
	{"put-longest-handle", "TokenSpec.Handle", "A handle is up to 64 bytes of printable ASCII without spaces: any of them tells its code apart, also from one that differs in the last byte.", func(e *tokens) {
		slot, handle := random(), printable(11, 63)
		refs := e.putHandles(slot, handle+"a", handle+"b", `:|,;/"'{}`, `[]*%$#&=\`)
		e.wantLive("one of four codes", refs...)
		for _, ref := range refs {
			e.guessAt(slot, ref.Handle, 4)
		}
		e.wantLive("one of four codes, each after four wrong guesses", refs...)
		for i, ref := range refs {
			e.guessAt(slot, ref.Handle, 1)
			e.wantNotFound("a code after a fifth wrong guess", refs[:i+1]...)
			e.wantLive("a code with one try left", refs[i+1:]...)
		}
	}},
}
