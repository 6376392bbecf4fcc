package portal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/portal"
)

// Somebody who knows the user name alone asks for a link. A password manager gets
// that name, and no page shows the address.
func TestChromiumWholeWayByUserName(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *recovery.Options, p *portal.Options) {
		o.Fields = append(slices.Clone(fields), recovery.Field{Name: "Login", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true})
		o.SignInField, p.UserNameField = "Login", "Login"
	})
	s.leads.SetValue(s.john, "Login", "John.Wick")
	tab := s.tab("en", 1280)
	tab.Load(s.base + "/forgot")
	s.on(tab, "/forgot", 200, "Forgot your password?", "user name")
	tab.Click("#identifier")
	tab.Type("john.wick")
	submit(tab)
	s.on(tab, "/sent", 200, "an account for john.wick")
	m := s.message(recovery.MessageResetLink, johnMail)
	if m.Account != "John.Wick" {
		t.Errorf("the mail names %q", m.Account)
	}
	tab.Load(s.inbox(m.URL.Reveal()))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200, "Choose a new password")
	if got := value(tab, "#username"); got != "John.Wick" {
		t.Errorf("the account is %q", got)
	}
	if strings.Contains(said(tab), johnMail) {
		t.Error("the page shows the address")
	}
	tab.Click("#password")
	tab.Type(goodPassword)
	submit(tab)
	s.on(tab, "/done", 200, "Your password was changed")
	s.has(s.john, goodPassword)
	s.silent(tab)
}
