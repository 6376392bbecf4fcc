package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A provider is a Verify that keeps what it was asked.
type provider struct {
	mu     sync.Mutex
	asked  []recovery.CaptchaRequest
	answer func(ctx context.Context) error // nil: the right value is "solved"
}

func (c *provider) verify(ctx context.Context, req recovery.CaptchaRequest) error {
	c.mu.Lock()
	c.asked = append(c.asked, req)
	c.mu.Unlock()
	if c.answer != nil {
		return c.answer(ctx)
	}
	if !slices.Contains(slices.Collect(maps.Values(req.Fields)), "solved") {
		return fmt.Errorf("score 0.1: %w", recovery.ErrCaptchaFailed)
	}
	return nil
}

func (c *provider) calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

func withCaptcha(c *provider) func(*portal, *recovery.Options) {
	return func(_ *portal, o *recovery.Options) { o.Captcha.Verify = c.verify }
}

// TestCaptcha: the JSON API passes on what each provider's widget adds, and sends
// only after the host has said yes.
func TestCaptcha(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &provider{}
		p := newPortal(t, withCaptcha(c))
		h := p.Handler()
		for _, name := range []string{"cf-turnstile-response", "h-captcha-response", "g-recaptcha-response", "qq_captcha_ticket"} {
			p.outbox.Reset()
			if w := post(h, "/forgot-password", fmt.Sprintf(`{"email":%q,%q:"solved"}`, johnMail, name), from("192.0.2.7")); w.Code != 202 {
				t.Errorf("%s: %s", name, answer(w))
			}
			settle()
			asked := c.asked[len(c.asked)-1]
			if asked.Operation != recovery.CaptchaForgotLink || asked.Requester.Client.String() != "192.0.2.7" || !maps.Equal(asked.Fields, map[string]string{name: "solved"}) {
				t.Errorf("%s: asked %+v", name, asked)
			}
			if n := len(p.outbox.Messages()); n != 1 {
				t.Errorf("%s: %d mails", name, n)
			}
		}
		post(h, "/forgot-password", `{"identifier":{"field":"Phone","value":"+14157415569"},"recipientField":"Phone"}`)
		if asked := c.asked[len(c.asked)-1]; asked.Operation != recovery.CaptchaForgotCode || len(asked.Fields) != 0 {
			t.Errorf("asked %+v", asked)
		}
		for _, body := range []string{`{"email":"a@b.example","x-captcha":"solved"}`, `{"email":"a@b.example","g-recaptcha-response":1}`, `{"email":"a@b.example","G-Recaptcha-Response":"solved"}`} {
			wantProblem(t, body, post(h, "/forgot-password", body), 400)
		}
		// Where nobody verifies, the names are as unknown as any other.
		wantProblem(t, "without a hook", post(newPortal(t, nil).Handler(), "/forgot-password", `{"email":"a@b.example","g-recaptcha-response":"solved"}`), 400)
	})
}

// TestCaptchaRefuses: nothing is sent without the host's yes, whether it says no,
// fails, panics or does not answer. The answer is the same for everybody, and
// the log holds neither the value nor what the host's code says about it (A20,
// A39).
func TestCaptchaRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(ctx context.Context) error
		status int
		code   string
	}{
		{"no", nil, 403, "captcha_failed"},
		{"a bare no", func(context.Context) error { return recovery.ErrCaptchaFailed }, 403, "captcha_failed"},
		{"a provider that is down", func(context.Context) error { return errors.New("dial: v4lue-of-the-captcha refused") }, 503, "unavailable"},
		{"a provider that does not answer", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 503, "unavailable"},
		{"an error that has another meaning here", func(context.Context) error { return recovery.ErrLeadNotFound }, 503, "unavailable"},
		{"a panic", func(context.Context) error { panic("v4lue-of-the-captcha and the key of the host") }, 503, "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &provider{answer: tt.answer}
				p := newPortal(t, withCaptcha(c))
				h := p.Handler()
				answers := map[string]bool{}
				for i, address := range []string{johnMail, "nobody@example.com", "disabled@example.com"} {
					begin := time.Now()
					w := post(h, "/forgot-password", fmt.Sprintf(`{"email":%q,"g-recaptcha-response":"v4lue-of-the-captcha"}`, address), from(fmt.Sprintf("192.0.2.%d", i)))
					if got := wantProblem(t, address, w, tt.status); got["code"] != tt.code {
						t.Errorf("code %v", got["code"])
					}
					if took := time.Since(begin); took > 5*time.Second {
						t.Errorf("took %v", took)
					}
					answers[answer(w)] = true
				}
				settle()
				if len(answers) != 1 {
					t.Errorf("answers %v", answers)
				}
				if n := len(p.outbox.Messages()); n > 0 {
					t.Errorf("%d mails", n)
				}
				if calls := strings.Join(p.calls.take(), ","); strings.Contains(calls, "Enqueue") || strings.Contains(calls, "FindLead") {
					t.Errorf("calls %s", calls)
				}
				if logs := p.log.String(); strings.Contains(logs, "v4lue") || strings.Contains(logs, "key of the host") {
					t.Errorf("the log is\n%s", logs)
				}
			})
		})
	}
}

