package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// failingNotifier is a mail server that is down.
var failingNotifier = recovery.NotifierFunc(func(context.Context, recovery.Message) error {
	return errors.New("the mail server is down")
})

// failingTokens is a token store that is down.
type failingTokens struct{ recovery.TokenStore }

func (failingTokens) Put(context.Context, string, recovery.TokenSpec) (recovery.TokenRecord, error) {
	return recovery.TokenRecord{}, errors.New("the token store is down")
}

// failingInWorkers is a limiter that is down for whoever counts more than the client
// of a request: for the worker.
type failingInWorkers struct{ recovery.Limiter }

func (l failingInWorkers) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	if requests[0].ID != "" {
		return nil, errors.New("the limiter is down")
	}
	return l.Limiter.Allow(ctx, requests...)
}

// A96: mail, the token store or the limiter is down, and somebody asks again and
// again for one account, with a queue that has little room. The answers for an
// account that exists and for one that does not are the same, to the last one.
func TestFullnessOfTheQueueTellsNothing_A96(t *testing.T) {
	const capacity, requests = 8, 40
	for name, edit := range map[string]func(p *portal, o *recovery.Options){
		"mail is down":            func(p *portal, _ *recovery.Options) { p.notifier = failingNotifier },
		"the token store is down": func(p *portal, _ *recovery.Options) { p.tokens = tracedTokens{failingTokens{p.tokens}, nil} },
		"the limiter is down":     func(_ *portal, o *recovery.Options) { o.Limiter = failingInWorkers{o.Limiter} },
		"nothing is down":         func(*portal, *recovery.Options) {},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string]string{}
			for _, address := range []string{johnMail, "nobody@example.com"} {
				synctest.Test(t, func(t *testing.T) {
					p := newPortal(t, func(p *portal, o *recovery.Options) {
						o.Queue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: capacity})
						o.DeliveryQueue = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: capacity})
						edit(p, o)
					})
					h := p.Handler()
					var all strings.Builder
					for i := range requests {
						client := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
						w := post(h, "/forgot-password", fmt.Sprintf(`{"email":%q}`, address), from(client.String()))
						fmt.Fprintln(&all, answer(w))
						time.Sleep(time.Second)
					}
					answers[address] = all.String()
					if strings.Contains(all.String(), "503") {
						t.Errorf("%s was refused", address)
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					_ = p.Shutdown(ctx) // what waits is given up
				})
			}
			if answers[johnMail] != answers["nobody@example.com"] {
				t.Errorf("the answers for an account that exists were\n%sand for none\n%s", answers[johnMail], answers["nobody@example.com"])
			}
		})
	}
}

// A96: the delivery queue is full. What was to be sent becomes a dead letter,
// with its event, and the queue of requests is as empty as before.
func TestFullDeliveryQueueIsADeadLetter_A96(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &refusingQueue{err: fmt.Errorf("wrapped: %w", recovery.ErrQueueFull)}
		requests := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue, o.DeliveryQueue = requests, full })
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		settle()
		dead := p.events.of(recovery.EventDeadLetter)
		if len(dead) != 1 || dead[0].LeadID != "" && dead[0].LeadID != johnID {
			t.Errorf("the dead letters are %+v", dead)
		}
		if s := requests.Stats(); s.Waiting+s.Running > 0 || full.calls != 1 {
			t.Errorf("the queue of requests holds %+v, and the delivery queue was asked %d times", s, full.calls)
		}
	})
}

// A delivery queue that fails, and is not full, gets the delivery when it is
// back. The queue of requests does not hold it meanwhile.
func TestDeliveryQueueThatIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &refusingQueue{err: errors.New("it is down")}
		requests := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.Queue, o.DeliveryQueue = requests, q })
		if _, err := p.ForgotPassword(t.Context(), byMail(johnMail)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := requests.Stats(); s.Waiting+s.Running > 0 {
			t.Errorf("the queue of requests holds %+v", s)
		}
		q.set(nil)
		time.Sleep(time.Minute)
		jobs := q.take()
		if len(jobs) != 1 {
			t.Fatalf("it got %d jobs", len(jobs))
		}
		if err := p.Perform(t.Context(), jobs[0]); err != nil {
			t.Fatal(err)
		}
		if n := len(p.outbox.Messages()); n != 1 {
			t.Errorf("%d messages were sent", n)
		}
		// Performed a second time, it is counted once and has the same token.
		if err := p.Perform(t.Context(), jobs[0]); err != nil {
			t.Fatal(err)
		}
		all := p.outbox.Messages()
		if len(all) != 2 || all[0].ID != all[1].ID {
			t.Fatalf("the second time it sent something else: %v", all)
		}
		if err := p.reset(t.Context(), recovery.TokenProof(token(t, all[0])), goodPassword); err != nil {
			t.Error(err)
		}
		wantErr(t, p.reset(t.Context(), recovery.TokenProof(token(t, all[1])), goodPassword), recovery.ErrInvalidProof)
	})
}

// What nobody can ask for again is not lost while the delivery queue is full: the
// notices of a reset, and the end of the sessions.
func TestFullDeliveryQueueLosesNoNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &refusingQueue{err: recovery.ErrQueueFull}
		p := newPortal(t, func(_ *portal, o *recovery.Options) { o.DeliveryQueue = q })
		p.sessions = func(context.Context, string) error { return errors.New("it is down") }
		issued, err := p.IssueToken(t.Context(), recovery.IssueRequest{Key: byMail(johnMail).Key, Requester: recovery.Requester{Caller: "crm"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.reset(t.Context(), recovery.TokenProof(issued.Token.Reveal()), goodPassword); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		p.sessions = nil
		q.set(nil)
		time.Sleep(time.Minute)
		for _, job := range q.take() {
			if err := p.Perform(t.Context(), job); err != nil {
				t.Error(err)
			}
		}
		if n := len(p.outbox.OfKind(recovery.MessagePasswordChanged)); n != 3 || !slices.Equal(p.ended, []string{johnID}) {
			t.Errorf("%d notices, and the sessions of %q were ended, want 3 and those of the lead", n, p.ended)
		}
	})
}

// refusingQueue refuses jobs with an error, or holds them.
type refusingQueue struct {
	heldQueue
	err   error
	calls int
}

func (q *refusingQueue) Enqueue(ctx context.Context, job recovery.Job) error {
	q.mu.Lock()
	q.calls++
	err := q.err
	q.mu.Unlock()
	if err != nil {
		return err
	}
	return q.heldQueue.Enqueue(ctx, job)
}

func (q *refusingQueue) set(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
}

// A host that names one queue is told that it needs two.
func TestSharedQueueIsAWarning_A96(t *testing.T) {
	for _, tt := range []struct {
		queue, deliveries recovery.Queue
		warns             bool
	}{
		{nil, nil, false},
		{nil, &heldQueue{}, false},
		{&heldQueue{}, &heldQueue{}, false},
		{&heldQueue{}, nil, true},
	} {
		p := newPortal(t, func(p *portal, o *recovery.Options) {
			again := *o
			again.Queue, again.DeliveryQueue = tt.queue, tt.deliveries
			s, err := recovery.New(p.leads, p.tokens, p.outbox, again)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if got := strings.Contains(p.log.String(), "DeliveryQueue is not set"); got != tt.warns {
			t.Errorf("with %v and %v the log is %s", tt.queue, tt.deliveries, p.log.String())
		}
	}
}
