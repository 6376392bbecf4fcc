package smtpnotifier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// The most bytes a server may send: before a connection is ready (with TLS and
// certificates), and for one message. A reply line has 512 bytes (RFC 5321,
// section 4.5.3.1.5).
const (
	connectReplyBytes = 256 << 10
	messageReplyBytes = 64 << 10
)

// probeTimeout is how long a connection that was idle may take for its first
// reply. Firewalls drop idle connections without telling either side, so
// silence on such a connection says nothing about the server.
const probeTimeout = 5 * time.Second

// quitTimeout is how long a server may take to answer QUIT.
const quitTimeout = 2 * time.Second

// A timeoutError says that one of the timeouts in Options has passed. It is a
// [net.Error].
type timeoutError struct{ what string }

func (e *timeoutError) Error() string   { return e.what + " has passed" }
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// A session is a connection that is ready for messages. One goroutine uses it
// at a time.
//
// It uses go-mail's package smtp, which sends single commands, and not
// go-mail's Client. The Client ignores the context once it has dialled, leaves
// connections open that fail before they are ready, and continues without TLS,
// with mechanisms of its own choice.
type session struct {
	wire   *wire
	client *smtp.Client
	hello  string // what the client is called in EHLO
	sent   int    // how many messages
	reused bool   // the session has been idle

	data io.WriteCloser // the mail whose end is missing

	expiry *time.Timer // ends the session while it is in the pool
}

// closeWhenDone closes the session's connection when ctx ends. The caller calls
// stop once: it ends the watch and reports whether ctx has not closed the
// connection.
func (s *session) closeWhenDone(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = s.wire.Close() })
}

// connect returns a session that is ready for messages.
func (n *Notifier) connect(ctx context.Context) (_ *session, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, n.opts.ConnectTimeout, &timeoutError{"Options.ConnectTimeout"})
	defer cancel()
	server := n.opts.Server
	conn, err := server.Dial(ctx, "tcp", server.Address)
	if err != nil {
		// The error can quote no server, because none has sent anything yet.
		return nil, &Error{Stage: StageConnect, cause: cmp.Or(context.Cause(ctx), err)}
	}
	s := &session{wire: &wire{Conn: conn}, hello: n.opts.HelloName}
	s.wire.allowBytes(connectReplyBytes)
	stop := s.closeWhenDone(ctx)
	stage, err := s.prepare(ctx, server)
	if !stop() && err == nil {
		err = net.ErrClosed
	}
	if err != nil {
		_ = s.wire.Close()
		return nil, newErrorWithContext(ctx, stage, err)
	}
	return s, nil
}

