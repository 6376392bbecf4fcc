package recovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"
)

// A delivery is a job that ends with a message to one address. It also holds
// what the worker has found out so far.
type delivery struct {
	job   Job
	p     payload
	until time.Time   // when the job ends, by the clock of this machine
	token tokenKind   // the kind of the token
	kind  MessageKind // the kind of the message
	link  Link        // what the token is put in
	lead  Lead        // zero until the lead was found
	// account is what the lead signs in with, or empty.
	account string
	to      address
	// known is the lead for which a known device asked, if the limits of the device
	// allowed it.
	known string
	sent  bool  // the notifier has the message
	spent bool  // the token was used or ended before
	event Event // the fields that all events of this job have

	ambiguous bool      // it is not certain which of several leads is meant
	shared    bool      // several leads have what the request named
	accounts  []account // those of them that get a link
	out       []leftOut // the others

	brand       Brand // of the message; zero if it has none
	brandBudget []scopedRequest
}

func newDelivery(job Job, p payload) *delivery {
	return &delivery{
		job: job, p: p, token: p.kind(), kind: p.kind().message(), link: p.Link,
		event: Event{
			JobID: job.ID, Caller: p.Caller, Client: p.Client, Labels: p.Labels, Purpose: p.Purpose, Data: p.Data, Operator: p.Operator,
		},
	}
}

// invite makes the delivery one of an invitation.
func (d *delivery) invite(link Link) {
	d.token, d.kind, d.link = kindInvitation, MessageInvitation, link
	d.event.Purpose = PurposeInvitation
}

// ttl returns how long the token lives in the store.
func (d *delivery) ttl(s *Service) time.Duration {
	if d.p.TTL > 0 {
		return d.p.TTL
	}
	return s.lifetime(d.token)
}

// message returns the message for the notifier, without its token and its
// links.
func (d *delivery) message() Message {
	m := Message{
		ID: d.job.ID, Kind: d.kind, LeadID: d.lead.ID, Channel: d.to.channel, To: d.to.to,
		Name: d.lead.Name, Locale: d.lead.Locale, Languages: d.p.Languages,
		RequestedAt: d.p.RequestedAt, Client: d.p.Client,
	}
	m.Brand, m.Data = d.brand.Name, maps.Clone(mergeData(d.p.Data, d.lead.Data))
	if d.p.Purpose != "" {
		m.Client = netip.Addr{} // where the host's administrator works is nobody's business
	}
	switch d.kind {
	case MessageResetLink, MessageResetCode, MessageInvitation, MessageResetRequired:
		m.Template, m.Account = d.p.Template, d.account
	case MessagePasswordChanged:
		m.Account, m.Operator = d.account, d.p.Operator
	case MessageResetLinks:
		m.Template = d.p.Template
		for _, a := range d.accounts {
			m.Accounts = append(m.Accounts, MessageAccount{LeadID: a.lead.ID, Name: a.lead.Name})
		}
	case MessageNoPassword:
		m.IdentityProviders = d.lead.IdentityProviders
	}
	return m
}

// findLead looks the lead of the delivery up. It returns false and no error if
// there is no lead: then the job ends.
func (d *delivery) findLead(ctx context.Context, s *Service) (ok bool, err error) {
	lead, err := s.findLead(ctx, d.p.Key, s.fields[d.p.Key.Field])
	switch {
	case err == nil:
		d.is(s, lead)
		return true, nil
	case errors.Is(err, ErrLeadNotFound):
		return d.isNobody(err), nil
	}
	return false, err
}

// is says which lead the delivery is for.
func (d *delivery) is(s *Service, lead Lead) {
	d.lead, d.account, d.event.LeadID = lead, s.accountOf(lead), lead.ID
	d.event.Data = mergeData(d.p.Data, lead.Data)
}

// isNobody keeps why no lead was found, and returns false.
func (d *delivery) isNobody(err error) bool {
	d.ambiguous = errors.Is(err, ErrLeadAmbiguous)
	return false
}

