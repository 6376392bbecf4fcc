package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/password"
	"github.com/seed-51359b35/recovery/recoverytest"
)

const (
	johnID    = "a822e018-80a4-4a86-bd9d-9855710109ff"
	johnMail  = "johnwick@example.com"
	johnPhone = "+14157415569"
	johnAlt   = "john.alt@example.com"
	johnPAN   = "SSKKPPYY222"

	goodPassword = "Samplepassword@123"
)

// fields are those of the demo portal.
func fields() []recovery.Field {
	return []recovery.Field{
		{Name: "EmailAddress", Type: recovery.FieldTypeEmail, Search: true, Receive: true},
		{Name: "Phone", Type: recovery.FieldTypePhone, Search: true, Receive: true},
		{Name: "mx_Alternate_Email", Type: recovery.FieldTypeEmail, Receive: true},
		{Name: "mx_PAN_Number", Type: recovery.FieldTypeText, Search: true},
		{Name: "Username", Type: recovery.FieldTypeText, Search: true, IgnoreCase: true},
	}
}

// newLeads returns the leads that most tests know.
func newLeads() *recoverytest.Leads {
	leads := recoverytest.NewLeads(fields()...)
	leads.Add(recovery.Lead{
		ID: johnID, Name: "John Wick",
		Fields: map[string]recovery.FieldValue{
			"EmailAddress":       {Value: johnMail, Verified: true},
			"Phone":              {Value: "+14-157415569", Verified: true},
			"mx_Alternate_Email": {Value: johnAlt, Verified: true},
			"mx_PAN_Number":      {Value: johnPAN},
			"Username":           {Value: "john_doe"},
		},
		IdentityProviders: []string{"google", "facebook"},
	}, "")
	leads.Add(lead("disabled", recovery.StatusDisabled), "")
	leads.Add(lead("social", recovery.StatusNoPassword), "")
	unverified := lead("unverified", recovery.StatusActive)
	unverified.Fields["EmailAddress"] = recovery.FieldValue{Value: "unverified@example.com"}
	leads.Add(unverified, "")
	return leads
}

// lead is a lead called name with the address name@example.com.
func lead(name string, status recovery.LeadStatus) recovery.Lead {
	return recovery.Lead{
		ID: "lead-" + name, Status: status,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: name + "@example.com", Verified: true}},
	}
}

// trace records the order of calls to collaborators.
type trace struct {
	mu    sync.Mutex
	calls []string
}

func (t *trace) add(call string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, call)
}

func (t *trace) take() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

// The following put calls to what they hold on the trace.
type tracedLeads struct {
	*recoverytest.Leads
	calls *trace
}

func (s tracedLeads) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	s.calls.add("FindLead " + key.Field)
	return s.Leads.FindLead(ctx, key)
}

func (s tracedLeads) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	s.calls.add("SetPasswordHash")
	return s.Leads.SetPasswordHash(ctx, leadID, hash)
}

type tracedOutbox struct {
	*recoverytest.Outbox
	calls *trace
}

func (o tracedOutbox) Notify(ctx context.Context, m recovery.Message) error {
	o.calls.add("Notify " + string(m.Kind))
	return o.Outbox.Notify(ctx, m)
}

type tracedTokens struct {
	recovery.TokenStore
	calls *trace
}

func (s tracedTokens) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.TokenRecord, error) {
	s.calls.add("Put")
	return s.TokenStore.Put(ctx, slot, spec)
}

func (s tracedTokens) Peek(ctx context.Context, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.calls.add("Peek")
	return s.TokenStore.Peek(ctx, refs...)
}

func (s tracedTokens) Claim(ctx context.Context, id string, refs ...recovery.TokenRef) (recovery.TokenRecord, error) {
	s.calls.add("Claim")
	return s.TokenStore.Claim(ctx, id, refs...)
}

