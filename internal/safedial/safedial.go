// Package safedial makes HTTP clients for addresses that a configuration names
// and nobody else should be able to bend: webhooks, gateways (A93).
//
// A name that was checked once may resolve to another address a moment later
// (DNS rebinding, ZITADEL CVE-2026-55671), so the check is made on the address
// that the kernel is about to connect to, after resolution and for every one of
// a name's addresses. Redirects are not followed, because whoever answers would
// choose the next address; proxies of the environment are not used, because the
// check would then see the proxy's address and not the destination's.
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
	// AllowPrivate also connects to addresses that are not public, and has
	// [CheckURL] take http. Default false.
	AllowPrivate bool
	// Timeout is how long a request may take, from the dial to the last byte
	// of the answer's body. Default [DefaultTimeout].
	Timeout time.Duration
	// RootCAs are the authorities that servers are verified against. Default:
	// the system's.
	RootCAs *x509.CertPool
}

// Client returns a client that follows no redirect: the answer to a request is
// the first one, whatever its status. Its transport is [Transport]'s.
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

// Transport returns a transport that connects to public addresses alone, with
// TLS 1.2 or later, without a proxy, and that asks for no compression: a small
// body stays a small body. Whoever reads a body bounds it.
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

// Control is a [net.Dialer]'s Control. It refuses what is neither TCP nor, but
// for allowPrivate, a public address, with an error that wraps [ErrNotPublic].
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

// Cause returns what may be told of a request that brought no answer. The URL
// goes, which [net/http] puts first and whose query may hold a secret, and so
// does what quotes the peer's own words (a malformed status line, the debug data
// of HTTP/2): these may repeat what they were sent (CVE-2026-42507).
func Cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	for _, plain := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, plain) {
			return plain
		}
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e // ErrNotPublic is in one
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return context.DeadlineExceeded
	}
	return errors.New("the answer could not be read")
}

// CheckURL parses the URL that a configuration names: absolute, https, a host
// without user information, no fragment, at most 2,048 bytes of printable
// ASCII. With allowPrivate it may also be http. Hosts that can be seen not to be
// public are refused here already, so that the mistake is found at the start;
// the others when they are dialled. An error never quotes the URL, whose query
// may hold a secret.
func CheckURL(raw string, allowPrivate bool) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, errors.New("is longer than 2,048 bytes")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
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

// notPublic reports whether a host names no public address for certain.
func notPublic(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return !Public(a)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // RFC 6761, section 6.3
}
