package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
	"github.com/seed-51359b35/recovery/password"
)

// A CheckRequest asks whether a proof would be accepted.
type CheckRequest struct {
	Proof     Proof
	Requester Requester
}

// A CheckResult describes a valid proof.
type CheckResult struct {
	Expires time.Time
	// Account is what the person signs in with, for the page where the new
	// password is chosen: password managers keep the two together, and a person
	// with several accounts sees which one it is. For a code it is the
	// identifier that came with it, for anything else the lead's address in the
	// field that links go to by default, or empty. Show it to nobody else.
	Account string
	// Locale is the lead's, as in [Lead].
	Locale string
	Quotas Quotas
}

// CheckProof reports whether a proof would be accepted now, for a page that
// wants to say so before a person types a password. It consumes nothing; a
// wrong code counts as one in ResetPassword does.
//
// The errors are those of ResetPassword, but for those of the password.
func (s *Service) CheckProof(ctx context.Context, req CheckRequest) (CheckResult, error) {
	if err := s.begin(); err != nil {
		return CheckResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Requester.check(); err != nil {
		return CheckResult{}, err
	}
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientCheck, actionCheck, req.Requester)
	if err != nil {
		return CheckResult{}, err
	}
	p, err := s.prove(ctx, req.Proof, req.Requester)
	if err != nil {
		return CheckResult{}, err
	}
	account := req.Proof.key.Value
	if account == "" {
		account = p.lead.Fields[s.mailTo].Value
	}
	return CheckResult{p.token.Expires, account, p.lead.Locale, quotas}, nil
}

// A ResetRequest sets a new password.
type ResetRequest struct {
	Proof    Proof
	Password Secret
	// Labels are as in [ForgotRequest].
	Labels    map[string]string
	Requester Requester
}

// A ResetResult is a completed reset.
type ResetResult struct {
	Quotas Quotas
}

// ResetPassword replaces the lead's password, ends its sessions and tokens, and
// has every address on the lead told. One request wins each token, whatever
// races or crashes. Nobody is signed in.
//
// A weak password, a store that fails before it wrote and a client that hangs
// up leave the link usable. Once the token is claimed the rest runs to its end,
// whether or not ctx is still alive.
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller or
// client, a [*password.PolicyError], what the [StepUpFunc] returned, or wraps
// [ErrInvalidProof], [ErrUnavailable] or [ErrOutcomeUnknown].
func (s *Service) ResetPassword(ctx context.Context, req ResetRequest) (ResetResult, error) {
	if err := s.begin(); err != nil {
		return ResetResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Requester.check(); err != nil {
		return ResetResult{}, err
	}
	labels, err := copyLabels(req.Labels)
	if err != nil {
		return ResetResult{}, err
	}
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientReset, actionReset, req.Requester)
	if err != nil {
		return ResetResult{}, err
	}
	// The cheap rules first: they need no proof and tell nothing.
	if err := s.guard(ctx, "Policy.Check", func() error { return s.opts.Passwords.Policy.Check(req.Password.Reveal()) }); err != nil {
		return ResetResult{}, err
	}
	p, err := s.prove(ctx, req.Proof, req.Requester)
	if err != nil {
		return ResetResult{}, err
	}
	p.event.Labels = labels
	if err := s.stepUp(ctx, p); err != nil {
		return ResetResult{}, err
	}
	if err := s.checkPassword(ctx, p, req.Password.Reveal()); err != nil {
		return ResetResult{}, err
	}
	var hash string
	err = s.guard(ctx, "Hasher.Hash", func() (err error) {
		hash, err = s.opts.Passwords.Hasher.Hash(ctx, req.Password.Reveal())
		return err
	})
	if err != nil {
		if policy, ok := errors.AsType[*password.PolicyError](err); ok {
			return ResetResult{}, policy
		}
		return ResetResult{}, unavailable("hasher", err)
	}
	// From here the request's end must not stop what has begun.
	ctx = context.WithoutCancel(ctx)
	if err := s.change(ctx, p, hash, req.Requester); err != nil {
		return ResetResult{}, err
	}
	s.afterReset(ctx, p, req.Requester)
	return ResetResult{quotas}, nil
}

// proven is a proof that was found valid, with what it takes to claim it.
type proven struct {
	lead  Lead
	refs  []TokenRef
	token TokenRecord
	event Event
}

