package recoverytest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/recoverytest"
)

func expect(t *testing.T, found recoverytest.Findings) {
	for clause, failures := range found {
		t.Errorf("clause %s fails: %q", clause, failures)
	}
}

func TestMemoryTokenStore(t *testing.T) {
	expect(t, recoverytest.ExamineTokenStore(t, recoverytest.TokenStoreHarness{
		New:    func(*testing.T) recovery.TokenStore { return recovery.NewMemoryTokenStore() },
		Bubble: synctest.Test,
		Dump: func(_ *testing.T, s recovery.TokenStore) []byte {
			var b strings.Builder
			dump(&b, reflect.ValueOf(s), map[unsafe.Pointer]bool{})
			return []byte(b.String())
		},
	}))
}

// dump writes everything that v reaches, unexported fields too, in a stable
// order.
func dump(b *strings.Builder, v reflect.Value, seen map[unsafe.Pointer]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Location]() && !seen[v.UnsafePointer()] {
			seen[v.UnsafePointer()] = true
			dump(b, v.Elem(), seen)
		}
	case reflect.Interface:
		if !v.IsNil() {
			dump(b, v.Elem(), seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fmt.Fprintf(b, " %s:", v.Type().Field(i).Name)
			dump(b, v.Field(i), seen)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			b.WriteString(" -")
			dump(b, v.Index(i), seen)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
		for _, key := range keys {
			fmt.Fprintf(b, "\n%s:", fmt.Sprint(key))
			dump(b, v.MapIndex(key), seen)
		}
	default:
		fmt.Fprint(b, v)
	}
}

func TestMemoryLimiter(t *testing.T) {
	expect(t, recoverytest.ExamineLimiter(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		},
		Dump: func(_ *testing.T, l recovery.Limiter) []byte {
			var b strings.Builder
			dump(&b, reflect.ValueOf(l), map[unsafe.Pointer]bool{})
			return []byte(b.String())
		},
		Bubble: synctest.Test,
	}))
}

// TestMemoryLimiterOverflow shows that a limiter whose keys have no room of
// their own is also exact for one key.
func TestMemoryLimiterOverflow(t *testing.T) {
	expect(t, recoverytest.ExamineLimiter(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{MaxKeys: 1, OverflowWindows: 1 << 16})
		},
		Bubble: synctest.Test,
	}, "trace-a", "trace-b", "trace-c", "trace-d", "half-open", "several-limits", "refused-not-counted", "then-one-every", "id-repeats", "id-repeats-full"))
}

// TestShared runs the suites over two instances that share their contents.
func TestShared(t *testing.T) {
	t.Run("TokenStore", func(t *testing.T) {
		h := tableHarness("")
		h.Another = func(_ *testing.T, first recovery.TokenStore) recovery.TokenStore {
			return &table{tableState: first.(*table).tableState}
		}
		recoverytest.TestTokenStore(t, h)
	})
	t.Run("Limiter", func(t *testing.T) {
		recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
			New:     func(*testing.T) recovery.Limiter { return newLog("") },
			Another: func(_ *testing.T, first recovery.Limiter) recovery.Limiter { return &log{first.(*log).logState, ""} },
			Bubble:  synctest.Test,

			Arrivals: 2000,
		})
	})
	t.Run("LeadStore", func(t *testing.T) {
		h := leadsHarness(func(l *recoverytest.Leads) recovery.LeadStore { return l.Full() })
		h.Another = func(_ *testing.T, first recovery.LeadStore) recovery.LeadStore { return first }
		h.Bubble = synctest.Test
		recoverytest.TestLeadStore(t, h)
	})
}

