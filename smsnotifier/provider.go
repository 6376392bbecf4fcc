package smsnotifier

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A Text is a text message for a [Provider] to send. It prints and logs without
// the number, and shows Body as [redacted].
type Text struct {
	// ID is [recovery.Message].ID. It is the same for every attempt, so that a
	// provider with idempotency keys can drop repetitions.
	ID string
	// To is the number in the form of E.164: '+' and 7 to 15 digits. It is
	// valid, belongs to a mobile telephone, and is in Country.
	To string
	// Country is the ISO 3166-1 alpha-2 code of a country in
	// [Options].Countries.
	Country string
	// Body is the text that the person reads. It holds the code or link.
	Body recovery.Secret
	// Segments is into how many messages the network splits Body, 1 to
	// [Options].MaxSegments. Each one is charged for. GSM7 says that all
	// characters of Body are in the GSM 7-bit alphabet. A message of one
	// segment has room for 160 of these characters, and for 70 of others.
	Segments int
	GSM7     bool
	// NotAfter is when the code or link in Body expires. Afterwards the text is
	// useless. Zero means never.
	NotAfter time.Time
	// Brand is [recovery.Message].Brand, for a Provider with a sender for each brand.
	Brand string
}

// String names the message's ID and country. It shows neither number nor text.
func (t Text) String() string {
	return fmt.Sprintf("text message to %s (%s)", t.Country, t.ID)
}

// Format writes String, whatever the verb, because %+v would print the fields.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue returns a group of ID, country and number of segments.
func (t Text) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", t.ID),
		slog.String("country", t.Country),
		slog.Int("segments", t.Segments),
	)
}

// A Provider sends text messages over a service with access to the telephone
// network. Packages twiliosms and httpsms have one each. Implementations are
// safe for concurrent use.
type Provider interface {
	// Send returns nil once the provider has taken responsibility for the
	// message. It returns when ctx ends. An error that wraps
	// [recovery.ErrPermanent] says that no retry can succeed: the number does
	// not exist, or the person has unsubscribed. After any other error the
	// queue tries again. An error holds the provider's code and never its text,
	// which usually quotes the number. Send may be called again with the same
	// ID.
	Send(ctx context.Context, t Text) error
}

// A ProviderFunc is a function that is a [Provider].
type ProviderFunc func(ctx context.Context, t Text) error

// Send calls f.
func (f ProviderFunc) Send(ctx context.Context, t Text) error { return f(ctx, t) }
