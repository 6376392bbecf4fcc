package smtpnotifier

import (
	"context"
	"errors"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
)

// A Renderer puts messages into words. [*messages.Renderer] is one. It is safe for
// concurrent use.
type Renderer interface {
	// Mail renders m: a subject of one line, at most 512 bytes, and a text and an
	// HTML part of at most 256 KiB each, that say the same. An error that wraps
	// [recovery.ErrPermanent] says that this message can never be rendered; none
	// quotes the address, the link or the code.
	Mail(m recovery.Message) (messages.Mail, error)
}

// A Notifier delivers messages by SMTP. It is safe for concurrent use, and
// starts no goroutine that outlives [Notifier.Shutdown]. Make one with [New].
type Notifier struct {
	renderer Renderer
	opts     Options
	fields   map[string]bool
	pool     *pool
}

var _ recovery.Notifier = (*Notifier)(nil)

// New returns a Notifier. It connects to nobody yet. The error holds a
// [*recovery.OptionError] for every mistake, joined.
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

// Notify implements [recovery.Notifier]: it renders m and hands it to the
// server, to one recipient, m.To. It returns nil once the server has taken
// responsibility, and whatever the server does, it returns when ctx ends.
//
// Every error is an [*Error]. Delivery is at least once: one at [StageData]
// without a code may belong to a message that the server took.
//
// If a connection that was idle turns out to be dead, or the server says goodbye
// on it, the message goes over a fresh one at once, as long as the server was
// shown nothing of it.
func (n *Notifier) Notify(ctx context.Context, m recovery.Message) error {
	if ctx.Err() != nil {
		return &Error{Stage: StageMessage, cause: context.Cause(ctx)}
	}
	l, err := n.compose(m)
	if err != nil {
		return err
	}
	ctx, leave, err := n.pool.enter(ctx)
	if err != nil {
		return &Error{Stage: StageConnect, cause: err}
	}
	defer leave()
	if s := n.pool.take(); s != nil {
		begun, err := n.deliver(ctx, s, l)
		if err == nil || begun || !stale(err) || ctx.Err() != nil {
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

// deliver sends a letter over a session and decides what becomes of that.
func (n *Notifier) deliver(ctx context.Context, s *session, l letter) (begun bool, err error) {
	reusable, begun, err := s.send(ctx, l, n.opts.EnvelopeSender, n.opts.SendTimeout)
	switch {
	case !reusable:
		_ = s.wire.Close()
	case s.sent >= n.opts.MessagesPerConnection || !n.pool.put(s):
		s.quit(ctx)
	}
	return begun, err
}

// stale reports whether an error says more about the age of a connection than
// about the server or the message.
func stale(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	if _, timeout := errors.AsType[*timeoutError](err); timeout {
		return false
	}
	return e.Code == 0 || e.Code == 421
}

// Close ends the idle connections and waits until those in use have delivered
// what they carry. When ctx ends it cuts these short, which fails their Notify,
// and returns ctx's error. A Notify that comes later fails with [ErrShutdown].
// Close may be called more than once.
func (n *Notifier) Shutdown(ctx context.Context) error { return n.pool.close(ctx) }
