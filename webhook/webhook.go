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
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/seal"
)

// A Sender tells endpoints of events. [New] makes one, Shutdown ends it. Its
// methods are safe for concurrent use.
type Sender struct {
	log       *slog.Logger
	sealer    *seal.Sealer
	foreign   *seal.Foreign
	endpoints []*endpoint
	byID      map[string]*endpoint
	queues    []recovery.WorkerQueue // that Shutdown shuts down

	enqueueTimeout time.Duration
	onUndelivered    func(ctx context.Context, d Delivery, cause error)
	onDisabled       func(ctx context.Context, endpoint string)

	handovers chan struct{} // one place for each event on its way into a queue
	started      time.Time
	nextWarn  atomic.Int64 // when a dropped event may be logged again, in nanoseconds since born

	mu       sync.RWMutex
	closed   bool
	inFlight sync.WaitGroup
}

// maxHandovers bounds the goroutines that a queue which does not answer, and
// does not heed its context either, can keep (A59). A burst of more events
// waits for places, because one that was lost cannot be asked for again.
const maxHandovers = 64

// sealAge is how long a waiting delivery can be opened: the four days for which
// [Options].Keys promises to need a former key.
const sealAge = 4 * 24 * time.Hour

// warnEvery keeps a flood of dropped events from becoming one of log lines.
const warnEvery = time.Second

// New returns a Sender and starts its queue. It reports every mistake in opts
// at once, as [*recovery.OptionError] values joined by [errors.Join].
func New(opts Options) (*Sender, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Sender{
		log: opts.Logger, enqueueTimeout: opts.EnqueueTimeout,
		onUndelivered: opts.OnUndelivered, onDisabled: opts.OnDisabled,
		byID:      make(map[string]*endpoint),
		handovers: make(chan struct{}, maxHandovers),
		foreign:   seal.NewForeign(),
		started:      time.Now(),
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
	// A queue may be late, and its dead letters are to be read all the same.
	// What is older was put there again by somebody else.
	return seal.New(sub, "recovery.webhook", sealAge, 16<<10-1), nil
}

// Sink is the [recovery.EventSink] for [recovery.Options].Events; put several
// together with [recovery.MultiSink]. It hands one delivery for each endpoint that wants the
// event to the queue, with ctx's values but not its end, and returns when that
// is done or [Options].EnqueueTimeout is over. It never fails: a delivery that
// the queue does not take is dropped, counted and logged. A nil *Sender tells
// nobody.
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
	var bodies [2][]byte // without and with the client
	for _, ep := range s.endpoints {
		if !ep.events[e.Kind] || ep.disabled.Load() {
			continue
		}
		if prevented && !ep.includePrevented {
			ep.prevented.Add(1)
			continue
		}
		body := &bodies[0]
		if ep.includeClient {
			body = &bodies[1]
		}
		if *body == nil {
			var err error
			if *body, err = newBody(e, ep.includeClient); err != nil {
				s.drop(ctx, ep, e.Kind, fmt.Errorf("webhook: the event makes no body: %w", err))
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

// handOver enqueues in a goroutine, because a queue that hangs must not keep a
// person waiting for the answer to a request. The goroutine decides what
// becomes of the deliveries, also after the caller has gone on.
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
		dropAll(errors.New("webhook: the queue hangs"))
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
			}
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
			// Not the value: it may quote a secret.
			err = fmt.Errorf("webhook: the queue panicked (%T)", p)
		}
	}()
	payload, err := s.seal(h.delivery)
	if err != nil {
		return err
	}
	now := time.Now()
	return h.to.queue.Enqueue(ctx, recovery.Job{
		// One event has one webhook-id, and a job of its own for each endpoint.
		ID:        h.delivery.WebhookID + "-" + h.to.id,
		NotBefore: now, NotAfter: now.Add(Lifetime),
		Payload: payload,
	})
}

// drop counts and, now and then, logs what reached no queue.
func (s *Sender) drop(ctx context.Context, ep *endpoint, kind recovery.EventKind, cause error) {
	dropped := ep.dropped.Add(1)
	now, next := time.Since(s.started), s.nextWarn.Load()
	if int64(now) < next || !s.nextWarn.CompareAndSwap(next, int64(now+warnEvery)) {
		return
	}
	s.log.ErrorContext(ctx, "webhook: event dropped", "endpoint", ep.id, "kind", string(kind), "dropped", dropped, "error", cause)
}

// begin counts an event in, unless the Sender is shutting down.
func (s *Sender) begin() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false
	}
	s.inFlight.Add(1)
	return true
}

// Shutdown drops further events and shuts a [recovery.WorkerQueue] down: the
// default one makes one last attempt at what waits and gives up what fails. It
// returns nil once no goroutine of the Sender runs, or an error when ctx ends
// first. Shut the [recovery.Service] down before, so that its last events are
// still told. It may be called more than once. A nil *Sender has nothing to
// shut down.
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
	// At once and not in turn: an endpoint that hangs must not spend the time
	// in which the others would have been told.
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

// Stats returns the present numbers, in the order of [Options].Endpoints.
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
