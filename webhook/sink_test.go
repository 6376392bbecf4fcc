package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/webhook"
)

// nowhere returns an endpoint to which nothing is sent.
func nowhere(id string, secrets ...recovery.Secret) webhook.Endpoint {
	return webhook.Endpoint{ID: id, URL: "https://" + id + ".example.com/hooks?key=" + urlSecret, Secrets: secrets}
}

func TestWhoIsTold(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*webhook.Endpoint)
		event  recovery.Event
		told   bool
	}{
		{"a reset, by default", nil, recovery.Event{Kind: recovery.EventPasswordReset}, true},
		{"a token issued, by default", nil, recovery.Event{Kind: recovery.EventTokenIssued}, true},
		{"tokens revoked, by default", nil, recovery.Event{Kind: recovery.EventTokensRevoked}, true},
		{"not me, by default", nil, recovery.Event{Kind: recovery.EventNotMe}, true},
		{"sessions not ended, by default", nil, recovery.Event{Kind: recovery.EventSessionsNotEnded}, true},
		{"a dead letter, by default", nil, recovery.Event{Kind: recovery.EventDeadLetter}, true},
		{"a wrong record, by default", nil, recovery.Event{Kind: recovery.EventWrongRecord}, true},
		{"not a 429, which strangers cause", nil, recovery.Event{Kind: recovery.EventRateLimited}, false},
		{"not a refused reset, which strangers cause", nil, recovery.Event{Kind: recovery.EventResetRefused}, false},
		{"not a request that sent nothing, which tells who has no account", nil, recovery.Event{Kind: recovery.EventMessageSuppressed}, false},
		{"not a message, which tells who has one", nil, recovery.Event{Kind: recovery.EventMessageSent}, false},
		{"a kind that is asked for", func(e *webhook.Endpoint) { e.Events = []recovery.EventKind{recovery.EventRateLimited} }, recovery.Event{Kind: recovery.EventRateLimited}, true},
		{"no other then", func(e *webhook.Endpoint) { e.Events = []recovery.EventKind{recovery.EventRateLimited} }, recovery.Event{Kind: recovery.EventPasswordReset}, false},
		{"no kind that does not exist", func(e *webhook.Endpoint) { e.Events = webhook.AllEvents() }, recovery.Event{Kind: "made_up"}, false},
		{"nobody, if the caller says so", nil, recovery.Event{Kind: recovery.EventTokenIssued, Labels: map[string]string{recovery.LabelNoWebhook: "true"}}, false},
		{"whoever ignores that", func(e *webhook.Endpoint) { e.IncludePrevented = true }, recovery.Event{Kind: recovery.EventTokenIssued, Labels: map[string]string{recovery.LabelNoWebhook: "true"}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := nowhere("crm", secretA)
			if tt.change != nil {
				tt.change(&e)
			}
			q := &jobs{}
			s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{e}})
			s.Sink(t.Context(), tt.event)
			if told := len(q.all()) == 1; told != tt.told {
				t.Errorf("told: %t, want %t", told, tt.told)
			}
			if prevented := one(t, s).Prevented == 1; prevented != (tt.event.Labels != nil && !tt.told) {
				t.Errorf("%+v", one(t, s))
			}
		})
	}
}

// A queue, and its storage, sees no ID of a person, no URL and no secret.
func TestWaitingDeliveriesAreSealed(t *testing.T) {
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}})
	e := theReset()
	e.LeadID = strings.Repeat("lead-42", 500)
	s.Sink(t.Context(), e)
	job := q.only(t)
	if len(job.Payload) >= 16<<10 || strings.ContainsAny(string(job.Payload), " \r\n") {
		t.Errorf("a payload of %d bytes", len(job.Payload))
	}
	for _, never := range []string{"lead-42", urlSecret, "password_reset", "QUFBQUFBQUFB", "QkJCQkJCQkJC"} {
		if text := fmt.Sprintf("%s %s", job.ID, job.Payload); strings.Contains(text, never) {
			t.Errorf("the job shows %q", never)
		}
	}
	if !strings.HasSuffix(job.ID, "-crm") {
		t.Errorf("job %q", job.ID)
	}
}

