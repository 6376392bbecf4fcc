package recoverytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A TokenStoreHarness is what [TestTokenStore] needs to know of a store. New is
// required.
type TokenStoreHarness struct {
	// New returns a store for one clause. It registers with t.Cleanup how to
	// close what it opens. The store may keep its tokens on a server that
	// others use, because the suite draws the names of slots at random and
	// counts only its own tokens.
	New func(t *testing.T) recovery.TokenStore

	// Another returns a second instance on the same tokens, as another process
	// would have it. The suite then spreads its calls over both. Optional, for
	// stores that are shared.
	Another func(t *testing.T, first recovery.TokenStore) recovery.TokenStore

	// Bubble is synctest.Test for a store that lives in this process: every
	// clause runs in a bubble of its own. Calls must take no time in it, so a
	// store that sleeps, to be like a server, is tested without. Optional.
	Bubble func(t *testing.T, f func(t *testing.T))

	// Advance moves the store's clock, which must not move otherwise. It is for
	// simulated servers. Optional; without it the suite takes the clock to run
	// as that of package time, and sleeps. It then sleeps for seconds at most,
	// so without Bubble or Advance it does not see what a store forgets after
	// minutes or days, although it still matters: tokens, claims, barred ids,
	// spent digests and the count of wrong guesses.
	Advance func(t *testing.T, d time.Duration)

	// Tick is the unit of the times that have to pass. About 100 ticks pass in
	// the whole suite. Default 1 s with Bubble or Advance. On a real clock the
	// suite measures how long a call takes, and chooses 100 ms to 1 s. A tick
	// must be long compared with a call, and with the resolution of the store's
	// clock.
	Tick time.Duration

	// Dump returns everything that the store holds under its own prefix or in
	// its own tables, in a stable order, without values that change by
	// themselves (remaining lifetimes). No other program may write there during
	// the clause. Optional, but only with it the suite can test that a store
	// writes nothing when it is asked for a token that it does not have.
	Dump func(t *testing.T, s recovery.TokenStore) []byte

	// Purge frees the records that have expired, for a store that does not do
	// so by itself. Optional.
	Purge func(t *testing.T, s recovery.TokenStore)

	// Stall makes the store's server not answer: the rows are locked, or the
	// network is gone. Break makes it refuse every call before it has done
	// anything, as one that is down. Mend ends that, and is required with one of
	// them. All are optional, and get the instance that New returned.
	Stall, Break, Mend func(t *testing.T, s recovery.TokenStore)

	// Patience is how long a call may go on after its ctx has ended. Default
	// 2 s.
	Patience time.Duration

	// Parallel runs clauses side by side, as many at once as -parallel says: for
	// a server that is far away, so that clauses mostly wait. The hooks are then
	// called from several goroutines at once. Clauses that make the server fail,
	// or look at everything that it holds, run alone, before the others. The
	// others end when the test does, as every parallel subtest. Parallel has no
	// effect with Bubble or Advance.
	Parallel bool

	// Operations is the length of the random test. Default 2,000.
	Operations int

	// Seed repeats a random test that failed, which prints its seed. Default: a
	// random one.
	Seed uint64
}

// TestTokenStore tests a [recovery.TokenStore], with one subtest for each
// clause of its contract.
func TestTokenStore(t *testing.T, h TokenStoreHarness) {
	t.Helper()
	tokenStoreSuite(h).test(t)
}

func tokenStoreSuite(h TokenStoreHarness) suite[*tokens] {
	if h.Patience <= 0 {
		h.Patience = 2 * time.Second
	}
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
		ask: func(e *tokens) {
			// A call that writes, which takes longest.
			_, _ = e.first.Peek(e.ctx, recovery.TokenRef{Slot: random(), Digest: random(), Code: true})
		},
		clauses: slices.Concat(
			tokenPutClauses, tokenClaimClauses, tokenCodeClauses, tokenHandleClauses, tokenRoomClauses, tokenListClauses, tokenGuessClauses, tokenRefsClauses, tokenNameClauses, tokenBoundsClauses,
			tokenGeneralClauses,
		),
		alone:    slices.Concat(tokenFaultClauses, tokenHeldClauses),
		parallel: h.Parallel,
	}
}

// tokens is what the clauses of the token store suite work with.
type tokens struct {
	*probe
	*alternate[recovery.TokenStore]
	h     TokenStoreHarness
	first recovery.TokenStore
	ctx   context.Context
	known sync.Map // what was put and claimed, so that failures can tell repetitions
}

// longTTL is a lifetime that is longer than any clause. Tokens that a clause
// leaves on a shared server expire soon after.
const longTTL = 10 * time.Minute

const day = 24 * time.Hour

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
		Digest: random(), State: random(), TTL: longTTL, MaxLive: 2,
		Code: true, MaxTries: 5, MaxFailures: 20, FailureWindow: longTTL,
	}
}

func (e *tokens) put(slot string, spec recovery.TokenSpec) recovery.TokenRecord {
	what := "Put of a new digest"
	if _, again := e.known.LoadOrStore(slot+"\n"+spec.Digest, true); again {
		what = "Put of a digest that was put before, and is live or has expired"
	}
	token, err := e.pick().Put(e.ctx, slot, spec)
	if err != nil {
		e.fatalf("%s: it returned %s, want none", what, outcomeOf(err))
	}
	e.wantRecord(token, slot, spec, what)
	return token
}

// putLinks puts n links into a new slot. The first ref is that of the oldest.
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
	return recovery.TokenRef{Slot: slot, Digest: spec.Digest, Code: spec.Handle != "", Handle: spec.Handle}
}

