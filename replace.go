package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A replacement is a try to replace a lead's password, whatever the person proved
// before.
type replacement struct {
	lead    Lead
	refused EventKind // what is emitted if it fails
	event   Event
}

func (s *Service) tellRefused(ctx context.Context, r replacement, reason EventReason) {
	r.event.Kind, r.event.Reason = r.refused, reason
	s.emit(ctx, r.event)
}

// checkRules applies the rules for passwords that do not depend on the person.
func (s *Service) checkRules(ctx context.Context, pw string) error {
	return s.guard(ctx, "Policy.Check", func() error { return s.opts.Passwords.Policy.Check(pw) }, pw)
}

// write writes the hash. The error wraps ErrVersionChanged, for which the caller
// emits an event; or ErrUnavailable, if nothing was written; or ErrOutcomeUnknown. For
// the last two an event was emitted.
func (s *Service) write(ctx context.Context, r replacement, write func(ctx context.Context, hash string) error, hash, pw string, from Requester) error {
	err := s.call(ctx, "LeadStore.SetPasswordHash", func(ctx context.Context) error {
		return scrub(write(ctx, hash), hash)
	}, hash, pw)
	switch {
	case err == nil, errors.Is(err, ErrVersionChanged):
		return err
	case errors.Is(err, ErrNotWritten):
		s.tellRefused(ctx, r, ReasonPasswordNotWritten)
		return unavailable("lead store", err)
	}
	s.tellRefused(ctx, r, ReasonOutcomeUnknown)
	// The hash may have been written, and then the sessions must end: one of
	// them may be the attacker's. If it was not written, the person only has to
	// sign in once more.
	s.endSessionsOrRetry(ctx, r.event, r.followUp(jobSessions, from))
	return fmt.Errorf("%w: %v", ErrOutcomeUnknown, err)
}

// afterWrite does what follows after the password was written. Its failures do
// not fail the reset or the change: the password is changed, and the tokens are
// dead already because the lead's version has changed. Their removal is tried
// until the time given.
func (s *Service) afterWrite(ctx context.Context, r replacement, done PasswordReset, until time.Time) {
	from := done.Requester
	remove := func(ctx context.Context) error { return s.tokens.Delete(ctx, s.keys.slots(r.lead.ID)...) }
	if s.call(ctx, "TokenStore.Delete", remove) != nil {
		s.repeat("TokenStore.Delete", until, remove)
	}
	s.endSessionsOrRetry(ctx, r.event, r.followUp(jobSessions, from))
	s.markVerified(ctx, r.lead, done)
	r.event.Kind = EventPasswordReset
	switch {
	case done.Proof == ProofPassword:
		r.event.Kind = EventPasswordChanged
	case done.Purpose == PurposeInvitation:
		r.event.Kind = EventFirstPassword
	}
	s.emit(ctx, r.event)
	s.callAfterReset(ctx, r, done)
	reset := newID()
	for _, to := range s.noticesTo(r.lead) {
		notice := r.followUp(jobNotice, from)
		notice.Reset = reset
		notice.Channel, notice.To, notice.Account = to.channel, to.to, s.accountOf(r.lead)
		s.enqueueOrRetry(ctx, notice)
	}
	s.checkVersion(ctx, r.lead)
}

// checkVersion tells if the write of a password left the lead's version as it was.
// Then other links that were mailed before outlive a change of the password. Once a
// version has changed, it asks no more.
func (s *Service) checkVersion(ctx context.Context, before Lead) {
	required := before.Status == StatusResetRequired
	if s.versionChanges.Load() && !required {
		return
	}
	after, err := s.leadByID(ctx, before.ID)
	switch {
	case err != nil: // the next reset asks again
	case required && after.Status == StatusResetRequired:
		s.outages.Failed(ctx, s.log, slog.LevelError, "status",
			"recovery: a lead still has StatusResetRequired after it has chosen a new password, so the log-in goes on to refuse it. The write of a new password has to make such a lead StatusActive, in the same step",
			"lead", before.ID)
	case after.Version != before.Version:
		s.versionChanges.Store(true)
	default:
		s.outages.Failed(ctx, s.log, slog.LevelError, "version",
			"recovery: Lead.Version is the same before and after a new password was written, so links that were mailed before outlive a change of the password. FindLead has to return another Version after each change of password, address or status, such as a counter or a digest of all three",
			"lead", before.ID)
	}
}

// followUp returns a job that comes after a new password.
func (r replacement) followUp(kind jobKind, from Requester) payload {
	return payload{
		Op: kind, Key: LeadKey{LeadIDField, r.lead.ID}, Name: r.lead.Name, Locale: r.lead.Locale,
		Caller: from.Caller, Client: from.Client, Languages: from.AcceptLanguage,
		Labels: r.event.Labels, RequestedAt: time.Now(), Brand: r.event.Brand, Data: r.event.Data, Operator: r.event.Operator,
	}
}

// endSessionsOrRetry ends the lead's sessions. If that fails, the queue tries
// it again.
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
