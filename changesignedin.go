package recovery

import (
	"cmp"
	"context"
	"errors"
	"net/http"
)

// A SignedInLead is the lead that [ChangeOptions].SignedIn has found, for authors of
// pages.
type SignedInLead struct {
	ID string
	// Account is what the lead signs in with, as in [CheckProofResult]: the page names
	// it for password managers.
	Account string
	// Locale is [Lead].Locale.
	Locale string
	// SecondFactor says that the lead has to present a second factor with the new
	// password: [ChangeRequest].SecondFactor.
	SecondFactor bool
}

// SignedIn returns the lead that is signed in by the session of a request. The error
// wraps [ErrNotSignedIn] if there is none, or none that may be signed in, or if
// [ChangeOptions].SignedIn is not set, or [ErrUnavailable].
func (s *Service) SignedIn(r *http.Request) (SignedInLead, error) {
	if err := s.begin(); err != nil {
		return SignedInLead{}, err
	}
	defer s.inFlight.Done()
	id, err := s.signedIn(r)
	if err != nil {
		return SignedInLead{}, err
	}
	lead, err := s.leadByID(r.Context(), id)
	switch {
	case errors.Is(err, ErrLeadNotFound):
		return SignedInLead{}, ErrNotSignedIn
	case err != nil:
		return SignedInLead{}, err
	case whyNoChange(lead.Status) == ReasonDisabled, whyNoChange(lead.Status) == ReasonResetRequired:
		return SignedInLead{}, ErrNotSignedIn
	}
	needed, err := s.needsSecondFactor(r.Context(), lead)
	if err != nil {
		return SignedInLead{}, err
	}
	account := cmp.Or(s.accountOf(lead), lead.Fields[s.mailTo].Value)
	return SignedInLead{ID: lead.ID, Account: account, Locale: lead.Locale, SecondFactor: needed}, nil
}

// signedIn asks the host whose session a request has.
func (s *Service) signedIn(r *http.Request) (leadID string, err error) {
	if s.opts.Change.SignedIn == nil {
		return "", ErrNotSignedIn
	}
	err = s.call(r.Context(), "Change.SignedIn", func(ctx context.Context) (err error) {
		leadID, err = s.opts.Change.SignedIn(r.WithContext(ctx))
		return err
	}, unknownSecrets)
	switch {
	case errors.Is(err, ErrNotSignedIn), err == nil && leadID == "":
		return "", ErrNotSignedIn
	case err != nil:
		return "", unavailable("session", err)
	case !validLeadID(leadID):
		return "", errors.New("recovery: option Change.SignedIn returned no valid lead ID")
	}
	return leadID, nil
}

// ChangeSignedIn is [Service.ChangePassword] for the lead that is signed in by the
// session of r, whatever req.LeadID is, and keeps this browser signed in by
// [ChangeOptions].KeepSession. It is for authors of pages and APIs. They refuse the
// forms and scripts of other origins before ([http.CrossOriginProtection]), and write
// nothing to w before it returns.
func (s *Service) ChangeSignedIn(w http.ResponseWriter, r *http.Request, req ChangeRequest) (ChangeResult, error) {
	if err := s.begin(); err != nil {
		return ChangeResult{}, err
	}
	defer s.inFlight.Done()
	var err error
	if req.LeadID, err = s.signedIn(r); err != nil {
		return ChangeResult{}, err
	}
	result, err := s.changePassword(r.Context(), req)
	if err != nil {
		return ChangeResult{}, err
	}
	result.SessionKept = s.keepSession(w, r, result.LeadID)
	return result, nil
}

// keepSession has the host open a new session for the browser whose person has just
// proved to know the password.
func (s *Service) keepSession(w http.ResponseWriter, r *http.Request, leadID string) bool {
	if s.opts.Change.KeepSession == nil {
		return false
	}
	err := s.call(context.WithoutCancel(r.Context()), "Change.KeepSession", func(ctx context.Context) error {
		return s.opts.Change.KeepSession(w, r.WithContext(ctx), leadID)
	}, unknownSecrets)
	return err == nil
}

// crossOrigin finds what a page of another origin sends. A client that is no browser
// sends neither of the header fields that it looks at.
var crossOrigin = http.NewCrossOriginProtection()

// serveChange is the endpoint for whoever is signed in. Those of other origins, also
// the ones in [APIOptions].Origins, have no business here: the browser adds the
// person's cookie (A102).
func (s *Service) serveChange(w http.ResponseWriter, r *http.Request) error {
	if crossOrigin.Check(r) != nil {
		writeProblem(w, problem{Status: http.StatusForbidden, Code: "cross_origin", Detail: "This was sent by a page of another origin."})
		return nil
	}
	body, err := readObject(w, r, s.withSecondFactor("currentPassword", "password")...)
	if err != nil {
		return err
	}
	current, err := required(body, "currentPassword")
	if err != nil {
		return err
	}
	chosen, err := required(body, "password")
	if err != nil {
		return err
	}
	factor, _, err := body.String("secondFactor")
	if err != nil {
		return err
	}
	result, err := s.ChangeSignedIn(w, r, ChangeRequest{
		Current: NewSecret(current), Password: NewSecret(chosen), SecondFactor: NewSecret(factor),
		Requester: s.Requester(r), Brand: s.Brand(r),
	})
	if err != nil {
		return err
	}
	result.Quotas.SetHeader(w.Header())
	w.WriteHeader(http.StatusNoContent)
	return nil
}
