package recoverytest

import (
	"errors"

	"github.com/seed-51359b35/recovery"
)

// separators are texts with which stores join two names to one key. The first
// is that of a store which only writes one behind the other.
var separators = []string{"", ":", "|", ".", "/", "-", "_", "#", ",", ";", "=", "@", "$", "+", "}", "{", "::"}

// tokenNameClauses are about long names, about names that a store joins to one
// key, and about malformed ones beside good ones.
var tokenNameClauses = []clause[*tokens]{
	{"put-long-names-are-apart", "TokenStore", "Slot has up to 128 bytes and Digest up to 64: two that differ in their last byte only are two, however long they are.", func(e *tokens) {
		name := random()
		slot, digest := name+printable(3, 127-len(name)), name+printable(5, 63-len(name))
		refs := []recovery.TokenRef{{Slot: slot + "a", Digest: digest + "a"}, {Slot: slot + "a", Digest: digest + "b"}, {Slot: slot + "b", Digest: digest + "a"}}
		for _, ref := range refs {
			e.wantNotFound("a token before its Put, whose name differs from that of another in the last byte", ref)
			e.putNamed(ref)
		}
		e.claim(random(), refs[0])
		e.wantLive("a token whose name differs in the last byte from that of one that was claimed", refs[1:]...)
		e.delete(refs[2].Slot)
		e.wantLive("a token whose slot differs in the last byte from one that was deleted", refs[1])
		e.wantNotFound("a token that was claimed or deleted", refs[0], refs[2])
	}},
	{"put-joined-names-are-apart", "TokenStore", "A TokenRef names one token in one slot: of two pairs of slot and digest that read the same when they are joined, each is a token of its own.", func(e *tokens) {
		e.race(len(separators), func(i int) {
			name, sep := random(), separators[i]
			first := recovery.TokenRef{Slot: name + sep + "b", Digest: "c"}
			second := recovery.TokenRef{Slot: name, Digest: "b" + sep + "c"}
			e.putNamed(first)
			e.wantNotFound("a token before its Put, whose slot and digest read like those of another when they are joined by "+quoted(sep), second)
			e.putNamed(second)
			e.claim(random(), first)
			e.wantLive("a token whose slot and digest read like those of a claimed one when they are joined by "+quoted(sep), second)
		})
	}},
	{"malformed-among-good", "TokenStore", "A malformed argument is an error, and changes nothing, also not what the other refs or slots of the call name.", func(e *tokens) {
		for _, last := range []bool{true, false} {
			slot, refs := e.putLinks(2)
			live, held, owner := refs[0], refs[1], random()
			e.claim(owner, held)
			codeSlot := random()
			code := e.putCode(codeSlot, newCode())
			with := func(ref recovery.TokenRef) []recovery.TokenRef {
				malformed := recovery.TokenRef{Slot: slot, Digest: "two words"}
				if last {
					return []recovery.TokenRef{ref, malformed}
				}
				return []recovery.TokenRef{malformed, ref}
			}
			wrong := recovery.TokenRef{Slot: codeSlot, Digest: random()}
			for range 3 {
				_, err := e.pick().Peek(e.ctx, with(wrong)...)
				e.wantMalformed("Peek of a wrong guess beside a malformed ref", err)
				_, err = e.pick().Claim(e.ctx, random(), with(wrong)...)
				e.wantMalformed("Claim with a wrong guess beside a malformed ref", err)
			}
			_, err := e.pick().Claim(e.ctx, random(), with(live)...)
			e.wantMalformed("Claim of a live token beside a malformed ref", err)
			e.wantMalformed("Release of a claimed token beside a malformed ref", e.pick().Release(e.ctx, owner, with(held)...))
			slots := []string{slot, "bad slot", codeSlot}
			if !last {
				slots = []string{"bad slot", slot, codeSlot}
			}
			e.wantMalformed("Delete of good slots and a malformed one", e.pick().Delete(e.ctx, slots...))
			e.wantLive("a token or code that malformed calls named too", live, code)
			e.claim(owner, held)
			e.release(owner, held)
		}
	}},
}

func quoted(separator string) string {
	if separator == "" {
		return "nothing"
	}
	return "'" + separator + "'"
}

// putNamed puts a new link under the given names.
func (e *tokens) putNamed(ref recovery.TokenRef) {
	spec := newLink()
	spec.Digest = ref.Digest
	e.put(ref.Slot, spec)
}

// wantMalformed fails unless the error says that an argument is malformed.
func (e *tokens) wantMalformed(what string, err error) {
	if err == nil || errors.Is(err, recovery.ErrTokenNotFound) {
		e.errorf("%s: it returned %s, want an error that says what is malformed, and does not wrap recovery.ErrTokenNotFound", what, outcomeOf(err))
	}
}
