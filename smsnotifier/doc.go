// Package smsnotifier delivers the messages of a [recovery.Service] as text
// messages, and keeps them from becoming a way to spend the host's money.
//
//	texts, err := messages.New(messages.Options{Product: "Example", Host: "example.com"})
//	...
//	provider, err := twiliosms.New(twiliosms.Options{ /* ... */ })
//	...
//	sms, err := smsnotifier.New(texts, provider, smsnotifier.Options{
//		Countries: map[string]recovery.Tier{
//			"DE": {Limits: []recovery.Limit{{N: 500, Window: 24 * time.Hour}}},
//			"AT": {Limits: []recovery.Limit{{N: 100, Window: 24 * time.Hour}}},
//		},
//		Budget: recovery.Tier{Limits: []recovery.Limit{{N: 100, Window: time.Hour}, {N: 500, Window: 24 * time.Hour}}},
//	})
//	...
//	notifier := recovery.ByChannel(map[recovery.Channel]recovery.Notifier{
//		recovery.ChannelEmail: mail,
//		recovery.ChannelSMS:   sms,
//	})
//	svc, err := recovery.New(leads, tokens, notifier, recovery.Options{ /* ... */ })
//
// Package twiliosms carries the texts by Twilio, package httpsms by any gateway
// that takes a signed HTTP request; a [Provider] is one method.
//
// # Threat model
//
// A text message costs money, a part of which goes to whoever terminates it. So
// somebody who rents a row of numbers in a dear country, and has codes sent to
// them all night, is paid by the host: SMS pumping, or toll fraud (A57). Nothing
// is sent until the host has said where to and for how much:
//
//   - Only to numbers that are stored on a lead and verified there, never to a
//     number in a request. The Service sees to that; the one kind of message
//     that would break it is refused here.
//   - Only to numbers that a numbering plan has for mobile telephones.
//     Libphonenumber's metadata, as it was when its module was released, decides.
//     Its types mobile and "fixed line or mobile", as in North America, where
//     numbers do not tell, are taken; fixed line, premium rate, shared cost, toll
//     free, VoIP, personal, pager, universal access, voice mail and satellite
//     are not. The number is sent to as it was stored, or not at all: one with a
//     trunk zero or an extension, and a Mexican one with the 1 that was
//     abolished in 2019, is refused and not mended.
//   - Only to the countries in [Options].Countries, by the number's region and
//     not by its calling code.
//   - Only within the budgets of all messages, of the country and of the
//     number's neighbours, which the Service takes together with the limits of
//     the person, before it puts a token: a request that nobody pays for does
//     not end the code that came before it.
//
// The answer to the person is the same in every case, byte for byte, because the
// Service has given it before any of this is known.
//
// What this does not see: a numbering plan that changed after the metadata was
// made, a number that was ported or is roaming, whoever holds many verified
// accounts with real telephones (which [ConversionMonitor] notices), and the links that
// [recovery.Service.NotMe] sends after a notice, at most one for each.
//
// A budget that is spent is spent for everybody until its window has passed.
// The host then sees [recovery.EventMessageSuppressed] with [recovery.ReasonRateLimited]
// and [recovery.ScopeBudget], which is worth an alarm; e-mail goes on.
//
// A code by SMS is also the weakest proof there is (a SIM that was swapped, a
// number that was given to somebody else): a host that can, sends links by
// e-mail.
//
// Errors and logs hold neither number nor text (A39).
//
// # Operating
//
// Set budgets from what a busy day costs, times two or three, and have somebody
// told of the event above. The alarm for few conversions is [ConversionMonitor], or a
// query of the host's own on its events: of the leads with message_sent, channel
// sms and message reset-code, how many have password_reset within 15 minutes.
//
// Set the provider's own limits too, its permitted countries above all: they
// hold if this process is taken over.
//
// With several instances, the budgets are counted by the Service's Limiter,
// which is then a shared one; give the same to [Options].Limiter. Update
// github.com/nyaruka/phonenumbers now and then, because numbering plans grow;
// it makes the binary some 5 MB larger. The host's clock may be wrong by no more
// than a small part of a code's life: a code that has expired by it is not sent.
//
// # Compatibility
//
// The names of the budgets are part of the contract: their counts survive an
// update.
package smsnotifier
