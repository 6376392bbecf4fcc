package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
)

// A factor is the host's side of second factors: its leads have codes that each
// work once.
type factor struct {
	mu     sync.Mutex
	codes  map[string]bool // those that work, for johnID
	asked  int             // calls of Needed
	tried  int             // calls of Verify
	broken error           // what Verify returns
}

func newFactor(codes ...string) *factor {
	f := &factor{codes: map[string]bool{}}
	for _, c := range codes {
		f.codes[c] = true
	}
	return f
}

func (f *factor) options() recovery.SecondFactorOptions {
	return recovery.SecondFactorOptions{
		Needed: func(_ context.Context, lead recovery.Lead) (bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.asked++
			return lead.ID == johnID, nil
		},
		Verify: func(_ context.Context, lead recovery.Lead, code recovery.Secret) (bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.tried++
			if f.broken != nil {
				return false, f.broken
			}
			ok := lead.ID == johnID && f.codes[code.Reveal()]
			delete(f.codes, code.Reveal())
			return ok, nil
		},
	}
}

func (f *factor) counts() (asked, tried int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.tried
}

func (p *portal) resetWith(ctx context.Context, proof recovery.Proof, pw, code string) error {
	_, err := p.ResetPassword(ctx, recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(pw), SecondFactor: recovery.NewSecret(code)})
	return err
}

// A103, A75: nothing is written without the second factor, and no refusal costs the
// link. The events say what was wrong.
func TestSecondFactorStandsBeforeTheWrite_A103(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactor("123456", "recovery-code")
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.SecondFactor = f.options() })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		found, err := p.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: proof})
		if err != nil || !found.SecondFactor {
			t.Fatalf("CheckProof: %+v, %v", found, err)
		}
		for code, reason := range map[string]recovery.EventReason{
			"": recovery.ReasonSecondFactorMissing, "654321": recovery.ReasonSecondFactorWrong,
		} {
			err := p.resetWith(t.Context(), proof, goodPassword, code)
			wantErr(t, err, recovery.ErrSecondFactor)
			wantErr(t, err, recovery.ErrStepUpRequired)
			refused := p.events.of(recovery.EventResetRefused)
			if last := refused[len(refused)-1]; last.Reason != reason || last.LeadID != johnID {
				t.Errorf("%q: event %+v", code, last)
			}
		}
		f.broken = errors.New("the vault is down, it was asked about 654321")
		wantErr(t, p.resetWith(t.Context(), proof, goodPassword, "654321"), recovery.ErrUnavailable)
		f.broken = fmt.Errorf("wrong: %w", recovery.ErrStepUpRequired)
		wantErr(t, p.resetWith(t.Context(), proof, goodPassword, "654321"), recovery.ErrSecondFactor)
		f.broken = nil
		wantErr(t, p.resetWith(t.Context(), proof, goodPassword, strings.Repeat("1", 129)), recovery.ErrInvalidRequest)
		if strings.Contains(p.log.String(), "654321") {
			t.Error("the log has a code")
		}
		if p.leads.Writes() != 0 {
			t.Fatal("a password was written without the second factor")
		}
		if err := p.resetWith(t.Context(), proof, goodPassword, "recovery-code"); err != nil || p.leads.Writes() != 1 {
			t.Error(err)
		}
	})
}

// A103: what can fail without a secret of the person fails before a code is used
// up, and a thief of the mailbox learns nothing of earlier passwords.
func TestNothingCostsACodeBeforeItIsVerified_A103(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactor("111111", "222222")
		hasher := &busyHasher{}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.SecondFactor, o.Passwords.Hasher, o.Passwords.History = f.options(), hasher, 3
			p.users = p.leads.Full()
		})
		const old, next = "An-older-password-of-John", "A-newer-password-of-John"
		err := p.leads.Full().SetPasswordHash(t.Context(), johnID, "fast:"+old)
		if err != nil {
			t.Fatal(err)
		}
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		refused := func(what string, err error, want ...password.Rule) {
			t.Helper()
			policy, ok := errors.AsType[*password.PolicyError](err)
			if !ok || len(policy.Violations) != 1 || policy.Violations[0].Rule != want[0] {
				t.Errorf("%s: %v", what, err)
			}
		}
		refused("the person's own address", p.resetWith(t.Context(), proof, johnMail, "111111"), password.RuleIdentifier)
		hasher.busy = true
		wantErr(t, p.resetWith(t.Context(), proof, next, "111111"), recovery.ErrUnavailable)
		hasher.busy = false
		wantErr(t, p.resetWith(t.Context(), proof, old, ""), recovery.ErrSecondFactor)
		wantErr(t, p.resetWith(t.Context(), proof, old, "000000"), recovery.ErrSecondFactor)
		if _, tried := f.counts(); tried != 1 {
			t.Errorf("Verify was called %d times", tried)
		}
		refused("an earlier password, with the factor", p.resetWith(t.Context(), proof, old, "111111"), password.RuleReused)
		if err := p.resetWith(t.Context(), proof, next, "222222"); err != nil {
			t.Error(err)
		}
	})
}

