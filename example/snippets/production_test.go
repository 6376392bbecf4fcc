package snippets_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// ready answers a readiness probe.
func ready(service *recovery.Service) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := service.Check(r.Context()); err != nil {
			slog.Error("not ready", "error", err) // names servers, so it is no answer
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

// alarms calls somebody for the events that need a person.
func alarms(call func(recovery.Event)) recovery.EventSink {
	return func(_ context.Context, e recovery.Event) {
		switch e.Kind {
		case recovery.EventWrongRecord, recovery.EventDeadLetter, recovery.EventSessionsNotEnded, recovery.EventNotMe, recovery.EventCodesExhausted:
			call(e)
		}
	}
}

// newServer has the timeouts of a server that strangers reach. HideTokens is
// outermost, so that the access log has no token.
func newServer(mux http.Handler, accessLog func(http.Handler) http.Handler) *http.Server {
	return &http.Server{
		Addr:              ":8080",
		Handler:           recovery.HideTokens(accessLog(mux)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
	}
}

// behindProxies are the addresses of the load balancers.
var behindProxies = recovery.ClientAddressOptions{
	TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
}

func TestProduction(t *testing.T) {
	t.Parallel()
	leads := recoverytest.NewLeads(fields...)
	leads.Add(ada, "")
	var called []recovery.EventKind
	links := make(chan string, 1)
	service := newService(t, leads, recovery.NewMemoryTokenStore(), links, recovery.Options{
		Keys: [][]byte{recovery.NewKey()}, ClientAddress: behindProxies,
		Events: alarms(func(e recovery.Event) { called = append(called, e.Kind) }),
	})
	var logged []string
	mux := http.NewServeMux()
	mux.Handle("/ready", ready(service))
	server := newServer(mux, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			logged = append(logged, r.URL.String())
			next.ServeHTTP(w, r)
		})
	})
	r := httptest.NewRequest(http.MethodGet, "/ready?token=secret", nil)
	r.RemoteAddr = "10.1.2.3:4567"
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	w := httptest.NewRecorder()
	server.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || strings.Contains(strings.Join(logged, ""), "secret") || len(logged) != 1 {
		t.Errorf("the probe was answered with %d, and the log has %q", w.Code, logged)
	}
	if client := service.Requester(r).Client; client != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("the client is %v", client)
	}
	if err := service.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = httptest.NewRecorder()
	server.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("after Shutdown the probe is answered with %d", w.Code)
	}
	if len(called) != 0 {
		t.Errorf("alarms for %v", called)
	}
}

// alarms calls for what needs a person, and for nothing else.
func TestAlarms(t *testing.T) {
	t.Parallel()
	var called []recovery.EventKind
	sink := alarms(func(e recovery.Event) { called = append(called, e.Kind) })
	for _, kind := range []recovery.EventKind{recovery.EventMessageSent, recovery.EventDeadLetter, recovery.EventResetRefused} {
		sink(t.Context(), recovery.Event{Kind: kind})
	}
	if len(called) != 1 || called[0] != recovery.EventDeadLetter {
		t.Errorf("alarms for %v, want one for a dead letter", called)
	}
}
