package recovery_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// mistakenLeads is a LeadStore with one lead and a mistake of its author's.
type mistakenLeads struct {
	lead recovery.Lead
	err  error
	// version returns Lead.Version after so many writes. Nil: it never changes.
	version func(writes int) string
	writes  int
}

func (s *mistakenLeads) FindLead(context.Context, recovery.LeadKey) (recovery.Lead, error) {
	lead := s.lead
	lead.Version = "1"
	if s.version != nil {
		lead.Version = s.version(s.writes)
	}
	return lead, s.err
}

func (s *mistakenLeads) SetPasswordHash(context.Context, string, string) error {
	s.writes++
	return nil
}

func oneLead(field string) recovery.Lead {
	return recovery.Lead{ID: johnID, Status: recovery.StatusActive, Fields: map[string]recovery.FieldValue{field: {Value: johnMail, Verified: true}}}
}

// Mistakes in a LeadStore that compile are told in the log, once for many, in words
// that say what to change.
func TestMistakesInALeadStoreAreTold(t *testing.T) {
	for _, test := range []struct {
		sentence string
		leads    *mistakenLeads
		reset    bool
		want     []string // parts of the one line; none if nothing is wrong
	}{
		{"the field has another name", &mistakenLeads{lead: oneLead("emailAddress")}, false,
			[]string{"level=ERROR", "asked_for=EmailAddress fields=emailAddress"}},
		{"nobody is an error of the database", &mistakenLeads{err: fmt.Errorf("users: %w", sql.ErrNoRows)}, false,
			[]string{"level=WARN", "return recovery.ErrLeadNotFound"}},
		{"the version is a constant", &mistakenLeads{lead: oneLead("EmailAddress")}, true,
			[]string{"level=ERROR", "Lead.Version is the same before and after"}},
		{"the version changes", &mistakenLeads{lead: oneLead("EmailAddress"), version: func(n int) string { return fmt.Sprint(n) }}, true, nil},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, func(p *portal, _ *recovery.Options) { p.users = test.leads })
				for range 2 {
					if !test.reset {
						post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
						settle()
						continue
					}
					if err := p.reset(t.Context(), recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail)))), goodPassword); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * time.Minute / 3)
				}
				lines := shown(p.log.String())
				if len(lines) != min(1, len(test.want)) {
					t.Fatalf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
				}
				for _, part := range test.want {
					if !strings.Contains(lines[0], part) {
						t.Errorf("%s does not say %q", lines[0], part)
					}
				}
				if strings.Contains(p.log.String(), johnMail) {
					t.Error("the log has the address")
				}
			})
		})
	}
}

// Two instances with stores in memory do not know each other's links. The first such
// link is told of, and no link that a stranger made up.
func TestLinksOfAnotherMemoryStoreAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inMemory := func(p *portal, _ *recovery.Options) { p.tokens = recovery.NewMemoryTokenStore() }
		first, second := newPortal(t, inMemory), newPortal(t, inMemory)
		link := recovery.TokenProof(token(t, first.forgot(t, byMail(johnMail))))
		_ = second.check(t.Context(), recovery.TokenProof("made-up"))
		if lines := shown(second.log.String()); strings.Contains(strings.Join(lines, ""), "MemoryTokenStore") {
			t.Errorf("told of a link that was made up:\n%s", strings.Join(lines, ""))
		}
		for range 3 {
			_ = second.check(t.Context(), link)
		}
		if n := strings.Count(second.log.String(), "the MemoryTokenStore does not know a link"); n != 1 {
			t.Errorf("told %d times, want once:\n%s", n, second.log.String())
		}
	})
}

// ByChannel without e-mail is a mistake where links go by mail, and none where they
// do not.
func TestByChannelNeedsTheChannelOfLinks(t *testing.T) {
	sms := recovery.ByChannel(map[recovery.Channel]recovery.Notifier{recovery.ChannelSMS: &recoverytest.Outbox{}})
	opts := goodOptions()
	errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), sms, opts)
	if len(errs) != 1 || errs[0].Option != "notifier" || !strings.Contains(errs[0].Reason, "ChannelEmail") {
		t.Errorf("links go by mail: %v", errs)
	}
	opts.Fields = []recovery.Field{{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true}}
	if errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), sms, opts); len(errs) > 0 {
		t.Errorf("codes go by text message: %v", errs)
	}
}
