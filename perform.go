package recovery

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// An operation is what a job does, and what client limits are counted for.
type operation string

const (
	opForgot   operation = "forgot"   // find the lead, then deliver
	opDeliver  operation = "deliver"  // send a token that IssueToken put
	opNotice   operation = "notice"   // tell one address of a reset
	opSessions operation = "sessions" // end a lead's sessions
	opNotMe    operation = "not-me"   // finish what NotMe could not
	opReset    operation = "reset"
	opCheck    operation = "check"
)

// operations are those of jobs. A job with another one was made by a newer
// version. So whatever an older version must not ignore in a job needs an
// operation of its own, and not just another field.
var operations = [...]operation{opForgot, opDeliver, opNotice, opSessions, opNotMe}

// noticeTTL is how long the queue tries to deliver what must not be lost.
const noticeTTL = 24 * time.Hour

// failureWindow is the day of Options.CodeFailures.
const failureWindow = 24 * time.Hour

// payload is what a job carries, sealed.
type payload struct {
	Op             operation
	ID             string    // the job's
	NotAfter       time.Time // the job's
	Key            LeadKey   // of the lead; by ID but for opForgot
	Recipient      string    `json:",omitzero"` // field
	To             string    `json:",omitzero"` // address, for opNotice
	Channel        Channel   `json:",omitzero"`
	Name           string    `json:",omitzero"`
	Locale         string    `json:",omitzero"`
	Code           bool      `json:",omitzero"`
	Secret         string    `json:",omitzero"`
	Sealed         string    `json:",omitzero"` // Secret as IssueToken returned it
	Link           Link      `json:",omitzero"`
	Template       string    `json:",omitzero"`
	PreventWebhook bool      `json:",omitzero"`
	Caller         string    `json:",omitzero"`
	Client         netip.Addr
	Languages      string `json:",omitzero"`
	RequestedAt    time.Time
	Notice         MessageKind `json:",omitzero"` // that NotMe is about
	Ended          bool        `json:",omitzero"` // NotMe has ended the tokens
	Reset          string      `json:",omitzero"` // names the reset that notices tell of

	generation *generation // whose keys sealed the job
}

// kind is that of the token which the job sends.
func (p payload) kind() tokenKind {
	if p.Code {
		return kindCode
	}
	return kindMailed
}

// messageKind is that of the message which carries the token.
func (p payload) messageKind() MessageKind {
	if p.Code {
		return MessageResetCode
	}
	return MessageResetLink
}

func (s *Service) newJob(p payload, ttl, pause time.Duration) (Job, error) {
	now := time.Now()
	p.ID, p.NotAfter = newID(), now.Add(ttl)
	// Not json.Marshal: it makes six bytes of every '&' in a link.
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return Job{}, err
	}
	return Job{ID: p.ID, NotBefore: now.Add(pause), NotAfter: p.NotAfter, Payload: s.keys.jobs.Seal(b.Bytes())}, nil
}

func (s *Service) enqueue(ctx context.Context, p payload, ttl, pause time.Duration) error {
	job, err := s.newJob(p, ttl, pause)
	if err != nil {
		return err
	}
	if q, ok := s.opts.Queue.(*MemoryQueue); ok {
		return q.Enqueue(ctx, job) // ours, and it never waits: a timeout would be paid for nothing
	}
	return s.call(ctx, "Queue.Enqueue", func(ctx context.Context) error { return s.opts.Queue.Enqueue(ctx, job) })
}

// enqueueSurely is for jobs that nobody can ask for again: a full queue is
// tried again in the background.
func (s *Service) enqueueSurely(ctx context.Context, p payload) {
	job, err := s.newJob(p, noticeTTL, 0)
	if err != nil {
		s.log.ErrorContext(ctx, "recovery: job not made", "operation", string(p.Op), "error", err)
		return
	}
	enqueue := func(ctx context.Context) error { return s.opts.Queue.Enqueue(ctx, job) }
	if s.call(ctx, "Queue.Enqueue", enqueue) != nil {
		s.repeat("Queue.Enqueue", job.NotAfter, enqueue)
	}
}

// openJob reads a job's payload. What is sealed counts, and not what the queue
// says of it: who can write to the queue's storage must not get an old job, and
// with it an old token, a new life (A31).
func (s *Service) openJob(job Job) (payload, error) {
	var p payload
	b, key, err := s.keys.jobs.Open(job.Payload)
	if err == nil && json.Unmarshal(b, &p) != nil || p.ID != job.ID {
		// Not the cause: it could quote the payload.
		err = cmp.Or(err, seal.ErrInvalid)
	}
	if err == nil && !slices.Contains(operations[:], p.Op) {
		err = seal.ErrNewerVersion
	}
	if err != nil {
		return payload{}, s.cannotOpen(job, err)
	}
	p.generation = &s.keys.generations[key]
	return p, nil
}

