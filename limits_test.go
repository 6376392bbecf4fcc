package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/seed-51359b35/recovery"
)

// slidingLog is the sliding window as the documentation of Tier and Limit
// words it, on a list of all admitted calls, with no thought for memory. It is
// what the limiters are held against, and shares no code with them.
type slidingLog struct {
	tier  recovery.Tier
	calls []time.Time
}

// allows reports whether a call may be admitted at now.
func (l *slidingLog) allows(now time.Time) bool {
	for _, limit := range l.tier.Limits {
		n := 0
		for _, c := range slices.Backward(l.calls) {
			if now.Sub(c) >= limit.Window {
				break
			}
			n++
		}
		if n >= limit.N {
			return l.tier.Trickle > 0 && now.Sub(l.calls[len(l.calls)-1]) >= l.tier.Trickle
		}
	}
	return true
}

func (l *slidingLog) take(now time.Time) bool {
	if !l.allows(now) {
		return false
	}
	l.calls = append(l.calls, now)
	return true
}

// retryAfter is the shortest wait after which a call is admitted. Only at the
// end of a window, or of the trickle, does anything change.
func (l *slidingLog) retryAfter(now time.Time) time.Duration {
	var at []time.Time
	for _, c := range l.calls {
		for _, limit := range l.tier.Limits {
			at = append(at, c.Add(limit.Window))
		}
		if l.tier.Trickle > 0 {
			at = append(at, c.Add(l.tier.Trickle))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	for _, a := range at {
		if a.After(now) && l.allows(a) {
			return a.Sub(now)
		}
	}
	return 0
}

// mostWithin is the most of the times that lie in any interval of length w.
func mostWithin(times []time.Time, w time.Duration) int {
	most := 0
	for i := range times {
		n := 0
		for j := i; j < len(times) && times[j].Sub(times[i]) < w; j++ {
			n++
		}
		most = max(most, n)
	}
	return most
}

type burst struct {
	at time.Duration
	n  int
}

// traces tell limiters apart, at 25 in 5 seconds: a fixed window and a leaky
// bucket admit up to 49.
var traces = []struct {
	sentence string
	bursts   []burst
	admitted []int // of each burst
}{
	{"A: 25 at the end of one fixed window and 25 at the start of the next",
		[]burst{{4900 * time.Millisecond, 25}, {5100 * time.Millisecond, 25}}, []int{25, 0}},
	{"B: a single call first, which opens a place when it ages",
		[]burst{{0, 1}, {4900 * time.Millisecond, 24}, {5100 * time.Millisecond, 25}}, []int{1, 24, 1}},
	{"C: 100 a second for 12 seconds", steady(10*time.Millisecond, 1200), nil},
	{"D: 25, and 25 when those have left",
		[]burst{{200 * time.Millisecond, 25}, {5900 * time.Millisecond, 25}}, []int{25, 25}},
}

func steady(every time.Duration, n int) []burst {
	all := make([]burst, n)
	for i := range all {
		all[i] = burst{time.Duration(i) * every, 1}
	}
	return all
}

// playTraces runs the traces against whatever start returns, each in a bubble
// of its own.
func playTraces(t *testing.T, start func(t *testing.T) (call func() bool)) {
	for _, trace := range traces {
		t.Run(trace.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call := start(t)
				begin := time.Now()
				var times []time.Time
				var admitted []int
				for _, b := range trace.bursts {
					time.Sleep(time.Until(begin.Add(b.at)))
					n := 0
					for range b.n {
						if call() {
							n++
							times = append(times, time.Now())
						}
					}
					admitted = append(admitted, n)
				}
				if trace.admitted != nil && !slices.Equal(admitted, trace.admitted) {
					t.Errorf("admitted %v, want %v", admitted, trace.admitted)
				}
				if trace.admitted == nil && len(times) != 75 {
					t.Errorf("admitted %d, want 75", len(times))
				}
				if most := mostWithin(times, 5*time.Second); most != 25 {
					t.Errorf("at most %d in 5 s, want 25", most)
				}
			})
		})
	}
}

// heldQueue keeps jobs until the test performs them, so that their time is the
// test's and not that of a random pause.
type heldQueue struct {
	mu   sync.Mutex
	jobs []recovery.Job
}

func (q *heldQueue) Enqueue(_ context.Context, job recovery.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, job)
	return nil
}

