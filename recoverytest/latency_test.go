package recoverytest_test

import (
	"context"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// roundTrip is how far away the slow implementations are. A call has an effect
// half of it after it began.
const roundTrip = 20 * time.Millisecond

// travel waits as a request or a reply does that is on its way.
func travel() { time.Sleep(roundTrip / 2) }

type farTokens struct{ store recovery.TokenStore }

func (f farTokens) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	travel()
	defer travel()
	return f.store.Put(ctx, slot, spec)
}

func (f farTokens) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	travel()
	defer travel()
	return f.store.Peek(ctx, refs...)
}

func (f farTokens) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	travel()
	defer travel()
	return f.store.Claim(ctx, id, refs...)
}

func (f farTokens) Release(ctx context.Context, id string, refs ...recovery.TokenRef) error {
	travel()
	defer travel()
	return f.store.Release(ctx, id, refs...)
}

func (f farTokens) Delete(ctx context.Context, slots ...string) error {
	travel()
	defer travel()
	return f.store.Delete(ctx, slots...)
}

type farLimiter struct{ limiter recovery.Limiter }

func (f farLimiter) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	travel()
	defer travel()
	return f.limiter.Allow(ctx, requests...)
}

// farLeads implements leadsView by the leads that it has.
type farLeads struct {
	*recoverytest.Leads
	full recoverytest.FullLeadStore
}

func (f farLeads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	travel()
	defer travel()
	return f.full.FindLead(ctx, key)
}

func (f farLeads) SetPasswordHash(ctx context.Context, id, hash string) error {
	travel()
	defer travel()
	return f.full.SetPasswordHash(ctx, id, hash)
}

func (f farLeads) SetPasswordHashIf(ctx context.Context, id, version, hash string) error {
	travel()
	defer travel()
	return f.full.SetPasswordHashIf(ctx, id, version, hash)
}

func (f farLeads) PasswordHashes(ctx context.Context, id string, n int) ([]string, error) {
	travel()
	defer travel()
	return f.full.PasswordHashes(ctx, id, n)
}

// TestFar shows that a right implementation passes on a real clock, however far
// away it is, and in a time that people wait for.
func TestFar(t *testing.T) {
	if !testenv.Long() {
		t.Skip("set RECOVERY_LONG=1 to run it: it takes half a minute")
	}
	timed := func(t *testing.T, suite func(t *testing.T)) {
		t.Parallel()
		begun := time.Now()
		t.Cleanup(func() { t.Logf("the suite took %v", time.Since(begun).Round(time.Second)) })
		suite(t)
	}
	t.Run("TokenStore", func(t *testing.T) {
		timed(t, func(t *testing.T) {
			recoverytest.TestTokenStore(t, recoverytest.TokenStoreHarness{
				New:      func(*testing.T) recovery.TokenStore { return farTokens{recovery.NewMemoryTokenStore()} },
				Parallel: true,
			})
		})
	})
	t.Run("Limiter", func(t *testing.T) {
		timed(t, func(t *testing.T) {
			recoverytest.TestLimiter(t, recoverytest.LimiterHarness{
				New: func(*testing.T) recovery.Limiter {
					return farLimiter{recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
				},
				Parallel: true,
			})
		})
	})
	t.Run("LeadStore", func(t *testing.T) {
		timed(t, func(t *testing.T) {
			h := leadsHarness(func(l *recoverytest.Leads) recovery.LeadStore { return farLeads{l, l.Full()} })
			h.Parallel = true
			recoverytest.TestLeadStore(t, h)
		})
	})
}

// TestFarInAHurry shows that a right implementation passes although its calls
// are much longer than the tick at first, as on a machine that has become busy.
func TestFarInAHurry(t *testing.T) {
	t.Parallel()
	expect(t, recoverytest.ExamineLimiter(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return farLimiter{recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
		},
		Tick: roundTrip / 20,
	}, "reset"))
}

// TestFarWindowsEnd shows that a right implementation passes at once although
// windows end between its calls, which take five ticks each.
func TestFarWindowsEnd(t *testing.T) {
	t.Parallel()
	expect(t, recoverytest.ExamineLimiterOnce(t, recoverytest.LimiterHarness{
		New: func(*testing.T) recovery.Limiter {
			return farLimiter{recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{})}
		},
		Tick: roundTrip / 5,
	}, "several-limits", "refused-not-counted", "then-one-every", "idle"))
}

// TestSlowSimulation shows that no clause takes minutes on a simulated server
// that is slow: a round takes 60 ms here, and 50 of them would take 3 s.
func TestSlowSimulation(t *testing.T) {
	t.Parallel()
	var slots sync.Map // one for each round
	expect(t, recoverytest.ExamineTokenStore(t, recoverytest.TokenStoreHarness{
		New: func(*testing.T) recovery.TokenStore {
			return slotsOf{farTokens{recovery.NewMemoryTokenStore()}, &slots}
		},
		Advance: func(*testing.T, time.Duration) {},
	}, "claim-one-winner"))
	rounds := 0
	slots.Range(func(any, any) bool { rounds++; return true })
	if rounds < 3 || rounds > 40 {
		t.Errorf("%d rounds, want 3 to 40", rounds)
	}
}

// slotsOf remembers the slots that were put in.
type slotsOf struct {
	farTokens
	slots *sync.Map
}

func (s slotsOf) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	s.slots.Store(slot, true)
	return s.farTokens.Put(ctx, slot, spec)
}

// TestParallel shows that Parallel runs clauses side by side, but none beside one
// that makes the server fail or looks at all that it holds. All clauses share one
// store, so these would make others fail.
func TestParallel(t *testing.T) {
	t.Parallel()
	shared := newTable("")
	var mu sync.Mutex
	running, most := 0, 0
	t.Run("suite", func(t *testing.T) {
		h := tableHarness("")
		h.Bubble, h.Parallel, h.Tick = nil, true, 50*time.Millisecond
		h.New = func(t *testing.T) recovery.TokenStore {
			mu.Lock()
			defer mu.Unlock()
			running++
			most = max(most, running)
			t.Cleanup(func() {
				mu.Lock()
				defer mu.Unlock()
				running--
			})
			return shared
		}
		recoverytest.TestTokenStore(t, h)
	})
	if allowed := flag.Lookup("test.parallel").Value.(flag.Getter).Get().(int); allowed > 1 && most < 2 {
		t.Errorf("at most %d clause ran at once, want 2 or more, because -parallel is %d", most, allowed)
	}
}
