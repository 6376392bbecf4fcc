package loginradius_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/loginradius"
)

const originIP = "X-Origin-IP"

// defaultClients has the default limits of clients and lists one server.
func defaultClients(o *recovery.Options) {
	o.Limits.ClientForgot, o.Limits.Caller = recovery.LimitPolicy{}, recovery.LimitPolicy{}
	o.ClientAddress.ServerCallers = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
}

func (s *site) forgotNobody(i int, headers ...string) answer {
	s.t.Helper()
	return s.do("POST", pathPassword+"?apikey="+apiKey, fmt.Sprintf(`{"email":"nobody%d@example.com"}`, i), headers...)
}

// TestOriginIP: 100 people whom one server passes on are 100 clients. The text of
// the limit is exact at its edge, for each of them.
func TestOriginIP(t *testing.T) {
	for _, tt := range []struct {
		name, client string
		headers      []string
		people       int
	}{
		{"a listed server", "203.0.113.7:4711", nil, 100},
		{"a server with the secret", "192.0.2.99:4711", []string{anySecret, apiSecret}, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, func(o *recovery.Options) { defaultClients(o); o.Limits.Caller = wide() }, nil)
				s.client = tt.client
				for n := range tt.people {
					person := append([]string{originIP, fmt.Sprintf("198.51.100.%d", n)}, tt.headers...)
					for i := range 30 {
						s.forgotNobody(i, person...).wantPosted(t)
					}
					a := s.forgotNobody(30, person...)
					a.wantFailure(t, 429, 908, "API calls exceeded the limit of 30 in 600 second(s)")
					if a.header.Get("Retry-After") != "600" {
						t.Errorf("Retry-After %s", a.header.Get("Retry-After"))
					}
				}
			})
		})
	}
}

// TestForgedOriginIP_A50: from anybody else the header changes nothing, with a
// wrong secret, another app's, or one in a place where it does not count.
func TestForgedOriginIP_A50(t *testing.T) {
	for name, headers := range map[string][]string{
		"no secret": nil, "a wrong secret": {anySecret, "wrong-wrong-wrong"}, "the key": {anySecret, apiKey},
		"two secrets": {anySecret, apiSecret, anySecret, apiSecret}, "a signature": {"digest", "SHA-256=x", "X-Request-Expires", "x"},
		"a bearer token": {"Authorization", "Bearer " + apiSecret}, "a secret in the query": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, defaultClients, nil)
				s.client = "192.0.2.99:4711"
				query := "?apikey=" + apiKey
				if name == "a secret in the query" {
					query += "&apisecret=" + apiSecret
				}
				for i := range 26 {
					a := s.do("POST", pathPassword+query, `{"email":"nobody@example.com"}`,
						append([]string{originIP, fmt.Sprintf("198.51.100.%d", i)}, headers...)...)
					if i < 25 {
						a.wantPosted(t)
					} else {
						a.wantFailure(t, 429, 908, "API calls exceeded the limit of 25 in 5 second(s)")
					}
				}
				if name == "no secret" && strings.Count(s.logs.String(), "passes on the address of a person") != 1 {
					t.Errorf("the log is\n%s", s.logs)
				}
			})
		})
	}
}

// TestGuessesThroughOriginIP_A80: the public endpoints give nobody more guesses
// at the secret. The right one is not believed either, once there were too many.
func TestGuessesThroughOriginIP_A80(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(o *recovery.Options) {
			defaultClients(o)
			o.Limits.Caller, o.Limits.ClientForgot = wide(), narrow()
		}, nil)
		s.client = "192.0.2.99:4711"
		s.forgotNobody(0).wantPosted(t) // the limit of this address is used up
		for i := range 25 {
			s.forgotNobody(0, originIP, "198.51.100.7", anySecret, fmt.Sprintf("guess-number-%d", i)).wantFailure(t, 429, 908, "")
		}
		s.forgotNobody(0, originIP, "198.51.100.7", anySecret, apiSecret).wantFailure(t, 429, 908, "")
		s.manage("", john, originIP, "198.51.100.8").wantFailure(t, 429, 908, "API calls exceeded the limit of 25 in 5 second(s)")
		s.client = "192.0.2.98:4711"
		s.forgotNobody(0, originIP, "198.51.100.7", anySecret, apiSecret).wantPosted(t)
	})
}

// TestOriginIPOfServers: the event of an issued token names the person for whom
// the server asked, and nobody if it passes nobody on.
func TestOriginIPOfServers(t *testing.T) {
	s := newSite(t, nil, func(a *loginradius.App) { a.DangerouslyAllowQuerySecret = true })
	s.manage("", john).wantToken(t)
	if e := s.event(recovery.EventTokenIssued); e.Client.IsValid() {
		t.Errorf("event %+v", e)
	}
	s.manage("", john, originIP, "198.51.100.7").wantToken(t)
	if e := s.event(recovery.EventTokenIssued); e.Client.String() != "198.51.100.7" {
		t.Errorf("event %+v", e)
	}
	// A secret in the query proves as much, where it is allowed.
	s.do("POST", pathPassword+"?apikey="+apiKey+"&apisecret="+apiSecret, john, originIP, "198.51.100.9").wantPosted(t)
	s.one()
	if e := s.event(recovery.EventMessageSent); e.Client.String() != "198.51.100.9" {
		t.Errorf("event %+v", e)
	}
}
