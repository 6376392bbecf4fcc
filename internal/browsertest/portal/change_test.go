package portal_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// signIns are the sessions of a site: leads by cookie.
type signIns struct {
	mu   sync.Mutex
	open map[string]string
	n    int
}

// cookie opens a session.
func (s *signIns) cookie(leadID string) *http.Cookie {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	value := fmt.Sprint("session-", s.n)
	s.open[value] = leadID
	return &http.Cookie{Name: "__Host-session", Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (s *signIns) all() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.open)
}

// serve lets people change their passwords while they are signed in, and ends their
// sessions with every reset and change.
func (s *signIns) serve(o *recovery.Options) {
	o.Sessions = recovery.SessionEnderFunc(func(_ context.Context, leadID string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		maps.DeleteFunc(s.open, func(_, id string) bool { return id == leadID })
		return nil
	})
	o.Change = recovery.ChangeOptions{
		SignedIn: func(r *http.Request) (string, error) {
			cookie, err := r.Cookie("__Host-session")
			if err != nil {
				return "", recovery.ErrNotSignedIn
			}
			return s.all()[cookie.Value], nil
		},
		KeepSession: func(w http.ResponseWriter, _ *http.Request, leadID string) error {
			http.SetCookie(w, s.cookie(leadID))
			return nil
		},
	}
}

// newChangeSite is a site whose people are signed in. In the browser, the page
// /sign-in of the site opens a session by script.
func newChangeSite(t *testing.T, edit func(*portal.Options)) (*site, *signIns) {
	t.Helper()
	in := &signIns{open: map[string]string{}}
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		in.serve(o)
		if edit != nil {
			edit(p)
		}
	})
	return s, in
}

// signIn opens a session for a tab.
func (s *site) signIn(tab *browsertest.Tab, in *signIns, leadID string) {
	s.t.Helper()
	tab.Load(s.url(hostOfSite, "/sign-in"))
	browsertest.Eval[bool](tab, fmt.Sprintf(`document.cookie = "__Host-session=%s; Path=/; Secure; SameSite=Lax", true`, in.cookie(leadID).Value))
}

// Somebody who is signed in follows the well-known URL, as password managers do, and
// changes the password with a keyboard alone on the narrowest screen. Mistakes are told
// at their fields, axe-core finds nothing, and the person is signed in still, under
// another session ID, while everybody else is signed out.
func TestChromiumChangePassword_A102(t *testing.T) {
	t.Parallel()
	s, in := newChangeSite(t, nil)
	var axe *browsertest.Axe
	t.Run("axe-core", func(t *testing.T) { axe = browsertest.LoadAxe(t) })
	tab := s.tab("en", 320)
	if axe != nil {
		axe.Into(tab)
	}
	looks := func(page string) {
		t.Helper()
		if got := browsertest.Eval[int](tab, "document.documentElement.scrollWidth"); got != 320 {
			t.Errorf("%s: %d pixels wide", page, got)
		}
		if axe == nil {
			return // LoadAxe has said why
		}
		for _, found := range axe.Check(tab) {
			t.Errorf("%s: %s", page, found)
		}
	}
	s.signIn(tab, in, s.john)
	thief := in.cookie(s.john).Value
	tab.Load(s.url(hostOfSite, "/.well-known/change-password"))
	s.on(tab, "/change-password", 200, "Change your password", "At least 15 characters", "signed out on all other devices")
	looks("the form")
	s.silent(tab)
	if hints := browsertest.Eval[[]string](tab, `[...document.querySelectorAll("input[autocomplete]:not([name=again])")].map(e => e.name + " " + e.autocomplete)`); strings.Join(hints, ", ") !=
		"username username, current current-password, password new-password" {
		t.Errorf("password managers see %q", hints)
	}
	if got := value(tab, "#username"); got != johnMail {
		t.Errorf("the account is %q", got)
	}
	send := func(current, chosen string) {
		tabTo(tab, "#current")
		tab.Type(current)
		tabTo(tab, "#password")
		tab.Type(chosen)
		tab.Follow(func() { tab.Press(kb.Enter) })
	}
	send("", goodPassword)
	s.on(tab, "/change-password", 422, "Enter your current password.")
	refusedField(t, tab, "#current", "Enter your current password.")
	send("not it", goodPassword)
	s.on(tab, "/change-password", 422, "This is not your current password.")
	refusedField(t, tab, "#current", "This is not your current password.")
	looks("a wrong password")
	send("old password of John Wick", "short")
	s.on(tab, "/change-password", 422, "This password is too short.")
	refusedField(t, tab, "#current", "Enter your current password.") // no page repeats one
	if value(tab, "#current")+value(tab, "#password") != "" {
		t.Error("the page repeats a password")
	}
	s.unchanged()
	send("old password of John Wick", goodPassword)
	s.on(tab, "/done", 200, "Your password was changed", "You have been signed out on all other devices.", "Continue")
	looks("done")
	s.has(s.john, goodPassword)
	if open := in.all(); len(open) != 1 || open[thief] != "" || open["session-1"] != "" {
		t.Errorf("sessions %v", open)
	}
	tab.Load(s.base + "/change-password")
	s.on(tab, "/change-password", 200)
}

// Without scripts the person types the new password twice. Who is not signed in is told
// so, and the well-known URL leads them to the page for a forgotten password.
func TestChromiumChangePasswordWithoutScripts(t *testing.T) {
	t.Parallel()
	s, in := newChangeSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.url(hostOfSite, "/.well-known/change-password"))
	s.on(tab, "/forgot", 200)
	tab.Load(s.base + "/change-password")
	s.on(tab, "/change-password", 403, "Please sign in")
	s.signIn(tab, in, s.john)
	tab.Scripts(false)
	tab.Load(s.base + "/change-password")
	s.on(tab, "/change-password", 200, "New password again")
	fill(tab, "#current", "old password of John Wick")
	fill(tab, "#password", goodPassword)
	fill(tab, "#again", goodPassword+"?")
	submit(tab)
	s.on(tab, "/change-password", 422, "The two passwords are not the same. Type both again.")
	refusedField(t, tab, "#current", "Enter your current password.")
	s.unchanged()
	fill(tab, "#current", "old password of John Wick")
	fill(tab, "#password", goodPassword)
	fill(tab, "#again", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
}

// A page of another site, and one of another origin of the same site, send the form
// with the person's cookie, and nothing is changed (A70, A102).
func TestChromiumForeignChange_A102(t *testing.T) {
	t.Parallel()
	s, in := newChangeSite(t, nil)
	for _, host := range []string{hostOfEvil, hostOfNeighbour} {
		tab := s.tab("en", 390)
		s.signIn(tab, in, s.john)
		tab.Load(s.base + "/change-password")
		form := fmt.Sprintf(`<!DOCTYPE html><title>Win</title><link rel="icon" href="data:,"><form method="post" action="%s/change-password">
			<input name="proof" value="%s"><input name="current" value="old password of John Wick"><input name="password" value="%s"><button type="submit">Go</button></form>`,
			s.base, value(tab, "[name=proof]"), goodPassword)
		tab.Load(s.serve(host, "/win", form))
		submit(tab)
		s.on(tab, "/change-password", 403, "nothing was changed")
		s.unchanged()
	}
}
