package portal_test

import (
	"strings"
	"testing"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/browsertest"
	"github.com/seed-51359b35/recovery/portal"
)

// Somebody who was invited chooses a first password, on the narrowest screen. The
// token leaves the URL, axe-core finds nothing, and the used link says whom to ask.
func TestChromiumInvitation(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *recovery.Options, _ *portal.Options) {
		o.Invitations.Link = recovery.Link{URL: strings.TrimSuffix(o.Link.URL, "/reset") + "/invitation"}
	})
	ada := s.leads.Add(recovery.Lead{Name: "Ada", Status: recovery.StatusInvited, Fields: map[string]recovery.FieldValue{
		"EmailAddress": {Value: "ada@example.com"},
	}}, "")
	if err := s.service.SendInvitation(t.Context(), recovery.InvitationRequest{LeadID: ada}); err != nil {
		t.Fatal(err)
	}
	link := s.message(recovery.MessageInvitation, "ada@example.com").URL.Reveal()
	var axe *browsertest.Axe
	t.Run("axe-core", func(t *testing.T) { axe = browsertest.LoadAxe(t) })
	tab := s.tab("en", 320)
	accessible := func(page string) {
		t.Helper()
		if axe == nil {
			return // LoadAxe has said why
		}
		axe.Into(tab)
		for _, found := range axe.Check(tab) {
			t.Errorf("%s: %s", page, found)
		}
	}
	tab.Load(s.inbox(link))
	tab.Follow(func() { tab.Click("#link") })
	s.on(tab, "/reset", 200, "Choose your password", "At least 15 characters", "Save password")
	if got := value(tab, "#username"); got != "ada@example.com" {
		t.Errorf("the account is %q", got)
	}
	for _, url := range tab.History() {
		if strings.Contains(url, "token=") && url != link {
			t.Errorf("the history has %s", url)
		}
	}
	accessible("the form")
	tab.Click("#password")
	tab.Type(goodPassword)
	submit(tab)
	s.on(tab, "/done", 200, "Your password is set", "You can now sign in with your password.")
	accessible("done")
	s.has(ada, goodPassword)
	s.silent(tab)
	tab.Load(link)
	s.on(tab, "/reset", 400, "This link does not work", "Ask whoever invited you for a new one.")
	accessible("the used link")
	s.unchanged()
}
