package recovery_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/password"
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

// Two instances with two stores do not know each other's links, and a program that
// is started again does not know the links in its memory of before. The first such
// link is told of. A link that was used, has expired or was made up is not.
func TestLinksOfAnotherStoreAreTold(t *testing.T) {
	const told = "the token store has no record of a link"
	synctest.Test(t, func(t *testing.T) {
		inMemory := func(p *portal, _ *recovery.Options) { p.tokens = recovery.NewMemoryTokenStore() }
		first, second := newPortal(t, inMemory), newPortal(t, inMemory)
		old := recovery.TokenProof(token(t, first.forgot(t, byMail(johnMail))))
		if err := first.reset(t.Context(), old, goodPassword); err != nil {
			t.Fatal(err)
		}
		_ = first.check(t.Context(), old)
		time.Sleep(59 * time.Minute)
		_ = second.check(t.Context(), old)
		_ = second.check(t.Context(), recovery.TokenProof("made-up"))
		_ = second.check(t.Context(), recovery.LinkSecretProof(johnID, strings.Repeat("0", 64)))
		_ = second.check(t.Context(), recovery.CodeProof(byMail(johnMail).Key, "12345678"))
		for _, p := range []*portal{first, second} {
			if strings.Contains(p.log.String(), told) {
				t.Errorf("told of a link that was used, is old or was made up:\n%s", p.log)
			}
		}
		link := recovery.TokenProof(token(t, first.forgot(t, byMail(johnMail))))
		for range 3 {
			_ = second.check(t.Context(), link)
		}
		if n := strings.Count(second.log.String(), told); n != 1 {
			t.Errorf("told %d times, want once:\n%s", n, second.log)
		}
		for _, part := range []string{"level=WARN", "Another instance made it in another store", "use a store such as sqlstore", "store=*recovery.MemoryTokenStore", "age="} {
			if !strings.Contains(second.log.String(), part) {
				t.Errorf("the log does not say %q", part)
			}
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

// Mails that wait in memory are lost if a program ends without Shutdown. Nothing can
// say so afterwards, so the start does.
func TestMailsInMemoryAreToldAtTheStart(t *testing.T) {
	for _, test := range []struct {
		sentence          string
		asked, deliveries recovery.Queue
		want              int
	}{
		{"the default", nil, nil, 1},
		{"the deliveries", &heldQueue{}, recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), 1},
		{"queues that last", &heldQueue{}, sameJobs{&heldQueue{}}, 0},
	} {
		var log logBuffer
		opts := goodOptions()
		opts.Queue, opts.DeliveryQueue, opts.Logger = test.asked, test.deliveries, slog.New(slog.NewTextHandler(&log, nil))
		if errs := newErrors(t, newLeads(), recovery.NewMemoryTokenStore(), &recoverytest.Outbox{}, opts); len(errs) > 0 {
			t.Fatal(errs)
		}
		if n := strings.Count(log.String(), "They are lost unless Shutdown of the Service is called before the program ends, at SIGTERM too"); n != test.want {
			t.Errorf("%s: told %d times, want %d:\n%s", test.sentence, n, test.want, &log)
		}
	}
}

// Whoever leaves log-in on bcrypt.CompareHashAndPassword locks out the people who
// reset. While somebody develops, the first reset says so.
func TestLogInThatReadsOnlyBcryptIsTold(t *testing.T) {
	argon, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stays, err := password.NewBcrypt(password.BcryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, hasher := range []password.Hasher{argon, stays} {
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Development, o.Link.URL, o.Passwords.Hasher = true, "http://localhost:8080/reset", hasher
		})
		for range 2 {
			if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
				t.Fatal(err)
			}
			var m recovery.Message
			for m.Kind != recovery.MessageResetLink {
				if m, err = p.outbox.Next(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.reset(t.Context(), recovery.TokenProof(token(t, m)), goodPassword); err != nil {
				t.Fatal(err)
			}
		}
		hash := p.leads.Hash(johnID)
		result, err := p.Hasher().Verify(t.Context(), password.Attempt{Hash: hash, Password: goodPassword})
		if err != nil || !result.Match {
			t.Errorf("%T: the hasher of the Service verifies its own hash: %v, %v", hasher, result.Match, err)
		}
		lockedOut := bcrypt.CompareHashAndPassword([]byte(hash), []byte(goodPassword)) != nil
		told := strings.Count(p.log.String(), "level=INFO msg=\"recovery: development: the password was changed: log-in has to call Verify of Service.Hasher")
		if lockedOut != (told == 1) || told > 1 {
			t.Errorf("%T: a log-in with bcrypt alone is locked out: %v, and this was told %d times", hasher, lockedOut, told)
		}
	}
}

// At slog's default level, what happened stands in the log once, also where an
// EventSink is told of it. So a sink needs to write no log.
func TestLogSaysEachThingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		var log *logBuffer
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			log = p.log
			o.Logger = slog.New(slog.NewTextHandler(p.log, nil))
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				if fails {
					fails = false
					return errors.New("connection refused")
				}
				return nil
			})
		})
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, p.outbox.Messages()[0])), goodPassword); err != nil {
			t.Fatal(err)
		}
		settle()
		got := map[string]int{}
		for line := range strings.Lines(log.String()) {
			_, line, _ = strings.Cut(line, "level=")
			for _, what := range []string{"event.kind=message_sent", "event.kind=password_reset", "event.kind=delivery_failed", "Notifier fails", "works again"} {
				if strings.Contains(line, what) {
					got[what]++
				}
			}
		}
		if n := len(p.events.of(recovery.EventDeliveryFailed)); n != 1 {
			t.Errorf("%d events of a failed delivery, want 1", n)
		}
		sent := len(p.events.of(recovery.EventMessageSent))
		want := map[string]int{"event.kind=message_sent": sent, "event.kind=password_reset": 1, "Notifier fails": 1, "works again": 1}
		if !maps.Equal(got, want) || sent < 2 {
			t.Errorf("the log has %v, want %v:\n%s", got, want, log)
		}
	})
}

