package smtpnotifier

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strings"

	"github.com/seed-51359b35/recovery"
)

// A Stage says which step of a delivery failed.
type Stage string

// The stages of a delivery, in their order.
const (
	// StageMessage comes before any connection: the message, or what the
	// [Renderer] made of it, cannot be sent.
	StageMessage Stage = "message"
	// StageConnect is opening the connection, with the server's greeting, EHLO
	// and, with [TLSImplicit], the TLS handshake.
	StageConnect Stage = "connect"
	// StageTLS is STARTTLS and the TLS handshake. It is also the stage if the
	// server offers no STARTTLS.
	StageTLS Stage = "tls"
	// StageAuth is signing in.
	StageAuth Stage = "auth"
	// StageSender is MAIL FROM, which names [Options].EnvelopeSender.
	StageSender Stage = "sender"
	// StageRecipient is RCPT TO, which names the person's address.
	StageRecipient Stage = "recipient"
	// StageData is DATA, the message and the server's reply to the message.
	StageData Stage = "data"
)

// ErrShutdown is wrapped by the error that [Notifier.Notify] returns after
// [Notifier.Shutdown], or when Shutdown ends a delivery early. It is temporary:
// another process may deliver the message.
var ErrShutdown = errors.New("smtpnotifier: shut down")

// An Error is a delivery that failed. It matches [recovery.ErrPermanent] if no
// retry can succeed. It wraps the error of the context, of the network or of
// the host's own function that caused it. It holds no person's address, no
// link, and nothing of the server's replies but the codes, because servers
// quote addresses and links (A39).
type Error struct {
	Stage Stage
	// Code is the code of the server's reply (RFC 5321, section 4.2), or 0 if
	// there was no reply.
	Code int
	// Enhanced is the enhanced status code of the reply (RFC 3463), for example
	// "5.1.1", or empty if the reply has none.
	Enhanced string
	// Permanent says that the error matches [recovery.ErrPermanent].
	Permanent bool

	cause error
}

// Error names the stage, and the codes or the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("smtpnotifier: ")
	b.WriteString(string(e.Stage))
	if e.Code != 0 {
		fmt.Fprintf(&b, ": the server answered %d", e.Code)
		if e.Enhanced != "" {
			b.WriteString(" " + e.Enhanced)
		}
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Is reports whether target is [recovery.ErrPermanent] and e is permanent.
func (e *Error) Is(target error) bool { return e.Permanent && target == recovery.ErrPermanent }

// Unwrap returns the cause, or nil if there is none that is safe to show.
func (e *Error) Unwrap() error { return e.cause }

// The causes that this package reports itself.
var (
	errUnreadableReply = errors.New("the server's reply cannot be read")
	errNoTLS           = errors.New("the server offers no STARTTLS")
	errNoPassword      = errors.New("the server offers no STARTTLS, and a password never goes without TLS")
	errNoAuth          = errors.New("the server offers no mechanism that may be used to sign in")
	errAuthFailed      = errors.New("signing in failed")
	errNoUTF8          = errors.New("the server offers no SMTPUTF8, and the address has letters outside ASCII before the @")
	errTooManyBytes    = errors.New("the server sent more than any reply needs")
)

// unsendable returns the error for a message that was shown to no server and
// that no retry can deliver.
func unsendable(reason string) *Error {
	return &Error{Stage: StageMessage, Permanent: true, cause: errors.New(reason)}
}

// newError returns the error for a failure at a stage.
func newError(stage Stage, err error) *Error {
	e := &Error{Stage: stage, Permanent: errors.Is(err, errNoUTF8)}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		e.Code = reply.Code
		if m := enhancedCode.FindString(reply.Msg); m != "" && m[0]-'0' == byte(reply.Code/100) {
			e.Enhanced = m
		}
		e.Permanent = isPermanent(stage, e.Code, e.Enhanced)
		return e
	}
	e.cause = safeCause(stage, err)
	return e
}

// enhancedCode matches class "." subject "." detail of RFC 3463.
var enhancedCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// isPermanent reports whether a reply is about this one message, so that the
// same message would get the same reply again. A reply about the relay, or
// about the host's account on it, is temporary even if the relay calls it
// permanent: operators can repair the cause, and until then the queue keeps the
// message as long as its link is valid. The package documentation has the
// table.
func isPermanent(stage Stage, code int, enhanced string) bool {
	if code < 500 || code > 599 {
		return false
	}
	switch code {
	case 500, 502, 503, 504: // the relay does not accept the command
		return false
	case 530, 534, 535, 538: // the relay requires TLS or signing in (RFC 4954)
		return false
	}
	switch stage {
	case StageRecipient:
		// X.7.x is security and policy: "relay access denied", a block list.
		return !strings.HasPrefix(enhanced, "5.7.")
	case StageData:
		return true
	}
	return false
}

// safeCause returns the part of err that an error may show. The errors of
// textproto and of the SASL mechanisms quote the server. The errors of the
// network, of crypto/tls and of contexts hold no personal data.
func safeCause(stage Stage, err error) error {
	if e, ok := errors.AsType[*tokenError](err); ok {
		return e
	}
	// The error around it is dropped, because it may quote an earlier reply.
	if e, ok := errors.AsType[net.Error](err); ok {
		return e
	}
	for _, safe := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, io.ErrShortWrite, os.ErrDeadlineExceeded, net.ErrClosed,
		errTooManyBytes, errNoTLS, errNoPassword, errNoAuth, errNoUTF8,
	} {
		if errors.Is(err, safe) {
			return safe
		}
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return e
	}
	if strings.HasPrefix(err.Error(), "tls: ") {
		return err
	}
	if stage == StageAuth {
		return errAuthFailed
	}
	return errUnreadableReply
}
