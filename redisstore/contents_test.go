package redisstore_test

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// plainHasher costs nothing.
type plainHasher struct{}

func (plainHasher) Hash(_ context.Context, pw string) (string, error) { return "plain:" + pw, nil }

func (plainHasher) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "plain:"+a.Password}, nil
}

var (
	origin   = recovery.Requester{Client: netip.MustParseAddr("203.0.113.7"), Caller: "portal-key"}
	everyone = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: 24 * time.Hour}}}
)

// newService returns a Service whose tokens and limits are both on the store.
func newService(t testing.TB, leads recovery.LeadStore, tokens recovery.TokenStore, notifier recovery.Notifier, limiter recovery.Limiter) *recovery.Service {
	t.Helper()
	s, err := recovery.New(leads, tokens, notifier, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Passwords:               recovery.PasswordOptions{Hasher: plainHasher{}},
		Limiter:                 limiter,
		Limits: recovery.Limits{
			Caller: everyone, ClientForgot: everyone, ClientReset: everyone, ClientCheck: everyone,
			Identifier: everyone, Lead: everyone, Recipient: everyone, Issue: everyone,
		},
	})
	must(t, err)
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return s
}

func email(address string) recovery.LeadKey {
	return recovery.LeadKey{Field: "EmailAddress", Value: address}
}

func forgot(t testing.TB, s *recovery.Service, address string) {
	t.Helper()
	_, err := s.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: email(address), Requester: origin})
	must(t, err)
}

// token is what a mailed link carries.
func token(m recovery.Message) string {
	u, err := url.Parse(m.URL.Reveal())
	if err != nil {
		return ""
	}
	return u.Query().Get("token")
}

func resetWith(s *recovery.Service, m recovery.Message, pw string) error {
	_, err := s.ResetPassword(context.Background(), recovery.ResetRequest{
		Proof: recovery.TokenProof(token(m)), Password: recovery.NewSecret(pw), Requester: origin,
	})
	return err
}

// A31, A32: everything that the whole flow leaves in Redis, at every step of
// it: no token, code, address or password; each key printable, with a TTL and
// no larger than the goals T3 and L6 say.
func TestRedisHoldsNoSecrets(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	s := newStore(t, client, nil)
	leads, outbox := recoverytest.NewLeads(), &recoverytest.Outbox{}
	const address, first, second = "jane.roe@example.com", "a password of forty-two words", "an even longer password than that"
	leadID := leads.AddEmail(address, "old")
	service := newService(t, leads, s, outbox, s)
	ctx := t.Context()
	secrets := []string{address, "jane.roe", first, second, leadID, origin.Client.String(), origin.Caller}
	var dumps strings.Builder
	look := func() {
		t.Helper()
		for _, key := range keys(t, client) {
			if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				t.Errorf("the key %q is not printable ASCII", key)
			}
			ttl := client.PTTL(ctx, key).Val()
			if ttl <= 0 && client.Exists(ctx, key).Val() == 1 {
				t.Errorf("the key %q has no TTL", key)
			}
			if strings.Contains(key, ":t:") && ttl > 24*time.Hour {
				t.Errorf("the slot %q lives %v", key, ttl)
			}
			value, _ := client.Get(ctx, key).Result()
			fmt.Fprintf(&dumps, "%s %s\n", key, value)
		}
	}
	next := func() recovery.Message {
		t.Helper()
		m, err := outbox.Next(ctx)
		must(t, err)
		secrets = append(secrets, m.Code.Reveal(), m.URL.Reveal(), token(m))
		look()
		return m
	}

	forgot(t, service, address)
	mailed := next()
	issued, err := service.IssueToken(ctx, recovery.IssueRequest{Key: email(address), Requester: origin})
	must(t, err)
	secrets = append(secrets, issued.Token.Reveal())
	_, err = service.ForgotPassword(ctx, recovery.ForgotRequest{Key: email(address), Code: true, Requester: origin})
	must(t, err)
	code := next()
	_, err = service.CheckProof(ctx, recovery.CheckProofRequest{Proof: recovery.CodeProof(email(address), "00000000"), Requester: origin})
	if err == nil {
		t.Error("a wrong code was accepted")
	}
	look()
	must(t, resetWith(service, mailed, first))
	look()
	forgot(t, service, address)
	for m := next(); m.URL.IsZero(); m = next() { // the notices of the reset
		_ = m
	}
	_, err = service.ForgotPassword(ctx, recovery.ForgotRequest{Key: email(address), Code: true, Requester: origin})
	must(t, err)
	code = next()
	for code.Code.IsZero() {
		code = next()
	}
	_, err = service.ResetPassword(ctx, recovery.ResetRequest{
		Proof: recovery.CodeProof(email(address), code.Code.Reveal()), Password: recovery.NewSecret(second), Requester: origin,
	})
	must(t, err)
	look()

	dump := dumps.String()
	if !strings.Contains(dump, ":t:m:") || !strings.Contains(dump, ":t:i:") || !strings.Contains(dump, ":t:c:") || !strings.Contains(dump, ":l:") {
		t.Fatalf("the flow has not left all that it should have:\n%s", dump)
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(dump, secret) {
			t.Errorf("Redis held %q", secret)
		}
	}
}

// T3, L6: memory for each live token and each limiter key, with the names that
// a Service makes.
func TestBytesPerKey(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	s := newStore(t, client, nil)
	leads, outbox := recoverytest.NewLeads(), &recoverytest.Outbox{}
	service := newService(t, leads, s, outbox, recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}))
	const people = 50
	for i := range people {
		address := fmt.Sprintf("p%d@example.com", i)
		leads.AddEmail(address, "old")
		forgot(t, service, address)
	}
	if _, err := outbox.Wait(t.Context(), people); err != nil {
		t.Fatal(err)
	}
	if m := most(t, client, keys(t, client)); m > 250 {
		t.Errorf("a live token costs %d bytes, want at most 250", m)
	} else {
		t.Logf("T3: %d bytes for each live token", m)
	}
	names := keys(t, client)
	key := strings.Replace(names[0], ":t:m:", ":l:caller:", 1)
	tier := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 25, Window: time.Minute}}}
	for range 25 {
		if _, err := s.Allow(t.Context(), recovery.LimitRequest{Key: key, Policy: tier}); err != nil {
			t.Fatal(err)
		}
	}
	if m := most(t, client, []string{key}); m > 245 {
		t.Errorf("a limiter key with 25 calls costs %d bytes, want at most 245", m)
	} else {
		t.Logf("L6: %d bytes for each limiter key at 25 calls, %d of them its name", m, len(key))
	}
}

// most is the largest of the keys, with its name and its TTL's entry.
func most(t *testing.T, client *redis.Client, keys []string) int64 {
	t.Helper()
	var sizes []int64
	for _, key := range keys {
		n, err := client.MemoryUsage(t.Context(), key).Result()
		must(t, err)
		sizes = append(sizes, n)
	}
	return slices.Max(sizes)
}
