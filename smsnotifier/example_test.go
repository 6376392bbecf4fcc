package smsnotifier_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/messages"
	"github.com/seed-51359b35/recovery/smsnotifier"
)

// A host's own provider is one method. Its errors must not quote the number or
// the text.
func Example() {
	texts, err := messages.New(messages.Options{Product: "Example", Host: "example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := smsnotifier.ProviderFunc(func(_ context.Context, t smsnotifier.Text) error {
		fmt.Println(t) // does not print the number
		lines := strings.Split(t.Body.Reveal(), "\n")
		fmt.Println(lines[len(lines)-1])
		return nil
	})
	sms, err := smsnotifier.New(texts, provider, smsnotifier.Options{
		Countries: map[string]recovery.LimitPolicy{
			"DE": {Limits: []recovery.Limit{{N: 500, Window: 24 * time.Hour}}},
		},
		Budget: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100, Window: time.Hour}, {N: 500, Window: 24 * time.Hour}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	message := recovery.Message{
		ID: "job-1", Kind: recovery.MessageResetCode, Channel: recovery.ChannelSMS, To: "+4915123456789",
		Code: recovery.NewSecret("90412773"), Expires: time.Now().Add(10 * time.Minute),
	}
	fmt.Println(sms.Notify(context.Background(), message))
	message.To = "+18762101234"
	fmt.Println(sms.Notify(context.Background(), message))
	// Output:
	// text message to DE (job-1)
	// @example.com #90412773
	// <nil>
	// smsnotifier: recovery: permanent failure: the country JM is not allowed
}

// No SMS is sent without countries and a budget. New reports all mistakes at
// once.
func ExampleNew_incorrect() {
	texts, err := messages.New(messages.Options{Product: "Example", Host: "example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := smsnotifier.ProviderFunc(func(context.Context, smsnotifier.Text) error { return nil })
	_, err = smsnotifier.New(texts, provider, smsnotifier.Options{
		Countries: map[string]recovery.LimitPolicy{"+49": {}}, // a calling code is not a country
	})
	fmt.Println(err)
	var mistake *recovery.OptionError
	fmt.Println(errors.As(err, &mistake), mistake.Option)
	// Output:
	// smsnotifier: option Countries: "+49" is not the ISO 3166-1 alpha-2 code, in capitals, of a country with telephone numbers
	// smsnotifier: option Budget: is required: how many text messages the host pays for
	// true Countries
}

// A ConversionMonitor gets the Service's events together with the host's own
// sink.
func ExampleConversionMonitor() {
	conversion, err := smsnotifier.NewConversionMonitor(smsnotifier.ConversionOptions{
		Alarm: func(_ context.Context, r smsnotifier.ConversionReport) {
			fmt.Printf("only %d of %d text messages led to a reset\n", r.Converted, r.Sent)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := recovery.Options{
		Events: func(ctx context.Context, e recovery.Event) {
			conversion.Record(ctx, e)
			// ... the host's audit log
		},
	}
	opts.Events(context.Background(), recovery.Event{Kind: recovery.EventMessageSent, Channel: recovery.ChannelSMS, Message: recovery.MessageResetCode})
	fmt.Println(conversion.Report().Sent, "have had 15 minutes")
	// Output:
	// 0 have had 15 minutes
}
