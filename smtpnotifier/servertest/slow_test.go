package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/smtpnotifier"
)

// A mailing performs jobs as a Service does: each job is a message to an address
// of its own.
type mailing struct {
	n    *smtpnotifier.Notifier
	dead atomic.Int64
}

func (m *mailing) Perform(ctx context.Context, job recovery.Job) error {
	mail := message()
	mail.ID, mail.To = job.ID, job.ID+"@example.com"
	return m.n.Notify(ctx, mail)
}

func (m *mailing) DeadLetter(context.Context, recovery.Job, error) { m.dead.Add(1) }

// A slow relay gets each mail once: no attempt ends between a mail and its
// answer, and no attempt spends its time waiting for a connection.
func TestSlowRelayGetsEachMailOnce(t *testing.T) {
	tests := []struct {
		people  int
		answers time.Duration // how long the relay takes to answer a mail
		within  time.Duration
	}{
		{8, 31 * time.Second, 32 * time.Second},
		{48, 10 * time.Second, 31 * time.Second},
		{48, 4 * time.Minute, 13 * time.Minute},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d people, %v", test.people, test.answers), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := new(relay)
				r.body = func([]byte) error { time.Sleep(test.answers); return nil }
				r.startPiped(t)
				m := &mailing{n: newNotifier(t, words(plain), piped(r))}
				q := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
				if err := q.Start(m); err != nil {
					t.Fatal(err)
				}
				for i := range test.people {
					job := recovery.Job{ID: fmt.Sprintf("lead%d", i), NotAfter: time.Now().Add(time.Hour), Payload: []byte{1}}
					if err := q.Enqueue(t.Context(), job); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				if err := q.Shutdown(context.Background()); err != nil || time.Since(began) > test.within {
					t.Errorf("%v after %v, want at most %v", err, time.Since(began), test.within)
				}
				var to []string
				for _, mail := range r.taken() {
					to = append(to, mail.to...)
				}
				slices.Sort(to)
				if mails := len(to); mails != test.people || len(slices.Compact(to)) != test.people || m.dead.Load() != 0 {
					t.Errorf("the relay took %d mails for %d people, %d dead letters", mails, test.people, m.dead.Load())
				}
			})
		})
	}
}

// An answer that comes when nobody waits for it is the result of the next
// attempt, which sends nothing.
func TestAnswerAfterTheAttempt(t *testing.T) {
	refusal := &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no"}
	for _, test := range []struct {
		sentence string
		answer   error
		pause    time.Duration // between two attempts
	}{
		{"the mail is accepted while an attempt waits", nil, 0},
		{"the mail is accepted between two attempts", nil, 20 * time.Second},
		{"the mail is refused while an attempt waits", refusal, 0},
		{"the mail is refused between two attempts", refusal, 20 * time.Second},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := new(relay)
				var sent atomic.Int64
				r.body = func([]byte) error { sent.Add(1); time.Sleep(35 * time.Second); return test.answer }
				r.startPiped(t)
				n := newNotifier(t, words(plain), piped(r))
				attempt := func() error {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					return n.Notify(ctx, message())
				}
				err, awaited := attempt(), 0
				for ; errors.Is(err, recovery.ErrAwaitingReply); err = attempt() {
					awaited++
					time.Sleep(test.pause)
				}
				if errors.Is(err, recovery.ErrPermanent) != (test.answer != nil) || awaited == 0 || sent.Load() != 1 {
					t.Errorf("%v after %d attempts that awaited the answer, sent %d times", err, awaited, sent.Load())
				}
				// What comes later with this ID is a message like any other.
				if _ = attempt(); sent.Load() != 2 {
					t.Errorf("sent %d times, want 2", sent.Load())
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

var messageIDField = regexp.MustCompile(`(?m)^Message-ID: .*$`)

// A message whose answer is lost is sent once more, after a minute and with the
// same Message-ID, and then given up: each time the server may have accepted it.
func TestLostAnswers(t *testing.T) {
	for _, test := range []struct {
		sentence string
		end      func(p *peer)
		takes    time.Duration // until Notify knows that the answer is lost
	}{
		{"the server hangs up", func(*peer) {}, 0},
		{"the server never answers", func(p *peer) { p.waitForClose() }, 5 * time.Minute},
		{"the server answers with something else", func(p *peer) { p.write("HTTP/1.1 200 OK\r\n") }, 0},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := newPipes()
				said := playOn(t, l, func(p *peer) {
					p.serve(map[string]func() bool{".": func() bool { test.end(p); return false }})
				})
				opts := options("192.0.2.1:25")
				opts.Server.Dial = l.dial
				n := newNotifier(t, words(plain), opts)
				began := time.Now()
				err := n.Notify(t.Context(), message())
				if e, ok := errors.AsType[*smtpnotifier.Error](err); !ok || e.Stage != smtpnotifier.StageData || e.Permanent || time.Since(began) != test.takes {
					t.Errorf("first: %v after %v", err, time.Since(began))
				}
				for range 59 {
					if err := n.Notify(t.Context(), message()); err == nil || errors.Is(err, recovery.ErrPermanent) {
						t.Fatalf("within a minute: %v", err)
					}
					time.Sleep(time.Second)
				}
				if ids := messageIDField.FindAllString(said(), -1); len(ids) != 1 {
					t.Errorf("sent %d times within a minute, want once", len(ids))
				}
				time.Sleep(time.Second)
				if err := n.Notify(t.Context(), message()); !errors.Is(err, recovery.ErrPermanent) {
					t.Errorf("second: %v", err)
				}
				if ids := messageIDField.FindAllString(said(), -1); len(ids) != 2 || ids[0] != ids[1] {
					t.Errorf("sent as %q, want twice with one Message-ID", ids)
				}
			})
		})
	}
}

// When Shutdown has no more time, it ends the wait for answers too, whether or
// not a Notify waits.
func TestShutdownEndsTheWaitForAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		opts := options("192.0.2.1:25")
		opts.Server.Dial = inMemory(t, func(p *peer) {
			p.serve(map[string]func() bool{".": func() bool { p.waitForClose(); return false }})
		})
		n := newNotifier(t, words(plain), opts)
		left, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.Notify(left, message()); !errors.Is(err, recovery.ErrAwaitingReply) {
			t.Errorf("%v", err)
		}
		waits := make(chan error, 1)
		other := message()
		other.ID = "another"
		go func() { waits <- n.Notify(context.Background(), other) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		if err := n.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(began))
		}
		if err := <-waits; !errors.Is(err, smtpnotifier.ErrShutdown) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := n.Shutdown(context.Background()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
	})
}