func (q *heldQueue) take() []recovery.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// performAll performs what is held, and returns how many messages that sent.
func (p *portal) performAll(t testing.TB, q *heldQueue) int {
	t.Helper()
	before := len(p.outbox.all())
	for _, job := range q.take() {
		if err := p.Perform(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	return len(p.outbox.all()) - before
}

// limitedPortal has generous limits but for those that edit sets.
func limitedPortal(t testing.TB, edit func(l *recovery.Limits)) *portal {
	return newPortal(t, func(_ *portal, o *recovery.Options) { edit(&o.Limits) })
}

// admitted reports whether a request was let in, and fails the test on every
// error that is not of a limit.
func admitted(t testing.TB, err error) bool {
	t.Helper()
	var limit *recovery.RateLimitError
	if err != nil && !errors.As(err, &limit) && !errors.Is(err, recovery.ErrInvalidProof) {
		t.Fatal(err)
	}
	return limit == nil
}

func client(s string) recovery.Origin { return recovery.Origin{Client: netip.MustParseAddr(s)} }

// L1: the caller's 25 in 5 s hold at the Service.
func TestCallerLimitIsExact(t *testing.T) {
	playTraces(t, func(t *testing.T) func() bool {
		p := limitedPortal(t, func(l *recovery.Limits) { l.Caller = recovery.Tier{} })
		req := byMail("nobody@example.com")
		req.Origin = recovery.Origin{Caller: "public key", Client: netip.MustParseAddr("192.0.2.1")}
		return func() bool {
			_, err := p.ForgotPassword(t.Context(), req)
			return admitted(t, err)
		}
	})
}

// publicCalls are the operations that anybody may ask for, each as a request
// that does nothing else than count.
func publicCalls(p *portal, o recovery.Origin) map[string]func(ctx context.Context) error {
	never := recovery.SealedProof("AAAA")
	return map[string]func(ctx context.Context) error{
		"forgot": func(ctx context.Context) error {
			req := byMail("nobody@example.com")
			req.Origin = o
			_, err := p.ForgotPassword(ctx, req)
			return err
		},
		"check": func(ctx context.Context) error {
			_, err := p.CheckProof(ctx, recovery.CheckRequest{Proof: never, Origin: o})
			return err
		},
		"reset": func(ctx context.Context) error {
			_, err := p.ResetPassword(ctx, recovery.ResetRequest{Proof: never, Password: recovery.NewSecret(goodPassword), Origin: o})
			return err
		},
	}
}

func issue(p *portal, o recovery.Origin) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := p.IssueToken(ctx, recovery.IssueRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, Origin: o})
		return err
	}
}

