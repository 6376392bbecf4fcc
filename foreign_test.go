package recovery_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// During an upgrade, or a change of keys, an instance gets jobs that only
// another instance can open. It keeps them in the queue for a quarter of an
// hour, tells the operator once, and only then gives them up.
func TestJobsThatOnlyAnotherInstanceCanOpen(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keys  []byte // of the instance that performs
		edit  func(job *recovery.Job)
		again bool
		log   string
	}{
		{"another key", []byte{2}, nil, true, "a key that this instance does not have"},
		{"a newer version", []byte{1}, func(j *recovery.Job) { j.Payload[0]++ }, true, "a newer version of this library"},
		{"a changed byte", []byte{1}, func(j *recovery.Job) { j.Payload[40] ^= 1 }, false, ""},
		{"another job's name", []byte{1}, func(j *recovery.Job) { j.ID = "other" }, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, leads, q := recovery.NewMemoryTokenStore(), newLeads(), &heldQueue{}
				maker := rotated(t, store, leads, q, "", 1)
				if _, err := maker.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
					t.Fatal(err)
				}
				job := q.take()[0]
				if tt.edit != nil {
					tt.edit(&job)
				}
				// The instance starts a while after the job was made, as one
				// does that comes up with the wrong keys.
				time.Sleep(20 * time.Minute)
				other := rotated(t, store, leads, q, "", tt.keys...)
				for range 3 {
					err := other.Perform(t.Context(), job)
					if err == nil || errors.Is(err, recovery.ErrPermanent) == tt.again {
						t.Errorf("at first: %v, want ErrPermanent %v", err, !tt.again)
					}
				}
				time.Sleep(15*time.Minute - time.Nanosecond)
				if err := other.Perform(t.Context(), job); errors.Is(err, recovery.ErrPermanent) == tt.again {
					t.Errorf("just before 15 minutes: %v, want ErrPermanent %v", err, !tt.again)
				}
				time.Sleep(time.Nanosecond)
				if err := other.Perform(t.Context(), job); !errors.Is(err, recovery.ErrPermanent) {
					t.Errorf("after 15 minutes: %v, want ErrPermanent", err)
				}
				if n := len(other.outbox.Messages()); n != 0 {
					t.Errorf("%d mails", n)
				}
				if lines := strings.Count(other.log.String(), "level=WARN"); tt.log == "" && lines != 0 || tt.log != "" && (lines != 1 || !strings.Contains(other.log.String(), tt.log)) {
					t.Errorf("want one line with %q, or none:\n%s", tt.log, other.log)
				}
			})
		})
	}
}

// A link that another instance sealed gets the answer that every bad proof
// gets. The event and one log line say what is wrong.
func TestLinksThatOnlyAnotherInstanceCanOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, leads := recovery.NewMemoryTokenStore(), newLeads()
		link := token(t, rotated(t, store, leads, nil, "", 1).forgot(t, byMail(johnMail)))
		other := rotated(t, store, leads, nil, "", 2)
		for _, tt := range []struct {
			name, link string
			reason     recovery.EventReason
		}{
			{"another key", link, recovery.ReasonUnknownKey},
			{"a newer version", "2" + link[1:], recovery.ReasonNewerFormat},
			{"the end cut off", link[:len(link)-5], recovery.ReasonMalformedProof},
			{"a word", "hello", recovery.ReasonMalformedProof},
		} {
			for range 2 {
				wantErr(t, other.check(t.Context(), recovery.TokenProof(tt.link)), recovery.ErrInvalidProof)
			}
			all := other.events.of(recovery.EventResetRefused)
			if got := all[len(all)-1].Reason; got != tt.reason {
				t.Errorf("%s: reason %q, want %q", tt.name, got, tt.reason)
			}
		}
		if n := strings.Count(other.log.String(), "cannot be opened"); n != 2 {
			t.Errorf("%d lines, want one for each cause:\n%s", n, other.log)
		}
		if strings.Contains(other.log.String(), "level=WARN") {
			t.Errorf("a link that anybody can make up is a warning:\n%s", other.log)
		}
		if s := other.log.String(); strings.Contains(s, link[10:30]) {
			t.Errorf("the log quotes the link:\n%s", s)
		}
	})
}

// Strangers can make up links, and must not use up the one warning about jobs.
func TestMadeUpLinksSpareTheWarningAboutJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, leads, q := recovery.NewMemoryTokenStore(), newLeads(), &heldQueue{}
		maker := rotated(t, store, leads, q, "", 1)
		if _, err := maker.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		other := rotated(t, store, leads, q, "", 2)
		wantErr(t, other.check(t.Context(), recovery.TokenProof(strings.Repeat("9", 80))), recovery.ErrInvalidProof)
		if err := other.Perform(t.Context(), q.take()[0]); err == nil {
			t.Error("performed")
		}
		if n := strings.Count(other.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings, want one about the job:\n%s", n, other.log)
		}
	})
}
