package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/safedial"
)

// Options configure a [Sender]. The zero value of a field is its secure
// default; Endpoints and Keys have none. [New] copies what it needs.
type Options struct {
	_ [0]func()

	// Endpoints are who is told: 1 to 64.
	Endpoints []Endpoint
	// Keys seal what waits in the queue, so that its storage shows nobody who
	// reset a password: 1 to 8 keys of at least 32 random bytes, the first one
	// in use, the rest still accepted. Required. They may be those of
	// [recovery.Options].Keys, from which others are derived here. To rotate,
	// deploy the new key everywhere as the last one, then move it to the front,
	// and drop the old one four days later, when [Lifetime] has passed.
	Keys [][]byte

	// Queue holds the deliveries between their attempts. It needs [Lifetime]
	// and [RetrySchedule], and an attempt's time of at least Timeout; it is the
	// Sender's alone, because a queue has one handler. A
	// [recovery.WorkerQueue] is started by [New] and shut down by
	// [Sender.Shutdown]; with any other the host calls [Sender.Perform] and
	// [Sender.DeadLetter] from its workers. Default: for each endpoint a
	// [recovery.MemoryQueue] of its own, with 4,096 places and 4 workers, so
	// that an endpoint that hangs delays no other. What those hold is lost when
	// the process dies.
	Queue recovery.Queue
	// EnqueueTimeout is the longest that [Sender.Sink] keeps its caller
	// waiting, 1 ms to 5 s. Default 100 ms.
	EnqueueTimeout time.Duration
	// Timeout is how long one attempt may take, from the dial to the end of the
	// answer, 1 to 30 s. Default 15 s.
	Timeout time.Duration

	// Undelivered is told of a delivery that was given up, and why: after the
	// last attempt, because the endpoint is gone, or in a Shutdown. It runs in a worker of the queue and should be quick.
	// Default: it is logged and counted only.
	OnUndelivered func(ctx context.Context, d Delivery, cause error)
	// Disabled is told that an endpoint answered 410 Gone, and that it will be
	// told nothing more by this process. Called once for each endpoint, by a
	// worker of the queue. Default: it is logged only.
	OnDisabled func(ctx context.Context, endpoint string)
	// Logger receives what goes wrong. Default: [slog.Default].
	Logger *slog.Logger
}

// An Endpoint is a URL of another system that is told of events. It prints as
// its ID, because both secrets and URL may open doors.
type Endpoint struct {
	_ [0]func()

	// ID names the endpoint in logs, errors, statistics and waiting
	// deliveries: 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', unique. What
	// waits when an ID disappears from the configuration is given up at the end
	// of its [Lifetime], in case another instance knows it. Default:
	// the URL's host name, which has to be written out where two endpoints
	// share it or it is an IPv6 address.
	ID string
	// URL is where to POST: absolute, https, without user information and
	// fragment, at most 2,048 bytes of printable ASCII. Required. Path and
	// query may hold a secret; neither is ever logged.
	URL string
	// Secrets sign: 1 to 4 in the form of Standard Webhooks, "whsec_" and the
	// standard base64 of 24 to 64 random bytes; see [GenerateSecret]. Required.
	// Every delivery carries a signature for each. To rotate, put the new one
	// beside the old one, give it to the receiver, and drop the old one. No two
	// endpoints share a secret, or each could replay to the other what it
	// received.
	Secrets []recovery.Secret
	// Events are the kinds to tell of. Default: [DefaultEvents].
	Events []recovery.EventKind

	// IncludeClient puts the address of the person's device into the data.
	// Default false: an IP address is personal data (GDPR, recital 30; CJEU
	// C-582/14), and a receiver that does not look at it should not have it.
	IncludeClient bool
	// IncludePrevented tells this endpoint also of operations whose caller
	// asked for no webhook ([recovery.LabelNoWebhook]). Default false.
	// Set it for the system that watches the callers themselves.
	IncludePrevented bool

	// RootCAs are the authorities that the endpoint's certificate is verified
	// against. Default: the system's.
	RootCAs *x509.CertPool
	// DangerouslyAllowPrivate also delivers to addresses that are not public,
	// and by plain http. Default false: an endpoint whose name is made to
	// resolve into the host's own network would reach what nobody else can
	// (A93). For an endpoint in that network set it, and let nobody else choose
	// the URL or answer for its name.
	DangerouslyAllowPrivateAddresses bool
}

// String returns the ID.
func (e Endpoint) String() string { return "webhook endpoint " + e.id() }

// Format writes String, whatever the verb, because %+v would print the URL.
func (e Endpoint) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.String())) }

// LogValue is the ID.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.id()) }

// id is ID or its default.
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
	minKey       = 32
)

// withDefaults fills in what is zero, in copies of what is the caller's.
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
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &recovery.OptionError{Option: option, Reason: fmt.Sprintf(format, args...)})
	}
	switch n := len(o.Endpoints); {
	case n == 0:
		bad("Endpoints", "is required: who is told")
	case n > maxEndpoints:
		bad("Endpoints", "has %d endpoints, at most %d", n, maxEndpoints)
	}
	ids, secrets := map[string]int{}, map[string]int{}
	for i, e := range o.Endpoints {
		at := fmt.Sprintf("Endpoints[%d].", i)
		_, err := safedial.CheckURL(e.URL, e.DangerouslyAllowPrivateAddresses)
		if err != nil {
			bad(at+"URL", "%v", err)
		}
		if j, twice := ids[e.ID]; twice && e.ID != "" {
			bad(at+"ID", "is that of endpoint %d too", j)
		} else if !isID(e.ID) && (e.ID != "" || err == nil) {
			bad(at+"ID", "must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'")
		}
		ids[e.ID] = i
		if n := len(e.Secrets); n == 0 || n > maxSecrets {
			bad(at+"Secrets", "has %d secrets, must have 1 to %d", n, maxSecrets)
		}
		for j, s := range e.Secrets {
			key, err := parseSecret(s)
			if err != nil {
				bad(at+"Secrets", "secret %d %v", j, err)
				continue
			}
			if k, twice := secrets[string(key)]; twice {
				bad(at+"Secrets", "secret %d is one of endpoint %d already", j, k)
			}
			secrets[string(key)] = i
		}
		for _, kind := range e.Events {
			if !slices.Contains(AllEvents(), kind) {
				bad(at+"Events", "%.64q is no kind of event", string(kind))
			}
		}
	}
	if n := len(o.Keys); n == 0 || n > maxKeys {
		bad("Keys", "has %d keys, must have 1 to %d, the same on every instance", n, maxKeys)
	}
	for i, k := range o.Keys {
		if len(k) < minKey {
			bad("Keys", "key %d has %d bytes, must have at least %d", i, len(k), minKey)
		}
		for j := range i {
			if string(o.Keys[j]) == string(k) {
				bad("Keys", "keys %d and %d are the same", j, i)
			}
		}
	}
	for _, d := range []struct {
		name         string
		v, low, high time.Duration
	}{
		{"EnqueueTimeout", o.EnqueueTimeout, time.Millisecond, 5 * time.Second},
		{"Timeout", o.Timeout, time.Second, 30 * time.Second},
	} {
		if d.v < d.low || d.v > d.high {
			bad(d.name, "is %v, must be %v to %v", d.v, d.low, d.high)
		}
	}
	return errors.Join(errs...)
}

func isID(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	})
}
