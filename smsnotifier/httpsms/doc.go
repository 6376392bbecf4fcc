// Package httpsms sends text messages to a gateway of the host's own, as signed
// HTTP requests. It is for SMS providers that have no package here. The gateway
// is a few lines that verify the signature and call the provider.
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
// All members are always there, except expires: it is left out if nothing
// expires. A gateway must ignore members that it does not know. The signature
// is that of Standard Webhooks 1.0.0, which has libraries for many languages.
// The gateway verifies the signature of the raw body before it parses the body:
//
//	wh, err := standardwebhooks.NewWebhook(secret)
//	...
//	if err := wh.Verify(body, r.Header); err != nil {
//		http.Error(w, "", http.StatusUnauthorized)
//		return
//	}
//
// webhook-id is the same for every attempt at a message. By it the gateway
// avoids sending a message twice: it gives a repetition the answer of the first
// request. webhook-timestamp is the time of the attempt.
//
// # Answers
//
//	2xx                                 the gateway has taken responsibility
//	401, 403, 404, 407, 408, 409, 421,
//	425, 429                            temporary: the queue tries again
//	any other 4xx                       permanent: the error wraps
//	                                    [recovery.ErrPermanent]
//	anything else, redirects included   temporary: the queue tries again
//
// 401, 403, 404, 407 and 421 say nothing about the message: an operator can
// correct a wrong key or path while the queue still tries. At most 4 KiB of the
// answer's body are read, so that the connection can be used again. The body is
// never quoted.
//
// # Threat model
//
// The URL comes from the configuration. Still an attacker may redirect the
// request: by DNS, by an HTTP redirect, or by a proxy (A93). So connections go
// to public addresses only, which is checked after the name was resolved, over
// TLS 1.2 or later. Redirects are not followed. HTTP_PROXY and similar
// variables are not read, because behind a proxy no address can be checked. A
// gateway in the host's own network needs
// [Options].DangerouslyAllowPrivateAddresses.
//
// The body holds a valid code or link and the number that it is for. Whoever
// reads the body at the gateway can take over the account, so the gateway must
// not log it.
//
// # Operating
//
// Make a secret from 32 random bytes, and write it as whsec_ and base64. To
// rotate it, set the new and the old secret. Every request is then signed with
// both, so the gateway can change to the new one at any time.
package httpsms
