// Package smsnotifier delivers the messages of a [recovery.Service] as text
// messages, and keeps attackers from spending the host's money with them.
//
//	texts, err := messages.New(messages.Options{Product: "Example", Host: "example.com"})
//	...
//	provider, err := twiliosms.New(twiliosms.Options{ /* ... */ })
//	...
//	sms, err := smsnotifier.New(texts, provider, smsnotifier.Options{
//		Countries: map[string]recovery.LimitPolicy{
//			"DE": {Limits: []recovery.Limit{{N: 500, Window: 24 * time.Hour}}},
//			"AT": {Limits: []recovery.Limit{{N: 100, Window: 24 * time.Hour}}},
//		},
//		Budget: recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100, Window: time.Hour}, {N: 500, Window: 24 * time.Hour}}},
//	})
//	...
//	notifier := recovery.ByChannel(map[recovery.Channel]recovery.Notifier{
//		recovery.ChannelEmail: mail,
//		recovery.ChannelSMS:   sms,
//	})
//	svc, err := recovery.New(leads, tokens, notifier, recovery.Options{ /* ... */ })
//
// Package twiliosms sends the texts through Twilio. Package httpsms sends them
// through any gateway that accepts a signed HTTP request. Another [Provider]
// needs one method.
//
// # Threat model
//
// A text message costs money, and a part of the price goes to the operator of
// the number. So an attacker rents many numbers in an expensive country, has
// codes sent to them all night, and the host pays the attacker: SMS pumping, or
// toll fraud (A57). Nothing is sent until the host has set to which countries
// messages may go and how much they may cost:
//
//   - Messages go only to numbers that are stored on a lead and verified there,
//     never to a number in a request. The Service takes care of that. The one
//     kind of message that would break the rule is refused here.
//   - Messages go only to numbers that belong to mobile telephones. The
//     metadata of libphonenumber decides, as it was when its module was
//     released. The types mobile and "fixed line or mobile" are accepted; North
//     American numbers have the second, because they do not show which one they
//     are. The types fixed line, premium rate, shared cost, toll free, VoIP,
//     personal, pager, universal access, voice mail and satellite are refused.
//     A message goes to the number exactly as it is stored, or it is not sent.
//     A number with a trunk zero or an extension, and a Mexican number with the
//     1 that was abolished in 2019, is refused and not corrected.
//   - Messages go only to the countries in [Options].Countries, by the number's
//     region and not by its calling code.
//   - Messages go only within the budgets of all messages, of the country and
//     of the number's block. The Service counts these budgets together with the
//     limits of the person, before it stores a token. So a request that is over
//     budget does not end an earlier code.
//
// The answer to the person is the same in every case, byte for byte, because
// the Service has given it before any of this is known.
//
// This package does not notice a numbering plan that changed after the metadata
// was made, a number that was ported or is roaming, and an attacker with many
// verified accounts and real telephones (which [ConversionMonitor] notices).
//
// [recovery.Service.NotMe] sends at most one link after each notice. These
// links count against the budgets, and not against the limits of the person.
//
// A budget that is spent is spent for everybody until its window has passed.
// The host then gets [recovery.EventMessageSuppressed] with
// [recovery.ReasonRateLimited] and [recovery.ScopeBudget], which is worth an
// alarm. E-mail is not affected.
//
// A code by SMS is also the weakest proof of all: the SIM may have been
// swapped, or the number given to another person. A host that can should send
// links by e-mail.
//
// Errors and logs hold neither number nor text (A39).
//
// # Operating
//
// Set budgets to two or three times what a busy day costs, and raise an alarm
// on the event above. The alarm for few resets is [ConversionMonitor], or a
// query of the host's own on its events: of the leads with message_sent,
// channel sms and message reset_code, how many have password_reset within 15
// minutes?
//
// Set the provider's own limits too, above all its permitted countries. They
// hold even if an attacker controls this process.
//
// With several instances, the Service's Limiter, which the instances share,
// counts the budgets. Set [Options].Limiter to the same Limiter. Update
// github.com/nyaruka/phonenumbers regularly, because numbering plans grow. The
// module makes the binary about 5 MB larger. The host's clock may be wrong only
// by a small part of a code's lifetime: a code that has expired by this clock
// is not sent.
//
// # Compatibility
//
// The names of the budgets do not change, so their counts survive an update.
package smsnotifier
