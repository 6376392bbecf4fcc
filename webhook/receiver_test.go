package webhook_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/webhook"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// secretA and secretB are the secrets of the endpoints in these tests.
var (
	secretA = recovery.NewSecret("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
	secretB = recovery.NewSecret("whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=")
	secretC = recovery.NewSecret("whsec_Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M=")

	key1 = testenv.Key("1")
	key2 = testenv.Key("2")
)

// A hook is one request that a receiver got.
type hook struct {
	method, path string
	header       http.Header
	body         []byte
}

func (h hook) id() string { return h.header.Get("webhook-id") }

// A receiver takes the place of another system. It is a real TLS server on the
// loopback interface.
type receiver struct {
	*httptest.Server
	// answer writes the answer to the n-th request. Default: 204.
	answer func(n int, w http.ResponseWriter, r *http.Request)

	mu   sync.Mutex
	got  []hook
	news chan struct{}
}

func newReceiver(t testing.TB, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	rc := &receiver{answer: answer, news: make(chan struct{}, 10_000)}
	rc.Server = httptest.NewUnstartedServer(rc)
	rc.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	rc.StartTLS()
	t.Cleanup(rc.Close)
	return rc
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rc.mu.Lock()
	rc.got = append(rc.got, hook{r.Method, r.URL.String(), r.Header.Clone(), body})
	n := len(rc.got)
	rc.mu.Unlock()
	rc.news <- struct{}{}
	if rc.answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rc.answer(n, w, r)
}

func (rc *receiver) hooks() []hook {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append([]hook(nil), rc.got...)
}

// wait waits for n requests and returns them.
func (rc *receiver) wait(t testing.TB, n int) []hook {
	t.Helper()
	deadline := time.NewTimer(testenv.Patience(20 * time.Second))
	defer deadline.Stop()
	for {
		if got := rc.hooks(); len(got) >= n {
			return got
		}
		select {
		case <-rc.news:
		case <-deadline.C:
			t.Fatalf("%d requests, want %d", len(rc.hooks()), n)
		}
	}
}

func (rc *receiver) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(rc.Certificate())
	return pool
}

// endpoint returns the Endpoint for the receiver.
func (rc *receiver) endpoint(id string, secrets ...recovery.Secret) webhook.Endpoint {
	return webhook.Endpoint{
		ID: id, URL: rc.URL + "/hooks?key=" + urlSecret, Secrets: secrets,
		RootCAs: rc.pool(), DangerouslyAllowPrivateAddresses: true,
	}
}

// urlSecret is in the query of every endpoint's URL, and must appear nowhere
// else.
const urlSecret = "query-secret-8f3a"

func verify(secret recovery.Secret, h hook) error {
	w, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		return err
	}
	return w.Verify(h.body, h.header)
}

// A log records what a Sender logs.
type log struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// jobs is a queue whose jobs the test performs itself.
type jobs struct {
	mu      sync.Mutex
	handler recovery.JobHandler
	waiting []recovery.Job
	enqueue func(ctx context.Context, job recovery.Job) error
}

func (q *jobs) Start(h recovery.JobHandler) error { q.handler = h; return nil }
func (q *jobs) Shutdown(context.Context) error    { return nil }

func (q *jobs) Enqueue(ctx context.Context, job recovery.Job) error {
	if q.enqueue != nil {
		return q.enqueue(ctx, job)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, job)
	return nil
}

// all returns all jobs that were enqueued.
func (q *jobs) all() []recovery.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]recovery.Job(nil), q.waiting...)
}

// only returns the one job in the queue.
func (q *jobs) only(t testing.TB) recovery.Job {
	t.Helper()
	all := q.all()
	if len(all) != 1 {
		t.Fatalf("%d jobs, want 1", len(all))
	}
	return all[0]
}

// newSender returns a Sender that is shut down at the end of the test.
func newSender(t testing.TB, opts webhook.Options) *webhook.Sender {
	t.Helper()
	if opts.Keys == nil {
		opts.Keys = [][]byte{key1}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.EnqueueTimeout == 0 {
		opts.EnqueueTimeout = 5 * time.Second // the machine may be busy
	}
	s, err := webhook.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience(10*time.Second))
		defer cancel()
		// Some tests leave deliveries that fail.
		err := s.Shutdown(ctx)
		if e, ok := errors.AsType[*recovery.ShutdownError](err); err != nil && (!ok || e.Cause != nil) {
			t.Error("Shutdown:", err)
		}
	})
	return s
}

// theReset returns an event with all its fields set.
func theReset() recovery.Event {
	return recovery.Event{
		Time: time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.FixedZone("", 3600)), Kind: recovery.EventPasswordReset,
		JobID: "JOB", LeadID: "lead-42", Caller: "crm", Client: netip.MustParseAddr("203.0.113.9"),
	}
}

func one(t testing.TB, s *webhook.Sender) webhook.EndpointStats {
	t.Helper()
	stats := s.Stats()
	if len(stats) != 1 {
		t.Fatalf("%d endpoints", len(stats))
	}
	return stats[0]
}
