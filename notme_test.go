package recovery_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const notMePage = "https://portal.example.com/not-me"

// notMePortal sends the link "this was not me".
func notMePortal(t testing.TB, edit func(p *portal, o *recovery.Options)) *portal {
	return newPortal(t, func(p *portal, o *recovery.Options) {
		o.NotMe = recovery.Link{URL: notMePage}
		if edit != nil {
			edit(p, o)
		}
	})
}

// notMe returns what the link in a message carries.
func notMe(t testing.TB, m recovery.Message) recovery.Secret {
	t.Helper()
	u, err := url.Parse(m.NotMe.Reveal())
	if err != nil || !strings.HasPrefix(m.NotMe.Reveal(), notMePage+"?token=") {
		t.Fatalf("%v has no link that says it was not me", m)
	}
	return recovery.NewSecret(u.Query().Get("token"))
}

func (p *portal) disown(t testing.TB, token recovery.Secret) recovery.MessageKind {
	t.Helper()
	result, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return result.Message
}

// stolen is a portal where a thief has reset the password through a link. It
// returns the notices of that.
func stolen(t testing.TB, p *portal) []recovery.Message {
	t.Helper()
	m := p.forgot(t, byMail(johnMail))
	if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), "the-password-of-a-thief"); err != nil {
		t.Fatal(err)
	}
	settle()
	notices := p.outbox.OfKind(recovery.MessagePasswordChanged)
	if len(notices) != 3 {
		t.Fatalf("%d notices", len(notices))
	}
	p.mu.Lock()
	p.ended = nil
	p.mu.Unlock()
	return notices
}

func TestNotMeOnARequestEndsItsLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		first := p.forgot(t, byMail(johnMail))
		second := p.forgot(t, byMail(johnMail))
		phone := recovery.LeadKey{Field: "Phone", Value: johnPhone}
		code := p.forgot(t, recovery.ForgotRequest{Key: phone, RecipientField: "Phone", Code: true})

		if got, err := p.CheckNotMe(t.Context(), recovery.NotMeRequest{Token: notMe(t, code)}); err != nil || got.Message != recovery.MessageResetCode {
			t.Errorf("CheckNotMe: %q, %v", got.Message, err)
		}
		// Reading is what a scanner does: nothing has happened yet.
		if err := p.check(t.Context(), recovery.TokenProof(token(t, first))); err != nil {
			t.Fatal(err)
		}
		if kind := p.disown(t, notMe(t, first)); kind != recovery.MessageResetLink {
			t.Errorf("notice %q", kind)
		}
		settle()
		for name, proof := range map[string]recovery.Proof{
			"the link that was disowned": recovery.TokenProof(token(t, first)),
			"the other link":             recovery.TokenProof(token(t, second)),
			"the code":                   recovery.CodeProof(phone, code.Code.Reveal()),
		} {
			if err := p.check(t.Context(), proof); !errors.Is(err, recovery.ErrInvalidProof) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(p.ended) != 0 {
			t.Error("sessions were ended, although nobody had changed anything")
		}
		if n := len(p.outbox.Messages()); n != 3 {
			t.Errorf("%d messages were sent, want the 3 that were asked for", n)
		}
		told := p.events.of(recovery.EventNotMe)
		if len(told) != 1 || told[0].LeadID != johnID || told[0].Message != recovery.MessageResetLink || told[0].JobID != first.ID {
			t.Errorf("events %+v", told)
		}
	})
}

