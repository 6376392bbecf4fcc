package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
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
	"github.com/seed-51359b35/recovery/password"
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
		{Name: "EmailAddress", Type: recovery.FieldEmail, Search: true, Receive: true},
		{Name: "Phone", Type: recovery.FieldPhone, Search: true, Receive: true},
		{Name: "mx_Alternate_Email", Type: recovery.FieldEmail, Receive: true},
		{Name: "mx_PAN_Number", Type: recovery.FieldText, Search: true},
		{Name: "Username", Type: recovery.FieldText, Search: true, IgnoreCase: true},
	}
}

// leadStore is an in-memory LeadStore whose calls a test can watch and fail.
type leadStore struct {
	calls *trace

	mu     sync.Mutex
	leads  map[string]*recovery.Lead
	hashes map[string]string
	writes int

	// find and write, if set, run before the real thing and outside the lock.
	find  func(ctx context.Context, key recovery.LeadKey) error
	write func(ctx context.Context, leadID, hash string) error
}

func newLeadStore(calls *trace) *leadStore {
	s := &leadStore{calls: calls, leads: map[string]*recovery.Lead{}, hashes: map[string]string{}}
	s.add(recovery.Lead{
		ID: johnID, Version: "1", Status: recovery.StatusActive, Name: "John Wick",
		Fields: map[string]recovery.FieldValue{
			"EmailAddress":       {Value: johnMail, Verified: true},
			"Phone":              {Value: "+14-157415569", Verified: true},
			"mx_Alternate_Email": {Value: johnAlt, Verified: true},
			"mx_PAN_Number":      {Value: johnPAN},
			"Username":           {Value: "john_doe"},
		},
		IdentityProviders: []string{"google", "facebook"},
	})
	s.add(lead("disabled", recovery.StatusDisabled))
	s.add(lead("social", recovery.StatusNoPassword))
	unverified := lead("unverified", recovery.StatusActive)
	unverified.Fields["EmailAddress"] = recovery.FieldValue{Value: "unverified@example.com"}
	s.add(unverified)
	return s
}

// lead is a lead called name with the address name@example.com.
func lead(name string, status recovery.LeadStatus) recovery.Lead {
	return recovery.Lead{
		ID: "lead-" + name, Version: "1", Status: status,
		Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: name + "@example.com", Verified: true}},
	}
}

func (s *leadStore) add(l recovery.Lead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads[l.ID] = &l
}

// change edits a lead and gives it a new version.
func (s *leadStore) change(id string, f func(*recovery.Lead)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.leads[id])
	s.bump(id)
}

func (s *leadStore) bump(id string) {
	n, _ := strconv.Atoi(s.leads[id].Version)
	s.leads[id].Version = strconv.Itoa(n + 1)
}

func (s *leadStore) hash(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hashes[id]
}

