package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
)

// A96: a stranger asks every five seconds for an hour for each kind of message to
// each address of an account of his own, from a fresh client address each time,
// and mail to this account fails, hangs, or hangs and does not heed its context.
// Nobody is refused, his messages take a few places of the delivery queue, and
// nobody else's message is lost or late.
func TestOwnAccountCostsNobodyElseAMail_A96(t *testing.T) {
	for name, notify := range map[string]func(ctx context.Context) error{
		"mail fails": func(context.Context) error { return errors.New("the mailbox is full") },
		"mail hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"mail hangs for minutes without its context": func(context.Context) error {
			time.Sleep(3 * time.Minute)
			return errors.New("the connection was lost")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { besideAnOwnAccount(t, notify) })
		})
	}
}

func besideAnOwnAccount(t *testing.T, notify func(ctx context.Context) error) {
	const others, places = 60, 64
	requests := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 32})
	deliveries := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: places})
	arrived := map[string]time.Time{}
	p := newPortal(t, func(p *portal, o *recovery.Options) {
		o.Queue, o.DeliveryQueue, o.Limits = requests, deliveries, recovery.Limits{}
		for i := range others {
			p.leads.Add(lead(fmt.Sprintf("other%d", i), recovery.StatusActive), "")
		}
		p.notifier = recovery.NotifierFunc(func(ctx context.Context, m recovery.Message) error {
			if m.LeadID == johnID {
				return notify(ctx)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			arrived[m.LeadID] = time.Now()
			return nil
		})
	})
	asked, n, refused, most := map[string]time.Time{}, 0, 0, 0
	ask := func(req recovery.ForgotRequest) {
		req.Requester.Client = addressOf(n)
		if _, err := p.ForgotPassword(t.Context(), req); err != nil {
			refused++
		}
		n++
	}
	for second := range 3600 {
		if second%5 == 0 {
			for _, field := range []string{"EmailAddress", "mx_Alternate_Email", "Phone"} {
				ask(recovery.ForgotRequest{Key: byMail(johnMail).Key, RecipientField: field})
				ask(recovery.ForgotRequest{Key: byMail(johnMail).Key, RecipientField: field, Code: true})
			}
		}
		if second%(3600/others) == 30 {
			name := fmt.Sprintf("other%d", len(asked))
			ask(byMail(name + "@example.com"))
			asked["lead-"+name] = time.Now()
		}
		s := deliveries.Stats()
		most = max(most, s.Waiting+s.Running)
		time.Sleep(time.Second)
	}
	time.Sleep(10 * time.Minute)
	late := time.Duration(0)
	for id, at := range asked {
		if arrived[id].IsZero() {
			t.Errorf("%s got no message", id)
			continue
		}
		late = max(late, arrived[id].Sub(at))
	}
	if refused > 0 {
		t.Errorf("%d of %d requests were refused", refused, n)
	}
	t.Logf("of %d requests %d were for others; the delivery queue held at most %d; the latest message came after %v", n, len(asked), most, late)
	if late > 5*time.Minute {
		t.Errorf("a message came after %v", late)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = p.Shutdown(ctx)         // what hangs is given up
	time.Sleep(5 * time.Minute) // and has ended
}
