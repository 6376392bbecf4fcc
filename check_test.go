package recovery_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// downLeads is a LeadStore that can tell whether it works.
type downLeads struct {
	*recoverytest.Leads
	err error
}

func (s downLeads) Check(context.Context) error { return s.err }

// downNotifier is a notifier that can tell.
type downNotifier struct {
	recovery.Notifier
	err error
}

func (n downNotifier) Check(context.Context) error { return n.err }

// A readiness probe names what does not work, with the cause, and everything
// else is asked all the same.
func TestCheck(t *testing.T) {
	down := errors.New("dial tcp 192.0.2.1:6379: connection refused")
	failing := func(string) error { return down }
	for _, test := range []struct {
		sentence string
		edit     func(p *portal, o *recovery.Options)
		want     []string // what is not ready, or nothing
	}{
		{"all is well", nil, nil},
		{"all can tell, and is well", func(p *portal, _ *recovery.Options) {
			p.users, p.notifier = downLeads{p.leads.Leads, nil}, downNotifier{p.outbox, nil}
		}, nil},
		{"the token store", func(p *portal, _ *recovery.Options) { p.tokens = downTokens{p.tokens, failing} }, []string{"TokenStore"}},
		{"the limiter", func(_ *portal, o *recovery.Options) { o.Limiter = downLimiter{o.Limiter, failing} }, []string{"Limiter"}},
		{"the limiter, although requests are allowed then", func(_ *portal, o *recovery.Options) {
			o.Limiter, o.Limits.DangerouslyAllowOnError = downLimiter{o.Limiter, failing}, true
		}, []string{"Limiter"}},
		{"the lead store", func(p *portal, _ *recovery.Options) { p.users = downLeads{p.leads.Leads, down} }, []string{"LeadStore"}},
		{"the notifier of a channel", func(p *portal, _ *recovery.Options) {
			p.notifier = recovery.ByChannel(map[recovery.Channel]recovery.Notifier{
				recovery.ChannelEmail: p.outbox, recovery.ChannelSMS: downNotifier{p.outbox, down},
			})
		}, []string{"Notifier: sms"}},
		{"a queue", func(_ *portal, o *recovery.Options) { o.Queue = statQueue{o.Queue, recovery.QueueStats{}, 16, down} }, []string{"Queue"}},
		{"everything", func(p *portal, o *recovery.Options) {
			p.tokens, o.Limiter, p.users = downTokens{p.tokens, failing}, downLimiter{o.Limiter, failing}, downLeads{p.leads.Leads, down}
		}, []string{"TokenStore", "Limiter", "LeadStore"}},
		{"jobs that are tried again", func(_ *portal, o *recovery.Options) {
			o.DeliveryQueue = statQueue{o.DeliveryQueue, recovery.QueueStats{Waiting: 4000, Retrying: 4000, Oldest: time.Second, Running: 16}, 16, nil}
		}, nil},
		{"a job that waits for a worker", func(_ *portal, o *recovery.Options) {
			o.DeliveryQueue = statQueue{o.DeliveryQueue, recovery.QueueStats{Waiting: 40, Oldest: 31 * time.Second, Running: 16}, 16, nil}
		}, []string{"DeliveryQueue: a job has waited 31s for a worker, 40 jobs wait, and 16 of 16 workers are busy"}},
		{"a job that waits in a queue that does not say how many workers it has", func(_ *portal, o *recovery.Options) {
			o.DeliveryQueue = statQueue{o.DeliveryQueue, recovery.QueueStats{Waiting: 40, Oldest: 31 * time.Second, Running: 16}, 0, nil}
		}, []string{"DeliveryQueue: a job has waited 31s for a worker, 40 jobs wait, and 16 attempts run"}},
		{"workers that hang", func(_ *portal, o *recovery.Options) {
			o.Queue = statQueue{o.Queue, recovery.QueueStats{Waiting: 40, Oldest: time.Second, Running: 16, Abandoned: 16}, 16, nil}
		}, []string{"Queue: all 16 workers hang"}},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, test.edit)
				writes := len(p.outbox.Messages()) + p.leads.Writes()
				err := p.Check(t.Context())
				if writes != len(p.outbox.Messages())+p.leads.Writes() {
					t.Error("Check sent or wrote something")
				}
				if test.want == nil {
					if err != nil {
						t.Errorf("not ready: %v", err)
					}
					return
				}
				if !errors.Is(err, recovery.ErrUnavailable) {
					t.Fatalf("%v, want an error that wraps ErrUnavailable", err)
				}
				for _, part := range test.want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v does not say %q", err, part)
					}
				}
			})
		})
	}
}

// A probe that comes often is never refused by the limiter, and a Service that
// was shut down is not ready.
func TestCheckOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		for range 1000 {
			if err := p.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ended(t, p.Shutdown(t.Context()))
		wantErr(t, p.Check(t.Context()), recovery.ErrUnavailable)
	})
}

// statQueue is a queue with numbers of the test's.
type statQueue struct {
	recovery.Queue
	stats   recovery.QueueStats
	workers int
	err     error
}

func (q statQueue) QueueStats(context.Context) (recovery.QueueStats, error) { return q.stats, q.err }
func (q statQueue) MaxConcurrent() int                                      { return q.workers }
func (q statQueue) Start(h recovery.JobHandler) error                       { return q.Queue.(recovery.WorkerQueue).Start(h) }
func (q statQueue) Shutdown(ctx context.Context) error {
	return q.Queue.(recovery.WorkerQueue).Shutdown(ctx)
}

// bothStore keeps tokens and limits, as redisstore and sqlstore do.
type bothStore struct {
	recovery.TokenStore
	recovery.Limiter
}

// Instances that share their tokens and not their limits, or the reverse, are
// told at the start.
func TestMixedStoresAreTold(t *testing.T) {
	memory := recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
	both := bothStore{recovery.NewMemoryTokenStore(), memory}
	for _, test := range []struct {
		sentence string
		tokens   recovery.TokenStore
		limiter  recovery.Limiter
		want     string
	}{
		{"both in memory", recovery.NewMemoryTokenStore(), nil, ""},
		{"both shared", both, both, ""},
		{"the limiter left out", both, nil, ""},
		{"the limiter in memory", both, memory, "each instance has limits of its own"},
		{"the tokens in memory", recovery.NewMemoryTokenStore(), both, "a link works on the instance that sent it alone"},
	} {
		var log logBuffer
		opts := goodOptions()
		opts.Limiter, opts.DeliveryQueue, opts.Logger = test.limiter, &heldQueue{}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		if errs := newErrors(t, newLeads(), test.tokens, &recoverytest.Outbox{}, opts); len(errs) > 0 {
			t.Fatal(errs)
		}
		if got := log.String(); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: logged %q, want %q", test.sentence, got, test.want)
		}
	}
}