// wantSpent fails if the digest can be put again.
func (e *tokens) wantSpent(slot string, spec recovery.TokenSpec, why string) {
	if _, err := e.pick().Put(e.ctx, slot, spec); !errors.Is(err, recovery.ErrTokenSpent) {
		e.errorf("Put of a digest that was %s: it returned %s, want an error that wraps recovery.ErrTokenSpent", why, outcomeOf(err))
	}
}

// wantRecord compares a record with what was put.
func (e *tokens) wantRecord(token recovery.TokenRecord, slot string, spec recovery.TokenSpec, op string) {
	for _, field := range []struct{ name, got, want string }{
		{"Slot", token.Slot, slot}, {"Digest", token.Digest, spec.Digest}, {"State", token.State, spec.State},
	} {
		if field.got != field.want {
			e.errorf("%s: the record has the %s %q, want %q, as it was put", op, field.name, field.got, field.want)
		}
	}
	if token.Expires.IsZero() || token.Created.IsZero() {
		e.errorf("%s: the record has the Created %v and the Expires %v, want two times", op, token.Created, token.Expires)
	}
}

// numbered returns what one of several tokens is.
func numbered(what string, i, n int) string {
	if n == 1 {
		return what
	}
	return fmt.Sprintf("%s (%d of %d)", what, i+1, n)
}

// tokenOr describes what Peek or Claim returned.
func tokenOr(err error) string {
	if err == nil {
		return "the token and no error"
	}
	return outcomeOf(err)
}

// wantLive fails unless each ref alone names a live token.
func (e *tokens) wantLive(what string, refs ...recovery.TokenRef) {
	for i, ref := range refs {
		token, err := e.pick().Peek(e.ctx, ref)
		if err != nil {
			e.errorf("Peek of %s: it returned %s, want the token", numbered(what, i, len(refs)), outcomeOf(err))
		} else if token.Slot != ref.Slot || token.Digest != ref.Digest {
			e.errorf("Peek of %s: it returned slot %q, digest %q, want %q, %q", numbered(what, i, len(refs)), token.Slot, token.Digest, ref.Slot, ref.Digest)
		}
	}
}

// wantNotFound fails if one of the refs names a live token. If a slot holds a
// live code, the call is a wrong guess at it.
func (e *tokens) wantNotFound(what string, refs ...recovery.TokenRef) {
	for i, ref := range refs {
		_, err := e.pick().Peek(e.ctx, ref)
		if !errors.Is(err, recovery.ErrTokenNotFound) {
			e.errorf("Peek of %s: it returned %s, want an error that wraps recovery.ErrTokenNotFound", numbered(what, i, len(refs)), tokenOr(err))
		}
	}
}

func (e *tokens) claim(id string, refs ...recovery.TokenRef) recovery.TokenRecord {
	what := "Claim of a live token, with a new id"
	if _, again := e.known.LoadOrStore(fmt.Sprint(id, refs), true); again {
		what = "Claim repeated with the id that holds the token"
	}
	token, err := e.pick().Claim(e.ctx, id, refs...)
	if err != nil {
		e.fatalf("%s: it returned %s, want the token", what, outcomeOf(err))
	}
	if !slices.ContainsFunc(refs, func(r recovery.TokenRef) bool { return r.Slot == token.Slot && r.Digest == token.Digest }) {
		e.errorf("%s: it returned slot %q, digest %q, want one of %+v", what, token.Slot, token.Digest, refs)
	}
	return token
}

// wantClaimRefused fails if the id can claim the token.
func (e *tokens) wantClaimRefused(what, id string, refs ...recovery.TokenRef) {
	_, err := e.pick().Claim(e.ctx, id, refs...)
	if !errors.Is(err, recovery.ErrTokenNotFound) {
		e.errorf("Claim %s: it returned %s, want an error that wraps recovery.ErrTokenNotFound", what, tokenOr(err))
	}
}

func (e *tokens) release(id string, refs ...recovery.TokenRef) {
	if err := e.pick().Release(e.ctx, id, refs...); err != nil {
		e.fatalf("Release: it returned %s, want none, whether the token is there or not", outcomeOf(err))
	}
}

func (e *tokens) delete(slots ...string) {
	if err := e.pick().Delete(e.ctx, slots...); err != nil {
		e.fatalf("Delete: it returned %s, want none, whether the slots are there or not", outcomeOf(err))
	}
}

// guess makes n wrong guesses at a slot, alternately by Peek and by Claim, and
// every second pair of them with TokenRef.Code. They all count the same. Many
// are made at once, because they take long on a slow store.
func (e *tokens) guess(slot string, n int) {
	const atOnce = 10
	if n > atOnce {
		e.race(atOnce, func(i int) { e.guess(slot, (n+i)/atOnce) })
		return
	}
	for i := range n {
		ref := recovery.TokenRef{Slot: slot, Digest: random(), Code: i%4 >= 2}
		if i%2 == 0 {
			e.wantNotFound("a wrong guess", ref)
		} else {
			e.wantClaimRefused("with a wrong guess", random(), ref)
		}
	}
}

// useOthers puts tokens into other slots, and lets the harness purge.
func (e *tokens) useOthers() {
	for range 10 {
		e.putLinks(1)
	}
	if e.h.Purge != nil {
		e.h.Purge(e.t, e.first)
	}
}

// usable returns how many of the refs Peek returns a token for.
func (e *tokens) usable(refs []recovery.TokenRef) int {
	var n atomic.Int32
	e.race(len(refs), func(i int) {
		if _, err := e.pick().Peek(e.ctx, refs[i]); err == nil {
			n.Add(1)
		}
	})
	return int(n.Load())
}

func (e *tokens) dump() string {
	if e.h.Dump == nil {
		e.skip("needs TokenStoreHarness.Dump")
	}
	return string(e.h.Dump(e.t, e.first))
}
