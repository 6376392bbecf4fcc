package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// leads is a user store in memory: it is this library that is measured, and
// its host's database would only hide it. Person n is personN@example.com.
type leads struct {
	most     int
	mu       sync.Mutex
	versions map[string]int
	gate     chan struct{} // closed when heldMail is answered
}

func newLeads(most int) *leads { return &leads{most: most, versions: map[string]int{}} }

func mailOf(n int) string { return "person" + strconv.Itoa(n) + "@example.com" }

// heldMail is an address that nobody has. It is looked for until its gate opens.
const heldMail = "held@example.com"

// FindLead implements [recovery.LeadStore].
func (l *leads) FindLead(_ context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	id := key.Value
	if id == heldMail {
		l.mu.Lock()
		gate := l.gate
		l.mu.Unlock()
		<-gate
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	if key.Field != recovery.LeadIDField {
		name, ok := strings.CutSuffix(key.Value, "@example.com")
		if !ok {
			return recovery.Lead{}, recovery.ErrLeadNotFound
		}
		id = name
	}
	n, err := strconv.Atoi(strings.TrimPrefix(id, "person"))
	if err != nil || n < 0 || n >= l.most {
		return recovery.Lead{}, recovery.ErrLeadNotFound
	}
	l.mu.Lock()
	version := l.versions[id]
	l.mu.Unlock()
	return recovery.Lead{
		ID: id, Version: strconv.Itoa(version + 1), Status: recovery.StatusActive,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: mailOf(n), Verified: true}},
	}, nil
}

// SetPasswordHash implements [recovery.LeadStore].
func (l *leads) SetPasswordHash(_ context.Context, id, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions[id]++
	return nil
}

// never is a limit policy that refuses nobody. Without it the default limits
// would end a measurement after a few requests.
var never = recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Millisecond}}}

// neverAnybody are limits of which none refuses anybody.
func neverAnybody() recovery.Limits {
	return recovery.Limits{
		Caller: never, ClientForgot: never, ClientReset: never, ClientCheck: never,
		Identifier: never, Lead: never, Recipient: never, Issue: never,
	}
}

// portal is a Service on Redis as a host would set it up.
type portal struct {
	*recovery.Service
	client  redis.UniversalClient
	handler http.Handler
	leads   *leads
	queues  [2]*recovery.MemoryQueue // that of requests, and that of deliveries
	sent    atomic.Int64
}

// newPortal makes a Service for people numbered up to most. Clients are told
// apart by X-Forwarded-For, as behind a proxy.
func newPortal(tb redistest.TB, at place, most int, edit func(o *recovery.Options)) *portal {
	p := &portal{client: at.client(), leads: newLeads(most)}
	for i := range p.queues {
		p.queues[i] = recovery.NewMemoryQueue(recovery.MemoryQueueOptions{Capacity: 1 << 20})
	}
	tb.Cleanup(func() { _ = p.client.Close() })
	store, err := redisstore.New(p.client, redisstore.Options{Timeout: patient, Logger: quiet})
	must(tb, err)
	options := recovery.Options{
		Keys:          [][]byte{recovery.NewKey()},
		Link:          recovery.Link{URL: "https://portal.example.com/reset"},
		Sessions:      recovery.SessionEnderFunc(func(context.Context, string) error { return nil }),
		ClientAddress: recovery.ClientAddressOptions{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Limiter:       store,
		Queue:         p.queues[0],
		DeliveryQueue: p.queues[1],
		Logger:        quiet,
	}
	if edit != nil {
		edit(&options)
	}
	p.queues[0] = options.Queue.(*recovery.MemoryQueue)
	p.Service, err = recovery.New(p.leads, store, recovery.NotifierFunc(func(context.Context, recovery.Message) error {
		p.sent.Add(1)
		return nil
	}), options)
	must(tb, err)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Shutdown(ctx)
	})
	p.handler = p.Handler()
	return p
}

// drained waits until the queues have nothing left to do. The first one fills the
// second.
func (p *portal) drained() {
	for _, q := range p.queues {
		for s := q.Stats(); s.Waiting+s.Running > 0; s = q.Stats() {
			time.Sleep(time.Millisecond)
		}
	}
}

// hold keeps the only worker of the queue of requests busy, so that nothing is
// done after the answers until finish is called. Then all is.
func (p *portal) hold(tb redistest.TB) (finish func()) {
	gate := make(chan struct{})
	p.leads.mu.Lock()
	p.leads.gate = gate
	p.leads.mu.Unlock()
	_, err := p.ForgotPassword(tb.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: heldMail}})
	must(tb, err)
	for p.queues[0].Stats().Running == 0 {
		time.Sleep(time.Millisecond)
	}
	return func() {
		close(gate)
		p.drained()
	}
}

// clientAddress is a different address for each n.
func clientAddress(n int) string {
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// post is a request that reaches a handler without a network.
func post(path, body string, n int) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://portal.example.com"+path, strings.NewReader(body))
	if err != nil {
		panic(err) // a literal was wrong
	}
	r.RemoteAddr, r.RequestURI = "127.0.0.1:4711", path
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", clientAddress(n))
	return r
}

func forgotBody(mail string) string { return `{"email":"` + mail + `"}` }

// An answer keeps the status of a response and drops the rest.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return len(b), nil
}

func (a *answer) WriteHeader(status int) { a.status = status }

// serve has a handler answer a request.
func serve(h http.Handler, r *http.Request) *answer {
	a := &answer{header: http.Header{}}
	h.ServeHTTP(a, r)
	return a
}

// expect is serve for one status.
func expect(h http.Handler, r *http.Request, status int) error {
	if a := serve(h, r); a.status != status {
		return fmt.Errorf("%s answered %d", r.URL.Path, a.status)
	}
	return nil
}

// drain reads and closes a body.
func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, body)
	_ = body.Close()
}
