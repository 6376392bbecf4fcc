// Package twiliosms sends text messages through Twilio's Messages resource,
// with Twilio's own module.
//
//	provider, err := twiliosms.New(twiliosms.Options{
//		AccountSID:          os.Getenv("TWILIO_ACCOUNT_SID"),
//		APIKeySID:           os.Getenv("TWILIO_API_KEY"),
//		APIKeySecret:        recovery.NewSecret(os.Getenv("TWILIO_API_SECRET")),
//		MessagingServiceSID: "MG0123456789abcdef0123456789abcdef",
//	})
//	if err != nil {
//		return err
//	}
//	notifier, err := smsnotifier.New(texts, provider, smsnotifier.Options{ /* ... */ })
//
// # Delivery
//
// Send returns nil when Twilio has put the message into its queue. Twilio
// reports what happens later (unreachable, blocked by the carrier: 30003 to
// 30008) to a status callback, which the host provides. A message has a
// ValidityPeriod that ends with its code or link, so that Twilio does not send
// it too late. The text is sent as it was counted: SmartEncoded, with which
// Twilio replaces characters, is off.
//
// The Messages resource accepts no idempotency key. If Twilio's answer is lost,
// the same text is sent twice, with the same code or link in it. Limits count
// it once.
//
// # Errors
//
// Every refusal is an [*Error]. Twilio changes its codes over time, and warns
// against programs that depend on them. So the code decides only if it is old
// and its meaning is clear. Otherwise the HTTP status decides:
//
//	permanent  21211, 21217, 21265, 21266, 21408, 21610, 21612, 21614, 21617,
//	           21635, 30004, 30005, 30006, and status 400, 413 and 422
//	temporary  14107, 20429, 21611, 30001, 30002, 30022, and anything else: 401,
//	           403 and 404 concern the account, which an operator can repair
//	           while the queue still tries
//
// No error holds Twilio's text, because Twilio quotes the number.
//
// # Operating
//
// Use an API key and not the auth token, because an API key can be revoked
// alone. Twilio stores the texts that it sends, with their codes and links, and
// shows them in its console. Message Redaction turns that off. Turn on the
// account's SMS Pumping Protection. In its Geo Permissions, allow only the
// countries in [smsnotifier.Options].Countries.
//
// Twilio's module alone reads TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN,
// TWILIO_REGION and TWILIO_EDGE. This package reads none of them, and no proxy
// from the environment. A host that needs a proxy sets Transport.
package twiliosms
