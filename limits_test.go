package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// L1: the caller's 25 in 5 s hold at the Service.
func TestCallerLimitIsExact(t *testing.T) {
	playTraces(t, func(t *testing.T) func() bool {
		p := limitedPortal(t, func(l *recovery.Limits) { l.Caller = recovery.LimitPolicy{} })
		req := byMail("nobody@example.com")
		req.Requester = recovery.Requester{Caller: "public key", Client: netip.MustParseAddr("192.0.2.1")}
		return func() bool {
			_, err := p.ForgotPassword(t.Context(), req)
			return admitted(t, err)
		}
	})
}

// Every default tier that is answered, called far more often than it admits,
// agrees with the model call by call, and its Retry-After is exact: what is
// told to wait is refused a second earlier and admitted then.
func TestDefaultTiersHoldAtTheirEdge(t *testing.T) {
	def := recovery.DefaultLimits()
	key, device := recovery.Requester{Caller: "crm"}, client("192.0.2.1")
	tests := []struct {
		sentence string
		tier     recovery.LimitPolicy
		scope    recovery.LimitScope
		set      func(l *recovery.Limits) *recovery.LimitPolicy
		call     func(p *portal) func(ctx context.Context) error
		every    time.Duration
	}{
		{"a caller of forgot is admitted 25 in 5 s", def.Caller, recovery.ScopeCaller, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.Caller },
			func(p *portal) func(context.Context) error { return publicCalls(p, key)["forgot"] }, 73 * time.Millisecond},
		{"a caller of issue is admitted 25 in 5 s", def.Caller, recovery.ScopeCaller, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.Caller },
			func(p *portal) func(context.Context) error { return issue(p, key) }, 100 * time.Millisecond},
		{"a client forgets 30 in 10 min, 50 in 3 h", def.ClientForgot, recovery.ScopeClient, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.ClientForgot },
			func(p *portal) func(context.Context) error { return publicCalls(p, device)["forgot"] }, 13 * time.Second},
		{"a client resets 10 in 1 min, 15 in 2 min", def.ClientReset, recovery.ScopeClient, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.ClientReset },
			func(p *portal) func(context.Context) error { return publicCalls(p, device)["reset"] }, 1500 * time.Millisecond},
		{"a client checks 60 in 1 min", def.ClientCheck, recovery.ScopeClient, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.ClientCheck },
			func(p *portal) func(context.Context) error { return publicCalls(p, device)["check"] }, 700 * time.Millisecond},
		{"a server has a token for one identifier 1 in 1 min, 5 in 1 h, 10 a day, one an hour", def.Issue, recovery.ScopeIssueToken, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.Issue },
			func(p *portal) func(context.Context) error { return issue(p, key) }, 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := limitedPortal(t, func(l *recovery.Limits) { *test.set(l) = recovery.LimitPolicy{} }) // zero means the default
				call := test.call(p)
				model := slidingLog{tier: test.tier}
				longest := time.Duration(0)
				for _, l := range test.tier.Limits {
					longest = max(longest, l.Window)
				}
				obeyed := 0
				for end := time.Now().Add(2*longest + time.Minute); time.Now().Before(end); time.Sleep(test.every) {
					want := model.take(time.Now())
					err := call(t.Context())
					if got := admitted(t, err); got != want {
						t.Fatalf("%v before the end: admitted %v, want %v", time.Until(end), got, want)
					}
					if want {
						continue
					}
					limit, _ := errors.AsType[*recovery.RateLimitError](err)
					if limit.Scope != test.scope || !slices.Contains(test.tier.Limits, limit.Limit) {
						t.Fatalf("refused by %s, %s", limit.Scope, limit.Limit)
					}
					if want := model.retryAfter(time.Now()); limit.RetryAfter != want {
						t.Fatalf("RetryAfter is %v, want %v", limit.RetryAfter, want)
					}
					if obeyed++; obeyed%7 != 0 {
						continue
					}
					s := time.Duration(limit.RetryAfterSeconds()) * time.Second
					time.Sleep(s - time.Second)
					if s > time.Second && admitted(t, call(t.Context())) {
						t.Fatalf("admitted a second before Retry-After (%v)", s)
					}
					time.Sleep(time.Second)
					if !model.take(time.Now()) || !admitted(t, call(t.Context())) {
						t.Fatalf("refused after a Retry-After of %v", s)
					}
				}
				if obeyed == 0 {
					t.Error("the limit was never met")
				}
			})
		})
	}
}

