package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// failureWindow is the day of Options.CodeFailures.
const failureWindow = 24 * time.Hour

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