func TestNotMeOnAChangeGivesTheAccountBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		thief := p.forgot(t, byMail(johnMail)) // and he has asked for one more
		before := len(p.outbox.Messages())

		if kind := p.disown(t, notMe(t, notices[0])); kind != recovery.MessagePasswordChanged {
			t.Errorf("notice %q", kind)
		}
		if !slices.Equal(p.ended, []string{johnID}) {
			t.Errorf("when it returned, sessions were ended of %q", p.ended)
		}
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, thief))), recovery.ErrInvalidProof)
		settle()
		sent := p.outbox.Messages()[before:]
		var to []string
		for _, m := range sent {
			if m.Kind != recovery.MessageResetLink {
				t.Errorf("a message of kind %s", m.Kind)
			}
			to = append(to, m.To)
		}
		slices.Sort(to)
		if want := []string{johnAlt, johnMail}; !slices.Equal(to, want) {
			t.Fatalf("new links went to %q, want %q", to, want)
		}
		// A second click, on whichever device, must not kill them.
		p.disown(t, notMe(t, notices[0]))
		settle()
		if n := len(p.outbox.Messages()) - before; n != 2 {
			t.Errorf("%d messages after the second click, want 2", n)
		}
		// Both carry one token, and one of them wins.
		wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, sent[0])), goodPassword), nil)
		wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, sent[1])), goodPassword), recovery.ErrInvalidProof)
	})
}

func TestNotMeReachesALeadWithoutMailByPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		p.leads.Change(johnID, func(l *recovery.Lead) {
			l.Fields = map[string]recovery.FieldValue{"Phone": {Value: johnPhone, Verified: true}}
		})
		before := len(p.outbox.Messages())
		p.disown(t, notMe(t, notices[1]))
		settle()
		sent := p.outbox.Messages()[before:]
		if len(sent) != 1 || sent[0].Channel != recovery.ChannelSMS || sent[0].To != johnPhone || sent[0].URL.IsZero() {
			t.Fatalf("sent %v", sent)
		}
	})
}

// The event says why no new link went out: the lead has an address, and nothing can
// be sent to it.
func TestNotMeTellsOfAnUndeliverableAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		p.leads.Change(johnID, func(l *recovery.Lead) {
			l.Fields = map[string]recovery.FieldValue{"EmailAddress": {Value: "john@intranet", Verified: true}}
		})
		p.disown(t, notMe(t, notices[0]))
		settle()
		told := p.events.of(recovery.EventMessageSuppressed)
		if len(told) != 1 || told[0].Reason != recovery.ReasonUndeliverableAddress || told[0].LeadID != johnID {
			t.Errorf("events %+v", told)
		}
	})
}

// What a store or the host's sessions fail to do at once is done later, and the
// person is told that it is being done.
func TestNotMeIsFinishedLater(t *testing.T) {
	for _, what := range []string{"the sessions", "the lead store"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := notMePortal(t, nil)
				notices := stolen(t, p)
				before, down := len(p.outbox.Messages()), time.Now().Add(time.Minute)
				failing := func() error {
					if time.Now().Before(down) {
						return errors.New("down")
					}
					return nil
				}
				if what == "the sessions" {
					p.sessions = func(_ context.Context, leadID string) error {
						if err := failing(); err != nil {
							return err
						}
						p.mu.Lock()
						defer p.mu.Unlock()
						p.ended = append(p.ended, leadID)
						return nil
					}
				} else {
					p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(context.Context, recovery.LeadKey) error { return failing() }})
				}
				p.disown(t, notMe(t, notices[0]))
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				sent := p.outbox.Messages()[before:]
				if len(sent) != 2 || !slices.Contains(p.ended, johnID) {
					t.Fatalf("%d links, sessions ended of %q", len(sent), p.ended)
				}
				// No repetition ended what was sent.
				wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, sent[0])), goodPassword), nil)
				if n := len(p.events.of(recovery.EventNotMe)); n != 1 {
					t.Errorf("%d events, want 1", n)
				}
			})
		})
	}
}

// A58: what is done later ends no link that the person has asked for since. The
// tokens were ended at the click.
func TestNotMeFinishedLaterLeavesNewLinksAlone_A58(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		var down atomic.Bool
		p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
			if down.Load() && key.Field == recovery.LeadIDField {
				return errors.New("down")
			}
			return nil
		}})
		down.Store(true)
		p.disown(t, notMe(t, notices[0]))
		asked := p.forgot(t, byMail(johnMail))
		before := len(p.outbox.Messages())
		down.Store(false)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := len(p.outbox.Messages()) - before; n != 2 {
			t.Fatalf("%d links were sent later, want 2", n)
		}
		wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, asked)), goodPassword), nil)
	})
}

