package portal_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// withHelpDesk offers the form for codes that a help desk has read out.
func withHelpDesk(_ *recovery.Options, p *portal.Options) {
	p.ReadOutCodes, p.Languages = true, []language.Tag{language.English, language.Arabic}
}

// readOut has the help desk read a code to John.
func (s *site) readOut() string {
	s.t.Helper()
	issued, err := s.service.IssueForHelpDesk(s.t.Context(), recovery.HelpDeskRequest{LeadID: s.john, Operator: "Ada Byron", Code: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return issued.Code.Reveal()
}

// The whole way by keyboard on the narrowest screen, for somebody who was sent
// nothing: from the first page to the form, a mistyped code, and the code as people
// type it. The notice names the operator.
func TestChromiumWholeWayByReadOutCode(t *testing.T) {
	t.Parallel()
	axe := browsertest.LoadAxe(t)
	s := newSite(t, withHelpDesk)
	tab := s.tab("en", 320)
	axe.Into(tab)
	look := func(path string, status int, words ...string) {
		t.Helper()
		s.on(tab, path, status, words...)
		stops(t, tab, path)
		clean(t, axe, tab, path)
	}
	tab.Load(s.base + "/forgot")
	look("/forgot", 200, "I have a code from the help desk")
	tabTo(tab, "a[href*=read-out]")
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/code?read-out=1", 200, "the code that our help desk gave you", "15 letters and digits", "E-mail address or phone number")
	if got := browsertest.Eval[string](tab, "document.querySelector('#code').inputMode"); got != "" {
		t.Errorf("the keyboard of a telephone is for %q, and could not type letters", got)
	}

	code := s.readOut()
	tabTo(tab, "#identifier")
	tab.Type(johnMail)
	tabTo(tab, "#code")
	tab.Type(code[:14])
	tab.Follow(func() { tab.Press(kb.Enter) })
	s.on(tab, "/code", 422, "Enter the code that you were given")
	refusedField(t, tab, "#code", "15 letters and digits")
	if got := value(tab, "#identifier"); got != johnMail {
		t.Errorf("the address is %q after a mistake", got)
	}
	clean(t, axe, tab, "/code, refused")

	fill(tab, "#code", strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/reset", 200, "Choose a new password")
	s.unchanged()
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
	if m := s.message(recovery.MessagePasswordChanged, johnMail); m.Operator != "Ada Byron" {
		t.Errorf("the notice names %q", m.Operator)
	}
}

// Somebody who waits for a text message pastes the code of the help desk into the
// same form, and no part of it is taken for the code of the message. The form in
// Arabic is there from the link too.
func TestChromiumReadOutCodeInTheFormForMessages(t *testing.T) {
	t.Parallel()
	axe := browsertest.LoadAxe(t)
	s := newSite(t, withHelpDesk)
	tab := s.tab("ar", 320)
	axe.Into(tab)
	tab.Load(s.base + "/forgot")
	fill(tab, "#identifier", johnPhone)
	submit(tab)
	s.on(tab, "/code", 200)
	tab.Follow(func() { tab.Click("a[href*=read-out]") })
	s.on(tab, "/code?read-out=1", 200)
	mirrored(t, tab, 320)
	stops(t, tab, "/code?read-out=1")
	clean(t, axe, tab, "/code")

	tab.Load(s.base + "/code?lang=en")
	s.on(tab, "/code?lang=en", 200, "an account for "+johnPhone, "8 digits")
	code := s.readOut()
	for _, pasted := range []string{"12345-678AB-CDEFG", "AB123-45678-CDEFG", code} {
		chat := tab.Beside()
		chat.Load(s.serve(hostOfMail, "/chat-"+pasted, `<!DOCTYPE html><link rel="icon" href="data:,"><p>`+pasted))
		chat.Shortcut("a")
		chat.Shortcut("c")
		fill(tab, "#code", "")
		tab.Click("#code")
		tab.Shortcut("v")
		if got := strings.TrimSpace(value(tab, "#code")); got != pasted {
			t.Errorf("pasted %q, want %q", got, pasted)
		}
	}
	submit(tab)
	s.on(tab, "/reset?lang=en", 200, "Choose a new password")
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/done?lang=en", 200)
	s.has(s.john, goodPassword)
}
