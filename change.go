package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery/password"
)

// ChangeOptions let people who are signed in change their passwords. They are off
// while SignedIn is nil, and then [Service.Handler] and the pages of package portal
// have no endpoint and no page for it. [Service.ChangePassword] works without
// SignedIn. All of it needs a [VersionedLeadStore].
//
// The functions are called by several goroutines at once. Their contexts, and that
// of the request they get, end after [Options].StoreTimeout.
type ChangeOptions struct {
	_ [0]func()

	// SignedIn returns the ID of the lead that is signed in, by the session of the
	// request. If nobody is, the error wraps [ErrNotSignedIn], or the ID is empty.
	// Any other error is answered with 503. It must not sign anybody in, and must
	// return nobody whose sign-in is not complete, for example because the second
	// factor is missing. A host that wants the person to have signed in lately
	// returns ErrNotSignedIn for an older session.
	SignedIn func(r *http.Request) (leadID string, err error)
	// Verify reports whether a password is the current one of the lead. It compares
	// with [password.Hasher.Verify], or as the log-in of the host does, and says no
	// for a lead without a password. Limits are counted before it is called. Default:
	// the newest hash of a [PasswordHistoryLeadStore] is compared with
	// [PasswordOptions].Hasher.
	//
	// It must read the hash when it is called, and not before. A password that
	// another request replaces meanwhile changes the lead's version, and so this
	// change fails.
	Verify func(ctx context.Context, lead Lead, current Secret) (bool, error)
	// KeepSession signs the person in again, after a change has ended all sessions
	// of the lead: it opens a new session, and sets its cookie on w (ASVS
	// v5.0.0-7.2.4). The new session has a new ID, because a thief may know the old
	// one. It is called last, after [Options].AfterReset, and has to refuse a lead that
	// was disabled meanwhile. It must write neither a status nor a body. Default: the
	// person signs in again. So it is after an error too, which is logged: the password
	// is changed by then. The context of r does not end if the client hangs up. If the
	// sessions could not be ended, and the queue does it later, the new one ends with
	// them.
	KeepSession func(w http.ResponseWriter, r *http.Request, leadID string) error
}

// A ChangeRequest asks to replace the password of a lead that is signed in.
type ChangeRequest struct {
	// LeadID is the lead that the host's own session names. Never take it from what
	// a client sends. [Service.ChangeSignedIn] fills it in.
	LeadID string
	// Current is the current password, and Password the new one.
	Current, Password Secret
	// Labels are as in [ForgotRequest].
	Labels    map[string]string
	Requester Requester
	// SecondFactor is as in [ResetRequest]. [SignedInLead].SecondFactor says who needs
	// one.
	SecondFactor Secret
	// Brand and Data are as in [ResetRequest].
	Brand string
	Data  map[string]string
}

// A ChangeResult says that a change is complete.
type ChangeResult struct {
	LeadID string
	// SessionKept says that [ChangeOptions].KeepSession has signed the person in
	// again. It is always false after [Service.ChangePassword], where the host does
	// that itself.
	SessionKept bool
	// Reset is what [Options].AfterReset gets.
	Reset  PasswordReset
	Quotas Quotas
}

// ChangePassword replaces the password of a lead that is signed in, if the current
// one is right. Rules, history and hash are those of [Service.ResetPassword], and so
// is what follows: the lead's sessions and tokens end, a notice goes to its verified
// addresses, and [Options].AfterReset is called. All sessions end, also the one that
// the request came with: the host then opens a new one for this browser, under a new
// ID. [Service.ChangeSignedIn] does that too.
//
// Guesses at the current password are limited for each client and each lead
// ([Limits].Change), and a guess that is refused costs no hash (A102). Of several
// changes and resets at once, one writes: the lead's version decides. Once the
// password is being written, the rest is finished also if ctx ends.
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller, the
// client, the lead or its second factors, a [*password.PolicyError], or wraps
// [ErrWrongPassword], [ErrSecondFactor], [ErrNotSignedIn], [ErrUnavailable] or
// [ErrOutcomeUnknown]. It is ErrNotSignedIn for a lead that must not be signed in: one
// that does not exist, that is disabled, or that has StatusResetRequired. If the lead
// was changed by another request meanwhile, it is ErrUnavailable: nothing was
// written, and the person can try again.
func (s *Service) ChangePassword(ctx context.Context, req ChangeRequest) (ChangeResult, error) {
	if err := s.begin(); err != nil {
		return ChangeResult{}, err
	}
	defer s.inFlight.Done()
	return s.changePassword(ctx, req)
}

