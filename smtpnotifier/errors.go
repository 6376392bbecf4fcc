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

// A Stage says how far a delivery came.
type Stage string

// The stages of a delivery, in their order.
const (
	// StageMessage is before any connection: the message, or what the
	// [Renderer] made of it, cannot be sent.
	StageMessage Stage = "message"
	// StageConnect is up to and with the server's greeting, EHLO and, with
	// [TLSImplicit], the handshake.
	StageConnect Stage = "connect"
	// StageTLS is STARTTLS and its handshake, or that the server offers none.
	StageTLS Stage = "tls"
	// StageAuth is signing in.
	StageAuth Stage = "auth"
	// StageSender is MAIL FROM, which names [Options].EnvelopeSender.
	StageSender Stage = "sender"
	// StageRecipient is RCPT TO, which names the person's address.
	StageRecipient Stage = "recipient"
	// StageData is DATA, the message and the server's answer to it.
	StageData Stage = "data"
)

// ErrClosed is wrapped by what [Notifier.Notify] returns after
// [Notifier.Shutdown], and by what it returns when Close cuts it short. It is
// temporary: another process may deliver the message.
var ErrShutdown = errors.New("smtpnotifier: closed")

// An Error is a delivery that failed. It matches [recovery.ErrPermanent] if no
// retry can mend it, and the error of the context, of the network or of the
// host's own functions behind it. It holds no person's address, no link and
// nothing of what the server said but the codes, because servers quote both
// (A39).
type Error struct {
	Stage Stage
	// Code is the server's reply (RFC 5321, section 4.2), 0 if it gave none.
	Code int
	// Enhanced is its enhanced status code (RFC 3463), for example "5.1.1",
	// empty if it gave none.
	Enhanced string
	// Permanent says that the error matches [recovery.ErrPermanent].
	Permanent bool

	cause error
}

// Error says the stage, and the codes or the cause.
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

// Is reports whether target is [recovery.ErrPermanent] and the error is.
func (e *Error) Is(target error) bool { return e.Permanent && target == recovery.ErrPermanent }

// Unwrap returns the cause, if there is one that is safe to tell.
func (e *Error) Unwrap() error { return e.cause }

// The causes that are this package's own.
var (
	errReply      = errors.New("the server's reply cannot be read")
	errNoTLS      = errors.New("the server offers no STARTTLS")
	errNoPassword = errors.New("the server offers no STARTTLS, and a password never goes without TLS")
	errNoAuth     = errors.New("the server offers no mechanism that may be used to sign in")
	errRefused    = errors.New("signing in failed")
	errTalkative  = errors.New("the server sent more than any reply needs")
)

// unsendable is a message that no server was shown, and that no retry mends.
func unsendable(reason string) *Error {
	return &Error{Stage: StageMessage, Permanent: true, cause: errors.New(reason)}
}

// failed tells what went wrong at a stage.
func failed(stage Stage, err error) *Error {
	e := &Error{Stage: stage}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		e.Code = reply.Code
		if m := enhancedCode.FindString(reply.Msg); m != "" && m[0]-'0' == byte(reply.Code/100) {
			e.Enhanced = m
		}
		e.Permanent = permanent(stage, e.Code, e.Enhanced)
		return e
	}
	e.cause = tellable(stage, err)
	return e
}

// enhancedCode is RFC 3463's class "." subject "." detail.
var enhancedCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// permanent reports whether a reply is about this very message, so that the
// same message gets the same reply again. Whatever is about the relay or about
// this library's standing with it is temporary, however the relay words it:
// operators mend that, and until then the queue keeps the message as long as
// its link lives. The package documentation has the table.
func permanent(stage Stage, code int, enhanced string) bool {
	if code < 500 || code > 599 {
		return false
	}
	switch code {
	case 500, 502, 503, 504: // the relay does not know the command, or not now
		return false
	case 530, 534, 535, 538: // it wants TLS or a password first (RFC 4954)
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

// tellable returns what of err may be told. The errors of textproto and of the
// SASL mechanisms quote the server; those of the network, of crypto/tls and of
// contexts quote nothing that a person owns.
func tellable(stage Stage, err error) error {
	if e, ok := errors.AsType[*tokenError](err); ok {
		return e
	}
	// Not what is wrapped around it, which may quote an earlier reply.
	if e, ok := errors.AsType[net.Error](err); ok {
		return e
	}
	for _, plain := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, io.ErrShortWrite, os.ErrDeadlineExceeded, net.ErrClosed,
		errTalkative, errNoTLS, errNoPassword, errNoAuth,
	} {
		if errors.Is(err, plain) {
			return plain
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
		return errRefused
	}
	return errReply
}
