package recoverytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
)

var tokenPutClauses = []clause[*tokens]{
	{"put-echoes", "TokenRecord", "Put, Peek and Claim return the Slot, Digest and State that the record was stored under, and the same Created and Expires (A90).", func(e *tokens) {
		slot, spec := random(), newLink()
		ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
		put := e.put(slot, spec)
		peeked, err := e.pick().Peek(e.ctx, ref)
		if err != nil {
			e.fatalf("Peek of a new token: it returned %s, want the token", outcomeOf(err))
		}
		e.wantRecord(peeked, slot, spec, "Peek")
		claimed := e.claim(random(), ref)
		e.wantRecord(claimed, slot, spec, "Claim")
		if !peeked.Expires.Equal(put.Expires) || !claimed.Expires.Equal(put.Expires) {
			e.errorf("Put, Peek and Claim of one token: Expires is %v, %v and %v, want the same from all", put.Expires, peeked.Expires, claimed.Expires)
		}
		if !peeked.Created.Equal(put.Created) || !claimed.Created.Equal(put.Created) {
			e.errorf("Put, Peek and Claim of one token: Created is %v, %v and %v, want the same from all", put.Created, peeked.Created, claimed.Created)
		}
	}},
	{"put-created", "TokenRecord.Created", "Created is when the token was stored, by the store's clock: its TTL before Expires. A Put of a live digest does not change it.", func(e *tokens) {
		slot, spec, codeSpec := random(), newLink(), newCode()
		first, code := e.put(slot, spec), e.put(random(), codeSpec)
		// Two roundings to whole milliseconds make a difference of up to two.
		for _, token := range []recovery.TokenRecord{first, code} {
			if d := token.Expires.Sub(token.Created) - longTTL; d.Abs() > 2*time.Millisecond {
				e.errorf("Put with a TTL of %v: Created is %v before Expires, want the TTL", longTTL, longTTL+d)
			}
		}
		e.advance(e.ticks(4))
		second, again := e.put(slot, newLink()), e.put(slot, spec)
		if d := second.Created.Sub(first.Created); d < e.ticks(3) || d > e.ticks(6) {
			e.errorf("Put of two tokens, 4 ticks (%v each) apart: their Created are %v apart, want %v to %v", e.timing.tick, d, e.ticks(3), e.ticks(6))
		}
		if !again.Created.Equal(first.Created) {
			e.errorf("Put of a live digest: Created was %v and is %v, want no change", first.Created, again.Created)
		}
	}},
	{"put-printable", "TokenSpec.Digest", "A digest and a state are 1 to 64 bytes of printable ASCII, and the name of a slot is 1 to 128: any of them comes back as it was.", func(e *tokens) {
		// The names begin at random, so that runs on a shared server have
		// different ones.
		name := random()
		for i, size := range []struct{ slot, digest int }{{128, 64}, {128, 1}, {len(name) + 1, 64}, {len(name) + 3, 3}} {
			slot := name + printable(7*i, size.slot-len(name))
			spec := newLink()
			spec.Digest, spec.State = printable(31*i, size.digest), printable(53*i, size.digest)
			e.put(slot, spec)
			token := e.claim(random(), recovery.TokenRef{Slot: slot, Digest: spec.Digest})
			e.wantRecord(token, slot, spec, "Claim")
		}
		// These names differ only in characters that formats of records use as
		// separators.
		for _, sep := range `:|,;/\"'{}[]*%$#&=` {
			spec := newLink()
			spec.Digest, spec.State = "a"+string(sep)+"b", "c"+string(sep)+"d"+string(sep)
			e.put(name+string(sep), spec)
			token := e.claim(random(), recovery.TokenRef{Slot: name + string(sep), Digest: spec.Digest})
			e.wantRecord(token, name+string(sep), spec, "Claim")
		}
	}},
	{"put-no-state", "TokenSpec.State", "State is up to 64 bytes: none comes back as none.", func(e *tokens) {
		for _, state := range []string{"", "-", "--", "0", "null"} {
			slot, spec := random(), newLink()
			spec.State = state
			e.put(slot, spec)
			e.wantRecord(e.claim(random(), recovery.TokenRef{Slot: slot, Digest: spec.Digest}), slot, spec, "Claim")
			_, err := e.pick().Put(e.ctx, slot, spec)
			e.wantError(err, recovery.ErrTokenSpent, "Put of a claimed digest")
		}
	}},
	{"put-expires", "TokenSpec.TTL", "TTL is counted from the arrival in the store, on its clock.", func(e *tokens) {
		slot := random()
		a, b := e.put(slot, shortLived(e.ticks(10))), e.put(slot, shortLived(e.ticks(50)))
		if d := b.Expires.Sub(a.Expires); d < e.ticks(39) || d > e.ticks(41) {
			e.errorf("Put of tokens with a TTL of 10 and 50 ticks (%v each), one after the other: they expire %v apart, want %v to %v", e.timing.tick, d, e.ticks(39), e.ticks(41))
		}
		e.advance(e.ticks(5))
		c := e.put(slot, shortLived(e.ticks(10)))
		if d := c.Expires.Sub(a.Expires); d < e.ticks(4) || d > e.ticks(7) {
			e.errorf("Put of tokens with the same TTL, 5 ticks (%v each) apart: they expire %v apart, want %v to %v", e.timing.tick, d, e.ticks(4), e.ticks(7))
		}
	}},
	{"put-dies-at-ttl", "TokenStore", "A token is live until it has expired, and not after that (A32, A94).", func(e *tokens) {
		slot := random()
		spec, codeSpec := shortLived(e.ticks(6)), newCode()
		codeSpec.TTL = e.ticks(6)
		ref, claimed := recovery.TokenRef{Slot: slot, Digest: spec.Digest}, random()
		codeRef := e.putCode(random(), codeSpec)
		e.put(slot, spec)
		held := e.putLink(slot)
		short := shortLived(e.ticks(6))
		e.put(slot, short)
		shortRef := recovery.TokenRef{Slot: slot, Digest: short.Digest}
		e.claim(claimed, shortRef)
		e.advance(e.ticks(4))
		e.wantLive("a token before its TTL has passed", ref, codeRef)
		e.guess(codeRef.Slot, 1)
		e.claim(claimed, shortRef)
		e.advance(e.ticks(3))
		e.wantNotFound("a token after its TTL has passed", ref, codeRef)
		e.wantClaimRefused("after its TTL has passed", random(), ref)
		e.wantClaimRefused("by its owner after its TTL has passed", claimed, shortRef)
		e.release(claimed, shortRef)
		e.wantNotFound("a token released after its TTL has passed", shortRef)
		e.wantLive("another token of the slot, with a longer TTL", held)
	}},
	{"put-dies-exactly", "TokenSpec.TTL", "A token is live until its TTL has passed on the store's clock, to the millisecond.", func(e *tokens) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		// The second is no number of whole seconds, nor of quarters of one.
		for _, ttl := range []time.Duration{e.ticks(3), e.ticks(3) + 217*time.Millisecond} {
			slot, spec := random(), shortLived(ttl)
			e.put(slot, spec)
			ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
			e.advance(ttl - time.Millisecond)
			e.wantLive(fmt.Sprintf("a token a millisecond before its TTL of %v has passed", ttl), ref)
			e.advance(time.Millisecond)
			e.wantNotFound(fmt.Sprintf("a token when its TTL of %v has passed", ttl), ref)
		}
	}},
	{"put-again-changes-nothing", "TokenStore.Put", "A Put of a digest that is live already changes nothing, also not its expiry, and returns its record.", func(e *tokens) {
		slot, spec := random(), shortLived(e.ticks(8))
		first := e.put(slot, spec)
		e.advance(e.ticks(4))
		again := spec
		again.State, again.TTL = random(), e.ticks(100)
		token, err := e.pick().Put(e.ctx, slot, again)
		if err != nil {
			e.fatalf("Put of a live digest: it returned %s, want none", outcomeOf(err))
		}
		e.wantRecord(token, slot, spec, "Put of a live digest with another state and TTL")
		if !token.Expires.Equal(first.Expires) {
			e.errorf("Put of a live digest, with another TTL: Expires was %v and is %v, want no change", first.Expires, token.Expires)
		}
		e.advance(e.ticks(5))
		e.wantNotFound("a token put twice, when the first TTL has passed", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
	}},
	{"put-again-adds-none", "TokenStore.Put", "A Put of a digest that is live already changes nothing: it adds no token and replaces none.", func(e *tokens) {
		slot, spec := random(), newLink()
		for range 5 {
			e.put(slot, spec)
		}
		refs := []recovery.TokenRef{{Slot: slot, Digest: spec.Digest}, e.putLink(slot), e.putLink(slot)}
		for range 5 {
			e.put(slot, spec)
		}
		e.wantLive("three tokens, one of which was put ten times", refs...)
	}},
	{"put-again-keeps-tries", "TokenStore.Put", "A Put of a digest that is live already changes nothing, also not its count of tries.", func(e *tokens) {
		slot, spec := random(), newCode()
		ref := e.putCode(slot, spec)
		e.guess(slot, 4)
		e.put(slot, spec)
		e.wantLive("a code with one try left, put again", ref)
		e.guess(slot, 1)
		e.wantNotFound("a code guessed at five times, put again before the last", ref)
	}},
	{"put-after-claim", "TokenStore.Put", "A digest that is not live any more, but would not have expired yet, is refused with ErrTokenSpent. This is one that was claimed.", func(e *tokens) {
		for _, spec := range []recovery.TokenSpec{newLink(), newCode()} {
			slot := random()
			e.put(slot, spec)
			ref, id := recovery.TokenRef{Slot: slot, Digest: spec.Digest}, random()
			e.claim(id, ref)
			e.wantSpent(slot, spec, "claimed")
			e.wantNotFound("a claimed token that was put again", ref)
			e.claim(id, ref)
		}
	}},
	{"put-after-release", "TokenStore.Release", "Release makes the token live again: a Put of its digest is then a Put of a live digest.", func(e *tokens) {
		slot, spec := random(), newLink()
		e.put(slot, spec)
		ref, id := recovery.TokenRef{Slot: slot, Digest: spec.Digest}, random()
		e.claim(id, ref)
		e.release(id, ref)
		e.put(slot, spec)
		e.wantClaimRefused("with a barred id after the digest was put again", id, ref)
		e.wantLive("a released token", ref)
	}},
	{"put-after-delete", "TokenStore.Put", "A digest that is not live any more, but would not have expired yet, is refused with ErrTokenSpent. This is one that was deleted: a job that is repeated after the reset makes nothing live again.", func(e *tokens) {
		for _, spec := range []recovery.TokenSpec{newLink(), newCode()} {
			slot := random()
			e.put(slot, spec)
			e.delete(slot)
			e.wantSpent(slot, spec, "deleted")
			e.wantNotFound("a deleted token that was put again", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		}
	}},
	{"put-after-claim-and-delete", "TokenStore.Put", "A digest that is not live any more, but would not have expired yet, is refused with ErrTokenSpent. This is one that was claimed and deleted, as a reset does.", func(e *tokens) {
		slot, spec := random(), newLink()
		e.put(slot, spec)
		e.claim(random(), recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		e.delete(slot)
		e.wantSpent(slot, spec, "claimed and deleted")
	}},
	{"put-after-replaced", "TokenStore.Put", "A digest that is not live any more, but would not have expired yet, is refused with ErrTokenSpent. This is one that was replaced.", func(e *tokens) {
		slot := random()
		specs := []recovery.TokenSpec{newLink(), newLink(), newLink(), newLink()}
		for _, spec := range specs {
			e.put(slot, spec)
		}
		e.wantSpent(slot, specs[2], "replaced")
		e.wantLive("a token whose predecessor was put again", recovery.TokenRef{Slot: slot, Digest: specs[3].Digest})

		slot = random()
		old, latest := newCode(), newCode()
		e.put(slot, old)
		ref := e.putCode(slot, latest)
		e.wantSpent(slot, old, "a code and replaced")
		e.wantLive("a code whose predecessor was put again", ref)
	}},
	{"put-after-guessed-out", "TokenStore.Put", "A digest that is not live any more, but would not have expired yet, is refused with ErrTokenSpent. This is a code that was guessed at too often.", func(e *tokens) {
		slot, spec := random(), newCode()
		ref := e.putCode(slot, spec)
		e.guess(slot, 5)
		e.wantSpent(slot, spec, "guessed at too often")
		e.wantNotFound("a code guessed at too often, put again", ref)
	}},
	{"put-after-expiry", "TokenStore.Put", "A digest is refused as spent until it would have expired; after that it is a new one.", func(e *tokens) {
		slot, deleted, claimed := random(), shortLived(e.ticks(4)), shortLived(e.ticks(4))
		e.put(slot, deleted)
		e.delete(slot)
		e.put(slot, claimed)
		e.claim(random(), recovery.TokenRef{Slot: slot, Digest: claimed.Digest})
		e.advance(e.ticks(2))
		e.wantSpent(slot, deleted, "deleted and has not expired")
		e.wantSpent(slot, claimed, "claimed and has not expired")
		e.advance(e.ticks(3))
		deleted.TTL, claimed.TTL = longTTL, longTTL
		e.put(slot, deleted)
		e.put(slot, claimed)
		e.wantLive("a digest put anew after its expiry", recovery.TokenRef{Slot: slot, Digest: deleted.Digest})
		e.claim(random(), recovery.TokenRef{Slot: slot, Digest: claimed.Digest})
	}},
	{"put-fourth-replaces-youngest", "TokenSpec.MaxLive", "MaxLive tokens may be usable in the slot at once. One more replaces the youngest: whoever keeps asking does not end the first links (A58).", func(e *tokens) {
		slot, refs := e.putLinks(3)
		e.wantLive("three links with MaxLive 3", refs...)
		for range 5 {
			latest := e.putLink(slot)
			e.wantLive("the two oldest links and the newest, after one Put more than MaxLive 3", refs[0], refs[1], latest)
			e.wantNotFound("the link that was the youngest before one Put more than MaxLive 3", refs[2])
			refs[2] = latest
		}
	}},
	{"put-maxlive", "TokenSpec.MaxLive", "MaxLive is 1 to 8, and is how many tokens may be usable in the slot at once.", func(e *tokens) {
		e.race(8, func(i int) {
			slot, n := random(), i+1
			var refs []recovery.TokenRef
			for range n + 2 {
				spec := newLink()
				spec.MaxLive = n
				e.put(slot, spec)
				refs = append(refs, recovery.TokenRef{Slot: slot, Digest: spec.Digest})
			}
			e.wantLive(fmt.Sprintf("the %d oldest of %d links with MaxLive %d", n-1, n+2, n), refs[:n-1]...)
			e.wantNotFound(fmt.Sprintf("the 2 youngest but the newest, of %d links with MaxLive %d", n+2, n), refs[n-1:n+1]...)
			e.wantLive(fmt.Sprintf("the newest of %d links with MaxLive %d", n+2, n), refs[n+1])
		})
	}},
	{"put-lower-maxlive", "TokenSpec.MaxLive", "MaxLive is how many tokens of the slot may be usable at once: a Put with a lower one leaves no more than that, the newest among them.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		spec := newLink()
		spec.MaxLive = 1
		e.put(slot, spec)
		latest := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
		e.wantNotFound("a link that was there before a Put with MaxLive 1", refs...)
		e.wantLive("the link of a Put with MaxLive 1", latest)
	}},
	{"put-expired-not-counted", "TokenSpec.MaxLive", "A token that has expired is not usable, so it does not count for MaxLive.", func(e *tokens) {
		slot, spec := random(), shortLived(e.ticks(3))
		e.put(slot, spec)
		refs := []recovery.TokenRef{e.putLink(slot), e.putLink(slot)}
		e.advance(e.ticks(4))
		refs = append(refs, e.putLink(slot))
		e.wantLive("three tokens put beside an expired one", refs...)
	}},
	{"put-deleted-not-counted", "TokenSpec.MaxLive", "A deleted token is not usable, so it does not count for MaxLive, and tokens that are put later are live.", func(e *tokens) {
		slot, old := e.putLinks(3)
		e.delete(slot)
		refs := []recovery.TokenRef{e.putLink(slot), e.putLink(slot), e.putLink(slot)}
		e.wantLive("three tokens put after a Delete", refs...)
		e.wantNotFound("a deleted token", old...)
	}},
	{"put-claimed-keeps-place", "TokenSpec.MaxLive", "A claimed token keeps its place, because a Release revives it: there are never more than MaxLive usable.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		id := random()
		e.claim(id, refs[0])
		latest := e.putLink(slot)
		e.release(id, refs[0])
		e.wantLive("the oldest link, claimed and released after one Put more than MaxLive 3, the second and the newest", refs[0], refs[1], latest)
		e.wantNotFound("the link that was the youngest before one Put more than MaxLive 3, while the oldest was claimed", refs[2])
	}},
	{"put-claimed-replaced-last", "TokenSpec.MaxLive", "One more replaces the youngest; a claimed token is replaced last, because somebody works with it.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		id := random()
		e.claim(id, refs[2])
		latest := e.putLink(slot)
		e.claim(id, refs[2])
		e.wantLive("the oldest link and the newest, after one Put more than MaxLive 3, while the youngest was claimed", refs[0], latest)
		e.wantNotFound("the youngest link that nobody had claimed, after one Put more than MaxLive 3", refs[1])
		e.release(id, refs[2])
		e.wantLive("the youngest link, released after one Put more than MaxLive 3", refs[2])
	}},
	{"put-newest-works", "TokenSpec.MaxLive", "The newest token is always usable, even if there are already MaxLive claimed ones.", func(e *tokens) {
		slot, refs := e.putLinks(3)
		ids := []string{random(), random(), random()}
		for i, ref := range refs {
			e.claim(ids[i], ref)
		}
		latest := e.putLink(slot)
		e.wantLive("the newest link, put with MaxLive 3 while three were claimed", latest)
		for i, ref := range refs {
			e.release(ids[i], ref)
		}
		if n := e.usable(append(refs, latest)); n > 3 {
			e.errorf("after the Release of three claimed links, and a Put with MaxLive 3 before that: Peek finds %d of the four, want at most 3", n)
		}
		e.wantLive("the newest link, put with MaxLive 3, after three older ones were released", latest)
	}},
	{"put-malformed", "TokenStore", "A malformed token is an error, and puts nothing.", func(e *tokens) {
		slot := random()
		ref := e.putLink(slot)
		for _, malformed := range []struct {
			what   string
			slot   string
			change func(*recovery.TokenSpec)
			code   bool
		}{
			{"no slot", "", func(s *recovery.TokenSpec) {}, false},
			{"no digest", slot, func(s *recovery.TokenSpec) { s.Digest = "" }, false},
			{"a digest of 65 bytes", slot, func(s *recovery.TokenSpec) { s.Digest = strings.Repeat("d", 65) }, false},
			{"a digest with a space", slot, func(s *recovery.TokenSpec) { s.Digest = "two words" }, false},
			{"a digest with a line break", slot, func(s *recovery.TokenSpec) { s.Digest = "two\nlines" }, false},
			{"a state of 65 bytes", slot, func(s *recovery.TokenSpec) { s.State = strings.Repeat("s", 65) }, false},
			{"a slot of 129 bytes", strings.Repeat("s", 129), func(s *recovery.TokenSpec) {}, false},
			{"a MaxLive of 9", slot, func(s *recovery.TokenSpec) { s.MaxLive = 9 }, false},
			{"no TTL", slot, func(s *recovery.TokenSpec) { s.TTL = 0 }, false},
			{"a negative TTL", slot, func(s *recovery.TokenSpec) { s.TTL = -time.Second }, false},
			{"no MaxLive", slot, func(s *recovery.TokenSpec) { s.MaxLive = 0 }, false},
			{"a negative MaxLive", slot, func(s *recovery.TokenSpec) { s.MaxLive = -1 }, false},
			{"a Handle of 65 bytes", slot, func(s *recovery.TokenSpec) { s.Handle = strings.Repeat("h", 65) }, true},
			{"a Handle with a space", slot, func(s *recovery.TokenSpec) { s.Handle = "two words" }, true},
			{"a Handle that is not for a code", slot, func(s *recovery.TokenSpec) { s.Handle = "h" }, false},
			{"a code without MaxTries", slot, func(s *recovery.TokenSpec) { s.MaxTries = 0 }, true},
			{"a code without MaxFailures", slot, func(s *recovery.TokenSpec) { s.MaxFailures = 0 }, true},
			{"a code without FailureWindow", slot, func(s *recovery.TokenSpec) { s.FailureWindow = 0 }, true},
		} {
			spec := newLink()
			if malformed.code {
				spec = newCode()
			}
			malformed.change(&spec)
			_, err := e.pick().Put(e.ctx, malformed.slot, spec)
			if err == nil || errors.Is(err, recovery.ErrTokenSpent) {
				e.errorf("Put with %s: it returned %s, want an error that says what is malformed, and does not wrap recovery.ErrTokenSpent", malformed.what, outcomeOf(err))
			}
			if (recovery.TokenRef{Slot: malformed.slot, Digest: spec.Digest}).Validate() == nil {
				e.wantNotFound("a token put with "+malformed.what, recovery.TokenRef{Slot: malformed.slot, Digest: spec.Digest})
			}
		}
		e.wantLive("the token that was there", ref)
	}},
	{"put-slots-are-apart", "TokenStore", "Slots are independent: the same digest in another slot, also in one with a similar name, is another token.", func(e *tokens) {
		name, spec := random(), newLink()
		names := []string{name, name + "0", name + ":", strings.ToLower(name), "{" + name + "}", name[1:], name + name}
		// These are put last: to SQL and to Redis they can be patterns, of which
		// the others are examples.
		patterns := []string{name + "_", name + "%", name + "*", name + "?"}
		for _, slot := range slices.Concat(names, patterns) {
			e.wantNotFound("a digest that only another slot has, whose name is similar", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
			e.put(slot, spec)
		}
		e.claim(random(), recovery.TokenRef{Slot: name, Digest: spec.Digest})
		e.delete(patterns...)
		for _, slot := range names[1:] {
			e.wantLive("a digest that was claimed and deleted in other slots", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		}
	}},
	{"put-digests-are-apart", "TokenStore", "A digest names one secret exactly: in another case, cut off or longer it names none.", func(e *tokens) {
		slot, spec := random(), newLink()
		spec.Digest = "aB" + spec.Digest
		e.put(slot, spec)
		for _, digest := range []string{
			strings.ToLower(spec.Digest), strings.ToUpper(spec.Digest), spec.Digest[:8], spec.Digest[1:], spec.Digest + "x",
			"*", "%", "_" + spec.Digest[1:], "?" + spec.Digest[1:],
		} {
			e.wantNotFound(fmt.Sprintf("the digest %q, like %q that was put", digest, spec.Digest), recovery.TokenRef{Slot: slot, Digest: digest})
		}
		e.wantLive("the digest itself", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
	}},
}
