package recoverytest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/seed-51359b35/recovery"
)

var tokenClaimClauses = []clause[*tokens]{
	{"peek-absent", "TokenStore.Peek", "Peek returns the live token that a TokenRef names, or ErrTokenNotFound.", func(e *tokens) {
		slot, _ := e.putLinks(1)
		e.wantNotFound("a digest that was never put", recovery.TokenRef{Slot: slot, Digest: random()})
		e.wantNotFound("a slot that was never put in", recovery.TokenRef{Slot: random(), Digest: random()})
	}},
	{"peek-recorded", "TokenStore.Peek", "ErrTokenNotRecorded is for digests of which the store holds nothing, neither live nor spent.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		e.claim(random(), refs[0])
		one := newLink()
		e.put(slot, one) // replaces a link
		id := random()
		e.claim(id, recovery.TokenRef{Slot: slot, Digest: one.Digest})
		e.release(id, recovery.TokenRef{Slot: slot, Digest: one.Digest})
		peek := func(what string) {
			for i, ref := range append(refs, recovery.TokenRef{Slot: slot, Digest: one.Digest}) {
				if _, err := e.pick().Peek(e.ctx, recovery.TokenRef{Slot: random(), Digest: random()}, ref); errors.Is(err, recovery.ErrTokenNotRecorded) {
					e.errorf("Peek of %s: it returned an error that wraps recovery.ErrTokenNotRecorded, want one that does not, because the digest was put", numbered(what, i, 4))
				}
			}
		}
		peek("one of four links, of which one is claimed and one is replaced")
		e.delete(slot)
		peek("one of four links that were deleted")
	}},
	{"peek-consumes-nothing", "TokenStore.Peek", "Peek consumes nothing.", func(e *tokens) {
		_, refs := e.putLinks(1)
		for range e.fewer(100, 10) {
			e.wantLive("a token that was peeked at often", refs[0])
		}
		e.claim(random(), refs[0])
	}},
	{"peek-any-ref", "TokenStore", "Several TokenRefs are the same secret under several keys: Peek and Claim find the token under any of them.", func(e *tokens) {
		for i := range 3 {
			refs := []recovery.TokenRef{{Slot: random(), Digest: random()}, {Slot: random(), Digest: random()}, {Slot: random(), Digest: random()}}
			spec := newLink()
			spec.Digest = refs[i].Digest
			e.put(refs[i].Slot, spec)
			token, err := e.pick().Peek(e.ctx, refs...)
			if err != nil {
				e.fatalf("Peek with three refs, of which number %d is live: it returned %s, want the token", i+1, outcomeOf(err))
			}
			e.wantRecord(token, refs[i].Slot, spec, "Peek")
			id := random()
			e.wantRecord(e.claim(id, refs...), refs[i].Slot, spec, "Claim")
			e.wantRecord(e.claim(id, refs...), refs[i].Slot, spec, "a repeated Claim")
			e.wantClaimRefused("by another id", random(), refs...)
			e.release(id, refs...)
			e.wantLive("a token released under several refs", refs[i])
			e.wantClaimRefused("by an id released under several refs", id, refs...)
		}
	}},
	{"claim-absent", "TokenStore.Claim", "Claim of a token that is not there gets ErrTokenNotFound.", func(e *tokens) {
		slot, refs := e.putLinks(1)
		e.wantClaimRefused("of a digest that was never put", random(), recovery.TokenRef{Slot: slot, Digest: random()})
		e.wantClaimRefused("of a slot that was never put in", random(), recovery.TokenRef{Slot: random(), Digest: random()})
		e.wantLive("the token that was there", refs[0])
	}},
	{"claim-one-winner", "TokenStore.Claim", "Exactly one id wins, however many race (A33).", func(e *tokens) {
		racers := e.fewer(64, 16)
		for range e.rounds(50, 3) {
			slot, refs := e.putLinks(1)
			var mu sync.Mutex
			var winners []string
			e.race(racers, func(i int) {
				id := random()
				token, err := e.pick().Claim(e.ctx, id, refs[0])
				if err != nil {
					e.wantError(err, recovery.ErrTokenNotFound, "Claim by a loser")
					return
				}
				if token.Slot != slot || token.Digest != refs[0].Digest {
					e.errorf("Claim by the winner: it returned slot %q, digest %q, want %q, %q", token.Slot, token.Digest, slot, refs[0].Digest)
				}
				mu.Lock()
				winners = append(winners, id)
				mu.Unlock()
			})
			if len(winners) != 1 {
				e.fatalf("Claim of one token by %[2]d ids at once: %[1]d of them got it, want 1", len(winners), racers)
			}
			e.claim(winners[0], refs[0])
		}
	}},
	{"claim-repeat", "TokenStore.Claim", "Repeating Claim with the id that won returns the same token again.", func(e *tokens) {
		for _, spec := range []recovery.TokenSpec{newLink(), newCode()} {
			slot, id := random(), random()
			first := e.put(slot, spec)
			ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
			for range 8 {
				token := e.claim(id, ref)
				e.wantRecord(token, slot, spec, "Claim")
				if !token.Expires.Equal(first.Expires) {
					e.errorf("Claim repeated with the id that holds the token: Expires is %v, want %v, as Put returned it", token.Expires, first.Expires)
				}
			}
			e.wantClaimRefused("by another id", random(), ref)
		}
	}},
	{"claim-repeat-racing", "TokenStore.Claim", "Repeating Claim with the id that won is harmless, also when both calls run at once.", func(e *tokens) {
		for range e.rounds(20, 2) {
			_, refs := e.putLinks(1)
			id := random()
			e.race(8, func(int) { e.claim(id, refs[0]) })
			e.wantClaimRefused("by another id", random(), refs[0])
		}
	}},
	{"claim-hides", "TokenStore.Claim", "Once a token is claimed, everybody else gets ErrTokenNotFound, from Claim and from Peek.", func(e *tokens) {
		_, refs := e.putLinks(2)
		for range 4 {
			e.wantLive("a token that nobody has claimed", refs...) // on each instance
		}
		e.claim(random(), refs[0])
		e.wantNotFound("a claimed token, asked for twice", refs[0], refs[0])
		for range 5 {
			e.wantClaimRefused("of a claimed token", random(), refs[0])
		}
		e.wantLive("the other token of the slot", refs[1])
	}},
	{"claim-stays", "TokenStore", "A token that was claimed, and neither released nor deleted, stays claimed.", func(e *tokens) {
		slot, spec := random(), shortLived(e.ticks(9))
		e.put(slot, spec)
		ref, id := recovery.TokenRef{Slot: slot, Digest: spec.Digest}, random()
		e.claim(id, ref)
		for range 3 {
			e.advance(e.ticks(2))
			e.wantNotFound("a token claimed some time ago", ref)
			e.wantClaimRefused("of a token claimed some time ago", random(), ref)
		}
		e.claim(id, ref)
	}},
	{"claim-needs-id", "TokenStore.Claim", "The caller names the claim with an id of 1 to 64 letters and digits: any other id is an error, and changes nothing.", func(e *tokens) {
		_, refs := e.putLinks(1)
		for _, id := range []string{"", "two words", "a,b", "-", strings.Repeat("i", 65)} {
			if _, err := e.pick().Claim(e.ctx, id, refs[0]); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
				e.errorf("Claim with the id %q: it returned %s, want an error that says the id is malformed, and does not wrap recovery.ErrTokenNotFound", id, outcomeOf(err))
			}
			if err := e.pick().Release(e.ctx, id, refs[0]); err == nil {
				e.errorf("Release with the id %q: it returned no error, want one", id)
			}
		}
		e.wantLive("a token claimed without an id", refs[0])
	}},
	{"malformed-names", "TokenStore", "A malformed slot or digest is an error, and changes nothing.", func(e *tokens) {
		slot, refs := e.putLinks(1)
		for _, malformed := range []recovery.TokenRef{
			{}, {Slot: slot}, {Digest: refs[0].Digest}, {Slot: slot + "\n", Digest: refs[0].Digest},
			{Slot: slot, Digest: refs[0].Digest + " x"}, {Slot: strings.Repeat("s", 129), Digest: refs[0].Digest},
			{Slot: slot, Digest: refs[0].Digest, Handle: "h"}, {Slot: slot, Digest: refs[0].Digest, Code: true, Handle: "two words"},
		} {
			if _, err := e.pick().Peek(e.ctx, malformed); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
				e.errorf("Peek of %+v: it returned %s, want an error that says the ref is malformed, and does not wrap recovery.ErrTokenNotFound", malformed, outcomeOf(err))
			}
			if _, err := e.pick().Claim(e.ctx, random(), malformed); err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
				e.errorf("Claim of %+v: it returned %s, want an error that says the ref is malformed, and does not wrap recovery.ErrTokenNotFound", malformed, outcomeOf(err))
			}
			if err := e.pick().Release(e.ctx, random(), malformed); err == nil {
				e.errorf("Release of %+v: it returned no error, want one", malformed)
			}
		}
		for _, malformed := range []string{"", "has space", slot + "\n", strings.Repeat("s", 129)} {
			if err := e.pick().Delete(e.ctx, malformed); err == nil {
				e.errorf("Delete of %q: it returned no error, want one", malformed)
			}
		}
		e.wantLive("a token that was there", refs[0])
	}},
	{"claim-held-elsewhere", "TokenStore.Claim", "With several TokenRefs, a token that one id holds under any of them cannot be claimed by another id.", func(e *tokens) {
		for i := range 2 {
			slots := [2]string{random(), random()}
			refs := []recovery.TokenRef{e.putLink(slots[0]), e.putLink(slots[1])}
			owner, other := random(), random()
			e.claim(owner, refs[i])
			e.wantClaimRefused("of a token held under one ref", other, refs[0], refs[1])
			e.wantClaimRefused("of a token held under one ref", other, refs[1], refs[0])
			// The refused claim must not have claimed the free token.
			e.release(owner, refs[i])
			e.wantLive("a token after a refused Claim", refs...)
			e.claim(random(), refs[1-i])
		}
	}},
	{"release-revives", "TokenStore.Release", "Release makes the token live again if the id holds it.", func(e *tokens) {
		for _, spec := range []recovery.TokenSpec{newLink(), newCode()} {
			slot, id := random(), random()
			first := e.put(slot, spec)
			ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
			for range 5 {
				e.claim(id, ref)
				e.release(id, ref)
				e.wantLive("a released token", ref)
				id = random()
			}
			if token := e.claim(id, ref); !token.Expires.Equal(first.Expires) {
				e.errorf("Claim of a token that was released: Expires is %[2]v, want %[1]v, as Put returned it", first.Expires, token.Expires)
			}
		}
	}},
	{"release-bars-the-owner", "TokenStore.Release", "Release bars the id: a Claim with it that arrives later gets ErrTokenNotFound and changes nothing.", func(e *tokens) {
		_, refs := e.putLinks(1)
		id := random()
		e.claim(id, refs[0])
		e.release(id, refs[0])
		for range 3 {
			e.wantClaimRefused("with a barred id", id, refs[0])
			e.wantLive("a token after a Claim with a barred id", refs[0])
		}
		e.claim(random(), refs[0])
	}},
	{"release-bars-in-advance", "TokenStore.Release", "Release bars the id in any case: a Claim that arrives after it, for example from a dead connection, is refused and does not use up the link.", func(e *tokens) {
		_, refs := e.putLinks(1)
		id := random()
		e.release(id, refs[0])
		e.wantLive("a token released by an id that never held it", refs[0])
		e.wantClaimRefused("that arrives after its Release", id, refs[0])
		e.wantLive("a token after the late Claim", refs[0])
		e.claim(random(), refs[0])
	}},
	{"release-by-a-stranger", "TokenStore.Release", "Release makes the token live again only if the id holds it, and bars the id in any case.", func(e *tokens) {
		_, refs := e.putLinks(1)
		owner, stranger := random(), random()
		e.claim(owner, refs[0])
		e.release(stranger, refs[0])
		e.wantNotFound("a claimed token that a stranger released", refs[0])
		e.claim(owner, refs[0])
		e.release(owner, refs[0])
		e.wantClaimRefused("with the stranger's barred id", stranger, refs[0])
		e.wantLive("the token after its owner released it", refs[0])
	}},
	{"release-again", "TokenStore.Release", "An id that held the token once does not hold it now: its second Release leaves the present owner alone.", func(e *tokens) {
		_, refs := e.putLinks(1)
		former, owner := random(), random()
		e.claim(former, refs[0])
		e.release(former, refs[0])
		e.claim(owner, refs[0])
		e.release(former, refs[0])
		e.wantNotFound("a token that its former owner released again", refs[0])
		e.wantClaimRefused("by a third", random(), refs[0])
		e.claim(owner, refs[0])
	}},
	{"release-bars-32", "TokenStore.Release", "A store may forget ids barred on one token, but it must remember the 32 youngest.", func(e *tokens) {
		_, refs := e.putLinks(1)
		var ids []string
		for range 40 {
			ids = append(ids, random())
			e.release(ids[len(ids)-1], refs[0])
		}
		e.race(32, func(i int) {
			e.wantClaimRefused(fmt.Sprintf("with a barred id, the youngest but %d of 40", 31-i), ids[8+i], refs[0])
		})
		e.claim(random(), refs[0])
	}},
	{"release-bars-one-token", "TokenStore.Release", "An id is barred on the token it was released on.", func(e *tokens) {
		_, refs := e.putLinks(2)
		id := random()
		e.release(id, refs[0])
		e.claim(id, refs[1])
	}},
	{"release-absent", "TokenStore.Release", "Releasing a token that is not there is not an error, and creates nothing.", func(e *tokens) {
		slot, spec := random(), newLink()
		ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
		e.release(random(), ref)
		e.wantNotFound("a token that was released and never put", ref)
		e.put(slot, spec)
		e.release(random(), recovery.TokenRef{Slot: slot, Digest: random()})
		e.wantLive("a token put after a Release of it", ref)
	}},
	{"release-revives-no-dead", "TokenStore", "Only a claim can be undone: Release revives no token that was deleted or replaced.", func(e *tokens) {
		slot, refs := e.putLinks(1)
		id := random()
		e.claim(id, refs[0])
		e.delete(slot)
		e.release(id, refs[0])
		e.wantNotFound("a token that was claimed, deleted and released", refs[0])

		slot, spec := random(), newCode()
		ref := e.putCode(slot, spec)
		e.claim(id, ref)
		latest := e.putCode(slot, newCode())
		e.release(id, ref)
		e.wantLive("the code that replaced a claimed one", latest)
		e.wantNotFound("a code that was claimed, replaced and released", ref)

		slot, spec = random(), newCode()
		ref = e.putCode(slot, spec)
		e.guess(slot, 5)
		e.release(random(), ref)
		e.wantNotFound("a code that was guessed at too often and released", ref)
	}},
	{"delete-ends-live", "TokenStore.Delete", "Delete ends every token in the slots.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		other, others := e.putLinks(3)
		codeSlot := random()
		refs = append(refs, e.putCode(codeSlot, newCode()))
		e.delete(slot, codeSlot)
		e.wantNotFound("a deleted token", refs...)
		for _, ref := range refs {
			e.wantClaimRefused("of a deleted token", random(), ref)
		}
		e.wantLive("the tokens of another slot", others...)
		e.delete(other)
		e.wantNotFound("the tokens of the other slot", others...)
	}},
	{"delete-ends-claimed", "TokenStore.Delete", "Delete ends claimed tokens too.", func(e *tokens) {
		slot, refs := e.putLinks(2)
		id := random()
		e.claim(id, refs[0])
		e.delete(slot)
		e.wantClaimRefused("by the owner of a deleted token", id, refs[0])
		e.release(id, refs[0])
		e.wantNotFound("a token that was claimed, deleted and released", refs...)
		e.wantClaimRefused("of a token that was claimed, deleted and released", random(), refs[0])
	}},
	{"delete-absent", "TokenStore.Delete", "Deleting a slot that is not there is not an error.", func(e *tokens) {
		slot, refs := e.putLinks(1)
		e.delete(random(), slot, random())
		e.wantNotFound("a token deleted among absent slots", refs[0])
		e.delete(slot)
		e.delete(slot, slot)
		e.wantNotFound("a token deleted several times", refs[0])
		e.delete(random())
	}},
}
