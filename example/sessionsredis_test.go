package main

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

func testSessions(t *testing.T, v *vault) *redisSessions {
	t.Helper()
	s := &redisSessions{vault: v}
	for _, lead := range demoLeads() {
		s.leadIDs = append(s.leadIDs, lead.ID)
	}
	return s
}

func TestRedisSessions(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := testClient(t, server.Addr)
	testLoginDuringReset(t, testSessions(t, testVault(t, client)))

	t.Run("a cookie that is no session's", func(t *testing.T) {
		v := testVault(t, client)
		s := testSessions(t, v)
		_, secret, _, err := s.open(t.Context(), demoLeadID, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range []string{
			"", ".", "x", secret + "x", secret[:len(secret)-1], strings.Replace(secret, ".", "", 1), strings.ToLower(secret),
			v.hash("sessions", demoLeadID) + ".", v.hash("nobody") + secret[strings.IndexByte(secret, '.'):], strings.Repeat("x", 5000), "\r\n." + secret,
		} {
			if e, ok, err := s.find(t.Context(), cookie); ok || err != nil {
				t.Errorf("%q: %v %v", cookie, e, err)
			}
		}
		if e, ok, err := s.find(t.Context(), secret); !ok || e.LeadID != demoLeadID || err != nil {
			t.Errorf("%v %v %v", e, ok, err)
		}
	})

	t.Run("they are bounded, and the oldest go", func(t *testing.T) {
		s := testSessions(t, testVault(t, client))
		var secrets []string
		for range maxSessionsOfLead + 2 {
			_, secret, ok, err := s.open(t.Context(), demoLeadID, "")
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			secrets = append(secrets, secret)
		}
		for i, secret := range secrets {
			if _, ok, err := s.find(t.Context(), secret); ok != (i >= 2) || err != nil {
				t.Errorf("session %d is open: %v, error %v", i, ok, err)
			}
		}
	})

	t.Run("no racing login survives a reset", func(t *testing.T) { testRacingLogins(t, testSessions(t, testVault(t, client))) })
}