// The tiers behind the answer hold as exactly, and nothing of them is answered.
func TestTiersBehindTheAnswerAreSilent_A23(t *testing.T) {
	person := recovery.DefaultLimits().Lead
	// spellings are identifiers of John, which the lead's tier counts as one.
	spellings := []recovery.LeadKey{
		{Field: "EmailAddress", Value: johnMail}, {Field: "Username", Value: "john_doe"},
		{Field: "Phone", Value: johnPhone}, {Field: "mx_PAN_Number", Value: johnPAN},
	}
	tests := []struct {
		sentence string
		scope    recovery.LimitScope
		set      func(l *recovery.Limits) *recovery.LimitPolicy
		keys     []recovery.LeadKey
	}{
		{"one identifier", recovery.ScopeIdentifier, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.Identifier }, spellings[:1]},
		{"one lead by all its identifiers", recovery.ScopeLead, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.Lead }, spellings},
		{"one address of two leads", recovery.ScopeRecipient, func(l *recovery.Limits) *recovery.LimitPolicy { return &l.Recipient },
			[]recovery.LeadKey{{Field: "Username", Value: "john_doe"}, {Field: "Username", Value: "twin"}}},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &heldQueue{}
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					*test.set(&o.Limits) = recovery.LimitPolicy{}
					o.Queue = q
					if test.scope != recovery.ScopeRecipient {
						return
					}
					twin := lead("twin", recovery.StatusActive) // by the name alone, as two have the address
					twin.Fields["EmailAddress"] = recovery.FieldValue{Value: "JohnWick@EXAMPLE.com", Verified: true}
					twin.Fields["Username"] = recovery.FieldValue{Value: "twin"}
					p.leads.Add(twin, "")
				})
				h := p.Handler()
				model := slidingLog{tier: person}
				answers := map[string]int{}
				calls, mails := 0, 0
				begin, every := time.Now(), 30*time.Second
				for ; time.Since(begin) < 49*time.Hour; time.Sleep(every) {
					if time.Since(begin) >= 2*time.Hour {
						every = 7*time.Minute + 30*time.Second // the minute's window has been met
					}
					key := test.keys[calls%len(test.keys)]
					// From another device each time: its quota is in the answer.
					device := netip.AddrFrom4([4]byte{198, 51, byte(calls >> 8), byte(calls)})
					calls++
					w := post(h, "/forgot-password", fmt.Sprintf(`{"identifier":{"field":%q,"value":%q}}`, key.Field, key.Value), from(device.String()))
					answers[answer(w)]++
					want := 0
					if model.take(time.Now()) {
						want = 1
					}
					got := p.performAll(t, q)
					if mails += got; got != want {
						t.Fatalf("call %d sent %d messages, want %d", calls, got, want)
					}
				}
				if len(answers) != 1 {
					t.Errorf("%d different answers: %v", len(answers), answers)
				}
				limited := 0
				for _, e := range p.events.of(recovery.EventMessageSuppressed) {
					if e.Reason != recovery.ReasonRateLimited || e.Scope != test.scope {
						t.Fatalf("event %+v", e)
					}
					limited++
				}
				if limited != calls-mails {
					t.Errorf("%d of %d were suppressed", limited, calls-mails)
				}
			})
		})
	}
}

func TestClientLimitsAreCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) {
			l.ClientForgot, l.ClientReset, l.ClientCheck = recovery.LimitPolicy{}, recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		calls := publicCalls(p, client("192.0.2.1"))
		for _, test := range []struct {
			sentence string
			n        int
		}{{"check", 60}, {"forgot", 30}, {"reset", 10}} {
			for range test.n {
				if !admitted(t, calls[test.sentence](t.Context())) {
					t.Fatalf("%s was refused early", test.sentence)
				}
			}
			if admitted(t, calls[test.sentence](t.Context())) {
				t.Errorf("%s was admitted %d times", test.sentence, test.n+1)
			}
		}
		// Another device has all of it.
		for name, call := range publicCalls(p, client("192.0.2.2")) {
			if !admitted(t, call(t.Context())) {
				t.Errorf("%s of another client was refused", name)
			}
		}
	})
}

// A82: a key that sits in browsers is public, so who uses it up uses it up for
// itself. A server's key is one, wherever it calls from.
func TestWhoseTheCallerLimitIs_A82(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) {
			l.Caller = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}}
		})
		ask := func(kind, caller, addr string) bool {
			o := recovery.Requester{Caller: caller, Client: netip.MustParseAddr(addr)}
			if kind == "issue" {
				return admitted(t, issue(p, o)(t.Context()))
			}
			return admitted(t, publicCalls(p, o)[kind](t.Context()))
		}
		for _, test := range []struct {
			sentence           string
			kind, caller, addr string
			want               bool
		}{
			{"a key and a device", "forgot", "k", "192.0.2.1", true},
			{"the pair counts over all operations", "check", "k", "192.0.2.1", true},
			{"the pair is used up", "reset", "k", "192.0.2.1", false},
			{"the key from another device", "forgot", "k", "192.0.2.2", true},
			{"another key from the device", "forgot", "l", "192.0.2.1", true},
			{"the same key as a server's", "issue", "k", "192.0.2.1", true},
			{"a server's key from another address", "issue", "k", "192.0.2.9", true},
			{"a server's key is used up everywhere", "issue", "k", "192.0.2.3", false},
			{"another server's key", "issue", "l", "192.0.2.3", true},
		} {
			if got := ask(test.kind, test.caller, test.addr); got != test.want {
				t.Errorf("%s: admitted %v, want %v", test.sentence, got, test.want)
			}
		}
		// A device that sends no key has no caller's limit.
		for range 5 {
			if !ask("forgot", "", "192.0.2.1") {
				t.Error("refused without a key")
			}
		}
	})
}

func TestIssueWindowIsNotThePublics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) { l.Identifier, l.Issue = recovery.LimitPolicy{}, recovery.LimitPolicy{} })
		for range 20 {
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		if got := len(p.outbox.Messages()); got != 1 {
			t.Fatalf("%d mails", got)
		}
		if err := issue(p, recovery.Requester{Caller: "crm"})(t.Context()); err != nil {
			t.Errorf("the public spent the server's window: %v", err)
		}
		if admitted(t, issue(p, recovery.Requester{Caller: "crm"})(t.Context())) {
			t.Error("the server's window has no end")
		}
		// Nor does the server spend the public's.
		time.Sleep(time.Minute)
		p.forgot(t, byMail(johnMail))
	})
}
