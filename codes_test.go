package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A guesser asks for codes to John's phone from a thousand addresses whenever one
// goes out, and types wrong ones: with the handle that it has, with new ones and
// without any.
type guesser struct {
	*stranger
	typed int
}

// guessUntil has the stranger ask and guess until the instant.
func (g *guesser) guessUntil(t testing.TB, end time.Time) {
	for time.Now().Before(end) {
		step := time.Now().Add(5 * time.Minute) // before a code ends
		if step.After(end) {
			step = end
		}
		req := byPhone()
		req.Handle = g.newHandle(t)
		g.requests = []recovery.ForgotRequest{req}
		g.askUntil(t, step)
		for range 6 {
			g.guess(t, req.Handle, "", g.newHandle(t))
		}
	}
}

func (g *guesser) guess(t testing.TB, handles ...string) {
	g.typed++
	proof := recovery.CodeProof(byPhone().Key, fmt.Sprintf("%08d", g.typed))
	addr := netip.AddrFrom4([4]byte{10, 0, byte(g.typed % 1000 >> 8), byte(g.typed % 1000)})
	for _, handle := range handles {
		_, err := g.p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof.WithHandle(handle), Requester: recovery.Requester{Client: addr}})
		if !errors.Is(err, recovery.ErrInvalidProof) {
			t.Fatalf("a guess: %v", err)
		}
	}
}

func (g *guesser) newHandle(t testing.TB) string {
	handle, err := g.p.NewHandle()
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

// resetByCode has the person ask for a code and type it, sometimes after a mistake, and reports
// whether the password was changed.
func resetByCode(t testing.TB, p *portal, device string, mistake bool) bool {
	req := byPhone()
	req.Requester = recovery.Requester{Client: netip.MustParseAddr("192.0.2.7"), Device: device}
	before := len(p.outbox.OfKind(recovery.MessageResetCode))
	result, err := p.ForgotPassword(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	settle()
	sent := p.outbox.OfKind(recovery.MessageResetCode)[before:]
	if len(sent) == 0 {
		return false
	}
	if mistake {
		_ = p.check(t.Context(), recovery.CodeProof(req.Key, "00000000").WithHandle(result.Handle))
	}
	err = p.reset(t.Context(), typed(sent[0]).WithHandle(result.Handle), goodPassword)
	return err == nil
}

// A100: whatever a stranger asks for and types, from a thousand addresses and for 72
// hours, a person who has a phone alone gets in at every try from a known device.
// Without one, the stranger can take every code that goes out.
func TestStrangersKillNobodysCodes_A100(t *testing.T) {
	for _, known := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			limiter := &waitLimiter{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
			p := newPortal(t, func(p *portal, o *recovery.Options) {
				o.Limits, o.Limiter, p.leads.calls = recovery.Limits{}, limiter, nil
			})
			began := time.Now()
			g := &guesser{stranger: &stranger{p: p, addresses: 1000, next: began, limiter: limiter}}
			random := rand.New(rand.NewPCG(100, 72))
			times := 0
			for hour := range 72 {
				g.guessUntil(t, began.Add(time.Duration(hour)*time.Hour+time.Duration(random.IntN(3600))*time.Second))
				device := ""
				if known {
					device = newDevice(t, p, johnID, "") // the person has signed in before
				}
				if resetByCode(t, p, device, hour%2 == 0) {
					times++
				}
			}
			if known && times != 72 {
				t.Errorf("from a known device, the person got in %d of 72 times", times)
			}
			exhausted := len(p.events.of(recovery.EventCodesExhausted))
			if !known && times > 36 || exhausted == 0 {
				t.Errorf("without a known device the person got in %d of 72 times, and guesses were used up %d times: the stranger does nothing", times, exhausted)
			}
		})
	}
}

// A100: two askers have a code each. Neither the wrong codes that one types nor the
// codes that it asks for end that of the other, who is told nothing of it. A third
// is sent none, and gets the same answer.
func TestCodesOfTwoAskers_A100(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		own, handle := p.askAt(t, byPhone(), "192.0.2.7")
		for i := range 4 {
			other, _ := p.askAt(t, byPhone(), "198.51.100.7")
			for range 5 {
				wantErr(t, p.checkAt(t, recovery.CodeProof(byPhone().Key, fmt.Sprintf("%08d", i)), "198.51.100.7"), recovery.ErrInvalidProof)
				wantErr(t, p.checkAt(t, recovery.CodeProof(byPhone().Key, fmt.Sprintf("%08d", i)), "203.0.113.7"), recovery.ErrInvalidProof)
			}
			wantErr(t, p.checkAt(t, typed(other), "198.51.100.7"), recovery.ErrInvalidProof)
		}
		p.askAt(t, byPhone(), "198.51.100.7")
		third := byPhone()
		third.Requester.Client = netip.MustParseAddr("203.0.113.7")
		result, err := p.ForgotPassword(t.Context(), third)
		if err != nil || result.Handle == "" {
			t.Errorf("the third asker: %+v, %v", result, err)
		}
		settle()
		if told := p.events.of(recovery.EventMessageSuppressed); len(told) != 1 || told[0].Reason != recovery.ReasonTooManyCodes {
			t.Errorf("events %+v", told)
		}
		// From another network, with the handle.
		if err := p.reset(t.Context(), typed(own).WithHandle(handle), goodPassword); err != nil {
			t.Errorf("the code of the person: %v", err)
		}
	})
}