// The same where the tokens could not be ended at the click either: the job that
// ends them does so once, whatever fails after it.
func TestNotMeEndsTheTokensOnceLater_A58(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leadsDown, tokensDown atomic.Bool
		p := notMePortal(t, func(p *portal, _ *recovery.Options) {
			p.tokens = flakyTokens{p.tokens, func(op string) bool { return op == "Delete" && tokensDown.Load() }}
		})
		notices := stolen(t, p)
		thief := p.forgot(t, byMail(johnMail))
		p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
			if leadsDown.Load() && key.Field == recovery.LeadIDField {
				return errors.New("down")
			}
			return nil
		}})
		leadsDown.Store(true)
		tokensDown.Store(true)
		p.disown(t, notMe(t, notices[0]))
		time.Sleep(10 * time.Second)
		tokensDown.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		asked := p.forgot(t, byMail(johnMail))
		before := len(p.outbox.Messages())
		leadsDown.Store(false)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(p.outbox.Messages()) - before; n != 2 {
			t.Errorf("%d links were sent later, want 2", n)
		}
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, thief))), recovery.ErrInvalidProof)
		wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, asked)), goodPassword), nil)
	})
}

func TestNotMeOfALeadThatIsDisabledSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		before := len(p.outbox.Messages())
		p.leads.Change(johnID, func(l *recovery.Lead) { l.Status = recovery.StatusDisabled })
		p.disown(t, notMe(t, notices[0]))
		settle()
		if n := len(p.outbox.Messages()) - before; n != 0 || len(p.ended) != 1 {
			t.Errorf("%d messages, sessions ended of %q", n, p.ended)
		}
	})
}

func TestNotMeLinkIsOneOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		other := notMePortal(t, func(_ *portal, o *recovery.Options) { o.Keys = [][]byte{testKey(2)} })
		m := p.forgot(t, byMail(johnMail))
		good := notMe(t, m).Reveal()
		p.calls.take()
		for name, token := range map[string]string{
			"nothing":                          "",
			"a word":                           "undefined",
			"one changed character":            "A" + good[1:],
			"one more character":               good + "A",
			"another portal's":                 notMe(t, other.forgot(t, byMail(johnMail))).Reveal(),
			"A36: the token of the reset link": token(t, m),
			"very long":                        strings.Repeat("A", 1<<20),
		} {
			_, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(token)})
			if !errors.Is(err, recovery.ErrInvalidProof) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := p.CheckNotMe(t.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(token)}); !errors.Is(err, recovery.ErrInvalidProof) {
				t.Errorf("%s, read: %v", name, err)
			}
		}
		if slices.Contains(p.calls.take(), "Delete") {
			t.Error("a bad link reached the store")
		}
		// A36: nor does it open anything else.
		wantErr(t, p.check(t.Context(), recovery.TokenProof(good)), recovery.ErrInvalidProof)
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, m))), nil)

		time.Sleep(7*24*time.Hour + 2*time.Second)
		_, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: recovery.NewSecret(good)})
		wantErr(t, err, recovery.ErrInvalidProof)
	})
}

func TestNotMeLinkSurvivesARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		m := p.forgot(t, byMail(johnMail))
		rotated := notMePortal(t, func(_ *portal, o *recovery.Options) { o.Keys = [][]byte{testKey(2), testKey(1)} })
		if kind := rotated.disown(t, notMe(t, m)); kind != recovery.MessageResetLink {
			t.Errorf("notice %q", kind)
		}
	})
}

