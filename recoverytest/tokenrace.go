package recoverytest

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/seed-51359b35/recovery"
)

var tokenGeneralClauses = []clause[*tokens]{
	{"racing-same-put", "TokenStore.Put", "A Put of a digest that is live already changes nothing: of many Puts at once one makes the token, and all return it.", func(e *tokens) {
		slot, spec := random(), newLink()
		tokens := make([]recovery.TokenRecord, 32)
		e.race(len(tokens), func(i int) { tokens[i] = e.put(slot, spec) })
		for _, token := range tokens {
			if !token.Expires.Equal(tokens[0].Expires) {
				e.errorf("32 Puts of one digest at once: they returned Expires %v and %v, want the same", tokens[0].Expires, token.Expires)
			}
		}
		e.wantLive("the token and two more", recovery.TokenRef{Slot: slot, Digest: spec.Digest}, e.putLink(slot), e.putLink(slot))
	}},
	{"racing-puts", "TokenSpec.MaxLive", "MaxLive is how many tokens may be usable in the slot at once, however many callers race.", func(e *tokens) {
		for range e.rounds(10, 2) {
			slot := random()
			refs := make([]recovery.TokenRef, 24)
			e.race(len(refs), func(i int) { refs[i] = e.putLink(slot) })
			if n := e.usable(refs); n != 3 {
				e.errorf("after %d Puts at once with MaxLive 3: Peek finds %d tokens, want 3", len(refs), n)
			}
			codes := make([]recovery.TokenRef, 8)
			for i := range codes {
				codes[i] = recovery.TokenRef{Slot: random(), Digest: random()}
			}
			slot = random()
			e.race(len(codes), func(i int) {
				spec := newCode()
				spec.MaxTries, spec.MaxFailures = 100, 100
				codes[i] = e.putCode(slot, spec)
			})
			if n := e.usable(codes); n != 1 {
				e.errorf("after %d Puts of codes at once: Peek finds %d of them, want 1", len(codes), n)
			}
		}
	}},
	{"racing-everything", "TokenStore", "Every operation is atomic: at most one id holds a token at any time, whatever operations run at once.", func(e *tokens) {
		const workers = 16
		rounds := e.fewer(60, 6)
		slot, specs := random(), []recovery.TokenSpec{newLink(), newLink(), newLink()}
		var holders [3]atomic.Int32
		deleted := make(chan struct{})
		e.race(workers, func(i int) {
			for round := range rounds {
				n := (i + round) % len(specs)
				ref := recovery.TokenRef{Slot: slot, Digest: specs[n].Digest}
				_, err := e.pick().Put(e.ctx, slot, specs[n])
				if err != nil && !errors.Is(err, recovery.ErrTokenSpent) {
					e.fatalf("Put beside other operations: it returned %s, want none or recovery.ErrTokenSpent", outcomeOf(err))
				}
				id := random()
				_, err = e.pick().Claim(e.ctx, id, ref)
				if err != nil {
					e.wantError(err, recovery.ErrTokenNotFound, "Claim beside other operations")
					e.release(id, ref) // must not release the owner's claim
					continue
				}
				// From the reply until the Release this id alone holds the
				// token, unless a Delete has ended it.
				if now := holders[n].Add(1); now != 1 {
					e.errorf("Claim of one token by several ids: %d of them hold it at once, want 1", now)
				}
				if _, err := e.pick().Claim(e.ctx, id, ref); err != nil {
					select {
					case <-deleted:
					default:
						e.errorf("Claim repeated by the owner: it returned %s, want the token", outcomeOf(err))
					}
				}
				holders[n].Add(-1)
				if i == 0 && round > rounds/2 {
					select {
					case <-deleted:
					default:
						close(deleted)
						e.delete(slot)
					}
				}
				e.release(id, ref)
			}
		})
		e.delete(slot)
		for _, spec := range specs {
			e.wantNotFound("a deleted token", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		}
	}},
	{"racing-deletes", "TokenStore", "Every operation is atomic: after a Delete no id holds a token of the slot, also none whose Claim ran at the same time.", func(e *tokens) {
		for range e.rounds(20, 2) {
			slot, refs := e.putLinks(3)
			var mu sync.Mutex
			won := map[string]recovery.TokenRef{}
			e.race(16, func(i int) {
				if i == 8 {
					e.delete(slot)
					return
				}
				id, ref := random(), refs[i%3]
				if _, err := e.pick().Claim(e.ctx, id, ref); err == nil {
					mu.Lock()
					won[id] = ref
					mu.Unlock()
				}
			})
			for id, ref := range won {
				e.wantClaimRefused("by the owner of a deleted token", id, ref)
				e.release(id, ref)
			}
			e.wantNotFound("a token claimed beside a Delete and released", refs...)
		}
	}},
	{"random-operations", "TokenStore", "Operations in any order do what the contract says of each of them.", func(e *tokens) {
		seed := e.h.Seed
		if seed == 0 {
			seed = rand.Uint64()
		}
		n, least := e.h.Operations, e.h.Operations
		if n <= 0 {
			n, least = 2000, 100
			if e.timing.exact() {
				least = n
			}
		}
		w := randomWalk{tokens: e, rnd: rand.New(rand.NewPCG(seed, 0)), model: model{slots: map[string]*modelSlot{}}}
		for step := range e.rounds(n, least) {
			if op, ok := w.step(); !ok {
				e.fatalf("operation %d of seed %d (1/2 is digest 2 in slot 1; slots 0 and 1 have links, 2 and 3 have codes, and handle 0 is none; of each operation before it this is what the contract wants): %s\nbefore it:\n\t%s", step, seed, op, strings.Join(w.history, "\n\t"))
			}
		}
	}},
}