func (s *Service) changePassword(ctx context.Context, req ChangeRequest) (ChangeResult, error) {
	store, err := s.changes()
	if err != nil {
		return ChangeResult{}, err
	}
	if !validLeadID(req.LeadID) {
		return ChangeResult{}, invalid("leadId", "is malformed")
	}
	if err := req.Requester.check(); err != nil {
		return ChangeResult{}, err
	}
	if err := checkSecondFactor(req.SecondFactor); err != nil {
		return ChangeResult{}, err
	}
	labels, err := copyLabels(req.Labels)
	if err != nil {
		return ChangeResult{}, err
	}
	ctx, data, err := s.presented(ctx, req.Brand, req.Data)
	if err != nil {
		return ChangeResult{}, err
	}
	quotas, err := s.allowChange(ctx, req)
	if err != nil {
		return ChangeResult{}, err
	}
	r := replacement{refused: EventChangeRefused, event: Event{
		LeadID: req.LeadID, Caller: req.Requester.Caller, Client: req.Requester.Client, Labels: labels,
	}}
	if r.lead, err = s.verifiedLead(ctx, r, req); err != nil {
		return ChangeResult{}, err
	}
	r.event.Brand, r.event.Data = eventBrand(cmp.Or(r.lead.Brand, BrandOf(ctx))), mergeData(data, r.lead.Data)
	hash, err := s.approve(ctx, r, req.Password, req.SecondFactor, quotas)
	if err != nil {
		return ChangeResult{}, err
	}
	// What follows must be finished also if the request ends.
	ctx = context.WithoutCancel(ctx)
	write := func(ctx context.Context, hash string) error {
		return store.SetPasswordHashIf(ctx, r.lead.ID, r.lead.Version, hash)
	}
	err = s.write(ctx, r, write, hash, req.Password.Reveal(), req.Requester)
	if errors.Is(err, ErrVersionChanged) {
		s.tellRefused(ctx, r, ReasonLeadChanged)
		return ChangeResult{}, unavailable("the lead has changed", nil)
	}
	if err != nil {
		return ChangeResult{}, err
	}
	done := PasswordReset{
		LeadID: r.lead.ID, Proof: ProofPassword, Requester: req.Requester,
		KnownDevice: s.knownDevice(req.Requester.Device, r.lead) != "", Brand: r.event.Brand,
	}
	s.afterWrite(ctx, r, done, time.Now().Add(s.opts.Tokens.LinkTTL))
	return ChangeResult{LeadID: r.lead.ID, Reset: done, Quotas: quotas}, nil
}

// allowChange counts the request for its client and for its lead, and applies the
// rules for passwords that need to know nobody in between: whoever only mistypes the
// new password does not use up the limit of the lead. They tell nothing about the
// current one.
func (s *Service) allowChange(ctx context.Context, req ChangeRequest) (Quotas, error) {
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientReset, actionChange, req.Requester)
	if err != nil {
		return nil, err
	}
	if err := s.checkRules(ctx, req.Password.Reveal()); err != nil {
		return nil, err
	}
	return s.allowOrRefuse(ctx, req.Requester, quotas, scopedRequest{ScopeLead, LimitRequest{
		Key: s.keys.limitKey(ScopeLead, string(actionChange), req.LeadID), Policy: s.opts.Limits.Change,
	}})
}

// changes returns the store that changes need, or what is missing for them.
func (s *Service) changes() (VersionedLeadStore, error) {
	store, ok := s.leads.(VersionedLeadStore)
	if !ok {
		return nil, fmt.Errorf("recovery: ChangePassword needs a LeadStore that implements VersionedLeadStore, and %T does not", s.leads)
	}
	if _, ok := s.leads.(PasswordHistoryLeadStore); !ok && s.opts.Change.Verify == nil {
		return nil, fmt.Errorf("recovery: ChangePassword needs option Change.Verify, or a LeadStore that implements PasswordHistoryLeadStore, and %T does not", s.leads)
	}
	return store, nil
}

// check adds what is missing for the handlers of changes.
func (o ChangeOptions) check(mistakes *OptionErrors, leads LeadStore) {
	if o.SignedIn == nil {
		if o.KeepSession != nil {
			mistakes.Add("Change.KeepSession", "needs Change.SignedIn")
		}
		return
	}
	if leads == nil {
		return // another mistake
	}
	if _, ok := leads.(VersionedLeadStore); !ok {
		mistakes.Add("Change.SignedIn", "needs a LeadStore that implements VersionedLeadStore, and %T does not", leads)
	}
	if _, ok := leads.(PasswordHistoryLeadStore); !ok && o.Verify == nil {
		mistakes.Add("Change.Verify", "is required, unless the LeadStore implements PasswordHistoryLeadStore, and %T does not", leads)
	}
}

