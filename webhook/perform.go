package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// A Delivery is one event for one endpoint.
type Delivery struct {
	// Endpoint is the endpoint's ID.
	Endpoint string
	// WebhookID is the header webhook-id: the same for every attempt, and for
	// every endpoint that is told of the event.
	WebhookID string
	// Type is the payload's.
	Type string
	// Body is the JSON of a [Payload], the same bytes in every attempt.
	Body []byte
}

// The sealed job is the Delivery without its body as JSON, a line feed, and the
// body as it is, so that no second encoding can change what is signed.
type jobHeader struct {
	Endpoint  string `json:"e"`
	WebhookID string `json:"i"`
	Type      string `json:"t"`
}

func (s *Sender) seal(d Delivery) ([]byte, error) {
	value, err := json.Marshal(jobHeader{d.Endpoint, d.WebhookID, d.Type})
	if err != nil {
		return nil, err
	}
	sealed, err := s.sealer.Seal(append(append(value, '\n'), d.Body...))
	return []byte(sealed), err
}

func (s *Sender) open(job recovery.Job) (Delivery, error) {
	var h jobHeader
	value, _, err := s.sealer.Open(string(job.Payload))
	header, body, _ := bytes.Cut(value, []byte("\n"))
	if err == nil && json.Unmarshal(header, &h) != nil {
		err = seal.ErrInvalid // not the cause, which could quote the payload
	}
	if err != nil {
		if advice := s.foreign.FirstAdvice(err); advice != "" {
			s.log.Warn("webhook: job cannot be opened: "+err.Error(), "advice", advice)
		}
		if s.foreign.TryAgain(err, job.NotBefore) {
			return Delivery{}, fmt.Errorf("webhook: the job cannot be opened yet: %w", err)
		}
		return Delivery{}, fmt.Errorf("%w: the job cannot be opened: %w", recovery.ErrPermanent, err)
	}
	return Delivery{h.Endpoint, h.WebhookID, h.Type, body}, nil
}

// Perform makes one attempt at a delivery, for the queue that holds it. The
// error is a [*DeliveryError], or says that the job is none of this Sender's;
// the queue tries again unless it wraps [recovery.ErrPermanent].
func (s *Sender) Perform(ctx context.Context, job recovery.Job) error {
	d, err := s.open(job)
	if err != nil {
		return err
	}
	ep, ok := s.byID[d.Endpoint]
	if !ok {
		// Not for good: while a new endpoint is being deployed, an instance
		// that knows it enqueues, and one that does not yet performs.
		return newDeliveryError(d, 0, "is not configured here", nil)
	}
	if ep.disabled.Load() {
		return newDeliveryError(d, http.StatusGone, "is gone", recovery.ErrPermanent)
	}
	if ep.onHold() {
		ep.deferred.Add(1)
		return newDeliveryError(d, 0, "asked to be left alone for a while", nil)
	}
	failure := s.attempt(ctx, ep, d)
	if failure == nil {
		ep.delivered.Add(1)
		s.log.DebugContext(ctx, "webhook: delivered", "endpoint", ep.id, "webhook", d.WebhookID, "type", d.Type)
		return nil
	}
	ep.failed.Add(1)
	s.log.WarnContext(ctx, "webhook: attempt failed", "endpoint", ep.id, "webhook", d.WebhookID, "type", d.Type, "error", failure)
	if failure.Status == http.StatusGone {
		s.disable(ctx, ep)
	}
	return failure
}

// DeadLetter is told by the queue of a delivery that it gave up. It logs, counts
// and tells [Options].Undelivered, and makes no event of it: that would become
// a webhook in turn.
func (s *Sender) DeadLetter(ctx context.Context, job recovery.Job, cause error) {
	d, err := s.open(job)
	if err != nil {
		s.log.ErrorContext(ctx, "webhook: job given up", "job", job.ID, "error", cause)
		return
	}
	if ep, ok := s.byID[d.Endpoint]; ok {
		ep.dead.Add(1)
	}
	s.log.ErrorContext(ctx, "webhook: delivery given up", "endpoint", d.Endpoint, "webhook", d.WebhookID, "type", d.Type, "error", cause)
	if s.onUndelivered != nil {
		defer s.recoverPanic(ctx, "Options.Undelivered")
		s.onUndelivered(ctx, d, cause)
	}
}

// attempt posts a delivery once.
func (s *Sender) attempt(ctx context.Context, ep *endpoint, d Delivery) *DeliveryError {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.url, bytes.NewReader(d.Body))
	if err != nil {
		return newDeliveryError(d, 0, "has an invalid URL", nil)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "recovery-webhook")
	if err := ep.signer.sign(r.Header, d.WebhookID, time.Now(), d.Body); err != nil {
		return newDeliveryError(d, 0, "cannot be signed for", nil)
	}
	answer, err := ep.client.Do(r)
	if err != nil {
		reason, kind := classify(err)
		return newDeliveryError(d, 0, reason, kind)
	}
	drain(answer)
	return resultOf(ep, d, answer)
}

// judge decides by the status alone, as Standard Webhooks has it: 2xx is
// success, a redirect is a failure like any other, 410 is the end.
func resultOf(ep *endpoint, d Delivery, answer *http.Response) *DeliveryError {
	switch status := answer.StatusCode; {
	case status >= 200 && status <= 299:
		return nil
	case status == http.StatusGone:
		return newDeliveryError(d, status, "is gone", recovery.ErrPermanent)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		ep.hold(retryAfter(answer.Header.Get("Retry-After"), time.Now()))
		return newDeliveryError(d, status, "is too busy", nil)
	case status >= 300 && status <= 399:
		return newDeliveryError(d, status, "redirects, which is not followed", nil)
	default:
		return newDeliveryError(d, status, "refused", nil)
	}
}

// disable stops telling an endpoint that said 410 Gone.
func (s *Sender) disable(ctx context.Context, ep *endpoint) {
	if ep.disabled.Swap(true) {
		return
	}
	s.log.ErrorContext(ctx, "webhook: endpoint answered 410 Gone and is told nothing more until a restart", "endpoint", ep.id)
	if s.onDisabled != nil {
		defer s.recoverPanic(ctx, "Options.Disabled")
		s.onDisabled(ctx, ep.id)
	}
}

// recoverPanic keeps a host's function from changing what becomes of a
// delivery. The value stays out of the log: it may quote a secret.
func (s *Sender) recoverPanic(ctx context.Context, in string) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "webhook: panic", "in", in, "type", fmt.Sprintf("%T", p))
	}
}