// A link that is cut off, or of a program that drew another key at its start, is no
// link that has expired. The API says so, and the log what to do.
func TestLinksThatAreNotOursAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := newPortal(t, func(_ *portal, o *recovery.Options) { o.Keys = [][]byte{testKey(2)} })
		p := newPortal(t, nil)
		own, other := token(t, p.forgot(t, byMail(johnMail))), token(t, before.forgot(t, byMail(johnMail)))
		if err := p.reset(t.Context(), recovery.TokenProof(own), goodPassword); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			sentence, token string
			damaged         bool
		}{
			{"used", own, false},
			{"cut off", own[:len(own)-9], true},
			{"of another key", other, true},
		} {
			w := post(p.Handler(), "/check-token", `{"token":"`+test.token+`"}`)
			expired := strings.Contains(w.Body.String(), "expired")
			damaged := strings.Contains(w.Body.String(), `"damaged":true`) && strings.Contains(w.Body.String(), "Open it in the message again, or copy all of it.")
			if w.Code != 400 || damaged != test.damaged || expired == test.damaged {
				t.Errorf("%s: %d %s", test.sentence, w.Code, w.Body)
			}
		}
		if n := strings.Count(p.log.String(), "give all instances the same Keys"); n != 1 || !strings.Contains(p.log.String(), "All instances need the same Prefix too") {
			t.Errorf("the log says %d times that keys differ, want once, with the Prefix:\n%s", n, p.log)
		}
	})
}

// mailsOnly is a notifier that sends mails and says so.
type mailsOnly struct{ recovery.Notifier }

func (mailsOnly) Channels() []recovery.Channel { return []recovery.Channel{recovery.ChannelEmail} }
