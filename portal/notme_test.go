package portal_test

import (
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
)

func TestNotMe(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		_, err := w.service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}})
		if err != nil {
			t.Fatal(err)
		}
		m := w.message()
		v := w.visitor()
		p := v.get(m.NotMe.Reveal())
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/not-me" {
			t.Fatalf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		for range 50 { // A04
			v.open(m.NotMe.Reveal())
		}
		form := v.get("/account/not-me")
		form.is(t, "the page", 200, "This was not you?", "cancel every link and code", "Cancel links and codes")
		person := w.visitor()
		person.open(m.URL.Reveal()).is(t, "the link before", 200)
		p = v.post("/account/not-me", "proof", form.proof())
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/not-me-done" {
			t.Fatalf("%d %q", p.StatusCode, p.Header.Get("Location"))
		}
		v.open(p.Header.Get("Location")).is(t, "not me done", 200, "Thank you for telling us", "no longer work")
		person.open(m.URL.Reveal()).is(t, "the link after", 400, "This link does not work")

		link := w.link()
		form = person.open(link)
		person.post("/account/reset", "proof", form.proof(), "password", goodPassword)
		changed := w.messageOf(recovery.MessagePasswordChanged)
		form = v.open(changed.NotMe.Reveal())
		form.is(t, "the page about a password", 200, "sign everybody out", "Secure my account")
		// A form with another proof changes nothing.
		v.post("/account/not-me", "proof", "x").is(t, "another proof", 409, "This was not you?")
		p = v.post("/account/not-me", "proof", form.proof())
		v.open(p.Header.Get("Location")).is(t, "not me done", 200, "Everybody is being signed out", "Change the password of your mailbox")
		w.messageOf(recovery.MessageResetLink)
		w.visitor().open("/account/not-me").is(t, "without a notice", 400, "This link does not work")
		w.visitor().open("/account/not-me?token=forged").is(t, "forged", 400, "This link does not work")
	})
}

// A form lies open for a while. Its notice works for days.
func TestNoticeThatLiesOpen(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		_, err := w.service.ForgotPassword(w.t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}})
		if err != nil {
			w.t.Fatal(err)
		}
		v := w.visitor()
		form := v.open(w.message().NotMe.Reveal())
		if age := v.cookies["__Host-recovery-notice"].MaxAge; age < 3600*12 {
			w.t.Errorf("the notice lives %d s", age)
		}
		time.Sleep(12 * time.Hour)
		if p := v.post("/account/not-me", "proof", form.proof()); p.StatusCode != 303 {
			w.t.Errorf("after half a day: %d %s", p.StatusCode, p.text())
		}
	})
}
