// Package webhook notifies the host's other systems of what happens in
// recovery. Deliveries are signed as Standard Webhooks 1.0 specifies, so that
// receivers can verify them with its libraries. A delivery is tried for three
// days.
//
// # Quick start
//
//	hooks, err := webhook.New(webhook.Options{
//		Keys: keys, // may be those of recovery.Options
//		Endpoints: []webhook.Endpoint{{
//			ID:      "crm",
//			URL:     "https://crm.example.com/hooks/recovery",
//			Secrets: []recovery.Secret{recovery.NewSecret(os.Getenv("CRM_WEBHOOK_SECRET"))},
//		}},
//	})
//	if err != nil {
//		return err
//	}
//	service, err := recovery.New(leads, tokens, mailer, recovery.Options{
//		Events: hooks.Sink,
//		// ...
//	})
//	// At the end, in this order:
//	err = errors.Join(service.Shutdown(ctx), hooks.Shutdown(ctx))
//
// [GenerateSecret] makes a secret. Both sides store it as the text "whsec_...".
//
// # Receivers
//
// A delivery is a POST of JSON, a [Payload], with the headers webhook-id,
// webhook-timestamp and webhook-signature:
//
//	{"type":"recovery.password_reset","timestamp":"2026-03-04T05:06:07.089Z",
//	 "data":{"job_id":"N5QX...","lead_id":"42","caller":"crm"}}
//
// A receiver in Go uses the library that also signs the deliveries,
// github.com/standard-webhooks/standard-webhooks/libraries/go. There are
// libraries for about a dozen languages.
//
//	verifier, err := standardwebhooks.NewWebhook(secret)
//	// ...
//	http.HandleFunc("POST /hooks/recovery", func(w http.ResponseWriter, r *http.Request) {
//		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
//		if err != nil || verifier.Verify(body, r.Header) != nil {
//			w.WriteHeader(http.StatusUnauthorized)
//			return
//		}
//		var p webhook.Payload
//		if err := json.Unmarshal(body, &p); err != nil {
//			w.WriteHeader(http.StatusBadRequest)
//			return
//		}
//		if seen(r.Header.Get("webhook-id")) { // an insert into a unique column
//			return
//		}
//		// Put p into a queue, and answer.
//	})
//
// The receiver verifies the bytes that it received, before it decodes them. It
// answers 2xx within [Options].Timeout, once it has stored the delivery, and
// processes the delivery afterwards. Deliveries can come twice and in any
// order. webhook-id is the same for every attempt, so the receiver remembers
// these IDs for [Lifetime]. The timestamp in the body says when the event
// happened. The receiver ignores types and fields that it does not know.
//
// # What is sent
//
// Each [Endpoint] names the kinds of events that it wants. The default is
// [DefaultEvents], which strangers cannot cause at will. A body holds the
// fields of [recovery.Event] and nothing else: no token, code, link, e-mail
// address, telephone number or password. Still the lead's ID is personal data:
// a host whose lead IDs are e-mail addresses sends addresses. The IP address of
// the person's device is sent only to endpoints with [Endpoint].IncludeClient.
// The host's own words are sent only to those with [Endpoint].IncludeHostData.
//
// The label [recovery.LabelNoWebhook] marks an operation that no webhook is
// sent for. Of the vendors' APIs, only LoginRadius' sets it, by the header
// X-PreventWebhook, for callers that proved their secret, and only for the
// token that the caller receives. If that secret is stolen, the reset that
// follows still causes a delivery. An endpoint that watches the callers
// themselves sets [Endpoint].IncludePrevented and gets the event of the token
// too.
//
// # Delivery
//
// A 2xx status is success. Any other status is a failure, redirects included.
// Failed attempts are repeated as [RetrySchedule] says, ten attempts in all.
// 410 Gone ends the endpoint: this process sends nothing more to it, and calls
// [Options].OnDisabled. The host should then remove the endpoint from the
// configuration. An endpoint that answers 429 or 503 with Retry-After gets no
// attempts for that time, an hour at most. The attempts in that time are
// skipped, and count for the schedule, because the queue decides on the pauses.
// These are at most three of ten attempts.
//
// A delivery that was given up is logged and passed to [Options].OnUndelivered,
// with its body, for a host that wants to store and repeat it. It causes no
// event, because a failed webhook must not cause another webhook.
//
// # Threat model
//
//   - A forged, changed or repeated delivery: the signature covers ID, time and
//     body. The time is the time of the attempt, so receivers can refuse
//     deliveries that are older than five minutes.
//   - An endpoint whose name is made to resolve to an address in the host's
//     network (A93): the address is checked when it is dialled, redirects are
//     not followed, the environment's proxies are not used, and TLS is required
//     and verified. URLs come from the configuration only. If customers may
//     enter URLs, also send the deliveries through a separate network.
//   - A flood of requests (A59): [Sender.Sink] waits no longer than
//     [Options].EnqueueTimeout, queues are bounded, and events that do not fit
//     are dropped and counted. Events that strangers can cause are not sent by
//     default, so that a stranger's request does not cause a request of the
//     host.
//   - A slow, hanging or malicious receiver: every attempt has a deadline,
//     headers are bounded, only short bodies are read, and each endpoint has
//     its own workers and its own places in the queue.
//   - Whoever reads the queue's storage sees encrypted bytes. Whoever reads the
//     log sees endpoints' IDs, webhook-ids and types, and no URL, answer or
//     secret (A39). Whoever can write to the storage can repeat old deliveries,
//     which receivers recognise by their IDs, but cannot make new ones.
//
// Signatures are symmetric: whoever has an endpoint's secret can forge
// deliveries to it. The library does not offer asymmetric signatures (v1a).
//
// # Operating
//
// Shutdown makes one last attempt at each delivery that waits in the default
// queue. If the process dies, these deliveries are lost. If that is not enough,
// set [Options].Queue to a durable queue, such as package asynqqueue's, with
// [RetrySchedule] as its Backoff. Give every instance the same endpoints and
// the same [Options].Keys. To change the size of the queue in memory, set a
// queue of your own:
//
//	Queue: recovery.NewMemoryQueue(recovery.MemoryQueueOptions{
//		Capacity: 100_000, Workers: 64, AttemptTimeout: 20 * time.Second,
//		Backoff: webhook.RetrySchedule,
//	}),
//
// Endpoints then share its workers, so an endpoint that hangs can delay the
// others.
//
// Watch [Sender.Stats]. Dropped and Dead count events that an endpoint never
// got. Disabled marks an endpoint that answered 410 Gone.
package webhook