// A59: whatever the queue does, Sink returns, no goroutine is left, and the
// event is counted.
func TestQueuesThatFail(t *testing.T) {
	for _, tt := range []struct {
		name    string
		enqueue func(ctx context.Context, job recovery.Job) error
		waits   time.Duration
		logged  string
	}{
		{"a full queue", func(context.Context, recovery.Job) error { return recovery.ErrQueueFull }, 0, "queue is full"},
		{"one that panics", func(context.Context, recovery.Job) error { panic("quoting " + urlSecret) }, 0, "panicked (string)"},
		{"one that waits for its context", func(ctx context.Context, _ recovery.Job) error { <-ctx.Done(); return ctx.Err() }, 100 * time.Millisecond, "deadline"},
		{"one that waits longer", func(context.Context, recovery.Job) error { time.Sleep(time.Minute); return errors.New("late") }, 100 * time.Millisecond, "late"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logs := &log{}
				s := newSender(t, webhook.Options{
					Queue: &jobs{enqueue: tt.enqueue}, EnqueueTimeout: 100 * time.Millisecond, Logger: logs.logger(),
					Endpoints: []webhook.Endpoint{nowhere("crm", secretA)},
				})
				start := time.Now()
				s.Sink(t.Context(), theReset())
				if took := time.Since(start); took != tt.waits {
					t.Errorf("the caller waited %v, want %v", took, tt.waits)
				}
				time.Sleep(2 * time.Minute)
				if stats := one(t, s); stats.Dropped != 1 {
					t.Errorf("%+v", stats)
				}
				if !strings.Contains(logs.String(), tt.logged) || strings.Contains(logs.String(), urlSecret) {
					t.Errorf("logged %s", logs)
				}
			})
		})
	}
}

// A59: with a queue that never returns, each caller waits for EnqueueTimeout
// only, and the number of goroutines that remain is bounded.
func TestQueueThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var hanging atomic.Int32
		q := &jobs{enqueue: func(context.Context, recovery.Job) error { hanging.Add(1); <-release; return nil }}
		logs := &log{}
		s := newSender(t, webhook.Options{
			Queue: q, EnqueueTimeout: 100 * time.Millisecond, Logger: logs.logger(),
			Endpoints: []webhook.Endpoint{nowhere("crm", secretA)},
		})
		start := time.Now()
		var callers sync.WaitGroup
		for range 1_064 {
			callers.Go(func() { s.Sink(t.Context(), theReset()) })
		}
		callers.Wait()
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("the callers waited %v", took)
		}
		if stats := one(t, s); stats.Dropped != 1_000 || hanging.Load() != 64 {
			t.Errorf("%+v, %d goroutines hang", stats, hanging.Load())
		}
		// A flood of events does not flood the log.
		if n := strings.Count(logs.String(), "event dropped"); n != 1 {
			t.Errorf("%d lines", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("Shutdown with a queue that hangs:", err)
		}
		close(release)
	})
}

// In a burst of more events than can be handed over at once, none is lost.
func TestBurstOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &jobs{enqueue: func(context.Context, recovery.Job) error { time.Sleep(time.Millisecond); return nil }}
		s := newSender(t, webhook.Options{
			Queue: q, EnqueueTimeout: 100 * time.Millisecond, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)},
		})
		var callers sync.WaitGroup
		for range 2000 {
			callers.Go(func() { s.Sink(t.Context(), theReset()) })
		}
		callers.Wait()
		if stats := one(t, s); stats.Dropped != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// A59: in a flood of events while the receiver hangs, no caller waits, events
// without a place in the queue are dropped, and memory and goroutines stay
// bounded.
func TestFloodOfEvents(t *testing.T) {
	rc := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s, err := webhook.New(webhook.Options{
		Keys: [][]byte{key1}, Logger: slog.New(slog.DiscardHandler),
		EnqueueTimeout: 5 * time.Second, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)},
	})
	if err != nil {
		t.Fatal(err)
	}
	const senders, each = 8, 600
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range each {
				s.Sink(t.Context(), theReset())
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(testenv.Patience(30 * time.Second)):
		t.Fatal("the callers wait")
	}
	// The queue has 4,096 places, which include the running attempts.
	if stats := one(t, s); stats.Dropped != senders*each-4096 || stats.Delivered != 0 {
		t.Errorf("%+v", stats)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Shutdown has no time left
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error("Shutdown:", err)
	}
	// Shutdown does not wait for them any longer.
	testenv.Eventually(t, 10*time.Second, "all that were taken are dead", func() bool { return one(t, s).Dead == 4096 })
}

