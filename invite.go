package recovery

import (
	"context"
	"errors"
	"time"
)

// An InvitationRequest asks for a link with which a lead chooses its first
// password. The host makes it by itself, for example when an administrator adds a
// user: no stranger may be able to cause it.
type InvitationRequest struct {
	// LeadID is the lead: one with [StatusInvited] or, with
	// [InvitationOptions].NoPassword, with [StatusNoPassword].
	LeadID string
	// RecipientField and Template are as in [ForgotRequest], for
	// SendInvitation.
	RecipientField string
	Template       string
	// Link is the page where the password is chosen. Default:
	// [InvitationOptions].Link.
	Link *Link
	// TTL is the lifetime of the link: 1 min to 30 days. Default:
	// [TokenOptions].InvitationTTL.
	TTL time.Duration
	// Labels are as in [ForgotRequest].
	Labels map[string]string
	// Requester says who invites, for events: Caller is optional, and for example
	// the name of the administrator. Nothing is limited by it.
	Requester Requester
	// Brand and Data are as in [ForgotRequest].
	Brand string
	Data  map[string]string
}

// An Invitation is a link that was made by [Service.IssueInvitation].
type Invitation struct {
	// URL is the link, and Token the sealed token in it.
	URL, Token Secret
	// Expires is when both expire.
	Expires time.Time
}

// SendInvitation sends a lead a link with which it chooses its first password, in
// a [MessageInvitation]. It returns once the message is in
// [Options].DeliveryQueue. Earlier invitations of the lead stay valid, up to two
// of them. When the lead has chosen a password, all are dead.
//
// It counts against limits of its own, which are as high as [Limits].Lead and
// [Limits].Recipient, and against the budgets. So it costs no request of the
// person.
//
// The error is an [*InvalidRequestError], also if [Options].Invitations is not set,
// a [*RateLimitError] of the lead, the recipient or a budget, or wraps
// [ErrLeadNotFound] or [ErrUnavailable].
// ErrLeadNotFound also stands for a lead that has a password or is disabled, and
// for one without an address that messages may go to; an event says which.
func (s *Service) SendInvitation(ctx context.Context, req InvitationRequest) error {
	d, err := s.findInvited(ctx, req, true)
	if err != nil {
		return err
	}
	defer s.inFlight.Done()
	person, budgets, err := s.deliveryLimits(ctx, d)
	if errors.Is(err, ErrPermanent) {
		_ = s.suppress(ctx, d, ReasonUndeliverable)
		return ErrLeadNotFound
	}
	if err != nil {
		return unavailable("notifier", err)
	}
	for _, requests := range d.inStages(person, budgets) {
		if _, err := s.allowOrRefuse(ctx, req.Requester, nil, requests...); err != nil {
			return err
		}
	}
	if err := s.enqueueDelivery(ctx, d.p, min(d.ttl(s), noticeTTL)); err != nil {
		return unavailable("queue", err)
	}
	return nil
}

// IssueInvitation returns a link with which the lead chooses its first password,
// for hosts that hand it over themselves. Whoever has it can take the account
// over. It proves no address, because the host had it too. It counts against
// [Limits].Issue, separately from [Service.IssueToken]. What else is said of
// [Service.SendInvitation] holds.
func (s *Service) IssueInvitation(ctx context.Context, req InvitationRequest) (Invitation, error) {
	d, err := s.findInvited(ctx, req, false)
	if err != nil {
		return Invitation{}, err
	}
	defer s.inFlight.Done()
	_, err = s.allowOrRefuse(ctx, req.Requester, nil, scopedRequest{ScopeIssueToken, LimitRequest{
		Key: s.keys.limitKey(ScopeIssueToken, string(PurposeInvitation), d.lead.ID), Policy: s.opts.Limits.Issue,
	}})
	if err != nil {
		return Invitation{}, err
	}
	d.p.Secret = s.keys.sharedSecret()
	token, err := s.put(ctx, &s.keys.generations[0], d.token, d.ttl(s), d.lead, "", d.p.Secret)
	if err != nil {
		return Invitation{}, unavailable("token store", err)
	}
	if d.p.Sealed, err = s.keys.sealToken(d.token, d.lead.ID, d.p.Secret); err != nil {
		return Invitation{}, err
	}
	url, err := s.linkURL(d)
	if err != nil {
		return Invitation{}, err
	}
	d.event.Kind = EventTokenIssued
	s.emit(ctx, d.event)
	return Invitation{NewSecret(url), NewSecret(d.p.Sealed), token.Expires}, nil
}

// findInvited checks the request, and finds the lead and, if a message is sent,
// its address. If it returns no error, the caller ends the request in flight.
func (s *Service) findInvited(ctx context.Context, req InvitationRequest, send bool) (d *delivery, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.inFlight.Done()
		}
	}()
	p, err := s.hostPayload(ctx, PurposeInvitation, sending{req.RecipientField, req.Template, req.Link, req.TTL, req.Labels, req.Requester, req.Brand, req.Data})
	if err != nil {
		return nil, err
	}
	if !validLeadID(req.LeadID) {
		return nil, invalid("leadId", "is malformed")
	}
	p.Key = LeadKey{LeadIDField, req.LeadID}
	ctx = withBrand(ctx, req.Brand)
	d = newDelivery(Job{}, p)
	reason, err := s.findForIssue(ctx, d, send)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		_ = s.suppress(ctx, d, reason)
		return nil, ErrLeadNotFound
	}
	d.p.Name, d.p.Locale = d.lead.Name, d.lead.Locale
	return d, nil
}

