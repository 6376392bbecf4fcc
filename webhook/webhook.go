package webhook

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/outage"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// A Sender notifies endpoints of events. [New] makes one, and [Sender.Shutdown]
// ends it. Its methods are safe for concurrent use.
type Sender struct {
	log       *slog.Logger
	outages   *outage.Log
	sealer    *seal.Sealer
	foreign   seal.Foreign
	endpoints []*endpoint
	byID      map[string]*endpoint
	queues    []recovery.WorkerQueue // that Shutdown shuts down

	enqueueTimeout time.Duration
	onUndelivered  func(ctx context.Context, d Delivery, cause error)
	onDisabled     func(ctx context.Context, endpoint string)

	handovers chan struct{} // one place for each event on its way into a queue

	mu       sync.RWMutex
	closed   bool
	inFlight sync.WaitGroup
}

// maxHandovers bounds the goroutines that wait for a queue which does not
// return, even when its context ends (A59). In a burst, further events wait for
// a place and are not dropped at once, because a lost event cannot be
// recovered.
const maxHandovers = 64

// sealAge is how long a waiting delivery can be decrypted. It is the four days
// after which [Options].Keys lets hosts drop a former key.
const sealAge = 4 * 24 * time.Hour

// New returns a Sender and starts its queues: by default one for each endpoint.
// It reports every mistake in opts at once, each as a [*recovery.OptionError].
func New(opts Options) (*Sender, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Sender{
		log: opts.Logger, outages: outage.New("webhook: works again"), enqueueTimeout: opts.EnqueueTimeout,
		onUndelivered: opts.OnUndelivered, onDisabled: opts.OnDisabled,
		byID:      make(map[string]*endpoint),
		handovers: make(chan struct{}, maxHandovers),
	}
	var err error
	if s.sealer, err = newSealer(opts.Keys); err != nil {
		return nil, fmt.Errorf("webhook: deriving keys: %w", err)
	}
	if q, ok := opts.Queue.(recovery.WorkerQueue); ok {
		s.queues = append(s.queues, q)
	}
	for _, o := range opts.Endpoints {
		queue := opts.Queue
		if queue == nil {
			own := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{
				Workers: 4, AttemptTimeout: opts.Timeout + 5*time.Second, Backoff: RetrySchedule,
			})
			queue, s.queues = own, append(s.queues, own)
		}
		e, err := newEndpoint(o, queue, opts.Timeout)
		if err != nil {
			return nil, err
		}
		s.endpoints = append(s.endpoints, e)
		s.byID[e.id] = e
	}
	for _, q := range s.queues {
		if err := q.Start(s); err != nil {
			return nil, fmt.Errorf("webhook: starting the queue: %w", err)
		}
	}
	return s, nil
}

func newSealer(keys [][]byte) (*seal.Sealer, error) {
	var sub []seal.Key
	for _, key := range keys {
		hash, err := hkdf.Key(sha256.New, key, nil, "recovery/webhook/v1/job mac", 32)
		if err != nil {
			return nil, err
		}
		block, err := hkdf.Key(sha256.New, key, nil, "recovery/webhook/v1/job enc", 32)
		if err != nil {
			return nil, err
		}
		sub = append(sub, seal.Key{Hash: hash, Block: block})
	}
	// Dead letters must stay readable, even those of a queue that is late. A
	// job older than sealAge can only come from an attacker who wrote it back.
	return seal.New(sub, "recovery.webhook", sealAge, 16<<10-1), nil
}

// Sink is the [recovery.EventSink] for [recovery.Options].Events. Combine
// several sinks with [recovery.MultiSink]. Sink puts one delivery into the
// queue for each endpoint that wants the event. The deliveries keep ctx's
// values but not its cancellation. Sink returns when the queue has the
// deliveries, or after [Options].EnqueueTimeout. It never fails: a delivery
// that the queue does not accept is dropped, counted and logged. A nil *Sender
// does nothing.
func (s *Sender) Sink(ctx context.Context, e recovery.Event) {
	if s == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	id := "msg_" + rand.Text()
	_, prevented := e.Labels[recovery.LabelNoWebhook]
	var all []handover
	var bodies [4][]byte // with and without the client and the host's data
	for _, ep := range s.endpoints {
		if !ep.events[e.Kind] || ep.disabled.Load() {
			continue
		}
		if prevented && !ep.includePrevented {
			ep.prevented.Add(1)
			continue
		}
		i := 0
		if ep.includeClient {
			i++
		}
		if ep.includeHostData {
			i += 2
		}
		body := &bodies[i]
		if *body == nil {
			var err error
			if *body, err = newBody(e, ep.includeClient, ep.includeHostData); err != nil {
				s.drop(ctx, ep, e.Kind, fmt.Errorf("webhook: the body cannot be written: %w", err))
				continue
			}
		}
		all = append(all, handover{ep, Delivery{ep.id, id, Type(e.Kind), *body}, e.Kind})
	}
	s.handOver(ctx, all)
}

