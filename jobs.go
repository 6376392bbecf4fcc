package recovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// A jobKind says what a job does. Its text is part of sealed jobs, so it must
// not change.
type jobKind string

const (
	jobForgot   jobKind = "forgot"   // find the lead, then hand over a jobSend
	jobSend     jobKind = "send"     // send a link or code to the lead
	jobDeliver  jobKind = "deliver"  // send a token that IssueToken stored, or the new link after NotMe
	jobNotice   jobKind = "notice"   // tell one address of a reset
	jobSessions jobKind = "sessions" // end a lead's sessions
	jobNotMe    jobKind = "not-me"   // finish what NotMe could not do
	jobSendFor  jobKind = "send-for" // send a link that the host asked for
	// jobBranded is only the text of a job whose kind stands in Task: see isBranded.
	jobBranded jobKind = "branded"
)

// jobKinds are all kinds. A job of any other kind was made by a newer version
// of this library. An older version ignores fields that it does not know, so
// whatever it must not ignore needs a new kind of job.
var jobKinds = [...]jobKind{jobForgot, jobSend, jobDeliver, jobNotice, jobSessions, jobNotMe, jobSendFor}

// noticeTTL is how long the queue tries to do a job that must not be lost.
const noticeTTL = 24 * time.Hour

// payload is the content of a job, before it is sealed.
type payload struct {
	Op        jobKind
	ID        string            // of the job
	NotAfter  time.Time         // of the job, by the clock of a ClockedQueue
	Key       LeadKey           // of the lead: its ID, except that for jobForgot and jobSend it is what the request named
	Recipient string            `json:",omitzero"` // the field whose address gets the message
	To        string            `json:",omitzero"` // the address, for jobNotice
	Channel   Channel           `json:",omitzero"`
	Name      string            `json:",omitzero"`
	Locale    string            `json:",omitzero"`
	Code      bool              `json:",omitzero"`
	Secret    string            `json:",omitzero"`
	Sealed    string            `json:",omitzero"` // Secret, sealed as IssueToken returned it
	Link      Link              `json:",omitzero"`
	Template  string            `json:",omitzero"`
	Labels    map[string]string `json:",omitzero"`
	// PreventWebhook says that there is a LabelNoWebhook. Older versions have
	// this field instead of labels, so it is written for their instances, and
	// read.
	PreventWebhook bool   `json:",omitzero"`
	Caller         string `json:",omitzero"`
	Client         netip.Addr
	Languages      string `json:",omitzero"`
	Device         string `json:",omitzero"` // [Requester].Device
	Slot           string `json:",omitzero"` // the field in whose slot the token stands, or empty
	RequestedAt    time.Time
	Notice         storedKind `json:",omitzero"` // the kind of message that NotMe answers
	Ended          bool       `json:",omitzero"` // NotMe has ended the tokens already
	Reset          string     `json:",omitzero"` // the ID of the reset that a notice is about
	Account        string     `json:",omitzero"` // what the lead signs in with, for jobNotice
	ReturnTo       string     `json:",omitzero"` // the absolute URL of [ForgotRequest].ReturnTo

	Purpose Purpose       `json:",omitzero"` // of jobSendFor
	TTL     time.Duration `json:",omitzero"` // the lifetime of the link, if its request says so
	Bulk    string        `json:",omitzero"` // [BulkRequest].Name

	Operator  string            `json:",omitzero"` // [HelpDeskRequest].Operator, for jobNotice
	Asker     asker             `json:",omitzero"` // who asked for the code. Jobs of earlier versions name nobody
	Brand     string            `json:",omitzero"` // of the request or, for jobNotice, of the message
	Data      map[string]string `json:",omitzero"` // as Brand
	UsualLink bool              `json:",omitzero"` // the request named no Link, so that of the lead's brand takes its place
	Task      jobKind           `json:",omitzero"` // what a jobBranded does

	generation *generation // the keys that sealed the job
	sealedBy   int         // their index
}

// A storedKind is a [MessageKind] as jobs spell it, with hyphens. Older
// versions, whose kinds have no underscores, read and write the same spelling.
type storedKind string

func storeKind(k MessageKind) storedKind {
	return storedKind(strings.ReplaceAll(string(k), "_", "-"))
}

func (k storedKind) messageKind() MessageKind {
	return MessageKind(strings.ReplaceAll(string(k), "-", "_"))
}

// kind returns the kind of the token that the job sends.
func (p payload) kind() tokenKind {
	if p.Code {
		return kindCode
	}
	return p.Purpose.kind()
}

// usualJob is the capacity for a job. Most jobs fit, and longer ones grow.
const usualJob = 512

func (s *Service) newJob(ctx context.Context, p payload, ttl, pause time.Duration) (Job, error) {
	skew := s.clockSkew(ctx)
	now := time.Now()
	p.ID, p.NotAfter, p.sealedBy = newID(), now.Add(skew+ttl), 0
	return s.sealJob(p, now.Add(pause), skew)
}

// clockSkew returns by how much the clock by which jobs are sealed is ahead of
// that of this machine.
func (s *Service) clockSkew(ctx context.Context) time.Duration {
	for _, queue := range s.queues {
		if q, ok := queue.(ClockedQueue); ok {
			if skew := q.ClockSkew(ctx); skew.Abs() <= MaxClockSkew {
				return skew
			}
			return 0
		}
	}
	return 0
}

