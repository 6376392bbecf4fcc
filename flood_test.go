package recovery_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// countedKeys is a limiter that remembers which keys were counted.
type countedKeys struct {
	recovery.Limiter
	mu   sync.Mutex
	keys map[string]bool
}

func (l *countedKeys) Allow(ctx context.Context, requests ...recovery.LimitRequest) ([]recovery.Decision, error) {
	l.mu.Lock()
	for _, r := range requests {
		l.keys[r.Key] = true
	}
	l.mu.Unlock()
	return l.Limiter.Allow(ctx, requests...)
}

// Newcomers are a user store that finds a person by the address in one step. That of
// package recoverytest compares with everybody, which took two thirds of a flood's
// time.
type newcomers map[string]recovery.Lead

func newNewcomers(n int) newcomers {
	p := make(newcomers)
	for i := range n {
		name := fmt.Sprintf("new%d", i)
		l := lead(name, recovery.StatusActive)
		l.Version = "1"
		p[name+"@example.com"] = l
	}
	return p
}

func (p newcomers) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	if l, ok := p[key.Value]; ok {
		return l, nil
	}
	return recovery.Lead{}, recovery.ErrLeadNotFound
}

func (newcomers) SetPasswordHash(context.Context, string, string) error {
	return errors.New("nobody resets here")
}

// addressOf returns the n-th address of a flood.
func addressOf(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a000000|uint32(n))
	return netip.AddrFrom4(b)
}

// A95: identifiers that belong to nobody leave no counters behind, only those of
// the clients that named them. Where a message goes to unknown addresses, it is
// counted for them.
func TestInventedIdentifiersLeaveNothing_A95(t *testing.T) {
	const requests, clients = 500, 10
	for _, tt := range []struct {
		name    string
		message bool
		want    int // keys
	}{
		{"without a message", false, clients},
		// The identifier and the address of each, on top.
		{"with a message to unknown addresses", true, clients + 2*requests},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &heldQueue{}
				limiter := &countedKeys{Limiter: recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), keys: map[string]bool{}}
				p := newPortal(t, func(_ *portal, o *recovery.Options) {
					o.Queue, o.Limiter, o.Messages.UnknownAddress = q, limiter, tt.message
				})
				for i := range requests {
					req := byMail(fmt.Sprintf("invented%d@example.com", i))
					req.Requester.Client = addressOf(i % clients)
					if _, err := p.ForgotPassword(t.Context(), req); err != nil {
						t.Fatal(err)
					}
					p.performAll(t, q)
				}
				if len(limiter.keys) != tt.want {
					t.Errorf("%d keys were counted, want %d", len(limiter.keys), tt.want)
				}
			})
		})
	}
}

// A95: a flood of invented identifiers for hours, each client within its own
// limit: from few addresses, and from a fresh one each time, which are more than
// the limiter has logs for. Every newcomer who asks meanwhile gets a message. In
// the short form the limiter and the flood are smaller by the same factor.
func TestNewcomersAreServedBesideAFlood_A95(t *testing.T) {
	type flood struct {
		hours, rate int // requests a second
		fresh       bool
	}
	floods := []flood{{4, 2, false}, {4, 2, true}}
	options := recovery.MemoryLimiterOptions{MaxKeys: 1536, OverflowWindows: 1536}
	if testenv.Long() && !raceDetector {
		floods = []flood{{24, 9, false}, {24, 23, false}, {24, 45, false}, {9, 23, true}}
		options = recovery.MemoryLimiterOptions{}
	}
	for _, f := range floods {
		name := fmt.Sprintf("%d a second", f.rate)
		clients := f.rate * 220 // as many as it takes for each to stay within its limit
		if f.fresh {
			name, clients = name+" from fresh addresses", f.rate*f.hours*3600
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { besideAFlood(t, f.hours, f.rate, clients, options) })
		})
	}
}

// besideAFlood has newcomers ask beside so many requests a second from so many
// clients in turn.
func besideAFlood(t *testing.T, hours, rate, clients int, options recovery.MemoryLimiterOptions) {
	const asking = 300
	q := &heldQueue{}
	p := newPortal(t, func(p *portal, o *recovery.Options) {
		o.Queue, o.Limits, o.Limiter = q, recovery.Limits{}, recovery.NewMemoryLimiter(options)
		o.Events, o.Logger = nil, slog.New(slog.DiscardHandler) // millions of them
		p.users = newNewcomers(asking)
	})
	seconds, asked := hours*3600, 0
	flood, refused, served := 0, 0, 0
	for second := range seconds {
		for range rate {
			req := byMail("invented" + strconv.Itoa(flood) + "@example.com")
			req.Requester.Client = addressOf(flood % clients)
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				refused++
			}
			flood++
		}
		p.performAll(t, q)
		if second*asking/seconds >= asked {
			req := byMail(fmt.Sprintf("new%d@example.com", asked))
			req.Requester.Client = addressOf(1<<24 - 1 - asked)
			if _, err := p.ForgotPassword(t.Context(), req); err != nil {
				t.Errorf("newcomer %d: %v", asked, err)
			}
			asked++
			served += p.performAll(t, q)
		}
		time.Sleep(time.Second)
	}
	if refused > 0 {
		t.Errorf("%d requests of the flood were over a limit of their client; it is no flood that limits do not see", refused)
	}
	if asked != asking || served != asking {
		t.Errorf("%d of %d newcomers were served beside %d invented identifiers", served, asked, flood)
	}
}