// A handover is a delivery on its way into the queue.
type handover struct {
	to       *endpoint
	delivery Delivery
	kind     recovery.EventKind
}

// handOver enqueues deliveries in a goroutine, because a person who waits for
// the answer to a request must not wait for a queue that hangs. The goroutine
// enqueues or drops the deliveries even after handOver has returned.
func (s *Sender) handOver(ctx context.Context, all []handover) {
	if len(all) == 0 {
		return
	}
	dropAll := func(err error) {
		for _, h := range all {
			s.drop(ctx, h.to, h.kind, err)
		}
	}
	if !s.begin() {
		dropAll(errors.New("webhook: the sender is shut down"))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.enqueueTimeout)
	select {
	case s.handovers <- struct{}{}:
	case <-ctx.Done():
		cancel()
		s.inFlight.Done()
		dropAll(errors.New("webhook: the queue does not answer"))
		return
	}
	done := make(chan struct{})
	go func() {
		defer s.inFlight.Done()
		defer func() { <-s.handovers }()
		defer cancel()
		defer close(done)
		for _, h := range all {
			if err := s.enqueue(ctx, h); err != nil {
				s.drop(ctx, h.to, h.kind, err)
				continue
			}
			s.outages.Works(ctx, "queue of "+h.to.id)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (s *Sender) enqueue(ctx context.Context, h handover) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// The error names the type and not the value, which may quote a
			// secret.
			err = fmt.Errorf("webhook: the queue panicked (%T)", p)
		}
	}()
	payload, err := s.seal(h.delivery)
	if err != nil {
		return err
	}
	now := time.Now()
	return h.to.queue.Enqueue(ctx, recovery.Job{
		// An event has one webhook-id, but one job for each endpoint.
		ID:        h.delivery.WebhookID + "-" + h.to.id,
		NotBefore: now, NotAfter: now.Add(Lifetime),
		Payload: payload,
	})
}

// drop counts a delivery that reached no queue.
func (s *Sender) drop(ctx context.Context, ep *endpoint, kind recovery.EventKind, cause error) {
	dropped := ep.dropped.Add(1)
	s.outages.Failed(ctx, s.log, slog.LevelError, "queue of "+ep.id, "webhook: event dropped", "endpoint", ep.id, "kind", string(kind), "dropped", dropped, "error", cause)
}

// begin registers an event, for which Shutdown then waits. It returns false if
// the Sender is shut down.
func (s *Sender) begin() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false
	}
	s.inFlight.Add(1)
	return true
}

// Shutdown drops further events and shuts down a [recovery.WorkerQueue]. The
// default queue makes one last attempt at each waiting delivery, and gives up
// those that fail. Shutdown returns nil once no goroutine of the Sender runs and
// no delivery was lost. Otherwise it returns a [*recovery.ShutdownError] for each
// queue that lost some, and the error of ctx if ctx ended first. Shut down the [recovery.Service] first, so
// that its last events are still delivered. Shutdown may be called more than
// once. On a nil *Sender it does nothing.
func (s *Sender) Shutdown(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	handedOver := make(chan struct{})
	go func() {
		s.inFlight.Wait()
		close(handedOver)
	}()
	var err error
	select {
	case <-handedOver:
	case <-ctx.Done():
		err = ctx.Err()
	}
	// The queues are shut down at the same time, so that an endpoint that hangs
	// does not use up the time of the others.
	errs := make([]error, len(s.queues))
	var queues sync.WaitGroup
	for i, q := range s.queues {
		queues.Go(func() { errs[i] = q.Shutdown(ctx) })
	}
	queues.Wait()
	for _, ep := range s.endpoints {
		ep.client.CloseIdleConnections()
	}
	return errors.Join(err, errors.Join(errs...))
}

// Stats returns the current numbers, in the order of [Options].Endpoints.
func (s *Sender) Stats() []EndpointStats {
	if s == nil {
		return nil
	}
	stats := make([]EndpointStats, len(s.endpoints))
	for i, ep := range s.endpoints {
		stats[i] = ep.stats()
	}
	return stats
}