// prove opens a proof, finds its token and the lead, and has them agree. Every
// way to fail is the same error; the event says which it was.
func (s *Service) prove(ctx context.Context, proof Proof, o Requester) (proven, error) {
	p := proven{event: Event{Caller: o.Caller, Client: o.Client}}
	var leadID string
	if !proof.code.IsZero() || proof.key != (LeadKey{}) {
		key, f, err := s.canonicalKey(proof.key)
		if err != nil {
			return p, err
		}
		code := proof.code.Reveal()
		if !isCode(code) {
			return p, s.refuse(ctx, p, ReasonMalformedProof)
		}
		lead, err := s.findLead(ctx, key, f)
		if err != nil && !errors.Is(err, ErrLeadNotFound) {
			return p, err
		}
		if err == nil && lead.Status == StatusActive {
			leadID, p.refs = lead.ID, s.keys.refs(kindCode, lead.ID, code)
		} else {
			p.refs = s.keys.decoyRefs(key, code)
		}
	} else {
		kind, id, secret := kindMailed, proof.leadID, proof.secret.Reveal()
		if !proof.sealed.IsZero() {
			var err error
			if kind, id, secret, err = s.keys.openToken(proof.sealed.Reveal()); err != nil {
				s.warnForeign("link or issued token", err)
				return p, s.refuse(ctx, p, sealReason(err))
			}
		} else if !validLeadID(id) || !isSecret(secret) {
			return p, s.refuse(ctx, p, ReasonMalformedProof)
		}
		leadID, p.refs = id, s.keys.refs(kind, id, secret)
	}
	err := s.call(ctx, "TokenStore.Peek", func(ctx context.Context) (err error) {
		p.token, err = s.tokens.Peek(ctx, p.refs...)
		return err
	})
	if errors.Is(err, ErrTokenNotFound) {
		return p, s.refuse(ctx, p, ReasonUnknownToken)
	}
	// Not before: until a token says so, the lead is what a stranger typed.
	p.event.LeadID = leadID
	if err == nil {
		err = s.checkToken(ctx, p.token, leadID, p.refs...)
	}
	if err != nil {
		return p, unavailable("token store", err)
	}
	// Read anew, after Peek: what a code's lookup saw may have changed.
	if p.lead, err = s.leadByID(ctx, leadID); err != nil {
		if errors.Is(err, ErrLeadNotFound) {
			return p, s.refuse(ctx, p, ReasonUnknownLead)
		}
		return p, err
	}
	switch {
	case p.lead.Status != StatusActive:
		return p, s.refuse(ctx, p, ReasonDisabled)
	case !s.keys.stateMatches(p.token.State, p.lead):
		return p, s.refuse(ctx, p, ReasonVersionChanged)
	}
	return p, nil
}

// sealReason is why a sealed proof was refused. It is for events and logs.
func sealReason(err error) EventReason {
	switch {
	case errors.Is(err, seal.ErrUnknownKey):
		return ReasonUnknownKey
	case errors.Is(err, seal.ErrNewerVersion):
		return ReasonNewerVersion
	}
	return ReasonMalformedProof
}

// refuse is the one answer to every bad proof. Its event is the only place
// that tells them apart.
func (s *Service) refuse(ctx context.Context, p proven, reason EventReason) error {
	p.event.Kind, p.event.Reason = EventResetRefused, reason
	s.emit(ctx, p.event)
	return ErrInvalidProof
}

func (s *Service) stepUp(ctx context.Context, p proven) error {
	if s.opts.StepUp == nil {
		return nil
	}
	err := s.guard(ctx, "Options.StepUp", func() error { return s.opts.StepUp(ctx, p.lead) })
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrStepUpRequired) {
		return unavailable("step-up", err)
	}
	p.event.Kind, p.event.Reason = EventResetRefused, ReasonStepUp
	s.emit(ctx, p.event)
	return err
}

// checkPassword applies the rules that know the person.
func (s *Service) checkPassword(ctx context.Context, p proven, pw string) error {
	err := s.guard(ctx, "Policy.CheckFor", func() error {
		return s.opts.Passwords.Policy.CheckFor(ctx, pw, identifiers(p.lead)...)
	})
	if err == nil {
		err = s.checkHistory(ctx, p.lead.ID, pw)
	}
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*password.PolicyError](err); !ok {
		return unavailable("password check", err)
	}
	p.event.Kind, p.event.Reason = EventResetRefused, ReasonPolicy
	s.emit(ctx, p.event)
	return err
}

