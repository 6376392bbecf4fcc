package recoverytest

import (
	"context"
	"slices"
	"sync"

	"github.com/seed-51359b35/recovery"
)

// Outbox is a [recovery.Notifier] that keeps messages instead of delivering
// them. The zero value is ready. Its methods are safe for concurrent use.
type Outbox struct {
	mu        sync.Mutex
	messages  []recovery.Message
	unread    int // the index of the first message that Next has not returned
	intercept func(ctx context.Context, m recovery.Message) error
	arrived   chan struct{} // closed when a message arrives, nil while nobody waits
}

// Notify implements [recovery.Notifier].
func (o *Outbox) Notify(ctx context.Context, m recovery.Message) error {
	o.mu.Lock()
	intercept := o.intercept
	o.mu.Unlock()
	if intercept != nil {
		if err := intercept(ctx, m); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.IdentityProviders = slices.Clone(m.IdentityProviders)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
	if o.arrived != nil {
		close(o.arrived)
		o.arrived = nil
	}
	return nil
}

// Intercept makes Notify call f before it keeps a message. If f returns an
// error, Notify returns that error and does not keep the message. f may block
// or panic, to simulate a delivery that hangs or crashes. Intercept(nil) ends
// this.
func (o *Outbox) Intercept(f func(ctx context.Context, m recovery.Message) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.intercept = f
}

// Messages returns all messages so far, in the order in which they arrived.
func (o *Outbox) Messages() []recovery.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

// OfKind returns the messages of a kind, in the order in which they arrived.
func (o *Outbox) OfKind(kind recovery.MessageKind) []recovery.Message {
	return slices.DeleteFunc(o.Messages(), func(m recovery.Message) bool { return m.Kind != kind })
}

// Len returns how many messages arrived.
func (o *Outbox) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

// Next returns the first message that Next has not returned yet. It waits for a
// message until ctx ends, and then returns an error. Tests need to wait,
// because the queue's workers send messages in the background.
func (o *Outbox) Next(ctx context.Context) (recovery.Message, error) {
	for {
		o.mu.Lock()
		if o.unread < len(o.messages) {
			m := o.messages[o.unread]
			o.unread++
			o.mu.Unlock()
			return m, nil
		}
		arrived := o.wait()
		o.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return recovery.Message{}, context.Cause(ctx)
		}
	}
}

// Wait waits until there are n messages and returns all of them. When ctx ends
// before, it returns the messages so far and an error. It does not change what
// Next returns.
func (o *Outbox) Wait(ctx context.Context, n int) ([]recovery.Message, error) {
	for {
		o.mu.Lock()
		if len(o.messages) >= n {
			messages := slices.Clone(o.messages)
			o.mu.Unlock()
			return messages, nil
		}
		arrived := o.wait()
		o.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return o.Messages(), context.Cause(ctx)
		}
	}
}

// Reset removes all messages.
func (o *Outbox) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages, o.unread = nil, 0
}

// wait returns a channel that is closed when the next message arrives.
func (o *Outbox) wait() <-chan struct{} {
	if o.arrived == nil {
		o.arrived = make(chan struct{})
	}
	return o.arrived
}