// verifiedLead returns the lead whose current password the request has. The lead is
// read before its hash, so a password that is replaced in between is noticed by the
// write.
func (s *Service) verifiedLead(ctx context.Context, r replacement, req ChangeRequest) (Lead, error) {
	lead, err := s.leadByID(ctx, req.LeadID)
	reason := ReasonUnknownLead
	switch {
	case err == nil:
		reason = whyNoChange(lead.Status)
	case !errors.Is(err, ErrLeadNotFound):
		return Lead{}, err
	}
	switch reason {
	case "":
	case ReasonNoPassword, ReasonInvited:
		// Whatever was typed is not the password of a lead that has none.
		s.tellRefused(ctx, r, reason)
		return Lead{}, ErrWrongPassword
	default:
		s.tellRefused(ctx, r, reason)
		return Lead{}, ErrNotSignedIn
	}
	right, err := s.isCurrent(ctx, lead, req.Current)
	switch {
	case err != nil:
		return Lead{}, unavailable("current password", err)
	case !right:
		s.tellRefused(ctx, r, ReasonWrongPassword)
		return Lead{}, ErrWrongPassword
	}
	return lead, nil
}

// whyNoChange returns why a lead in this state may not change its password. One that
// has to replace it does so with a link: the password may be known to others.
func whyNoChange(status LeadStatus) EventReason {
	switch status {
	case StatusActive:
		return ""
	case StatusNoPassword:
		return ReasonNoPassword
	case StatusInvited:
		return ReasonInvited
	case StatusResetRequired:
		return ReasonResetRequired
	}
	return ReasonDisabled
}

// isCurrent compares a password with the lead's current one.
//
// The empty password is nobody's, and is not compared: a directory may take it for a
// bind of nobody, which always succeeds (RFC 4513, 5.1.2).
func (s *Service) isCurrent(ctx context.Context, lead Lead, current Secret) (right bool, err error) {
	if current.IsZero() {
		return false, nil
	}
	if verify := s.opts.Change.Verify; verify != nil {
		err = s.call(ctx, "Change.Verify", func(ctx context.Context) (err error) {
			right, err = verify(ctx, lead, current)
			if errors.Is(err, ErrWrongPassword) { // a host that answers as this library does
				right, err = false, nil
			}
			return scrub(err, current.Reveal())
		}, unknownSecrets)
		return right, s.unreadable(ctx, lead, err)
	}
	hashes, err := s.passwordHashes(ctx, lead.ID, 1)
	if err != nil {
		return false, err
	}
	hash := "" // matches nothing
	if len(hashes) > 0 {
		hash = hashes[0]
	}
	result, err := s.verify(ctx, hash, current.Reveal())
	return result.Match, s.unreadable(ctx, lead, err)
}

// unreadable returns the error of a comparison, without those that stand for another
// password.
func (s *Service) unreadable(ctx context.Context, lead Lead, err error) error {
	if _, ok := errors.AsType[*password.PolicyError](err); ok {
		return nil // nobody can have chosen such a password
	}
	if errors.Is(err, password.ErrMalformedHash) {
		s.outages.Failed(ctx, s.log, slog.LevelWarn, "hash", "recovery: a stored hash cannot be read, so the lead can neither sign in nor change its password until a reset replaces it", "lead", lead.ID)
		return nil
	}
	return err
}

// changeAdvice is for [Options].Development.
var changeAdvice = map[EventReason]string{
	ReasonWrongPassword: "the current password is another one. If it is right, look at Change.Verify, or at PasswordHashes of the LeadStore, whose first hash has to be the present one",
	ReasonUnknownLead:   "Change.SignedIn returned an ID that LeadStore.FindLead does not find by the field LeadId",
	ReasonDisabled:      "the lead's Status is StatusDisabled, or none of the constants. Such a lead must not be signed in",
	ReasonResetRequired: "the lead has StatusResetRequired. Log-in has to refuse it, and a link replaces its password",
	ReasonNoPassword:    "the lead has StatusNoPassword, so it has no password to change. Do not show it the link to this page",
	ReasonInvited:       "the lead has StatusInvited, so it has no password to change",
	ReasonLeadChanged:   "the lead's version changed while the password was being changed",
	ReasonRateLimited:   tooManyFactors,

	ReasonSecondFactorMissing: "SecondFactor.Needed says that the lead needs a second factor, and the request has none. Service.SignedIn tells a page who needs one, and the JSON API takes it as secondFactor",
	ReasonSecondFactorWrong:   "SecondFactor.Verify says that the second factor is wrong",
}
