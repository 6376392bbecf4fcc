package webhook

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/masterkey"
	"github.com/seed-51359b35/recovery/internal/safedial"
)

// Options configure a [Sender]. The zero value of a field is its secure
// default. Endpoints and Keys are required. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Endpoints are the systems to notify, 1 to 64. Required.
	Endpoints []Endpoint
	// Keys encrypt the deliveries in the queue, so that whoever reads the
	// queue's storage does not learn who reset a password: 1 to 8 keys of at
	// least 32 random bytes. The first one is in use, the rest are still
	// accepted. Required. They may be the keys of [recovery.Options].Keys: the
	// Sender derives keys of its own from them. To change the key, deploy the
	// new one everywhere as the last one, then move it to the front everywhere,
	// and drop the old one four days later, when [Lifetime] has passed.
	Keys [][]byte

	// Queue holds the deliveries between their attempts. It must keep a job for
	// [Lifetime], pause as [RetrySchedule] says, and give an attempt at least
	// Timeout. The Sender must be its only user, because a queue has one
	// handler. [New] starts a [recovery.WorkerQueue], and [Sender.Shutdown]
	// shuts it down. For any other queue, the host's workers call
	// [Sender.Perform] and [Sender.DeadLetter]. Default: one
	// [recovery.MemoryQueue] for each endpoint, with room for 4,096 jobs and
	// with 4 workers, so that an endpoint that hangs delays no other. If the
	// process dies, the deliveries in such a queue are lost.
	Queue recovery.Queue
	// EnqueueTimeout is the longest time that [Sender.Sink] keeps its caller
	// waiting, 1 ms to 5 s. Default 100 ms.
	EnqueueTimeout time.Duration
	// Timeout is how long one attempt may take, from the dial to the end of the
	// answer, 1 to 30 s. Default 15 s.
	Timeout time.Duration

	// OnUndelivered is called with a delivery that was given up, and the cause:
	// the last attempt failed, the endpoint answered 410 Gone, or Shutdown
	// ended the delivery. A worker of the queue calls it, so it should be
	// quick. Default: the delivery is only logged and counted.
	OnUndelivered func(ctx context.Context, d Delivery, cause error)
	// OnDisabled is called once for each endpoint that answers 410 Gone. This
	// process sends nothing more to the endpoint. A worker of the queue calls
	// OnDisabled. Default: this is only logged.
	OnDisabled func(ctx context.Context, endpoint string)
	// Logger receives warnings and errors. Default: [slog.Default].
	Logger *slog.Logger
}

// An Endpoint is a URL of another system that is notified of events. It prints
// as its ID, because its secrets and its URL may give access to that system.
type Endpoint struct {
	_ [0]func()

	// ID names the endpoint in logs, errors, statistics and waiting deliveries:
	// 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', unique. If an ID disappears
	// from the configuration, its waiting deliveries are given up only at the
	// end of their [Lifetime], because another instance may still know the ID.
	// Default: the host name in URL. Set ID if two endpoints share the host
	// name or if it is an IPv6 address.
	ID string
	// URL is where deliveries are sent by POST: absolute, https, without user
	// information and fragment, at most 2,048 bytes of printable ASCII.
	// Required. Path and query may hold a secret. Neither is ever logged.
	URL string
	// Secrets sign the deliveries: 1 to 4 in the form of Standard Webhooks,
	// "whsec_" and the standard base64 of 24 to 64 random bytes; see
	// [GenerateSecret]. Required. Every delivery carries one signature for each
	// secret. To rotate, add the new secret beside the old one, give it to the
	// receiver, and remove the old one. Two endpoints must not share a secret:
	// each could replay to the other what it received.
	Secrets []recovery.Secret
	// Events are the kinds of events to send. Default: [DefaultEvents].
	Events []recovery.EventKind

	// IncludeClient adds the IP address of the person's device to the data.
	// Default false: an IP address is personal data (GDPR, recital 30; CJEU
	// C-582/14), and a receiver that does not use it should not get it.
	IncludeClient bool
	// IncludeHostData adds the host's own words ([recovery.Event].Data) to the data.
	// Default false: they may be about the person, and a receiver that does not use
	// them should not get them.
	IncludeHostData bool
	// IncludePrevented also sends the events of operations whose caller asked
	// for no webhook ([recovery.LabelNoWebhook]). Set it for a system that
	// watches the callers themselves. Default false.
	IncludePrevented bool

	// RootCAs are the authorities that may have signed the endpoint's
	// certificate. Default: the system's.
	RootCAs *x509.CertPool
	// DangerouslyAllowPrivateAddresses allows http in URL, and connections to
	// addresses that are not public. Default false, because an endpoint whose
	// name resolves to an address in the host's own network could reach systems
	// that are closed to outsiders (A93). Set it for an endpoint in that
	// network, and let nobody else choose the URL or control its DNS name.
	DangerouslyAllowPrivateAddresses bool
}

