package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// errSignIn is the one answer to an unknown address, a wrong password and an
// account that may not sign in.
var errSignIn = errors.New("the e-mail address or the password is wrong")

// errResetRequired is the answer to whoever knows the password of an account that
// has to replace it. Nobody else learns that.
var errResetRequired = errors.New("the password has to be replaced: ask for a link with \"Forgot password\"")

// login signs people in. The library never does; this is what a portal has
// besides it.
type login struct {
	leads    leadStore
	sessions sessionStore
	hasher   password.Hasher
	// Guesses are limited like everything else (NIST SP 800-63B-4, 3.2.2), by
	// client and never by account: that would lock its owner out.
	limiter recovery.Limiter
	policy  recovery.LimitPolicy
	log     *slog.Logger
}

// unavailable marks the error of something that is asked over a network: as
// with the library, nobody is let in while it does not answer.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", recovery.ErrUnavailable, err)
}

// signIn opens a session. The error is errSignIn, errResetRequired, a *recovery.RateLimitError,
// one that wraps recovery.ErrUnavailable or password.ErrBusy, or that of
// something that does not work.
func (l *login) signIn(ctx context.Context, client netip.Addr, email, pw string) (s session, secret string, err error) {
	if err := l.admit(ctx, client); err != nil {
		return session{}, "", err
	}
	leadID, _, err := l.leads.credentials(ctx, email)
	if err != nil {
		return session{}, "", unavailable(err)
	}
	epoch, err := l.sessions.epoch(ctx, leadID)
	if err != nil {
		return session{}, "", unavailable(err)
	}
	// The hash is read after the epoch, see [sessionStore]: a reset that finished
	// in between would have changed both otherwise, and the old hash would be
	// compared and then signed in under the new epoch.
	again, hash, err := l.leads.credentials(ctx, email)
	if err != nil {
		return session{}, "", unavailable(err)
	}
	if again != leadID {
		hash = "" // the address is another person's now
	}
	// With an empty hash this matches nothing and takes as long as with a real
	// one, so that the time does not tell who has an account.
	result, err := l.hasher.Verify(ctx, password.Attempt{Hash: hash, Password: pw})
	if _, ok := errors.AsType[*password.PolicyError](err); ok {
		return session{}, "", errSignIn // no such password can ever have been chosen
	}
	if errors.Is(err, password.ErrMalformedHash) {
		// An answer of its own would tell that there is an account.
		l.log.WarnContext(ctx, "a stored hash cannot be read, so nobody can sign in until a reset replaces it", "lead", leadID, "error", err)
		return session{}, "", errSignIn
	}
	if err != nil {
		return session{}, "", err
	}
	if !result.Match {
		return session{}, "", errSignIn
	}
	if err := l.mayOpen(ctx, leadID); err != nil {
		return session{}, "", err
	}
	if result.Rehash {
		newer, err := l.hasher.Hash(ctx, pw)
		if err == nil {
			err = l.leads.rehash(ctx, leadID, hash, newer)
		}
		if err != nil {
			l.log.WarnContext(ctx, "rehashing failed, the old hash stays", "error", err)
		}
	}
	s, secret, ok, err := l.sessions.open(ctx, leadID, epoch)
	if err != nil {
		return session{}, "", unavailable(err)
	}
	if !ok {
		return session{}, "", errSignIn // the password has just been changed
	}
	return s, secret, nil
}

// mayOpen decides, once the password was found right, whether a session is opened.
func (l *login) mayOpen(ctx context.Context, leadID string) error {
	lead, err := l.leads.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: leadID})
	switch {
	case errors.Is(err, recovery.ErrLeadNotFound):
		return errSignIn
	case err != nil:
		return unavailable(err)
	case lead.Status == recovery.StatusResetRequired:
		return errResetRequired
	case lead.Status != recovery.StatusActive:
		return errSignIn
	}
	return nil
}

func (l *login) admit(ctx context.Context, client netip.Addr) error {
	bits := 32
	if client = client.Unmap(); client.Is6() {
		bits = 64 // one subscriber has them all
	}
	key := "login:unknown" // all without an address are one client
	if bucket, err := client.Prefix(bits); err == nil && bucket.IsValid() {
		key = "login:" + bucket.String()
	}
	decisions, err := l.limiter.Allow(ctx, recovery.LimitRequest{Key: key, Policy: l.policy})
	if err != nil {
		return unavailable(err)
	}
	if d := decisions[0]; !d.Allowed {
		return &recovery.RateLimitError{Scope: recovery.ScopeClient, Limit: d.Limit, RetryAfter: d.RetryAfter}
	}
	return nil
}

// whose returns the name of the person a cookie belongs to, empty if it is
// nobody's.
func (l *login) whose(ctx context.Context, cookie string) (name string, err error) {
	s, ok, err := l.sessions.find(ctx, cookie)
	if err != nil {
		return "", unavailable(err)
	}
	if !ok {
		return "", nil
	}
	lead, err := l.leads.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: s.LeadID})
	if errors.Is(err, recovery.ErrLeadNotFound) {
		return "", nil
	}
	if err != nil {
		return "", unavailable(err)
	}
	return lead.Name, nil
}
