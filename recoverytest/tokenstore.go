package recoverytest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A TokenStoreHarness is what [TestTokenStore] needs to know of a store.
type TokenStoreHarness struct {
	// New returns a store for one clause; what it opens is closed with
	// t.Cleanup. It may keep its tokens on a server that others use: the suite
	// draws the names of slots at random and never counts what it did not put.
	New func(t *testing.T) recovery.TokenStore

	// Another returns a second instance on the same tokens, as another process
	// would have it. The suite then spreads its calls over both. Optional; for
	// stores that are shared.
	Another func(t *testing.T, first recovery.TokenStore) recovery.TokenStore

	// Bubble is synctest.Test for a store that lives in this process: every
	// clause runs in a bubble of its own. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Advance moves the store's clock, which must not move otherwise: a
	// simulated server wants it. Optional; without it the clock is taken to
	// run as package time does, and the suite sleeps.
	Advance func(t *testing.T, d time.Duration)

	// Tick is the unit of the spans that have to pass: about 100 of them in
	// the whole suite. Default 1 s with Bubble or Advance and 100 ms without.
	// On a real clock it must be long compared with a round trip and with the
	// resolution of the store's clock.
	Tick time.Duration

	// Dump returns all that the store holds under its own prefix or tables, in
	// a stable order, without what changes by itself (remaining lifetimes).
	// Nobody else may write there meanwhile. Optional, but without it nobody
	// knows that the store writes nothing for those who only ask.
	Dump func(t *testing.T, s recovery.TokenStore) []byte

	// Purge frees what has expired, for a store that does not do so by itself.
	// Optional.
	Purge func(t *testing.T, s recovery.TokenStore)

	// Operations is the length of the random test. Default 2,000.
	Operations int

	// Seed makes the random test repeat one that failed. Default: at random.
	Seed uint64
}

// TestTokenStore proves a [recovery.TokenStore], one subtest for each clause of
// its contract.
func TestTokenStore(t *testing.T, h TokenStoreHarness) {
	t.Helper()
	tokenStoreSuite(h).test(t)
}

func tokenStoreSuite(h TokenStoreHarness) suite[*tokens] {
	return suite[*tokens]{
		timing: newTiming(h.Bubble, h.Advance, h.Tick),
		setup: func(p *probe) *tokens {
			first := h.New(p.t)
			return &tokens{
				probe:     p,
				alternate: instances(p.t, first, h.Another),
				h:         h,
				first:     first,
				ctx:       p.t.Context(),
			}
		},
		clauses: slices.Concat(tokenPutClauses, tokenClaimClauses, tokenCodeClauses, tokenGeneralClauses),
	}
}

// tokens is what the clauses of TokenStore work with.
type tokens struct {
	*probe
	*alternate[recovery.TokenStore]
	h     TokenStoreHarness
	first recovery.TokenStore
	ctx   context.Context
}

// long is a lifetime that no clause sees the end of. What is left on a shared
// server is gone soon after.
const longTTL = 10 * time.Minute

func newLink() recovery.TokenSpec {
	return recovery.TokenSpec{Digest: random(), State: random(), TTL: longTTL, MaxLive: 3}
}

func shortLived(ttl time.Duration) recovery.TokenSpec {
	spec := newLink()
	spec.TTL = ttl
	return spec
}

func newCode() recovery.TokenSpec {
	return recovery.TokenSpec{
		Digest: random(), State: random(), TTL: longTTL, MaxLive: 1,
		Code: true, MaxTries: 5, MaxFailures: 20, FailureWindow: longTTL,
	}
}

func (e *tokens) put(slot string, spec recovery.TokenSpec) recovery.TokenRecord {
	token, err := e.pick().Put(e.ctx, slot, spec)
	if err != nil {
		e.fatalf("Put: %v", err)
	}
	e.wantRecord(token, slot, spec, "Put")
	return token
}

// putLinks puts n links into a new slot, the oldest first.
func (e *tokens) putLinks(n int) (slot string, refs []recovery.TokenRef) {
	slot = random()
	for range n {
		refs = append(refs, e.putLink(slot))
	}
	return slot, refs
}

