package sqlstoretest

import (
	"context"
	"database/sql"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// The whole flow on one database, with two instances of the service: a link and
// a code asked for at one reset the password at the other. What the store holds
// afterwards is nothing that was sent, and nothing about the person.
func TestFlowLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, open func(testing.TB) *sql.DB) {
		db := open(t)
		_, id := users(t, db, d)
		d.set(t, db, id, "phone", "+1 555 0001234", "phone_canonical", "+15550001234", "phone_verified", true)
		outbox := &recoverytest.Outbox{}
		one, other := newService(t, open(t), d, outbox), newService(t, open(t), d, outbox)
		from := recovery.Requester{Client: netip.MustParseAddr("203.0.113.77")}
		email := recovery.LeadKey{Field: "EmailAddress", Value: "kim@example.com"}
		reset := func(proof recovery.Proof, secret string) error {
			_, err := other.ResetPassword(t.Context(), recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(secret), Requester: from})
			return err
		}

		if _, err := one.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: email, Requester: from}); err != nil {
			t.Fatal(err)
		}
		link, err := url.Parse(next(t, outbox, recovery.MessageResetLink).URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		token := link.Query().Get("token")
		if err := reset(recovery.TokenProof(token), "three brass monkeys"); err != nil {
			t.Fatal(err)
		}
		if err := reset(recovery.TokenProof(token), "four brass monkeys"); err == nil {
			t.Error("the link works twice")
		}

		phone := recovery.LeadKey{Field: "Phone", Value: "+15550001234"}
		if _, err := one.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: phone, RecipientField: "Phone", Code: true, Requester: from}); err != nil {
			t.Fatal(err)
		}
		code := next(t, outbox, recovery.MessageResetCode).Code.Reveal()
		if err := reset(recovery.CodeProof(phone, "00000000"), "five brass monkeys"); err == nil {
			t.Error("a wrong code works")
		}
		if err := reset(recovery.CodeProof(phone, code), "six brass monkeys"); err != nil {
			t.Fatal(err)
		}
		hasher, err := password.NewArgon2id(password.Argon2idOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if result, err := hasher.Verify(t.Context(), password.Attempt{Hash: hashOf(t, db, id), Password: "six brass monkeys"}); err != nil || !result.Match {
			t.Errorf("the new password does not sign in: %v", err)
		}
		held := dump(t, db, "recovery_tokens") + dump(t, db, "recovery_limits")
		if len(held) < 500 {
			t.Fatalf("the store holds only %q", held)
		}
		for what, secret := range map[string]string{
			"the token": token, "its end": token[len(token)-20:], "the code": code, "the address": "kim@", "the domain": "example.com",
			"the phone number": "5550001234", "the client's address": "203.0.113", "a password": "monkeys", "the hash": "argon2id",
		} {
			if strings.Contains(held, secret) {
				t.Errorf("the store holds %s: %s", what, held)
			}
		}
	})
}

func newService(t *testing.T, db *sql.DB, d database, outbox *recoverytest.Outbox) *recovery.Service {
	t.Helper()
	store := newStore(t, db, d)
	service, err := recovery.New(newLeads(t, db, d), store, outbox, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		Fields:                  leadFields,
		Limiter:                 store,
		DangerouslyKeepSessions: true,
		Logger:                  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(10*time.Second))
		defer cancel()
		if err := service.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return service
}

// next returns the next message of a kind.
func next(t *testing.T, outbox *recoverytest.Outbox, kind recovery.MessageKind) recovery.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	for {
		m, err := outbox.Next(ctx)
		if err != nil {
			t.Fatalf("no message of kind %s: %v", kind, err)
		}
		if m.Kind == kind {
			return m
		}
	}
}
