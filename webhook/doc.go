// Package webhook tells the host's other systems of what happens in recovery:
// signed as Standard Webhooks 1.0 specifies, so that receivers verify with its
// libraries, and tried for three days.
//
// # Quick start
//
//	hooks, err := webhook.New(webhook.Options{
//		Keys: keys, // those of recovery.Options will do
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
// [GenerateSecret] draws a secret; both sides keep it as the text "whsec_...".
//
// # Receivers
//
// A delivery is a POST of JSON, a [Payload], with the headers webhook-id,
// webhook-timestamp and webhook-signature:
//
//	{"type":"recovery.password_reset","timestamp":"2026-03-04T05:06:07.089Z",
//	 "data":{"job_id":"N5QX...","lead_id":"42","caller":"crm"}}
//
// A receiver in Go uses the library that signs here,
// github.com/standard-webhooks/standard-webhooks/libraries/go; there are others
// for a dozen languages.
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
// It verifies the bytes that came and not what it decoded and encoded again. It
// answers 2xx once it has taken the delivery over, within [Options].Timeout,
// and works on it afterwards. Deliveries can come twice and in any order:
// webhook-id is the same for every attempt, timestamp in the body says when the
// event happened. It remembers ids for [Lifetime]. It ignores types and fields
// that it does not know.
//
// # What is told
//
// Each [Endpoint] names the kinds of events that it wants. The default is
// [DefaultEvents], which strangers cannot cause at will. A body holds the fields
// of [recovery.Event] and nothing else: no token, code, link, e-mail address,
// telephone number or password. The lead's ID is personal data all the same; a
// host whose lead IDs are e-mail addresses sends addresses. The IP address of
// the person's device is sent only to endpoints that say so
// ([Endpoint].IncludeClient).
//
// An operation can be marked as to be told to no webhook
// ([recovery.LabelNoWebhook]). Of the wires only LoginRadius' has that, as
// X-PreventWebhook, for callers that proved their secret, and only for the
// token that they are given. Should that secret be stolen, the reset which
// follows is still told. An endpoint that watches the callers themselves sets
// [Endpoint].IncludePrevented and hears of the token too.
//
// # Delivery
//
// A 2xx status is success and everything else a failure, redirects too. Failed
// attempts are repeated as [RetrySchedule] says, ten in all. 410 Gone ends the
// endpoint: it is told nothing more by this process, [Options].Disabled hears of
// it, and the configuration should. An endpoint that answers 429 or 503 with
// Retry-After is left alone for as long, an hour at most. Attempts that fall into
// that time are not made and use up the schedule, because the pauses belong to
// the queue; three of ten at most.
//
// What was given up goes to the log and to [Options].Undelivered, with the body,
// for a host that wants to keep and repeat it. It makes no event: a webhook that
// failed must not cause another.
//
// # Threat model
//
//   - A forged, changed or repeated delivery: the signature covers id, time and
//     body. The time is that of the attempt, so receivers can refuse what is
//     older than five minutes.
//   - An endpoint whose name is made to resolve into the host's network (A93):
//     the address is checked when it is dialled, redirects are not followed, the
//     environment's proxies are not used, and TLS is required and verified.
//     URLs come from the configuration only. Where customers may enter them,
//     let deliveries go through a network of their own as well.
//   - A flood of requests (A59): [Sender.Sink] waits no longer than
//     [Options].EnqueueTimeout, queues are bounded, and what does not fit is
//     dropped and counted. Events that strangers cause are not told by default,
//     so that no request of theirs becomes one of the host's.
//   - A slow, hanging or malicious receiver: every attempt has a deadline,
//     headers are bounded, bodies are not read, and each endpoint has workers
//     and places of its own.
//   - Whoever reads the queue's storage sees sealed bytes; whoever reads the log
//     sees endpoints' IDs, webhook-ids and types, and no URL, answer or secret
//     (A39). Who can write to the storage can make old deliveries repeat, which
//     receivers recognise by their ids, and none that is new.
//
// Signatures are symmetric: who holds an endpoint's secret can forge deliveries
// to it. Asymmetric ones (v1a) are not offered by the library.
//
// # Operating
//
// With the default queue a delivery that waits is lost when the process dies,
// and Shutdown makes one last attempt. Where that is not enough, set
// [Options].Queue to a durable one, such as package asynqqueue's, with
// [RetrySchedule] as its Backoff, and give every instance the same endpoints and
// [Options].Keys. A queue of one's own in memory, to change its size:
//
//	Queue: recovery.NewMemoryQueue(recovery.MemoryQueueOptions{
//		Capacity: 100_000, Workers: 64, AttemptTimeout: 20 * time.Second,
//		Backoff: webhook.RetrySchedule,
//	}),
//
// Endpoints then share its workers, so one that hangs can delay the others.
//
// Watch [Sender.Stats]: Dropped and Dead are events that an endpoint never heard
// of, Disabled is one that wants to hear no more.
package webhook
