package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// A Delivery is one event on its way to one endpoint.
type Delivery struct {
	// Endpoint is the endpoint's ID.
	Endpoint string
	// WebhookID is the header webhook-id. It is the same for every attempt, and
	// for every endpoint that gets the event.
	WebhookID string
	// Type is the type in the payload, see [Type].
	Type string
	// Body is the JSON of a [Payload], the same bytes in every attempt.
	Body []byte
}

// A jobHeader is a Delivery without its body. The job that is sealed is the
// JSON of the jobHeader, a line feed, and the body unchanged, so that no second
// encoding can change the bytes that are signed.
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
		err = seal.ErrInvalid // the cause is dropped, because it may quote the payload
	}
	if err != nil {
		if advice := s.foreign.FirstAdvice(err); advice != "" {
			s.log.Warn("webhook: job cannot be opened: "+err.Error(), "advice", advice)
		}
		if time.Now().Before(job.NotAfter) && s.foreign.TryAgain(err, job.ID) {
			return Delivery{}, fmt.Errorf("webhook: the job cannot be opened yet: %w", err)
		}
		return Delivery{}, fmt.Errorf("%w: the job cannot be opened: %w", recovery.ErrPermanent, err)
	}
	return Delivery{h.Endpoint, h.WebhookID, h.Type, body}, nil
}

// Perform makes one attempt at a delivery. The queue calls it. The error is a
// [*DeliveryError], or says that the job cannot be decrypted. The queue tries
// again unless the error wraps [recovery.ErrPermanent].
func (s *Sender) Perform(ctx context.Context, job recovery.Job) error {
	d, err := s.open(job)
	if err != nil {
		return err
	}
	ep, ok := s.byID[d.Endpoint]
	if !ok {
		// The error is temporary: during the deployment of a new endpoint, an
		// instance that knows the endpoint may enqueue the job, and an instance
		// that does not know it yet may perform it.
		return newDeliveryError(d, 0, "is not configured here", nil)
	}
	if ep.disabled.Load() {
		return newDeliveryError(d, http.StatusGone, "is gone", recovery.ErrPermanent)
	}
	if ep.onHold() {
		ep.deferred.Add(1)
		return newDeliveryError(d, 0, "asked for a pause", nil)
	}
	failure := s.attempt(ctx, ep, d)
	if failure == nil {
		ep.delivered.Add(1)
		s.outages.Works(ctx, "endpoint "+ep.id)
		s.log.DebugContext(ctx, "webhook: delivered", "endpoint", ep.id, "webhook", d.WebhookID, "type", d.Type)
		return nil
	}
	ep.failed.Add(1)
	s.outages.Failed(ctx, s.log, slog.LevelWarn, "endpoint "+ep.id, "webhook: attempt failed", "endpoint", ep.id, "webhook", d.WebhookID, "type", d.Type, "error", failure)
	if failure.Status == http.StatusGone {
		s.disable(ctx, ep)
	}
	return failure
}

// DeadLetter handles a delivery that was given up. The queue calls it. It logs
// and counts the delivery, and calls [Options].OnUndelivered. It reports no
// event, because that would become another webhook.
func (s *Sender) DeadLetter(ctx context.Context, job recovery.Job, cause error) {
	d, err := s.open(job)
	if err != nil {
		s.log.ErrorContext(ctx, "webhook: job given up", "job", job.ID, "error", cause)
		return
	}
	if ep, ok := s.byID[d.Endpoint]; ok {
		ep.dead.Add(1)
	}
	s.outages.Failed(ctx, s.log, slog.LevelError, "given up "+d.Endpoint, "webhook: delivery given up", "endpoint", d.Endpoint, "webhook", d.WebhookID, "type", d.Type, "error", cause)
	if s.onUndelivered != nil {
		defer s.recoverPanic(ctx, "Options.OnUndelivered")
		s.onUndelivered(ctx, d, cause)
	}
}

// attempt sends a delivery once.
func (s *Sender) attempt(ctx context.Context, ep *endpoint, d Delivery) *DeliveryError {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.url, bytes.NewReader(d.Body))
	if err != nil {
		return newDeliveryError(d, 0, "has an invalid URL", nil)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "recovery-webhook")
	if err := ep.signer.sign(r.Header, d.WebhookID, time.Now(), d.Body); err != nil {
		return newDeliveryError(d, 0, "the delivery cannot be signed", nil)
	}
	answer, err := ep.client.Do(r)
	if err != nil {
		reason, kind := classify(err)
		return newDeliveryError(d, 0, reason, kind)
	}
	drain(answer)
	return resultOf(ep, d, answer)
}

// resultOf returns the result of an attempt. As Standard Webhooks says, only
// the status decides: 2xx is success, a redirect is a failure like any other,
// and 410 ends the endpoint.
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

// disable ends the deliveries to an endpoint that answered 410 Gone.
func (s *Sender) disable(ctx context.Context, ep *endpoint) {
	if ep.disabled.Swap(true) {
		return
	}
	s.log.ErrorContext(ctx, "webhook: endpoint answered 410 Gone and gets nothing more until a restart", "endpoint", ep.id)
	if s.onDisabled != nil {
		defer s.recoverPanic(ctx, "Options.OnDisabled")
		s.onDisabled(ctx, ep.id)
	}
}

// recoverPanic logs a panic of a host's function, so that the panic does not
// change the result of the delivery. The value of the panic is not logged,
// because it may quote a secret.
func (s *Sender) recoverPanic(ctx context.Context, in string) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "webhook: panic", "in", in, "type", fmt.Sprintf("%T", p))
	}
}
