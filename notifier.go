package recovery

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// A Secret is a token, code or password. It prints, logs and marshals as
// [redacted]; only Reveal gives it away. The zero value is the empty secret.
type Secret struct {
	// A pointer, because fmt prints what stands in unexported fields of a
	// struct that holds a Secret without asking for its String method.
	value *string
}

const redacted = "[redacted]"

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal returns the secret itself. Search for its callers to see where
// secrets go.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns [redacted].
func (s Secret) String() string { return redacted }

// Format writes [redacted], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted], for encoding/json and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A MessageKind says what a message tells.
type MessageKind string

// The kinds of messages.
const (
	// MessageResetLink carries URL.
	MessageResetLink MessageKind = "reset-link"
	// MessageResetCode carries Code.
	MessageResetCode MessageKind = "reset-code"
	// MessagePasswordChanged tells every address on the lead of a reset.
	MessagePasswordChanged MessageKind = "password-changed"
	// MessageNoPassword tells a lead with [StatusNoPassword] to sign in with
	// its identity provider. Sent only with [Options.NotifyNoPassword].
	MessageNoPassword MessageKind = "no-password"
	// MessageUnknownAddress tells an address that no account has it. Sent only
	// with [Options.NotifyUnknownAddress].
	MessageUnknownAddress MessageKind = "unknown-address"
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

// A Notifier delivers messages. It is called by the queue's workers, never
// while a request waits. Implementations are safe for concurrent use.
type Notifier interface {
	// Notify hands the message to the next hop and returns nil once that has
	// taken responsibility. It returns when ctx ends. An error makes the queue
	// try again until the token would have expired; one that wraps
	// [ErrPermanent] does not; none quotes the link or code. Delivery is at least once: the same message,
	// with the same ID and the same token, can come again.
	Notify(ctx context.Context, m Message) error
}

// NotifierFunc makes a function a [Notifier].
type NotifierFunc func(ctx context.Context, m Message) error

// Notify calls f.
func (f NotifierFunc) Notify(ctx context.Context, m Message) error { return f(ctx, m) }

// ByChannel returns a Notifier that gives each message to the notifier of its
// channel. A message for a channel without one fails with [ErrPermanent].
func ByChannel(notifiers map[Channel]Notifier) Notifier {
	byChannel := make(map[Channel]Notifier, len(notifiers))
	for channel, n := range notifiers {
		if n != nil {
			byChannel[channel] = n
		}
	}
	return NotifierFunc(func(ctx context.Context, m Message) error {
		n, ok := byChannel[m.Channel]
		if !ok {
			return fmt.Errorf("%w: no notifier for channel %q", ErrPermanent, m.Channel)
		}
		return n.Notify(ctx, m)
	})
}