// String returns the ID.
func (e Endpoint) String() string { return "webhook endpoint " + e.id() }

// Format writes String, whatever the verb, because %+v would print the URL.
func (e Endpoint) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.String())) }

// LogValue returns the ID.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.id()) }

// id returns ID or its default.
func (e Endpoint) id() string {
	if e.ID != "" {
		return e.ID
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

const (
	maxEndpoints = 64
	maxSecrets   = 4
	maxKeys      = 8
)

// withDefaults returns a copy in which zero fields have their defaults. The
// caller's slice of endpoints stays unchanged.
func (o Options) withDefaults() Options {
	o.Endpoints = slices.Clone(o.Endpoints)
	for i := range o.Endpoints {
		e := &o.Endpoints[i]
		e.ID = e.id()
		if len(e.Events) == 0 {
			e.Events = DefaultEvents()
		}
	}
	if o.EnqueueTimeout == 0 {
		o.EnqueueTimeout = 100 * time.Millisecond
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// validate reports every mistake at once. The receiver has its defaults. No
// reason quotes a URL or a secret.
func (o Options) validate() error {
	mistakes := recovery.OptionErrors{Package: "webhook"}
	switch n := len(o.Endpoints); {
	case n == 0:
		mistakes.Add("Endpoints", "is required: the systems to notify")
	case n > maxEndpoints:
		mistakes.Add("Endpoints", "has %d endpoints, at most %d", n, maxEndpoints)
	}
	checkEndpoints(&mistakes, o.Endpoints)
	checkKeys(&mistakes, o.Keys)
	mistakes.CheckDuration("EnqueueTimeout", o.EnqueueTimeout, time.Millisecond, 5*time.Second)
	mistakes.CheckDuration("Timeout", o.Timeout, time.Second, 30*time.Second)
	return mistakes.Err()
}

func checkEndpoints(mistakes *recovery.OptionErrors, endpoints []Endpoint) {
	ids := map[string]int{}     // the endpoint with the ID
	secrets := map[string]int{} // the endpoint with the secret
	for i, e := range endpoints {
		option := fmt.Sprintf("Endpoints[%d].", i)
		_, err := safedial.CheckURL(e.URL, e.DangerouslyAllowPrivateAddresses)
		if err != nil {
			mistakes.Add(option+"URL", "%v", err)
		}
		if j, twice := ids[e.ID]; twice && e.ID != "" {
			mistakes.Add(option+"ID", "is the ID of endpoint %d too", j)
		} else if !isID(e.ID) && (e.ID != "" || err == nil) {
			mistakes.Add(option+"ID", "must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'")
		}
		ids[e.ID] = i
		if n := len(e.Secrets); n == 0 || n > maxSecrets {
			mistakes.Add(option+"Secrets", "has %d secrets, must have 1 to %d", n, maxSecrets)
		}
		for j, s := range e.Secrets {
			key, err := parseSecret(s)
			if err != nil {
				mistakes.Add(option+"Secrets", "secret %d %v", j, err)
				continue
			}
			if k, twice := secrets[string(key)]; twice {
				mistakes.Add(option+"Secrets", "secret %d is a secret of endpoint %d already", j, k)
			}
			secrets[string(key)] = i
		}
		for _, kind := range e.Events {
			if !slices.Contains(AllEvents(), kind) {
				mistakes.Add(option+"Events", "%.64q is not a kind of event", string(kind))
			}
		}
	}
}

func checkKeys(mistakes *recovery.OptionErrors, keys [][]byte) {
	if n := len(keys); n == 0 || n > maxKeys {
		mistakes.Add("Keys", "has %d keys, must have 1 to %d, the same on every instance", n, maxKeys)
	}
	for _, mistake := range masterkey.Check(keys) {
		mistakes.Add("Keys", "%s", mistake)
	}
}

func isID(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	})
}
