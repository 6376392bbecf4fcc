package journeytest

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// codes has strangers ask for codes and type wrong ones until the guesses of
// everybody are used up. Whoever asks then is sent none, except from a known device,
// where the person gets in (A100).
func codes(t *testing.T, leads recovery.LeadStore, tokens recovery.TokenStore, limiter recovery.Limiter, hasher password.Hasher) {
	t.Helper()
	suppressed := make(chan recovery.EventReason, 100)
	j := journey{t: t, outbox: &recoverytest.Outbox{}}
	often := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10_000, Window: time.Minute}}}
	var err error
	j.Service, err = recovery.New(leads, tokens, j.outbox, recovery.Options{
		Keys: [][]byte{testenv.Key("journey")}, Prefix: "codes", Link: recovery.Link{URL: "https://www.example.com/reset"},
		Fields: Fields(), SignInField: "UserName", Limiter: limiter, DangerouslyKeepSessions: true,
		Logger: slog.New(slog.DiscardHandler), Passwords: recovery.PasswordOptions{Hasher: hasher},
		Limits: recovery.Limits{Identifier: often, Lead: often, Recipient: often},
		Events: func(_ context.Context, e recovery.Event) {
			if e.Kind == recovery.EventMessageSuppressed {
				suppressed <- e.Reason
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(20*time.Second))
		defer cancel()
		if err := j.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	for i := range 16 {
		proof := j.askCode(addressOf(i), "")
		for n := range 5 {
			j.wrong(proof, 20*i+n)
		}
	}
	ask := recovery.ForgotRequest{Key: taro(), Code: true, Requester: recovery.Requester{Client: addressOf(1000)}}
	if _, err := j.ForgotPassword(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	select {
	case reason := <-suppressed:
		if reason != recovery.ReasonTooManyGuesses {
			t.Errorf("after 80 wrong codes nothing is sent because of %s, want %s", reason, recovery.ReasonTooManyGuesses)
		}
	case <-time.After(testenv.Patience(20 * time.Second)):
		t.Fatal("after 80 wrong codes no event says that nothing is sent")
	}

	lead, err := leads.FindLead(t.Context(), taro())
	if err != nil {
		t.Fatal(err)
	}
	device, err := j.NewDevice(t.Context(), lead.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	proof := j.askCode(addressOf(1001), device)
	j.wrong(proof, 1)
	req := recovery.ResetRequest{Proof: proof.proof, Password: recovery.NewSecret("eight brass monkeys"), Requester: recovery.Requester{Client: addressOf(7)}}
	if _, err := j.ResetPassword(t.Context(), req); err != nil {
		t.Errorf("the code from a known device, typed in another network: %v", err)
	}
}

func taro() recovery.LeadKey { return recovery.LeadKey{Field: "UserName", Value: "taro"} }

// addressOf returns the address of one of many strangers.
func addressOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

// A sentCode is the proof that a code is, and what a wrong one is typed with.
type sentCode struct {
	proof  recovery.Proof
	code   string
	handle string
	client netip.Addr
}

// askCode asks for a code, with a new handle, and returns it.
func (j journey) askCode(client netip.Addr, device string) sentCode {
	j.t.Helper()
	handle, err := j.NewHandle()
	if err != nil {
		j.t.Fatal(err)
	}
	_, err = j.ForgotPassword(j.t.Context(), recovery.ForgotRequest{
		Key: taro(), Code: true, Handle: handle, Requester: recovery.Requester{Client: client, Device: device},
	})
	if err != nil {
		j.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(j.t.Context(), testenv.Patience(20*time.Second))
	defer cancel()
	m, err := j.outbox.Next(ctx)
	if err != nil {
		j.t.Fatalf("no code: %v", err)
	}
	code := m.Code.Reveal()
	return sentCode{recovery.CodeProof(taro(), code).WithHandle(handle), code, handle, client}
}

// wrong types a wrong code.
func (j journey) wrong(sent sentCode, n int) {
	j.t.Helper()
	code := fmt.Sprintf("%08d", n)
	if code == sent.code {
		code = "99999999"
	}
	_, err := j.CheckProof(j.t.Context(), recovery.CheckProofRequest{
		Proof: recovery.CodeProof(taro(), code).WithHandle(sent.handle), Requester: recovery.Requester{Client: sent.client},
	})
	if recovery.ErrorCodeOf(err) != recovery.ErrorCodeOf(recovery.ErrInvalidProof) {
		j.t.Errorf("a wrong code: %v", err)
	}
}
