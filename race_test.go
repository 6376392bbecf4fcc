package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// proofs makes each kind of proof for the same lead.
var proofs = []struct {
	name string
	make func(t *testing.T, p *portal) recovery.Proof
}{
	{"a mailed link", func(t *testing.T, p *portal) recovery.Proof {
		return recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
	}},
	{"an issued token", func(t *testing.T, p *portal) recovery.Proof {
		issued, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: byMail(johnMail).Key, Requester: recovery.Requester{Caller: "crm"}})
		if err != nil {
			t.Fatal(err)
		}
		return recovery.TokenProof(issued.Token.Reveal())
	}},
	{"a code", func(t *testing.T, p *portal) recovery.Proof {
		req := byMail(johnMail)
		req.Code = true
		return recovery.CodeProof(req.Key, p.forgot(t, req).Code.Reveal())
	}},
}

// A33: 64 resets with one token behind a barrier, through two instances on one
// store: one success and one write, 200 times.
func TestOneWinnerPerToken(t *testing.T) {
	const racers, rounds = 64, 200
	for _, kind := range proofs {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, nil)
				second := newPortal(t, func(q *portal, _ *recovery.Options) { q.leads, q.tokens = p.leads, p.tokens })
				instances := []*portal{p, second}
				for round := range rounds {
					proof := kind.make(t, p)
					before := p.leads.Writes()
					var won, lost atomic.Int32
					barrier := make(chan struct{})
					var wg sync.WaitGroup
					for i := range racers {
						wg.Go(func() {
							<-barrier
							switch err := instances[i%2].reset(t.Context(), proof, fmt.Sprintf("%s-%d-%d", goodPassword, round, i)); {
							case err == nil:
								won.Add(1)
							case errors.Is(err, recovery.ErrInvalidProof):
								lost.Add(1)
							default:
								t.Error(err)
							}
						})
					}
					close(barrier)
					wg.Wait()
					if writes := p.leads.Writes() - before; won.Load() != 1 || lost.Load() != racers-1 || writes != 1 {
						t.Fatalf("round %d: %d won, %d lost, %d writes", round, won.Load(), lost.Load(), writes)
					}
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

// One round pays for real hashing.
func TestOneWinnerWithRealHashes(t *testing.T) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	outbox := make(chan recovery.Message, 8)
	p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Passwords.Hasher = hasher })
	p.outbox.Intercept(func(_ context.Context, m recovery.Message) error { outbox <- m; return nil })
	if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
		t.Fatal(err)
	}
	proof := recovery.TokenProof(token(t, <-outbox))
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if p.reset(t.Context(), proof, goodPassword) == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || p.leads.Writes() != 1 {
		t.Fatalf("%d won, %d writes", won.Load(), p.leads.Writes())
	}
	if r, err := hasher.Verify(t.Context(), password.Attempt{Hash: p.leads.Hash(johnID), Password: goodPassword}); err != nil || !r.Match {
		t.Errorf("the new password does not sign in: %+v, %v", r, err)
	}
}

// A crash between claim and write: the token stays spent, so there is never a
// second write.
func TestCrashBetweenClaimAndWriteNeverWritesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		crash := true
		p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error {
			if crash {
				panic("the process dies here")
			}
			return nil
		}})
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrOutcomeUnknown)
		crash = false
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
		if n := p.leads.Writes(); n != 0 {
			t.Errorf("%d writes", n)
		}
		// The person asks again.
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail)))), goodPassword); err != nil {
			t.Error(err)
		}
	})
}

// A store that fails definitely costs nobody the link; one that fails
// ambiguously costs the link and never a second write.
func TestFailedWrites(t *testing.T) {
	for _, kind := range proofs {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, nil)
				proof := kind.make(t, p)
				var fail error
				p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error { return fail }})
				fail = fmt.Errorf("deadlock, rolled back: %w", recovery.ErrNotWritten)
				for range 50 {
					wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrUnavailable)
				}
				fail = nil
				if err := p.reset(t.Context(), proof, goodPassword); err != nil {
					t.Error("after definite failures:", err)
				}
				time.Sleep(time.Minute)
				proof = kind.make(t, p)
				fail = errors.New("connection reset by peer")
				wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrOutcomeUnknown)
				fail = nil
				wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
			})
		})
	}
}

// flakyTokens loses replies: the operation happens, the answer does not come.
type flakyTokens struct {
	recovery.TokenStore
	lose func(op string) bool
}

var errLost = errors.New("read tcp: i/o timeout")

