package recovery

import (
	"context"
	"time"
)

// A ForgotRequest asks for a link or code to reset a password.
type ForgotRequest struct {
	// Key names the lead: a field with [Field].Search, and its value.
	Key LeadKey
	// RecipientField is the field of the lead to whose address the message
	// goes. Default: the first field in [Options].Fields that has type
	// FieldTypeEmail and Receive.
	RecipientField string
	// Code asks for a short code instead of a link.
	Code bool
	// Link is one of the host's links, never one that the client chose.
	// Default: [Options].Link.
	Link *Link
	// ReturnTo is where the person came from, and may return to after the reset: a
	// URL of up to 512 bytes, without a fragment, at or below one of
	// [Options].ReturnTo, or a path at the origin of [Options].Link. The link
	// carries it, sealed, and is longer by 150 to 1,020 bytes. [Service.OpenReturnTo]
	// opens it. A code cannot carry it: the page that takes the code keeps it.
	// Default: none.
	ReturnTo string
	// Template names a template that the [Notifier] knows, up to 128 bytes.
	// Default: the usual one.
	Template string
	// Labels are notes of the caller about the request. They appear in its
	// events, except in [EventRateLimited] and [EventWrongRecord], and have no
	// other effect. There are at most 8. A name has 1 to 32 of a-z, 0-9, '_',
	// '-' and '.', and a value up to 128 bytes of UTF-8 without control
	// characters. Labels must hold no secret and must not name a person. See
	// [LabelNoWebhook].
	Labels    map[string]string
	Requester Requester
	// Captcha holds what the request has of the fields of [CaptchaOptions], for its
	// Verify.
	Captcha map[string]string
	// Handle tells apart who asks for codes. It is for requests with Code, and comes
	// from [Service.NewHandle] or an earlier [ForgotResult]. A new code replaces the
	// one that was asked for with the same handle, and no other. If the handle is more
	// than an hour old, or if this Service did not make it, a new one is used, which
	// ForgotResult has. Default: all clients of one network are one asker, by
	// Requester.Client (IPv4 /32, IPv6 by [ClientAddressOptions].IPv6Prefix), and so
	// are all requests without a Client.
	Handle string
	// Brand is the name of the brand that the request is for: see [BrandOptions].
	// Default: none.
	Brand string
	// Data are the host's own words for its templates and webhooks, for example the
	// name of a shop: [Message].Data. There are at most 16, of 2,048 bytes in all. A
	// name has 1 to 32 of a-z, 0-9, '_', '-' and '.', and a value up to 512 bytes of
	// UTF-8 on one line, without controls of direction. Entries of [Lead].Data with
	// the same name take their place. Data must hold no secret. It comes from the
	// host's code: what a stranger may choose, such as a field of a form, belongs
	// into no message (A105).
	Data map[string]string
}

// A ForgotResult is the same whether or not there is a lead.
type ForgotResult struct {
	Quotas Quotas
	// Handle is set if a code was asked for. The code works only with this handle
	// ([Proof.WithHandle]) or, if the request had none, also without one from the same
	// network. It is for the client that asked, and for nobody else.
	Handle string
}