// sealJob seals a job whose NotAfter is by the clock that is ahead by skew.
func (s *Service) sealJob(p payload, notBefore time.Time, skew time.Duration) (Job, error) {
	_, p.PreventWebhook = p.Labels[LabelNoWebhook]
	if p.isBranded() {
		p.Op, p.Task = jobBranded, p.Op
	}
	b, err := p.appendJSON(make([]byte, seal.BoxRoom, usualJob))
	if err != nil {
		return Job{}, err
	}
	return Job{ID: p.ID, NotBefore: notBefore, NotAfter: p.NotAfter.Add(-skew), Payload: s.keys.jobs.SealAgain(b, p.sealedBy)}, nil
}

// enqueue stores the job of a request that anybody can make.
func (s *Service) enqueue(ctx context.Context, p payload, ttl, pause time.Duration) error {
	job, err := s.newJob(ctx, p, ttl, pause)
	if err != nil {
		return err
	}
	if q, ok := s.opts.Queue.(*MemoryQueue); ok {
		err := q.Enqueue(ctx, job) // it never waits, so it needs no timeout
		s.watch(ctx, "Queue.Enqueue", err)
		return err
	}
	return s.call(ctx, "Queue.Enqueue", func(ctx context.Context) error { return s.opts.Queue.Enqueue(ctx, job) })
}

// enqueueDelivery stores a job that exists only because there is a lead.
func (s *Service) enqueueDelivery(ctx context.Context, p payload, ttl time.Duration) error {
	job, err := s.newJob(ctx, p, ttl, 0)
	if err != nil {
		return err
	}
	return s.call(ctx, "DeliveryQueue.Enqueue", func(ctx context.Context) error { return s.opts.DeliveryQueue.Enqueue(ctx, job) })
}

// enqueueOrRetry is for jobs that nobody can request again. If the queue is
// full or fails, it tries again in the background.
func (s *Service) enqueueOrRetry(ctx context.Context, p payload) {
	job, err := s.newJob(ctx, p, noticeTTL, 0)
	if err != nil {
		s.log.ErrorContext(ctx, "recovery: making a job failed", "kind", string(p.Op), "error", err)
		return
	}
	enqueue := func(ctx context.Context) error { return s.opts.DeliveryQueue.Enqueue(ctx, job) }
	if s.call(ctx, "DeliveryQueue.Enqueue", enqueue) != nil {
		s.repeat("DeliveryQueue.Enqueue", job.NotAfter, enqueue)
	}
}

// handOver moves the job of a delivery to the delivery queue, under its ID and
// its keys: the token belongs to their generation, and under another one it
// could be used a second time. If that queue is full, the job is a dead letter.
// It is never tried again in the queue that the public fills (A96).
func (s *Service) handOver(ctx context.Context, d *delivery) error {
	p := d.p
	p.Op = jobSend
	job, err := s.sealJob(p, time.Time{}, s.clockSkew(ctx))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	enqueue := func(ctx context.Context) error { return s.opts.DeliveryQueue.Enqueue(ctx, job) }
	switch err := s.call(ctx, "DeliveryQueue.Enqueue", enqueue); {
	case err == nil:
	case errors.Is(err, ErrQueueFull):
		s.DeadLetter(ctx, d.job, fmt.Errorf("recovery: the delivery queue: %w", err))
	default:
		s.repeat("DeliveryQueue.Enqueue", job.NotAfter, enqueue)
	}
	return nil
}

// openJob opens the payload of a job. It refuses a job whose stored ID is not
// the sealed one, and Perform uses the sealed NotAfter: whoever can write to
// the queue's storage must not be able to give an old job, and with it an old
// token, a new lifetime (A31).
func (s *Service) openJob(job Job) (payload, error) {
	var p payload
	b, key, err := s.keys.jobs.Open(job.Payload)
	if err != nil {
		return payload{}, s.cannotOpen(job, err)
	}
	// The error of json is left out because it could quote the payload. An
	// unknown kind counts as a newer version, even if the JSON also does not
	// decode: a newer version may have changed more than the kind of job.
	malformed := p.readJSON(b) != nil
	if p.Op == jobBranded {
		p.Op, p.Task = p.Task, ""
	}
	if p.PreventWebhook {
		if p.Labels == nil {
			p.Labels = make(map[string]string)
		}
		p.Labels[LabelNoWebhook] = "true"
	}
	switch {
	case p.ID != job.ID:
		return payload{}, s.cannotOpen(job, seal.ErrInvalid)
	case !slices.Contains(jobKinds[:], p.Op):
		return p, s.cannotOpen(job, seal.ErrNewerVersion)
	case malformed:
		return payload{}, s.cannotOpen(job, seal.ErrInvalid)
	}
	p.generation, p.sealedBy = &s.keys.generations[key], key
	return p, nil
}

// cannotOpen returns the error of a job that does not open. If another instance
// may be able to open the job, it is tried again for a while. So no job is lost
// while an upgrade, or a change of keys, has not reached all instances yet.
func (s *Service) cannotOpen(job Job, err error) error {
	if advice := s.foreign.FirstAdvice(err); advice != "" {
		s.log.Warn("recovery: job cannot be opened: "+err.Error(), "advice", advice)
	}
	if time.Now().Before(job.NotAfter) && s.foreign.TryAgain(err, job.ID) {
		return fmt.Errorf("recovery: the job cannot be opened yet: %w", err)
	}
	return fmt.Errorf("%w: the job cannot be opened: %w", ErrPermanent, err)
}

// tellOfLink tells the operator, once, of a link that another instance may have
// sealed. It is no warning, because anybody can make up such a link.
func (s *Service) tellOfLink(what string, err error) {
	if advice := s.links.FirstAdvice(err); advice != "" {
		if errors.Is(err, seal.ErrUnknownKey) {
			advice += ". All instances need the same Prefix too"
		}
		s.log.Info("recovery: " + what + " cannot be opened: " + err.Error() + ". If this happens to many real links, " + advice)
	}
}
