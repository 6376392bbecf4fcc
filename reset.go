package recovery

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-51359b35/recovery/internal/readout"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// A CheckProofRequest asks whether a proof is valid.
type CheckProofRequest struct {
	Proof     Proof
	Requester Requester
	// Brand is as in [ResetRequest].
	Brand string
}

// A CheckProofResult describes a valid proof.
type CheckProofResult struct {
	// Expires is when the link or code expires.
	Expires time.Time
	// Account is what the person signs in with, for the page where the new
	// password is chosen. Password managers store the two together, and a
	// person with several accounts sees which one it is. It is the lead's value of
	// [Options].SignInField. If that is not set, or the lead has none, it is the
	// identifier that came with a code. For other proofs it is then the lead's
	// address in the field that links go to by default, or empty. Show it to
	// nobody else.
	Account string
	// Locale is [Lead].Locale.
	Locale string
	Quotas Quotas
	// SecondFactor says that the lead has to present a second factor with the new
	// password, so the page asks for it: [ResetRequest].SecondFactor.
	SecondFactor bool
}

// CheckProof reports whether a proof is valid now, so that a page can say so
// before the person types a password. It does not use the proof up. A wrong
// code counts as a wrong guess, as in ResetPassword.
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller or
// client, or wraps [ErrInvalidProof] or [ErrUnavailable].
func (s *Service) CheckProof(ctx context.Context, req CheckProofRequest) (CheckProofResult, error) {
	return s.checkProof(ctx, req, forReset)
}

func (s *Service) checkProof(ctx context.Context, req CheckProofRequest, takes taking) (CheckProofResult, error) {
	if err := s.begin(); err != nil {
		return CheckProofResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Requester.check(); err != nil {
		return CheckProofResult{}, err
	}
	ctx, _, err := s.presented(ctx, req.Brand, nil)
	if err != nil {
		return CheckProofResult{}, err
	}
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientCheck, actionCheck, req.Requester)
	if err != nil {
		return CheckProofResult{}, err
	}
	p, err := s.prove(ctx, req.Proof, req.Requester, nil, takes)
	if err != nil {
		return CheckProofResult{}, err
	}
	needed, err := s.needsSecondFactor(ctx, p.lead)
	if err != nil {
		return CheckProofResult{}, err
	}
	account := cmp.Or(s.accountOf(p.lead), req.Proof.key.Value, p.lead.Fields[s.mailTo].Value)
	return CheckProofResult{p.token.Expires, account, p.lead.Locale, quotas, needed}, nil
}

// A ResetRequest asks to set a new password.
type ResetRequest struct {
	Proof    Proof
	Password Secret
	// Labels are as in [ForgotRequest].
	Labels    map[string]string
	Requester Requester
	// SecondFactor is the code of the person's second factor, such as that of an
	// authenticator app: up to 128 bytes, as it was typed. It is needed where
	// [CheckProofResult].SecondFactor says so, and otherwise ignored. See
	// [SecondFactorOptions].
	SecondFactor Secret
	// Brand and Data are as in [ForgotRequest]. Brand says where the proof is
	// presented, and is the notice's if the lead has none. Every brand takes a proof.
	Brand string
	Data  map[string]string
}

// A ResetResult says that a reset is complete.
type ResetResult struct {
	// LeadID is the lead whose password was replaced, for the host's own code.
	LeadID string
	// Reset is what [Options].AfterReset gets.
	Reset  PasswordReset
	Quotas Quotas
}

// ResetPassword replaces the lead's password, ends its sessions and tokens, and
// has a notice sent to every verified address of the lead in a field with
// Receive. Only one request can use a token, also in a race or after a crash.
// ResetPassword signs nobody in.
//
// The link stays usable after a password that is refused, after a failure of a
// store that wrote nothing, and if the client disconnects before the token is
// claimed. Once the token is claimed, the rest is finished also if ctx ends.
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller or
// client, or of [Limits].SecondFactor, a [*password.PolicyError], the error of the
// [StepUpFunc], or wraps [ErrSecondFactor], [ErrInvalidProof], [ErrUnavailable] or
// [ErrOutcomeUnknown].
func (s *Service) ResetPassword(ctx context.Context, req ResetRequest) (ResetResult, error) {
	return s.setPassword(ctx, req, forReset)
}

