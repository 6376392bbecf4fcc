package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
)

// A leadStore in which a reset runs directly after the n-th read of credentials.
type resetBetween struct {
	*memoryLeads
	n     int
	reset func()
}

func (s *resetBetween) credentials(ctx context.Context, email string) (leadID, hash string, err error) {
	leadID, hash, err = s.memoryLeads.credentials(ctx, email)
	if s.n--; s.n == 0 {
		s.reset()
	}
	return leadID, hash, err
}

// A74: the old password does not open a session after a reset, wherever the
// reset comes between the steps of the login.
func TestLoginBesideAReset_A74(t *testing.T) {
	t.Parallel()
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seeds, err := demoSeeds(t.Context(), hasher)
	if err != nil {
		t.Fatal(err)
	}
	newHash, err := hasher.Hash(t.Context(), "three brass monkeys")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 { // 0 is a login without a reset
		leads, sessions := &resetBetween{memoryLeads: newMemoryLeads(), n: n}, newMemorySessions()
		for _, s := range seeds {
			if err := leads.add(s); err != nil {
				t.Fatal(err)
			}
		}
		leads.reset = func() {
			if err := errors.Join(leads.SetPasswordHash(t.Context(), demoLeadID, newHash), sessions.EndSessions(t.Context(), demoLeadID)); err != nil {
				t.Error(err)
			}
		}
		l := &login{
			leads: leads, sessions: sessions, hasher: hasher, log: slog.New(slog.DiscardHandler),
			limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}),
			policy:  recovery.LimitPolicy{Limits: []recovery.Limit{{N: 20, Window: time.Minute}}},
		}
		_, _, err := l.signIn(t.Context(), netip.MustParseAddr("203.0.113.7"), demoEmail, demoPassword)
		if n == 0 && err != nil || n > 0 && !errors.Is(err, errSignIn) {
			t.Errorf("a reset after read %d: %v", n, err)
		}
	}
}

// An account whose hash cannot be read has the answer of every other, and the
// operator is told.
func TestLoginWithAHashThatCannotBeRead(t *testing.T) {
	t.Parallel()
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seeds, err := demoSeeds(t.Context(), hasher)
	if err != nil {
		t.Fatal(err)
	}
	leads := newMemoryLeads()
	for _, s := range seeds {
		s.hash = "!"
		if err := leads.add(s); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	l := &login{
		leads: leads, sessions: newMemorySessions(), hasher: hasher, log: slog.New(slog.NewTextHandler(&log, nil)),
		limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}),
		policy:  recovery.LimitPolicy{Limits: []recovery.Limit{{N: 20, Window: time.Minute}}},
	}
	if _, _, err := l.signIn(t.Context(), netip.MustParseAddr("203.0.113.7"), demoEmail, demoPassword); !errors.Is(err, errSignIn) {
		t.Errorf("the answer is %v, want that of a wrong password", err)
	}
	if !strings.Contains(log.String(), "lead="+demoLeadID) {
		t.Errorf("the log does not name the lead: %s", log.String())
	}
}
