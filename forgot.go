package recovery

import (
	"context"
	"errors"
	"time"
)

// A ForgotRequest asks for a reset.
type ForgotRequest struct {
	// Key names the lead.
	Key LeadKey
	// RecipientField is the field of the lead that receives the message.
	// Default: the first declared one with type Email and Receive.
	RecipientField string
	// Code asks for a short code instead of a link.
	Code bool
	// Link is one of the host's links. Default: [Options.Link].
	Link *Link
	// Template names a template that the Notifier knows: up to 128 bytes.
	Template string
	// PreventWebhook is carried on the events.
	PreventWebhook bool
	Origin         Origin
}

// A ForgotResult is the same whether or not there is a lead.
type ForgotResult struct {
	Quotas Quotas
}

// ForgotPassword has a link or code sent to a lead, if there is one that may
// reset its password. The answer says only that the request was taken: lookup
// and delivery happen after it, so neither its content nor its time tells
// whether an account exists (A20 to A23).
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller or
// client, or wraps [ErrUnavailable]; none depends on the lead.
func (s *Service) ForgotPassword(ctx context.Context, req ForgotRequest) (ForgotResult, error) {
	if err := s.begin(); err != nil {
		return ForgotResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Origin.check(); err != nil {
		return ForgotResult{}, err
	}
	p := payload{
		Op: opForgot, Code: req.Code, Template: req.Template, PreventWebhook: req.PreventWebhook,
		Caller: req.Origin.Caller, Client: req.Origin.Client, Languages: req.Origin.AcceptLanguage,
		RequestedAt: time.Now(),
	}
	var err error
	if p.Key, _, err = s.canonicalKey(req.Key); err != nil {
		return ForgotResult{}, err
	}
	if p.Recipient, err = s.recipientField(req.RecipientField); err != nil {
		return ForgotResult{}, err
	}
	if p.Link, err = s.link(req.Link); err != nil {
		return ForgotResult{}, err
	}
	if len(p.Template) > 128 {
		return ForgotResult{}, invalid("template", "is too long")
	}
	quotas, err := s.admit(ctx, s.opts.Limits.ClientForgot, opForgot, req.Origin)
	if err != nil {
		return ForgotResult{}, err
	}
	// The token is drawn for everybody, and travels in the job: so every
	// attempt sends the same one, and the work is the same for an unknown lead.
	ttl := s.opts.LinkTTL
	if p.Secret = newSecret(); req.Code {
		ttl = s.opts.CodeTTL
		if p.Secret, err = newCode(); err != nil {
			return ForgotResult{}, unavailable("randomness", err)
		}
	}
	if err := s.enqueue(ctx, p, ttl, randomDuration(maxStartPause)); err != nil {
		return ForgotResult{}, unavailable("queue", err)
	}
	return ForgotResult{quotas}, nil
}

// performForgot does what ForgotPassword promised. The identifier's limit comes
// first and alike for known and unknown; a retry with the same job ID is not
// counted again. It is apart for each recipient field and kind, so that
// asking for what cannot be sent, a message to a phone that the lead does not
// have, spends the place of nothing that can (A58).
func (s *Service) performForgot(ctx context.Context, job Job, p payload, e Event) error {
	identifier := scopedTake{ScopeIdentifier, Take{
		Key: s.keys.limitKey(ScopeIdentifier, p.Key.Field+" "+p.Recipient+" "+string(p.kind()), p.Key.Value), Tier: s.opts.Limits.Identifier, ID: job.ID,
	}}
	if ok, err := s.spend(ctx, e, identifier); !ok {
		return err
	}
	lead, err := s.findLead(ctx, p.Key, s.fields[p.Key.Field])
	if errors.Is(err, ErrLeadNotFound) && s.opts.NotifyUnknownAddress && s.fields[p.Key.Field].Type == FieldEmail {
		to := address{ChannelEmail, p.Key.Value, p.Key.Value}
		return s.notifyUncredentialed(ctx, job, s.message(job, p, MessageUnknownAddress), e, "", to)
	}
	if err != nil {
		return s.suppressUnknown(ctx, e, err)
	}
	e.LeadID = lead.ID
	to, ok := s.recipient(lead, p.Recipient)
	switch {
	case lead.Status == StatusNoPassword && s.opts.NotifyNoPassword && ok:
		p.Name, p.Locale = lead.Name, lead.Locale
		m := s.message(job, p, MessageNoPassword)
		m.IdentityProviders = lead.IdentityProviders
		return s.notifyUncredentialed(ctx, job, m, e, lead.ID, to)
	case lead.Status == StatusNoPassword:
		return s.suppress(ctx, e, ReasonNoPassword)
	case lead.Status != StatusActive:
		return s.suppress(ctx, e, ReasonDisabled)
	case !ok:
		return s.suppress(ctx, e, ReasonNoRecipient)
	}
	p.Name, p.Locale = lead.Name, lead.Locale
	if ok, err := s.spendDelivery(ctx, job, s.addressed(job, p, p.messageKind(), lead.ID, to), e, to, p.kind()); !ok {
		return err
	}
	return s.deliver(ctx, job, p, e, lead, to)
}
