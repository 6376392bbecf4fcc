package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/seed-51359b35/recovery"
)

func TestScopesOfRefusals(t *testing.T) {
	one := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
	send := func(value string) func(p *portal, ctx context.Context) error {
		return func(p *portal, ctx context.Context) error {
			_, err := p.IssueToken(ctx, recovery.IssueRequest{
				Key: recovery.LeadKey{Field: "Username", Value: value}, Send: true, Requester: recovery.Requester{Caller: "crm"},
			})
			return err
		}
	}
	public := func(name string) func(p *portal, ctx context.Context) error {
		return func(p *portal, ctx context.Context) error {
			return publicCalls(p, recovery.Requester{Caller: "k", Client: netip.MustParseAddr("192.0.2.1")})[name](ctx)
		}
	}
	tests := []struct {
		sentence      string
		set           func(l *recovery.Limits)
		first, second func(p *portal, ctx context.Context) error
		scope         recovery.LimitScope
		quotas        int
	}{
		{"a forgot over the caller's", func(l *recovery.Limits) { l.Caller = one }, public("forgot"), public("forgot"), recovery.ScopeCaller, 2},
		{"a forgot over the client's", func(l *recovery.Limits) { l.ClientForgot = one }, public("forgot"), public("forgot"), recovery.ScopeClient, 2},
		{"a check over the client's", func(l *recovery.Limits) { l.ClientCheck = one }, public("check"), public("check"), recovery.ScopeClient, 2},
		{"a reset over the client's", func(l *recovery.Limits) { l.ClientReset = one }, public("reset"), public("reset"), recovery.ScopeClient, 2},
		{"an issue over the identifier's", func(l *recovery.Limits) { l.Issue = one }, send("john_doe"), send("john_doe"), recovery.ScopeIssueToken, 2},
		{"a mailed issue over the lead's", func(l *recovery.Limits) { l.Lead = one }, send("john_doe"), send("john_doe"), recovery.ScopeLead, 2},
		{"a mailed issue over the address's", func(l *recovery.Limits) { l.Recipient = one }, send("john_doe"), send("twin"), recovery.ScopeRecipient, 2},
		{"a mailed issue over the budget", func(l *recovery.Limits) { l.EmailBudget = one }, send("john_doe"), send("other"), recovery.ScopeBudget, 2},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := limitedPortal(t, test.set)
				for _, name := range []string{"twin", "other"} {
					l := lead(name, recovery.StatusActive)
					l.Fields["Username"] = recovery.FieldValue{Value: name}
					if name == "twin" {
						l.Fields["EmailAddress"] = recovery.FieldValue{Value: johnMail, Verified: true}
					}
					p.leads.Add(l, "")
				}
				if err := test.first(p, t.Context()); err != nil && !errors.Is(err, recovery.ErrInvalidProof) {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
				err := test.second(p, t.Context())
				limit, ok := errors.AsType[*recovery.RateLimitError](err)
				if !ok {
					t.Fatalf("error %v, want a RateLimitError", err)
				}
				want := recovery.RateLimitError{Scope: test.scope, Limit: one.Limits[0], RetryAfter: 50 * time.Second}
				if limit.Scope != want.Scope || limit.Limit != want.Limit || limit.RetryAfter != want.RetryAfter || limit.RetryAfterSeconds() != 50 {
					t.Errorf("%+v, want %+v", limit, want)
				}
				if len(limit.Quotas) != test.quotas {
					t.Errorf("%d quotas, want %d", len(limit.Quotas), test.quotas)
				}
				named := false
				for _, q := range limit.Quotas {
					refused := q.Scope == test.scope
					named = named || refused
					if !refused && q.Scope != recovery.ScopeCaller && q.Scope != recovery.ScopeClient {
						t.Errorf("the quotas tell of %s", q.Scope)
					}
					if d := q.Decision; refused && (d.Allowed || d.Limit != limit.Limit || d.Remaining != 0 || d.RetryAfter != limit.RetryAfter) {
						t.Errorf("the quota of %s is %+v, want that of the refusal", q.Scope, d)
					}
				}
				if !named {
					t.Errorf("the quotas do not tell of %s, which refused", test.scope)
				}
				if e := p.events.of(recovery.EventRateLimited); len(e) != 1 || e[0].Scope != test.scope {
					t.Errorf("events %+v", e)
				}
			})
		})
	}
}