// ForgotPassword sends a link or code to a lead, if there is one that may reset
// its password. The answer says only that the request was accepted. The lead is
// looked up and the message is sent after the answer, so neither the content
// nor the time of the answer tells whether an account exists (A20 to A23).
//
// The error is an [*InvalidRequestError], a [*RateLimitError] of the caller or
// the client, or wraps [ErrCaptchaFailed] or [ErrUnavailable]. No error depends on
// the lead.
func (s *Service) ForgotPassword(ctx context.Context, req ForgotRequest) (ForgotResult, error) {
	if err := s.begin(); err != nil {
		return ForgotResult{}, err
	}
	defer s.inFlight.Done()
	if err := req.Requester.check(); err != nil {
		return ForgotResult{}, err
	}
	p := payload{
		Op: jobForgot, Code: req.Code, Template: req.Template,
		Caller: req.Requester.Caller, Client: req.Requester.Client, Languages: req.Requester.AcceptLanguage,
		Device: req.Requester.Device, RequestedAt: time.Now(),
	}
	var err error
	if p.Labels, err = copyLabels(req.Labels); err != nil {
		return ForgotResult{}, err
	}
	if err := s.setBrand(ctx, &p, req.Brand, req.Data, req.Link == nil); err != nil {
		return ForgotResult{}, err
	}
	ctx = withBrand(ctx, req.Brand)
	if p.Key, _, err = s.canonicalKey(req.Key); err != nil {
		return ForgotResult{}, err
	}
	if p.Recipient, err = s.recipientField(req.RecipientField); err != nil {
		return ForgotResult{}, err
	}
	// The job names the slot, so that all attempts use the same one, also those of
	// an instance with other Fields. In another slot a used token would work once
	// more (A33). A job of an earlier version names none.
	if !req.Code && p.Recipient != s.mailTo {
		p.Slot = p.Recipient
	}
	if p.Link, err = s.link(req.Link); err != nil {
		return ForgotResult{}, err
	}
	if req.ReturnTo != "" {
		if p.ReturnTo, err = s.checkReturnTo(req.ReturnTo, s.originOfBrand(ctx, req.Brand)); err != nil {
			return ForgotResult{}, err
		}
	}
	if len(p.Template) > 128 {
		return ForgotResult{}, invalid("template", "is too long")
	}
	var handle string
	if req.Code {
		if p.Asker, handle, err = s.askerFor(req.Handle, req.Requester); err != nil {
			return ForgotResult{}, unavailable("handle", err)
		}
	}
	quotas, err := s.allowRequest(ctx, s.opts.Limits.ClientForgot, actionForgot, req.Requester)
	if err != nil {
		return ForgotResult{}, err
	}
	if err := s.verifyCaptcha(ctx, req); err != nil {
		return ForgotResult{}, err
	}
	// Every job carries a token, also for a lead that does not exist, so that
	// the work is always the same. All attempts at a job send the same token.
	if p.Secret = newSecret(); req.Code {
		if p.Secret, err = newCode(); err != nil {
			return ForgotResult{}, unavailable("randomness", err)
		}
	}
	if err := s.enqueue(ctx, p, s.lifetime(p.kind()), randomDuration(maxStartPause)); err != nil {
		return ForgotResult{}, unavailable("queue", err)
	}
	return ForgotResult{Quotas: quotas, Handle: handle}, nil
}

// performForgot does in a worker what ForgotPassword was asked for: it finds the
// lead, counts the message, and hands it over to the delivery queue.
//
// Only the look for the lead is tried again here. From then on, all that can
// fail is done in the delivery queue, which the public cannot fill: otherwise
// the jobs of real accounts would wait here while mail is down, those of invented
// ones would not, and the fullness of this queue would tell them apart (A96).
func (s *Service) performForgot(ctx context.Context, d *delivery) error {
	if len(s.queues) == 1 {
		return s.performSend(ctx, d) // the host wants no other queue
	}
	found, err := d.findLeads(ctx, s)
	if err != nil {
		return err
	}
	if ok, err := s.admitForgot(ctx, d, found); !ok && err == nil {
		return nil
	}
	// Also after an error: the delivery counts again. What was counted already
	// is not counted twice, because the ID is the same.
	return s.handOver(ctx, d)
}

// performSend delivers what performForgot has found. The lead is looked up
// again, because it may have changed since.
func (s *Service) performSend(ctx context.Context, d *delivery) error {
	found, err := d.findLeads(ctx, s)
	if err != nil {
		return err
	}
	if ok, err := s.admitForgot(ctx, d, found); !ok {
		return err
	}
	if d.kind.hasToken() {
		return s.sendToken(ctx, d)
	}
	m := d.message()
	return s.send(ctx, d, m, m.ID)
}

