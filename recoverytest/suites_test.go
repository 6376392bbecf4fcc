package recoverytest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func TestMemoryTokenStore(t *testing.T) {
	recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
		New:    func(*testing.T) recovery.TokenStore { return recovery.NewMemoryTokenStore() },
		Bubble: synctest.Test,
	})
}

func TestMemoryLimiter(t *testing.T) {
	recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		},
		Bubble: synctest.Test,
	})
}

func TestMemoryQueue(t *testing.T) {
	recoverytest.TestQueue(t, recoverytest.QueueHarness{
		New: func(*testing.T) recovery.WorkerQueue {
			return recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 64, Workers: 4})
		},
		Workers:  4,
		Capacity: 64,
		Bubble:   synctest.Test,
	})
}

func TestOutbox(t *testing.T) {
	recoverytest.TestNotifier(t, recoverytest.NotifierHarness{
		New: func(*testing.T) recovery.Notifier { return new(recoverytest.Outbox) },
		Deliveries: func(_ *testing.T, n recovery.Notifier) (all []recoverytest.Delivery) {
			for _, m := range n.(*recoverytest.Outbox).Messages() {
				all = append(all, recoverytest.Delivery{To: []string{m.To}, Text: m.URL.Reveal() + m.Code.Reveal() + string(m.Kind)})
			}
			return all
		},
		Stall: func(_ *testing.T, n recovery.Notifier) {
			n.(*recoverytest.Outbox).Intercept(func(ctx context.Context, _ recovery.Message) error {
				<-ctx.Done()
				return ctx.Err()
			})
		},
		Refuse: func(_ *testing.T, n recovery.Notifier) {
			n.(*recoverytest.Outbox).Intercept(func(context.Context, recovery.Message) error { return recovery.ErrPermanent })
		},
		Break: func(_ *testing.T, n recovery.Notifier) {
			n.(*recoverytest.Outbox).Intercept(func(context.Context, recovery.Message) error { return errors.New("later") })
		},
		Bubble: synctest.Test,
	})
}

// leadsView is what every view of a Leads has.
type leadsView interface {
	recovery.LeadStore
	Add(lead recovery.Lead, hash string) string
	Hash(leadID string) string
	SetValue(leadID, field, value string)
	SetStatus(leadID string, status recovery.LeadStatus)
}

var allFields = []recovery.Field{
	{Name: "EmailAddress", Type: recovery.FieldEmail, Search: true, Receive: true},
	{Name: "Phone", Type: recovery.FieldPhone, Search: true, Receive: true},
	{Name: "UserName", Type: recovery.FieldText, Search: true, IgnoreCase: true},
	{Name: "Number", Type: recovery.FieldText, Search: true},
}

func leadsHarness(show func(l *recoverytest.Leads) recovery.LeadStore) recoverytest.LeadStoreHarness {
	return recoverytest.LeadStoreHarness{
		Fields: allFields,
		New:    func(*testing.T) recovery.LeadStore { return show(recoverytest.NewLeads(allFields...)) },
		Add: func(_ *testing.T, s recovery.LeadStore, lead recovery.Lead, hash string) string {
			return s.(leadsView).Add(lead, hash)
		},
		ReadHash: func(_ *testing.T, s recovery.LeadStore, id string) string { return s.(leadsView).Hash(id) },
		SetValue: func(_ *testing.T, s recovery.LeadStore, id, field, value string) {
			s.(leadsView).SetValue(id, field, value)
		},
		SetStatus: func(_ *testing.T, s recovery.LeadStore, id string, status recovery.LeadStatus) {
			s.(leadsView).SetStatus(id, status)
		},
	}
}

func TestLeadsFake(t *testing.T) {
	for name, show := range map[string]func(l *recoverytest.Leads) recovery.LeadStore{
		"plain":     func(l *recoverytest.Leads) recovery.LeadStore { return l },
		"versioned": func(l *recoverytest.Leads) recovery.LeadStore { return l.Versioned() },
		"history":   func(l *recoverytest.Leads) recovery.LeadStore { return l.History() },
		"full":      func(l *recoverytest.Leads) recovery.LeadStore { return l.Full() },
	} {
		t.Run(name, func(t *testing.T) { recoverytest.TestLeadStore(t, leadsHarness(show)) })
	}
}
