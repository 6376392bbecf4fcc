package smsnotifier

import (
	"net/http"
	"time"

	"github.com/seed-51359b35/recovery/internal/safedial"
)

// DefaultTimeout is how long a request to a provider may take by default, from
// the dial to the last byte of the answer: 10 s.
const DefaultTimeout = safedial.DefaultTimeout

// NewTransport returns an HTTP transport for a [Provider] that calls a service
// on the Internet. It connects to public addresses only, checks the address
// after the name was resolved (A93), uses TLS 1.2 or later, and uses no proxy.
// A timeout of zero means [DefaultTimeout]. The provider must not follow
// redirects.
func NewTransport(timeout time.Duration) *http.Transport {
	return safedial.Transport(safedial.Options{Timeout: timeout})
}

// TransportCause returns the part of a failed request's error that a log may
// show. It drops the URL and the text of the other side, because both may quote
// a secret.
func TransportCause(err error) error { return safedial.Cause(err) }