// TestAdvance runs the suites on a clock that only the harness moves, like that
// of a simulated server.
func TestAdvance(t *testing.T) {
	t.Run("TokenStore", func(t *testing.T) {
		var state *tableState
		h := tableHarness("")
		h.New = func(*testing.T) recovery.TokenStore {
			s := newTable("")
			s.stopped = time.Unix(1e9, 0)
			state = s.tableState
			return s
		}
		h.Advance = func(_ *testing.T, d time.Duration) { state.advance(d) }
		h.Bubble = nil
		recoverytest.TestTokenStore(t, h)
	})
	t.Run("Limiter", func(t *testing.T) {
		var state *logState
		recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
			New: func(*testing.T) recovery.Limiter {
				l := newLog("")
				l.stopped = time.Unix(1e9, 0)
				state = l.logState
				return l
			},
			Advance:  func(_ *testing.T, d time.Duration) { state.advance(d) },
			Arrivals: 2000,
		})
	})
}

// TestRealClock runs clauses outside a bubble: those that need no time to pass,
// and the random arrivals, whose judge allows for any delay.
func TestRealClock(t *testing.T) {
	expect(t, recoverytest.ExamineTokenStore(t, recoverytest.TokenStoreHarness{
		New: func(*testing.T) recovery.TokenStore { return recovery.NewMemoryTokenStore() },
	}, "claim-one-winner", "code-parallel", "code-parallel-late", "racing-everything", "racing-puts", "random-operations"))
	expect(t, recoverytest.ExamineLimiter(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})
		},
		Tick: 5 * time.Millisecond,
	}, "trace-a", "trace-b", "trace-c", "trace-d", "random-arrivals", "racing"))
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
				all = append(all, recoverytest.Delivery{To: []string{m.To}, Text: m.URL.Reveal() + m.Code.Reveal() + " " + m.NotMe.Reveal() + string(m.Kind)})
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
		Mend:   func(_ *testing.T, n recovery.Notifier) { n.(*recoverytest.Outbox).Intercept(nil) },
		Bubble: synctest.Test,
	})
}

// leadsView has the methods that all views of a Leads share.
type leadsView interface {
	recovery.LeadStore
	Add(lead recovery.Lead, hash string) string
	Hash(leadID string) string
	SetValue(leadID, field, value string)
	SetStatus(leadID string, status recovery.LeadStatus)
	SetHooks(hooks recoverytest.LeadsHooks)
}

var allFields = []recovery.Field{
	{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
	{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
	{Name: "UserName", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
	{Name: "Number", Type: recovery.FieldTypeText, Search: true},
}

func leadsHarness(show func(l *recoverytest.Leads) recovery.LeadStore) recoverytest.LeadStoreHarness {
	return recoverytest.LeadStoreHarness{
		Fields:   allFields,
		Statuses: []recovery.LeadStatus{recovery.StatusResetRequired, recovery.StatusInvited},
		New:      func(*testing.T) recovery.LeadStore { return show(recoverytest.NewLeads(allFields...)) },
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
		Stall: func(_ *testing.T, s recovery.LeadStore) {
			fail(s, func(ctx context.Context) error {
				<-ctx.Done()
				return fmt.Errorf("%w: %w", recovery.ErrNotWritten, ctx.Err())
			}, nil)
		},
		Break: func(_ *testing.T, s recovery.LeadStore) {
			fail(s, func(context.Context) error { return fmt.Errorf("%w: refused", recovery.ErrNotWritten) }, nil)
		},
		LoseReply: func(_ *testing.T, s recovery.LeadStore) {
			fail(s, nil, func(context.Context) error { return errors.New("connection reset") })
		},
		Mend: func(_ *testing.T, s recovery.LeadStore) { fail(s, nil, nil) },
	}
}

// fail sets the hooks of leads: before a call has done anything, and after a
// hash was written.
func fail(s recovery.LeadStore, before, after func(context.Context) error) {
	var hooks recoverytest.LeadsHooks
	if before != nil {
		hooks.Find = func(ctx context.Context, _ recovery.LeadKey) error { return before(ctx) }
		hooks.BeforeWrite = func(ctx context.Context, _, _ string) error { return before(ctx) }
		hooks.History = func(ctx context.Context, _ string) error { return before(ctx) }
	}
	if after != nil {
		hooks.AfterWrite = func(ctx context.Context, _, _ string) error { return after(ctx) }
	}
	s.(leadsView).SetHooks(hooks)
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
