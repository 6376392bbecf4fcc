package smtpnotifier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// What a server may say until a connection is ready, TLS and its certificates
// included, and for one message, in bytes. A reply line has 512 (RFC 5321,
// section 4.5.3.1.5).
const (
	greetingBudget = 256 << 10
	messageBudget  = 64 << 10
)

// probeTimeout is how long a connection that was idle may take for its first
// reply. Firewalls forget connections and tell neither side, so silence on one
// of these says nothing about the server.
const probeTimeout = 5 * time.Second

// quitTimeout is how long a server is given to say goodbye.
const quitTimeout = 2 * time.Second

// A timeoutError is one of the Options' timeouts that has passed. It is a
// [net.Error].
type timeoutError struct{ what string }

func (e *timeoutError) Error() string   { return e.what + " has passed" }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// A session is a connection that is ready for messages. One goroutine uses it
// at a time.
//
// It drives the library's command level and not its Client: that one does not
// hear of a context once it has dialled, leaves connections open that fail
// before they are ready, and goes on in clear with mechanisms of its own
// choice.
type session struct {
	wire   *wire
	client *smtp.Client
	sent   int // messages
	reused bool

	expiry *time.Timer // ends the session while it is in the pool
}

// guard ends the session's connection when ctx ends. The result, called once,
// stops that, and reports whether the connection can still be used.
func (s *session) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = s.wire.Close() })
}

// connect returns a session that is ready.
func (n *Notifier) connect(ctx context.Context) (_ *session, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, n.opts.ConnectTimeout, &timeoutError{"Options.ConnectTimeout"})
	defer cancel()
	server := n.opts.Server
	conn, err := server.Dial(ctx, "tcp", server.Address)
	if err != nil {
		// No server has said anything yet, so there is nothing to hide.
		return nil, &Error{Stage: StageConnect, cause: cmp.Or(context.Cause(ctx), err)}
	}
	s := &session{wire: &wire{Conn: conn}}
	s.wire.expect(greetingBudget)
	stop := s.guard(ctx)
	stage, err := s.ready(ctx, server, n.opts.HelloName)
	if !stop() && err == nil {
		err = net.ErrClosed
	}
	if err != nil {
		_ = s.wire.Close()
		return nil, told(ctx, stage, err)
	}
	return s, nil
}

// ready brings a connection from its first byte to where it takes messages. An
// error comes with the stage that failed.
func (s *session) ready(ctx context.Context, server Server, hello string) (Stage, error) {
	var conn net.Conn = s.wire
	if server.TLS == TLSImplicit {
		secure := tls.Client(s.wire, server.TLSConfig)
		if err := secure.HandshakeContext(ctx); err != nil {
			return StageConnect, err
		}
		conn = secure
	}
	var err error
	if s.client, err = smtp.NewClient(conn, server.host()); err != nil {
		return StageConnect, err
	}
	s.client.SkipSMTPUTF8(true) // every address is ASCII
	if err := s.client.Hello(hello); err != nil {
		return StageConnect, err
	}
	if server.TLS == TLSRequired || server.TLS == TLSWhenOffered {
		offered, _ := s.client.Extension("STARTTLS")
		switch {
		case offered:
			if err := s.client.StartTLS(server.TLSConfig); err != nil {
				return StageTLS, err
			}
		case server.TLS == TLSRequired:
			return StageTLS, errNoTLS
		case server.signsIn():
			return StageTLS, errNoPassword
		}
	}
	if !server.signsIn() {
		return "", nil
	}
	// The policies above see to it that this is TLS. That it is, no later change
	// to them can take away.
	if state, err := s.client.GetTLSConnectionState(); err != nil || !state.HandshakeComplete {
		return StageTLS, errNoPassword
	}
	mechanism, err := server.mechanism(ctx, s.client)
	if err != nil {
		return StageAuth, err
	}
	if err := s.client.Auth(mechanism); err != nil {
		return StageAuth, err
	}
	return "", nil
}

// send sends a letter. The connection can be used again if reusable is true,
// also after an error; begun says that the server may have taken some of the
// letter, so that sending it once more could deliver it twice.
func (s *session) send(ctx context.Context, l letter, from string, timeout time.Duration) (reusable, begun bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{"Options.SendTimeout"})
	defer cancel()
	s.wire.expect(messageBudget)
	stop := s.guard(ctx)
	stage, begun, err := s.transact(l, from)
	s.sent++
	reusable = err == nil
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		// A server that refuses a message takes the next; 421 is its goodbye.
		reusable = reply.Code >= 400 && reply.Code < 600 && reply.Code != 421 && s.client.Reset() == nil
	}
	reusable = stop() && reusable
	if err != nil {
		err = told(ctx, stage, err)
	}
	return reusable, begun, err
}

func (s *session) transact(l letter, from string) (stage Stage, begun bool, err error) {
	var probe *time.Timer
	if s.reused {
		probe = time.AfterFunc(probeTimeout, func() { _ = s.wire.Close() })
		defer probe.Stop()
	}
	if err := s.client.Mail("<" + from + ">"); err != nil {
		return StageSender, false, err
	}
	if probe != nil && !probe.Stop() {
		return StageSender, false, net.ErrClosed
	}
	if err := s.client.Rcpt("<" + l.to + ">"); err != nil {
		return StageRecipient, false, err
	}
	w, err := s.client.Data()
	if err != nil {
		return StageData, false, err
	}
	if _, err := w.Write(l.data); err != nil {
		return StageData, true, err
	}
	if err := w.Close(); err != nil {
		return StageData, true, err
	}
	return "", true, nil
}

// quit says goodbye and waits a little for the answer (RFC 5321, section
// 4.1.1.10).
func (s *session) quit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quitTimeout)
	defer cancel()
	s.wire.expect(messageBudget)
	stop := s.guard(ctx)
	_ = s.client.Quit()
	stop()
	_ = s.wire.Close()
}

// told is failed for an error that may come from the end of ctx.
func told(ctx context.Context, stage Stage, err error) error {
	if cause := context.Cause(ctx); cause != nil && !isReply(err) {
		return &Error{Stage: stage, cause: cause}
	}
	return failed(stage, err)
}

func isReply(err error) bool {
	_, ok := errors.AsType[*textproto.Error](err)
	return ok
}
