package recovery

import (
	"context"
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
	case jobNotMe:
		return s.finishNotMe(ctx, p)
	default:
		return fmt.Errorf("%w: unknown kind of job", ErrPermanent)
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
	if p, _ := s.openJob(job); p.ID != "" {
		e.Caller, e.Client, e.Labels = p.Caller, p.Client, p.Labels
		if p.Key.Field == LeadIDField {
			e.LeadID = p.Key.Value
		}
	}
	s.outages.Failed(ctx, s.log, slog.LevelError, "jobs", "recovery: job given up", "job", job.ID, "error", cause)
	s.emit(ctx, e)
}
