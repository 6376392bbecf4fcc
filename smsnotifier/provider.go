package smsnotifier

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A Text is a text message on its way to a [Provider]. It prints and logs
// without the number, and Body as [redacted].
type Text struct {
	// ID is [recovery.Message].ID: the same for every attempt, so that a
	// provider that takes an idempotency key can drop repetitions.
	ID string
	// To is the number in the form of E.164: '+' and 7 to 15 digits. It is
	// valid, of a mobile telephone, and in Country.
	To string
	// Country is the ISO 3166-1 alpha-2 code of a country in
	// [Options].Countries.
	Country string
	// Body is what the person reads. It carries the code or link.
	Body recovery.Secret
	// Segments is how many messages the network makes of Body, 1 to
	// [Options].MaxSegments, and what is charged for. GSM7 says that Body is
	// written in the GSM 7-bit alphabet, of which a segment takes 160 and not
	// 70.
	Segments int
	GSM7     bool
	// NotAfter is when Body has become pointless, because its code or link has
	// expired. Zero means never.
	NotAfter time.Time
}

// String names the message and its country, and neither number nor text.
func (t Text) String() string {
	return fmt.Sprintf("text message to %s (%s)", t.Country, t.ID)
}

// Format writes String, whatever the verb, because %+v would print the fields.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue is String as a group.
func (t Text) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", t.ID),
		slog.String("country", t.Country),
		slog.Int("segments", t.Segments),
	)
}

// A Provider carries text messages to the telephone network. Packages twiliosms
// and httpsms have one each. Implementations are safe for concurrent use.
type Provider interface {
	// Send returns nil once the provider has taken responsibility for the
	// message, and returns when ctx ends. An error that wraps
	// [recovery.ErrPermanent] says that no retry can mend it (the number does
	// not exist, the person has unsubscribed); after any other the queue tries
	// again. An error gives the provider's code and never its text, which
	// quotes the number as a rule. A message may come again with the same ID.
	Send(ctx context.Context, t Text) error
}

// ProviderFunc makes a function a [Provider].
type ProviderFunc func(ctx context.Context, t Text) error

// Send calls f.
func (f ProviderFunc) Send(ctx context.Context, t Text) error { return f(ctx, t) }
