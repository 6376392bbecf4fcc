package portal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// After too many tries, the page says when to come back, and keeps what the
// person typed.
func TestTooManyTries(t *testing.T) {
	few := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 2, Window: 90 * time.Minute}}}
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {
		o.Limits.ClientForgot, o.Limits.ClientReset = few, few
		o.Limits.ClientCheck = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 4, Window: time.Minute}}}
	}, func(w *world) {
		t := w.t
		v := w.visitor()
		link := w.link()
		form := v.open(link)
		for range 2 {
			v.post("/account/forgot", "identifier", johnMail)
			v.post("/account/reset", "proof", form.proof(), "password", "weak")
		}
		p := v.post("/account/forgot", "identifier", johnMail)
		p.is(t, "forgot", 429, "Error: Forgot your password?", "Nothing was changed. Please try again in 90 minutes.")
		if p.Header.Get("Retry-After") != "5400" || !strings.Contains(p.body, `value="`+johnMail+`"`) {
			t.Errorf("Retry-After %q", p.Header.Get("Retry-After"))
		}
		p = v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(t, "reset", 429, "Error: Choose a new password", "Nothing was changed. Please try again in 90 minutes.", "Choose a new password")
		for range 4 {
			p = v.get("/account/reset")
		}
		p.is(t, "to look", 429, "Too many tries", "Please try again in 60 seconds.", "Try again")
		w.visitor().open(link).is(t, "to look for the first time", 429, "Too many tries", "Please try again in 60 seconds.")
		if p.Header.Get("Retry-After") != "60" {
			t.Errorf("Retry-After %q", p.Header.Get("Retry-After"))
		}
		time.Sleep(90 * time.Minute / 2)
		form = v.get("/account/reset")
		form.is(t, "the link, which waited", 200)
		time.Sleep(90 * time.Minute / 2)
		v.post("/account/forgot", "identifier", johnMail)
	})
}

// A failure behind the pages looks the same to everybody, loses nothing, and
// another try may help.
func TestStoresThatFail(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		link := w.link()
		form := v.open(link)
		w.tokens.failWith(errors.New("down: " + johnMail))
		p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(t, "reset", 503, "Nothing was changed. Please try again in a moment.", "Choose a new password")
		if p.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		w.visitor().open(link).is(t, "to look", 503, "Please try again in a moment")
		w.tokens.failWith(nil)
		w.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error {
			return fmt.Errorf("no: %w", recovery.ErrNotWritten)
		}})
		v.post("/account/reset", "proof", p.proof(), "password", goodPassword).is(t, "a store that did not write", 503, "Nothing was changed")
		w.leads.SetHooks(recoverytest.LeadsHooks{})
		if p := v.post("/account/reset", "proof", p.proof(), "password", goodPassword); p.StatusCode != 303 || !w.changed() {
			t.Errorf("afterwards: %d %s", p.StatusCode, p.text())
		}
	})
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		w.leads.SetHooks(recoverytest.LeadsHooks{AfterWrite: func(context.Context, string, string) error { return errors.New("lost") }})
		p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(t, "a lost reply", 500, "It is not certain that your password was changed", "Try to sign in with the new password.", "Ask for a new link")
	})
	inWorld(t, nil, func(w *world) {
		if err := w.service.Shutdown(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		p := w.visitor().post("/account/forgot", "identifier", johnMail)
		p.is(w.t, "shut down", 503, "Nothing was changed. Please try again in a moment.")
		if !strings.Contains(p.body, `value="`+johnMail+`"`) {
			w.t.Error("what was typed is lost")
		}
	})
}

// Where a script waits for the answer, a server that is busy answers with nothing
// and a cookie: whose form it is, and in how many seconds to send it again. All
// others get the page with 503, and a number that is none gets into no cookie.
func TestBusyServerTellsTheScript(t *testing.T) {
	busy := &password.BusyError{RetryAfter: 17*time.Second + time.Millisecond}
	inWorld(t, func(o *recovery.Options, _ *portal.Options) { o.Passwords.Hasher = alwaysBusy{err: busy} }, func(w *world) {
		t := w.t
		v := w.visitor()
		form := v.open(w.link())
		for _, test := range []struct {
			patient string
			status  int
		}{
			{"123456789012345", 204}, {"", 503}, {"1; Path=/x", 503}, {"-1", 503}, {strings.Repeat("1", 17), 503},
		} {
			p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword, "patient", test.patient)
			var told string
			for _, c := range p.Cookies() {
				if strings.HasSuffix(c.Name, "-wait") {
					told = c.Value
					if c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 60 {
						t.Errorf("the cookie is %v", c)
					}
				}
			}
			want := ""
			if test.status == 204 {
				want = test.patient + ".18"
			}
			if p.StatusCode != test.status || told != want || p.Header.Get("Retry-After") != "18" {
				t.Errorf("%q: %d with the cookie %q and Retry-After %q", test.patient, p.StatusCode, told, p.Header.Get("Retry-After"))
			}
		}
	})
}

// alwaysBusy is a hasher that never has time.
type alwaysBusy struct {
	fastHasher
	err error
}

func (h alwaysBusy) Hash(context.Context, string) (string, error) { return "", h.err }