// whyNobody returns why there is no lead.
func (d *delivery) whyNobody() EventReason {
	if d.ambiguous {
		return ReasonAmbiguous
	}
	return ReasonUnknownLead
}

// performDeliver sends the token that [Service.IssueToken] has stored, or the
// new link that follows "this was not me".
func (s *Service) performDeliver(ctx context.Context, d *delivery) error {
	ok, err := d.findLead(ctx, s)
	if err != nil {
		return err
	}
	if !ok {
		return s.suppress(ctx, d, d.whyNobody())
	}
	if err := s.applyBrand(ctx, d); err != nil {
		return err
	}
	if d.to, ok = s.recipient(d.lead, d.p.Recipient); !ok {
		return s.suppress(ctx, d, s.whyNoRecipient(ctx, d.lead, d.p.Recipient))
	}
	if d.p.Notice != "" {
		// Only the link after NotMe is counted here. IssueToken counted its own.
		if ok, err := s.allowDelivery(ctx, d); !ok {
			return err
		}
	}
	return s.sendToken(ctx, d)
}

// noticesTo returns the addresses that are told of a reset. An invited lead had no
// account yet, so there is nobody to be warned, and its addresses are not verified.
func (s *Service) noticesTo(lead Lead) []address {
	if lead.Status == StatusInvited {
		return nil
	}
	return s.recipients(lead)
}

// performNotice tells one address that the password was changed. The address
// comes from the job and not from the lead, because a thief may have changed it
// on the lead since the reset.
func (s *Service) performNotice(ctx context.Context, d *delivery) error {
	d.kind = MessagePasswordChanged
	d.lead = Lead{ID: d.p.Key.Value, Name: d.p.Name, Locale: d.p.Locale}
	d.account, d.to = d.p.Account, address{d.p.Channel, d.p.To, d.p.To}
	if err := s.applyBrand(ctx, d); err != nil {
		return err
	}
	return s.send(ctx, d, d.message(), d.p.Reset)
}

// sendToken stores the token and then sends it. The message must not arrive
// before its token works. When an attempt is repeated, the same token is
// stored, so there is no second one.
func (s *Service) sendToken(ctx context.Context, d *delivery) error {
	if why := s.whyNoToken(d.token, d.lead.Status); why != "" {
		return s.suppress(ctx, d, why)
	}
	if d.shared && d.token == kindMailed {
		return s.sendShared(ctx, d)
	}
	var token TokenRecord
	var err error
	if d.p.Code {
		token, err = s.putCode(ctx, d)
	} else {
		token, err = s.put(ctx, d.p.generation, d.token, d.ttl(s), d.lead, d.p.Slot, d.p.Secret)
	}
	switch {
	case errors.Is(err, ErrTokenSpent):
		d.spent = true
		return s.suppress(ctx, d, ReasonTokenSpent)
	case errors.Is(err, ErrTooManyGuesses):
		s.tellExhausted(ctx, d)
		return s.suppress(ctx, d, ReasonTooManyGuesses)
	case errors.Is(err, ErrTooManyCodes):
		return s.suppress(ctx, d, ReasonTooManyCodes)
	case err != nil:
		return unavailable("token store", err)
	}
	m := d.message()
	m.Expires = s.expiry(d, token)
	if d.p.Code {
		m.Code = NewSecret(d.p.Secret)
	} else {
		link, err := s.linkURL(d)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrPermanent, err)
		}
		m.URL = NewSecret(link)
	}
	return s.send(ctx, d, m, m.ID)
}

// expiry returns when a token expires, by the clock of this machine. The record
// says it by the clock of the store. If the two clocks differ by more than a code
// lives, a notifier would refuse each code as expired. A token lives until its job
// ends at least, and at most for its lifetime from now on.
func (s *Service) expiry(d *delivery, token TokenRecord) time.Time {
	latest := time.Now().Add(d.ttl(s))
	switch {
	case token.Expires.Before(d.until):
		return d.until
	case token.Expires.After(latest):
		return latest
	}
	return token.Expires
}

