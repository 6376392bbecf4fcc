package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A33: a job that is tried again after its link was used revives nothing, by
// whatever instance in whatever stage of a key rotation.
func TestRetriedJobRevivesNothingAcrossARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs []recovery.Job
		p := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Keys = [][]byte{testKey(1), testKey(2)}
			o.Queue = jobSink{&jobs}
		})
		rotated := newPortal(t, func(q *portal, o *recovery.Options) {
			q.leads, q.tokens, q.outbox = p.leads, p.tokens, p.outbox
			o.Keys = [][]byte{testKey(2), testKey(1)}
			o.Queue = jobSink{&jobs}
		})
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		job := jobs[0]
		perform := func(p *portal) {
			jobs = nil
			if err := p.Perform(t.Context(), job); err != nil {
				t.Error(err)
			}
			for _, handedOver := range jobs {
				if err := p.Perform(t.Context(), handedOver); err != nil {
					t.Error(err)
				}
			}
		}
		perform(p)
		proof := recovery.TokenProof(token(t, p.outbox.Messages()[0]))
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		for _, instance := range []*portal{p, rotated} {
			perform(instance)
			wantErr(t, instance.check(t.Context(), proof), recovery.ErrInvalidProof)
			wantErr(t, instance.reset(t.Context(), proof, goodPassword), recovery.ErrInvalidProof)
		}
		if n := p.leads.Writes(); n != 1 {
			t.Errorf("%d writes", n)
		}
		if n := len(p.outbox.OfKind(recovery.MessageResetLink)); n != 1 {
			t.Errorf("%d links were sent", n)
		}
	})
}

type jobSink struct{ jobs *[]recovery.Job }

func (s jobSink) Enqueue(_ context.Context, job recovery.Job) error {
	*s.jobs = append(*s.jobs, job)
	return nil
}

// A74: a write that may have happened ends the sessions too.
// A31, A32: who can write to the queue's storage gives no old job, and so no
// spent token, a new life: what counts is sealed.
func TestJobsKeepTheirTimeAndName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &heldQueue{}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue = q })
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		request := q.take()[0]
		if err := p.Perform(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		delivery := q.take()[0] // which it handed over
		if err := p.Perform(t.Context(), delivery); err != nil {
			t.Fatal(err)
		}
		link := p.outbox.Messages()[0]
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, link)), goodPassword); err != nil {
			t.Fatal(err)
		}
		q.take() // the notices

		for _, job := range []recovery.Job{request, delivery} {
			job.ID = "ANOTHER"
			wantErr(t, p.Perform(t.Context(), job), recovery.ErrPermanent)
		}
		// The record of the spent token is gone, and the thief has read the link.
		time.Sleep(2 * time.Hour)
		for _, job := range []recovery.Job{request, delivery} {
			job.NotAfter = time.Now().Add(time.Hour)
			wantErr(t, p.Perform(t.Context(), job), recovery.ErrPermanent)
		}
		wantErr(t, p.check(t.Context(), recovery.TokenProof(token(t, link))), recovery.ErrInvalidProof)
	})
}

func TestUnknownOutcomeEndsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		p.leads.SetHooks(recoverytest.LeadsHooks{AfterWrite: func(context.Context, string, string) error {
			return errors.New("the reply to COMMIT was lost")
		}})
		failures := 2
		p.sessions = func(_ context.Context, id string) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if failures--; failures >= 0 {
				return errors.New("session store is down")
			}
			p.ended = append(p.ended, id)
			return nil
		}
		wantErr(t, p.reset(t.Context(), proof, goodPassword), recovery.ErrOutcomeUnknown)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(p.ended) != 1 || p.ended[0] != johnID || len(p.events.of(recovery.EventSessionsNotEnded)) != 1 {
			t.Errorf("sessions ended %q, events %+v", p.ended, p.events.all)
		}
	})
}