func (s tracedTokens) Release(ctx context.Context, id string, refs ...recovery.TokenRef) error {
	s.calls.add("Release")
	return s.TokenStore.Release(ctx, id, refs...)
}

func (s tracedTokens) Delete(ctx context.Context, slots ...string) error {
	s.calls.add("Delete")
	return s.TokenStore.Delete(ctx, slots...)
}

type tracedLimiter struct {
	recovery.Limiter
	calls *trace
}

func (l tracedLimiter) Allow(ctx context.Context, takes ...recovery.LimitRequest) ([]recovery.Decision, error) {
	l.calls.add("Take " + strconv.Itoa(len(takes)))
	return l.Limiter.Allow(ctx, takes...)
}

type tracedQueue struct {
	recovery.WorkerQueue
	calls *trace
}

func (q tracedQueue) Enqueue(ctx context.Context, job recovery.Job) error {
	q.calls.add("Enqueue")
	return q.WorkerQueue.Enqueue(ctx, job)
}

// fastHasher costs nothing, so that tests of races are about races. What it
// hashes it can verify.
type fastHasher struct{}

func (fastHasher) Hash(_ context.Context, pw string) (string, error) { return "fast:" + pw, nil }

func (fastHasher) Verify(_ context.Context, a password.Attempt) (password.Result, error) {
	return password.Result{Match: a.Hash == "fast:"+a.Password}, nil
}

// events keeps what the Service tells.
type events struct {
	mu  sync.Mutex
	all []recovery.Event
}

func (e *events) sink(_ context.Context, ev recovery.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) of(kind recovery.EventKind) []recovery.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.all), func(ev recovery.Event) bool { return ev.Kind != kind })
}

// logBuffer is a log that tests can read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// portal is a Service with everything around it within a test's reach.
type portal struct {
	*recovery.Service
	leads    tracedLeads
	tokens   recovery.TokenStore
	outbox   tracedOutbox
	notifier recovery.Notifier  // instead of the outbox alone
	users    recovery.LeadStore // instead of leads
	events   *events
	log      *logBuffer
	calls    *trace
	sessions func(ctx context.Context, leadID string) error // replaces the default
	ended    []string

	mu sync.Mutex
}

func testKey(n byte) []byte { return testenv.Key(strconv.Itoa(int(n))) }

// generous is limits that tests of other things do not meet.
func generous() recovery.Limits {
	t := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Minute}}}
	return recovery.Limits{
		Caller: t, ClientForgot: t, ClientReset: t, ClientCheck: t, Identifier: t, Lead: t, Recipient: t, Issue: t,
	}
}

// newPortal returns a running Service that ends with the test. edit changes
// the options, or the portal's parts, before New.
func newPortal(t testing.TB, edit func(p *portal, o *recovery.Options)) *portal {
	t.Helper()
	calls := &trace{}
	p := &portal{leads: tracedLeads{newLeads(), calls}, outbox: tracedOutbox{&recoverytest.Outbox{}, calls}, events: &events{}, log: &logBuffer{}, calls: calls}
	p.tokens = tracedTokens{recovery.NewMemoryTokenStore(), calls}
	opts := recovery.Options{
		Keys:      [][]byte{testKey(1)},
		Link:      recovery.Link{URL: "https://portal.example.com/reset"},
		Fields:    fields(),
		Passwords: recovery.PasswordOptions{Hasher: fastHasher{}},
		Limits:    generous(),
		Sessions: recovery.SessionEnderFunc(func(ctx context.Context, leadID string) error {
			calls.add("EndSessions")
			if p.sessions != nil {
				return p.sessions(ctx, leadID)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.ended = append(p.ended, leadID)
			return nil
		}),
		Limiter: tracedLimiter{recovery.NewMemoryLimiter(recovery.MemoryLimiterOptions{}), calls},
		Queue:   tracedQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), calls},

		DeliveryQueue: tracedQueue{recovery.NewMemoryQueue(recovery.MemoryQueueOptions{}), calls},
		Events:        p.events.sink,
		Logger:        slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	deliveries := opts.DeliveryQueue
	if edit != nil {
		edit(p, &opts)
	}
	if _, ok := opts.Queue.(recovery.WorkerQueue); !ok && opts.DeliveryQueue == deliveries {
		opts.DeliveryQueue = sameJobs{opts.Queue} // jobs that the test performs
	}
	if p.notifier == nil {
		p.notifier = p.outbox
	}
	if p.users == nil {
		p.users = p.leads
	}
	s, err := recovery.New(p.users, p.tokens, p.notifier, opts)
	if err != nil {
		t.Fatal(err)
	}
	p.Service = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ended(t, s.Shutdown(ctx))
	})
	return p
}