// An endpoint that hangs delays no other, unless the host made the endpoints
// share a queue.
func TestEndpointsDoNotDelayEachOther(t *testing.T) {
	slow := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	quick := newReceiver(t, nil)
	s, err := webhook.New(webhook.Options{
		Keys: [][]byte{key1}, Logger: slog.New(slog.DiscardHandler), EnqueueTimeout: 5 * time.Second,
		Endpoints: []webhook.Endpoint{slow.endpoint("slow", secretA), quick.endpoint("quick", secretB)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		s.Sink(t.Context(), theReset())
	}
	quick.wait(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Shutdown(ctx)
}

type ctxKey struct{}

// The end of the request does not end the hand-over, and the queue gets the
// values of the request's context.
func TestContextOfTheHandOver(t *testing.T) {
	var got any
	q := &jobs{enqueue: func(ctx context.Context, _ recovery.Job) error {
		got = ctx.Value(ctxKey{})
		if _, ok := ctx.Deadline(); !ok {
			t.Error("there is no deadline")
		}
		return ctx.Err()
	}}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "trace"))
	cancel()
	s.Sink(ctx, theReset())
	if stats := one(t, s); got != "trace" || stats.Dropped != 0 {
		t.Errorf("%v, %+v", got, stats)
	}
}

func TestShutdown(t *testing.T) {
	rc := newReceiver(t, nil)
	s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	for range 20 {
		s.Sink(t.Context(), theReset())
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	// Every accepted event was delivered before Shutdown returned.
	if n := len(rc.hooks()); n != 20 {
		t.Errorf("%d requests", n)
	}
	s.Sink(t.Context(), theReset())
	if stats := one(t, s); stats.Dropped != 1 || stats.Delivered != 20 {
		t.Errorf("%+v", stats)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error("again:", err)
	}
}

// After Shutdown the Sender enqueues nothing more, even in a queue that it does
// not shut down.
func TestNothingIsEnqueuedAfterShutdown(t *testing.T) {
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	s.Sink(t.Context(), theReset())
	if len(q.all()) != 0 || one(t, s).Dropped != 1 {
		t.Errorf("%d jobs, %+v", len(q.all()), one(t, s))
	}
}

// Shutdown makes one last attempt at deliveries that wait for their next
// attempt.
func TestShutdownTriesOnceMore(t *testing.T) {
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	died := make(chan webhook.Delivery, 1)
	s := newSender(t, webhook.Options{
		Endpoints:     []webhook.Endpoint{rc.endpoint("crm", secretA)},
		OnUndelivered: func(_ context.Context, d webhook.Delivery, _ error) { died <- d },
	})
	s.Sink(t.Context(), theReset())
	rc.wait(t, 1)
	err := s.Shutdown(t.Context())
	if e, ok := errors.AsType[*recovery.ShutdownError](err); !ok || e.Lost != 1 || e.Cause != nil {
		t.Errorf("Shutdown: %v, want one delivery lost", err)
	}
	select {
	case d := <-died:
		if d.WebhookID != rc.hooks()[0].id() {
			t.Errorf("gave up %s", d.WebhookID)
		}
	default:
		t.Error("nobody was told")
	}
}

func TestNothingPanicsOnNil(t *testing.T) {
	var nobody *webhook.Sender
	nobody.Sink(t.Context(), theReset())
	if err := nobody.Shutdown(t.Context()); err != nil || nobody.Stats() != nil {
		t.Error(err, nobody.Stats())
	}
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}})
	s.Sink(t.Context(), recovery.Event{})
	s.Sink(t.Context(), recovery.Event{Kind: recovery.EventPasswordReset})
	if n := len(q.all()); n != 1 {
		t.Errorf("%d jobs", n)
	}
	if err := s.Perform(t.Context(), recovery.Job{}); !errors.Is(err, recovery.ErrPermanent) {
		t.Error(err)
	}
	s.DeadLetter(t.Context(), recovery.Job{}, nil)
	s.DeadLetter(t.Context(), q.only(t), nil)
	recovery.MultiSink()(t.Context(), theReset())
	recovery.MultiSink(nil, nil)(t.Context(), theReset())
}

func TestTee(t *testing.T) {
	var heard []string
	hears := func(name string) recovery.EventSink {
		return func(_ context.Context, e recovery.Event) {
			heard = append(heard, name+" "+string(e.Kind))
			if name == "b" {
				panic("b does not like it")
			}
		}
	}
	sinks := []recovery.EventSink{hears("a"), nil, hears("b"), hears("c")}
	sink := recovery.MultiSink(sinks...)
	sinks[0] = nil
	defer func() {
		if p := recover(); p != "b does not like it" {
			t.Errorf("panic %v", p)
		}
		if want := "a password_reset,b password_reset,c password_reset"; strings.Join(heard, ",") != want {
			t.Errorf("heard %v", heard)
		}
	}()
	sink(t.Context(), theReset())
}
