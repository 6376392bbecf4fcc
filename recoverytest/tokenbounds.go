package recoverytest

import (
	"fmt"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// tokenBoundsClauses are about the largest numbers that the contract allows, and
// about what must be kept until then.
var tokenBoundsClauses = []clause[*tokens]{
	{"put-remembers-spent", "TokenStore.Put", "Put refuses spent digests until they would have expired, also when others came after them. A store may forget all but the 64 youngest of a slot.", func(e *tokens) {
		slot := random()
		var specs []recovery.TokenSpec
		for range 67 {
			specs = append(specs, newLink())
			e.put(slot, specs[len(specs)-1])
		}
		// The first two are live, and so is the last.
		replaced := specs[2 : len(specs)-1]
		e.race(len(replaced), func(i int) { e.wantSpent(slot, replaced[i], "replaced") })
	}},
	{"put-remembers-deleted", "TokenStore.Put", "Put refuses the digests of a slot that was deleted, of which a store remembers the 64 youngest: tokens that are live now take none of their places.", func(e *tokens) {
		slot := random()
		var mu sync.Mutex
		var specs []recovery.TokenSpec
		for range 8 {
			e.race(8, func(int) {
				spec := newLink()
				spec.MaxLive = 8
				e.put(slot, spec)
				mu.Lock()
				defer mu.Unlock()
				specs = append(specs, spec)
			})
			e.delete(slot)
		}
		live := []recovery.TokenRef{e.putLink(slot), e.putLink(slot), e.putLink(slot)}
		e.race(len(specs), func(i int) { e.wantSpent(slot, specs[i], fmt.Sprintf("deleted (%d of 64)", i+1)) })
		e.wantLive("a token put after 64 were deleted", live...)
	}},
	{"put-longest-ttl", "TokenSpec.TTL", "TTL and FailureWindow are up to 31 days: nothing is forgotten before their end.", func(e *tokens) {
		if !e.timing.exact() {
			e.skip("needs Bubble or Advance")
		}
		const longest = 31 * day
		slot, codeSlot, owner, barred := random(), random(), random(), random()
		live, claimed, deleted, code := shortLived(longest), shortLived(longest), shortLived(longest), newCode()
		code.TTL, code.FailureWindow, code.MaxFailures = longest, longest, 7
		e.put(slot, deleted)
		e.delete(slot)
		e.put(slot, live)
		e.put(slot, claimed)
		liveRef, claimedRef := recovery.TokenRef{Slot: slot, Digest: live.Digest}, recovery.TokenRef{Slot: slot, Digest: claimed.Digest}
		e.claim(owner, claimedRef)
		e.release(barred, liveRef)
		old := e.putCode(codeSlot, code)
		e.guess(codeSlot, 4)
		e.advance(longest - time.Hour)
		e.wantLive("a token an hour before its TTL of 31 days", liveRef, old)
		e.wantClaimRefused("of a token that was claimed 31 days before", random(), claimedRef)
		e.claim(owner, claimedRef)
		e.wantClaimRefused("by an id that was barred 31 days before", barred, liveRef)
		e.wantSpent(slot, deleted, "deleted 31 days before")
		latest := e.putCode(codeSlot, withNewDigest(code))
		e.guess(codeSlot, 2)
		e.wantLive("a code in a slot with one failure left", latest)
		e.guess(codeSlot, 1)
		e.wantNotFound("a code in a slot that took 4 of 7 failures 31 days before", latest)
		e.advance(time.Hour)
		e.wantNotFound("a token after its TTL of 31 days", liveRef, claimedRef)
		e.wantLive("a code after the first failures have left the window", latest)
	}},
	{"put-shortest-ttl", "TokenSpec.TTL", "TTL is 1 ms or more: a token of a millisecond ends, and its digest is then a new one.", func(e *tokens) {
		slot, spec := random(), shortLived(time.Millisecond)
		if _, err := e.pick().Put(e.ctx, slot, spec); err != nil {
			e.fatalf("Put of a new digest with a TTL of 1 ms: it returned %s, want none", outcomeOf(err))
		}
		e.advance(max(e.ticks(0.1), 20*time.Millisecond))
		e.wantNotFound("a token after its TTL of 1 ms", recovery.TokenRef{Slot: slot, Digest: spec.Digest})
		spec.TTL = longTTL
		e.put(slot, spec)
	}},
	{"code-most-tries", "TokenSpec.MaxTries", "MaxTries and MaxFailures are up to 1,000: a code dies at the last try, and not before.", func(e *tokens) {
		tries := 1000
		if e.timing.advance != nil {
			tries = 300 // simulated servers are slow, and one byte holds 255
		}
		if call := e.timing.call; call > 5*time.Millisecond {
			e.skip(fmt.Sprintf("left out, because a call takes %v, and it makes 1,000", call))
		}
		for _, failures := range []int{tries, tries - 1} {
			slot, spec := random(), newCode()
			spec.MaxTries, spec.MaxFailures = tries, failures
			code := e.putCode(slot, spec)
			last := min(tries, failures) - 1
			e.race(9, func(i int) { e.guess(slot, (last+i)/9) }) // last guesses together
			e.wantLive(fmt.Sprintf("a code after %d wrong guesses", last), code)
			e.guess(slot, 1)
			e.wantNotFound(fmt.Sprintf("a code after %d wrong guesses", last+1), code)
		}
	}},
}
