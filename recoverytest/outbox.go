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
	next      int // the first that Next has not returned
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

// Intercept has f called before each message is kept; if it returns an error,
// that is what Notify returns and the message is not kept. It may block or
// panic: a delivery that hangs, or that fails. Nil ends it.
func (o *Outbox) Intercept(f func(ctx context.Context, m recovery.Message) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.intercept = f
}

// Messages returns all messages so far, in the order of their arrival.
func (o *Outbox) Messages() []recovery.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

// OfKind returns the messages of a kind, in the order of their arrival.
func (o *Outbox) OfKind(kind recovery.MessageKind) []recovery.Message {
	return slices.DeleteFunc(o.Messages(), func(m recovery.Message) bool { return m.Kind != kind })
}

// Len is how many messages arrived.
func (o *Outbox) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

// Next returns the first message that Next has not returned yet, and waits for
// it until ctx ends. Messages are sent by the queue's workers, so a test waits
// for one rather than look for it.
func (o *Outbox) Next(ctx context.Context) (recovery.Message, error) {
	for {
		o.mu.Lock()
		if o.next < len(o.messages) {
			m := o.messages[o.next]
			o.next++
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

// Wait returns all messages once there are n, or what there is and an error
// when ctx ends. It leaves alone what Next returns.
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

// Reset forgets all messages.
func (o *Outbox) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages, o.next = nil, 0
}

// wait returns a channel that is closed with the next arrival.
func (o *Outbox) wait() <-chan struct{} {
	if o.arrived == nil {
		o.arrived = make(chan struct{})
	}
	return o.arrived
}
