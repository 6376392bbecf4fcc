// Package httpsms hands text messages to a gateway of the host's own, as a
// signed HTTP request: for a provider that has no package here, a few lines that
// verify the signature and call it.
//
//	provider, err := httpsms.New(httpsms.Options{
//		URL:     "https://sms.internal.example.com/send",
//		Secrets: []recovery.Secret{recovery.NewSecret(os.Getenv("SMS_GATEWAY_SECRET"))}, // whsec_...
//	})
//	if err != nil {
//		return err
//	}
//	notifier, err := smsnotifier.New(texts, provider, smsnotifier.Options{ /* ... */ })
//
// # Wire
//
//	POST /send HTTP/1.1
//	Content-Type: application/json
//	webhook-id: 8f0c2b...
//	webhook-timestamp: 1790000000
//	webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//
//	{"id":"8f0c2b...","to":"+4915123456789","text":"12345678 is your code ...",
//	 "country":"DE","segments":1,"gsm7":true,"expires":"2026-09-21T14:13:20Z"}
//
// All members but expires are always there; it is left out where nothing
// expires. A gateway ignores members that it does not know. The signature is
// that of Standard Webhooks 1.0.0, so that the gateway verifies it with a
// library that exists in its language, against the raw body and before it parses
// anything:
//
//	wh, err := standardwebhooks.NewWebhook(secret)
//	...
//	if err := wh.Verify(body, r.Header); err != nil {
//		http.Error(w, "", http.StatusUnauthorized)
//		return
//	}
//
// webhook-id is the same for every attempt at a message, and the gateway's key
// against sending it twice: a repetition is answered as the first was.
// webhook-timestamp is that of the attempt.
//
// # Answers
//
//	2xx                                 the gateway has taken responsibility
//	401, 403, 404, 407, 408, 409, 421,
//	425, 429                            not now; the queue tries again
//	any other 4xx                       never: an error that wraps
//	                                    [recovery.ErrPermanent]
//	all else, redirects among them      not now
//
// 401, 403, 404, 407 and 421 say nothing about the message: a key or
// a path that is wrong somebody mends, while the queue still tries. The body is
// not read but for 4 KiB, which lets the connection be used again, and never
// quoted.
//
// # Threat model
//
// The URL comes from the configuration, and what it leads to can be bent all the
// same: by DNS, by a redirect, by a proxy (A93). The connection is made to
// public addresses alone, which is checked after resolution, over TLS 1.2 or
// later; redirects are not followed; and HTTP_PROXY and its like are not read,
// because behind a proxy nothing could be checked. A gateway in the host's own
// network needs [Options].DangerouslyAllowPrivateAddresses.
//
// The body holds a live code or link and the number it is for. Whoever reads it
// at the gateway can take the account over, so it belongs in no log there.
//
// # Operating
//
// Draw a secret of 32 random bytes and write it as whsec_ and base64. To rotate
// it, give the new and the old one; every request is then signed with both, and
// the gateway changes over at leisure.
package httpsms