// setPassword does what [Service.ResetPassword] and [Service.AcceptInvitation]
// say.
func (s *Service) setPassword(ctx context.Context, req ResetRequest, takes taking) (ResetResult, error) {
	if err := s.begin(); err != nil {
		return ResetResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Requester.check(); err != nil {
		return ResetResult{}, err
	}
	if err := checkSecondFactor(req.SecondFactor); err != nil {
		return ResetResult{}, err
	}
	labels, err := copyLabels(req.Labels)
	if err != nil {
		return ResetResult{}, err
	}
	ctx, data, err := s.presented(ctx, req.Brand, req.Data)
	if err != nil {
		return ResetResult{}, err
	}
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientReset, actionReset, req.Requester)
	if err != nil {
		return ResetResult{}, err
	}
	// These rules come first: they take little time, need no proof and tell
	// nothing about an account.
	if err := s.checkRules(ctx, req.Password.Reveal()); err != nil {
		return ResetResult{}, err
	}
	p, err := s.prove(ctx, req.Proof, req.Requester, labels, takes)
	if err != nil {
		return ResetResult{}, err
	}
	p.event.Data = mergeData(data, p.lead.Data)
	if err := s.stepUp(ctx, p); err != nil {
		return ResetResult{}, err
	}
	hash, err := s.approve(ctx, p.replacement, req.Password, req.SecondFactor, quotas)
	if err != nil {
		return ResetResult{}, err
	}
	// What follows must be finished also if the request ends.
	ctx = context.WithoutCancel(ctx)
	if err := s.change(ctx, p, hash, req); err != nil {
		return ResetResult{}, err
	}
	done := s.facts(p, req.Requester)
	s.afterWrite(ctx, p.replacement, done, p.token.Expires)
	return ResetResult{LeadID: p.lead.ID, Reset: done, Quotas: quotas}, nil
}

// A proven is a valid proof, with what is needed to claim its token.
type proven struct {
	replacement
	kind   tokenKind
	shared bool      // several know the secret: see sharedSecret
	sealed time.Time // when the token was sealed, or zero
	refs   []TokenRef
	token  TokenRecord
}

// wasMailed reports whether the proof is a code that went out by mail, to the lead
// as it is.
func (p proven) wasMailed(keys *keyring, lead Lead) bool {
	return p.kind == kindCode && keys.mailedStateMatches(p.token.State, lead)
}

// prove opens a proof, finds its token and the lead, and checks that both
// belong together. All invalid proofs get the same error, except a link whose token
// this Service did not make: see [ErrDamagedProof]. Only the event says what was
// wrong.
func (s *Service) prove(ctx context.Context, proof Proof, from Requester, labels map[string]string, takes taking) (proven, error) {
	p := proven{replacement: replacement{refused: EventResetRefused, event: Event{Caller: from.Caller, Client: from.Client, Labels: labels}}}
	leadID, reason, err := s.refsOf(ctx, proof, from, &p)
	if err != nil {
		return p, err
	}
	if reason == "" && !takes(p.kind) {
		reason = ReasonWrongPurpose
	}
	if reason != "" {
		err := s.refuse(ctx, p, reason)
		if proof.key == (LeadKey{}) {
			err = linkError(reason)
		}
		return p, err
	}
	if purpose := p.kind.purpose(); purpose != PurposeReset {
		p.event.Purpose = purpose
	}
	err = s.call(ctx, "TokenStore.Peek", func(ctx context.Context) (err error) {
		p.token, err = s.tokens.Peek(ctx, p.refs...)
		return err
	})
	if errors.Is(err, ErrTokenNotFound) {
		s.tellOfStores(ctx, proof, err)
		return p, s.refuse(ctx, p, whyNotFound(err, ReasonUnknownToken))
	}
	// The event has no lead before this: without a token, the lead is only what
	// a stranger typed.
	p.event.LeadID = leadID
	if err == nil {
		err = s.checkToken(ctx, p.token, leadID, p.refs...)
	}
	if err == nil && p.kind.isHelpDesk() {
		p.event.Operator, err = s.operatorOf(ctx, p.token)
	}
	if err != nil {
		return p, unavailable("token store", err)
	}
	// The lead is read after Peek. For a code this is a second read: the lead
	// may have changed since the first.
	p.lead, err = s.provenLead(ctx, p, leadID)
	p.event.Brand = eventBrand(cmp.Or(p.lead.Brand, BrandOf(ctx)))
	return p, err
}

