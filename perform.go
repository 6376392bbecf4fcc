package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Perform does one job. Queues call it. If it returns an error, the queue must
// try the job again later, unless the error wraps [ErrPermanent]. Perform also
// works while the Service shuts down. A host whose own workers call it ends
// those workers before it calls [Service.Shutdown].
func (s *Service) Perform(ctx context.Context, job Job) (err error) {
	defer func() {
		if err == nil {
			s.outages.Works(ctx, "jobs")
		}
	}()
	defer s.recoverPanic(ctx, "Service.Perform", &err, unknownSecrets)
	p, err := s.openJob(job)
	if err != nil {
		return err
	}
	until := p.NotAfter.Add(-s.clockSkew(ctx))
	if !time.Now().Before(until) {
		return fmt.Errorf("%w: the job is too old", ErrPermanent)
	}
	ctx = withAttempt(ctx, &attempt{job: job.ID, number: attemptNumber(ctx), until: until})
	ctx = withBrand(ctx, p.Brand)
	d := newDelivery(job, p)
	d.until = until
	switch p.Op {
	case jobForgot:
		err = s.performForgot(ctx, d)
	case jobSend:
		err = s.performSend(ctx, d)
	case jobDeliver:
		err = s.performDeliver(ctx, d)
	case jobNotice:
		err = s.performNotice(ctx, d)
	case jobSessions:
		return s.endSessions(ctx, p.Key.Value)
	case jobSendFor:
		err = s.performSendFor(ctx, d)
	case jobNotMe:
		return s.finishNotMe(ctx, p)
	default:
		return fmt.Errorf("%w: unknown kind of job", ErrPermanent)
	}
	if errors.Is(err, errBadLead) {
		// The log has told of it. Another try would find the same lead.
		return s.suppress(ctx, d, ReasonInvalidLead)
	}
	if err != nil {
		s.failed(ctx, d, err)
	}
	return err
}

// DeadLetter logs and reports, as an [EventDeadLetter], that the queue gave a
// job up because of cause. Queues call it.
func (s *Service) DeadLetter(ctx context.Context, job Job, cause error) {
	e := Event{Kind: EventDeadLetter, JobID: job.ID}
	lost := "unknown: the job cannot be read"
	if p, _ := s.openJob(job); p.ID != "" {
		lost = lostWith[p.Op]
		e.Caller, e.Client, e.Labels, e.Brand = p.Caller, p.Client, p.Labels, p.Brand
		if p.Key.Field == LeadIDField {
			e.LeadID = p.Key.Value
		}
	}
	args := []any{"lost", lost, "job", job.ID, "error", cause}
	if e.LeadID != "" {
		args = append(args, "lead", e.LeadID)
	}
	s.outages.Failed(ctx, s.log, slog.LevelError, "jobs", "recovery: job given up", args...)
	s.emit(ctx, e)
}

// lostWith says what nobody does after a job is given up.
var lostWith = map[jobKind]string{
	jobForgot:   "a link or code that somebody asked for",
	jobSend:     "a link or code that somebody asked for",
	jobDeliver:  "a link or code that is in the store already",
	jobSendFor:  "a link that the host asked for. Send it again: for SendToAll, under the same name",
	jobNotice:   "the notice that a password was changed",
	jobSessions: "the end of a lead's sessions: they stay open, so end them by hand",
	jobNotMe:    "a part of \"this was not me\": the lead's links may still work",
}
