package recovery_test

import (
	"context"
	"database/sql"
	"errors"
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

func withID(id string) recovery.Lead {
	lead := oneLead("EmailAddress")
	lead.ID = id
	return lead
}

// A lead that breaks the contract is told at once. Its job ends with an event that
// says so, and is no dead letter. The answer is that for everybody.
func TestInvalidLeadEndsItsJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			p.users, o.Messages.UnknownAddress = &mistakenLeads{lead: withID("John Wick")}, true
		})
		nobody := newPortal(t, nil)
		got := post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		want := post(nobody.Handler(), "/forgot-password", `{"email":"nobody@example.com"}`)
		if got.Code != want.Code || got.Body.String() != want.Body.String() {
			t.Errorf("%d %s, want %d %s", got.Code, got.Body, want.Code, want.Body)
		}
		// A code is refused as for nobody.
		for _, service := range []*portal{p, nobody} {
			err := service.reset(t.Context(), recovery.CodeProof(recovery.LeadKey{Field: "EmailAddress", Value: johnMail}, "12345678"), goodPassword)
			if !errors.Is(err, recovery.ErrInvalidProof) {
				t.Errorf("a wrong code: %v", err)
			}
		}
		settle()
		if dead := p.events.of(recovery.EventDeadLetter); len(dead) > 0 {
			t.Errorf("dead letters: %v", dead)
		}
		if told := p.events.of(recovery.EventMessageSuppressed); len(told) != 1 || told[0].Reason != recovery.ReasonInvalidLead || told[0].LeadID != "" {
			t.Errorf("events: %v", told)
		}
		if sent := p.outbox.Messages(); len(sent) > 0 {
			t.Errorf("%v was sent", sent)
		}
		if strings.Contains(p.log.String(), "John Wick") {
			t.Error("the log has the ID, which may be a name or an address")
		}
	})
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
		{"the ID has a space", &mistakenLeads{lead: withID("John Wick")}, false,
			[]string{"level=ERROR", "Lead.ID that has a space or a character outside printable ASCII in it", "asked_for=EmailAddress"}},
		{"the ID is empty", &mistakenLeads{lead: withID("")}, false, []string{"level=ERROR", "Lead.ID that is empty"}},
		{"the ID is long", &mistakenLeads{lead: withID(strings.Repeat("x", 257))}, false, []string{"level=ERROR", "Lead.ID that is longer than 256 bytes"}},
		{"there is no version", &mistakenLeads{lead: oneLead("EmailAddress"), version: func(int) string { return "" }}, false,
			[]string{"level=ERROR", "Lead.Version that is empty"}},
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

// A notifier that says that it cannot reach a field with Receive is a mistake. One
// that says nothing is not.
func TestNotifierServesTheFieldsThatReceive(t *testing.T) {
	email := recovery.Field{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true}
	phone := recovery.Field{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true}
	onlySearched := phone
	onlySearched.Receive = false
	outbox := &recoverytest.Outbox{}
	by := func(notifiers map[recovery.Channel]recovery.Notifier) recovery.Notifier {
		return recovery.ByChannel(notifiers)
	}
	mails := mailsOnly{outbox}
	for _, test := range []struct {
		sentence string
		notifier recovery.Notifier
		fields   []recovery.Field
		want     []string // parts of the mistakes, one each
	}{
		{"no channel for mail", by(map[recovery.Channel]recovery.Notifier{recovery.ChannelSMS: outbox}), []recovery.Field{email, phone},
			[]string{"the field EmailAddress receives them. Pass ByChannel with a notifier for ChannelEmail"}},
		{"no channel for text messages", by(map[recovery.Channel]recovery.Notifier{recovery.ChannelEmail: outbox}), []recovery.Field{email, phone},
			[]string{"the field Phone receives them. Pass ByChannel with a notifier for ChannelSMS"}},
		{"mail alone, and a phone", mails, []recovery.Field{email, phone}, []string{"the field Phone receives them"}},
		{"mail for both channels", by(map[recovery.Channel]recovery.Notifier{recovery.ChannelEmail: mails, recovery.ChannelSMS: mails}), []recovery.Field{email, phone},
			[]string{"the field Phone receives them"}},
		{"no channel at all", by(nil), []recovery.Field{email, phone}, []string{"EmailAddress", "Phone"}},
		{"mail alone, and a phone that is only searched", mails, []recovery.Field{email, onlySearched}, nil},
		{"codes by text message alone", by(map[recovery.Channel]recovery.Notifier{recovery.ChannelSMS: outbox}), []recovery.Field{phone}, nil},
		{"a function says nothing", recovery.NotifierFunc(outbox.Notify), []recovery.Field{email, phone}, nil},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			opts := goodOptions()
			opts.Fields = test.fields
			errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), test.notifier, opts)
			if len(errs) != len(test.want) {
				t.Fatalf("%d mistakes, want %d: %v", len(errs), len(test.want), errs)
			}
			for i, e := range errs {
				if e.Option != "notifier" || !strings.Contains(e.Reason, test.want[i]) {
					t.Errorf("%v does not say %q", e, test.want[i])
				}
			}
		})
	}
}

// mailsOnly is a notifier that sends mails and says so.
type mailsOnly struct{ recovery.Notifier }

func (mailsOnly) Channels() []recovery.Channel { return []recovery.Channel{recovery.ChannelEmail} }