// provenLead reads the lead, and refuses the proof if the lead is not as it was
// when the token was made.
func (s *Service) provenLead(ctx context.Context, p proven, leadID string) (Lead, error) {
	lead, err := s.leadByID(ctx, leadID)
	switch {
	case errors.Is(err, ErrLeadNotFound):
		return Lead{}, s.refuse(ctx, p, ReasonUnknownLead)
	case err != nil:
		return Lead{}, err
	}
	if why := s.whyNoToken(p.kind, lead.Status); why != "" {
		return Lead{}, s.refuse(ctx, p, why)
	}
	if !s.isOfVersion(p, lead) {
		return Lead{}, s.refuse(ctx, p, ReasonLeadChanged)
	}
	return lead, nil
}

// isOfVersion reports whether the token was made for the lead as it is.
func (s *Service) isOfVersion(p proven, lead Lead) bool {
	return s.keys.stateMatches(p.token.State, lead) || p.wasMailed(s.keys, lead)
}

// refsOf opens a proof, and returns the lead that it names. It sets the kind of
// the token and the places where it may be stored. If the proof is malformed, it
// returns the reason.
func (s *Service) refsOf(ctx context.Context, proof Proof, from Requester, p *proven) (leadID string, reason EventReason, err error) {
	if !proof.code.IsZero() || proof.key != (LeadKey{}) {
		return s.codeRefs(ctx, proof, from, p)
	}
	kind, id, secret := kindMailed, proof.leadID, proof.secret.Reveal()
	if !proof.sealed.IsZero() {
		if kind, id, secret, err = s.keys.openToken(proof.sealed.Reveal()); err != nil {
			s.tellOfLink("link or issued token", err)
			return "", sealReason(err), nil
		}
		p.sealed = seal.Time(proof.sealed.Reveal())
	} else if !validLeadID(id) || !isSecret(secret) {
		return "", ReasonMalformedProof, nil
	}
	p.kind, p.shared, p.refs = kind, s.keys.isShared(secret), s.keys.refs(kind, id, secret)
	return id, "", nil
}

// codeRefs is refsOf for a code. The lead is found by the identifier.
func (s *Service) codeRefs(ctx context.Context, proof Proof, from Requester, p *proven) (leadID string, reason EventReason, err error) {
	p.kind = kindCode
	key, f, err := s.canonicalKey(proof.key)
	if err != nil {
		return "", "", err
	}
	// A code that was read out belongs to no handle: nobody has asked for it.
	refs := func(owner, code string) []TokenRef { return s.keys.refs(kindReadOut, owner, code) }
	code, isReadOut := readout.Parse(proof.code.Reveal())
	if p.kind = kindReadOut; !isReadOut {
		p.kind, code = kindCode, proof.code.Reveal()
		askers, ok := s.askersOf(proof.handle, from)
		if !ok || !isCode(code) {
			return "", ReasonMalformedProof, nil
		}
		refs = func(owner, code string) []TokenRef { return s.keys.codeRefs(owner, code, askers) }
	}
	lead, err := s.findLead(ctx, key, f)
	if err != nil && !errors.Is(err, ErrLeadNotFound) && !errors.Is(err, errBadLead) {
		return "", "", err
	}
	owner := s.keys.decoy(key) // computed for everybody, because that takes time
	if err == nil && s.whyNoToken(p.kind, lead.Status) == "" {
		leadID, owner = lead.ID, lead.ID
	}
	p.refs = refs(owner, code)
	return leadID, "", nil
}

// sealReason returns why a sealed proof was refused, for events and logs.
func sealReason(err error) EventReason {
	switch {
	case errors.Is(err, seal.ErrUnknownKey):
		return ReasonUnknownKey
	case errors.Is(err, seal.ErrNewerVersion):
		return ReasonNewerFormat
	case errors.Is(err, seal.ErrTooOld):
		return ReasonUnknownToken
	}
	return ReasonMalformedProof
}

// linkError returns the error for a link that is refused before anything is asked
// about its lead.
func linkError(reason EventReason) error {
	if reason == ReasonMalformedProof || reason == ReasonUnknownKey {
		return ErrDamagedProof
	}
	return ErrInvalidProof
}