// ended fails the test if a Shutdown cut something short. Many tests leave jobs
// that fail, so it may have lost some.
func ended(t testing.TB, err error) {
	t.Helper()
	if e, ok := errors.AsType[*recovery.ShutdownError](err); err != nil && (!ok || e.CutShort > 0 || e.Cause != nil) {
		t.Errorf("Shutdown: %v", err)
	}
}

// lost fails the test unless a Shutdown, for which there was time, reports so
// many lost jobs.
func lost(t testing.TB, err error, want int) {
	t.Helper()
	e, ok := errors.AsType[*recovery.ShutdownError](err)
	if !ok || e.Lost != want || e.Kept != 0 || e.CutShort != 0 || e.Cause != nil {
		t.Errorf("Shutdown: %v, want %d lost", err, want)
	}
}

// sameJobs is a second queue that puts its jobs where the first puts them.
type sameJobs struct{ recovery.Queue }

// settle lets the queue finish. Only within a synctest bubble.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func byMail(address string) recovery.ForgotRequest {
	return recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: address}}
}

// forgot asks for a reset, waits, and returns the last message.
func (p *portal) forgot(t testing.TB, req recovery.ForgotRequest) recovery.Message {
	t.Helper()
	settle() // what is under way from before does not count
	before := len(p.outbox.Messages())
	if _, err := p.ForgotPassword(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	settle()
	all := p.outbox.Messages()
	if len(all) != before+1 {
		t.Fatalf("%d messages were sent, want 1\n%s", len(all)-before, p.log)
	}
	return all[len(all)-1]
}

// token returns the sealed token in a link.
func token(t testing.TB, m recovery.Message) string {
	t.Helper()
	u, err := url.Parse(m.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("token")
}

func (p *portal) reset(ctx context.Context, proof recovery.Proof, pw string) error {
	_, err := p.ResetPassword(ctx, recovery.ResetRequest{Proof: proof, Password: recovery.NewSecret(pw)})
	return err
}

func (p *portal) check(ctx context.Context, proof recovery.Proof) error {
	_, err := p.CheckProof(ctx, recovery.CheckProofRequest{Proof: proof})
	return err
}

// post sends a JSON body to a handler as a client at addr would.
func post(h http.Handler, path, body string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func from(addr string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(addr), 1234).String() }
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

// answer is all that a client sees, except what a handle is: every one is another.
func answer(w *httptest.ResponseRecorder) string {
	res := w.Result()
	body, _ := io.ReadAll(res.Body)
	var b strings.Builder
	fmt.Fprintln(&b, res.StatusCode)
	_ = res.Header.Write(&b)
	b.Write(handleText.ReplaceAll(body, []byte(`"handle":"..."`)))
	return b.String()
}

var handleText = regexp.MustCompile(`"handle":"[A-Za-z0-9_-]{100,140}"`)

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func stepUp(f func(recovery.Lead) error) recovery.StepUpFunc {
	return func(_ context.Context, l recovery.Lead) error { return f(l) }
}

// limitFields are the two fields that count down from answer to answer.
var limitFields = regexp.MustCompile(`(?mi)^RateLimit(-Policy)?: .*\n`)
