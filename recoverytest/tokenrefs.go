package recoverytest

import (
	"errors"
	"slices"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// tokenRefsClauses are about several refs in one call, and about names that look
// alike.
var tokenRefsClauses = []clause[*tokens]{
	{"no-refs", "TokenStore", "The list of refs or slots may be empty: Peek and Claim then return ErrTokenNotFound, and Release and Delete do nothing.", func(e *tokens) {
		_, refs := e.putLinks(1)
		e.wantNone("Peek without refs", func() (recovery.TokenRecord, error) { return e.pick().Peek(e.ctx) })
		e.wantNone("Claim without refs", func() (recovery.TokenRecord, error) { return e.pick().Claim(e.ctx, random()) })
		e.release(random())
		e.delete()
		e.wantLive("a token after calls without refs", refs...)
	}},
	{"code-guess-any-ref", "TokenStore", "Each ref is a guess at its own slot: a wrong guess counts wherever the live code is, also under the last of several keys.", func(e *tokens) {
		for i := range 3 {
			slots := []string{random(), random(), random()}
			code := e.putCode(slots[i], newCode())
			e.guessAll(slots, 4)
			e.wantLive("a code after four wrong guesses with three refs", code)
			e.guessAll(slots, 1)
			e.wantNotFound("a code after five wrong guesses with three refs", code)
		}
	}},
	{"code-guess-all-refs", "TokenStore", "Each ref is a guess at its own slot: if several slots hold a live code, a wrong guess counts in each of them.", func(e *tokens) {
		slots := []string{random(), random()}
		codes := []recovery.TokenRef{e.putCode(slots[0], newCode()), e.putCode(slots[1], newCode())}
		e.guessAll(slots, 4)
		e.wantLive("a code after four wrong guesses with two refs", codes...)
		e.guessAll(slots, 1)
		e.wantNotFound("a code after five wrong guesses with two refs", codes...)
	}},
	{"code-guess-beside-held", "TokenStore", "Each ref is a guess at its own slot: a wrong guess counts also if another claim holds the token of another ref.", func(e *tokens) {
		for i := range 2 {
			held, owner := e.putLink(random()), random()
			if i == 1 {
				held = e.putCode(random(), newCode())
			}
			e.claim(owner, held)
			slot := random()
			code := e.putCode(slot, newCode())
			for n := range 5 {
				refs := []recovery.TokenRef{held, {Slot: slot, Digest: random()}}
				if n%2 == 1 {
					slices.Reverse(refs)
				}
				if n == 4 {
					e.wantLive("a code after four wrong guesses beside a held token", code)
				}
				if n%4 < 2 {
					e.wantClaimRefused("with a wrong guess beside a held token", random(), refs...)
				} else {
					e.wantNone("Peek with a wrong guess beside a held token", func() (recovery.TokenRecord, error) { return e.pick().Peek(e.ctx, refs...) })
				}
			}
			e.wantNotFound("a code after five wrong guesses beside a held token", code)
			e.claim(owner, held)
		}
	}},
	{"code-guess-beside-right", "TokenStore", "Each ref is a guess at its own slot: a wrong guess counts also if another ref names a live token, which is returned.", func(e *tokens) {
		for _, spec := range []recovery.TokenSpec{newLink(), newCode()} {
			right := recovery.TokenRef{Slot: random(), Digest: spec.Digest}
			e.put(right.Slot, spec)
			slot, id := random(), random()
			code := e.putCode(slot, newCode())
			for n := range 5 {
				refs := []recovery.TokenRef{right, {Slot: slot, Digest: random()}}
				if n%2 == 1 {
					slices.Reverse(refs)
				}
				if n == 4 {
					e.wantLive("a code after four wrong guesses beside a right one", code)
				}
				if n < 2 {
					token, err := e.pick().Peek(e.ctx, refs...)
					if err != nil {
						e.fatalf("Peek with a right and a wrong ref: it returned %s, want the right token", outcomeOf(err))
					}
					e.wantRecord(token, right.Slot, spec, "Peek")
				} else {
					e.wantRecord(e.claim(id, refs...), right.Slot, spec, "Claim")
				}
			}
			e.wantNotFound("a code after five wrong guesses beside a right one", code)
		}
	}},
	{"code-guess-barred", "TokenStore.Release", "A wrong digest is a wrong guess, whatever claim makes it, also one whose ID is barred.", func(e *tokens) {
		slot, id := random(), random()
		code := e.putCode(slot, newCode())
		e.release(id, code)
		for range 4 {
			e.wantClaimRefused("with a wrong guess and a barred id", id, recovery.TokenRef{Slot: slot, Digest: random()})
		}
		e.wantLive("a code after four wrong guesses with a barred id", code)
		e.wantClaimRefused("with a wrong guess and a barred id", id, recovery.TokenRef{Slot: slot, Digest: random()})
		e.wantNotFound("a code after five wrong guesses with a barred id", code)
	}},
	{"code-release-is-no-guess", "TokenStore.Release", "Only Peek and Claim are guesses: Release of a wrong digest counts nothing, and ends no code.", func(e *tokens) {
		slot := random()
		code := e.putCode(slot, newCode())
		e.guess(slot, 4)
		for range 6 {
			e.release(random(), recovery.TokenRef{Slot: slot, Digest: random()})
		}
		e.wantLive("a code with one try left, after a Release of wrong digests", code)
	}},
	{"code-right-under-any-ref", "TokenStore", "A right guess is not counted, also if other refs name slots without a code.", func(e *tokens) {
		spec := newCode()
		code := recovery.TokenRef{Slot: random(), Digest: spec.Digest}
		e.put(code.Slot, spec)
		e.guess(code.Slot, 4)
		for i := range 3 {
			refs := slices.Insert([]recovery.TokenRef{{Slot: random(), Digest: random()}, {Slot: random(), Digest: random()}}, i, code)
			token, err := e.pick().Peek(e.ctx, refs...)
			if err != nil {
				e.fatalf("Peek of a code with one try left, with three refs: it returned %s, want the token", outcomeOf(err))
			}
			e.wantRecord(token, code.Slot, spec, "Peek")
			id := random()
			e.claim(id, refs...)
			e.release(id, refs...)
		}
		e.wantLive("a code with one try left, after right guesses with several refs", code)
	}},
	{"claim-ids-are-apart", "TokenStore", "Exactly one ID wins, and IDs are compared byte by byte: one in another case, cut off or longer is another, for a claim and for a bar.", func(e *tokens) {
		id := "aB" + random() + strings.Repeat("x", 36)
		others := []string{strings.ToLower(id), strings.ToUpper(id), id[:63], id[:8], id[1:], id[:63] + "y"}
		_, refs := e.putLinks(3)
		e.claim(id, refs[0])
		for _, other := range others {
			e.wantClaimRefused("by an id like the owner's", other, refs[0])
			e.release(other, refs[0])
		}
		e.claim(id, refs[0])
		e.release(id, refs[1])
		for _, other := range others {
			if _, err := e.pick().Claim(e.ctx, other, refs[1]); err != nil {
				e.errorf("Claim by an id like one that is barred: it returned %s, want the token", outcomeOf(err))
			}
			e.release(other, refs[1])
		}
		e.wantClaimRefused("by the barred id", id, refs[1])
	}},
}

// guessAll makes n wrong guesses at several slots at once, alternately by Peek
// and by Claim.
func (e *tokens) guessAll(slots []string, n int) {
	for i := range n {
		var refs []recovery.TokenRef
		for _, slot := range slots {
			refs = append(refs, recovery.TokenRef{Slot: slot, Digest: random()})
		}
		if i%2 == 0 {
			e.wantNone("Peek with wrong guesses", func() (recovery.TokenRecord, error) { return e.pick().Peek(e.ctx, refs...) })
		} else {
			e.wantClaimRefused("with wrong guesses", random(), refs...)
		}
	}
}

// wantNone fails unless a call returns ErrTokenNotFound.
func (e *tokens) wantNone(what string, call func() (recovery.TokenRecord, error)) {
	if token, err := call(); !errors.Is(err, recovery.ErrTokenNotFound) {
		e.errorf("%s: it returned a token with the digest %q and %s, want an error that wraps recovery.ErrTokenNotFound", what, token.Digest, outcomeOf(err))
	}
}