// Every default tier that is answered, called far more often than it admits,
// agrees with the model call by call, and its Retry-After is exact: what is
// told to wait is refused a second earlier and admitted then.
func TestDefaultTiersHoldAtTheirEdge(t *testing.T) {
	def := recovery.DefaultLimits()
	key, device := recovery.Origin{Caller: "crm"}, client("192.0.2.1")
	tests := []struct {
		sentence string
		tier     recovery.Tier
		scope    recovery.LimitScope
		set      func(l *recovery.Limits) *recovery.Tier
		call     func(p *portal) func(ctx context.Context) error
		every    time.Duration
	}{
		{"a caller of forgot is admitted 25 in 5 s", def.Caller, recovery.ScopeCaller, func(l *recovery.Limits) *recovery.Tier { return &l.Caller },
			func(p *portal) func(context.Context) error { return publicCalls(p, key)["forgot"] }, 73 * time.Millisecond},
		{"a caller of issue is admitted 25 in 5 s", def.Caller, recovery.ScopeCaller, func(l *recovery.Limits) *recovery.Tier { return &l.Caller },
			func(p *portal) func(context.Context) error { return issue(p, key) }, 100 * time.Millisecond},
		{"a client forgets 5 in 10 min, 10 in 15 min, 15 in 30 min", def.ClientForgot, recovery.ScopeClient, func(l *recovery.Limits) *recovery.Tier { return &l.ClientForgot },
			func(p *portal) func(context.Context) error { return publicCalls(p, device)["forgot"] }, 20 * time.Second},
		{"a client resets 10 in 1 min, 15 in 2 min", def.ClientReset, recovery.ScopeClient, func(l *recovery.Limits) *recovery.Tier { return &l.ClientReset },
			func(p *portal) func(context.Context) error { return publicCalls(p, device)["reset"] }, 1500 * time.Millisecond},
		{"a client checks 60 in 1 min", def.ClientCheck, recovery.ScopeClient, func(l *recovery.Limits) *recovery.Tier { return &l.ClientCheck },
			func(p *portal) func(context.Context) error { return publicCalls(p, device)["check"] }, 700 * time.Millisecond},
		{"a server has a token for one identifier 1 in 1 min, 5 in 1 h, 10 a day, one an hour", def.Issue, recovery.ScopeIssue, func(l *recovery.Limits) *recovery.Tier { return &l.Issue },
			func(p *portal) func(context.Context) error { return issue(p, key) }, 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := limitedPortal(t, func(l *recovery.Limits) { *test.set(l) = recovery.Tier{} }) // zero means the default
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
					s := time.Duration(limit.Seconds()) * time.Second
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
		set      func(l *recovery.Limits) *recovery.Tier
		keys     []recovery.LeadKey
	}{
		{"one identifier", recovery.ScopeIdentifier, func(l *recovery.Limits) *recovery.Tier { return &l.Identifier }, spellings[:1]},
		{"one lead by all its identifiers", recovery.ScopeLead, func(l *recovery.Limits) *recovery.Tier { return &l.Lead }, spellings},
		{"one address of two leads", recovery.ScopeRecipient, func(l *recovery.Limits) *recovery.Tier { return &l.Recipient },
			[]recovery.LeadKey{{Field: "Username", Value: "john_doe"}, {Field: "Username", Value: "twin"}}},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &heldQueue{}
				p := newPortal(t, func(p *portal, o *recovery.Options) {
					*test.set(&o.Limits) = recovery.Tier{}
					o.Queue = q
					if test.scope != recovery.ScopeRecipient {
						return
					}
					twin := lead("twin", recovery.StatusActive) // by the name alone, as two have the address
					twin.Fields["EmailAddress"] = recovery.FieldValue{Value: "JohnWick@EXAMPLE.com", Verified: true}
					twin.Fields["Username"] = recovery.FieldValue{Value: "twin"}
					p.leads.add(twin)
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
				for _, e := range p.events.of(recovery.EventSuppressed) {
					if e.Reason != recovery.ReasonLimited || e.Scope != test.scope {
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
			l.ClientForgot, l.ClientReset, l.ClientCheck = recovery.Tier{}, recovery.Tier{}, recovery.Tier{}
		})
		calls := publicCalls(p, client("192.0.2.1"))
		for _, test := range []struct {
			sentence string
			n        int
		}{{"check", 60}, {"forgot", 5}, {"reset", 10}} {
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
			l.Caller = recovery.Tier{Limits: []recovery.Limit{{N: 2, Window: time.Minute}}}
		})
		ask := func(kind, caller, addr string) bool {
			o := recovery.Origin{Caller: caller, Client: netip.MustParseAddr(addr)}
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
		p := limitedPortal(t, func(l *recovery.Limits) { l.Identifier, l.Issue = recovery.Tier{}, recovery.Tier{} })
		for range 20 {
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		if got := len(p.outbox.all()); got != 1 {
			t.Fatalf("%d mails", got)
		}
		if err := issue(p, recovery.Origin{Caller: "crm"})(t.Context()); err != nil {
			t.Errorf("the public spent the server's window: %v", err)
		}
		if admitted(t, issue(p, recovery.Origin{Caller: "crm"})(t.Context())) {
			t.Error("the server's window has no end")
		}
		// Nor does the server spend the public's.
		time.Sleep(time.Minute)
		p.forgot(t, byMail(johnMail))
	})
}

func TestScopesOfRefusals(t *testing.T) {
	one := recovery.Tier{Limits: []recovery.Limit{{N: 1, Window: time.Minute}}}
	send := func(value string) func(p *portal, ctx context.Context) error {
		return func(p *portal, ctx context.Context) error {
			_, err := p.IssueToken(ctx, recovery.IssueRequest{
				Key: recovery.LeadKey{Field: "Username", Value: value}, Send: true, Origin: recovery.Origin{Caller: "crm"},
			})
			return err
		}
	}
	public := func(name string) func(p *portal, ctx context.Context) error {
		return func(p *portal, ctx context.Context) error {
			return publicCalls(p, recovery.Origin{Caller: "k", Client: netip.MustParseAddr("192.0.2.1")})[name](ctx)
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
		{"an issue over the identifier's", func(l *recovery.Limits) { l.Issue = one }, send("john_doe"), send("john_doe"), recovery.ScopeIssue, 1},
		{"a mailed issue over the lead's", func(l *recovery.Limits) { l.Lead = one }, send("john_doe"), send("john_doe"), recovery.ScopeLead, 1},
		{"a mailed issue over the address's", func(l *recovery.Limits) { l.Recipient = one }, send("john_doe"), send("twin"), recovery.ScopeRecipient, 1},
		{"a mailed issue over the budget", func(l *recovery.Limits) { l.EmailBudget = one }, send("john_doe"), send("other"), recovery.ScopeBudget, 1},
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
					p.leads.add(l)
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
				if limit.Scope != want.Scope || limit.Limit != want.Limit || limit.RetryAfter != want.RetryAfter || limit.Seconds() != 50 {
					t.Errorf("%+v, want %+v", limit, want)
				}
				if len(limit.Quotas) != test.quotas {
					t.Errorf("%d quotas, want %d: only the caller's and the client's", len(limit.Quotas), test.quotas)
				}
				for _, q := range limit.Quotas {
					if q.Name != recovery.ScopeCaller && q.Name != recovery.ScopeClient {
						t.Errorf("the quotas tell of %s", q.Name)
					}
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
	tier := func(n int, w time.Duration) recovery.Tier {
		return recovery.Tier{Limits: []recovery.Limit{{N: n, Window: w}}}
	}
	tests := []struct {
		sentence       string
		caller, client recovery.Tier
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
					call := publicCalls(p, recovery.Origin{Caller: "k", Client: netip.MustParseAddr("192.0.2.1")})["forgot"]
					var err error
					for range burst + 1 {
						time.Sleep(10 * time.Millisecond)
						err = call(t.Context())
					}
					if limit, ok := errors.AsType[*recovery.RateLimitError](err); ok {
						time.Sleep(time.Duration(limit.Seconds()) * time.Second)
						if err := call(t.Context()); err != nil {
							t.Errorf("after %d calls and a Retry-After of %d s: %v", burst+1, limit.Seconds(), err)
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
			o.Limits.ClientForgot = recovery.Tier{Limits: []recovery.Limit{{N: 1, Window: time.Hour}}}
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient = recovery.Tier{}, recovery.Tier{}, recovery.Tier{}
		})
		ask := func(addr string) bool {
			req := byMail(johnMail)
			req.Origin = client(addr)
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
				Key: recovery.LeadKey{Field: "EmailAddress", Value: "not an address"}, Origin: client("192.0.2.3"),
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
	fresh := func(name recovery.LimitScope, tier recovery.Tier, remaining int, reset time.Duration) recovery.Quota {
		return recovery.Quota{Name: name, Tier: tier, Decision: recovery.Decision{
			Allowed: true, Limit: tier.Limits[0], Remaining: remaining, Reset: reset,
		}}
	}
	full := fresh(recovery.ScopeCaller, def.Caller, 0, 1100*time.Millisecond)
	full.Allowed, full.RetryAfter = false, 2500*time.Millisecond
	tests := []struct {
		sentence      string
		quotas        recovery.Quotas
		policy, limit string
	}{
		{"the caller's first call", recovery.Quotas{fresh(recovery.ScopeCaller, def.Caller, 24, 5*time.Second)},
			`"caller-5";q=25;w=5`, `"caller-5";r=24;t=5`},
		{"three windows in one tier", recovery.Quotas{fresh(recovery.ScopeClient, def.ClientForgot, 4, 10*time.Minute)},
			`"client-600";q=5;w=600, "client-900";q=10;w=900, "client-1800";q=15;w=1800`, `"client-600";r=4;t=600`},
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
		p := limitedPortal(t, func(l *recovery.Limits) { l.ClientForgot = recovery.Tier{} })
		h := p.Handler()
		const policy = `"client-600";q=5;w=600, "client-900";q=10;w=900, "client-1800";q=15;w=1800`
		for i := range 6 {
			w := post(h, "/forgot-password", `{"email":"nobody@example.com"}`)
			status, limit, retry := http.StatusAccepted, fmt.Sprintf(`"client-600";r=%d;t=%d`, 4-i, 600-100*i), ""
			if i == 5 {
				status, limit, retry = http.StatusTooManyRequests, `"client-600";r=0;t=100`, "100"
			}
			if w.Code != status || w.Header().Get("RateLimit") != limit || w.Header().Get("RateLimit-Policy") != policy || w.Header().Get("Retry-After") != retry {
				t.Errorf("request %d: %d, %q, %q, %q", i+1, w.Code, w.Header().Get("RateLimit"), w.Header().Get("RateLimit-Policy"), w.Header().Get("Retry-After"))
			}
			if i == 5 {
				const want = `{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Too Many Requests","status":429,"detail":"Too many requests.","code":"rate_limited","violated-policies":["client-600"]}`
				if got := w.Body.String(); got != want {
					t.Errorf("body %s, want %s", got, want)
				}
			}
			time.Sleep(100 * time.Second)
		}
	})
}

// brokenLimiter fails, answers too little or panics, while broken is set.
type brokenLimiter struct {
	recovery.Limiter
	broken atomic.Pointer[string]
}

func (l *brokenLimiter) Take(ctx context.Context, takes ...recovery.Take) ([]recovery.Decision, error) {
	how := l.broken.Load()
	if how == nil {
		return l.Limiter.Take(ctx, takes...)
	}
	switch *how {
	case "fails":
		return nil, errors.New("connection refused")
	case "answers too little":
		return make([]recovery.Decision, len(takes)-1), nil
	case "answers too much":
		return make([]recovery.Decision, len(takes)+1), nil
	case "hangs":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	panic("limiter")
}

// A92: a limiter that is down lets nobody in before the answer, and behind it
// costs nobody a mail.
func TestLimiterDown_A92(t *testing.T) {
	for _, how := range []string{"fails", "answers too little", "answers too much", "hangs", "panics"} {
		t.Run("it "+how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limiter := &brokenLimiter{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
				p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Limiter = limiter })
				limiter.broken.Store(&how)
				for name, call := range publicCalls(p, client("192.0.2.1")) {
					if err := call(t.Context()); !errors.Is(err, recovery.ErrUnavailable) {
						t.Errorf("%s: %v, want ErrUnavailable", name, err)
					}
				}
				if err := issue(p, recovery.Origin{Caller: "crm"})(t.Context()); !errors.Is(err, recovery.ErrUnavailable) {
					t.Errorf("issue: %v, want ErrUnavailable", err)
				}
				h := p.Handler()
				known, unknown := post(h, "/forgot-password", `{"email":"johnwick@example.com"}`), post(h, "/forgot-password", `{"email":"nobody@example.com"}`)
				if known.Code != http.StatusServiceUnavailable || known.Header().Get("Retry-After") != "5" || answer(known) != answer(unknown) {
					t.Errorf("answers %q and %q", answer(known), answer(unknown))
				}
				// It comes back for the answer and is down again for the job.
				limiter.broken.Store(nil)
				if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
					t.Fatal(err)
				}
				limiter.broken.Store(&how)
				time.Sleep(5 * time.Minute)
				if n := len(p.outbox.all()); n != 0 {
					t.Fatalf("%d mails past a limiter that is down", n)
				}
				limiter.broken.Store(nil)
				time.Sleep(10 * time.Minute)
				if n := len(p.outbox.all()); n != 1 {
					t.Errorf("%d mails once it was back, want 1", n)
				}
			})
		})
	}
}

func TestDangerouslyAllowOnLimiterError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &brokenLimiter{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limiter, o.DangerouslyAllowOnLimiterError = limiter, true
			o.Limits = recovery.Limits{}
		})
		how := "fails"
		limiter.broken.Store(&how)
		w := post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		if w.Code != http.StatusAccepted || w.Header().Get("RateLimit") != "" || w.Header().Get("RateLimit-Policy") != "" {
			t.Errorf("answer %q, want 202 that promises nothing", answer(w))
		}
		settle()
		if n := len(p.outbox.all()); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
		if err := issue(p, recovery.Origin{Caller: "crm"})(t.Context()); err != nil {
			t.Error(err)
		}
		if !strings.Contains(p.log.String(), "limiter failed") {
			t.Error("the log says nothing")
		}
		// The limits hold while it works.
		limiter.broken.Store(nil)
		for range 10 {
			_ = publicCalls(p, client("192.0.2.1"))["forgot"](t.Context())
		}
		if admitted(t, publicCalls(p, client("192.0.2.1"))["forgot"](t.Context())) {
			t.Error("no limit holds")
		}
	})
}

// A job that is tried again pays once: its takes have its ID.
func TestRetriedJobIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := recovery.Tier{Limits: []recovery.Limit{{N: 2, Window: time.Hour}}}
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient, o.Limits.EmailBudget = two, two, two, two
		})
		fail := 5
		p.outbox.notify = func(context.Context, recovery.Message) error {
			if fail--; fail >= 0 {
				return errors.New("try again")
			}
			return nil
		}
		for range 3 {
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
		}
		if n := len(p.outbox.all()); n != 2 {
			t.Errorf("%d mails, want 2: the one that took six attempts and one more", n)
		}
	})
}

func TestQuotasDoNotTellOfOthers_A23(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limitedPortal(t, func(l *recovery.Limits) { l.Identifier, l.Lead = recovery.Tier{}, recovery.Tier{} })
		for _, who := range []string{johnMail, "nobody@example.com", johnMail, "nobody@example.com"} {
			result, err := p.ForgotPassword(t.Context(), byMail(who))
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range result.Quotas {
				if q.Name != recovery.ScopeClient && q.Name != recovery.ScopeCaller {
					t.Errorf("%s: the quotas tell of %s", who, q.Name)
				}
			}
			settle()
		}
	})
}