// admitForgot decides whether a message goes out, which one and where to, and
// counts it. It returns false and no error if none does. Nothing is counted for
// an identifier that belongs to nobody, unless a message goes there. Otherwise
// each invented one would leave a counter behind for a day: a flood of them
// would fill the limiter, and newcomers would get no messages (A95).
func (s *Service) admitForgot(ctx context.Context, d *delivery, found bool) (ok bool, err error) {
	if err := s.applyBrand(ctx, d); err != nil {
		return false, err
	}
	key := d.p.Key
	if !found && (d.ambiguous || !s.opts.Messages.UnknownAddress || s.fields[key.Field].Type != FieldTypeEmail) {
		return false, s.suppress(ctx, d, d.whyNobody())
	}
	if ok, err := s.allowAsker(ctx, d); !ok {
		return false, err
	}
	if !found {
		d.kind, d.to = MessageUnknownAddress, address{ChannelEmail, key.Value, key.Value}
		return s.allowDelivery(ctx, d)
	}
	if len(d.accounts) > 1 {
		return s.allowShared(ctx, d)
	}
	d.to, ok = s.recipient(d.lead, d.p.Recipient)
	if d.lead.Status == StatusInvited && s.opts.Invitations.OnForgot && !d.p.Code {
		d.invite(s.invitationLink(d))
	}
	why := s.whyNoToken(d.token, d.lead.Status)
	switch {
	case d.lead.Status == StatusNoPassword && s.opts.Messages.NoPassword && ok:
		d.kind = MessageNoPassword
	case why != "":
		return false, s.suppress(ctx, d, why)
	case !ok:
		return false, s.suppress(ctx, d, s.whyNoRecipient(ctx, d.lead, d.p.Recipient))
	}
	return s.allowDelivery(ctx, d)
}

// allowAsker counts what the request named, unless a known device of the lead
// made it. A retry with the same job ID is not counted again. Each recipient
// field has its own limit, and links and codes have separate limits. So a
// stranger who asks for what cannot be sent, such as a message to a phone that
// the lead does not have, does not use up the limit of what can be sent (A58).
func (s *Service) allowAsker(ctx context.Context, d *delivery) (ok bool, err error) {
	what := d.p.Recipient + " " + string(d.p.kind())
	for _, lead := range d.candidates() {
		ok, err := s.allowDevice(ctx, d, lead, what)
		if err != nil {
			return false, err
		}
		if ok {
			d.known = lead.ID
			return true, nil
		}
	}
	key := d.p.Key
	if d.p.Brand != "" {
		what += " " + d.p.Brand // one user name may belong to another person there
	}
	return s.allowJob(ctx, d, scopedRequest{ScopeIdentifier, LimitRequest{
		Key: s.keys.limitKey(ScopeIdentifier, key.Field+" "+what, key.Value), Policy: s.opts.Limits.Identifier, ID: d.job.ID,
	}})
}

// allowDevice reports whether a known device of the lead made the request, and
// its limits, which no stranger can use up, allow it (A58). If they do not, the
// request counts as that of any other client: nobody may be worse off with a
// known device than without one, even if a thief of its cookie uses all of it up.
func (s *Service) allowDevice(ctx context.Context, d *delivery, lead Lead, what string) (ok bool, err error) {
	if lead.ID == "" {
		return false, nil
	}
	device := s.knownDevice(d.p.Device, lead)
	if device == "" {
		return false, nil
	}
	limits := &s.opts.Limits
	// They are asked one after the other: what the first refuses must not count
	// against the other devices of the lead.
	for _, r := range []scopedRequest{
		{scopeDevice, LimitRequest{Key: s.keys.limitKey(scopeDevice, what, device), Policy: limits.Device, ID: d.job.ID}},
		{scopeLeadDevices, LimitRequest{Key: s.keys.limitKey(scopeLeadDevices, "", lead.ID), Policy: limits.LeadDevices, ID: d.job.ID}},
	} {
		decisions, err := s.allow(ctx, []scopedRequest{r})
		if err != nil {
			return false, unavailable("limiter", err)
		}
		if !decisions[0].Allowed {
			return false, nil
		}
	}
	return true, nil
}
