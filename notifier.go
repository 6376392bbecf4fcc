package recovery

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// A MessageKind says what a message tells.
type MessageKind string

// The kinds of messages.
const (
	// MessageResetLink carries URL.
	MessageResetLink MessageKind = "reset_link"
	// MessageResetCode carries Code.
	MessageResetCode MessageKind = "reset_code"
	// MessagePasswordChanged tells every address on the lead of a reset.
	MessagePasswordChanged MessageKind = "password_changed"
	// MessageNoPassword tells a lead with [StatusNoPassword] to sign in with
	// its identity provider. Sent only with [Options.Messages=MessageOptions.NoPassword].
	MessageNoPassword MessageKind = "no_password"
	// MessageUnknownAddress tells an address that no account has it. Sent only
	// with [Options.Messages=MessageOptions.UnknownAddress].
	MessageUnknownAddress MessageKind = "unknown_address"
)

// A Channel is a way to reach a person.
type Channel string

// The channels, one for each type of field that can receive.
const (
	ChannelEmail Channel = "email"
	ChannelSMS   Channel = "sms"
)

// A Message is what a [Notifier] delivers. It prints without the address; URL
// and Code print as [redacted].
type Message struct {
	// ID is the same for every attempt to deliver this message, so that a
	// provider that takes an idempotency key can drop repetitions. It says
	// nothing about the account.
	ID      string
	Kind    MessageKind
	Channel Channel
	// To is one address: for e-mail as it is stored on the lead, without white
	// space around it and with an internationalised domain in ASCII; for SMS
	// '+' and digits.
	To string
	// LeadID is empty for [MessageUnknownAddress].
	LeadID string
	// Name is [Lead].Name.
	Name string
	// Locale is [Lead].Locale. Languages is the request's Accept-Language
	// field, for a lead that chose none.
	Locale    string
	Languages string
	// URL is the link, for [MessageResetLink].
	URL Secret
	// Code is the digits, for [MessageResetCode].
	Code Secret
	// NotMe is the link of the page where the person says "this was not me",
	// for those three, if [Options.NotMe] is set. It carries a secret as URL
	// does.
	NotMe Secret
	// Expires is when URL or Code ends.
	Expires time.Time
	// Template names a registered template. Empty means the usual one.
	Template string
	// IdentityProviders is the lead's, for [MessageNoPassword].
	IdentityProviders []string
	// RequestedAt and Client say when and from where the request came.
	RequestedAt time.Time
	Client      netip.Addr
}

// String names kind, channel and message, and neither person nor secret.
func (m Message) String() string {
	return fmt.Sprintf("%s by %s (%s)", m.Kind, m.Channel, m.ID)
}

// Format writes String, whatever the verb, because %+v would print the fields.
func (m Message) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// LogValue is String as a group.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", m.ID),
		slog.String("kind", string(m.Kind)),
		slog.String("channel", string(m.Channel)),
	)
}

// A Notifier delivers messages. Notify is called by the queue's workers, never
// while a request waits. Implementations are safe for concurrent use.
type Notifier interface {
	// Notify hands the message to the next hop and returns nil once that has
	// taken responsibility. It returns when ctx ends. An error makes the queue
	// try again until the token would have expired; one that wraps
	// [ErrPermanent] does not; none quotes the link or code. Delivery is at least once: the same message,
	// with the same ID and the same token, can come again.
	Notify(ctx context.Context, m Message) error
}

// A BudgetNotifier knows, before anything is put or sent, whether it can
// deliver to an address and what else has to be paid for that: a country's
// budget, for example. A [Service] asks it in a job that the public started, and
// in IssueToken with Send, while the caller waits. It takes the budgets together
// with the limits of the person, and puts no token where one of them is spent.
type BudgetNotifier interface {
	Notifier
	// Budgets returns what m is counted in, at most 4, and takes no time. m
	// carries neither URL nor Code yet, and from IssueToken no ID. An error that wraps [ErrPermanent] says that m could never
	// be delivered: then nothing is put and nothing is sent, and an event says
	// so. Any other makes the queue try again.
	Budgets(ctx context.Context, m Message) ([]Budget, error)
}

// A Budget is a limit on messages, whoever they are for.
type Budget struct {
	// Name is what is counted, for example "sms-DE": 1 to 32 of printable
	// ASCII. It names no person.
	Name   string
	Policy LimitPolicy
}

// NotifierFunc makes a function a [Notifier].
type NotifierFunc func(ctx context.Context, m Message) error

// Notify calls f.
func (f NotifierFunc) Notify(ctx context.Context, m Message) error { return f(ctx, m) }

// ByChannel returns a Notifier that gives each message to the notifier of its
// channel, and asks those for budgets that are a [BudgetNotifier]. A message for
// a channel without one fails with [ErrPermanent].
func ByChannel(notifiers map[Channel]Notifier) Notifier {
	byChannel := make(map[Channel]Notifier, len(notifiers))
	for channel, n := range notifiers {
		if n != nil {
			byChannel[channel] = n
		}
	}
	return channels(byChannel)
}

type channels map[Channel]Notifier

func (c channels) of(m Message) (Notifier, error) {
	n, ok := c[m.Channel]
	if !ok {
		return nil, fmt.Errorf("%w: no notifier for channel %q", ErrPermanent, m.Channel)
	}
	return n, nil
}

// Notify implements [Notifier].
func (c channels) Notify(ctx context.Context, m Message) error {
	n, err := c.of(m)
	if err != nil {
		return err
	}
	return n.Notify(ctx, m)
}

// Budgets implements [BudgetNotifier] for those notifiers that do.
func (c channels) Budgets(ctx context.Context, m Message) ([]Budget, error) {
	n, err := c.of(m)
	if err != nil {
		return nil, err
	}
	if b, ok := n.(BudgetNotifier); ok {
		return b.Budgets(ctx, m)
	}
	return nil, nil
}
