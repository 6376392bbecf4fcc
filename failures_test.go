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

// The first failed attempt is told at once, with the cause, and with how long it
// is tried again. Each failed attempt is an event, and so is what became of it.
// Before, a broken mail server showed nothing for an hour.
func TestFirstFailureIsTold(t *testing.T) {
	for _, test := range []struct {
		sentence string
		edit     func(p *portal, o *recovery.Options)
		want     []string // parts of the first line
		message  recovery.MessageKind
	}{
		{"the mail server is down", func(p *portal, _ *recovery.Options) {
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error {
				return errors.New("dial tcp 192.0.2.25:587: connection refused, for " + m.To)
			})
		}, []string{"Notifier fails", "192.0.2.25:587: connection refused"}, recovery.MessageResetLink},
		{"the lead store answers with an error for nobody", func(p *portal, _ *recovery.Options) {
			p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
				return fmt.Errorf("finding %s: %w", key.Value, sql.ErrNoRows)
			}})
		}, []string{"LeadStore fails", "no rows in result set"}, ""},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, test.edit)
				post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
				settle()
				lines := shown(p.log.String())
				if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") {
					t.Fatalf("%d lines, want one warning:\n%s", len(lines), strings.Join(lines, ""))
				}
				for _, part := range append(test.want, "attempt=1", "retried_until=2000-01-01T01:00:") {
					if !strings.Contains(lines[0], part) {
						t.Errorf("%q does not say %q", lines[0], part)
					}
				}
				time.Sleep(2 * time.Hour)
				failed, dead := p.events.of(recovery.EventDeliveryFailed), p.events.of(recovery.EventDeadLetter)
				if len(failed) < 10 || len(dead) != 1 {
					t.Fatalf("%d events of failures, %d of dead letters, want at least 10 and 1", len(failed), len(dead))
				}
				for i, e := range failed {
					if e.Attempt != i+1 || e.JobID != dead[0].JobID || e.Message != test.message || !strings.Contains(e.Cause, test.want[1]) ||
						strings.Contains(e.Cause, johnMail) {
						t.Errorf("event %d: %+v", i, e)
					}
				}
			})
		})
	}
}

// A call that does not return is told of after ten seconds, and again when it
// has returned. Before, it was silent until the queue gave the attempt up.
func TestBlockedNotifierIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				<-release // it ignores its context
				return nil
			})
		})
		for range 3 {
			post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		}
		time.Sleep(9 * time.Second)
		if lines := shown(p.log.String()); len(lines) != 0 {
			t.Errorf("told too early:\n%s", strings.Join(lines, ""))
		}
		time.Sleep(2 * time.Second)
		lines := shown(p.log.String())
		if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "Notifier.Notify does not return") ||
			!strings.Contains(lines[0], "attempt=1") {
			t.Errorf("%d lines, want one warning:\n%s", len(lines), strings.Join(lines, ""))
		}
		close(release)
		time.Sleep(time.Minute)
		post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		settle()
		lines = shown(p.log.String())
		if last := lines[len(lines)-1]; !strings.Contains(last, "works again") || !strings.Contains(last, "what=Notifier.Notify") {
			t.Errorf("the last line is %s", last)
		}
	})
}

// Once every worker hangs nothing else fails, and still the log says how many
// hang, and afterwards how long that lasted.
func TestWorkersThatHangAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Workers: 2})
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				<-release // it ignores its context
				return nil
			})
		})
		for range 3 {
			post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		}
		time.Sleep(6 * time.Minute)
		close(release)
		time.Sleep(time.Minute)
		post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		settle()
		lines := shown(p.log.String())
		log := strings.Join(lines, "")
		for _, want := range []string{"after=10s calls_that_hang=1", "after=1m10s calls_that_hang=2", "after=5m10s calls_that_hang=2"} {
			if !strings.Contains(log, "does not return, and holds a worker of the queue until it does. Look at what it calls, and give those calls a time limit\" "+want) {
				t.Errorf("no line says %s", want)
			}
		}
		if !strings.Contains(log, `msg="recovery: works again" what=Notifier.Notify failures=70 lasted=5m40`) || len(lines) > 6 {
			t.Error("want a line that says how long it lasted, and not more than six")
		}
		if t.Failed() {
			t.Log(log)
		}
	})
}

// A notifier that blocked and now fails does not work again.
func TestBlockedNotifierThatFailsIsNotToldToWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := newPortal(t, func(p *portal, _ *recovery.Options) {
			p.outbox.Intercept(func(context.Context, recovery.Message) error {
				<-release
				return errors.New("connection refused")
			})
		})
		post(p.Handler(), "/forgot-password", `{"email":"johnwick@example.com"}`)
		time.Sleep(11 * time.Second)
		close(release)
		time.Sleep(time.Minute) // attempts that fail at once
		log := strings.Join(shown(p.log.String()), "")
		if !strings.Contains(log, "does not return") || !strings.Contains(log, "Notifier fails") {
			t.Fatalf("the log does not say that the notifier blocked and then failed:\n%s", log)
		}
		if strings.Contains(log, "works again") {
			t.Errorf("told to work again while every attempt fails:\n%s", log)
		}
	})
}

// What is written about a panic of the host's code is its text, without what the
// code was given. Where it may know other secrets, the text is written only if
// the runtime wrote it.
func TestPanicsAreLoggedWithTheirText(t *testing.T) {
	var nobody *recovery.Lead
	for _, test := range []struct {
		sentence, want, secret string
		edit                   func(p *portal, o *recovery.Options)
	}{
		{"the notifier", "no template for [redacted]", johnMail, func(p *portal, _ *recovery.Options) {
			p.outbox.Intercept(func(_ context.Context, m recovery.Message) error { panic("no template for " + m.To) })
		}},
		{"the lead store", "no column for [redacted]", johnMail, func(p *portal, _ *recovery.Options) {
			p.leads.SetHooks(recoverytest.LeadsHooks{Find: func(_ context.Context, key recovery.LeadKey) error {
				panic(errors.New("no column for " + key.Value))
			}})
		}},
		{"the events", "disk full", "", func(_ *portal, o *recovery.Options) {
			o.Events = func(context.Context, recovery.Event) { panic("disk full") }
		}},
		{"a nil pointer", "invalid memory address or nil pointer dereference", "", func(p *portal, _ *recovery.Options) {
			p.outbox.Intercept(func(context.Context, recovery.Message) error { return errors.New(nobody.ID) })
		}},
		{"a step-up, which knows a second factor", "panic=string", "123456", func(_ *portal, o *recovery.Options) {
			o.StepUp = stepUp(func(recovery.Lead) error { panic("unexpected 123456") })
		}},
		{"a nil pointer in a step-up", "invalid memory address or nil pointer dereference", "", func(_ *portal, o *recovery.Options) {
			o.StepUp = stepUp(func(recovery.Lead) error { return errors.New(nobody.ID) })
		}},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPortal(t, test.edit)
				h := p.Handler()
				post(h, "/forgot-password", `{"email":"johnwick@example.com"}`)
				settle()
				if box := p.outbox.Messages(); len(box) == 1 {
					post(h, "/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, token(t, box[0]), goodPassword))
				}
				log := p.log.String()
				if !strings.Contains(log, `msg="recovery: panic"`) || !strings.Contains(log, test.want) {
					t.Errorf("the log does not say %q:\n%s", test.want, log)
				}
				if test.secret != "" && strings.Contains(log, test.secret) {
					t.Errorf("the log has the secret %q:\n%s", test.secret, log)
				}
			})
		})
	}
}
