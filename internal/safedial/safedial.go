// Package safedial makes HTTP clients for URLs from a configuration, such as
// those of webhooks and gateways. Nobody else can lead these clients to another
// address (A93).
//
// A name that was checked once may resolve to another address a moment later
// (DNS rebinding, ZITADEL CVE-2026-55671). So the check is made after the name
// was resolved, on the address to which the kernel is about to connect, for
// each of the name's addresses. Redirects are not followed, because the server
// that answers would choose the next address. Proxies of the environment are
// not used, because the check would then see the address of the proxy and not
// that of the destination.
package safedial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// ErrNotPublic is wrapped by the error of a connection that was refused because
// its address is not public. [net/http] and [net] wrap it once more.
var ErrNotPublic = errors.New("the address is not public")

const (
	// DefaultTimeout is how long a request may take, with its answer.
	DefaultTimeout = 10 * time.Second

	maxURL         = 2048
	dialTimeout    = 5 * time.Second
	maxHeaderBytes = 16 << 10
)

// Options configure a client. The zero value is the strictest.
type Options struct {
	// AllowPrivate also allows connections to addresses that are not public.
	// Pass the same value to [CheckURL], which then also accepts http. Default
	// false.
	AllowPrivate bool
	// Timeout is how long a request may take, from the dial to the last byte
	// of the answer's body. Default [DefaultTimeout].
	Timeout time.Duration
	// RootCAs are the authorities that servers are verified against. Default:
	// the system's.
	RootCAs *x509.CertPool
}

// Client returns a client that follows no redirect: it returns the first answer
// to a request, whatever its status. It uses the transport of [Transport].
func Client(o Options) *http.Client {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &http.Client{
		Transport:     Transport(o),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       o.Timeout,
	}
}

// Transport returns a transport that connects only to public addresses, uses
// TLS 1.2 or later, and uses no proxy. It does not ask for compression, so that
// a small body cannot become a large one. Whoever reads a body must limit its
// size.
func Transport(o Options) *http.Transport {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	dialer := &net.Dialer{
		Timeout:   min(dialTimeout, o.Timeout),
		KeepAlive: 30 * time.Second,
		Control:   Control(o.AllowPrivate),
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    min(dialTimeout, o.Timeout),
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           16,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        90 * time.Second,
	}
}

// Control returns a function for the field Control of a [net.Dialer]. The
// function refuses a network other than TCP and, unless allowPrivate is true,
// an address that is not public. Its error wraps [ErrNotPublic].
func Control(allowPrivate bool) func(network, address string, c syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return fmt.Errorf("safedial: network %s: %w", network, ErrNotPublic)
		}
		if allowPrivate {
			return nil
		}
		ap, err := netip.ParseAddrPort(address)
		if err != nil || !Public(ap.Addr()) {
			return fmt.Errorf("safedial: %s: %w", address, ErrNotPublic)
		}
		return nil
	}
}

// Cause returns an error that says why a request got no answer and that is safe
// to log. It removes the URL, which [net/http] puts first and whose query may
// hold a secret. It also removes texts from the server (a malformed status
// line, the debug data of HTTP/2), because they may repeat parts of the request
// (CVE-2026-42507).
func Cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e // also the error of Control, with ErrNotPublic
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return context.DeadlineExceeded
	}
	return errors.New("the answer could not be read")
}

// CheckURL parses a URL from a configuration. The URL must be absolute, with
// https and a host, without user information and without a fragment, and have
// at most 2,048 bytes of printable ASCII. With allowPrivate it may also be
// http. CheckURL refuses a host that is certainly not public, so that the
// mistake is found at the start. Any other host is checked when it is dialled.
// An error never quotes the URL, whose query may hold a secret.
func CheckURL(raw string, allowPrivate bool) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, errors.New("is longer than 2,048 bytes")
	}
	if !ascii.IsName(raw, 0, maxURL) {
		return nil, errors.New("must be printable ASCII without spaces")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("does not parse")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("must be absolute")
	case u.User != nil:
		return nil, errors.New("must not have user information")
	case strings.Contains(raw, "#"):
		return nil, errors.New("must not have a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !allowPrivate):
		return nil, errors.New("must be https")
	case !allowPrivate && notPublic(u.Hostname()):
		return nil, errors.New("must not name an address that is not public")
	}
	return u, nil
}

// notPublic reports whether host is certainly not public. It does not resolve
// names.
func notPublic(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return !Public(a)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // RFC 6761, section 6.3
}