func (e *tokens) putLink(slot string) recovery.TokenRef {
	spec := newLink()
	e.put(slot, spec)
	return recovery.TokenRef{Slot: slot, Digest: spec.Digest}
}

func (e *tokens) putCode(slot string, spec recovery.TokenSpec) recovery.TokenRef {
	e.put(slot, spec)
	return recovery.TokenRef{Slot: slot, Digest: spec.Digest}
}

func (e *tokens) wantSpent(slot string, spec recovery.TokenSpec, why string) {
	if _, err := e.pick().Put(e.ctx, slot, spec); !errors.Is(err, recovery.ErrTokenSpent) {
		e.errorf("Put of a digest that was %s: error is %v, want ErrTokenSpent", why, err)
	}
}

// echoes checks a record against what was put.
func (e *tokens) wantRecord(token recovery.TokenRecord, slot string, spec recovery.TokenSpec, op string) {
	if token.Slot != slot || token.Digest != spec.Digest || token.State != spec.State {
		e.errorf("%s returned slot %q, digest %q, state %q, want %q, %q, %q",
			op, token.Slot, token.Digest, token.State, slot, spec.Digest, spec.State)
	}
	if token.Expires.IsZero() {
		e.errorf("%s returned a zero Expires", op)
	}
}

// alive demands that each ref alone names a live token.
func (e *tokens) wantLive(what string, refs ...recovery.TokenRef) {
	for i, ref := range refs {
		token, err := e.pick().Peek(e.ctx, ref)
		if err != nil {
			e.errorf("%s (%d of %d): Peek: %v, want the token", what, i+1, len(refs), err)
		} else if token.Slot != ref.Slot || token.Digest != ref.Digest {
			e.errorf("%s (%d of %d): Peek returned another token", what, i+1, len(refs))
		}
	}
}

// gone demands that none of the refs names a live token. Where a slot holds a
// live code this guesses at it.
func (e *tokens) wantNotFound(what string, refs ...recovery.TokenRef) {
	for i, ref := range refs {
		_, err := e.pick().Peek(e.ctx, ref)
		if !errors.Is(err, recovery.ErrTokenNotFound) {
			e.errorf("%s (%d of %d): Peek: error is %v, want ErrTokenNotFound", what, i+1, len(refs), err)
		}
	}
}

func (e *tokens) claim(id string, refs ...recovery.TokenRef) recovery.TokenRecord {
	token, err := e.pick().Claim(e.ctx, id, refs...)
	if err != nil {
		e.fatalf("Claim: %v", err)
	}
	if !slices.Contains(refs, recovery.TokenRef{Slot: token.Slot, Digest: token.Digest}) {
		e.errorf("Claim returned another token")
	}
	return token
}

func (e *tokens) wantClaimRefused(what, id string, refs ...recovery.TokenRef) {
	_, err := e.pick().Claim(e.ctx, id, refs...)
	if !errors.Is(err, recovery.ErrTokenNotFound) {
		e.errorf("Claim %s: error is %v, want ErrTokenNotFound", what, err)
	}
}

func (e *tokens) release(id string, refs ...recovery.TokenRef) {
	if err := e.pick().Release(e.ctx, id, refs...); err != nil {
		e.fatalf("Release: %v", err)
	}
}

func (e *tokens) delete(slots ...string) {
	if err := e.pick().Delete(e.ctx, slots...); err != nil {
		e.fatalf("Delete: %v", err)
	}
}

// guess makes n wrong guesses at a slot, by turns as Peek and as Claim does.
func (e *tokens) guess(slot string, n int) {
	for i := range n {
		ref := recovery.TokenRef{Slot: slot, Digest: random()}
		if i%2 == 0 {
			e.wantNotFound("a wrong guess", ref)
		} else {
			e.wantClaimRefused("with a wrong guess", random(), ref)
		}
	}
}

// usable counts the refs that can be peeked at.
func (e *tokens) usable(refs []recovery.TokenRef) (n int) {
	for _, ref := range refs {
		if _, err := e.pick().Peek(e.ctx, ref); err == nil {
			n++
		}
	}
	return n
}

func (e *tokens) dump() string {
	if e.h.Dump == nil {
		e.skip("needs TokenStoreHarness.Dump")
	}
	return string(e.h.Dump(e.t, e.first))
}
