package recovery

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery/internal/seal"
)

// A jobKind is what a job does. Its text stands in sealed jobs.
type jobKind string

const (
	jobForgot   jobKind = "forgot"   // find the lead, then deliver
	jobDeliver  jobKind = "deliver"  // send a token that was put, or the link after NotMe
	jobNotice   jobKind = "notice"   // tell one address of a reset
	jobSessions jobKind = "sessions" // end a lead's sessions
	jobNotMe    jobKind = "not-me"   // finish what NotMe could not
)

// jobKinds are all of them. A job of another kind was made by a newer version.
// So whatever an older version must not ignore in a job needs a kind of its own,
// and not just another field.
var jobKinds = [...]jobKind{jobForgot, jobDeliver, jobNotice, jobSessions, jobNotMe}

// noticeTTL is how long the queue tries to deliver what must not be lost.
const noticeTTL = 24 * time.Hour

// payload is what a job carries, sealed.
type payload struct {
	Op        jobKind
	ID        string            // the job's
	NotAfter  time.Time         // the job's
	Key       LeadKey           // of the lead; by ID, but as submitted for jobForgot
	Recipient string            `json:",omitzero"` // field
	To        string            `json:",omitzero"` // address, for jobNotice
	Channel   Channel           `json:",omitzero"`
	Name      string            `json:",omitzero"`
	Locale    string            `json:",omitzero"`
	Code      bool              `json:",omitzero"`
	Secret    string            `json:",omitzero"`
	Sealed    string            `json:",omitzero"` // Secret as IssueToken returned it
	Link      Link              `json:",omitzero"`
	Template  string            `json:",omitzero"`
	Labels    map[string]string `json:",omitzero"`
	// PreventWebhook is LabelNoWebhook, as jobs had it before there were labels.
	// It is still written for instances that know no labels.
	PreventWebhook bool   `json:",omitzero"`
	Caller         string `json:",omitzero"`
	Client         netip.Addr
	Languages      string `json:",omitzero"`
	RequestedAt    time.Time
	Notice         storedKind `json:",omitzero"` // that NotMe is about
	Ended          bool       `json:",omitzero"` // NotMe has ended the tokens
	Reset          string     `json:",omitzero"` // names the reset that notices tell of

	generation *generation // whose keys sealed the job
}

// A storedKind is a [MessageKind] as jobs spell it, with hyphens. Instances that
// were built before kinds had underscores read it, and write it.
type storedKind MessageKind

func (k storedKind) MarshalText() ([]byte, error) {
	return []byte(strings.ReplaceAll(string(k), "_", "-")), nil
}

func (k *storedKind) UnmarshalText(b []byte) error {
	*k = storedKind(strings.ReplaceAll(string(b), "-", "_"))
	return nil
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
	_, p.PreventWebhook = p.Labels[LabelNoWebhook]
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
func (s *Service) enqueueOrRetry(ctx context.Context, p payload) {
	job, err := s.newJob(p, noticeTTL, 0)
	if err != nil {
		s.log.ErrorContext(ctx, "recovery: job not made", "kind", string(p.Op), "error", err)
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
	if err == nil && !slices.Contains(jobKinds[:], p.Op) {
		err = seal.ErrNewerVersion
	}
	if err != nil {
		return payload{}, s.cannotOpen(job, err)
	}
	if _, ok := p.Labels[LabelNoWebhook]; p.PreventWebhook && !ok {
		p.Labels = maps.Clone(p.Labels)
		if p.Labels == nil {
			p.Labels = map[string]string{}
		}
		p.Labels[LabelNoWebhook] = "true"
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
