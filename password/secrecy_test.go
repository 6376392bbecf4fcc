package password_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery/password"
)

// A39: no error, log or printed value contains a password, on any path.
func TestPasswordsStaySecret(t *testing.T) {
	var sink bytes.Buffer
	defer func(old *slog.Logger) { slog.SetDefault(old) }(slog.Default())
	defer log.SetOutput(log.Writer())
	slog.SetDefault(slog.New(slog.NewTextHandler(&sink, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(&sink)

	const mark = "Zebrafink"
	secrets := []string{
		mark, mark + "\xff", mark + "\u0378", mark + strings.Repeat("x", 2000), mark + mark, mark + " 1234567890",
		mark + " sings in the morning", strings.Repeat(mark+" ", 60), strings.Repeat("\ufdfa", 50) + mark,
	}

	breaches, err := password.NewHIBP(password.HIBPOptions{
		FailClosed: true,
		OnError:    func(err error) { slog.Error("breach check", "err", err) },
		Client: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("no network")
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	policies := []*password.Policy{}
	for _, opts := range []password.PolicyOptions{
		{Breach: breaches},
		{MaxBytes: 72, ContextWords: []string{mark}},
		{Breach: checkerFunc(func(context.Context, string) (bool, error) { return true, nil })},
	} {
		policy, err := password.NewPolicy(opts)
		if err != nil {
			t.Fatal(err)
		}
		policies = append(policies, policy)
	}
	hasher := password.CheapArgon2id(password.Argon2idOptions{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	note := func(v any) {
		fmt.Fprintf(&sink, "%v\n%+v\n%#v\n%q\n", v, v, v, fmt.Sprint(v))
		slog.Info("seen", "value", v)
	}
	for _, secret := range secrets {
		_, err := password.Normalize(secret)
		note(err)
		if refused, ok := errors.AsType[*password.PolicyError](err); ok {
			note(*refused)
		}
		old, err := password.CheapBcrypt().Hash(t.Context(), secret)
		note(old)
		note(err)
		encoded, err := hasher.Hash(t.Context(), secret)
		note(encoded)
		note(err)
		for _, ctx := range []context.Context{t.Context(), cancelled} {
			for _, stored := range []string{encoded, "", "!", "$2a$", bcryptOf(t, "x")} {
				attempt := password.Attempt{Hash: stored, Password: secret}
				note(attempt)
				note(&attempt)
				result, err := hasher.Verify(ctx, attempt)
				note(result)
				note(err)
			}
		}
		for _, policy := range policies {
			note(policy.Check(secret))
			err := policy.CheckFor(t.Context(), secret, mark)
			note(err)
			if refused, ok := errors.AsType[*password.PolicyError](err); ok {
				note(*refused)
			}
			note(policy.CheckFor(cancelled, secret))
		}
		_, err = breaches.Breached(t.Context(), secret)
		note(err)
		// The stored hash is a password, as in old tables.
		_, err = hasher.Verify(t.Context(), password.Attempt{Hash: secret, Password: "x"})
		note(err)
	}
	if sink.Len() < 10_000 {
		t.Fatal("the sink caught next to nothing")
	}
	if i := strings.Index(strings.ToLower(sink.String()), strings.ToLower(mark)); i >= 0 {
		t.Errorf("a password came out: %q", sink.String()[max(0, i-200):min(sink.Len(), i+100)])
	}
}
