package recovery

import (
	"context"
	"fmt"
	"time"
)

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
	switch p.Op {
	case jobForgot:
		return s.performForgot(ctx, newDelivery(job, p))
	case jobDeliver:
		return s.performDeliver(ctx, newDelivery(job, p))
	case jobNotice:
		return s.performNotice(ctx, newDelivery(job, p))
	case jobSessions:
		return s.endSessions(ctx, p.Key.Value)
	case jobNotMe:
		return s.finishNotMe(ctx, p)
	}
	return fmt.Errorf("%w: unknown kind of job", ErrPermanent)
}

// DeadLetter is told by the queue of a job that it gave up.
func (s *Service) DeadLetter(ctx context.Context, job Job, cause error) {
	e := Event{Kind: EventDeadLetter, JobID: job.ID}
	if p, err := s.openJob(job); err == nil {
		e.Caller, e.Client, e.Labels = p.Caller, p.Client, p.Labels
		if p.Key.Field == LeadIDField {
			e.LeadID = p.Key.Value
		}
	}
	s.log.ErrorContext(ctx, "recovery: job given up", "job", job.ID, "error", cause)
	s.emit(ctx, e)
}
