package leadsquared_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"testing"

	"github.com/seed-51359b35/recovery"
)

// The body of Forgot may hold the fields of a CAPTCHA. Without the host's yes
// nothing is sent, and everybody gets the same answer.
func TestCaptcha(t *testing.T) {
	var asked recovery.CaptchaRequest
	var down error
	bubble(t, func(o *recovery.Options) {
		o.Captcha.Verify = func(_ context.Context, req recovery.CaptchaRequest) error {
			asked = req
			if down == nil && req.Fields["g-recaptcha-response"] != "solved" {
				return recovery.ErrCaptchaFailed
			}
			return down
		}
	}, func(t *testing.T, w *world) {
		const notSolved = "The CAPTCHA is missing or was not solved."
		for _, body := range []string{seedEmail, `{"EmailAddress":"nobody@example.com","G-Recaptcha-Response":"wrong"}`, `{"EmailAddress":"nobody@example.com","h-captcha-response":"solved"}`} {
			wantError(t, w.do(post(forgotV2, body)), 400, invalidInput, notSolved)
		}
		want(t, w.do(post(forgotV2, `{"EmailAddress":"nobody@example.com","g-recaptcha-response":7}`)), 400, errorBody(invalidInput, "g-recaptcha-response must be a string."))
		down = errors.New("dial: no route")
		if rec := w.do(post(forgotV2, seedEmail)); rec.Code != 503 {
			t.Errorf("provider down: %d %s", rec.Code, rec.Body)
		}
		w.noEffect(t)
		down = nil
		want(t, w.do(post(forgotV2, `{"EmailAddress":"nobody@example.com","G-Recaptcha-Response":"solved"}`)), 200, forgotOK)
		if !maps.Equal(asked.Fields, map[string]string{"g-recaptcha-response": "solved"}) || asked.Operation != recovery.CaptchaForgotLink || asked.Requester.Caller == "" {
			t.Errorf("asked %+v", asked)
		}
	})
}

// A portal's server passes people on, if the host lists it, and nobody else does
// (A50).
func TestServerCallers(t *testing.T) {
	bubble(t, func(o *recovery.Options) {
		o.Limits.ClientForgot = recovery.LimitPolicy{}
		o.ClientAddress.ServerCallers = []netip.Prefix{netip.MustParsePrefix("198.51.100.8/32")}
	}, func(t *testing.T, w *world) {
		ask := func(addr string, person int) int {
			return w.do(post(forgotV2, `{"EmailAddress":"nobody@example.com"}`, from(addr), header("X-Origin-IP", fmt.Sprintf("203.0.113.%d", person)))).Code
		}
		for range 30 {
			for person := range 3 {
				if got := ask("198.51.100.8", person); got != 200 {
					t.Fatalf("person %d: %d", person, got)
				}
			}
		}
		for person := range 3 {
			if got := ask("198.51.100.8", person); got != 429 {
				t.Errorf("person %d: %d", person, got)
			}
		}
		for i := range 31 {
			if got := ask("198.51.100.9", i); (got == 429) != (i == 30) {
				t.Errorf("a stranger, request %d: %d", i, got)
			}
		}
	})
}
