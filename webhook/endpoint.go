package webhook

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/safedial"
)

// EndpointStats are the numbers of one endpoint since [New].
type EndpointStats struct {
	// Endpoint is the endpoint's ID.
	Endpoint string
	// Delivered is how many deliveries were answered with a 2xx status.
	Delivered uint64
	// Failed is how many attempts failed. Deferred is how many attempts were
	// not made because the endpoint had asked for a pause.
	Failed, Deferred uint64
	// Dropped is how many events were too long, or were not accepted by the
	// queue.
	Dropped uint64
	// Dead is how many deliveries were given up.
	Dead uint64
	// Prevented is how many events were not sent because the caller asked for
	// no webhook.
	Prevented uint64
	// Disabled says that the endpoint answered 410 Gone.
	Disabled bool
}

// An endpoint is an [Endpoint] with what is needed to send to it.
type endpoint struct {
	id               string
	url              string
	events           map[recovery.EventKind]bool
	includeClient    bool
	includePrevented bool
	includeHostData  bool
	signer           signer
	client           *http.Client
	queue            recovery.Queue

	started   time.Time // heldUntil counts from here, so that a change of the clock has no effect
	disabled  atomic.Bool
	heldUntil atomic.Int64 // since started, in nanoseconds

	delivered, failed, deferred, dropped, dead, prevented atomic.Uint64
}

func newEndpoint(o Endpoint, queue recovery.Queue, timeout time.Duration) (*endpoint, error) {
	e := &endpoint{
		id: o.ID, url: o.URL,
		events:        make(map[recovery.EventKind]bool),
		includeClient: o.IncludeClient, includePrevented: o.IncludePrevented, includeHostData: o.IncludeHostData,
		client: safedial.Client(safedial.Options{
			AllowPrivate: o.DangerouslyAllowPrivateAddresses, Timeout: timeout, RootCAs: o.RootCAs,
		}),
		queue:   queue,
		started: time.Now(),
	}
	for _, kind := range o.Events {
		e.events[kind] = true
	}
	var err error
	e.signer, err = newSigner(o.Secrets)
	return e, err
}

// hold stops attempts at the endpoint for the length of pause. A later hold
// never shortens an earlier one, because the answers of concurrent attempts
// come in any order.
func (e *endpoint) hold(pause time.Duration) {
	until := int64(time.Since(e.started) + pause)
	for {
		old := e.heldUntil.Load()
		if until <= old || e.heldUntil.CompareAndSwap(old, until) {
			return
		}
	}
}

func (e *endpoint) onHold() bool { return int64(time.Since(e.started)) < e.heldUntil.Load() }

func (e *endpoint) stats() EndpointStats {
	return EndpointStats{
		Endpoint:  e.id,
		Delivered: e.delivered.Load(), Failed: e.failed.Load(), Deferred: e.deferred.Load(),
		Dropped: e.dropped.Load(), Dead: e.dead.Load(), Prevented: e.prevented.Load(),
		Disabled: e.disabled.Load(),
	}
}
