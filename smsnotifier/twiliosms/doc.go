// Package twiliosms sends text messages through Twilio's Messages resource, by
// Twilio's own module.
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
// Twilio takes a message into its queue, and that is when Send returns nil. What
// becomes of it there (unreachable, blocked by the carrier: 30003 to 30008) is
// told to a status callback, which belongs to the host. A message carries a
// ValidityPeriod that ends with its code or link, so that what waited too long
// is not sent at all, and is sent as it was counted: SmartEncoded, by which
// Twilio replaces characters, is off.
//
// The Messages resource takes no idempotency key. A reply that is lost means
// that the same text is sent twice, with the same code or link in it; limits
// count it once.
//
// # Errors
//
// Every refusal is an [*Error]. Twilio changes its codes as it goes, and warns
// of programs that depend on them, so the code decides only where its meaning
// is old and plain, and the HTTP status otherwise:
//
//	permanent  21211, 21217, 21265, 21266, 21408, 21610, 21612, 21614, 21617,
//	           21635, 30004, 30005, 30006, and status 400, 413 and 422
//	temporary  14107, 20429, 21611, 30001, 30002, 30022, and all else: 401, 403
//	           and 404 are the state of the account, which somebody mends while
//	           the queue still tries
//
// No error holds Twilio's text, because that quotes the number.
//
// # Operating
//
// Use an API key and not the auth token: it can be revoked alone. Twilio keeps
// the texts that it sends, codes and links among them, and shows them in its
// console; Message Redaction turns that off. Turn on the account's SMS Pumping
// Protection, and leave out in its Geo Permissions what is not in
// [smsnotifier.Options].Countries.
//
// TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_REGION and TWILIO_EDGE, which
// Twilio's module reads where it is used alone, are not read here, and neither
// is a proxy of the environment; a host that needs one gives a Transport.
package twiliosms