// A58, A100: a thief of a known device's cookie, who has two codes where those of
// known devices stand or has used its guesses up, takes nothing from the person: its
// code then stands beside those of everybody.
func TestStolenDeviceSpoilsNoCodes_A100(t *testing.T) {
	for _, spoil := range []string{"codes", "guesses"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Limits = recovery.Limits{} })
			stolen, own := newDevice(t, p, johnID, ""), newDevice(t, p, johnID, "")
			for i := range 4 {
				req := byPhone()
				req.Requester.Device = stolen
				_, handle := p.askAt(t, req, fmt.Sprintf("198.51.100.%d", i%2))
				for n := range 5 {
					if spoil == "guesses" {
						_ = p.check(t.Context(), recovery.CodeProof(req.Key, fmt.Sprintf("%08d", n)).WithHandle(handle))
					}
				}
				time.Sleep(time.Minute)
			}
			if !resetByCode(t, p, own, true) {
				t.Errorf("%s: the person did not get in: %+v", spoil, p.events.all)
			}
		})
	}
}

// A33: a job that is tried again after its code was used or revoked revives nothing,
// although the device that asked is no known one any more, or was over its limits
// before. So it is in a store that does not tell which digests it never had.
func TestRetriedJobRevivesNoCode_A33(t *testing.T) {
	for _, tells := range []bool{true, false} {
		for _, known := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				q := &heldQueue{}
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					o.Queue = q
					if !tells {
						p.tokens = silent{p.tokens}
					}
				})
				req := byPhone()
				req.Requester.Device = newDevice(t, p, johnID, "")
				ask := func() (job recovery.Job, proof recovery.Proof) {
					result, err := p.ForgotPassword(t.Context(), req)
					must(t, err)
					must(t, p.Perform(t.Context(), q.take()[0]))
					job = q.take()[0] // which it handed over
					must(t, p.Perform(t.Context(), job))
					sent := p.outbox.OfKind(recovery.MessageResetCode)
					return job, typed(sent[len(sent)-1]).WithHandle(result.Handle)
				}
				job, proof := ask()
				sent := 1
				if known {
					must(t, p.reset(t.Context(), proof, goodPassword)) // ends the cookie
				} else {
					job, proof = ask() // within a minute of the first
					sent++
					must(t, p.RevokeTokens(t.Context(), johnID))
					time.Sleep(time.Minute)
				}
				q.take() // the notices
				must(t, p.Perform(t.Context(), job))
				if n := len(p.outbox.OfKind(recovery.MessageResetCode)); n != sent {
					t.Errorf("known at first %v, the store tells %v: %d codes were sent, want %d", known, tells, n, sent)
				}
				wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
			})
		}
	}
}

// A100: the guesses at a lead may be used up between two attempts at a job, when its
// code is stored and not sent yet. Then the code is not sent, and the host is told of
// the guesses, whatever slot the code stands in.
func TestGuessesUsedUpBetweenAttempts_A100(t *testing.T) {
	for _, device := range []string{"", "over its limit"} {
		synctest.Test(t, func(t *testing.T) {
			q, down := &heldQueue{}, false
			p := newPortal(t, func(p *portal, o *recovery.Options) {
				o.Queue, o.Tokens.CodeFailures = q, 10
				o.Limits.Device = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
				p.notifier = recovery.NotifierFunc(func(ctx context.Context, m recovery.Message) error {
					if down {
						return errors.New("down")
					}
					return p.outbox.Notify(ctx, m)
				})
			})
			ask := func(req recovery.ForgotRequest) (result recovery.ForgotResult) {
				var err error
				req.Handle, err = p.NewHandle()
				must(t, err)
				result, err = p.ForgotPassword(t.Context(), req)
				must(t, err)
				return result
			}
			req := byPhone()
			if device != "" {
				req.Requester.Device = newDevice(t, p, johnID, "")
				ask(req)
				p.performAll(t, q)
			}
			ask(req)
			must(t, p.Perform(t.Context(), q.take()[0]))
			job := q.take()[0] // which it handed over
			down = true
			if p.Perform(t.Context(), job) == nil {
				t.Fatal("the notifier did not fail")
			}
			down = false
			for range 2 {
				handle := ask(byPhone()).Handle
				p.performAll(t, q)
				for i := range 5 {
					_ = p.check(t.Context(), recovery.CodeProof(req.Key, fmt.Sprintf("%08d", i)).WithHandle(handle))
				}
			}
			sent := p.outbox.Len()
			time.Sleep(time.Minute) // the device is within its limit again
			must(t, p.Perform(t.Context(), job))
			told := p.events.of(recovery.EventMessageSuppressed)
			if len(told) != 1 || told[0].Reason != recovery.ReasonTooManyGuesses || len(p.events.of(recovery.EventCodesExhausted)) != 1 || p.outbox.Len() != sent {
				t.Errorf("device %q: events %+v, %d codes were sent", device, told, p.outbox.Len()-sent)
			}
		})
	}
}

// silent is a store that does not say which digests it never had.
type silent struct{ recovery.TokenStore }

func (s silent) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	token, err := s.TokenStore.Peek(ctx, refs...)
	if errors.Is(err, recovery.ErrTokenNotRecorded) {
		err = recovery.ErrTokenNotFound
	}
	return token, err
}
