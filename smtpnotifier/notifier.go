package smtpnotifier

import (
	"context"
	"errors"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// A Renderer writes the subject and the text of messages. [*messages.Renderer]
// is one. Implementations are safe for concurrent use.
type Renderer interface {
	// Mail renders m. The subject is one line of at most 512 bytes. The text
	// and the HTML say the same and have at most 256 KiB each. An error that
	// wraps [recovery.ErrPermanent] says that this message can never be
	// rendered. No error quotes the address, the link or the code.
	Mail(m recovery.Message) (messages.Mail, error)
}

// A Notifier delivers messages by SMTP. [New] makes one. It is safe for
// concurrent use, and none of its goroutines outlives [Notifier.Shutdown].
type Notifier struct {
	renderer Renderer
	opts     Options
	fields   map[string]bool
	pool     *pool
}

var _ recovery.Notifier = (*Notifier)(nil)

// New returns a Notifier. It opens no connection. It reports every mistake in
// opts at once, each as a [*recovery.OptionError].
func New(renderer Renderer, opts Options) (*Notifier, error) {
	opts = opts.withDefaults()
	if err := opts.validate(renderer); err != nil {
		return nil, err
	}
	opts.Server.TLSConfig = opts.Server.tlsConfig()
	return &Notifier{
		renderer: renderer,
		opts:     opts,
		fields:   opts.fields(),
		pool:     newPool(opts.MaxConnections, opts.IdleTimeout),
	}, nil
}

// Notify implements [recovery.Notifier]: it renders m and sends it over the
// server to one recipient, m.To. It returns nil once the server has taken
// responsibility. It returns when ctx ends, whatever the server does.
//
// Every error is an [*Error]. Delivery is at least once: after an error at
// [StageData] without a code, the server may have accepted the message.
//
// If a connection that was idle turns out to be dead, or the server closes it,
// Notify sends the message over a new connection at once, unless the server may
// have received a part of the message.
func (n *Notifier) Notify(ctx context.Context, m recovery.Message) error {
	if ctx.Err() != nil {
		return &Error{Stage: StageMessage, cause: context.Cause(ctx)}
	}
	l, err := n.compose(m)
	if err != nil {
		return err
	}
	ctx, release, err := n.pool.acquire(ctx)
	if err != nil {
		return &Error{Stage: StageConnect, cause: err}
	}
	defer release()
	if s := n.pool.getIdle(); s != nil {
		dataBegun, err := n.deliver(ctx, s, l)
		if err == nil || dataBegun || !isStale(err) || ctx.Err() != nil {
			return err
		}
	}
	s, err := n.connect(ctx)
	if err != nil {
		return err
	}
	_, err = n.deliver(ctx, s, l)
	return err
}

// deliver sends a letter over a session. Afterwards it makes the session idle
// or ends it.
func (n *Notifier) deliver(ctx context.Context, s *session, l letter) (dataBegun bool, err error) {
	reusable, dataBegun, err := s.send(ctx, l, n.opts.EnvelopeSender, n.opts.SendTimeout)
	switch {
	case !reusable:
		_ = s.wire.Close()
	case s.sent >= n.opts.MessagesPerConnection || !n.pool.putIdle(s):
		s.quit(ctx)
	}
	return dataBegun, err
}

// isStale reports whether an error comes from a connection that was idle for
// too long, and not from the server's view of the message.
func isStale(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	if _, timeout := errors.AsType[*timeoutError](err); timeout {
		return false
	}
	return e.Code == 0 || e.Code == 421
}

// Shutdown closes the idle connections and waits for the deliveries that run.
// When ctx ends, it ends these deliveries, so that their Notify fails, and
// returns the error of ctx. A later Notify fails with [ErrShutdown]. Shutdown
// may be called more than once.
func (n *Notifier) Shutdown(ctx context.Context) error { return n.pool.close(ctx) }
