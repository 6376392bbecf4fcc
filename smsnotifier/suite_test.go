package smsnotifier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// A carried is a Notifier with the carrier that it sends through.
type carried struct {
	*smsnotifier.Notifier
	carrier *carrier
}

// The Notifier keeps the contract of every Notifier, with the texts that a host
// would use.
func TestNotifier(t *testing.T) {
	on := func(n recovery.Notifier) *carrier { return n.(carried).carrier }
	recoverytest.TestNotifier(t, recoverytest.NotifierHarness{
		Channel: recovery.ChannelSMS,
		New: func(t *testing.T) recovery.Notifier {
			c := &carrier{}
			n, err := smsnotifier.New(texts(), c, options())
			if err != nil {
				t.Fatal(err)
			}
			return carried{n, c}
		},
		Deliveries: func(t *testing.T, n recovery.Notifier) []recoverytest.Delivery {
			var all []recoverytest.Delivery
			for _, text := range on(n).all() {
				all = append(all, recoverytest.Delivery{To: []string{text.To}, Text: text.Body.Reveal()})
			}
			return all
		},
		Stall: func(t *testing.T, n recovery.Notifier) {
			on(n).intercept(func(ctx context.Context, _ smsnotifier.Text) error {
				<-ctx.Done()
				return ctx.Err()
			})
		},
		Refuse: func(t *testing.T, n recovery.Notifier) {
			on(n).intercept(func(_ context.Context, text smsnotifier.Text) error {
				return fmt.Errorf("%w: %s is unsubscribed, text %q", recovery.ErrPermanent, text.To, text.Body.Reveal())
			})
		},
		Break: func(t *testing.T, n recovery.Notifier) {
			on(n).intercept(func(_ context.Context, text smsnotifier.Text) error {
				return errors.New("down, sending " + text.Body.Reveal())
			})
		},
		Mend:   func(t *testing.T, n recovery.Notifier) { on(n).intercept(nil) },
		Bubble: synctest.Test,
	})
}
