package portal_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

func TestWholeWay(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		v := w.visitor()
		v.open("/account/").is(t, "the front", 200, "Forgot your password?", "E-mail address or phone number")
		p := v.post("/account/forgot", "identifier", johnMail)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/sent" {
			t.Fatalf("forgot answers %d, %q", p.StatusCode, p.Header.Get("Location"))
		}
		v.get("/account/sent").is(t, "sent", 200, "Check your inbox", "an account for "+johnMail, "expires in 60 minutes")
		link := w.message().URL.Reveal()
		form := v.open(link)
		form.is(t, "the form", 200, "Choose a new password", "At least 15 characters")
		if !strings.Contains(form.body, `value="`+johnMail+`"`) {
			t.Error("the form does not say whose password it is")
		}
		p = v.post("/account/reset", "proof", form.proof(), "username", johnMail, "password", goodPassword)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/done" {
			t.Fatalf("reset answers %d, %q: %s", p.StatusCode, p.Header.Get("Location"), p.text())
		}
		v.get("/account/done").is(t, "done", 200, "Your password was changed", "Sign in")
		if !w.changed() {
			t.Error("the password is not changed")
		}
		// Two cookies stay, and expire: that the password was changed, and that
		// this is a known device of the person (A58).
		if left := slices.Sorted(maps.Keys(v.cookies)); !slices.Equal(left, []string{"__Host-recovery-device", "__Host-recovery-outcome"}) {
			t.Errorf("cookies stay behind: %v", left)
		}
		// The person goes back, and opens the link once more.
		v.get("/account/reset").is(t, "back", 400, "This link does not work")
		v.open(link).is(t, "the link again", 400, "This link does not work", "you can sign in with the new one")
		if m := w.message(); m.Kind != recovery.MessagePasswordChanged {
			t.Errorf("a message of kind %s", m.Kind)
		}
	})
}

// A58: after a reset, strangers cannot use up the limits of this browser.
func TestKnownDeviceAfterAReset(t *testing.T) {
	once := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: 24 * time.Hour}}}
	inWorld(t, func(o *recovery.Options, _ *portal.Options) { o.Limits.Recipient = once }, func(w *world) {
		v := w.visitor()
		form := v.open(w.link()) // which uses the limit up
		v.post("/account/reset", "proof", form.proof(), "username", johnMail, "password", goodPassword)
		for _, known := range []bool{true, false} {
			from := v
			if !known {
				from = w.visitor()
			}
			before := len(w.outbox.OfKind(recovery.MessageResetLink))
			from.post("/account/forgot", "identifier", johnMail)
			time.Sleep(time.Second)
			synctest.Wait()
			if got := len(w.outbox.OfKind(recovery.MessageResetLink)) > before; got != known {
				w.t.Errorf("known device %v: served %v", known, got)
			}
		}
	})
}

// W3C, "A Well-Known URL for Changing Passwords".
func TestWellKnown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		p := w.visitor().get("/.well-known/change-password")
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/forgot" {
			w.t.Errorf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		w.visitor().get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").is(w.t, "the probe", 404)
	})
}

func TestStepUp(t *testing.T) {
	stepUp := func(o *recovery.Options, _ *portal.Options) {
		o.StepUp = func(context.Context, recovery.Lead) error {
			return &recovery.StepUpError{Detail: "Use your <b>security key</b> first."}
		}
	}
	inWorld(t, stepUp, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		v.post("/account/reset", "proof", form.proof(), "password", goodPassword).is(w.t, "the page", 403, "One more step", "Use your <b>security key</b> first.")
	})
	inWorld(t, func(o *recovery.Options, p *portal.Options) {
		stepUp(o, p)
		p.StepUpURL = func(_ *http.Request, err *recovery.StepUpError) string {
			return "https://id.example/second?for=" + err.Detail[:3]
		}
	}, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		p := v.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		p.is(w.t, "the page with a link", 403, "One more step", "Continue")
		if !p.has(`href="https://id.example/second?for=Use"`) || w.changed() {
			w.t.Errorf("no link to where the proof is given: %s", p.body)
		}
		if _, ok := v.cookies["__Host-recovery-proof"]; !ok {
			w.t.Error("the link is lost on the way")
		}
	})
}

// A host that does not end sessions does not say that it does (A74).
func TestSessionsThatAreKept(t *testing.T) {
	inWorld(t, func(o *recovery.Options, _ *portal.Options) {
		o.Sessions, o.DangerouslyKeepSessions = nil, true
	}, func(w *world) {
		v := w.visitor()
		form := v.open(w.link())
		done := v.open(v.post("/account/reset", "proof", form.proof(), "password", goodPassword).Header.Get("Location"))
		done.is(w.t, "done", 200, "You can now sign in with your new password.")
		notice := v.open(w.messageOf(recovery.MessagePasswordChanged).NotMe.Reveal())
		thanks := v.open(v.post("/account/not-me", "proof", notice.proof()).Header.Get("Location"))
		thanks.is(w.t, "not me done", 200, "A link to choose a new password is on its way to you.")
		for _, p := range []page{form, done, notice, thanks} {
			if strings.Contains(p.text(), "signed out") || strings.Contains(p.text(), "sign everybody out") {
				w.t.Errorf("it is said that sessions end: %s", p.text())
			}
		}
	})
}

// A page that says that something was done is shown only to whoever did it. A
// link to it would serve a phishing mail.
func TestOutcomesAreShownToWhoMadeThem(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for _, path := range []string{"/account/done", "/account/not-me-done", "/account/not-me-done?variant=password"} {
			if p := w.visitor().get(path); p.StatusCode != 303 || p.Header.Get("Location") != "/account/forgot" {
				w.t.Errorf("%s: %d %q", path, p.StatusCode, p.Header.Get("Location"))
			}
		}
	})
}
