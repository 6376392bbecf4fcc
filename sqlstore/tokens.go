package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-51359b35/recovery"
)

// Put implements [recovery.TokenStore].
func (s *Store) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	ref := recovery.TokenRef{Slot: slot, Digest: spec.Digest}
	if err := errors.Join(ref.Validate(), spec.Validate()); err != nil {
		return recovery.TokenRecord{}, err
	}
	answers, err := s.tokens.ask(ctx, []tokenJob{{operation: putToken, ref: ref, spec: spec}})
	if err != nil {
		return recovery.TokenRecord{}, err
	}
	switch a := answers[0]; a.word {
	case found:
		return a.token, nil
	case spent:
		return recovery.TokenRecord{}, recovery.ErrTokenSpent
	case tooManyGuesses:
		return recovery.TokenRecord{}, recovery.ErrTooManyGuesses
	case tooManyCodes:
		return recovery.TokenRecord{}, recovery.ErrTooManyCodes
	default:
		return recovery.TokenRecord{}, fmt.Errorf("sqlstore: Put is not answered %d", a.word)
	}
}

// Peek implements [recovery.TokenStore].
func (s *Store) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := validateRefs(refs); err != nil {
		return recovery.TokenRecord{}, err
	}
	token, _, err := s.use(ctx, peekToken, "", refs)
	return token, err
}

// Claim implements [recovery.TokenStore].
func (s *Store) Claim(ctx context.Context, claimID string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	if err := errors.Join(recovery.ValidateClaimID(claimID), validateRefs(refs)); err != nil {
		return recovery.TokenRecord{}, err
	}
	token, usable, err := s.use(ctx, claimToken, claimID, refs)
	if errors.Is(err, recovery.ErrTokenNotFound) && len(usable) > 0 {
		// Another claim holds the token under one ref, and this one took it
		// under another, because each slot is decided for itself.
		if err := s.Release(ctx, claimID, usable...); err != nil {
			return recovery.TokenRecord{}, err
		}
	}
	return token, err
}

// use returns the token that the refs name, and which refs are usable. A token
// that another claim holds under any ref is nobody's.
func (s *Store) use(ctx context.Context, op operation, claimID string, refs []recovery.TokenRef) (token recovery.TokenRecord, usable []recovery.TokenRef, err error) {
	if len(refs) == 0 {
		return recovery.TokenRecord{}, nil, recovery.ErrTokenNotFound
	}
	answers, err := s.tokens.ask(ctx, jobsFor(op, claimID, refs))
	if err != nil {
		return recovery.TokenRecord{}, nil, err
	}
	isHeld, recorded, exhausted := false, false, false
	for i, a := range answers {
		recorded = recorded || a.word != notRecorded || refs[i].Code
		isHeld = isHeld || a.word == held
		exhausted = exhausted || a.word == tooManyGuesses
		if a.word == found {
			if usable = append(usable, refs[i]); len(usable) == 1 {
				token = a.token
			}
		}
	}
	switch {
	case !recorded:
		return recovery.TokenRecord{}, nil, recovery.ErrTokenNotRecorded
	case exhausted && !isHeld && len(usable) == 0:
		return recovery.TokenRecord{}, nil, recovery.ErrTooManyGuesses
	case isHeld || len(usable) == 0:
		return recovery.TokenRecord{}, usable, recovery.ErrTokenNotFound
	}
	return token, usable, nil
}

// Release implements [recovery.TokenStore].
func (s *Store) Release(ctx context.Context, claimID string, refs ...recovery.TokenRef) error {
	if err := errors.Join(recovery.ValidateClaimID(claimID), validateRefs(refs)); err != nil {
		return err
	}
	_, err := s.tokens.ask(ctx, jobsFor(releaseToken, claimID, refs))
	return err
}

// Delete implements [recovery.TokenStore].
func (s *Store) Delete(ctx context.Context, slots ...string) error {
	_, err := s.askOfSlots(ctx, deleteTokens, slots)
	return err
}

// List implements [recovery.TokenLister].
func (s *Store) List(ctx context.Context, slots ...string) ([]recovery.TokenRecord, error) {
	answers, err := s.askOfSlots(ctx, listTokens, slots)
	var live []recovery.TokenRecord
	for _, a := range answers {
		live = append(live, a.live...)
	}
	return live, err
}

// End implements [recovery.TokenLister].
func (s *Store) End(ctx context.Context, refs ...recovery.TokenRef) error {
	if err := validateRefs(refs); err != nil {
		return err
	}
	_, err := s.tokens.ask(ctx, jobsFor(endToken, "", refs))
	return err
}

func (s *Store) askOfSlots(ctx context.Context, op operation, slots []string) ([]tokenAnswer, error) {
	jobs := make([]tokenJob, len(slots))
	for i, slot := range slots {
		if err := recovery.ValidateTokenSlot(slot); err != nil {
			return nil, err
		}
		jobs[i] = tokenJob{operation: op, ref: recovery.TokenRef{Slot: slot}}
	}
	return s.tokens.ask(ctx, jobs)
}

func validateRefs(refs []recovery.TokenRef) error {
	for _, ref := range refs {
		if err := ref.Validate(); err != nil {
			return err
		}
	}
	return nil
}

func jobsFor(op operation, claimID string, refs []recovery.TokenRef) []tokenJob {
	jobs := make([]tokenJob, len(refs))
	for i, ref := range refs {
		jobs[i] = tokenJob{operation: op, ref: ref, claimID: claimID}
	}
	return jobs
}