// refuse returns the one error for all invalid proofs. Only its event says what
// was wrong.
func (s *Service) refuse(ctx context.Context, p proven, reason EventReason) error {
	s.tellRefused(ctx, p.replacement, reason)
	return ErrInvalidProof
}

// change claims the token and writes the hash. Only one request gets past the
// claim, so the hash is written once.
//
// A step-up, a breach check and hashing can take seconds since the lead was
// read. Only a versioned store notices by itself that the lead has changed
// since then. With any other store the lead is read once more (A35).
func (s *Service) change(ctx context.Context, p proven, hash string, req ResetRequest) error {
	write, versioned := s.writer(p)
	if !versioned {
		if _, err := s.provenLead(ctx, p, p.lead.ID); err != nil {
			return err
		}
	}
	claimID := newID()
	if err := s.claim(ctx, p, claimID); err != nil {
		return err
	}
	err := s.write(ctx, p.replacement, write, hash, req.Password.Reveal(), req.Requester)
	switch {
	case errors.Is(err, ErrVersionChanged):
		return s.refuse(ctx, p, ReasonLeadChanged)
	case errors.Is(err, ErrUnavailable):
		s.release(ctx, p, claimID)
	}
	return err
}

// writer returns what writes the new hash of a lead, and whether that compares the
// lead's version.
func (s *Service) writer(p proven) (write func(ctx context.Context, hash string) error, versioned bool) {
	id, version := p.lead.ID, p.lead.Version
	if p.kind == kindInvitation {
		store := s.leads.(FirstPasswordLeadStore)
		return func(ctx context.Context, hash string) error {
			return store.SetFirstPasswordHashIf(ctx, id, version, hash)
		}, true
	}
	if store, ok := s.leads.(VersionedLeadStore); ok {
		return func(ctx context.Context, hash string) error { return store.SetPasswordHashIf(ctx, id, version, hash) }, true
	}
	return func(ctx context.Context, hash string) error { return s.leads.SetPasswordHash(ctx, id, hash) }, false
}

// claim claims the token. It repeats a claim whose reply was lost, which is
// harmless because the ID is the same. If the store still does not answer, the
// claim is released, so that the link stays usable. The release is repeated
// until it succeeds, the token expires, or Shutdown begins. It also bars the
// ID, so a late claim has no effect.
func (s *Service) claim(ctx context.Context, p proven, claimID string) error {
	var err error
	for range 2 {
		var token TokenRecord
		err = s.call(ctx, "TokenStore.Claim", func(ctx context.Context) (err error) {
			token, err = s.tokens.Claim(ctx, claimID, p.refs...)
			return err
		})
		if errors.Is(err, ErrTokenNotFound) {
			return s.refuse(ctx, p, whyNotFound(err, ReasonClaimedByAnother))
		}
		if err == nil {
			err = s.checkToken(ctx, token, p.lead.ID, p.refs...)
		}
		if err == nil {
			return nil
		}
	}
	s.release(ctx, p, claimID)
	s.tellRefused(ctx, p.replacement, ReasonStoreUnavailable)
	return unavailable("token store", err)
}

func (s *Service) release(ctx context.Context, p proven, claimID string) {
	release := func(ctx context.Context) error { return s.tokens.Release(ctx, claimID, p.refs...) }
	if s.call(ctx, "TokenStore.Release", release) != nil {
		s.repeat("TokenStore.Release", p.token.Expires, release)
	}
}

// RevokeTokens ends every link, issued token and code of a lead that the token
// store holds. A job in the queue that has not stored its token yet still sends
// a link or code that works. It is for operators, and for hosts with a page of
// their own for "this was not me". An unknown lead is no error. The error is an
// [*InvalidRequestError] or wraps [ErrUnavailable].
func (s *Service) RevokeTokens(ctx context.Context, leadID string) error {
	return s.revokeTokens(ctx, leadID, Event{})
}

// revokeTokens is RevokeTokens with what its event says of who revokes.
func (s *Service) revokeTokens(ctx context.Context, leadID string, e Event) error {
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
	e.Kind, e.LeadID = EventTokensRevoked, leadID
	s.emit(ctx, e)
	return nil
}
