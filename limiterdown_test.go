package recovery_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// brokenLimiter fails, answers too little or panics, while broken is set.
type brokenLimiter struct {
	recovery.Limiter
	broken atomic.Pointer[string]
}

func (l *brokenLimiter) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	how := l.broken.Load()
	if how == nil {
		return l.Limiter.Allow(ctx, takes...)
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
				if err := issue(p, recovery.Requester{Caller: "crm"})(t.Context()); !errors.Is(err, recovery.ErrUnavailable) {
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
				if n := len(p.outbox.Messages()); n != 0 {
					t.Fatalf("%d mails past a limiter that is down", n)
				}
				limiter.broken.Store(nil)
				time.Sleep(10 * time.Minute)
				if n := len(p.outbox.Messages()); n != 1 {
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
			o.Limiter, o.Limits = limiter, recovery.Limits{DangerouslyAllowOnError: true}
		})
		how := "fails"
		limiter.broken.Store(&how)
		w := post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		if w.Code != http.StatusAccepted || w.Header().Get("RateLimit") != "" || w.Header().Get("RateLimit-Policy") != "" {
			t.Errorf("answer %q, want 202 that promises nothing", answer(w))
		}
		settle()
		if n := len(p.outbox.Messages()); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
		if err := issue(p, recovery.Requester{Caller: "crm"})(t.Context()); err != nil {
			t.Error(err)
		}
		if !strings.Contains(p.log.String(), "limiter failed") {
			t.Error("the log says nothing")
		}
		// The limits hold while it works.
		limiter.broken.Store(nil)
		for range 30 {
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
		two := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: time.Hour}}}
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Limits.Identifier, o.Limits.Lead, o.Limits.Recipient, o.Limits.EmailBudget = two, two, two, two
		})
		fail := 5
		p.outbox.Intercept(func(context.Context, recovery.Message) error {
			if fail--; fail >= 0 {
				return errors.New("try again")
			}
			return nil
		})
		for range 3 {
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
		}
		if n := len(p.outbox.Messages()); n != 2 {
			t.Errorf("%d mails, want 2: the one that took six attempts and one more", n)
		}
	})
}
