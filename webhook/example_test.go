package webhook_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/webhook"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receive is the other system. It verifies a request before it decodes it.
func receive(secret string) http.Handler {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
		if err != nil || verifier.Verify(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var p webhook.Payload
		if err := json.Unmarshal(body, &p); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if p.Type == webhook.Type(recovery.EventTokensRevoked) {
			fmt.Println("the links of", p.Data.LeadID, "are dead")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// A Service notifies another system of its events.
func Example() {
	secret := webhook.GenerateSecret()
	crm := httptest.NewTLSServer(receive(secret.Reveal()))
	defer crm.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(crm.Certificate())

	keys := [][]byte{recovery.NewKey()}
	hooks, err := webhook.New(webhook.Options{
		Keys: keys,
		Endpoints: []webhook.Endpoint{{
			ID: "crm", URL: crm.URL + "/hooks/recovery", Secrets: []recovery.Secret{secret},
			// These two are set only because this receiver is on the loopback
			// interface, with a certificate of its own.
			DangerouslyAllowPrivateAddresses: true, RootCAs: authorities,
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	leads := recoverytest.NewLeads()
	lead := leads.AddEmail("john@example.com", "a hash")
	service, err := recovery.New(leads, recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, recovery.Options{
		Keys:                    keys,
		Link:                    recovery.Link{URL: "https://www.example.com/reset"},
		DangerouslyKeepSessions: true,
		Events:                  hooks.Sink,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := service.RevokeTokens(context.Background(), lead); err != nil {
		fmt.Println(err)
	}

	// The Service is shut down first, so that its last events are still
	// delivered.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := errors.Join(service.Shutdown(ctx), hooks.Shutdown(ctx)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(hooks.Stats()[0].Delivered, "delivered")
	// Output:
	// the links of lead-1 are dead
	// 1 delivered
}

// A body that was decoded and encoded again has other bytes than the signed
// one, even if it means the same.
func Example_incorrect() {
	secret := webhook.GenerateSecret()
	verifier, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		fmt.Println(err)
		return
	}
	crm := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var decoded map[string]any
		_ = json.Unmarshal(body, &decoded)
		again, _ := json.Marshal(decoded)
		fmt.Println("encoded again:", verifier.Verify(again, r.Header) == nil)
		fmt.Println("as it came:", verifier.Verify(body, r.Header) == nil)
	}))
	defer crm.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(crm.Certificate())
	hooks, err := webhook.New(webhook.Options{
		Keys: [][]byte{recovery.NewKey()},
		Endpoints: []webhook.Endpoint{{
			ID: "crm", URL: crm.URL, Secrets: []recovery.Secret{secret},
			DangerouslyAllowPrivateAddresses: true, RootCAs: authorities,
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hooks.Sink(context.Background(), recovery.Event{Kind: recovery.EventPasswordReset, LeadID: "42"})
	if err := hooks.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// encoded again: false
	// as it came: true
}

// New reports all mistakes at once, each with the name of the option.
func ExampleNew_mistakes() {
	_, err := webhook.New(webhook.Options{Endpoints: []webhook.Endpoint{{
		ID:      "crm",
		URL:     "http://crm.example.com/hooks",
		Secrets: []recovery.Secret{recovery.NewSecret("s3cret")},
		Events:  []recovery.EventKind{"password_replaced"},
	}}})
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		if e, ok := errors.AsType[*recovery.OptionError](err); ok {
			fmt.Println(e.Option)
		}
	}
	// Output:
	// Endpoints[0].URL
	// Endpoints[0].Secrets
	// Endpoints[0].Events
	// Keys
}

// Events go to an audit log in this process and to the webhooks.
func ExampleMultiSink() {
	audit := func(_ context.Context, e recovery.Event) { fmt.Println("audit:", e.Kind) }
	var hooks *webhook.Sender // from New; none is configured here
	sink := recovery.MultiSink(audit, hooks.Sink)
	sink(context.Background(), recovery.Event{Kind: recovery.EventPasswordReset})
	// Output:
	// audit: password_reset
}

// A queue of the host's own needs the pauses of Standard Webhooks, and enough
// time for an attempt.
func ExampleRetrySchedule() {
	queue := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{
		Capacity: 100_000, Workers: 64, AttemptTimeout: 20 * time.Second,
		Backoff: webhook.RetrySchedule,
	})
	hooks, err := webhook.New(webhook.Options{
		Queue: queue,
		Keys:  [][]byte{recovery.NewKey()},
		Endpoints: []webhook.Endpoint{
			{URL: "https://crm.example.com/hooks", Secrets: []recovery.Secret{webhook.GenerateSecret()}},
			{URL: "https://shop.example.com/hooks", Secrets: []recovery.Secret{webhook.GenerateSecret()}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, stats := range hooks.Stats() {
		fmt.Println(stats.Endpoint)
	}
	if err := hooks.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// crm.example.com
	// shop.example.com
}

// A system that watches the callers gets all events, with the addresses of the
// clients.
func ExampleEndpoint() {
	e := webhook.Endpoint{
		ID:               "siem",
		URL:              "https://siem.example.com/in?key=7d1f0c",
		Secrets:          []recovery.Secret{webhook.GenerateSecret()},
		Events:           webhook.AllEvents(),
		IncludeClient:    true,
		IncludePrevented: true,
	}
	fmt.Printf("%+v\n", e)
	// Output:
	// webhook endpoint siem
}
