package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// An IssueRequest asks for a token that is given to a server. The code that
// makes the request must have authenticated that server.
type IssueRequest struct {
	// Key names the lead: a field with [Field].Search, and its value.
	Key LeadKey
	// Send asks to mail the token to the lead too, as a link. RecipientField,
	// Link and Template are as in [ForgotRequest]; the first is used only with
	// Send.
	Send           bool
	RecipientField string
	Link           *Link
	Template       string
	// Labels are as in [ForgotRequest].
	Labels map[string]string
	// Requester.Caller names the API key whose secret the server proved to
	// know. It is required. Requester.Client is not limited; it only appears in
	// events.
	Requester Requester
	// Brand and Data are as in [ForgotRequest].
	Brand string
	Data  map[string]string
}

// An IssueResult holds a token that resets the lead's password.
type IssueResult struct {
	// Token is the sealed token, for [TokenProof].
	Token Secret
	// Expires is when the token expires.
	Expires time.Time
	// IdentityProviders are those of the lead.
	IdentityProviders []string
	Quotas            Quotas
}

// IssueToken returns a token that resets the lead's password, to a server that
// proved who it is. Whoever has the token can take the account over, so
// browsers must never be able to call this (A80).
//
// The error is an [*InvalidRequestError], a [*RateLimitError], or wraps
// [ErrLeadNotFound] or [ErrUnavailable]. The scopes of a RateLimitError are
// caller and issue and, with Send, lead, recipient and budget. ErrLeadNotFound
// also stands for disabled leads, for leads without a password and, with Send,
// for leads without a verified recipient. What was counted before a failure
// stays counted.
func (s *Service) IssueToken(ctx context.Context, req IssueRequest) (IssueResult, error) {
	if err := s.begin(); err != nil {
		return IssueResult{}, err
	}
	defer s.inFlight.Done()
	p, err := s.issuePayload(ctx, req)
	if err != nil {
		return IssueResult{}, err
	}
	ctx = withBrand(ctx, req.Brand)
	quotas, err := s.allowIssue(ctx, p.Key, req.Requester)
	if err != nil {
		return IssueResult{}, err
	}
	d := newDelivery(Job{}, p)
	d.event.Client, d.event.Mailed = req.Requester.Client, req.Send
	reason, err := s.findForIssue(ctx, d, req.Send)
	if err != nil {
		return IssueResult{}, err
	}
	var person, budgets []scopedRequest
	if reason == "" && req.Send {
		person, budgets, err = s.deliveryLimits(ctx, d)
		if errors.Is(err, ErrPermanent) {
			reason, err = ReasonUndeliverable, nil
		}
		if err != nil {
			return IssueResult{}, unavailable("notifier", err)
		}
	}
	if reason != "" {
		_ = s.suppress(ctx, d, reason)
		return IssueResult{}, ErrLeadNotFound
	}
	for _, requests := range d.inStages(person, budgets) {
		if _, err := s.allowOrRefuse(ctx, req.Requester, quotas, requests...); err != nil {
			return IssueResult{}, err
		}
	}
	result, err := s.putIssued(ctx, d, req.Send)
	if err != nil {
		return IssueResult{}, err
	}
	d.event.Kind = EventTokenIssued
	s.emit(ctx, d.event)
	result.Quotas = quotas
	return result, nil
}

// issuePayload checks the request, and turns it into the job that would send
// the token.
func (s *Service) issuePayload(ctx context.Context, req IssueRequest) (p payload, err error) {
	if req.Requester.Caller == "" {
		return payload{}, invalid("caller", "is required")
	}
	if err := req.Requester.check(); err != nil {
		return payload{}, err
	}
	p = payload{
		Op: jobDeliver, Template: req.Template, Caller: req.Requester.Caller,
		Languages: req.Requester.AcceptLanguage, RequestedAt: time.Now(), Secret: s.keys.sharedSecret(),
	}
	if p.Labels, err = copyLabels(req.Labels); err != nil {
		return payload{}, err
	}
	if err := s.setBrand(ctx, &p, req.Brand, req.Data, req.Link == nil); err != nil {
		return payload{}, err
	}
	if p.Key, _, err = s.canonicalKey(req.Key); err != nil {
		return payload{}, err
	}
	if req.Send {
		if p.Recipient, err = s.recipientField(req.RecipientField); err != nil {
			return payload{}, err
		}
	}
	if p.Link, err = s.link(req.Link); err != nil {
		return payload{}, err
	}
	if len(p.Template) > 128 {
		return payload{}, invalid("template", "is too long")
	}
	return p, nil
}

// allowIssue counts a request for the caller first and then for the identifier.
// A request that the caller's limit refuses is not counted for the identifier.
func (s *Service) allowIssue(ctx context.Context, key LeadKey, from Requester) (Quotas, error) {
	quotas, err := s.allowCaller(ctx, from)
	if err != nil {
		return nil, err
	}
	issue := LimitRequest{Key: s.keys.limitKey(ScopeIssueToken, strings.TrimSpace(key.Field+" "+BrandOf(ctx)), key.Value), Policy: s.opts.Limits.Issue}
	return s.allowOrRefuse(ctx, from, quotas, scopedRequest{ScopeIssueToken, issue})
}

// findForIssue finds the lead and, if the token is sent, its address. If no
// token may be issued, it returns the reason.
func (s *Service) findForIssue(ctx context.Context, d *delivery, send bool) (EventReason, error) {
	ok, err := d.findLead(ctx, s)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return d.whyNobody(), nil
	}
	if err := s.applyBrand(ctx, d); err != nil {
		return "", err
	}
	if why := s.whyNoToken(d.token, d.lead.Status); why != "" || !send {
		return why, nil
	}
	if d.to, ok = s.recipient(d.lead, d.p.Recipient); !ok {
		return s.whyNoRecipient(ctx, d.lead, d.p.Recipient), nil
	}
	return "", nil
}

// putIssued stores the token and, if it is to be sent, enqueues the message.
func (s *Service) putIssued(ctx context.Context, d *delivery, send bool) (IssueResult, error) {
	kind := kindIssued
	if send {
		kind = kindMailed
	}
	token, err := s.put(ctx, &s.keys.generations[0], kind, d.ttl(s), d.lead, "", d.p.Secret)
	if err != nil {
		return IssueResult{}, unavailable("token store", err)
	}
	sealed, err := s.keys.sealToken(kind, d.lead.ID, d.p.Secret)
	if err != nil {
		return IssueResult{}, err
	}
	if send {
		p := d.p
		p.Key, p.Name, p.Locale = LeadKey{LeadIDField, d.lead.ID}, d.lead.Name, d.lead.Locale
		p.Sealed = sealed // the message carries the same string that the caller gets
		if err := s.enqueueDelivery(ctx, p, s.opts.Tokens.LinkTTL); err != nil {
			return IssueResult{}, unavailable("queue", err)
		}
	}
	return IssueResult{
		Token: NewSecret(sealed), Expires: token.Expires,
		IdentityProviders: slices.Clone(d.lead.IdentityProviders),
	}, nil
}