func (s flakyTokens) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	token, err := s.TokenStore.Claim(ctx, id, refs...)
	if s.lose("Claim") {
		return recovery.TokenRecord{}, errLost
	}
	return token, err
}

func (s flakyTokens) Release(ctx context.Context, id string, refs ...recovery.TokenRef) error {
	if s.lose("Release") {
		return errLost
	}
	return s.TokenStore.Release(ctx, id, refs...)
}

func (s flakyTokens) Delete(ctx context.Context, slots ...string) error {
	if s.lose("Delete") {
		return errLost
	}
	return s.TokenStore.Delete(ctx, slots...)
}

// A92: a lost reply costs nothing, because the claim is repeated by its name;
// and when the store will not answer at all, the claim is taken back.
func TestLostRepliesBurnNoLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var claims, releases atomic.Int32
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.tokens = flakyTokens{p.tokens, func(op string) bool {
				switch op {
				case "Claim":
					return claims.Add(-1) >= 0
				case "Release":
					return releases.Add(-1) >= 0
				}
				return false
			}}
		})
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		claims.Store(100)
		releases.Store(3)
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrUnavailable)
		claims.Store(0)
		wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof) // not released yet
		time.Sleep(10 * time.Second)
		if err := p.check(t.Context(), proof); err != nil {
			t.Error("after the release came through:", err)
		}
		claims.Store(1)
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Error("one lost reply:", err)
		}
		if n := p.leads.Writes(); n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
	})
}

// The tokens of a lead die with its version even while the store cannot delete
// them, and are deleted when it can.
func TestDeleteIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var deletes atomic.Int32
		deletes.Store(3)
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.tokens = flakyTokens{p.tokens, func(op string) bool { return op == "Delete" && deletes.Add(-1) >= 0 }}
		})
		first := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		second := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		if err := p.reset(t.Context(), first, goodPassword); err != nil {
			t.Fatal(err)
		}
		wantErr(t, p.reset(t.Context(), second, goodPassword), recovery.ErrInvalidProof)
		p.calls.take()
		time.Sleep(time.Minute)
		if !strings.Contains(fmt.Sprint(p.calls.take()), "Delete") {
			t.Error("Delete was not repeated")
		}
		// Only so many calls are repeated at once, so each must end as one of them.
		if n := p.Repeating(); n != 0 {
			t.Errorf("%d calls count as being repeated after the last one worked", n)
		}
	})
}

// A client that hangs up costs nobody the link before the claim, and stops
// nothing after it.
func TestClientThatHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.reset(ctx, proof, goodPassword); err == nil {
			t.Error("a request that had ended was served")
		}
		if err := p.check(t.Context(), proof); err != nil {
			t.Error("the link was lost:", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(ctx context.Context, _, _ string) error { cancel(); return ctx.Err() }})
		if err := p.reset(ctx, proof, goodPassword); err != nil {
			t.Error("after the claim:", err)
		}
		settle()
		if p.leads.Writes() != 1 || len(p.ended) != 1 || len(p.outbox.OfKind(recovery.MessagePasswordChanged)) != 3 {
			t.Errorf("%d writes, %d sessions ended, %d notices", p.leads.Writes(), len(p.ended), len(p.outbox.OfKind(recovery.MessagePasswordChanged)))
		}
	})
}

// A hash queue that is full costs nobody the link.
func TestBusyHasherLeavesTheLinkAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &switchHasher{err: password.ErrBusy}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Passwords.Hasher = h })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrUnavailable)
		h.err = nil
		// An invalid proof never buys a hash.
		wantErr(t, p.reset(t.Context(), recovery.LinkSecretProof(johnID, strings.Repeat("0", 64)), goodPassword), recovery.ErrInvalidProof)
		if h.hashes != 1 {
			t.Errorf("%d hashes were wanted, want 1", h.hashes)
		}
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Error(err)
		}
	})
}

type switchHasher struct {
	fastHasher
	hashes int
	err    error
}

func (h *switchHasher) Hash(ctx context.Context, pw string) (string, error) {
	h.hashes++
	if h.err != nil {
		return "", h.err
	}
	return h.fastHasher.Hash(ctx, pw)
}