func TestNotMeLinkStandsWhereItShould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		edit := func(_ *portal, o *recovery.Options) { o.Messages.UnknownAddress, o.Messages.NoPassword = true, true }
		p := notMePortal(t, edit)
		for address, want := range map[string]bool{
			johnMail:             true,
			"nobody@example.com": false,
			"social@example.com": false,
		} {
			if m := p.forgot(t, byMail(address)); m.NotMe.IsZero() == want {
				t.Errorf("%v: link is there: %v", m, !want)
			}
		}
		bare := newPortal(t, nil)
		if m := bare.forgot(t, byMail(johnMail)); !m.NotMe.IsZero() {
			t.Error("a link without a page")
		}
	})
}

func TestNotMeOverHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits.ClientCheck = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 4, Window: time.Minute}}}
		})
		m := p.forgot(t, byMail(johnMail))
		h := p.Handler()
		for _, c := range []struct {
			name, body string
			want       int
		}{
			{"no token", `{}`, http.StatusBadRequest},
			{"an unknown name", `{"token":"x","leadId":"y"}`, http.StatusBadRequest},
			{"not one of ours", `{"token":"x"}`, http.StatusBadRequest},
			{"the link's", `{"token":"` + notMe(t, m).Reveal() + `"}`, http.StatusNoContent},
			{"pressed twice", `{"token":"` + notMe(t, m).Reveal() + `"}`, http.StatusNoContent},
			{"a fourth from one client", `{"token":"x"}`, http.StatusBadRequest},
			{"a fifth", `{"token":"x"}`, http.StatusTooManyRequests},
		} {
			if w := post(h, "/not-me", c.body, from("192.0.2.1")); w.Code != c.want {
				t.Errorf("%s: %s", c.name, answer(w))
			}
		}
		r := post(h, "/not-me", `{"token":"x"}`, func(r *http.Request) { r.Method = http.MethodGet })
		if r.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", r.Code)
		}
	})
}

// A92: without a limiter a click does nothing and says so.
func TestNotMeFailsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &brokenLimiter{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
		p := notMePortal(t, func(_ *portal, o *recovery.Options) { o.Limiter = limiter })
		m := p.forgot(t, byMail(johnMail))
		how := "fails"
		limiter.broken.Store(&how)
		_, err := p.NotMe(t.Context(), recovery.NotMeRequest{Token: notMe(t, m)})
		wantErr(t, err, recovery.ErrUnavailable)
		limiter.broken.Store(nil)
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, m))), nil)
	})
}

// A57: the links that it sends by SMS are paid for like all others.
func TestNotMeIsWithinTheBudgets_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, func(p *portal, _ *recovery.Options) {
			p.notifier = payer{p.outbox, func(m recovery.Message) ([]recovery.Budget, error) {
				if m.Channel == recovery.ChannelSMS {
					return []recovery.Budget{{Name: "sms", Policy: perDay(1)}}, nil
				}
				return nil, nil
			}}
		})
		notices := stolen(t, p)
		p.leads.Change(johnID, func(l *recovery.Lead) {
			l.Fields = map[string]recovery.FieldValue{"Phone": {Value: johnPhone, Verified: true}}
		})
		before := len(p.outbox.Messages())
		for range 2 {
			p.disown(t, notMe(t, notices[0]))
			time.Sleep(time.Hour + time.Second)
		}
		if n := len(p.outbox.Messages()) - before; n != 1 {
			t.Errorf("%d links by SMS, want the 1 that is paid for", n)
		}
		told := p.events.of(recovery.EventMessageSuppressed)
		if len(told) != 1 || told[0].Scope != recovery.ScopeBudget {
			t.Errorf("events %+v", told)
		}
	})
}