// TestCaptchaComesAfterTheLimits: a request that a limit refuses, or that is
// malformed, costs no call of the provider.
func TestCaptchaComesAfterTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &provider{}
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			withCaptcha(c)(p, o)
			o.Limits.ClientForgot, o.Limits.Caller = recovery.LimitPolicy{}, recovery.LimitPolicy{}
		})
		h := p.Handler()
		ask := func(i int) *httptest.ResponseRecorder {
			return post(h, "/forgot-password", fmt.Sprintf(`{"email":"nobody%d@example.com","h-captcha-response":"wrong"}`, i), from("192.0.2.7"))
		}
		for i := range 30 {
			wantProblem(t, "refused", ask(i), 403)
		}
		for i := range 100 {
			wantProblem(t, "limited", ask(i), 429)
		}
		wantProblem(t, "malformed", post(h, "/forgot-password", `{"email":"x"}`, from("192.0.2.8")), 400)
		if n := c.calls(); n != 30 {
			t.Errorf("%d calls of the provider, want 30", n)
		}
		// The caller's own window comes first too.
		req := byMail("nobody@example.com")
		req.Requester = client("192.0.2.9")
		req.Requester.Caller = "app"
		for i := range 26 {
			_, err := p.ForgotPassword(t.Context(), req)
			if _, limited := errors.AsType[*recovery.RateLimitError](err); limited != (i == 25) {
				t.Fatalf("request %d: %v", i, err)
			}
		}
		if n := c.calls(); n != 55 {
			t.Errorf("%d calls of the provider, want 55", n)
		}
		// Only what sends messages needs a CAPTCHA.
		_ = p.check(t.Context(), recovery.TokenProof("x"))
		_ = p.reset(t.Context(), recovery.TokenProof("x"), goodPassword)
		if n := c.calls(); n != 55 {
			t.Errorf("%d calls of the provider, want 55", n)
		}
	})
}

// TestHostileCaptchaValues_A61: whatever a stranger sends in the fields, a refusal
// is a refusal, is not logged, and costs little. Values come here that are no
// text, from queries and forms.
func TestHostileCaptchaValues_A61(t *testing.T) {
	for _, value := range []string{"", "\x00", "\xff\xfe\xff", "no text: \xc3(", strings.Repeat("a\u00e9<%", 4<<10)} {
		for _, tt := range []struct {
			answer error
			want   error
		}{
			{fmt.Errorf("%q is wrong: %w", value, recovery.ErrCaptchaFailed), recovery.ErrCaptchaFailed},
			{errors.New("dial: no route"), recovery.ErrUnavailable},
			{fmt.Errorf("the provider did not read %.100s", value), recovery.ErrUnavailable},
		} {
			synctest.Test(t, func(t *testing.T) {
				c := &provider{answer: func(context.Context) error { return tt.answer }}
				p := newPortal(t, withCaptcha(c))
				req := byMail(johnMail)
				req.Captcha = map[string]string{"g-recaptcha-response": value}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := p.ForgotPassword(t.Context(), req)
				runtime.ReadMemStats(&after)
				wantErr(t, err, tt.want)
				if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
					t.Errorf("%.20q, %.40v: %d bytes allocated", value, tt.answer, took)
				}
				logs := p.log.String()
				if strings.Contains(logs, "panic") || tt.want == recovery.ErrCaptchaFailed && logs != "" || strings.Contains(logs, "\xff\xfe") {
					t.Errorf("%.20q, %.40v: the log is\n%s", value, tt.answer, logs)
				}
			})
		}
	}
}

func TestCaptchaOptions(t *testing.T) {
	c := &provider{}
	for _, tt := range []struct {
		name   string
		verify bool
		fields []string
		want   string
	}{
		{"names of one's own", true, []string{"frc-captcha-response", "altcha"}, ""},
		{"fields without a hook", false, []string{"altcha"}, "Captcha.Verify: is required"},
		{"no fields", true, []string{}, "Captcha.Fields: is 0"},
		{"a space", true, []string{"g recaptcha"}, "printable ASCII without spaces"},
		{"one twice", true, []string{"altcha", "ALTCHA"}, `"ALTCHA" is listed twice`},
		{"a member of the API", true, []string{"Email"}, `"Email" is listed twice, or has another meaning`},
	} {
		opts := recovery.Options{
			Keys: [][]byte{testKey(1)}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, DangerouslyKeepSessions: true,
			Captcha: recovery.CaptchaOptions{Fields: tt.fields},
		}
		if tt.verify {
			opts.Captcha.Verify = c.verify
		}
		s, err := recovery.New(newLeads(), recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), opts)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if s != nil {
			if got := s.Settings().CaptchaFields; !slices.Equal(got, tt.fields) {
				t.Errorf("%s: settings %v", tt.name, got)
			}
			ended(t, s.Shutdown(t.Context()))
		}
	}
}
