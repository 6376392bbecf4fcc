package leadsquared_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

// callerLimit leaves only the vendor's 25 in 5 s.
func callerLimit(o *recovery.Options) { o.Limits.Caller = recovery.LimitPolicy{} }

func wantHeaders(t *testing.T, h http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := h.Get(name); got != value {
			t.Errorf("%s is %s, want %s", name, got, value)
		}
	}
}

// The vendor's limit, in the vendor's words, refuses the 26th call within 5 s.
// It counts both operations and both generations together.
func TestVendorLimit(t *testing.T) {
	text := "API calls exceeded the limit of 25 in 5 second(s)"
	bubble(t, callerLimit, func(t *testing.T, w *world) {
		paths := []string{forgotV2, forgotV1, forgotV2b, forgotV1b}
		for i := range 24 {
			rec := w.do(post(paths[i%len(paths)], seedEmail))
			want(t, rec, 200, forgotOK)
			if got, want := rec.Header().Get("RateLimit"), fmt.Sprintf(`"caller-5";r=%d;t=5`, 24-i); !strings.HasPrefix(got, want) {
				t.Fatalf("call %d: RateLimit is %s, want %s", i, got, want)
			}
		}
		want(t, w.do(post(resetV1, seedReset)), 400, resetError(invalidInput, badProofText))
		rec := w.do(post(forgotV2, seedEmail))
		wantError(t, rec, 429, rateLimited, text)
		wantHeaders(t, rec.Header(), map[string]string{
			"Retry-After":      "5",
			"RateLimit":        `"caller-5";r=0;t=5, "client-1";r=99975;t=1`,
			"RateLimit-Policy": `"caller-5";q=25;w=5, "client-1";q=100000;w=1`,
		})
		want(t, w.do(post(resetV2, seedReset)), 429, resetError(rateLimited, text))

		// A82: all other clients are still served with the same public keys. So
		// is this client with the keys of the other portal.
		want(t, w.do(post(forgotV2, seedEmail, from("198.51.100.7"))), 200, forgotOK)
		want(t, w.do(post(forgotV2, seedEmail, asB)), 200, forgotOK)

		// A refused call was not counted, and Retry-After was right.
		time.Sleep(5 * time.Second)
		want(t, w.do(post(forgotV2, seedEmail)), 200, forgotOK)
	})
}

// A successful reset says what is left of the limit, like every counted
// request.
func TestQuotasOfReset(t *testing.T) {
	bubble(t, callerLimit, func(t *testing.T, w *world) {
		rec := w.do(post(resetV2, resetWith(goodPass, w.mailedLink(w.a, asA))))
		want(t, rec, 200, resetOK)
		wantHeaders(t, rec.Header(), map[string]string{
			"RateLimit":        `"caller-5";r=23;t=4, "client-1";r=99999;t=1`,
			"RateLimit-Policy": `"caller-5";q=25;w=5, "client-1";q=100000;w=1`,
		})
	})
}

// A52: a path in another case or with a question mark has the same limit.
func TestLimitKnowsNoAliases(t *testing.T) {
	bubble(t, callerLimit, func(t *testing.T, w *world) {
		for i := range 25 {
			w.do(post([]string{forgotV2, strings.ToUpper(forgotV2), forgotV2 + "?", forgotV2 + "?x=1", strings.ToLower(forgotV2b)}[i%5], seedEmail))
		}
		for _, path := range []string{forgotV2, strings.ToUpper(forgotV2), forgotV2 + "?", forgotV2b, forgotV1, "http://example.com" + forgotV2} {
			if rec := w.do(post(path, seedEmail)); rec.Code != 429 {
				t.Errorf("%s: %d, want 429", path, rec.Code)
			}
		}
	})
}