// busyHasher is a hasher that has no time.
type busyHasher struct {
	fastHasher
	busy bool
}

func (h *busyHasher) Hash(ctx context.Context, pw string) (string, error) {
	if h.busy {
		return "", &password.BusyError{RetryAfter: time.Second}
	}
	return h.fastHasher.Hash(ctx, pw)
}

// A103: whoever reads the person's mail finds no factor of six digits by guessing.
// The guesses are counted for the lead, over all links and all addresses, and none
// of them costs a link.
func TestGuessesAtASecondFactorAreLimited_A103(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactor("424242")
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.SecondFactor = f.options()
			o.Tokens.LinkTTL = 24 * time.Hour
		})
		n := 0
		guess := func(proof recovery.Proof, code string) error {
			n++
			req := recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(goodPassword), SecondFactor: recovery.NewSecret(code)}
			req.Requester.Client = addressOf(n)
			_, err := p.ResetPassword(t.Context(), req)
			return err
		}
		start, tries, refused := time.Now(), 0, 0
		var proof recovery.Proof
		for time.Since(start) < 23*time.Hour {
			if tries%7 == 0 {
				proof = recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
			}
			err := guess(proof, fmt.Sprintf("%06d", tries))
			if limit, ok := errors.AsType[*recovery.RateLimitError](err); ok {
				refused++
				if limit.Scope != recovery.ScopeSecondFactor {
					t.Fatalf("refused by %s", limit.Scope)
				}
				time.Sleep(time.Minute)
				continue
			}
			wantErr(t, err, recovery.ErrSecondFactor)
			tries++
			time.Sleep(time.Minute)
		}
		if _, tried := f.counts(); tried != 20 || tries != 20 || refused == 0 {
			t.Errorf("%d guesses in 23 hours reached Verify, %d were answered, %d refused", tried, tries, refused)
		}
		limited := p.events.of(recovery.EventResetRefused)
		if last := limited[len(limited)-1]; last.Scope != recovery.ScopeSecondFactor || last.Reason != recovery.ReasonRateLimited || last.LeadID != johnID {
			t.Errorf("event %+v", last)
		}
		// The right one is refused too, or a guess would show itself. A link that was
		// guessed at works when the limit opens.
		proof = recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		if _, ok := errors.AsType[*recovery.RateLimitError](guess(proof, "424242")); !ok || p.leads.Writes() != 0 {
			t.Error("a guess was verified over the limit")
		}
		time.Sleep(2 * time.Hour)
		wantErr(t, guess(proof, ""), recovery.ErrSecondFactor)
		if err := guess(proof, "424242"); err != nil || p.leads.Writes() != 1 {
			t.Error(err)
		}
	})
}

// A103: strangers without a valid link or code use nothing of the limit up, and
// neither do requests without a factor.
func TestStrangersDoNotReachTheSecondFactor_A103(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactor("424242")
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.SecondFactor = f.options() })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		stranger := recovery.TokenProof(strings.Repeat("A", 120))
		for i := range 100 {
			wantErr(t, p.resetWith(t.Context(), stranger, goodPassword, fmt.Sprintf("%06d", i)), recovery.ErrInvalidProof)
			wantErr(t, p.resetWith(t.Context(), recovery.LinkSecretProof(johnID, strings.Repeat("0", 64)), goodPassword, fmt.Sprintf("%06d", i)), recovery.ErrInvalidProof)
			code := recovery.CodeProof(byMail(johnMail).Key, "00000000")
			wantErr(t, p.resetWith(t.Context(), code, goodPassword, fmt.Sprintf("%06d", i)), recovery.ErrInvalidProof)
		}
		if asked, tried := f.counts(); asked != 0 || tried != 0 {
			t.Errorf("the host was asked %d and %d times for strangers", asked, tried)
		}
		for range 100 {
			wantErr(t, p.resetWith(t.Context(), proof, goodPassword, ""), recovery.ErrSecondFactor)
		}
		if err := p.resetWith(t.Context(), proof, goodPassword, "424242"); err != nil {
			t.Error(err)
		}
	})
}

