package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// sinkQueue takes every job and performs none, so that only the request is
// measured.
type sinkQueue struct{}

func (sinkQueue) Enqueue(context.Context, recovery.Job) error { return nil }

func BenchmarkForgotThroughHandler(b *testing.B) {
	p := newPortal(b, func(_ *portal, o *recovery.Options) {
		o.Queue = sinkQueue{}
		o.Limiter = recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		// The usual number of windows, none of them ever full.
		o.Limits.ClientForgot = recovery.LimitPolicy{Limits: []recovery.Limit{
			{N: 100_000, Window: time.Millisecond}, {N: 100_000, Window: 2 * time.Millisecond},
		}}
	})
	h := p.Handler()
	body := strings.NewReader("")
	r := httptest.NewRequest("POST", "/forgot-password", nil)
	r.Header.Set("Content-Type", "application/json")
	w := &nullWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(`{"email":"johnwick@example.com"}`)
		r.Body = io.NopCloser(body)
		clear(w.header)
		h.ServeHTTP(w, r)
		if w.status != 202 {
			b.Fatal(w.status)
		}
	}
}

// everybodyKnown has a lead for every address that begins with "known".
type everybodyKnown struct{}

func (everybodyKnown) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	if !strings.HasPrefix(key.Value, "known") {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	return recovery.Lead{
		ID: key.Value, Version: "1", Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: key.Value, Verified: true}},
	}, nil
}

func (everybodyKnown) SetPasswordHash(context.Context, string, string) error { return nil }

// BenchmarkForgotBy64 has 64 callers ask, each request from a client of its own
// and about a person of its own. "answers" is the request alone, and the others
// end when all work after the answers is done.
func BenchmarkForgotBy64(b *testing.B) {
	for _, limiter := range []string{"memory", "redis"} {
		for _, work := range []string{"answers", "unknown", "known"} {
			b.Run(limiter+"/"+work, func(b *testing.B) { forgotBy64(b, limiter, work) })
		}
	}
}

func forgotBy64(b *testing.B, limiter, work string) {
	const callers = 64
	person := func(i int) string { return fmt.Sprintf("%s%d@example.com", work, i) }
	queue := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: b.N + callers})
	opts := recovery.Options{
		Keys:          [][]byte{testKey(1)},
		Link:          recovery.Link{URL: "https://portal.example.com/reset"},
		Sessions:      recovery.SessionEnderFunc(func(context.Context, string) error { return nil }),
		ClientAddress: recovery.ClientAddressOptions{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}},
		Limiter:       recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: b.N + callers}),
		Queue:         queue,
		Logger:        slog.New(slog.DiscardHandler),
	}
	var tokens recovery.TokenStore = recovery.NewMemoryTokenStore()
	if limiter == "redis" {
		store, err := redisstore.New(redistest.Start(b).Client(b), redisstore.Options{Timeout: 5 * time.Second, Logger: opts.Logger})
		if err != nil {
			b.Fatal(err)
		}
		opts.Limiter, tokens = store, store
	}
	if work == "answers" {
		opts.Queue = sinkQueue{}
	}
	s, err := recovery.New(everybodyKnown{}, tokens, recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), opts)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	requests := make([]*http.Request, b.N)
	for i := range requests {
		requests[i] = httptest.NewRequest("POST", "/forgot-password", strings.NewReader(`{"email":"`+person(i)+`"}`))
		requests[i].Header.Set("Content-Type", "application/json")
		requests[i].Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))
	}
	h := s.Handler()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			w := &nullWriter{header: http.Header{}}
			for i := caller; i < b.N; i += callers {
				clear(w.header)
				if h.ServeHTTP(w, requests[i]); w.status != http.StatusAccepted {
					b.Errorf("answered %d", w.status)
					return
				}
			}
		})
	}
	wg.Wait()
	for q := queue.Stats(); q.Waiting+q.Running > 0; q = queue.Stats() {
		time.Sleep(time.Millisecond)
	}
}

type nullWriter struct {
	header http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }

// BenchmarkForgotOfABrand is what the brand of a request adds to the answer.
func BenchmarkForgotOfABrand(b *testing.B) {
	for _, name := range []string{"", "acme"} {
		b.Run("brand="+name, func(b *testing.B) {
			queue := &heldQueue{}
			p := branded(b, func(_ *portal, o *recovery.Options) {
				o.Queue, o.Limits.DangerouslyAllowOnError = queue, true
				o.Limiter = failingLimiter{}
				o.Logger = slog.New(slog.DiscardHandler)
			})
			req := byMail(johnMail)
			req.Brand = name
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.ForgotPassword(b.Context(), req); err != nil {
					b.Fatal(err)
				}
				queue.take()
			}
		})
	}
}

// failingLimiter counts nothing, so that a benchmark meets no limit.
type failingLimiter struct{}

func (failingLimiter) Allow(context.Context, ...recovery.LimitRequest) ([]recovery.Decision, error) {
	return nil, errors.New("fails")
}