// prepare does on a new connection what comes before the first message. An
// error comes with the stage that failed.
func (s *session) prepare(ctx context.Context, server Server) (Stage, error) {
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
	s.client.SkipSMTPUTF8(true) // transact adds it to the mails that need it
	if err := s.client.Hello(s.hello); err != nil {
		return StageConnect, err
	}
	if server.TLS == TLSRequired || server.TLS == TLSWhenOffered {
		offered, _, err := s.offer("STARTTLS")
		switch {
		case err != nil:
			return StageTLS, err
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
	// The code above never comes here without TLS. This check is for mistakes
	// in later changes to it.
	if state, err := s.client.GetTLSConnectionState(); err != nil || !state.HandshakeComplete {
		return StageTLS, errNoPassword
	}
	_, mechanisms, err := s.offer("AUTH")
	if err != nil {
		return StageAuth, err
	}
	mechanism, err := server.mechanism(ctx, s.client, mechanisms)
	if err != nil {
		return StageAuth, err
	}
	if err := s.client.Auth(mechanism); err != nil {
		return StageAuth, err
	}
	return "", nil
}

// offer reports whether the server offers an extension, and with what
// parameters. Servers may write keywords in any case (RFC 5321, section
// 4.1.1.1). go-mail knows only those in upper case, as net/smtp does
// (go.dev/issue/78749), and with [TLSWhenOffered] a mail would go in clear to a
// server that says "starttls". So offer reads the reply to EHLO itself where
// go-mail finds no such keyword. It has to ask for that reply once more.
func (s *session) offer(keyword string) (offered bool, parameters string, err error) {
	if offered, parameters := s.client.Extension(keyword); offered {
		return true, parameters, nil
	}
	id, err := s.client.Text.Cmd("EHLO %s", s.hello)
	if err != nil {
		return false, "", err
	}
	s.client.Text.StartResponse(id)
	defer s.client.Text.EndResponse(id)
	_, text, err := s.client.Text.ReadResponse(250)
	if reply, ok := errors.AsType[*textproto.Error](err); ok && reply.Code >= 500 {
		return false, "", nil // the server knows HELO only
	}
	if err != nil {
		return false, "", err
	}
	_, extensions, _ := strings.Cut(text, "\n") // the first line greets
	for line := range strings.SplitSeq(extensions, "\n") {
		if name, parameters, _ := strings.Cut(line, " "); strings.EqualFold(name, keyword) {
			return true, parameters, nil
		}
	}
	return false, "", nil
}

// send sends a mail up to its last line; finish has to follow. After an error
// the connection can be used again if reusable is true. If dataBegun is true,
// the server may have received a part of the mail.
func (s *session) send(ctx context.Context, l letter, from string, timeout time.Duration) (reusable, dataBegun bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &timeoutError{"Options.SendTimeout"})
	defer cancel()
	s.wire.allowBytes(messageReplyBytes)
	stop := s.closeWhenDone(ctx)
	stage, dataBegun, err := s.transact(l, from)
	s.sent++
	reusable = s.isReusable(err)
	if !stop() {
		reusable = false
		if err == nil {
			err = net.ErrClosed
		}
	}
	if err != nil {
		err = newErrorWithContext(ctx, stage, err)
	}
	return reusable, dataBegun, err
}

// finish ends the mail that send has begun, and returns the server's answer to
// it. It waits for the answer for replyTimeout or until ctx ends.
func (s *session) finish(ctx context.Context) (reusable bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, replyTimeout, &timeoutError{"the time for the server's answer to the message"})
	defer cancel()
	stop := s.closeWhenDone(ctx)
	err = s.data.Close()
	s.data = nil
	reusable = s.isReusable(err)
	reusable = stop() && reusable // stop is called in any case
	if err != nil {
		err = newErrorWithContext(ctx, StageData, err)
	}
	return reusable, err
}

// isReusable reports whether the server accepts another message after err. A
// server that refuses one message does. 421 says that it closes the connection.
func (s *session) isReusable(err error) bool {
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return err == nil || errors.Is(err, errNoUTF8)
	}
	return reply.Code >= 400 && reply.Code < 600 && reply.Code != 421 && s.client.Reset() == nil
}

// transact sends the commands of a mail, and its lines. The end of the mail is
// missing, and nothing waits in a buffer: whether the server has the whole mail
// depends on the few bytes that finish writes.
func (s *session) transact(l letter, from string) (stage Stage, dataBegun bool, err error) {
	var probe *time.Timer
	if s.reused {
		probe = time.AfterFunc(probeTimeout, func() { _ = s.wire.Close() })
		defer probe.Stop()
	}
	sender := "<" + from + ">"
	if l.to.needsUTF8() {
		offered, _, err := s.offer("SMTPUTF8")
		if err != nil {
			return StageSender, false, err
		}
		if !offered {
			return StageRecipient, false, errNoUTF8
		}
		sender += " SMTPUTF8" // a parameter, which go-mail adds to none or to all
	}
	if err := s.client.Mail(sender); err != nil {
		return StageSender, false, err
	}
	if probe != nil && !probe.Stop() {
		return StageSender, false, net.ErrClosed
	}
	if err := s.client.Rcpt("<" + l.to.quoted() + ">"); err != nil {
		return StageRecipient, false, err
	}
	if s.data, err = s.client.Data(); err != nil {
		return StageData, false, err
	}
	if _, err := s.data.Write(l.data); err != nil {
		return StageData, true, err
	}
	return StageData, true, s.client.Text.W.Flush()
}

// quit sends QUIT, waits up to quitTimeout for the answer (RFC 5321, section
// 4.1.1.10) and closes the connection.
func (s *session) quit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quitTimeout)
	defer cancel()
	s.wire.allowBytes(messageReplyBytes)
	stop := s.closeWhenDone(ctx)
	_ = s.client.Quit()
	stop()
	_ = s.wire.Close()
}

// newErrorWithContext is newError with the cause of ctx's end in place of err,
// if ctx has ended. A reply of the server remains as it is.
func newErrorWithContext(ctx context.Context, stage Stage, err error) error {
	if cause := context.Cause(ctx); cause != nil && !isReply(err) {
		return &Error{Stage: stage, cause: cause}
	}
	return newError(stage, err)
}

func isReply(err error) bool {
	_, ok := errors.AsType[*textproto.Error](err)
	return ok
}
