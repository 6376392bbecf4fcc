package portal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const currentPassword = "seven brass monkeys"

// signIns are the sessions of a host: leads by cookie.
type signIns struct {
	open map[string]string
	next string // the cookie of the next session
	err  error  // what SignedIn returns
	keep error  // what KeepSession returns
}

// withChange lets people who are signed in change their passwords.
func withChange(s *signIns, edit ...func(*recovery.Options)) func(*recovery.Options, *portal.Options) {
	return func(o *recovery.Options, _ *portal.Options) {
		o.Sessions = recovery.SessionEnderFunc(func(_ context.Context, leadID string) error {
			for cookie, id := range s.open {
				if id == leadID {
					delete(s.open, cookie)
				}
			}
			return nil
		})
		o.Change = recovery.ChangeOptions{
			SignedIn: func(r *http.Request) (string, error) {
				if cookie, err := r.Cookie("session"); err == nil {
					return s.open[cookie.Value], s.err
				}
				return "", s.err
			},
			KeepSession: func(w http.ResponseWriter, _ *http.Request, leadID string) error {
				if s.keep == nil {
					s.open[s.next] = leadID
					http.SetCookie(w, &http.Cookie{Name: "session", Value: s.next, Path: "/"})
				}
				return s.keep
			},
		}
		for _, f := range edit {
			f(o)
		}
	}
}

// signIn signs John in, with currentPassword.
func (s *signIns) signIn(w *world) *visitor {
	w.t.Helper()
	if err := w.leads.SetPasswordHash(w.t.Context(), w.john, "fast:"+currentPassword); err != nil {
		w.t.Fatal(err)
	}
	s.open["first"], s.open["of a thief"], s.next = w.john, w.john, "second"
	v := w.visitor()
	v.cookies["session"] = &http.Cookie{Name: "session", Value: "first"}
	return v
}

// The whole way without scripts, from the well-known URL, with the mistakes that
// people make: each is told at its field, and the first one has the focus.
func TestChangePassword(t *testing.T) {
	s := &signIns{open: map[string]string{}}
	inWorld(t, withChange(s), func(w *world) {
		v := s.signIn(w)
		if p := v.get("/.well-known/change-password"); p.StatusCode != 303 || p.Header.Get("Location") != "/account/change-password" {
			t.Fatalf("the well-known URL leads to %s", p.Header.Get("Location"))
		}
		p := v.open("/.well-known/change-password")
		p.is(t, "the page", 200, "Change your password", "Current password", "New password", "signed out on all other devices")
		for _, field := range []string{
			`autocomplete="username"`, `autocomplete="current-password"`, `autocomplete="new-password"`, `value="` + johnMail + `"`,
		} {
			if !p.has(field) {
				t.Errorf("the page lacks %s", field)
			}
		}
		proof := p.proof()
		send := func(current, chosen, again string) page {
			return v.post("/account/change-password", "proof", proof, "username", johnMail, "current", current, "password", chosen, "again", again)
		}
		focus := func(p page, id string) {
			t.Helper()
			_, field, _ := strings.Cut(p.body, `<input id="`+id+`"`)
			field, _, _ = strings.Cut(field, ">")
			if !strings.Contains(field, "autofocus") || !strings.Contains(field, `aria-invalid="true"`) || strings.Count(p.body, "autofocus") != 1 {
				t.Errorf("the field %s is not the one with the focus: %s", id, field)
			}
			if strings.Contains(p.body, currentPassword) || strings.Contains(p.body, goodPassword) {
				t.Error("the page repeats a password")
			}
		}
		p = send("", "", "")
		p.is(t, "nothing", 422, "Enter your current password.", "Enter a new password.", "Error: Change your password")
		focus(p, "current")
		p = send("not it", goodPassword, goodPassword)
		p.is(t, "another password", 422, "This is not your current password.")
		focus(p, "current")
		p = send(currentPassword, goodPassword, "something else")
		// The page repeats no password, so the current one has to be typed again too.
		p.is(t, "two that differ", 422, "Enter your current password.", "The two passwords are not the same.")
		focus(p, "current")
		p = send(currentPassword, "short", "short")
		p.is(t, "a short one", 422, "Enter your current password.", "This password is too short.")
		focus(p, "current")
		if w.changed() || len(s.open) != 2 {
			t.Fatal("a mistake changed something")
		}

		p = send(currentPassword, goodPassword, goodPassword)
		if p.StatusCode != 303 || p.Header.Get("Location") != "/account/done" || !w.changed() {
			t.Fatalf("%d %s: %s", p.StatusCode, p.Header.Get("Location"), p.text())
		}
		if len(s.open) != 1 || s.open[v.cookies["session"].Value] != w.john || v.cookies["session"].Value != "second" {
			t.Errorf("sessions %v", s.open)
		}
		if v.cookies["__Host-recovery-device"] == nil {
			t.Error("the device is not known any more")
		}
		p = v.get("/account/done")
		p.is(t, "done", 200, "Your password was changed", "You have been signed out on all other devices.", "Continue")
		if m := w.messageOf(recovery.MessagePasswordChanged); m.To != johnMail && m.To != johnPhone {
			t.Errorf("the notice goes to %s", m.To)
		}
		v.get("/account/change-password").is(t, "again", 200, "Change your password")
	})
}

