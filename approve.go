package recovery

import (
	"context"
	"errors"

	"github.com/seed-51359b35/recovery/password"
)

// approve decides about the new password, and returns its hash. If the lead needs a
// second factor, it is verified after what may refuse or fail, because its code works
// only once. The history of passwords alone comes after it: without the factor it
// would tell a thief of the mailbox which passwords the person has used (A103).
func (s *Service) approve(ctx context.Context, r replacement, chosen, factor Secret, quotas Quotas) (hash string, err error) {
	needed, err := s.wantSecondFactor(ctx, r, factor)
	if err != nil {
		return "", err
	}
	pw := chosen.Reveal()
	if err := s.checkPassword(ctx, r, pw); err != nil {
		return "", err
	}
	if !needed {
		if err := s.checkReused(ctx, r, pw); err != nil {
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
	if needed {
		if err := s.verifySecondFactor(ctx, r, factor, quotas); err != nil {
			return "", err
		}
		err = s.checkReused(ctx, r, pw)
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
	s.tellRefused(ctx, p.replacement, ReasonStepUpRequired)
	return err
}

// checkPassword applies the rules that depend on the person.
func (s *Service) checkPassword(ctx context.Context, r replacement, pw string) error {
	err := s.guard(ctx, "Policy.CheckFor", func() error {
		return s.opts.Passwords.Policy.CheckFor(ctx, pw, identifiers(r.lead)...)
	}, append(identifiers(r.lead), pw)...)
	return s.refusedPassword(ctx, r, err)
}

// checkReused refuses a password that the lead had before.
func (s *Service) checkReused(ctx context.Context, r replacement, pw string) error {
	return s.refusedPassword(ctx, r, s.checkHistory(ctx, r.lead.ID, pw))
}

// refusedPassword returns what a check of the new password means for the request.
func (s *Service) refusedPassword(ctx context.Context, r replacement, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*password.PolicyError](err); !ok {
		return unavailable("password check", err)
	}
	s.tellRefused(ctx, r, ReasonPasswordPolicy)
	return err
}

func (s *Service) checkHistory(ctx context.Context, leadID, pw string) error {
	if s.opts.Passwords.History == 0 {
		return nil
	}
	hashes, err := s.passwordHashes(ctx, leadID, s.opts.Passwords.History)
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		result, err := s.verify(ctx, hash, pw)
		if errors.Is(err, password.ErrMalformedHash) {
			continue // another system made this hash, and it cannot be compared
		}
		if err != nil {
			return err
		}
		if result.Match {
			return &password.PolicyError{Violations: []password.Violation{{
				Rule: password.RuleReused, Message: "This password was used before. Choose one that is new here.",
			}}}
		}
	}
	return nil
}

// passwordHashes returns up to n hashes of the lead, newest first.
func (s *Service) passwordHashes(ctx context.Context, leadID string, n int) (hashes []string, err error) {
	err = s.call(ctx, "PasswordHistoryLeadStore.PasswordHashes", func(ctx context.Context) (err error) {
		hashes, err = s.leads.(PasswordHistoryLeadStore).PasswordHashes(ctx, leadID, n)
		return err
	}, unknownSecrets)
	return hashes[:min(n, len(hashes))], err
}

func (s *Service) verify(ctx context.Context, hash, pw string) (result password.Result, err error) {
	err = s.guard(ctx, "Hasher.Verify", func() (err error) {
		result, err = s.opts.Passwords.Hasher.Verify(ctx, password.Attempt{Hash: hash, Password: pw})
		return err
	}, hash, pw)
	return result, err
}
