package recovery

import (
	"context"
	"errors"
	"fmt"
)

// SecondFactorOptions have a person present a second factor in the same request
// as the new password, such as the code of an authenticator app (TOTP). So whoever
// can only read the person's mail cannot take the account over (ASVS
// v5.0.0-6.4.3). Both functions belong to the host, which keeps the secrets of the
// factors. Both are called only after a proof was found valid, by several
// goroutines at once, and a panic in one of them counts as its error. The zero
// value asks for no factor.
type SecondFactorOptions struct {
	_ [0]func()

	// Needed reports whether the lead has to present a second factor. An error is
	// answered as [ErrUnavailable], and the link stays usable. Its ctx ends after
	// StoreTimeout. Required with Verify.
	Needed func(ctx context.Context, lead Lead) (bool, error)
	// Verify reports whether code is right. It has to accept each code once (ASVS
	// v5.0.0-6.5.1), also if two requests bring the same one at a time: what was
	// watched while somebody typed it must be worth nothing. It is called last,
	// when all but the history of passwords is checked and the password is hashed,
	// so that little can fail after it that would cost the person a code.
	// [Limits].SecondFactor counts each call before it is made. An error is
	// answered as [ErrUnavailable], and the link stays usable. Its ctx ends after
	// StoreTimeout. Required with Needed.
	Verify func(ctx context.Context, lead Lead, code Secret) (bool, error)
}

// maxSecondFactor is how many bytes a second factor may have. Codes of apps have
// 6 to 8, and recovery codes rarely more than 40.
const maxSecondFactor = 128

// ErrSecondFactor is an [ErrStepUpRequired] for a request of a lead that needs a
// second factor: it has none, or a wrong one. The link stays usable. The person
// sends the same request again with a right one. Only whoever holds a valid link or
// code gets it (A103). See [SecondFactorOptions].
var ErrSecondFactor = fmt.Errorf("%w: a second factor is missing or wrong", ErrStepUpRequired)

func (o SecondFactorOptions) check(mistakes *OptionErrors) {
	if (o.Needed == nil) != (o.Verify == nil) {
		mistakes.Add("SecondFactor", "needs both Needed and Verify, or none of them")
	}
}

func (o SecondFactorOptions) isSet() bool { return o.Needed != nil }

// checkSecondFactor checks the length alone, which needs no lead. So the answer is the
// same for everybody.
func checkSecondFactor(code Secret) error {
	if len(code.Reveal()) > maxSecondFactor {
		return invalid("secondFactor", fmt.Sprintf("must have at most %d bytes", maxSecondFactor))
	}
	return nil
}

// needsSecondFactor asks the host whether the lead has a factor to present.
func (s *Service) needsSecondFactor(ctx context.Context, lead Lead) (needed bool, err error) {
	if !s.opts.SecondFactor.isSet() {
		return false, nil
	}
	err = s.call(ctx, "SecondFactor.Needed", func(ctx context.Context) (err error) {
		needed, err = s.opts.SecondFactor.Needed(ctx, lead)
		return err
	}, unknownSecrets)
	if err != nil {
		return false, unavailable("second factor", err)
	}
	return needed, nil
}

// wantSecondFactor reports whether the factor of the request has to be verified.
// A request without one is refused here, before any work, and counts as no guess.
func (s *Service) wantSecondFactor(ctx context.Context, r replacement, code Secret) (bool, error) {
	needed, err := s.needsSecondFactor(ctx, r.lead)
	if err == nil && needed && code.IsZero() {
		err = s.refuseFactor(ctx, r, ReasonSecondFactorMissing)
	}
	return needed, err
}

// verifySecondFactor counts the guess for its lead, and then has the host verify
// it. The limit is asked first, so that a factor of six digits cannot be found by
// guessing. Only whoever holds a valid link or code, or is signed in and knows the
// password, gets here, so no stranger can use the limit up (A103). A change counts
// apart from a reset: a thief of a session must not shut out the owner's link (A102).
func (s *Service) verifySecondFactor(ctx context.Context, r replacement, code Secret, quotas Quotas) error {
	action := ""
	if r.refused == EventChangeRefused {
		action = string(actionChange)
	}
	request := scopedRequest{ScopeSecondFactor, LimitRequest{
		Key: s.keys.limitKey(ScopeSecondFactor, action, r.lead.ID), Policy: s.opts.Limits.SecondFactor,
	}}
	// Nothing else counts these guesses, so none is made while the limiter fails, also
	// with DangerouslyAllowOnError.
	decisions, err := s.askLimiter(ctx, []scopedRequest{request})
	if err != nil {
		return unavailable("limiter", err)
	}
	if e := refusal([]scopedRequest{request}, decisions); e != nil {
		e.Quotas = append(append(Quotas(nil), quotas...), e.Quotas...)
		r.event.Scope = ScopeSecondFactor
		s.tellRefused(ctx, r, ReasonRateLimited)
		return e
	}
	ok := false
	err = s.call(ctx, "SecondFactor.Verify", func(ctx context.Context) (err error) {
		ok, err = s.opts.SecondFactor.Verify(ctx, r.lead, code)
		return scrub(err, code.Reveal())
	}, code.Reveal(), unknownSecrets)
	switch {
	case errors.Is(err, ErrStepUpRequired):
		// A host that answers as a StepUpFunc does means that the code is wrong.
		return s.refuseFactor(ctx, r, ReasonSecondFactorWrong)
	case err != nil:
		return unavailable("second factor", err)
	case !ok:
		return s.refuseFactor(ctx, r, ReasonSecondFactorWrong)
	}
	return nil
}

func (s *Service) refuseFactor(ctx context.Context, r replacement, reason EventReason) error {
	s.tellRefused(ctx, r, reason)
	return ErrSecondFactor
}

// withSecondFactor returns the names that a request to set a password may have.
func (s *Service) withSecondFactor(names ...string) []string {
	if s.opts.SecondFactor.isSet() {
		names = append(names, "secondFactor")
	}
	return names
}