func (s *leadStore) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func (s *leadStore) FindLead(ctx context.Context, key recovery.LeadKey) (recovery.Lead, error) {
	s.calls.add("FindLead " + key.Field)
	if s.find != nil {
		if err := s.find(ctx, key); err != nil {
			return recovery.Lead{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*recovery.Lead
	for _, l := range s.leads {
		v := l.Fields[key.Field].Value
		switch key.Field {
		case recovery.LeadIDField:
			v = l.ID
		case "Phone":
			v = strings.ReplaceAll(v, "-", "")
		case "EmailAddress", "Username":
			v = strings.ToLower(v)
		}
		if v == key.Value {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		return recovery.Lead{}, fmt.Errorf("%d found: %w", len(found), recovery.ErrLeadNotFound)
	}
	l := *found[0]
	l.Fields = maps.Clone(l.Fields)
	return l, nil
}

func (s *leadStore) SetPasswordHash(ctx context.Context, leadID, hash string) error {
	s.calls.add("SetPasswordHash")
	if s.write != nil {
		if err := s.write(ctx, leadID, hash); err != nil {
			return err
		}
	}
	return s.set(leadID, hash)
}

func (s *leadStore) set(leadID, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leads[leadID] == nil {
		return fmt.Errorf("no lead: %w", recovery.ErrNotWritten)
	}
	s.hashes[leadID] = hash
	s.writes++
	s.bump(leadID)
	return nil
}

// outbox is a Notifier that keeps what it is given.
type outbox struct {
	calls *trace

	mu       sync.Mutex
	messages []recovery.Message
	notify   func(ctx context.Context, m recovery.Message) error
}

func (o *outbox) Notify(ctx context.Context, m recovery.Message) error {
	o.calls.add("Notify " + string(m.Kind))
	if o.notify != nil {
		if err := o.notify(ctx, m); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
	return nil
}

func (o *outbox) all() []recovery.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

// of returns the messages of a kind, oldest first.
func (o *outbox) of(kind recovery.MessageKind) []recovery.Message {
	return slices.DeleteFunc(o.all(), func(m recovery.Message) bool { return m.Kind != kind })
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

// tracedTokens, tracedLimiter and tracedQueue put calls on the trace.
type tracedTokens struct {
	recovery.TokenStore
	calls *trace
}

func (s tracedTokens) Put(ctx context.Context, slot string, spec recovery.TokenSpec) (recovery.Token, error) {
	s.calls.add("Put")
	return s.TokenStore.Put(ctx, slot, spec)
}

func (s tracedTokens) Peek(ctx context.Context, refs ...recovery.Ref) (recovery.Token, error) {
	s.calls.add("Peek")
	return s.TokenStore.Peek(ctx, refs...)
}

func (s tracedTokens) Claim(ctx context.Context, id string, refs ...recovery.Ref) (recovery.Token, error) {
	s.calls.add("Claim")
	return s.TokenStore.Claim(ctx, id, refs...)
}

func (s tracedTokens) Release(ctx context.Context, id string, refs ...recovery.Ref) error {
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

func (l tracedLimiter) Take(ctx context.Context, takes ...recovery.Take) ([]recovery.Decision, error) {
	l.calls.add("Take " + strconv.Itoa(len(takes)))
	return l.Limiter.Take(ctx, takes...)
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

func (fastHasher) Verify(_ context.Context, encoded, pw string) (password.Result, error) {
	return password.Result{Match: encoded == "fast:"+pw}, nil
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
	leads    *leadStore
	tokens   recovery.TokenStore
	outbox   *outbox
	notifier recovery.Notifier // instead of the outbox alone
	events   *events
	log      *logBuffer
	calls    *trace
	sessions func(ctx context.Context, leadID string) error // replaces the default
	ended    []string

	mu sync.Mutex
}

func testKey(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

// generous is limits that tests of other things do not meet.
func generous() recovery.Limits {
	t := recovery.Tier{Limits: []recovery.Limit{{N: 100_000, Window: time.Minute}}}
	return recovery.Limits{
		Caller: t, ClientForgot: t, ClientReset: t, ClientCheck: t, Identifier: t, Lead: t, Recipient: t, Issue: t,
	}
}

// newPortal returns a running Service that ends with the test. edit changes
// the options, or the portal's parts, before New.
func newPortal(t testing.TB, edit func(p *portal, o *recovery.Options)) *portal {
	t.Helper()
	calls := &trace{}
	p := &portal{leads: newLeadStore(calls), outbox: &outbox{calls: calls}, events: &events{}, log: &logBuffer{}, calls: calls}
	p.tokens = tracedTokens{recovery.NewMemoryTokenStore(), calls}
	opts := recovery.Options{
		Keys:   [][]byte{testKey(1)},
		Link:   recovery.Link{URL: "https://portal.example.com/reset"},
		Fields: fields(),
		Hasher: fastHasher{},
		Limits: generous(),
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
		Events:  p.events.sink,
		Logger:  slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(p, &opts)
	}
	if p.notifier == nil {
		p.notifier = p.outbox
	}
	s, err := recovery.New(p.leads, p.tokens, p.notifier, opts)
	if err != nil {
		t.Fatal(err)
	}
	p.Service = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return p
}

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
	before := len(p.outbox.all())
	if _, err := p.ForgotPassword(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	settle()
	all := p.outbox.all()
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
	_, err := p.CheckProof(ctx, recovery.CheckRequest{Proof: proof})
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

// answer is all that a client sees.
func answer(w *httptest.ResponseRecorder) string {
	res := w.Result()
	body, _ := io.ReadAll(res.Body)
	var b strings.Builder
	fmt.Fprintln(&b, res.StatusCode)
	_ = res.Header.Write(&b)
	b.Write(body)
	return b.String()
}

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