// A39: a notifier's error that quotes what it may not, escaped as HTTP clients
// and templates escape it, and in upper case, as some mail servers answer.
func TestEscapedSecretsAreScrubbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		p := newPortal(t, nil)
		p.leads.Change(johnID, func(l *recovery.Lead) {
			l.Fields["EmailAddress"] = recovery.FieldValue{Value: "john+wick@example.com", Verified: true}
		})
		p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
			link, _ := url.Parse(m.URL.Reveal())
			seen = append(seen, link.Query().Get("token"), link.Query().Get("TemporaryPassword"))
			if value, inPath := strings.CutPrefix(link.Path, "/in-path/"); inPath {
				seen = append(seen, value)
			}
			text := fmt.Sprintf(`Post "https://mail.example/send?link=%s&to=%s": <a href=%q> %q %s`,
				url.QueryEscape(m.URL.Reveal()), url.QueryEscape(m.To), strings.ReplaceAll(m.URL.Reveal(), "&", "&amp;"), url.PathEscape(m.To), link.RequestURI())
			return fmt.Errorf("%w: %s, %s", recovery.ErrPermanent, text, strings.ToUpper(text))
		})
		for _, link := range []recovery.Link{
			{URL: "https://portal.example.com/reset"},
			{URL: "https://portal.example.com/reset", LeadIDParam: "LeadId", SecretParam: "TemporaryPassword"},
			{URL: "https://portal.example.com/in-path/{token}"},
		} {
			req := byMail("john+wick@example.com")
			req.Link = &link
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			settle()
		}
		log := strings.ToLower(p.log.String())
		if !strings.Contains(log, "[redacted]") || len(seen) != 7 {
			t.Fatalf("nothing was logged\n%s", log)
		}
		for _, secret := range append(seen, "john+wick", "john%2bwick") {
			if secret != "" && strings.Contains(log, strings.ToLower(secret)) {
				t.Errorf("%q is in the log\n%s", secret, log)
			}
		}
	})
}

// A39: a lead ID that a stranger typed is in no event until a token says that
// it is one.
func TestTypedLeadIDIsInNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		wantErr(t, p.check(t.Context(), recovery.LinkSecretProof("victim@example.com", strings.Repeat("0", 64))), recovery.ErrInvalidProof)
		for _, e := range p.events.all {
			if e.LeadID != "" {
				t.Errorf("event %+v", e)
			}
		}
		if strings.Contains(p.log.String(), "victim") {
			t.Errorf("log\n%s", p.log)
		}
	})
}

// A33: a job that is tried again after its link was used revives nothing, also
// where links go to another field by default than in the instance that sent it.
func TestRetriedJobRevivesNothingWithOtherFields_A33(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &heldQueue{}
		swapped := newPortal(t, func(_ *portal, o *recovery.Options) {
			o.Fields[0], o.Fields[2] = o.Fields[2], o.Fields[0]
			o.Queue = q
		})
		usual := newPortal(t, func(p *portal, o *recovery.Options) {
			p.leads, p.tokens = swapped.leads, swapped.tokens
			o.Queue = q
		})
		for _, from := range []struct{ first, again *portal }{{swapped, usual}, {usual, swapped}} {
			for _, field := range []string{"EmailAddress", "mx_Alternate_Email"} {
				if _, err := from.first.ForgotPassword(t.Context(), recovery.ForgotRequest{
					Key: recovery.LeadKey{Field: "Username", Value: "john_doe"}, RecipientField: field,
				}); err != nil {
					t.Fatal(err)
				}
				must(t, from.first.Perform(t.Context(), q.take()[0]))
				job := q.take()[0] // which it handed over
				must(t, from.first.Perform(t.Context(), job))
				sent := from.first.outbox.OfKind(recovery.MessageResetLink)
				proof := recovery.TokenProof(token(t, sent[len(sent)-1]))
				must(t, from.first.reset(t.Context(), proof, goodPassword))
				q.take() // the notices
				must(t, from.again.Perform(t.Context(), job))
				for _, p := range []*portal{swapped, usual} {
					wantErr(t, p.check(t.Context(), proof), recovery.ErrInvalidProof)
				}
			}
		}
	})
}