// L10: a client that obeys Retry-After is not refused by the other tier
// either, whichever of the two it met first.
func TestRetryAfterCoversBothTiers(t *testing.T) {
	tier := func(n int, w time.Duration) recovery.LimitPolicy {
		return recovery.LimitPolicy{Limits: []recovery.Limit{{N: n, Window: w}}}
	}
	tests := []struct {
		sentence       string
		caller, client recovery.LimitPolicy
	}{
		{"the caller's is full, and with the refused request the client's too", tier(1, time.Second), tier(5, 10*time.Minute)},
		{"the client's is full, and with the refused request the caller's too", tier(5, 10*time.Minute), tier(1, time.Second)},
		{"both fill at once, the caller's for longer", tier(3, time.Hour), tier(3, time.Minute)},
		{"both fill at once, the client's for longer", tier(3, time.Minute), tier(3, time.Hour)},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			for burst := range 8 {
				synctest.Test(t, func(t *testing.T) {
					p := limitedPortal(t, func(l *recovery.Limits) { l.Caller, l.ClientForgot = test.caller, test.client })
					call := publicCalls(p, recovery.Requester{Caller: "k", Client: netip.MustParseAddr("192.0.2.1")})["forgot"]
					var err error
					for range burst + 1 {
						time.Sleep(10 * time.Millisecond)
						err = call(t.Context())
					}
					if limit, ok := errors.AsType[*recovery.RateLimitError](err); ok {
						time.Sleep(time.Duration(limit.RetryAfterSeconds()) * time.Second)
						if err := call(t.Context()); err != nil {
							t.Errorf("after %d calls and a Retry-After of %d s: %v", burst+1, limit.RetryAfterSeconds(), err)
						}
					}
				})
			}
		})
	}
}

// A refused request spends no quota behind the answer: what it named does not
// wait any longer for it.
func TestRefusedRequestSpendsNobodysQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &heldQueue{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Queue = q
			o.Limits.ClientForgot = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = recovery.LimitPolicy{}, recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		ask := func(addr string) bool {
			req := byMail(johnMail)
			req.Requester = client(addr)
			_, err := p.ForgotPassword(t.Context(), req)
			return admitted(t, err)
		}
		if !ask("192.0.2.1") || p.performAll(t, q) != 1 {
			t.Fatal("the first was refused")
		}
		for range 59 { // to the last second of the minute
			time.Sleep(time.Second)
			if ask("192.0.2.1") {
				t.Fatal("admitted twice an hour")
			}
		}
		if n := p.performAll(t, q); n != 0 {
			t.Fatalf("refused requests sent %d mails", n)
		}
		time.Sleep(time.Second)
		if !ask("192.0.2.2") || p.performAll(t, q) != 1 {
			t.Error("what was refused still counted")
		}
		// A request that is no request is not counted at all.
		for range 3 {
			_, err := p.ForgotPassword(t.Context(), recovery.ForgotRequest{
				Key: recovery.LeadKey{Field: "EmailAddress", Value: "not an address"}, Requester: client("192.0.2.3"),
			})
			wantErr(t, err, recovery.ErrInvalidRequest)
		}
		if !ask("192.0.2.3") {
			t.Error("invalid requests counted")
		}
	})
}

// L10: the fields are those of draft-ietf-httpapi-ratelimit-headers, to the
// byte.
func TestRateLimitFields(t *testing.T) {
	def := recovery.DefaultLimits()
	fresh := func(name recovery.LimitScope, tier recovery.LimitPolicy, remaining int, reset time.Duration) recovery.Quota {
		return recovery.Quota{Scope: name, Policy: tier, Decision: recovery.Decision{
			Allowed: true, Limit: tier.Limits[0], Remaining: remaining, Reset: reset,
		}}
	}
	full := fresh(recovery.ScopeCaller, def.Caller, 0, 1100*time.Millisecond)
	full.Decision.Allowed, full.Decision.RetryAfter = false, 2500*time.Millisecond
	tests := []struct {
		sentence      string
		quotas        recovery.Quotas
		policy, limit string
	}{
		{"the caller's first call", recovery.Quotas{fresh(recovery.ScopeCaller, def.Caller, 24, 5*time.Second)},
			`"caller-5";q=25;w=5`, `"caller-5";r=24;t=5`},
		{"two windows in one tier", recovery.Quotas{fresh(recovery.ScopeClient, def.ClientForgot, 29, 10*time.Minute)},
			`"client-600";q=30;w=600, "client-10800";q=50;w=10800`, `"client-600";r=29;t=600`},
		{"three windows in one tier", recovery.Quotas{fresh(recovery.ScopeIssueToken, def.Issue, 0, time.Minute)},
			`"issue-60";q=1;w=60, "issue-3600";q=5;w=3600, "issue-86400";q=10;w=86400`, `"issue-60";r=0;t=60`},
		{"two tiers", recovery.Quotas{fresh(recovery.ScopeCaller, def.Caller, 3, time.Nanosecond), fresh(recovery.ScopeClient, def.ClientCheck, 59, time.Minute)},
			`"caller-5";q=25;w=5, "client-60";q=60;w=60`, `"caller-5";r=3;t=1, "client-60";r=59;t=60`},
		{"a full window, which tells Retry-After", recovery.Quotas{full},
			`"caller-5";q=25;w=5`, `"caller-5";r=0;t=3`},
		{"nothing counted", nil, "", ""},
	}
	// A list of strings with two integer parameters each, to somebody else's
	// parser (RFC 9651).
	parses := func(value string, params ...string) bool {
		list, err := httpsfv.UnmarshalList([]string{value})
		for _, member := range list {
			item, ok := member.(httpsfv.Item)
			if _, isString := item.Value.(string); !ok || !isString || !slices.Equal(item.Params.Names(), params) {
				return false
			}
			for _, name := range params {
				v, _ := item.Params.Get(name)
				if _, isInteger := v.(int64); !isInteger {
					return false
				}
			}
		}
		return err == nil && len(list) > 0
	}
	if parses(`"x";q=1`, "q", "w") || parses(`x;q=1;w=2`, "q", "w") || parses(`"x";q=1;w=2;`, "q", "w") {
		t.Fatal("the parser takes anything")
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			h := http.Header{}
			test.quotas.SetHeader(h)
			for _, f := range []struct {
				name, want string
				params     []string
			}{{"RateLimit-Policy", test.policy, []string{"q", "w"}}, {"RateLimit", test.limit, []string{"r", "t"}}} {
				got := h.Values(f.name)
				if f.want == "" {
					if len(got) != 0 {
						t.Errorf("%s: %q, want none", f.name, got)
					}
					continue
				}
				if len(got) != 1 || got[0] != f.want || !parses(got[0], f.params...) {
					t.Errorf("%s: %q, want %q", f.name, got, f.want)
				}
			}
		})
	}
}