// Who is not signed in is told so, whatever they send, and the well-known URL leads
// them to the page for a forgotten password.
func TestChangeOfNobody(t *testing.T) {
	s := &signIns{open: map[string]string{}}
	inWorld(t, withChange(s), func(w *world) {
		v := s.signIn(w)
		proof := v.get("/account/change-password").proof()
		clear(s.open) // for example by a reset elsewhere
		v.get("/account/change-password").is(t, "the page", 403, "Please sign in", "Nothing was changed.")
		v.post("/account/change-password", "proof", proof, "current", currentPassword, "password", goodPassword).is(t, "the form", 403, "Please sign in", "Nothing was changed.")
		if p := v.get("/.well-known/change-password?return_to=x"); p.Header.Get("Location") != "/account/forgot" {
			t.Errorf("the well-known URL leads to %s", p.Header.Get("Location"))
		}
		s.err = errors.New("sessions are down")
		p := v.open("/.well-known/change-password")
		p.is(t, "while sessions are down", 503, "Please try again in a moment")
		if !p.has("/account/change-password") || p.Header.Get("Retry-After") == "" {
			t.Error("the page does not lead to another try")
		}
		if w.changed() {
			t.Error("the password was changed")
		}
	})
	inWorld(t, nil, func(w *world) {
		w.visitor().get("/account/change-password").is(t, "without the option", 404, "There is no such page")
	})
}

// A form of another site, and one that was shown for another account, change nothing
// (A70, A102).
func TestChangeOfAnother_A102(t *testing.T) {
	s := &signIns{open: map[string]string{}}
	inWorld(t, withChange(s), func(w *world) {
		v := s.signIn(w)
		proof := v.get("/account/change-password").proof()
		fields := []string{"proof", proof, "current", currentPassword, "password", goodPassword}
		v.header.Set("Sec-Fetch-Site", "cross-site")
		foreign := v.post("/account/change-password", fields...)
		v.header.Del("Sec-Fetch-Site")
		foreign.is(t, "a form of another site", 403, "For your safety, nothing was changed.")
		other := w.leads.Add(recovery.Lead{Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "other@example.com", Verified: true}}}, "fast:"+currentPassword)
		s.open["first"] = other
		p := v.post("/account/change-password", fields...)
		p.is(t, "another account", 409, "you have signed in to another account", "Change your password")
		if !p.has("other@example.com") || w.changed() || w.leads.Hash(other) != "fast:"+currentPassword {
			t.Error("a password was changed")
		}
		v.post("/account/change-password", "proof", p.proof(), "current", currentPassword, "password", goodPassword)
		if w.changed() || w.leads.Hash(other) != "fast:"+goodPassword {
			t.Error("the second form is not for the other account")
		}
	})
}

// What else may come instead of the page done.
func TestChangeThatFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		edit   func(w *world, s *signIns)
		status int
		words  []string
	}{
		{"the store is down", func(w *world, _ *signIns) {
			w.leads.SetHooks(recoverytest.LeadsHooks{History: func(context.Context, string) error { return errors.New("down") }})
		}, 503, []string{"Nothing was changed. Please try again in a moment.", "Change your password"}},
		{"nobody knows", func(w *world, _ *signIns) {
			w.leads.SetHooks(recoverytest.LeadsHooks{AfterWrite: func(context.Context, string, string) error { return errors.New("reset by peer") }})
		}, 500, []string{"It is not certain that your password was changed"}},
		{"too many tries", func(w *world, s *signIns) {
			for range 10 {
				v := w.visitor()
				v.cookies["session"] = &http.Cookie{Name: "session", Value: "first"}
				v.post("/account/change-password", "proof", v.get("/account/change-password").proof(), "current", "a guess", "password", goodPassword)
			}
		}, 429, []string{"Nothing was changed. Please try again in 15 minutes."}},
		{"no new session", func(_ *world, s *signIns) { s.keep = errors.New("down") }, 200, []string{"You have been signed out on all devices.", "Sign in"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &signIns{open: map[string]string{}}
			edit := func(o *recovery.Options) {
				o.Limits.Change = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 10, Window: 15 * time.Minute}}}
			}
			inWorld(t, withChange(s, edit), func(w *world) {
				v := s.signIn(w)
				proof := v.get("/account/change-password").proof()
				tt.edit(w, s)
				p := v.post("/account/change-password", "proof", proof, "current", currentPassword, "password", goodPassword)
				if p.StatusCode == 303 {
					p = v.get(p.Header.Get("Location"))
				}
				p.is(t, tt.name, tt.status, tt.words...)
			})
		})
	}
}
