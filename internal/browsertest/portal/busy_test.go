package portal_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/portal"
)

// A busyHasher has no time for the first calls.
type busyHasher struct {
	fastHasher
	calls *atomic.Int64
	busy  int64
}

func (h busyHasher) Hash(ctx context.Context, pw string) (string, error) {
	if h.calls.Add(1) <= h.busy {
		return "", &password.BusyError{RetryAfter: 1200 * time.Millisecond}
	}
	return h.fastHasher.Hash(ctx, pw)
}

// While the server has no time for a new password, the page says so, keeps what
// was typed, and sends it again by itself until it is saved. Nothing but the
// field holds the password meanwhile.
func TestChromiumServerIsBusy(t *testing.T) {
	t.Parallel()
	hasher := busyHasher{calls: new(atomic.Int64), busy: 2}
	s := newSite(t, func(o *recovery.Options, _ *portal.Options) { o.Passwords.Hasher = hasher })
	s.calm = true // the log tells of the hasher
	tab := s.tab("en", 390)
	tab.Load(s.link(johnMail))
	fill(tab, "#password", goodPassword)
	tab.Follow(func() {
		tab.Click("[type=submit]")
		tab.Wait(`!document.querySelector("#wait").hidden && document.querySelector("#wait").textContent.includes("This page waits")`)
		if got := value(tab, "#password"); got != goodPassword {
			t.Errorf("%q is left of what was typed", got)
		}
		for _, place := range []string{"JSON.stringify({...localStorage, ...sessionStorage})", "location.href"} {
			tab.Wait("!(" + place + `).includes("` + goodPassword + `")`)
		}
		tab.Click("[type=submit]") // an impatient person
	})
	s.on(tab, "/done", 200)
	s.has(s.john, goodPassword)
	if sent := len(s.visited("POST", "/account/reset")); sent != 3 || hasher.calls.Load() != 3 {
		t.Errorf("the form was sent %d times, want 3: two were answered with a time to wait", sent)
	}
	for _, v := range s.visited("POST", "/account/reset") {
		if strings.Contains(v.Header.Get("Cookie"), goodPassword) {
			t.Error("the password is in a cookie")
		}
	}
	s.silent(tab)
}

// Without an end, a page would hide that something is broken.
func TestChromiumServerIsAlwaysBusy(t *testing.T) {
	t.Parallel()
	hasher := busyHasher{calls: new(atomic.Int64), busy: 1 << 30}
	s := newSite(t, func(o *recovery.Options, _ *portal.Options) { o.Passwords.Hasher = hasher })
	s.calm = true
	// Time passes quickly in this page.
	s.alter(func(html string) string { return strings.Replace(html, "1000 * Number", "1 * Number", 1) })
	tab := s.tab("en", 390)
	tab.Load(s.link(johnMail))
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/reset", 503, "Please try again in a moment")
	s.unchanged()
	if sent := len(s.visited("POST", "/account/reset")); sent != 31 {
		t.Errorf("the form was sent %d times, want 31", sent)
	}
}
