package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// payer is an outbox with a purse.
type payer struct {
	tracedOutbox
	budgets func(m recovery.Message) ([]recovery.Budget, error)
}

func (p payer) Budgets(_ context.Context, m recovery.Message) ([]recovery.Budget, error) {
	return p.budgets(m)
}

var phone = recovery.LeadKey{Field: "Phone", Value: johnPhone}

func codeBySMS() recovery.ForgotRequest {
	return recovery.ForgotRequest{Key: phone, RecipientField: "Phone", Code: true}
}

func perDay(n int) recovery.LimitPolicy {
	return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: 24 * time.Hour}}}
}

// A57: what a country costs is bounded, and nobody sees that it is spent.
func TestBudgetsOfTheNotifier_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			n := payer{p.outbox, func(m recovery.Message) ([]recovery.Budget, error) {
				if !m.Code.IsZero() || !m.URL.IsZero() || m.LeadID != johnID || m.Kind != recovery.MessageResetCode || m.To != johnPhone {
					t.Errorf("asked about %#v", m)
				}
				return []recovery.Budget{{Name: "sms-US", Policy: perDay(3)}, {Name: "sms", Policy: perDay(100)}}, nil
			}}
			p.notifier = recovery.ByChannel(map[recovery.Channel]recovery.Notifier{recovery.ChannelSMS: n, recovery.ChannelEmail: p.outbox})
		})
		h := p.Handler()
		body := `{"identifier":{"field":"Phone","value":"` + johnPhone + `"},"recipientField":"Phone"}`
		var answers []string
		for range 5 {
			answers = append(answers, limitFields.ReplaceAllString(answer(post(h, "/forgot-password", body)), ""))
			settle()
		}
		if slices.Sort(answers); len(slices.Compact(answers)) != 1 {
			t.Errorf("answers differ: %q", answers)
		}
		sent := p.outbox.OfKind(recovery.MessageResetCode)
		if len(sent) != 3 {
			t.Fatalf("%d codes were sent, want 3", len(sent))
		}
		// A58: a request that nobody pays for does not end the last code.
		if err := p.checkAt(t, typed(sent[2]), "192.0.2.1"); err != nil {
			t.Errorf("the last code: %v", err)
		}
		var scopes []string
		for _, e := range p.events.of(recovery.EventMessageSuppressed) {
			scopes = append(scopes, fmt.Sprint(e.Reason, " ", e.Scope))
		}
		if want := []string{"rate_limited budget", "rate_limited budget"}; !slices.Equal(scopes, want) {
			t.Errorf("events %q, want %q", scopes, want)
		}
		if !strings.Contains(p.log.String(), "level=WARN msg=recovery event.kind=message_suppressed event.reason=rate_limited event.scope=budget") {
			t.Error("a budget that is spent is not worth a warning in the log")
		}
		// Mail has a purse of its own.
		p.forgot(t, byMail(johnMail))
		time.Sleep(24 * time.Hour)
		p.forgot(t, codeBySMS())
	})
}

// A57, A58: where a message could never arrive, nothing is put, and the code
// that is on its way to somebody stays good.
func TestUndeliverable_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allowed := true
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.notifier = payer{p.outbox, func(recovery.Message) ([]recovery.Budget, error) {
				if allowed {
					return nil, nil
				}
				return nil, fmt.Errorf("%w: %s is in no country that is allowed", recovery.ErrPermanent, johnPhone)
			}}
		})
		m := p.forgot(t, codeBySMS())
		allowed = false
		p.calls.take()
		if _, err := p.ForgotPassword(t.Context(), codeBySMS()); err != nil {
			t.Fatal(err)
		}
		settle()
		if calls := p.calls.take(); slices.Contains(calls, "Put") || slices.Contains(calls, "Notify reset-code") {
			t.Errorf("calls %q", calls)
		}
		if err := p.check(t.Context(), recovery.CodeProof(phone, m.Code.Reveal())); err != nil {
			t.Errorf("the code from before: %v", err)
		}
		told := p.events.of(recovery.EventMessageSuppressed)
		if len(told) != 1 || told[0].Reason != recovery.ReasonUndeliverable || told[0].LeadID != johnID {
			t.Errorf("events %+v", told)
		}
		if strings.Contains(p.log.String(), johnPhone) {
			t.Error("A39: the log quotes the number")
		}
		// A server that asks for a message is told what an unknown lead is.
		_, err := p.IssueToken(t.Context(), recovery.IssueRequest{
			Key: phone, Send: true, RecipientField: "Phone", Requester: recovery.Requester{Caller: "crm"},
		})
		wantErr(t, err, recovery.ErrLeadNotFound)
	})
}

func TestChannelWithoutANotifierPutsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			mails := recovery.ByChannel(map[recovery.Channel]recovery.Notifier{recovery.ChannelEmail: p.outbox})
			// New refuses a notifier that says that it sends no text messages.
			p.notifier = struct{ recovery.BudgetNotifier }{mails.(recovery.BudgetNotifier)}
		})
		if _, err := p.ForgotPassword(t.Context(), codeBySMS()); err != nil {
			t.Fatal(err)
		}
		settle()
		if slices.Contains(p.calls.take(), "Put") || len(p.events.of(recovery.EventMessageSuppressed)) != 1 {
			t.Error("a code was put that nobody can send")
		}
	})
}

// A failing purse costs nobody the message.
func TestBudgetsAreAskedForAgain(t *testing.T) {
	for name, broken := range map[string]func() ([]recovery.Budget, error){
		"an error":        func() ([]recovery.Budget, error) { return nil, errors.New("down") },
		"a panic":         func() ([]recovery.Budget, error) { panic("down") },
		"too many":        func() ([]recovery.Budget, error) { return make([]recovery.Budget, 5), nil },
		"a name too long": func() ([]recovery.Budget, error) { return []recovery.Budget{{strings.Repeat("x", 33), perDay(1)}}, nil },
		"a tier of none":  func() ([]recovery.Budget, error) { return []recovery.Budget{{Name: "x"}}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := time.Now().Add(30 * time.Second)
				p := newPortal(t, func(p *portal, _ *recovery.Options) {
					p.notifier = payer{p.outbox, func(recovery.Message) ([]recovery.Budget, error) {
						if time.Now().Before(down) {
							return broken()
						}
						return []recovery.Budget{{Name: "sms", Policy: perDay(1)}}, nil
					}}
				})
				if _, err := p.ForgotPassword(t.Context(), codeBySMS()); err != nil {
					t.Fatal(err)
				}
				settle()
				if n := len(p.outbox.Messages()); n != 0 {
					t.Fatalf("%d messages that nobody paid for", n)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if n := len(p.outbox.Messages()); n != 1 {
					t.Errorf("%d messages, want 1", n)
				}
			})
		})
	}
}

// The in-process queue can be given a table of pauses.
func TestMemoryQueueBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		var at []time.Duration
		start := time.Now()
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Backoff: func(n int) time.Duration {
				asked = append(asked, n)
				return []time.Duration{7 * time.Second, time.Minute, time.Hour}[n-1]
			}})
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				at = append(at, time.Since(start).Truncate(time.Second))
				return errors.New("down")
			})
		})
		if w := post(p.Handler(), "/forgot-password", `{"email":"`+johnMail+`"}`); w.Code != http.StatusAccepted {
			t.Fatal(answer(w))
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		// The third pause would end after the link.
		if want := []time.Duration{0, 7 * time.Second, 67 * time.Second}; !slices.Equal(at, want) || !slices.Equal(asked, []int{1, 2, 3}) {
			t.Errorf("attempts at %v, want %v; asked for %v", at, want, asked)
		}
		if n := len(p.events.of(recovery.EventDeadLetter)); n != 1 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// A57: requests that the limits of a person refuse use up no budget. Otherwise a
// stranger, who asks with all identifiers of one lead, could keep everybody's
// messages from being sent.
func TestRefusedRequestsUseNoBudget_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits = generous()
			o.Limits.Lead = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
			o.Limits.EmailBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 3, Window: time.Hour}}}
			o.Limits.Recipient = o.Limits.Lead
		})
		for _, key := range []recovery.LeadKey{
			{Field: "EmailAddress", Value: johnMail}, {Field: "Username", Value: "john_doe"},
			{Field: "mx_PAN_Number", Value: johnPAN}, {Field: "Phone", Value: johnPhone},
		} {
			askAs(t, p, recovery.ForgotRequest{Key: key}, "")
		}
		other := byMail(johnMail)
		other.RecipientField = "mx_Alternate_Email"
		askAs(t, p, other, "")
		if n := len(p.outbox.Messages()); n != 2 {
			t.Errorf("%d messages, want one to each address", n)
		}
	})
}

// A57: neither does a token that a server asks to have mailed, and that the
// limits of the person refuse.
func TestRefusedIssuedMailsUseNoBudget_A57(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.Limits.Recipient = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
			o.Limits.EmailBudget = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Hour}}}
			p.leads.Add(lead("anna", recovery.StatusActive), "")
		})
		send := func(address string) error {
			_, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: byMail(address).Key, Send: true, Requester: recovery.Requester{Caller: "crm"}})
			return err
		}
		wantErr(t, send(johnMail), nil)
		for range 5 {
			if limit, ok := errors.AsType[*recovery.RateLimitError](send(johnMail)); !ok || limit.Scope != recovery.ScopeRecipient {
				t.Fatalf("refused by %+v, want the limit of the recipient", limit)
			}
		}
		wantErr(t, send("anna@example.com"), nil)
	})
}
