package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// This store lives in the process, so time passes at once.
func ExampleTestTokenStore() {
	var t *testing.T // the test's
	test := func() {
		recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
			New:    func(*testing.T) recovery.TokenStore { return recovery.NewMemoryTokenStore() },
			Bubble: synctest.Test,
		})
	}
	_ = test
}

// Two instances of this limiter share their counts on a real server. The server
// is 20 ms away, so a tick is longer than usual.
func ExampleTestLimiter() {
	var t *testing.T // the test's
	open := func(t *testing.T) recovery.Limiter { panic("the team's own") }
	test := func() {
		recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
			New:     open,
			Another: func(t *testing.T, _ recovery.Limiter) recovery.Limiter { return open(t) },
			Tick:    500 * time.Millisecond,
		})
	}
	_ = test
}

func ExampleTestLeadStore() {
	var t *testing.T // the test's
	test := func() {
		recoverytest.TestLeadStore(t, recoverytest.LeadStoreHarness{
			New: func(*testing.T) recovery.LeadStore { return recoverytest.NewLeads() },
			Add: func(t *testing.T, s recovery.LeadStore, lead recovery.Lead, hash string) string {
				return s.(*recoverytest.Leads).Add(lead, hash)
			},
			ReadHash: func(t *testing.T, s recovery.LeadStore, leadID string) string {
				return s.(*recoverytest.Leads).Hash(leadID)
			},
		})
	}
	_ = test
}

func ExampleTestNotifier() {
	var t *testing.T // the test's
	test := func() {
		recoverytest.TestNotifier(t, recoverytest.NotifierHarness{
			New: func(*testing.T) recovery.Notifier { return new(recoverytest.Outbox) },
			Deliveries: func(t *testing.T, n recovery.Notifier) (all []recoverytest.Delivery) {
				for _, m := range n.(*recoverytest.Outbox).Messages() {
					text := string(m.Kind) + " " + m.URL.Reveal() + m.Code.Reveal() + " " + m.NotMe.Reveal()
					for _, a := range m.Accounts {
						text += " " + a.Account + " " + a.URL.Reveal()
					}
					all = append(all, recoverytest.Delivery{To: []string{m.To}, Text: text})
				}
				return all
			},
			Bubble: synctest.Test,
		})
	}
	_ = test
}

func ExampleTestQueue() {
	var t *testing.T // the test's
	test := func() {
		recoverytest.TestQueue(t, recoverytest.QueueHarness{
			New: func(*testing.T) recovery.WorkerQueue {
				return recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Workers: 4, Capacity: 64})
			},
			Workers:  4,
			Capacity: 64,
			Bubble:   synctest.Test,
		})
	}
	_ = test
}

func ExampleLeads() {
	ctx := context.Background()
	leads := recoverytest.NewLeads()
	id := leads.AddEmail("Anna@example.com", "$argon2id$old")

	lead, err := leads.FindLead(ctx, recovery.LeadKey{Field: "EmailAddress", Value: "anna@example.com"})
	fmt.Println(lead.ID == id, err)

	err = leads.SetPasswordHash(ctx, id, "$argon2id$new")
	changed, _ := leads.FindLead(ctx, recovery.LeadKey{Field: recovery.LeadIDField, Value: id})
	fmt.Println(leads.Hash(id), changed.Version != lead.Version, err)
	// Output:
	// true <nil>
	// $argon2id$new true <nil>
}

// This shows a store that certainly writes nothing, and one whose reply is
// lost.
func ExampleLeads_SetHooks() {
	ctx := context.Background()
	leads := recoverytest.NewLeads()
	id := leads.AddEmail("anna@example.com", "old")

	leads.SetHooks(recoverytest.LeadsHooks{
		BeforeWrite: func(context.Context, string, string) error { return recovery.ErrNotWritten },
	})
	err := leads.SetPasswordHash(ctx, id, "new")
	fmt.Println(leads.Hash(id), errors.Is(err, recovery.ErrNotWritten))

	leads.SetHooks(recoverytest.LeadsHooks{
		AfterWrite: func(context.Context, string, string) error { return errors.New("connection reset") },
	})
	err = leads.SetPasswordHash(ctx, id, "new")
	fmt.Println(leads.Hash(id), err)
	// Output:
	// old true
	// new connection reset
}

func ExampleOutbox() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var outbox recoverytest.Outbox

	go func() { // a worker of the queue
		_ = outbox.Notify(ctx, recovery.Message{
			ID: "1", Kind: recovery.MessageResetCode, Channel: recovery.ChannelSMS,
			To: "+15550000000", Code: recovery.NewSecret("12345678"),
		})
	}()

	m, err := outbox.Next(ctx)
	fmt.Println(m, m.Code.Reveal(), err)
	// Output: reset_code by sms (1) 12345678 <nil>
}

func ExampleOutbox_Intercept() {
	var outbox recoverytest.Outbox
	outbox.Intercept(func(context.Context, recovery.Message) error { return recovery.ErrPermanent })
	err := outbox.Notify(context.Background(), recovery.Message{Kind: recovery.MessageResetLink})
	fmt.Println(err, outbox.Len())
	// Output: recovery: permanent failure 0
}
