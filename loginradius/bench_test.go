package loginradius_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// BenchmarkHandler measures the handler together with its Service, without
// deliveries.
func BenchmarkHandler(b *testing.B) {
	for _, bb := range []struct{ name, method, target, body string }{
		{"ForgotToken", "POST", pathForgotToken + "?apikey=" + apiKey, john},
		{"Forgot", "POST", pathPassword + "?apikey=" + apiKey + "&resetpasswordurl=https%3A%2F%2Fexample.com%2Freset", john},
		{"ResetBadToken", "PUT", pathReset + "?apikey=" + apiKey, resetBody("x")},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := newSite(b, func(o *recovery.Options) { o.Events, o.Logger = nil, slog.New(slog.DiscardHandler) }, nil)
			b.ReportAllocs()
			for b.Loop() {
				r := newRequest(bb.method, bb.target, bb.body)
				r.Header.Set(anySecret, apiSecret)
				s.handler.ServeHTTP(httptest.NewRecorder(), r)
				s.jobs.waiting = s.jobs.waiting[:0]
			}
		})
	}
}
