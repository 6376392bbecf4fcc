package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/seed-51359b35/recovery/internal/safedial"
)

// A DeliveryError says that an attempt failed. Its text names the endpoint by
// its ID. It quotes neither URL nor answer, because both may hold secrets; the
// errors of net/http quote them (A39, CVE-2026-42507). It matches
// [recovery.ErrPermanent] if the endpoint answered 410 Gone, and
// [context.Canceled] or [context.DeadlineExceeded] if that ended the attempt.
type DeliveryError struct {
	// Endpoint is the endpoint's ID.
	Endpoint string
	// WebhookID is the header webhook-id.
	WebhookID string
	// Status is the status of the answer, or 0 if there was no answer.
	Status int
	// Reason is one of a fixed set of texts.
	Reason string

	kind error // the error that this one matches, or nil
}

func newDeliveryError(d Delivery, status int, reason string, kind error) *DeliveryError {
	return &DeliveryError{Endpoint: d.Endpoint, WebhookID: d.WebhookID, Status: status, Reason: reason, kind: kind}
}

func (e *DeliveryError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("webhook: endpoint %s: %s", e.Endpoint, e.Reason)
	}
	return fmt.Sprintf("webhook: endpoint %s: %s (status %d)", e.Endpoint, e.Reason, e.Status)
}

// Unwrap returns the error that e matches, or nil. It never returns an error of
// net/http.
func (e *DeliveryError) Unwrap() error { return e.kind }

// classify returns why there was no answer, as one of a fixed set of texts, and
// the error that the [DeliveryError] should match.
func classify(err error) (reason string, kind error) {
	if errors.Is(err, safedial.ErrNotPublic) {
		return "its address is not public", nil
	}
	if errors.Is(err, context.Canceled) {
		return "the attempt was canceled", context.Canceled
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "its name does not resolve", nil
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "no answer in time", context.DeadlineExceeded
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificateReason(err), nil
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "does not speak TLS", nil
	}
	// The type that crypto/tls uses for an alert is not exported.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return "ended TLS with an alert", nil
	}
	for _, f := range []struct {
		cause  error
		reason string
	}{
		{syscall.ECONNREFUSED, "refused the connection"},
		{syscall.ECONNRESET, "reset the connection"},
		{syscall.EHOSTUNREACH, "cannot be reached"},
		{syscall.ENETUNREACH, "cannot be reached"},
		{io.EOF, "closed the connection"},
		{io.ErrUnexpectedEOF, "closed the connection"},
	} {
		if errors.Is(err, f.cause) {
			return f.reason, nil
		}
	}
	return "no valid answer", nil
}

func certificateReason(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is by an unknown authority"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another name"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "its certificate has expired or is not yet valid"
	}
	return "its certificate is not valid"
}

// drain reads a short answer to its end, so that the connection can be used
// again, and closes the body. It does not read a long answer, or one of unknown
// length, which may never end. The connection is then closed.
func drain(answer *http.Response) {
	if answer.ContentLength >= 0 && answer.ContentLength <= 4<<10 {
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 4<<10))
	}
	_ = answer.Body.Close()
}
