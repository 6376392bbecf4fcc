package portal_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/text/language"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// withFactor makes John need a second factor, whose codes each work once.
func withFactor(o *recovery.Options, codes ...string) {
	left := map[string]bool{}
	for _, c := range codes {
		left[c] = true
	}
	o.SecondFactor = recovery.SecondFactorOptions{
		Needed: func(_ context.Context, lead recovery.Lead) (bool, error) { return lead.Name == "John Wick", nil },
		Verify: func(_ context.Context, _ recovery.Lead, code recovery.Secret) (bool, error) {
			ok := left[code.Reveal()]
			delete(left, code.Reveal())
			return ok, nil
		},
	}
}

// clean has axe-core look at the page, in both looks.
func clean(t *testing.T, axe *browsertest.Axe, tab *browsertest.Tab, what string) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		tab.Scheme(scheme)
		for _, wrong := range axe.Check(tab) {
			t.Errorf("%s, %s: %s", what, scheme, wrong)
		}
	}
	if width := browsertest.Eval[int](tab, "document.documentElement.scrollWidth"); width != 320 {
		t.Errorf("%s is %d pixels wide", what, width)
	}
}

// The whole way by keyboard on the narrowest screen: a code by mail, then a new
// password and the second factor in one form, wrong at first. Whoever needs no
// factor sees no field.
func TestChromiumWholeWayByMailedCodeAndSecondFactor(t *testing.T) {
	t.Parallel()
	axe := browsertest.LoadAxe(t)
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		o.MailCodes = recovery.MailCodesOnRequest
		withFactor(o, "123456")
		p.Languages = []language.Tag{language.English, language.Arabic}
	})
	tab := s.tab("en", 320)
	axe.Into(tab)
	look := func(path string, status int, words ...string) {
		t.Helper()
		s.on(tab, path, status, words...)
		stops(t, tab, path)
		clean(t, axe, tab, path)
	}
	tab.Load(s.base + "/forgot")
	look("/forgot", 200, "What should the e-mail contain?", "A link to open")
	tabTo(tab, "#identifier")
	tab.Type(johnMail)
	tabTo(tab, "[name=send]")
	tab.Press(kb.ArrowDown)
	if got := browsertest.Eval[string](tab, "document.querySelector('[name=send]:checked').value"); got != "code" {
		t.Errorf("the arrow chooses %q", got)
	}
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/code", 200, "an e-mail with a code", "spam folder")

	code := s.message(recovery.MessageResetCode, johnMail).Code.Reveal()
	tabTo(tab, "#code")
	tab.Type(code)
	tab.Follow(func() { tab.Press(kb.Enter) })
	look("/reset", 200, "Choose a new password", "Code from your authenticator app")

	tabTo(tab, "#password")
	tab.Type(goodPassword)
	tabTo(tab, "#second-factor")
	tab.Type("654321")
	tab.Follow(func() { tab.Press(kb.Enter) })
	s.on(tab, "/reset", 422, "This code is wrong", "Enter your new password again.")
	refusedField(t, tab, "#password", "Enter your new password again.")
	if spoken := tab.Spoken("#second-factor"); spoken.Invalid != "true" || !strings.Contains(spoken.Description, "This code is wrong") {
		t.Errorf("the second factor is read as %+v", spoken)
	}
	if value(tab, "#password") != "" || value(tab, "#second-factor") != "" {
		t.Error("the page repeats a secret")
	}
	clean(t, axe, tab, "/reset, refused")
	s.unchanged()
	tab.Type(goodPassword)
	tabTo(tab, "#second-factor")
	tab.Type("123456")
	tab.Follow(func() { tab.Press(kb.Enter) })
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
}

// The same pages in Arabic, from right to left, and the page for a code in a browser
// that did not ask for one.
func TestChromiumChoiceAndSecondFactorInArabic(t *testing.T) {
	t.Parallel()
	axe := browsertest.LoadAxe(t)
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		o.MailCodes = recovery.MailCodesOnRequest
		withFactor(o)
		p.Languages = []language.Tag{language.English, language.Arabic}
	})
	tab := s.tab("ar", 320)
	axe.Into(tab)
	for _, path := range []string{"/forgot", "/code"} {
		tab.Load(s.base + path)
		s.on(tab, path, 200)
		mirrored(t, tab, 320)
		stops(t, tab, path)
		clean(t, axe, tab, path)
	}
	if _, err := s.service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: johnMail}}); err != nil {
		t.Fatal(err)
	}
	tab.Load(s.message(recovery.MessageResetLink, johnMail).URL.Reveal())
	s.on(tab, "/reset", 200)
	mirrored(t, tab, 320)
	stops(t, tab, "/reset")
	clean(t, axe, tab, "/reset")
	fill(tab, "#password", goodPassword)
	submit(tab)
	s.on(tab, "/reset", 422)
	mirrored(t, tab, 320)
	clean(t, axe, tab, "/reset, refused")
	s.unchanged()
}

// Without scripts, the choice and the second factor work all the same.
func TestChromiumSecondFactorWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *recovery.Options, _ *portal.Options) {
		o.MailCodes = recovery.MailCodesOnly
		withFactor(o, "123456")
	})
	tab := s.tab("en", 320)
	tab.Scripts(false)
	tab.Load(s.base + "/forgot")
	tab.Click("#identifier")
	tab.Type(johnMail)
	submit(tab)
	s.on(tab, "/code", 200, "an e-mail with a code")
	tab.Click("#code")
	tab.Type(s.message(recovery.MessageResetCode, johnMail).Code.Reveal())
	submit(tab)
	s.on(tab, "/reset", 200, "New password again")
	for _, id := range []string{"#password", "#again"} {
		tab.Click(id)
		tab.Type(goodPassword)
	}
	tab.Click("#second-factor")
	tab.Type("123456")
	submit(tab)
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
}
