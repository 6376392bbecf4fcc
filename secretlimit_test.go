package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A server is the endpoint for servers, and a client that asks it.
type tokenServer struct {
	*portal
	http.Handler
}

const serverKey = "the-key-of-this-year"

func newTokenServer(t *testing.T, edit func(p *portal, o *recovery.Options)) tokenServer {
	t.Helper()
	p := newPortal(t, edit)
	h, err := p.IssueTokenHandler(recovery.APIKey{ID: "crm", Secret: recovery.NewSecret(serverKey)})
	if err != nil {
		t.Fatal(err)
	}
	return tokenServer{p, h}
}

// ask presents a key from an address.
func (s tokenServer) ask(addr, key string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	edit = append(edit, from(addr), header("Authorization", "Bearer "+key))
	return post(s, "/forgot-token", `{"email":"`+johnMail+`"}`, edit...)
}

// A80: nobody finds a key by trying. The 26th different one within 5 s is
// refused before it is compared, so the right one is refused too. Other clients
// are served, and the log quotes no key.
func TestWrongKeysAreLimited_A80(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTokenServer(t, nil)
		guess := func(i int) string { return fmt.Sprintf("guess-number-%d-of-many", i) }
		for i := range 25 {
			w := s.ask("192.0.2.1", guess(i))
			wantProblem(t, "a guess", w, 401)
			if got, want := w.Header().Get("RateLimit"), fmt.Sprintf(`"client-5";r=%d;t=5`, 24-i); got != want {
				t.Errorf("guess %d: RateLimit %s, want %s", i, got, want)
			}
		}
		for _, key := range []string{guess(25), serverKey} {
			w := s.ask("192.0.2.1", key)
			if got := wantProblem(t, "after 25 guesses", w, 429); got["code"] != "rate_limited" {
				t.Errorf("code %v", got["code"])
			}
			for name, want := range map[string]string{"Retry-After": "5", "RateLimit": `"client-5";r=0;t=5`, "RateLimit-Policy": `"client-5";q=25;w=5`} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
		}
		if e := s.events.of(recovery.EventRateLimited); len(e) != 2 || e[0].Scope != recovery.ScopeClient || e[0].Client.String() != "192.0.2.1" {
			t.Errorf("events %+v", e)
		}
		if w := s.ask("192.0.2.2", serverKey); w.Code != 200 {
			t.Errorf("another client: %s", answer(w))
		}
		time.Sleep(5 * time.Second)
		if w := s.ask("192.0.2.1", serverKey); w.Code != 200 {
			t.Errorf("after Retry-After: %s", answer(w))
		}
		if logs := s.log.String(); strings.Contains(logs, "guess-number") || strings.Contains(logs, serverKey) {
			t.Errorf("a key is in the log:\n%s", logs)
		}
	})
}

// Whoever has the right key is not limited by this, also beside a client at the
// same address with an old key.
func TestRightKeyIsNotLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTokenServer(t, nil)
		for i := range 100 {
			if w := s.ask("192.0.2.1", serverKey); w.Code != 200 {
				t.Fatalf("request %d: %s", i, answer(w))
			}
			wantProblem(t, "the key of last year", s.ask("192.0.2.1", "the-key-of-last-year"), 401)
			wantProblem(t, "no key", post(s, "/forgot-token", `{}`, from("192.0.2.1")), 401)
		}
	})
}

// A50, A51: the client is the peer of the connection, and an IPv6 network is
// one client.
func TestWrongKeysAreCountedByClient(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  func(s tokenServer, i int) *httptest.ResponseRecorder
	}{
		{"a forged header", func(s tokenServer, i int) *httptest.ResponseRecorder {
			return s.ask("192.0.2.1", fmt.Sprint("guess-", i), header("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)))
		}},
		{"one IPv6 network", func(s tokenServer, i int) *httptest.ResponseRecorder {
			return s.ask(fmt.Sprintf("2001:db8::%d", i), fmt.Sprint("guess-", i))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTokenServer(t, nil)
				for i := range 26 {
					want := 401
					if i == 25 {
						want = 429
					}
					wantProblem(t, fmt.Sprint("guess ", i), c.ask(s, i), want)
				}
			})
		})
	}
}

// An empty secret is none, so it cannot be the same one again.
func TestEmptySecretsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for i := range 26 {
			quotas, err := p.AllowSecret(t.Context(), client("192.0.2.1"), recovery.Secret{})
			limit, refused := errors.AsType[*recovery.RateLimitError](err)
			if refused != (i == 25) || !refused && len(quotas) != 1 {
				t.Fatalf("call %d: %v, %v", i, quotas, err)
			}
			if refused && (limit.Scope != recovery.ScopeClient || limit.RetryAfter != 5*time.Second || len(limit.Quotas) != 1) {
				t.Errorf("%+v", limit)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := p.AllowSecret(ctx, client("192.0.2.2"), recovery.NewSecret("x"))
		wantErr(t, err, recovery.ErrUnavailable)
	})
}
