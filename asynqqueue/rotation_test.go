package asynqqueue_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A fleet is everything that the instances of one portal share.
type fleet struct {
	t       *testing.T
	client  *redis.Client
	leads   *recoverytest.Leads
	tokens  recovery.TokenStore
	outbox  *recoverytest.Outbox
	log     safeBuffer
	mu      sync.Mutex
	dead    int
	refused []recovery.EventReason
	asked   int
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	_, client := simulated(t)
	return &fleet{t: t, client: client, leads: recoverytest.NewLeads(), tokens: recovery.NewMemoryTokenStore(), outbox: &recoverytest.Outbox{}}
}

func (f *fleet) event(_ context.Context, e recovery.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e.Kind {
	case recovery.EventDeadLetter:
		f.dead++
	case recovery.EventResetRefused:
		f.refused = append(f.refused, e.Reason)
	}
}

// start runs an instance. Each byte of its argument names a key. stop ends the
// instance.
func (f *fleet) start(keys ...byte) (service *recovery.Service, stop func()) {
	f.t.Helper()
	log := debugLogger(&f.log)
	queue := func(name string) *asynqqueue.Queue {
		return newQueue(f.t, f.client, func(o *asynqqueue.Options) {
			o.Name, o.Logger = name, log
			o.Backoff = func(int) time.Duration { return 20 * time.Millisecond }
		})
	}
	opts := recovery.Options{
		Link: recovery.Link{URL: "https://portal.example.com/reset"}, DangerouslyKeepSessions: true,
		Queue: queue("fleet"), DeliveryQueue: queue("fleet-deliveries"), Events: f.event, Logger: log,
	}
	for _, k := range keys {
		opts.Keys = append(opts.Keys, testenv.Key(strconv.Itoa(int(k))))
	}
	service, err := recovery.New(f.leads, f.tokens, f.outbox, opts)
	must(f.t, err)
	return service, sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		must(f.t, service.Shutdown(ctx))
	})
}

// ask makes a request for a link, for another person each time.
func (f *fleet) ask(service *recovery.Service) {
	f.t.Helper()
	f.asked++
	address := fmt.Sprintf("person%d@example.com", f.asked)
	f.leads.AddEmail(address, "$argon2id$old")
	_, err := service.ForgotPassword(f.t.Context(), recovery.ForgotRequest{
		Key:       recovery.LeadKey{Field: "EmailAddress", Value: address},
		Requester: recovery.Requester{Client: netip.AddrFrom4([4]byte{203, 0, 113, byte(f.asked)})},
	})
	must(f.t, err)
}

// delivered waits until every person who asked has a link, and returns the
// links' tokens.
func (f *fleet) delivered() []string {
	f.t.Helper()
	links := func() (tokens []string) {
		for _, m := range f.outbox.Messages() {
			if m.Kind == recovery.MessageResetLink {
				u, err := url.Parse(m.URL.Reveal())
				must(f.t, err)
				tokens = append(tokens, u.Query().Get("token"))
			}
		}
		return tokens
	}
	testenv.Eventually(f.t, 20*time.Second, "everybody has a link", func() bool { return len(links()) >= f.asked })
	return links()
}

// A key is changed as the documentation says, while the instances are restarted
// one after the other. No request is refused, and no job is lost.
func TestKeysChangedAsDocumented(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a, stopA := f.start(1)
	b, stopB := f.start(1)
	used := 0 // how many links were used
	phase := func(name string) {
		t.Helper()
		had := len(f.delivered())
		for _, s := range []*recovery.Service{a, b, a, b} {
			f.ask(s)
		}
		// Links of the phase before are used now, two at each instance.
		for i, token := range f.delivered()[used:had] {
			service := []*recovery.Service{a, b}[i/2%2]
			if _, err := service.ResetPassword(t.Context(), recovery.ResetRequest{
				Proof: recovery.TokenProof(token), Password: recovery.NewSecret("a fine password for a test"),
			}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		used = had
	}
	phase("before")
	for _, step := range []struct {
		name string
		keys []byte
	}{
		{"the new key is deployed as the last", []byte{1, 2}},
		{"the new key is moved to the front", []byte{2, 1}},
		{"the old key is dropped", []byte{2}},
	} {
		stopA()
		a, stopA = f.start(step.keys...)
		phase(step.name + ", at one instance")
		stopB()
		b, stopB = f.start(step.keys...)
		phase(step.name + ", at both")
	}
	stopA()
	stopB()
	if len(f.refused) != 0 || f.dead != 0 {
		t.Errorf("refused %v, %d dead letters", f.refused, f.dead)
	}
	if n := strings.Count(f.log.String(), slog.LevelWarn.String()); n != 0 {
		t.Errorf("%d warnings:\n%s", n, f.log.String())
	}
}

// A key is changed in one step, which the documentation forbids. No job is lost
// if one instance still has its key, or gets the key back in time. The log says
// what is wrong.
func TestKeysChangedInOneStep(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a, stopA := f.start(1)
	b, stopB := f.start(2)
	for range 20 {
		f.ask(a)
		f.ask(b)
	}
	f.delivered()
	// Now no instance has the former key, and jobs under it wait.
	f.outbox.Intercept(func(context.Context, recovery.Message) error { return context.DeadlineExceeded })
	for range 20 {
		f.ask(a)
	}
	stopA()
	f.outbox.Intercept(nil)
	_, stopC := f.start(2)
	testenv.Eventually(t, 20*time.Second, "the log tells of the key", func() bool {
		return strings.Contains(f.log.String(), "a key that this instance does not have")
	})
	// The key comes back, as the last one.
	_, stopD := f.start(2, 1)
	f.delivered()
	for _, stop := range []func(){stopB, stopC, stopD} {
		stop()
	}
	if f.dead != 0 {
		t.Errorf("%d dead letters", f.dead)
	}
	if n := strings.Count(f.log.String(), "cannot be opened: it was sealed with a key that this instance does not have"); n < 1 || n > 3 {
		t.Errorf("%d lines tell of the key, want one for each instance that lacks it:\n%s", n, f.log.String())
	}
}
