package portal_test

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
)

// Back and reload show a page that makes sense, wherever the person is. They
// change nothing, and bring no password back.
func TestChromiumBackAndReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	again := func(path string, status int, words ...string) {
		t.Helper()
		s.on(tab, path, status, words...)
		tab.Reload()
		s.on(tab, path, status, words...)
	}
	tab.Load(s.base + "/forgot")
	again("/forgot", 200)
	fill(tab, "#identifier", johnMail)
	submit(tab)
	again("/sent", 200, "an account for "+johnMail)
	link := s.message(recovery.MessageResetLink, johnMail).URL.Reveal()
	if n := s.outbox.Len(); n != 1 {
		t.Errorf("to reload sends messages: %d", n)
	}
	tab.Back()
	s.on(tab, "/forgot", 200)
	if got := value(tab, "#identifier"); got != johnMail {
		t.Errorf("back at the first page, the address is %q", got)
	}

	refused := tab.Beside()
	refused.Load(link)
	fill(refused, "#password", "short")
	submit(refused)
	s.on(refused, "/reset", 422, "This password is too short")
	refused.Reload() // This sends the form again.
	s.on(refused, "/reset", 422, "This password is too short")
	s.unchanged()

	// A password that a person typed and left does not wait there for the next
	// person.
	tab.Load(link)
	fill(tab, "#password", "typed and left")
	tab.Load(s.base + "/forgot")
	tab.Back()
	s.on(tab, "/reset", 200)
	if got := value(tab, "#password"); got != "" {
		t.Errorf("back at the form, the password is %q", got)
	}
	again("/reset", 200, "Choose a new password")
	fill(tab, "#password", goodPassword)
	submit(tab)
	again("/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
	visits := s.visited("GET", "/account/done")
	if c := visits[len(visits)-1].Header.Get("Cookie"); strings.Contains(c, "-proof=") || strings.Contains(c, "-opened=") {
		t.Errorf("the proof is still there: %s", c)
	}

	tab.Back()
	s.on(tab, "/reset", 400, "This link does not work", "you can sign in with the new one")
	if n := browsertest.Eval[int](tab, "document.querySelectorAll('input').length"); n > 0 {
		t.Errorf("back at the form, there are %d fields", n)
	}
	again("/reset", 400)
	if n := s.leads.Writes(); n != 1 {
		t.Errorf("the password was written %d times", n)
	}
}

// However often a person clicks the button, the form is sent once.
func TestChromiumDoubleSubmit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		hit, again func(tab *browsertest.Tab)
	}{
		{"two clicks", func(tab *browsertest.Tab) { tab.Click("[type=submit]") }, (*browsertest.Tab).ClickAgain},
		{"Enter twice", func(tab *browsertest.Tab) { tab.Press(kb.Enter) }, func(tab *browsertest.Tab) { tab.Press(kb.Enter) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, nil)
			tab := s.tab("en", 390)
			tab.Load(s.link(johnMail))
			fill(tab, "#password", goodPassword)
			letGo := s.hold("POST", "/account/reset")
			tab.Follow(func() {
				c.hit(tab)
				tab.Until("a form is sent", func() bool { return len(s.visited("POST", "/account/reset")) > 0 })
				c.again(tab)
				letGo()
			})
			s.on(tab, "/done", 200, "Your password was changed")
			s.has(s.john, goodPassword)
			if n := len(s.visited("POST", "/account/reset")); n != 1 {
				t.Errorf("%d forms were sent", n)
			}
		})
	}
	// Without scripts, nothing stops the second click, and the answer to the
	// first one is lost. The answer to the second click says how to go on.
	t.Run("two clicks without scripts", func(t *testing.T) {
		s := newSite(t, nil)
		tab := s.tab("en", 390)
		tab.Scripts(false)
		tab.Load(s.link(johnMail))
		fill(tab, "#password", goodPassword)
		fill(tab, "#again", goodPassword)
		letGo := s.holdAnswers("POST", "/account/reset")
		tab.Follow(func() {
			tab.Click("[type=submit]")
			tab.Until("the password is changed", func() bool { return s.leads.Writes() == 1 })
			tab.ClickAgain()
			tab.Until("two forms are sent", func() bool { return len(s.visited("POST", "/account/reset")) == 2 })
			letGo()
		})
		s.on(tab, "/reset", 400, "If you have just changed your password with it, you can sign in with the new one.")
		s.has(s.john, goodPassword)
		if n := s.leads.Writes(); n != 1 {
			t.Errorf("the password was written %d times", n)
		}
	})
}

// Two tabs have links of two accounts. Neither account gets the password that
// was meant for the other.
func TestChromiumTwoTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	first := s.tab("en", 390)
	first.Load(s.link(johnMail))
	if got := value(first, "#username"); got != johnMail {
		t.Fatalf("the first tab is about %q", got)
	}
	second := first.Beside()
	second.Load(s.link(maryMail))
	if got := value(second, "#username"); got != maryMail {
		t.Fatalf("the second tab is about %q", got)
	}
	fill(first, "#password", goodPassword)
	submit(first)
	s.on(first, "/reset", 409, "Nothing was changed: another link was opened in this browser. This page is now for "+maryMail)
	if got := value(first, "#username"); got != maryMail {
		t.Errorf("the first tab is now about %q", got)
	}
	focused(first, ".alert")
	s.unchanged()

	fill(first, "#password", goodPassword)
	submit(first)
	s.on(first, "/done", 200)
	s.has(s.mary, goodPassword)
	if h := s.leads.Hash(s.john); h != "fast:old password of John Wick" {
		t.Errorf("John has %s", h)
	}
	fill(second, "#password", goodPassword+" of the second tab")
	submit(second)
	s.on(second, "/reset", 400, "This link does not work")
	s.has(s.mary, goodPassword)
}

// A link that ends while its page is open, and a link that is opened twice.
func TestChromiumLinksThatEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	tab := s.tab("en", 390)
	tab.Load(s.link(johnMail))
	s.on(tab, "/reset", 200)
	if err := s.service.RevokeTokens(t.Context(), s.john); err != nil {
		t.Fatal(err)
	}
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/reset", 400, "This link does not work", "It has expired, or it was used before.")
	s.unchanged()
	tab.Follow(func() { tab.Click("a.button") })
	s.on(tab, "/forgot", 200)

	link := s.link(johnMail)
	tab.Load(link)
	s.on(tab, "/reset", 200)
	tab.Load(link)
	s.on(tab, "/reset", 200, "Choose a new password")
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200)
	tab.Load(link)
	s.on(tab, "/reset", 400, "This link does not work", "you can sign in with the new one")
	s.has(s.john, goodPassword)
	if n := s.leads.Writes(); n != 1 {
		t.Errorf("the password was written %d times", n)
	}
}

// A04: programs look at mails before the person does, with a browser that runs
// scripts, and many times. Links still work afterwards.
func TestChromiumScannersConsumeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	link := s.link(johnMail)
	scanner := s.tab("en", 1280)
	scanner.Load(link)
	s.on(scanner, "/reset", 200, "Choose a new password")
	scanner.Reload()

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.server.Client()
	client.Jar = jar
	for i := range 100 {
		method := []string{"HEAD", "GET"}[i%2]
		r, err := http.NewRequestWithContext(t.Context(), method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 || answer.Request.URL.Path != "/account/reset" {
			t.Fatalf("%s ends with %d at %s", method, answer.StatusCode, answer.Request.URL)
		}
	}
	s.unchanged()

	tab := s.tab("en", 390)
	tab.Load(s.inbox(link))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200)
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200)
	s.has(s.john, goodPassword)
}