// send hands a message to the host's Notifier. The queue limits the time of the
// attempt. about is the ID of the reset or of the message, for the link "this
// was not me".
func (s *Service) send(ctx context.Context, d *delivery, m Message, about string) error {
	var err error
	if m.NotMe, err = s.notMeLink(d.brand.NotMe.or(s.opts.NotMe), m, about); err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	secrets := m.secrets()
	err = s.guard(ctx, "Notifier.Notify", func() error { return scrub(s.notifier.Notify(ctx, m), secrets...) }, secrets...)
	if err != nil {
		return fmt.Errorf("recovery: notifying: %w", err)
	}
	d.sent = true
	e := d.event
	e.Kind, e.LeadID, e.Channel, e.Message = EventMessageSent, m.LeadID, m.Channel, m.Kind
	if len(m.Accounts) == 0 {
		s.emit(ctx, e)
	}
	for _, a := range m.Accounts {
		e.LeadID = a.LeadID
		s.emit(ctx, e)
	}
	return nil
}

// failed tells that an attempt at a delivery failed. The log has the cause
// already, once for many attempts: see watch.
func (s *Service) failed(ctx context.Context, d *delivery, err error) {
	if errors.Is(err, ErrAwaitingReply) || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return // nobody knows yet, or the queue ended the attempt
	}
	e := d.event
	e.Kind, e.LeadID, e.Cause = EventDeliveryFailed, d.lead.ID, shorten(err.Error(), maxCause)
	if e.Channel = d.to.channel; e.Channel != "" {
		e.Message = d.kind
	}
	if a := attemptOf(ctx); a != nil {
		e.Attempt = a.number
	}
	s.emit(ctx, e)
}

// suppress ends a delivery without a message. Only its event says why.
func (s *Service) suppress(ctx context.Context, d *delivery, reason EventReason) error {
	e := d.event
	e.Kind, e.Reason = EventMessageSuppressed, reason
	s.emit(ctx, e)
	return nil
}

// allowDelivery counts the message against the limits of the person and against
// the budgets. It returns false and no error if the delivery ends here.
func (s *Service) allowDelivery(ctx context.Context, d *delivery) (ok bool, err error) {
	person, budgets, err := s.deliveryLimits(ctx, d)
	if err != nil {
		return s.cannotDeliver(ctx, d, err)
	}
	return s.allowStages(ctx, d, d.inStages(person, budgets))
}

// allowStages asks the limiter for one stage after the other.
func (s *Service) allowStages(ctx context.Context, d *delivery, stages [][]scopedRequest) (ok bool, err error) {
	for _, requests := range stages {
		if ok, err := s.allowJob(ctx, d, requests...); !ok {
			return false, err
		}
	}
	return true, nil
}

// cannotDeliver ends the delivery if an error of the budgets says that the message
// can never be delivered. After any other it is tried again.
func (s *Service) cannotDeliver(ctx context.Context, d *delivery, err error) (ok bool, _ error) {
	if !errors.Is(err, ErrPermanent) {
		return false, err
	}
	s.log.WarnContext(ctx, "recovery: a message can never be delivered", "job", d.job.ID, "error", err)
	return false, s.suppress(ctx, d, ReasonUndeliverable)
}

// allowJob asks the limiter in a worker. A refusal ends the delivery: then it
// returns false and no error, and only the event says so.
func (s *Service) allowJob(ctx context.Context, d *delivery, requests ...scopedRequest) (ok bool, err error) {
	if len(requests) == 0 {
		return true, nil
	}
	decisions, err := s.allow(ctx, requests)
	if err != nil {
		return false, unavailable("limiter", err)
	}
	if r := refusal(requests, decisions); r != nil {
		d.event.Scope = r.Scope
		return false, s.suppress(ctx, d, ReasonRateLimited)
	}
	return true, nil
}
