package recoverytest

import (
	"context"
	"errors"

	"github.com/seed-51359b35/recovery"
)

// tokenFaultClauses are about calls that cannot be answered.
var tokenFaultClauses = []clause[*tokens]{
	{"context-ended", "TokenStore", "An operation whose ctx had ended before the call is an error, and changes nothing.", func(e *tokens) {
		for _, ctx := range e.ended() {
			slot, refs := e.putLinks(2)
			owner, spec := random(), newLink()
			e.claim(owner, refs[1])
			codeSlot := random()
			code := e.putCode(codeSlot, newCode())
			e.everyOperation(ctx, slot, spec, refs[0], refs[1], owner, func(op string, err error) {
				e.wantNoAnswer(op+" with a ctx that had ended", err)
			})
			for range 6 {
				_, err := e.first.Peek(ctx, recovery.TokenRef{Slot: codeSlot, Digest: random()})
				e.wantNoAnswer("Peek with a ctx that had ended", err)
			}
			e.wantUnchanged("with a ctx that had ended", slot, spec, refs[0], refs[1], owner, code)
		}
	}},
	{"stalled", "TokenStore", "Every operation returns when ctx ends, also while the server does not answer. It does not say then what it does not know.", func(e *tokens) {
		slot, refs := e.putLinks(2)
		owner, spec := random(), newLink()
		e.claim(owner, refs[1])
		e.during("TokenStoreHarness.Stall and Mend", hook(e.probe, e.h.Stall, e.first), hook(e.probe, e.h.Mend, e.first), e.works, func() {
			for _, op := range e.operations(slot, spec, refs[0], refs[1], owner) {
				err := e.bounded(op.name+" while the server does not answer", e.h.Patience, op.call)
				if err != nil {
					e.wantNoAnswer(op.name+" while the server does not answer", err)
				}
			}
		})
	}},
	{"broken", "TokenStore", "ErrTokenNotFound, ErrTokenSpent and ErrTooManyCodes are answers. While the server is down there is none, and every operation is another error.", func(e *tokens) {
		slot, refs := e.putLinks(2)
		owner, spec := random(), newLink()
		e.claim(owner, refs[1])
		code := e.putCode(random(), newCode())
		e.during("TokenStoreHarness.Break and Mend", hook(e.probe, e.h.Break, e.first), hook(e.probe, e.h.Mend, e.first), e.works, func() {
			e.everyOperation(e.ctx, slot, spec, refs[0], refs[1], owner, func(op string, err error) {
				e.wantNoAnswer(op+" while the server is down", err)
			})
			for range 6 {
				_, err := e.first.Peek(e.ctx, recovery.TokenRef{Slot: code.Slot, Digest: random()})
				e.wantNoAnswer("Peek while the server is down", err)
			}
		})
		e.wantUnchanged("while the server was down", slot, spec, refs[0], refs[1], owner, code)
	}},
}

// An operation is one of a TokenStore or TokenLister, with all its arguments but
// ctx.
type operation struct {
	name string
	call func(ctx context.Context) error
}

// operations returns all operations: a Put of a new digest, a Peek and a Claim
// of a live token, a Release by the owner of a claimed one, and a Delete. With a
// TokenLister there are also a List, and an End of a live token.
func (e *tokens) operations(slot string, spec recovery.TokenSpec, live, claimed recovery.TokenRef, owner string) []operation {
	operations := []operation{
		{"Put", func(ctx context.Context) error { _, err := e.first.Put(ctx, slot, spec); return err }},
		{"Peek", func(ctx context.Context) error { _, err := e.first.Peek(ctx, live); return err }},
		{"Claim", func(ctx context.Context) error { _, err := e.first.Claim(ctx, random(), live); return err }},
		{"Claim by the owner", func(ctx context.Context) error { _, err := e.first.Claim(ctx, owner, claimed); return err }},
		{"Release", func(ctx context.Context) error { return e.first.Release(ctx, owner, claimed) }},
		{"Delete", func(ctx context.Context) error { return e.first.Delete(ctx, slot) }},
	}
	if lister, ok := e.first.(recovery.TokenLister); ok {
		operations = append(operations,
			operation{"List", func(ctx context.Context) error { _, err := lister.List(ctx, slot); return err }},
			operation{"End", func(ctx context.Context) error { return lister.End(ctx, live) }})
	}
	return operations
}

func (e *tokens) everyOperation(ctx context.Context, slot string, spec recovery.TokenSpec, live, claimed recovery.TokenRef, owner string, judge func(op string, err error)) {
	for _, op := range e.operations(slot, spec, live, claimed, owner) {
		judge(op.name, op.call(ctx))
	}
}

// works reports whether the store answers.
func (e *tokens) works() bool {
	_, err := e.first.Peek(e.ctx, recovery.TokenRef{Slot: random(), Digest: random()})
	return errors.Is(err, recovery.ErrTokenNotFound)
}

// wantNoAnswer fails unless the error says nothing about the token.
func (e *tokens) wantNoAnswer(what string, err error) {
	if err == nil || errors.Is(err, recovery.ErrTokenNotFound) || errors.Is(err, recovery.ErrTokenSpent) || errors.Is(err, recovery.ErrTooManyCodes) {
		e.errorf("%s: it returned %s, want an error that wraps neither recovery.ErrTokenNotFound nor recovery.ErrTokenSpent nor recovery.ErrTooManyCodes", what, outcomeOf(err))
	}
}

// wantUnchanged fails if one of the operations had an effect, or if guesses at
// the code were counted.
func (e *tokens) wantUnchanged(when, slot string, spec recovery.TokenSpec, live, claimed recovery.TokenRef, owner string, code recovery.TokenRef) {
	e.wantNotFound("a token put "+when, recovery.TokenRef{Slot: slot, Digest: spec.Digest})
	e.wantLive("a token claimed and deleted "+when, live)
	e.claim(owner, claimed)
	e.wantLive("a code guessed at "+when, code)
}
