package recovery_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
)

const originIP = "X-Origin-IP"

// oneServer lists one server, and has the default limits of a client.
func oneServer(_ *portal, o *recovery.Options) {
	o.ClientAddress.ServerCallers = []netip.Prefix{netip.MustParsePrefix("192.0.2.8/32")}
	o.Limits.ClientForgot = recovery.LimitPolicy{}
}

func forgotNobody(h http.Handler, addr string, i int, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	return post(h, "/forgot-password", fmt.Sprintf(`{"email":"nobody%d@example.com"}`, i), append(edit, from(addr))...)
}

// TestServerPassesOn100People: 100 people through one server are 100 clients,
// each with the whole limit of a client, and none has more.
func TestServerPassesOn100People(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, oneServer)
		h := p.Handler()
		for i := range 30 {
			for person := range 100 {
				w := forgotNobody(h, "192.0.2.8", i, header(originIP, fmt.Sprintf("198.51.100.%d", person)))
				if got, want := w.Header().Get("RateLimit"), fmt.Sprintf(`"client-600";r=%d;t=600`, 29-i); w.Code != 202 || got != want {
					t.Fatalf("person %d, request %d: %s, RateLimit %s, want %s", person, i, answer(w), got, want)
				}
			}
		}
		for person := range 100 {
			w := forgotNobody(h, "192.0.2.8", 31, header(originIP, fmt.Sprintf("198.51.100.%d", person)))
			wantProblem(t, fmt.Sprint("person ", person), w, 429)
			if got := w.Header().Get("Retry-After"); got != "600" {
				t.Errorf("Retry-After %s", got)
			}
		}
		// Neither the server itself nor the person's own browser is somebody else.
		if w := forgotNobody(h, "192.0.2.8", 0); w.Code != 202 {
			t.Errorf("the server itself: %s", answer(w))
		}
		wantProblem(t, "the same person without the server", forgotNobody(h, "198.51.100.7", 0), 429)
		if e := p.events.of(recovery.EventRateLimited); len(e) != 101 || e[0].Client.String() != "198.51.100.0" {
			t.Errorf("%d events, the first %+v", len(e), e[0])
		}
	})
}

// TestForgedOrigin_A50: X-Origin-IP of anybody but a listed server changes
// nothing, wherever it is forged.
func TestForgedOrigin_A50(t *testing.T) {
	for name, edit := range map[string]func(p *portal, o *recovery.Options){
		"no server is listed": func(p *portal, o *recovery.Options) { oneServer(p, o); o.ClientAddress.ServerCallers = nil },
		"another is listed":   oneServer,
		"behind a proxy": func(p *portal, o *recovery.Options) {
			oneServer(p, o)
			o.ClientAddress.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, edit)
				h := p.Handler()
				for i := range 31 {
					headers := []func(*http.Request){header(originIP, fmt.Sprintf("198.51.100.%d", i))}
					addr := "203.0.113.9"
					if name == "behind a proxy" {
						// The stranger also makes up that the server is on the way.
						addr, headers = "10.0.0.1", append(headers, header("X-Forwarded-For", "192.0.2.8, 203.0.113.9"))
					}
					want := 202
					if i == 30 {
						want = 429
					}
					if w := forgotNobody(h, addr, i, headers...); w.Code != want {
						t.Fatalf("request %d: %s", i, answer(w))
					}
				}
				if n := strings.Count(p.log.String(), "passes on the address of a person"); n != 1 {
					t.Errorf("told %d times\n%s", n, p.log)
				}
				if e := p.events.of(recovery.EventRateLimited); len(e) != 1 || e[0].Client.String() != "203.0.113.9" {
					t.Errorf("events %+v", e)
				}
			})
		})
	}
}

// TestGuessesAreNotPassedOn_A80: nobody gets more guesses at a secret by passing
// people on, also not from a listed server, and no event names what was made up.
// Whoever has the secret is believed.
func TestGuessesAreNotPassedOn_A80(t *testing.T) {
	for _, addr := range []string{"203.0.113.9", "192.0.2.8"} {
		synctest.Test(t, func(t *testing.T) {
			s := newTokenServer(t, oneServer)
			person := func(i int) func(*http.Request) {
				return header(originIP, fmt.Sprintf("198.51.100.%d", i))
			}
			for i := range 26 {
				want := 401
				if i == 25 {
					want = 429
				}
				wantProblem(t, fmt.Sprint("guess ", i), s.ask(addr, fmt.Sprint("guess-", i), person(i)), want)
			}
			if e := s.events.of(recovery.EventRateLimited); len(e) != 1 || e[0].Client.String() != addr {
				t.Errorf("events %+v", e)
			}
			if w := s.ask("203.0.113.77", serverKey, person(7)); w.Code != 200 {
				t.Fatalf("with the secret: %s", answer(w))
			}
			if e := s.events.of(recovery.EventTokenIssued); len(e) != 1 || e[0].Client.String() != "198.51.100.7" {
				t.Errorf("events %+v", e)
			}
			if strings.Contains(s.log.String(), "passes on the address of a person") {
				t.Errorf("who proves a secret is told of:\n%s", s.log)
			}
		})
	}
}
