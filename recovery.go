package recovery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-51359b35/recovery/internal/clientaddr"
	"github.com/seed-51359b35/recovery/internal/httpapi"
	"github.com/seed-51359b35/recovery/internal/outage"
	"github.com/seed-51359b35/recovery/internal/seal"
	"github.com/seed-51359b35/recovery/password"
)

// A Service recovers passwords. [New] makes one and [Service.Shutdown] ends it.
// Its methods are safe for concurrent use. After Shutdown, those that do work
// for a request return an error that wraps [ErrUnavailable].
// [Service.CheckNotMe] still works, because it asks no store.
type Service struct {
	leads    LeadStore
	tokens   TokenStore
	notifier Notifier
	opts     Options
	log      *slog.Logger
	outages  *outage.Log
	blocked  atomic.Int64 // calls in workers that last longer than blockedAfter

	toldOfStores   atomic.Bool // tellOfStores logged
	toldOfHash     atomic.Bool // advise said what log-in has to call
	versionChanges atomic.Bool // a reset was seen to change Lead.Version

	keys     *keyring
	clients  *clientaddr.Resolver
	mount    httpapi.Mount  // of the JSON API
	cors     *httpapi.CORS  // of the JSON API
	secrets  *MemoryLimiter // counts the secrets that clients present
	fields   map[string]Field
	mailTo   string       // the field that links are sent to by default, or empty
	foreign  seal.Foreign // jobs that only another instance can open
	links    seal.Told    // what was logged of links that another instance may have sealed
	proxies  toldProxies  // what was logged of proxies
	register linkRegister // links of other handlers, and pages
	brands   validBrands
	bulks    sync.Map // the jobs of bulks that run here: see alone

	mu       sync.RWMutex
	closed   bool
	inFlight requests
	closing  chan struct{} // closed to end the pauses of background tasks
	repeats  chan struct{} // holds one entry for each background task
	tasks    sync.WaitGroup
	lost     atomic.Int64 // background tasks that Shutdown gave a last try, in vain
	queues   []Queue      // the public one, and that of deliveries if it is another
}

// New returns a Service that uses the host's user store, a token store and a
// notifier. All three are required. It reports every mistake in them and in
// opts at once, as [*OptionError] values joined by [errors.Join]. It starts a
// [WorkerQueue], so call [Service.Shutdown] in the end. An error of the queue's
// Start is returned too, and is no OptionError.
func New(leads LeadStore, tokens TokenStore, notifier Notifier, opts Options) (*Service, error) {
	opts = opts.withDefaults()
	if err := opts.validate(leads, tokens, notifier); err != nil {
		return nil, err
	}
	keys, err := newKeyring(opts)
	if err != nil {
		return nil, err
	}
	clients, err := clientaddr.New(opts.ClientAddress.resolver())
	if err != nil {
		return nil, err
	}
	cors, err := httpapi.NewCORS(opts.API.Origins)
	if err != nil {
		return nil, err
	}
	if opts.Passwords.Hasher == nil {
		if opts.Passwords.Hasher, err = password.NewArgon2id(password.Argon2idOptions{Logger: opts.Logger}); err != nil {
			return nil, err
		}
	}
	if opts.Passwords.Policy == nil {
		policy := password.PolicyOptions{MaxBytes: opts.Passwords.maxBytes()}
		if opts.Passwords.Policy, err = password.NewPolicy(policy); err != nil {
			return nil, err
		}
	}
	if opts.Limiter == nil {
		var ok bool
		if opts.Limiter, ok = tokens.(Limiter); !ok {
			opts.Limiter = NewMemoryLimiter(MemoryLimiterOptions{})
		}
	}
	shared := opts.Queue != nil && opts.DeliveryQueue == nil
	switch {
	case shared:
		opts.DeliveryQueue = opts.Queue
		opts.Logger.Warn("recovery: option DeliveryQueue is not set, so deliveries wait in Queue; while mail is down, strangers can tell by its fullness who has an account. Set DeliveryQueue to a second queue")
	case opts.Queue == nil:
		opts.Queue = NewMemoryQueue(MemoryQueueOptions{})
	}
	if opts.DeliveryQueue == nil {
		opts.DeliveryQueue = NewMemoryQueue(MemoryQueueOptions{Workers: maxConcurrent(notifier)})
	}
	opts.warnOfIdleWorkers(notifier)
	opts.warnOfOldKeys()
	opts.warnOfMixedStores(tokens)
	opts.tellOfMemoryQueue()
	s := &Service{
		leads: leads, tokens: tokens, notifier: notifier,
		opts: opts, log: opts.Logger, outages: outage.New("recovery: works again"), keys: keys, clients: clients,
		mount: httpapi.Mount(opts.API.Path), cors: cors,
		secrets: NewMemoryLimiter(MemoryLimiterOptions{}),
		fields:  make(map[string]Field),
		mailTo:  linksGoTo(opts.Fields),
		closing: make(chan struct{}),
		repeats: make(chan struct{}, maxRepeats),
	}
	for _, f := range opts.Fields {
		s.fields[f.Name] = f
	}
	// The public queue hands over to the other one, so it starts last, and
	// ends first.
	s.queues = []Queue{opts.Queue}
	if !shared {
		s.queues = append(s.queues, opts.DeliveryQueue)
	}
	for i, queue := range slices.Backward(s.queues) {
		q, ok := queue.(WorkerQueue)
		if !ok {
			continue
		}
		if err := q.Start(s); err != nil {
			for _, started := range s.queues[i+1:] {
				if q, ok := started.(WorkerQueue); ok {
					_ = q.Shutdown(context.Background()) // it has no jobs
				}
			}
			return nil, fmt.Errorf("recovery: starting the queue: %w", err)
		}
	}
	return s, nil
}