// A store that can compare and set does so: a lead that changed between check
// and write keeps its password, and the token is dead.
func TestVersionedStoreSeesTheLastChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		s, err := recovery.New(p.leads.Versioned(), p.tokens, p.outbox, recovery.Options{
			Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"},
			Fields: fields(), Passwords: recovery.PasswordOptions{Hasher: fastHasher{}}, DangerouslyKeepSessions: true, Limits: generous(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Shutdown(context.WithoutCancel(t.Context()))
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		p.leads.SetHooks(recoverytest.LeadsHooks{
			BeforeWrite: func(context.Context, string, string) error { p.leads.Touch(johnID); return nil },
		})
		req := recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(goodPassword)}
		_, err = s.ResetPassword(t.Context(), req)
		wantErr(t, err, recovery.ErrInvalidProof)
		if p.leads.Writes() != 0 {
			t.Error("written over a change")
		}
		p.leads.SetHooks(recoverytest.LeadsHooks{})
		req.Proof = recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		if _, err = s.ResetPassword(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
}

// slowWork is what the host does between the check of a proof and the write.
// during is called in the middle of it.
type slowWork struct {
	fastHasher
	during func()
}

func (w *slowWork) Hash(ctx context.Context, pw string) (string, error) {
	w.during()
	return w.fastHasher.Hash(ctx, pw)
}

// A35: a store that cannot compare and set is read again before the token is
// claimed, because a step-up and hashing take their time. The answer is that to
// any other invalid proof.
func TestPlainStoreIsReadAgainBeforeTheClaim(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*recoverytest.Leads)
		reason recovery.EventReason
	}{
		{"another password", func(l *recoverytest.Leads) {
			_ = l.SetPasswordHash(context.Background(), johnID, "fast:elsewhere")
		}, recovery.ReasonLeadChanged},
		{"another address", func(l *recoverytest.Leads) { l.SetValue(johnID, "EmailAddress", "new@example.com") }, recovery.ReasonLeadChanged},
		{"disabled", func(l *recoverytest.Leads) { l.SetStatus(johnID, recovery.StatusDisabled) }, recovery.ReasonDisabled},
		{"removed", func(l *recoverytest.Leads) { l.Remove(johnID) }, recovery.ReasonUnknownLead},
	} {
		for _, kind := range proofs {
			for _, when := range []string{"step-up", "hashing"} {
				t.Run(c.name+" during "+when+", "+kind.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := &slowWork{during: func() {}}
						p := newPortal(t, func(p *portal, o *recovery.Options) {
							change := func() { c.change(p.leads.Leads) }
							if when == "hashing" {
								w.during = change
							} else {
								o.StepUp = stepUp(func(recovery.Lead) error { change(); return nil })
							}
							o.Passwords.Hasher = w
						})
						proof := kind.make(t, p)
						p.calls.take()
						err := p.reset(t.Context(), proof, goodPassword)
						if err != recovery.ErrInvalidProof {
							t.Errorf("error %v, want ErrInvalidProof itself", err)
						}
						if calls := p.calls.take(); slices.Contains(calls, "Claim") || slices.Contains(calls, "EndSessions") {
							t.Errorf("calls %q, want no claim", calls)
						}
						if c.reason != recovery.ReasonUnknownLead && p.leads.Hash(johnID) == "fast:"+goodPassword {
							t.Error("written over a change")
						}
						if e := p.events.of(recovery.EventResetRefused); len(e) != 1 || e[0].Reason != c.reason || e[0].LeadID != johnID {
							t.Errorf("events %+v, want one with the reason %s", e, c.reason)
						}
					})
				})
			}
		}
	}
	t.Run("a store that does not answer the second time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &slowWork{}
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Passwords.Hasher = w })
			down := func(context.Context, recovery.LeadKey) error { return errors.New("connection refused") }
			w.during = func() { p.leads.SetHooks(recoverytest.LeadsHooks{Find: down}) }
			proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
			p.calls.take()
			wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrUnavailable)
			if calls := p.calls.take(); slices.Contains(calls, "Claim") {
				t.Errorf("calls %q, want no claim", calls)
			}
			p.leads.SetHooks(recoverytest.LeadsHooks{})
			w.during = func() {}
			if err := p.reset(t.Context(), proof, goodPassword); err != nil {
				t.Error("the link was lost:", err)
			}
		})
	})
}

// A74: sessions end before success is reported; a failure is told to the host
// and repeated, and does not undo the reset.
func TestSessionsAreEndedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		failures := 3
		p.sessions = func(_ context.Context, id string) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if failures--; failures >= 0 {
				return errors.New("session store is down")
			}
			p.ended = append(p.ended, id)
			return nil
		}
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail)))), goodPassword); err != nil {
			t.Fatal(err)
		}
		if n := len(p.events.of(recovery.EventSessionsNotEnded)); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		time.Sleep(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.ended) != 1 || p.ended[0] != johnID {
			t.Errorf("ended %q", p.ended)
		}
	})
}