// A103: without a valid link or code, all answers of the API are the same, whether
// the lead has a second factor, has none or does not exist.
func TestNothingTellsWhoHasASecondFactor_A103(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.leads.Add(lead("plain", recovery.StatusActive), "")
			o.SecondFactor = newFactor("424242").options()
		})
		h := p.Handler()
		seen := map[string]string{}
		for _, who := range []struct{ mail, id string }{{johnMail, johnID}, {"plain@example.com", "lead-plain"}, {"nobody@example.com", "lead-nobody"}} {
			for name, body := range map[string]string{
				"code": fmt.Sprintf(`"email":%q,"code":"12345678"`, who.mail),
				"link": fmt.Sprintf(`"leadId":%q,"token":%q`, who.id, strings.Repeat("0", 64)),
			} {
				for _, more := range []string{"", `,"secondFactor":"424242"`} {
					for path, body := range map[string]string{
						"/check-token":    "{" + body + "}",
						"/reset-password": "{" + body + more + `,"password":"` + goodPassword + `"}`,
					} {
						got := limitFields.ReplaceAllString(answer(post(h, path, body)), "")
						if was, ok := seen[path+name]; ok && was != got {
							t.Errorf("%s of %s with %s: %s, and for another %s", path, who.mail, name+more, got, was)
						}
						seen[path+name] = got
					}
				}
			}
		}
	})
}

// The whole way through the JSON API: the link says that a factor is needed, and
// the same request comes again with it.
func TestSecondFactorInTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.SecondFactor = newFactor("424242").options() })
		h := p.Handler()
		link := token(t, p.forgot(t, byMail(johnMail)))
		checked := post(h, "/check-token", fmt.Sprintf(`{"token":%q}`, link))
		if checked.Code != http.StatusOK || checked.Body.String() != `{"secondFactor":true}` {
			t.Errorf("check: %s", answer(checked))
		}
		reset := func(more string) (code int, body string) {
			w := post(h, "/reset-password", fmt.Sprintf(`{"token":%q,"password":%q%s}`, link, goodPassword, more))
			return w.Code, w.Body.String()
		}
		for _, more := range []string{"", `,"secondFactor":""`, `,"secondFactor":"123456"`} {
			code, body := reset(more)
			if code != http.StatusForbidden || !strings.Contains(body, `"code":"second_factor"`) || !strings.Contains(body, `"field":"secondFactor"`) {
				t.Errorf("%q: %d %s", more, code, body)
			}
		}
		for range 4 {
			reset(`,"secondFactor":"123456"`)
		}
		if code, body := reset(`,"secondFactor":"424242"`); code != http.StatusTooManyRequests || !strings.Contains(body, `"second-factor-900"`) {
			t.Errorf("the sixth in 15 minutes: %d %s", code, body)
		}
		time.Sleep(15 * time.Minute)
		if code, body := reset(`,"secondFactor":424242`); code != http.StatusBadRequest {
			t.Errorf("a number: %d %s", code, body)
		}
		if code, body := reset(`,"secondFactor":"424242"`); code != http.StatusNoContent {
			t.Errorf("the right one: %d %s", code, body)
		}
		// Whoever has no factor sends none, and is told of none.
		other := newPortal(t, func(p *portal, o *recovery.Options) {
			p.leads.Add(lead("plain", recovery.StatusActive), "")
			o.SecondFactor = newFactor().options()
		})
		link = token(t, other.forgot(t, byMail("plain@example.com")))
		if w := post(other.Handler(), "/check-token", fmt.Sprintf(`{"token":%q}`, link)); w.Code != http.StatusNoContent {
			t.Errorf("no factor: %s", answer(w))
		}
		// A host that has none takes no such name.
		none := newPortal(t, nil)
		if w := post(none.Handler(), "/reset-password", `{"token":"x","password":"`+goodPassword+`","secondFactor":"1"}`); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "secondFactor") {
			t.Errorf("without the option: %s", answer(w))
		}
	})
}

