package recovery

import (
	"context"
	"errors"
	"slices"
	"time"
)

// An IssueRequest asks for a token on behalf of an authenticated server.
type IssueRequest struct {
	Key LeadKey
	// Send has the token mailed to the lead as well, as a link.
	Send           bool
	RecipientField string
	Link           *Link
	Template       string
	PreventWebhook bool
	// Origin.Caller names the API key whose secret the caller proved. It is
	// required; Client is not looked at.
	Origin Origin
}

// An IssueResult holds a token that resets the lead's password.
type IssueResult struct {
	// Token is the sealed string for [SealedProof].
	Token             Secret
	Expires           time.Time
	IdentityProviders []string
	Quotas            Quotas
}

// IssueToken returns a reset token to a server that proved who it is. Whoever
// holds the token can take the account over, so this is never reachable for
// browsers (A80).
//
// The error is an [*InvalidRequestError], a [*RateLimitError] (the scopes
// caller, issue, and, with Send, lead, recipient and budget), or wraps
// [ErrLeadNotFound], which stands for disabled leads, those without a password
// and, with Send, those without a verified recipient too, or [ErrUnavailable].
// Quotas that were spent before something failed stay spent.
func (s *Service) IssueToken(ctx context.Context, req IssueRequest) (IssueResult, error) {
	if err := s.begin(); err != nil {
		return IssueResult{}, err
	}
	defer s.inFlight.Done()
	if req.Origin.Caller == "" {
		return IssueResult{}, invalid("caller", "is required")
	}
	if err := req.Origin.check(); err != nil {
		return IssueResult{}, err
	}
	key, field, err := s.canonicalKey(req.Key)
	if err != nil {
		return IssueResult{}, err
	}
	recipient := ""
	if req.Send {
		if recipient, err = s.recipientField(req.RecipientField); err != nil {
			return IssueResult{}, err
		}
	}
	link, err := s.link(req.Link)
	if err != nil {
		return IssueResult{}, err
	}
	if len(req.Template) > 128 {
		return IssueResult{}, invalid("template", "is too long")
	}
	quotas, err := s.admitCaller(ctx, req.Origin)
	if err != nil {
		return IssueResult{}, err
	}
	// After the caller's, so that a refused call spends nobody's quota.
	issue := Take{Key: s.keys.limitKey(ScopeIssue, key.Field, key.Value), Tier: s.opts.Limits.Issue}
	if err := s.allow(ctx, req.Origin, quotas, scopedTake{ScopeIssue, issue}); err != nil {
		return IssueResult{}, err
	}
	event := Event{
		Kind: EventTokenIssued, Caller: req.Origin.Caller, Client: req.Origin.Client,
		Mailed: req.Send, PreventWebhook: req.PreventWebhook,
	}
	refuse := func(reason EventReason) (IssueResult, error) {
		event.Kind, event.Reason = EventSuppressed, reason
		s.emit(ctx, event)
		return IssueResult{}, ErrLeadNotFound
	}
	lead, err := s.findLead(ctx, key, field)
	if errors.Is(err, ErrLeadNotFound) {
		return refuse(ReasonUnknownLead)
	}
	if err != nil {
		return IssueResult{}, err
	}
	event.LeadID = lead.ID
	switch lead.Status {
	case StatusActive:
	case StatusNoPassword:
		return refuse(ReasonNoPassword)
	default:
		return refuse(ReasonDisabled)
	}
	kind := kindIssued
	p := payload{
		Op: opDeliver, Key: LeadKey{LeadIDField, lead.ID}, Recipient: recipient, Link: link,
		Template: req.Template, PreventWebhook: req.PreventWebhook, Caller: req.Origin.Caller,
		Languages: req.Origin.AcceptLanguage, RequestedAt: time.Now(), Secret: newSecret(),
	}
	if req.Send {
		kind = kindMailed
		to, ok := s.recipient(lead, recipient)
		if !ok {
			return refuse(ReasonNoRecipient)
		}
		p.Name, p.Locale = lead.Name, lead.Locale
		takes, err := s.deliveryTakes(ctx, s.addressed(Job{}, p, MessageResetLink, lead.ID, to), to, kindMailed, "")
		if errors.Is(err, ErrPermanent) {
			return refuse(ReasonUndeliverable)
		}
		if err != nil {
			return IssueResult{}, unavailable("notifier", err)
		}
		if err := s.allow(ctx, req.Origin, quotas, takes...); err != nil {
			return IssueResult{}, err
		}
	}
	token, err := s.put(ctx, &s.keys.generations[0], kind, lead, p.Secret)
	if err != nil {
		return IssueResult{}, unavailable("token store", err)
	}
	sealed, err := s.keys.sealToken(kind, lead.ID, p.Secret)
	if err != nil {
		return IssueResult{}, err
	}
	if req.Send {
		p.Sealed = sealed // the mail carries the very string that the caller gets
		if err := s.enqueue(ctx, p, s.opts.LinkTTL, 0); err != nil {
			return IssueResult{}, unavailable("queue", err)
		}
	}
	s.emit(ctx, event)
	return IssueResult{
		Token: NewSecret(sealed), Expires: token.Expires,
		IdentityProviders: slices.Clone(lead.IdentityProviders), Quotas: quotas,
	}, nil
}