// sending is what requests of the host for links have in common.
type sending struct {
	recipientField, template string
	link                     *Link
	ttl                      time.Duration
	labels                   map[string]string
	requester                Requester
	brand                    string
	data                     map[string]string
}

// linkOfOneToken is what is wrong with a link that carries the lead's ID apart.
const linkOfOneToken = "must carry one token: LeadIDParam and SecretParam must be empty, and {LeadId} and {TemporaryPassword} not be in its URL"

// hostPayload checks what a host asks to send, and turns it into a job for a lead
// that is still to be named.
func (s *Service) hostPayload(ctx context.Context, purpose Purpose, req sending) (p payload, err error) {
	if err := req.requester.check(); err != nil {
		return payload{}, err
	}
	p = payload{
		Op: jobSendFor, Purpose: purpose, Template: req.template, TTL: req.ttl,
		Caller: req.requester.Caller, Client: req.requester.Client, Languages: req.requester.AcceptLanguage,
		RequestedAt: time.Now(), Secret: newSecret(), Link: s.opts.Link,
	}
	if p.Labels, err = copyLabels(req.labels); err != nil {
		return payload{}, err
	}
	if err := s.setBrand(ctx, &p, req.brand, req.data, req.link == nil); err != nil {
		return payload{}, err
	}
	if p.Recipient, err = s.recipientField(req.recipientField); err != nil {
		return payload{}, err
	}
	if p.Recipient != s.mailTo {
		p.Slot = p.Recipient
	}
	if purpose == PurposeInvitation {
		if p.Link = s.opts.Invitations.Link; p.Link.URL == "" {
			return payload{}, invalid("purpose", "needs option Invitations.Link")
		}
	}
	if req.link != nil {
		if p.Link, err = s.link(req.link); err != nil {
			return payload{}, err
		}
	}
	if p.Link.isSplit() {
		// Such a link does not say what it is for, so it would be taken for that of
		// a reset that somebody asked for, and be refused (A36). This holds for
		// option Link too.
		return payload{}, invalid("link", linkOfOneToken)
	}
	if len(p.Template) > 128 {
		return payload{}, invalid("template", "is too long")
	}
	if req.ttl != 0 && (req.ttl < minTTL || req.ttl > maxTTL) {
		return payload{}, invalid("ttl", "must be 1 min to 30 days")
	}
	return p, nil
}

// performSendFor sends in a worker what the host asked for. What it counts against
// was counted before.
func (s *Service) performSendFor(ctx context.Context, d *delivery) error {
	if d.p.Bulk != "" {
		done, err := s.alone(ctx, d.job.ID)
		if err != nil {
			return err
		}
		defer done()
		switch sent, err := s.wasSent(ctx, d.p.Bulk, d.p.Key.Value); {
		case err != nil:
			return unavailable("token store", err)
		case sent:
			return s.suppress(ctx, d, ReasonSentBefore)
		}
	}
	reason, err := s.findForIssue(ctx, d, true)
	if err != nil {
		return err
	}
	if reason != "" {
		return s.suppress(ctx, d, reason)
	}
	// A token that is spent was sent by an earlier attempt, whose outcome nobody
	// knew. Without the mark, a later call of SendToAll would store it again, once
	// the store has forgotten it, and so revive a link that was used (A33).
	if err := s.sendToken(ctx, d); err != nil || !d.sent && !d.spent || d.p.Bulk == "" {
		return err
	}
	return s.markSent(ctx, d.p.Bulk, d.p.Key.Value)
}

// CheckInvitation is [Service.CheckProof] for the page where a first password is
// chosen: it reports whether the token of an invitation is valid now. Any other
// proof is refused, like an invitation by CheckProof.
func (s *Service) CheckInvitation(ctx context.Context, req CheckProofRequest) (CheckProofResult, error) {
	return s.checkProof(ctx, req, forFirstPassword)
}

// AcceptInvitation sets the first password of the lead, with the token of an
// invitation, and makes the lead active. Everything that is said of
// [Service.ResetPassword] holds, except that nobody is told of it whose lead had
// [StatusInvited]: nobody had that account before. Any other proof is refused,
// like an invitation by ResetPassword.
func (s *Service) AcceptInvitation(ctx context.Context, req ResetRequest) (ResetResult, error) {
	return s.setPassword(ctx, req, forFirstPassword)
}

// taking says which kinds of tokens an operation takes (A36).
type taking func(tokenKind) bool

func forReset(kind tokenKind) bool         { return kind != kindInvitation }
func forFirstPassword(kind tokenKind) bool { return kind == kindInvitation }

// How long links may live that the host asks for.
const (
	minTTL = time.Minute
	maxTTL = 30 * 24 * time.Hour
)

func (o InvitationOptions) check(mistakes *OptionErrors, leads LeadStore) {
	if o.Link.URL == "" {
		if o.NoPassword || o.OnForgot || len(o.Link.params()) != 1 || o.Link.TokenParam != "" || len(o.Link.Fixed) > 0 {
			mistakes.Add("Invitations.Link", "is required: the page where a first password is chosen")
		}
		return
	}
	if err := o.Link.Validate(); err != nil {
		mistakes.Add("Invitations.Link", "%v", err)
	} else if o.Link.isSplit() {
		mistakes.Add("Invitations.Link", linkOfOneToken)
	}
	if _, ok := leads.(FirstPasswordLeadStore); leads != nil && !ok {
		mistakes.Add("Invitations", "need a LeadStore that implements FirstPasswordLeadStore, and %T does not", leads)
	}
}