// An invitation asks for the factor that the invited lead has already.
func TestSecondFactorOfAnInvitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactor("424242")
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.users = p.leads.Full()
			o.Invitations = recovery.InvitationOptions{Link: recovery.Link{URL: "https://portal.example.com/invitation"}}
			p.leads.Add(lead("guest", recovery.StatusInvited), "")
			o.SecondFactor = f.options()
			o.SecondFactor.Needed = func(context.Context, recovery.Lead) (bool, error) { return true, nil }
			o.SecondFactor.Verify = func(_ context.Context, lead recovery.Lead, code recovery.Secret) (bool, error) {
				return lead.ID == "lead-guest" && code.Reveal() == "424242", nil
			}
		})
		made, err := p.IssueInvitation(t.Context(), recovery.InvitationRequest{LeadID: "lead-guest"})
		if err != nil {
			t.Fatal(err)
		}
		h := p.Handler()
		if w := post(h, "/check-invitation", fmt.Sprintf(`{"token":%q}`, made.Token.Reveal())); w.Body.String() != `{"secondFactor":true}` {
			t.Errorf("check: %s", answer(w))
		}
		for more, want := range map[string]int{`"1"`: http.StatusForbidden, `""`: http.StatusForbidden} {
			if w := post(h, "/accept-invitation", fmt.Sprintf(`{"token":%q,"password":%q,"secondFactor":%s}`, made.Token.Reveal(), goodPassword, more)); w.Code != want {
				t.Errorf("%s: %s", more, answer(w))
			}
		}
		if w := post(h, "/accept-invitation", fmt.Sprintf(`{"token":%q,"password":%q,"secondFactor":"424242"}`, made.Token.Reveal(), goodPassword)); w.Code != http.StatusNoContent {
			t.Errorf("the right one: %s", answer(w))
		}
	})
}

// A host that cannot say who needs a factor lets nobody by, and a panic in its code
// tells no code.
func TestBrokenSecondFactors(t *testing.T) {
	for name, edit := range map[string]func(o *recovery.SecondFactorOptions){
		"Needed fails": func(o *recovery.SecondFactorOptions) {
			o.Needed = func(context.Context, recovery.Lead) (bool, error) { return false, errors.New("down") }
		},
		"Needed panics": func(o *recovery.SecondFactorOptions) {
			o.Needed = func(context.Context, recovery.Lead) (bool, error) { panic("424242") }
		},
		"Needed hangs": func(o *recovery.SecondFactorOptions) {
			o.Needed = func(ctx context.Context, _ recovery.Lead) (bool, error) { <-ctx.Done(); return false, ctx.Err() }
		},
		"Verify panics": func(o *recovery.SecondFactorOptions) {
			o.Verify = func(context.Context, recovery.Lead, recovery.Secret) (bool, error) { panic("unexpected 424242") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(_ *portal, o *recovery.Options) {
					o.SecondFactor = newFactor("424242").options()
					edit(&o.SecondFactor)
				})
				proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
				wantErr(t, p.resetWith(t.Context(), proof, goodPassword, "424242"), recovery.ErrUnavailable)
				if strings.HasPrefix(name, "Needed") {
					wantErr(t, p.check(t.Context(), proof), recovery.ErrUnavailable)
				}
				if p.leads.Writes() != 0 || strings.Contains(p.log.String(), "424242") {
					t.Error("a password was written, or the log has a code")
				}
			})
		})
	}
	_, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), recovery.Options{
		Keys: [][]byte{testenv.Key("k")}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, DangerouslyKeepSessions: true, Fields: fields(),
		SecondFactor: recovery.SecondFactorOptions{Needed: newFactor().options().Needed},
	})
	if err == nil || !strings.Contains(err.Error(), "SecondFactor") {
		t.Errorf("half of the option: %v", err)
	}
}

// A92, A103: while the limiter fails, no second factor is verified, also if the host
// has all other requests pass.
func TestNoSecondFactorWithoutALimiter_A92_A103(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactor("424242")
		var broken error
		failing := func(string) error { return broken }
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.SecondFactor, o.Limiter, o.Limits.DangerouslyAllowOnError = f.options(), downLimiter{o.Limiter, failing}, true
		})
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		broken = errors.New("connection refused")
		must(t, p.check(t.Context(), proof))
		for _, code := range []string{"123456", "424242"} {
			wantErr(t, p.resetWith(t.Context(), proof, goodPassword, code), recovery.ErrUnavailable)
		}
		if _, tried := f.counts(); tried != 0 || p.leads.Writes() != 0 {
			t.Errorf("%d guesses were verified, %d passwords written", tried, p.leads.Writes())
		}
		broken = nil
		must(t, p.resetWith(t.Context(), proof, goodPassword, "424242"))
	})
}