// cannotOpen says what becomes of a job that does not open. What another
// instance may be able to open is tried again for a while, so that an upgrade or
// a change of keys that does not reach all instances at once loses no job.
func (s *Service) cannotOpen(job Job, err error) error {
	s.warnForeign("job", err)
	if s.foreign.TryAgain(err, job.NotBefore) {
		return fmt.Errorf("recovery: the job cannot be opened yet: %w", err)
	}
	return fmt.Errorf("%w: the job cannot be opened: %w", ErrPermanent, err)
}

// warnForeign tells the operator of a job, link or notice that only an instance
// with other keys, or of another version, can have sealed.
func (s *Service) warnForeign(what string, err error) {
	if advice := s.foreign.FirstAdvice(err); advice != "" {
		s.log.Warn("recovery: "+what+" cannot be opened: "+err.Error(), "advice", advice)
	}
}

// Perform does a job, for the queue that holds it. An error means that the job
// has to be tried again, unless it wraps [ErrPermanent]. It works on while the
// Service shuts down; a host whose own workers call it ends those first.
func (s *Service) Perform(ctx context.Context, job Job) (err error) {
	defer s.recoverPanic(ctx, "Service.Perform", &err)
	p, err := s.openJob(job)
	if err != nil {
		return err
	}
	if !time.Now().Before(p.NotAfter) {
		return fmt.Errorf("%w: the job is too old", ErrPermanent)
	}
	e := Event{JobID: job.ID, Caller: p.Caller, Client: p.Client, PreventWebhook: p.PreventWebhook}
	switch p.Op {
	case opForgot:
		return s.performForgot(ctx, job, p, e)
	case opDeliver:
		lead, err := s.leadByID(ctx, p.Key.Value)
		if err != nil {
			return s.suppressUnknown(ctx, e, err)
		}
		to, ok := s.recipient(lead, p.Recipient)
		if !ok {
			return s.suppress(ctx, e, ReasonNoRecipient)
		}
		if p.Notice != "" {
			// What NotMe sends is bounded by the resets that it answers, and a
			// stranger must not spend its place; but it costs what all do.
			p.Name, p.Locale = lead.Name, lead.Locale
			takes, err := s.budgetTakes(ctx, s.addressed(job, p, p.messageKind(), lead.ID, to), to, job.ID)
			if ok, err := s.spendAll(ctx, e, takes, err); !ok {
				return err
			}
		}
		return s.deliver(ctx, job, p, e, lead, to)
	case opNotice:
		m := s.message(job, p, MessagePasswordChanged)
		m.LeadID, m.Name, m.Locale, m.Channel, m.To = p.Key.Value, p.Name, p.Locale, p.Channel, p.To
		return s.notify(ctx, m, e, p.Reset)
	case opSessions:
		return s.endSessions(ctx, p.Key.Value)
	case opNotMe:
		return s.finishNotMe(ctx, p)
	}
	return fmt.Errorf("%w: unknown operation", ErrPermanent)
}

// DeadLetter is told by the queue of a job that it gave up.
func (s *Service) DeadLetter(ctx context.Context, job Job, cause error) {
	e := Event{Kind: EventDeadLetter, JobID: job.ID}
	if p, err := s.openJob(job); err == nil {
		e.Caller, e.Client, e.PreventWebhook = p.Caller, p.Client, p.PreventWebhook
		if p.Key.Field == LeadIDField {
			e.LeadID = p.Key.Value
		}
	}
	s.log.ErrorContext(ctx, "recovery: job given up", "job", job.ID, "error", cause)
	s.emit(ctx, e)
}

func (s *Service) suppress(ctx context.Context, e Event, reason EventReason) error {
	e.Kind, e.Reason = EventSuppressed, reason
	s.emit(ctx, e)
	return nil
}