// A58: what one notice had sent, another of the same reset does not take back,
// and neither does the work that goes on behind it.
func TestNotMeTakesNoNewLinkBack_A58(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		p.sessions = func(context.Context, string) error { return errors.New("down for long") }
		before := len(p.outbox.Messages())
		p.disown(t, notMe(t, notices[0]))
		settle()
		first := p.outbox.Messages()[before]
		for _, notice := range notices[1:] {
			p.disown(t, notMe(t, notice))
		}
		asked := p.forgot(t, byMail(johnMail))
		time.Sleep(30 * time.Minute)
		for name, m := range map[string]recovery.Message{"the link of the first click": first, "one that was asked for since": asked} {
			if err := p.check(t.Context(), recovery.TokenProof(token(t, m))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A35: a link that is still being tried for at one mailbox does not revive the
// token that another has, once that is dead.
func TestNotMeRevivesNothing_A35(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
			if m.To == johnAlt {
				return errors.New("greylisted")
			}
			return nil
		})
		before := len(p.outbox.Messages())
		p.disown(t, notMe(t, notices[0]))
		settle()
		sent := p.outbox.Messages()[before:]
		if len(sent) != 1 {
			t.Fatalf("%d links arrived, want 1", len(sent))
		}
		time.Sleep(10 * time.Minute)
		p.leads.Touch(johnID)
		for range 30 {
			time.Sleep(5 * time.Minute)
			wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, sent[0]))), recovery.ErrInvalidProof)
		}
	})
}

// A click whose take was counted, although nobody heard so, is not lost.
func TestNotMeOutlivesALostTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &forgetfulLimiter{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
		p := notMePortal(t, func(_ *portal, o *recovery.Options) { o.Limiter = limiter })
		m := p.forgot(t, byMail(johnMail))
		limiter.forget = ":not-me:"
		p.disown(t, notMe(t, m))
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, m))), recovery.ErrInvalidProof)
	})
}

// forgetfulLimiter counts and does not say so, for keys with a text in them.
type forgetfulLimiter struct {
	recovery.Limiter
	forget string
}

func (l *forgetfulLimiter) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	decisions, err := l.Limiter.Allow(ctx, takes...)
	if l.forget != "" && strings.Contains(takes[0].Key, l.forget) {
		return nil, context.DeadlineExceeded
	}
	return decisions, err
}

// A56: whoever holds a notice signs the lead out three times, and no more.
func TestNotMeWorksThreeTimes_A56(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := notMePortal(t, nil)
		notices := stolen(t, p)
		for i := range 10 {
			p.disown(t, notMe(t, notices[i%3]))
			time.Sleep(2 * time.Hour)
		}
		if len(p.ended) != 3 {
			t.Errorf("signed out %d times, want 3", len(p.ended))
		}
	})
}

// A client that hangs up once the click is counted stops nothing: nobody would
// click again, and a queue would have to finish what the request can do.
func TestNotMeOutlivesTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &hangingUp{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
		ends := 0
		p := notMePortal(t, func(_ *portal, o *recovery.Options) {
			o.Limiter = limiter
			o.Sessions = recovery.SessionEnderFunc(func(ctx context.Context, _ string) error { ends++; return ctx.Err() })
		})
		notices := stolen(t, p)
		thief := p.forgot(t, byMail(johnMail))
		ends = 0
		ctx, cancel := context.WithCancel(t.Context())
		limiter.hangUp = cancel
		if _, err := p.NotMe(ctx, recovery.NotMeRequest{Token: notMe(t, notices[0])}); err != nil {
			t.Fatal(err)
		}
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, thief))), recovery.ErrInvalidProof)
		if failed := p.events.of(recovery.EventSessionsNotEnded); ends != 1 || len(failed) != 0 {
			t.Errorf("sessions were ended %d times, and that failed %d times, want once and never", ends, len(failed))
		}
		settle()
		if ends != 1 {
			t.Errorf("sessions were ended %d times, want once", ends)
		}
	})
}

// hangingUp is a limiter behind which the client hangs up.
type hangingUp struct {
	recovery.Limiter
	hangUp func()
}

func (l *hangingUp) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	decisions, err := l.Limiter.Allow(ctx, takes...)
	if l.hangUp != nil {
		l.hangUp()
	}
	return decisions, err
}
