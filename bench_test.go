package recovery_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
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
			{N: 100_000, Window: time.Millisecond}, {N: 100_000, Window: 2 * time.Millisecond}, {N: 100_000, Window: 3 * time.Millisecond},
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

type nullWriter struct {
	header http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