func (s *Service) checkHistory(ctx context.Context, leadID, pw string) error {
	n := s.opts.Passwords.History
	if n == 0 {
		return nil
	}
	var hashes []string
	err := s.call(ctx, "HistoryLeadStore.PasswordHashes", func(ctx context.Context) (err error) {
		hashes, err = s.leads.(HistoryLeadStore).PasswordHashes(ctx, leadID, n)
		return err
	})
	if err != nil {
		return err
	}
	for _, hash := range hashes[:min(n, len(hashes))] {
		var result password.Result
		err := s.guard(ctx, "Hasher.Verify", func() (err error) {
			result, err = s.opts.Passwords.Hasher.Verify(ctx, hash, pw)
			return err
		})
		if errors.Is(err, password.ErrMalformedHash) {
			continue // a hash of a former system cannot be compared
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

// change claims the token and writes the hash: one winner, one write.
func (s *Service) change(ctx context.Context, p proven, hash string, o Requester) error {
	claimID := newID()
	if err := s.claim(ctx, p, claimID); err != nil {
		return err
	}
	err := s.call(ctx, "LeadStore.SetPasswordHash", func(ctx context.Context) error {
		if v, ok := s.leads.(VersionedLeadStore); ok {
			return v.SetPasswordHashIf(ctx, p.lead.ID, p.lead.Version, hash)
		}
		return s.leads.SetPasswordHash(ctx, p.lead.ID, hash)
	})
	err = scrub(err, hash)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrVersionChanged):
		return s.refuse(ctx, p, ReasonVersionChanged)
	case errors.Is(err, ErrNotWritten):
		s.release(ctx, p, claimID)
		p.event.Kind, p.event.Reason = EventResetRefused, ReasonNotWritten
		s.emit(ctx, p.event)
		return unavailable("lead store", err)
	}
	p.event.Kind, p.event.Reason = EventResetRefused, ReasonOutcomeUnknown
	s.emit(ctx, p.event)
	// The password may be another now, and whom it was to lock out must not
	// stay signed in. If it is not, somebody signs in once more.
	s.endSessionsOrRetry(ctx, p.event, p.followUp(jobSessions, o))
	return fmt.Errorf("%w: %v", ErrOutcomeUnknown, err)
}

// claim repeats a claim whose reply was lost: with the same id that is
// harmless. When the store will not answer, the claim is taken back for as
// long as it could still arrive, so the link is not burnt.
func (s *Service) claim(ctx context.Context, p proven, claimID string) error {
	var err error
	for range 2 {
		var token TokenRecord
		err = s.call(ctx, "TokenStore.Claim", func(ctx context.Context) (err error) {
			token, err = s.tokens.Claim(ctx, claimID, p.refs...)
			return err
		})
		if errors.Is(err, ErrTokenNotFound) {
			return s.refuse(ctx, p, ReasonLostClaim)
		}
		if err == nil {
			err = s.checkToken(ctx, token, p.lead.ID, p.refs...)
		}
		if err == nil {
			return nil
		}
	}
	s.release(ctx, p, claimID)
	p.event.Kind, p.event.Reason = EventResetRefused, ReasonStoreUnavailable
	s.emit(ctx, p.event)
	return unavailable("token store", err)
}

func (s *Service) release(ctx context.Context, p proven, claimID string) {
	release := func(ctx context.Context) error { return s.tokens.Release(ctx, claimID, p.refs...) }
	if s.call(ctx, "TokenStore.Release", release) != nil {
		s.repeat("TokenStore.Release", p.token.Expires, release)
	}
}

// afterReset does what follows a written password. None of it can fail the
// reset: the password is changed, and the tokens are dead already because the
// lead's version is another.
func (s *Service) afterReset(ctx context.Context, p proven, o Requester) {
	remove := func(ctx context.Context) error { return s.tokens.Delete(ctx, s.keys.slots(p.lead.ID)...) }
	if s.call(ctx, "TokenStore.Delete", remove) != nil {
		s.repeat("TokenStore.Delete", p.token.Expires, remove)
	}
	s.endSessionsOrRetry(ctx, p.event, p.followUp(jobSessions, o))
	p.event.Kind = EventPasswordReset
	s.emit(ctx, p.event)
	reset := newID()
	for _, to := range s.recipients(p.lead) {
		notice := p.followUp(jobNotice, o)
		notice.Reset = reset
		notice.Channel, notice.To = to.channel, to.to
		s.enqueueOrRetry(ctx, notice)
	}
}

// followUp is a job that comes after a reset.
func (p proven) followUp(kind jobKind, o Requester) payload {
	return payload{
		Op: kind, Key: LeadKey{LeadIDField, p.lead.ID}, Name: p.lead.Name, Locale: p.lead.Locale,
		Caller: o.Caller, Client: o.Client, Languages: o.AcceptLanguage,
		Labels: p.event.Labels, RequestedAt: time.Now(),
	}
}

// endSessionsSurely ends the lead's sessions now or, if that fails, through the
// queue.
func (s *Service) endSessionsOrRetry(ctx context.Context, e Event, job payload) {
	leadID := job.Key.Value
	err := s.endSessions(ctx, leadID)
	if err == nil {
		return
	}
	s.log.ErrorContext(ctx, "recovery: sessions not ended, will be tried again", "lead", leadID, "error", err)
	e.Kind, e.Reason = EventSessionsNotEnded, ""
	s.emit(ctx, e)
	job.Op = jobSessions
	s.enqueueOrRetry(ctx, job)
}

func (s *Service) endSessions(ctx context.Context, leadID string) error {
	if s.opts.Sessions == nil {
		return nil
	}
	return s.call(ctx, "SessionEnder.EndSessions", func(ctx context.Context) error {
		return s.opts.Sessions.EndSessions(ctx, leadID)
	})
}

// RevokeTokens ends every link, issued token and code of a lead, for an
// operator or for a person who says "this was not me". The error wraps
// [ErrUnavailable].
func (s *Service) RevokeTokens(ctx context.Context, leadID string) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inFlight.Done()
	if !validLeadID(leadID) {
		return invalid("leadId", "is malformed")
	}
	err := s.call(ctx, "TokenStore.Delete", func(ctx context.Context) error {
		return s.tokens.Delete(ctx, s.keys.slots(leadID)...)
	})
	if err != nil {
		return unavailable("token store", err)
	}
	s.emit(ctx, Event{Kind: EventTokensRevoked, LeadID: leadID})
	return nil
}
