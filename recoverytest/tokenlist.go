package recoverytest

import (
	"fmt"
	"slices"

	"github.com/seed-51359b35/recovery"
)

// tokenListClauses are about a store that is a TokenLister. They are skipped for any
// other.
var tokenListClauses = []clause[*tokens]{
	{"list-live", "TokenLister.List", "List returns the live tokens of the slots, as Put returned them: none that is claimed, deleted, replaced or guessed at too often.", func(e *tokens) {
		lister := e.lister()
		slot, refs := e.putLinks(2)
		e.claim(random(), e.putLink(slot))
		codes := random()
		live := e.putCode(codes, withHandle(random(), 2))
		out := e.putCode(codes, withHandle(random(), 2))
		e.guessAt(codes, out.Handle, 5)
		e.wantList(lister, "a slot with two live links and a claimed one, and a slot with a live code", []string{slot, codes}, append(refs, live)...)
		replaced := e.putCode(codes, withHandle(live.Handle, 2))
		e.wantList(lister, "a slot whose code was replaced", []string{codes}, replaced)
		e.delete(slot)
		e.wantList(lister, "a slot that was deleted", []string{slot})

		spec := newLink()
		put := e.put(slot, spec)
		all, err := lister.List(e.ctx, slot)
		if err != nil || len(all) != 1 {
			e.fatalf("List of a slot with one live token: it returned %d tokens and %s, want 1 and none", len(all), outcomeOf(err))
		}
		e.wantRecord(all[0], slot, spec, "List")
		if !all[0].Created.Equal(put.Created) || !all[0].Expires.Equal(put.Expires) {
			e.errorf("List: the record has the Created %v and the Expires %v, want %v and %v, as Put returned them", all[0].Created, all[0].Expires, put.Created, put.Expires)
		}
	}},
	{"list-claimed", "TokenLister.List", "Tokens that are claimed are not live. A release makes them live again.", func(e *tokens) {
		lister, id := e.lister(), random()
		slot, refs := e.putLinks(2)
		e.claim(id, refs[1])
		e.wantList(lister, "a slot with a live token and a claimed one", []string{slot}, refs[0])
		e.release(id, refs[1])
		e.wantList(lister, "a slot with two tokens, one of which was released", []string{slot}, refs...)
	}},
	{"list-expired", "TokenLister.List", "List returns the live tokens: none that has expired.", func(e *tokens) {
		lister := e.lister()
		slot, ref := random(), recovery.TokenRef{}
		short := shortLived(e.ticks(3))
		e.put(slot, short)
		ref = e.putLink(slot)
		e.advance(e.ticks(4))
		e.wantList(lister, "a slot with a live token and an expired one", []string{slot}, ref)
	}},
	{"list-order", "TokenLister.List", "First come the tokens of the first slot, and those of one slot by Created, the oldest first.", func(e *tokens) {
		lister := e.lister()
		one, other := random(), random()
		var first, second []recovery.TokenRef
		for range 3 {
			first = append(first, e.putLink(one))
			second = append(second, e.putLink(other))
			e.advance(e.ticks(0.5))
		}
		e.wantListed(lister, true, "two slots with three tokens each", []string{one, other}, append(first, second...)...)
		e.wantListed(lister, true, "the same slots the other way round", []string{other, one}, append(second, first...)...)
	}},
	{"list-none", "TokenLister.List", "A slot that is not there has no live tokens, and the list of slots may be empty: that is no error. A malformed slot is one.", func(e *tokens) {
		lister := e.lister()
		slot, refs := e.putLinks(1)
		e.wantList(lister, "no slots", nil)
		e.wantList(lister, "a slot that was never put in", []string{random()})
		e.wantList(lister, "a slot among absent ones", []string{random(), slot, random()}, refs...)
		for _, malformed := range []string{"", "has space", slot + "\n"} {
			if _, err := lister.List(e.ctx, slot, malformed); err == nil {
				e.errorf("List of a slot and %q: it returned no error, want one", malformed)
			}
		}
	}},
	{"list-exhausted", "TokenLister.List", "A slot that has had too many wrong guesses has its codes in the list all the same, and List counts no guess.", func(e *tokens) {
		lister := e.lister()
		slot, spec := random(), withHandle(random(), 2)
		spec.MaxTries, spec.MaxFailures = 3, 2
		ref := e.putCode(slot, spec)
		for range 4 {
			e.wantList(lister, "a slot with a code", []string{slot}, ref)
		}
		e.wantLive("a code after List of its slot", ref)
		e.guessAt(slot, spec.Handle, 2)
		e.wantNotFound("a code in a slot that took all its failures", ref)
		e.wantList(lister, "a slot that took all its failures", []string{slot}, ref)
	}},
	{"end-ends", "TokenLister.End", "End ends the tokens that the refs name, also claimed ones, and no others.", func(e *tokens) {
		lister, id := e.lister(), random()
		slot, refs := e.putLinks(3)
		codes := random()
		code, other := e.putCode(codes, withHandle(random(), 2)), e.putCode(codes, withHandle(random(), 2))
		e.claim(id, refs[1])
		e.end(lister, refs[0], refs[1], code)
		e.wantNotFound("a token that was ended", refs[0], refs[1], code)
		e.wantClaimRefused("by the owner of a token that was ended", id, refs[1])
		e.release(id, refs[1])
		e.wantNotFound("a token that was claimed, ended and released", refs[1])
		e.wantLive("a token beside those that were ended", refs[2], other)
		e.wantList(lister, "a slot in which two of three tokens were ended", []string{slot}, refs[2])
	}},
	{"end-spends", "TokenLister.End", "Put refuses the digests of ended tokens until they would have expired. They take no places.", func(e *tokens) {
		lister := e.lister()
		slot, spec := random(), newLink()
		e.put(slot, spec)
		e.end(lister, recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		e.wantSpent(slot, spec, "ended")
		e.wantLive("three links put after one was ended", e.putLink(slot), e.putLink(slot), e.putLink(slot))

		slot, spec = random(), withHandle(random(), 1)
		e.end(lister, e.putCode(slot, spec))
		e.wantSpent(slot, spec, "ended")
		e.wantLive("a code with another handle and MaxLive 1, put after one was ended", e.putCode(slot, withHandle(random(), 1)))
	}},
	{"end-is-no-guess", "TokenLister.End", "End is no guess, and ignores Code and Handle: a wrong digest counts nothing, and a right one is ended whatever else the ref says.", func(e *tokens) {
		lister := e.lister()
		slot, spec := random(), withHandle(random(), 2)
		spec.MaxTries, spec.MaxFailures = 2, 2
		ref := e.putCode(slot, spec)
		for range 3 {
			e.end(lister, recovery.TokenRef{Slot: slot, Digest: random(), Code: true, Handle: spec.Handle})
		}
		e.guessAt(slot, spec.Handle, 1)
		e.wantLive("a code with one try left, after End of wrong digests", ref)
		e.end(lister, recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		e.wantNotFound("a code that was ended without Code and Handle", ref)
		another := e.putCode(slot, withHandle(random(), 2))
		e.end(lister, recovery.TokenRef{Slot: slot, Digest: another.Digest, Code: true, Handle: random()})
		e.wantNotFound("a code that was ended with another Handle", another)
	}},
	{"end-absent", "TokenLister.End", "If there is no such token, that is not an error. The list of refs may be empty, and a malformed one is an error, which ends nothing.", func(e *tokens) {
		lister := e.lister()
		slot, refs := e.putLinks(1)
		e.end(lister)
		e.end(lister, recovery.TokenRef{Slot: slot, Digest: random()}, recovery.TokenRef{Slot: random(), Digest: refs[0].Digest})
		spec := newLink()
		e.end(lister, recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		e.wantLive("a token put after an End of it", e.putCode(slot, spec))
		for _, malformed := range []recovery.TokenRef{{}, {Slot: slot}, {Slot: slot, Digest: "two words"}} {
			if err := lister.End(e.ctx, refs[0], malformed); err == nil {
				e.errorf("End of a live token and of %+v: it returned no error, want one", malformed)
			}
		}
		e.wantLive("a token that was there, after a malformed End", refs...)
		e.end(lister, refs[0], refs[0])
		e.end(lister, refs[0])
		e.wantNotFound("a token that was ended several times", refs[0])
	}},
	{"racing-ends", "TokenLister", "Every operation is atomic: after an End no id holds the token, also none whose Claim ran at the same time.", func(e *tokens) {
		lister := e.lister()
		for range e.rounds(20, 2) {
			slot, refs := e.putLinks(2)
			ids := make([]string, 12)
			e.race(len(ids), func(i int) {
				if i == 6 {
					e.end(lister, refs[0])
					return
				}
				ids[i] = random()
				_, _ = e.pick().Claim(e.ctx, ids[i], refs[0])
			})
			for _, id := range ids {
				if id != "" {
					e.wantClaimRefused("by an id whose token was ended", id, refs[0])
				}
			}
			e.wantList(lister, "a slot in which one of two tokens was ended beside claims", []string{slot}, refs[1])
		}
	}},
}

// lister returns the store, or skips the clause.
func (e *tokens) lister() recovery.TokenLister {
	lister, ok := e.pick().(recovery.TokenLister)
	if !ok {
		e.skip(fmt.Sprintf("needs a recovery.TokenLister, and %T is none", e.first))
	}
	return lister
}

func (e *tokens) end(lister recovery.TokenLister, refs ...recovery.TokenRef) {
	if err := lister.End(e.ctx, refs...); err != nil {
		e.fatalf("End: it returned %s, want none, whether the tokens are there or not", outcomeOf(err))
	}
}

// wantList fails unless List of the slots returns the tokens that the refs name, in
// any order: some were stored within one unit of the store's clock.
func (e *tokens) wantList(lister recovery.TokenLister, what string, slots []string, refs ...recovery.TokenRef) {
	e.wantListed(lister, false, what, slots, refs...)
}

func (e *tokens) wantListed(lister recovery.TokenLister, inOrder bool, what string, slots []string, refs ...recovery.TokenRef) {
	all, err := lister.List(e.ctx, slots...)
	if err != nil {
		e.errorf("List of %s: it returned %s, want none", what, outcomeOf(err))
		return
	}
	var got, want []string
	for _, token := range all {
		got = append(got, token.Slot+" "+token.Digest)
	}
	for _, ref := range refs {
		want = append(want, ref.Slot+" "+ref.Digest)
	}
	order := "in this order"
	if !inOrder {
		slices.Sort(got)
		slices.Sort(want)
		order = "in any order"
	}
	if !slices.Equal(got, want) {
		e.errorf("List of %s: it returned the slots and digests %q, want %q, %s", what, got, want, order)
	}
}
