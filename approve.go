package recovery

import (
	"context"
	"errors"

	"github.com/seed-51359b35/recovery/password"
)

// approve decides about the new password, and returns its hash. If the lead needs a
// second factor, that is verified behind all that may refuse or fail without a
// secret of the person, because its code works once. Only the history of passwords
// comes after it: without the factor it would tell a thief of the mailbox which
// passwords the person has used (A103).
func (s *Service) approve(ctx context.Context, p proven, req ResetRequest, quotas Quotas) (hash string, err error) {
	factor, err := s.wantSecondFactor(ctx, p, req.SecondFactor)
	if err != nil {
		return "", err
	}
	pw := req.Password.Reveal()
	if err := s.checkPassword(ctx, p, pw); err != nil {
		return "", err
	}
	if !factor {
		if err := s.checkReused(ctx, p, pw); err != nil {
			return "", err
		}
	}
	err = s.guard(ctx, "Hasher.Hash", func() (err error) {
		hash, err = s.opts.Passwords.Hasher.Hash(ctx, pw)
		return err
	}, pw)
	if policy, ok := errors.AsType[*password.PolicyError](err); ok {
		return "", policy
	}
	if err != nil {
		return "", unavailable("hasher", err)
	}
	if factor {
		if err := s.verifySecondFactor(ctx, p, req.SecondFactor, quotas); err != nil {
			return "", err
		}
		err = s.checkReused(ctx, p, pw)
	}
	return hash, err
}

func (s *Service) stepUp(ctx context.Context, p proven) error {
	if s.opts.StepUp == nil {
		return nil
	}
	err := s.guard(ctx, "Options.StepUp", func() error { return s.opts.StepUp(ctx, p.lead) }, unknownSecrets)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrStepUpRequired) {
		return unavailable("step-up", err)
	}
	p.event.Kind, p.event.Reason = EventResetRefused, ReasonStepUpRequired
	s.emit(ctx, p.event)
	return err
}

// checkPassword applies the rules that depend on the person.
func (s *Service) checkPassword(ctx context.Context, p proven, pw string) error {
	err := s.guard(ctx, "Policy.CheckFor", func() error {
		return s.opts.Passwords.Policy.CheckFor(ctx, pw, identifiers(p.lead)...)
	}, append(identifiers(p.lead), pw)...)
	return s.refusedPassword(ctx, p, err)
}

// checkReused refuses a password that the lead had before.
func (s *Service) checkReused(ctx context.Context, p proven, pw string) error {
	return s.refusedPassword(ctx, p, s.checkHistory(ctx, p.lead.ID, pw))
}

// refusedPassword returns what a check of the new password means for the request.
func (s *Service) refusedPassword(ctx context.Context, p proven, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*password.PolicyError](err); !ok {
		return unavailable("password check", err)
	}
	p.event.Kind, p.event.Reason = EventResetRefused, ReasonPasswordPolicy
	s.emit(ctx, p.event)
	return err
}