// By default the limit of a client is 30 in 10 minutes, and the 429 says so.
func TestDefaultClientLimit(t *testing.T) {
	bubble(t, func(o *recovery.Options) { o.Limits = recovery.Limits{} }, func(t *testing.T, w *world) {
		for i := range 30 {
			if i == 15 {
				time.Sleep(5 * time.Second) // for the vendor's 25 in 5 s
			}
			want(t, w.do(post(forgotV2, seedEmail)), 200, forgotOK)
		}
		rec := w.do(post(forgotV2, seedEmail))
		wantError(t, rec, 429, rateLimited, "API calls exceeded the limit of 30 in 600 second(s)")
		wantHeaders(t, rec.Header(), map[string]string{"Retry-After": "595"})
	})
}

// An invalid request is refused without being counted.
func TestInvalidRequestsAreNotCounted(t *testing.T) {
	bubble(t, callerLimit, func(t *testing.T, w *world) {
		for range 50 {
			w.do(post(forgotV2, `{}`))
			w.do(post(forgotV2, seedEmail, header("Authorization", "unknown-key-0123")))
			w.do(post(resetV2, `{"Password":"x"}`))
			w.do(post("/api/nothing", seedEmail))
		}
		rec := w.do(post(forgotV2, seedEmail))
		want(t, rec, 200, forgotOK)
		if got := rec.Header().Get("RateLimit"); !strings.HasPrefix(got, `"caller-5";r=24;`) {
			t.Errorf("RateLimit is %s", got)
		}
	})
}

// A50: the client is the peer of the connection, or the client that trusted
// proxies name.
func TestLimitedClient(t *testing.T) {
	change := func(o *recovery.Options) {
		callerLimit(o)
		o.ClientAddress.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	}
	bubble(t, change, func(t *testing.T, w *world) {
		for i := range 26 {
			wantCode := 200
			if i == 25 {
				wantCode = 429
			}
			addr := fmt.Sprintf("203.0.113.%d", i)
			spoofed := []tweak{header("X-Forwarded-For", addr), header("X-Real-IP", addr), header("True-Client-IP", addr), header("Forwarded", "for="+addr)}
			if rec := w.do(post(forgotV2, seedEmail, spoofed...)); rec.Code != wantCode {
				t.Errorf("spoofed, call %d: %d, want %d", i, rec.Code, wantCode)
			}
			if rec := w.do(post(forgotV2, seedEmail, append(spoofed, from("10.0.0.1"))...)); rec.Code != 200 {
				t.Errorf("through a proxy, call %d: %d, want 200", i, rec.Code)
			}
		}
	})
}

// A brokenLimiter is a Limiter whose server is down.
type brokenLimiter struct{}

func (brokenLimiter) Allow(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) {
	return nil, errors.New("dial tcp 10.1.2.3:6379: connection refused")
}

// Without its limiter nothing is served, and the answer does not say why.
func TestLimiterDown(t *testing.T) {
	bubble(t, func(o *recovery.Options) { o.Limiter = brokenLimiter{} }, func(t *testing.T, w *world) {
		text := "The API is temporarily unavailable. Try again later."
		rec := w.do(post(forgotV2, seedEmail))
		wantError(t, rec, 503, internal, text)
		wantHeaders(t, rec.Header(), map[string]string{"Retry-After": "5"})
		want(t, w.do(post(resetV2, seedReset)), 503, resetError(internal, text))
		if !strings.Contains(w.logs.String(), "connection refused") {
			t.Error("the cause is not in the log")
		}
	})
}

// Events name the portal and the client, so that operators can find an
// attacker.
func TestCallerInEvents(t *testing.T) {
	var events []recovery.Event
	change := func(o *recovery.Options) {
		o.Limits.Caller = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
		o.Events = func(_ context.Context, e recovery.Event) { events = append(events, e) }
	}
	bubble(t, change, func(t *testing.T, w *world) {
		w.do(post(forgotV2, seedEmail, func(r *http.Request) { credentials(r, keyA, tokenA, strings.ToUpper(idA)) }))
		w.do(post(forgotV2, seedEmail))
		limited := slices.DeleteFunc(events, func(e recovery.Event) bool { return e.Kind != recovery.EventRateLimited })
		if len(limited) != 1 || limited[0].Caller != "leadsquared:"+idA || limited[0].Client != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("events are %+v", limited)
		}
	})
}
