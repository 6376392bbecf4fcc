package smtpnotifier

import (
	"context"
	"errors"
	"net/mail"

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
	usual    Sender // as the host gave it
	pool     *pool
	outcomes outcomes
}

var (
	_ recovery.ChannelNotifier    = (*Notifier)(nil)
	_ recovery.ConcurrencyLimited = (*Notifier)(nil)
)

// New returns a Notifier. It opens no connection. It reports every mistake in
// opts at once, each as a [*recovery.OptionError].
func New(renderer Renderer, opts Options) (*Notifier, error) {
	usual := Sender{opts.From, opts.ReplyTo, opts.EnvelopeSender}
	opts = opts.withDefaults()
	if err := opts.validate(renderer); err != nil {
		return nil, err
	}
	opts.Server.TLSConfig = opts.Server.tlsConfig()
	return &Notifier{
		renderer: renderer,
		opts:     opts,
		usual:    usual,
		pool:     newPool(opts.MaxConnections, opts.IdleTimeout),
	}, nil
}

// Open returns a Notifier with the defaults: package messages writes the mails, and
// the server of a URL sends them, see [ParseURL]. from is their sender with the name
// of the product, such as "Acme <no-reply@accounts.example.com>". It opens no
// connection. For anything else, such as mails in the host's words, call [New].
func Open(url, from string) (*Notifier, error) {
	mistakes := recovery.OptionErrors{Package: "smtpnotifier"}
	server, err := ParseURL(url)
	if err != nil {
		mistakes.Add("url", "%v", err)
	}
	sender, err := mail.ParseAddress(from)
	if err != nil || sender.Name == "" {
		mistakes.Add("from", "is %q, must be the name of the product and an address, such as Acme <no-reply@accounts.example.com>", from)
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	renderer, err := messages.New(messages.Options{Product: sender.Name})
	if err != nil {
		return nil, err
	}
	return New(renderer, Options{Server: server, From: *sender})
}

// Notify implements [recovery.Notifier]: it renders m and sends it over the
// server to one recipient, m.To. It returns nil once the server has taken
// responsibility. It returns when ctx ends, whatever the server does.
//
// Every error is an [*Error]. While the server has not received the whole
// message, the end of ctx ends the delivery. Afterwards the delivery waits on
// for the server's answer, for up to 5 minutes. If ctx ends meanwhile, the error
// matches [recovery.ErrAwaitingReply], and a Notify with the same Message.ID
// sends nothing and waits for the same answer. Once the answer has come, such a
// Notify returns it.
//
// Delivery is at least once. If the connection fails in place of an answer, or
// none comes, the server may have accepted the message. It is sent once more, a
// minute later at the earliest. If no answer comes to that either, the error
// matches [recovery.ErrPermanent].
//
// Notify waits for a free connection, but no longer than leaves a quarter of
// ctx's time for sending. If a connection that was idle turns out to be dead, or
// the server closes it, Notify sends the message over a new connection at once,
// unless the server may have received a part of the message.
func (n *Notifier) Notify(ctx context.Context, m recovery.Message) error {
	if ctx.Err() != nil {
		return &Error{Stage: StageMessage, cause: context.Cause(ctx)}
	}
	if joined, err := n.outcomes.join(ctx, m.ID); joined {
		return err
	}
	l, err := n.compose(m)
	if err != nil {
		return err
	}
	sending, release, err := n.pool.acquire(ctx)
	if err != nil {
		return &Error{Stage: StageConnect, cause: err}
	}
	s, err := n.transfer(sending, l)
	if err != nil {
		release()
		return err
	}
	o := newOutcome()
	go n.finish(s, o, release)
	return n.outcomes.await(ctx, m.ID, o)
}

// MaxConcurrent implements [recovery.ConcurrencyLimited]. It returns
// [Options].MaxConnections.
func (n *Notifier) MaxConcurrent() int { return n.opts.MaxConnections }

// Channels implements [recovery.ChannelNotifier]. It returns
// [recovery.ChannelEmail].
func (n *Notifier) Channels() []recovery.Channel {
	return []recovery.Channel{recovery.ChannelEmail}
}

// transfer sends a letter up to its last line, over an idle session or a new
// one. It returns the session, on which only the end of the letter is missing.
func (n *Notifier) transfer(ctx context.Context, l letter) (*session, error) {
	if s := n.pool.getIdle(); s != nil {
		dataBegun, err := n.send(ctx, s, l)
		if err == nil {
			return s, nil
		}
		if dataBegun || !isStale(err) || ctx.Err() != nil {
			return nil, err
		}
	}
	s, err := n.connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := n.send(ctx, s, l); err != nil {
		return nil, err
	}
	return s, nil
}

// send is session.send. After an error it makes the session idle or ends it.
func (n *Notifier) send(ctx context.Context, s *session, l letter) (dataBegun bool, err error) {
	reusable, dataBegun, err := s.send(ctx, l, l.envelope, n.opts.SendTimeout)
	if err != nil && !(reusable && n.keep(s)) {
		n.end(ctx, s, reusable)
	}
	return dataBegun, err
}

// finish ends a letter, waits for the server's answer and settles the outcome.
// Only then it ends a session that it does not make idle, so that nobody waits
// for a goodbye.
func (n *Notifier) finish(s *session, o *outcome, release func()) {
	reusable, err := s.finish(n.pool.ctx)
	if reusable && n.keep(s) {
		release()
		o.settle(err)
		return
	}
	o.settle(err)
	n.end(n.pool.ctx, s, reusable)
	release()
}

// keep makes a session idle and returns true, unless the session has carried
// its last message or the pool is closed.
func (n *Notifier) keep(s *session) bool {
	return s.sent < n.opts.MessagesPerConnection && n.pool.putIdle(s)
}

// end closes a session, with a goodbye if the server still understands one.
func (n *Notifier) end(ctx context.Context, s *session, polite bool) {
	if !polite {
		_ = s.wire.Close()
		return
	}
	s.quit(ctx)
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
	return e.Code == 0 && !e.Permanent || e.Code == 421
}

// Shutdown closes the idle connections and waits for the deliveries that run,
// also for answers of the server that no Notify waits for any more. When ctx
// ends, it ends these deliveries, so that their Notify fails, and
// returns the error of ctx. A later Notify fails with [ErrShutdown]. Shutdown
// may be called more than once.
func (n *Notifier) Shutdown(ctx context.Context) error { return n.pool.close(ctx) }