// The own API's answers count down, and the refusal says when to come back.
func TestHTTPAnswersSayWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) { l.ClientForgot = recovery.LimitPolicy{} })
		h := p.Handler()
		const policy = `"client-600";q=30;w=600, "client-10800";q=50;w=10800`
		for i := range 31 {
			w := post(h, "/forgot-password", `{"email":"nobody@example.com"}`)
			status, limit, retry := http.StatusAccepted, fmt.Sprintf(`"client-600";r=%d;t=%d`, 29-i, 600-10*i), ""
			if i == 30 {
				status, limit, retry = http.StatusTooManyRequests, `"client-600";r=0;t=300`, "300"
			}
			if w.Code != status || w.Header().Get("RateLimit") != limit || w.Header().Get("RateLimit-Policy") != policy || w.Header().Get("Retry-After") != retry {
				t.Errorf("request %d: %d, %q, %q, %q", i+1, w.Code, w.Header().Get("RateLimit"), w.Header().Get("RateLimit-Policy"), w.Header().Get("Retry-After"))
			}
			if i == 30 {
				const want = `{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Too Many Requests","status":429,"detail":"Too many requests.","code":"rate_limited","violated-policies":["client-600"]}`
				if got := w.Body.String(); got != want {
					t.Errorf("body %s, want %s", got, want)
				}
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// The answer to a server names the window that refused, in every field.
func TestAnswerNamesTheWindowThatRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTokenServer(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Caller, o.Limits.Issue = recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		if w := s.ask("192.0.2.1", serverKey); w.Code != 200 || w.Header().Get("RateLimit") != `"caller-5";r=24;t=5` {
			t.Fatal(answer(w))
		}
		time.Sleep(43 * time.Second)
		w := s.ask("192.0.2.1", serverKey)
		p := wantProblem(t, "within the minute", w, 429)
		if got := fmt.Sprint(p["violated-policies"]); got != "[issue-60]" {
			t.Errorf("violated-policies %s", got)
		}
		for name, want := range map[string]string{
			"Retry-After":      "17",
			"RateLimit":        `"caller-5";r=24;t=5, "issue-60";r=0;t=17`,
			"RateLimit-Policy": `"caller-5";q=25;w=5, "issue-60";q=1;w=60, "issue-3600";q=5;w=3600, "issue-86400";q=10;w=86400`,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	})
}

func TestQuotasDoNotTellOfOthers_A23(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) { l.Identifier, l.Lead = recovery.LimitPolicy{}, recovery.LimitPolicy{} })
		for _, who := range []string{johnMail, "nobody@example.com", johnMail, "nobody@example.com"} {
			result, err := p.ForgotPassword(t.Context(), byMail(who))
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range result.Quotas {
				if q.Scope != recovery.ScopeClient && q.Scope != recovery.ScopeCaller {
					t.Errorf("%s: the quotas tell of %s", who, q.Scope)
				}
			}
			settle()
		}
	})
}