// suppressUnknown ends the job of a lead that does not exist. Other errors are
// for the queue.
func (s *Service) suppressUnknown(ctx context.Context, e Event, err error) error {
	if errors.Is(err, ErrLeadNotFound) {
		return s.suppress(ctx, e, ReasonUnknownLead)
	}
	if errors.Is(err, errBadLead) {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	return err
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

// spendDelivery takes from the limits on a person and from the budgets.
func (s *Service) spendDelivery(ctx context.Context, job Job, m Message, e Event, to address, kind tokenKind) (ok bool, err error) {
	takes, err := s.deliveryTakes(ctx, m, to, kind, job.ID)
	return s.spendAll(ctx, e, takes, err)
}

// spendAll spends what could be found out to be due.
func (s *Service) spendAll(ctx context.Context, e Event, takes []scopedTake, err error) (bool, error) {
	if errors.Is(err, ErrPermanent) {
		s.log.WarnContext(ctx, "recovery: undeliverable", "job", e.JobID, "error", err)
		return false, s.suppress(ctx, e, ReasonUndeliverable)
	}
	if err != nil || len(takes) == 0 {
		return err == nil, err
	}
	return s.spend(ctx, e, takes...)
}

// spend takes from limits in the worker. Not ok with a nil error means that
// the job ends here, silently.
func (s *Service) spend(ctx context.Context, e Event, takes ...scopedTake) (ok bool, err error) {
	decisions, err := s.take(ctx, takes)
	if err != nil {
		return false, unavailable("limiter", err)
	}
	if r := refused(takes, decisions); r != nil {
		e.Scope = r.Scope
		return false, s.suppress(ctx, e, ReasonLimited)
	}
	return true, nil
}

// deliver puts the token and sends it. Put comes first: a message must not
// arrive before its token works. Repeating both adds no token.
func (s *Service) deliver(ctx context.Context, job Job, p payload, e Event, lead Lead, to address) error {
	e.LeadID = lead.ID
	if lead.Status != StatusActive {
		return s.suppress(ctx, e, ReasonDisabled)
	}
	token, err := s.put(ctx, p.generation, p.kind(), lead, p.Secret)
	if errors.Is(err, ErrTokenSpent) {
		return s.suppress(ctx, e, ReasonSpent)
	}
	if err != nil {
		return unavailable("token store", err)
	}
	p.Name, p.Locale = lead.Name, lead.Locale
	m := s.addressed(job, p, p.messageKind(), lead.ID, to)
	m.Expires = token.Expires
	if p.Code {
		m.Code = NewSecret(p.Secret)
	} else {
		link, err := s.linkURL(p, lead.ID)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrPermanent, err)
		}
		m.URL = NewSecret(link)
	}
	return s.notify(ctx, m, e, m.ID)
}

func (s *Service) linkURL(p payload, leadID string) (string, error) {
	l, sealed := p.Link, p.Sealed
	if l.LeadIDParam != "" {
		return l.render([]LinkParam{{l.LeadIDParam, leadID}, {l.SecretParam, p.Secret}}), nil
	}
	if sealed == "" {
		var err error
		if sealed, err = s.keys.sealToken(kindMailed, leadID, p.Secret); err != nil {
			return "", err
		}
	}
	return l.render([]LinkParam{{l.tokenParam(), sealed}}), nil
}

func (s *Service) message(job Job, p payload, kind MessageKind) Message {
	return Message{
		ID: job.ID, Kind: kind, Name: p.Name, Locale: p.Locale, Languages: p.Languages,
		Template: p.Template, RequestedAt: p.RequestedAt, Client: p.Client,
	}
}

func (s *Service) addressed(job Job, p payload, kind MessageKind, leadID string, to address) Message {
	m := s.message(job, p, kind)
	m.LeadID, m.Channel, m.To = leadID, to.channel, to.to
	return m
}

// notifyUncredentialed sends what carries no token, under the same limits as
// what does (A25).
func (s *Service) notifyUncredentialed(ctx context.Context, job Job, m Message, e Event, leadID string, to address) error {
	m.LeadID, m.Channel, m.To, m.Template = leadID, to.channel, to.to, ""
	if ok, err := s.spendDelivery(ctx, job, m, e, to, kindMailed); !ok {
		return err
	}
	return s.notify(ctx, m, e, m.ID)
}

// notify hands a message to the host's Notifier. The attempt's time belongs to
// the queue.
// about names what the message tells of, for the link "this was not me".
func (s *Service) notify(ctx context.Context, m Message, e Event, about string) error {
	var err error
	if m.NotMe, err = s.notMeLink(m, about); err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	err = s.guard(ctx, "Notifier.Notify", func() error { return s.notifier.Notify(ctx, m) })
	if err != nil {
		return fmt.Errorf("recovery: notifying: %w", scrub(err, m.secrets()...))
	}
	e.Kind, e.LeadID, e.Channel, e.Message = EventMessageSent, m.LeadID, m.Channel, m.Kind
	s.emit(ctx, e)
	return nil
}
