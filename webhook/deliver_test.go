package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/webhook"
)

func TestDeliveryIsWhatStandardWebhooksSays(t *testing.T) {
	rc := newReceiver(t, nil)
	s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	s.Sink(t.Context(), theReset())
	h := rc.wait(t, 1)[0]
	if err := verify(secretA, h); err != nil {
		t.Error("the receiver's library says", err)
	}
	const want = `{"type":"recovery.password_reset","timestamp":"2026-03-04T04:06:07.089Z","data":{"job_id":"JOB","lead_id":"lead-42","caller":"crm"}}`
	if string(h.body) != want {
		t.Errorf("body\n%s, want\n%s", h.body, want)
	}
	if h.method != "POST" || h.path != "/hooks?key="+urlSecret {
		t.Errorf("%s %s", h.method, h.path)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "User-Agent": "recovery-webhook", "Accept-Encoding": "", "Authorization": "", "Cookie": ""} {
		if got := h.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// "the message id [must not] be allowed to include any '.'"
	if !strings.HasPrefix(h.id(), "msg_") || strings.Contains(h.id(), ".") {
		t.Errorf("webhook-id %q", h.id())
	}
}

// A receiver detects every change to what was signed.
func TestChangedDeliveryIsRefused(t *testing.T) {
	rc := newReceiver(t, nil)
	s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	s.Sink(t.Context(), theReset())
	h := rc.wait(t, 1)[0]
	flip := func(s string, i int) string {
		b := []byte(s)
		if b[i]++; b[i] == ',' || b[i] == ' ' {
			b[i]++
		}
		return string(b)
	}
	for i := range h.body {
		changed := h
		changed.body = bytes.Clone(h.body)
		changed.body[i] ^= 1
		if verify(secretA, changed) == nil {
			t.Errorf("the body may change at byte %d", i)
		}
	}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		value := h.header.Get(name)
		for i := range value {
			changed := h
			changed.header = h.header.Clone()
			changed.header.Set(name, flip(value, i))
			if verify(secretA, changed) == nil {
				t.Errorf("%s may change at byte %d of %q", name, i, value)
			}
		}
	}
	if verify(secretB, h) == nil {
		t.Error("another secret verifies")
	}
}

func TestRotationOfSecrets(t *testing.T) {
	for _, tt := range []struct {
		name      string
		secrets   []recovery.Secret
		old, next bool
	}{
		{"before, the old one signs", []recovery.Secret{secretA}, true, false},
		{"meanwhile both sign", []recovery.Secret{secretB, secretA}, true, true},
		{"in either order", []recovery.Secret{secretA, secretB}, true, true},
		{"afterwards the new one signs", []recovery.Secret{secretB}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rc := newReceiver(t, nil)
			s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", tt.secrets...)}})
			s.Sink(t.Context(), theReset())
			h := rc.wait(t, 1)[0]
			if err := verify(secretA, h); (err == nil) != tt.old {
				t.Error("the receiver with the old secret says", err)
			}
			if err := verify(secretB, h); (err == nil) != tt.next {
				t.Error("the receiver with the new secret says", err)
			}
			if got := strings.Split(h.header.Get("webhook-signature"), " "); len(got) != len(tt.secrets) {
				t.Errorf("%d signatures", len(got))
			}
		})
	}
}

// Deliveries in a durable queue survive a restart. They are signed with the
// endpoint's present secrets and sent to its present URL.
func TestDeliveryOutlivesItsSender(t *testing.T) {
	rc := newReceiver(t, nil)
	q := &jobs{}
	first := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	first.Sink(t.Context(), theReset())
	job := q.only(t)
	for _, tt := range []struct {
		name    string
		opts    webhook.Options
		perform bool
	}{
		{"the same configuration", webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}}, true},
		{"another secret", webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretB)}}, true},
		{"another order", webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("new", secretC), rc.endpoint("crm", secretB)}}, true},
		{"a new key in front", webhook.Options{Keys: [][]byte{key2, key1}, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretB)}}, true},
		{"the key is gone, or not there yet", webhook.Options{Keys: [][]byte{key2}, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretB)}}, false},
		{"the endpoint is not known, or not yet", webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("new", secretB)}}, false},
	} {
		before := len(rc.hooks())
		tt.opts.Queue = &jobs{}
		s := newSender(t, tt.opts)
		err := s.Perform(t.Context(), job)
		hooks := rc.hooks()
		if !tt.perform {
			if err == nil || errors.Is(err, recovery.ErrPermanent) || len(hooks) != before {
				t.Errorf("%s: %v, %d requests", tt.name, err, len(hooks)-before)
			}
			continue
		}
		if err != nil || len(hooks) != before+1 {
			t.Errorf("%s: %v, %d requests", tt.name, err, len(hooks)-before)
			continue
		}
		h := hooks[before]
		secret := tt.opts.Endpoints[len(tt.opts.Endpoints)-1].Secrets[0]
		if err := verify(secret, h); err != nil {
			t.Errorf("%s: the receiver's library says %v", tt.name, err)
		}
		if h.id() != hooks[0].id() || !bytes.Equal(h.body, hooks[0].body) {
			t.Errorf("%s: id or body changed", tt.name)
		}
	}
}

// A delivery that was sealed with a key which this instance does not have is
// tried again for 15 minutes. One log line tells the operator.
func TestDeliverySealedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &jobs{}
		newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}}).Sink(t.Context(), theReset())
		job := q.only(t)
		var log bytes.Buffer
		other := newSender(t, webhook.Options{
			Keys: [][]byte{key2}, Queue: &jobs{}, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)},
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		for range 3 {
			if err := other.Perform(t.Context(), job); err == nil || errors.Is(err, recovery.ErrPermanent) {
				t.Errorf("at first: %v, want an error that passes", err)
			}
		}
		time.Sleep(15 * time.Minute)
		if err := other.Perform(t.Context(), job); !errors.Is(err, recovery.ErrPermanent) {
			t.Errorf("after 15 minutes: %v, want ErrPermanent", err)
		}
		if n := strings.Count(log.String(), "a key that this instance does not have"); n != 1 {
			t.Errorf("%d lines about the key, want 1:\n%s", n, &log)
		}
	})
}

// A delivery that is older than the Sender allows is refused, because an
// attacker must have written it into the queue again.
func TestOldDeliveryIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &jobs{}
		s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{nowhere("crm", secretA)}})
		s.Sink(t.Context(), theReset())
		other := newSender(t, webhook.Options{Queue: &jobs{}, Endpoints: []webhook.Endpoint{nowhere("other", secretB)}})
		time.Sleep(4 * 24 * time.Hour)
		if err := other.Perform(t.Context(), q.only(t)); err == nil || errors.Is(err, recovery.ErrPermanent) {
			t.Error("after four days:", err)
		}
		time.Sleep(time.Minute)
		if err := other.Perform(t.Context(), q.only(t)); !errors.Is(err, recovery.ErrPermanent) {
			t.Error("later:", err)
		}
	})
}

// Two endpoints get one event with the same webhook-id, by separate jobs.
func TestEveryEndpointIsTold(t *testing.T) {
	a, b := newReceiver(t, nil), newReceiver(t, nil)
	q := &jobs{}
	withClient := b.endpoint("b", secretB)
	withClient.IncludeClient = true
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{a.endpoint("a", secretA), withClient}})
	s.Sink(t.Context(), theReset())
	all := q.all()
	if len(all) != 2 || all[0].ID == all[1].ID {
		t.Fatalf("%d jobs", len(all))
	}
	for _, job := range all {
		if err := s.Perform(t.Context(), job); err != nil {
			t.Error(err)
		}
		if left := job.NotAfter.Sub(job.NotBefore); left != webhook.Lifetime {
			t.Errorf("tried for %v", left)
		}
	}
	ha, hb := a.wait(t, 1)[0], b.wait(t, 1)[0]
	if ha.id() != hb.id() {
		t.Errorf("webhook-id %s and %s", ha.id(), hb.id())
	}
	if verify(secretA, ha) != nil || verify(secretB, hb) != nil || verify(secretA, hb) == nil {
		t.Error("the signatures are wrong")
	}
	if bytes.Contains(ha.body, []byte("203.0.113.9")) {
		t.Errorf("the client's address is told unasked: %s", ha.body)
	}
	if !bytes.Contains(hb.body, []byte(`"client":"203.0.113.9"`)) {
		t.Errorf("the client's address is missing: %s", hb.body)
	}
}

func TestAnswers(t *testing.T) {
	answer := func(status int, header ...string) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("a body that says " + urlSecret))
		}
	}
	hijack := func(write string) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(write))
			_ = conn.Close()
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(int, http.ResponseWriter, *http.Request)
		want   string // part of the error; empty means success
	}{
		{"200 is success", answer(200), ""},
		{"202 is success", answer(202), ""},
		{"299 is success", answer(299), ""},
		{"301 fails", answer(301, "Location", "/elsewhere"), "redirects, which is not followed (status 301)"},
		{"307 fails", answer(307, "Location", "/elsewhere"), "redirects, which is not followed (status 307)"},
		{"308 without a place fails", answer(308), "redirects, which is not followed (status 308)"},
		{"a redirect that does not parse fails", answer(302, "Location", "https://[query-secret-8f3a"), "no valid answer"},
		{"304 fails", answer(304), "redirects, which is not followed (status 304)"},
		{"400 fails", answer(400), "refused (status 400)"},
		{"401 fails", answer(401), "refused (status 401)"},
		{"404 fails", answer(404), "refused (status 404)"},
		{"429 fails", answer(429), "is too busy (status 429)"},
		{"500 fails", answer(500), "refused (status 500)"},
		{"503 fails", answer(503), "is too busy (status 503)"},
		{"a status that does not exist fails", answer(999), "refused (status 999)"},
		{"what is no HTTP fails", hijack("query-secret-8f3a\r\n\r\n"), "no valid answer"},
		{"a header that is too long fails", hijack("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), "no valid answer"},
		{"nothing fails", hijack(""), "closed the connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rc := newReceiver(t, tt.answer)
			q, logs := &jobs{}, &log{}
			s := newSender(t, webhook.Options{Queue: q, Logger: logs.logger(), Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
			s.Sink(t.Context(), theReset())
			err := s.Perform(t.Context(), q.only(t))
			stats := one(t, s)
			if tt.want == "" {
				if err != nil || stats.Delivered != 1 || stats.Failed != 0 {
					t.Errorf("%v, %+v", err, stats)
				}
				return
			}
			if err == nil || err.Error() != "webhook: endpoint crm: "+tt.want {
				t.Fatalf("error %v, want %s", err, tt.want)
			}
			if errors.Is(err, recovery.ErrPermanent) {
				t.Error("it is not tried again")
			}
			if got := len(rc.hooks()); got != 1 {
				t.Errorf("%d requests", got)
			}
			if stats.Delivered != 0 || stats.Failed != 1 || stats.Disabled {
				t.Errorf("%+v", stats)
			}
			// A39: neither URL nor answer is logged.
			if strings.Contains(logs.String(), urlSecret) || strings.Contains(logs.String(), "127.0.0.1") {
				t.Errorf("logged %s", logs)
			}
		})
	}
}

func TestHangingReceivers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		answer  func(int, http.ResponseWriter, *http.Request)
		ok      bool
	}{
		{"no answer fails in time", time.Second, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false},
		{"a body that hangs is not waited for", 30 * time.Second, func(_ int, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, true},
		{"one with a length neither, for longer than the timeout", time.Second, func(_ int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rc := newReceiver(t, tt.answer)
			q := &jobs{}
			s := newSender(t, webhook.Options{Queue: q, Timeout: tt.timeout, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
			s.Sink(t.Context(), theReset())
			start := time.Now()
			err := s.Perform(t.Context(), q.only(t))
			if took := time.Since(start); took > 20*time.Second || tt.timeout == time.Second && took > testenv.Patience(8*time.Second) {
				t.Errorf("took %v", took)
			}
			if (err == nil) != tt.ok {
				t.Error(err)
			}
			if !tt.ok && (!errors.Is(err, context.DeadlineExceeded) || err.Error() != "webhook: endpoint crm: no answer in time") {
				t.Error(err)
			}
		})
	}
}

// A59: the body of a huge answer is not read, with or without a Content-Length.
func TestHugeBodies(t *testing.T) {
	const tooMuch = 256 << 20 // larger than any buffer between the two
	for _, length := range []string{"", strconv.FormatInt(1<<40, 10)} {
		written := make(chan int, 1)
		rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			n, chunk := 0, make([]byte, 1<<20)
			for n < tooMuch {
				m, err := w.Write(chunk)
				if n += m; err != nil {
					break
				}
			}
			written <- n
		})
		q := &jobs{}
		s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
		s.Sink(t.Context(), theReset())
		if err := s.Perform(t.Context(), q.only(t)); err != nil {
			t.Error(err)
		}
		if n := <-written; n >= tooMuch {
			t.Errorf("length %q: %d bytes were read", length, n)
		}
	}
}

// After a short answer the connection is used again, because a handshake for
// each delivery would cost both sides more than the delivery.
func TestConnectionsAreKept(t *testing.T) {
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok, thank you")) })
	var remotes sync.Map
	inner := rc.Config.Handler
	rc.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remotes.Store(r.RemoteAddr, true)
		inner.ServeHTTP(w, r)
	})
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	for range 10 {
		s.Sink(t.Context(), theReset())
	}
	for _, job := range q.all() {
		if err := s.Perform(t.Context(), job); err != nil {
			t.Error(err)
		}
	}
	connections := 0
	remotes.Range(func(any, any) bool { connections++; return true })
	if connections != 1 {
		t.Errorf("%d connections for 10 deliveries", connections)
	}
}

func TestAttemptEndsWithItsContext(t *testing.T) {
	rc := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	s.Sink(t.Context(), theReset())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		rc.wait(t, 1)
		cancel()
	}()
	if err := s.Perform(ctx, q.only(t)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestGoneDisablesTheEndpoint(t *testing.T) {
	gone := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	other := newReceiver(t, nil)
	q, logs := &jobs{}, &log{}
	var told []string
	var dead []webhook.Delivery
	s := newSender(t, webhook.Options{
		Queue: q, Logger: logs.logger(), Endpoints: []webhook.Endpoint{gone.endpoint("gone", secretA), other.endpoint("other", secretB)},
		OnDisabled: func(_ context.Context, id string) {
			told = append(told, id)
			panic("in a host's function")
		},
		OnUndelivered: func(_ context.Context, d webhook.Delivery, cause error) { dead = append(dead, d) },
	})
	s.Sink(t.Context(), theReset())
	s.Sink(t.Context(), theReset())
	for _, job := range q.all() {
		if err := s.Perform(t.Context(), job); err != nil {
			if !errors.Is(err, recovery.ErrPermanent) {
				t.Errorf("%v is tried again", err)
			}
			s.DeadLetter(t.Context(), job, err)
		}
	}
	s.Sink(t.Context(), theReset())
	if n := len(q.all()); n != 5 {
		t.Errorf("%d jobs, want none more for the endpoint that is gone", n)
	}
	if len(gone.hooks()) != 1 || len(other.hooks()) != 2 {
		t.Errorf("%d and %d requests", len(gone.hooks()), len(other.hooks()))
	}
	stats := s.Stats()
	if !stats[0].Disabled || stats[0].Dead != 2 || stats[0].Failed != 1 || stats[1].Disabled || stats[1].Delivered != 2 {
		t.Errorf("%+v", stats)
	}
	if len(told) != 1 || told[0] != "gone" || len(dead) != 2 {
		t.Errorf("told of %v, %d undelivered", told, len(dead))
	}
	if strings.Count(logs.String(), "410 Gone") != 1 || strings.Contains(logs.String(), "in a host's function") {
		t.Errorf("logged %s", logs)
	}
}

// If attempts that run at the same time are all answered with 410, OnDisabled
// is called once.
func TestGoneIsToldOnce(t *testing.T) {
	const n = 4
	var arrived sync.WaitGroup
	arrived.Add(n)
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(http.StatusGone)
	})
	var told atomic.Int32
	q := &jobs{}
	s := newSender(t, webhook.Options{
		Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)},
		OnDisabled: func(context.Context, string) { told.Add(1) },
	})
	for range n {
		s.Sink(t.Context(), theReset())
	}
	var performed sync.WaitGroup
	for _, job := range q.all() {
		performed.Go(func() {
			if err := s.Perform(t.Context(), job); !errors.Is(err, recovery.ErrPermanent) {
				t.Error(err)
			}
		})
	}
	performed.Wait()
	if told.Load() != 1 || one(t, s).Failed != n {
		t.Errorf("told %d times, %+v", told.Load(), one(t, s))
	}
}

func TestUndelivered(t *testing.T) {
	rc := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	q, logs := &jobs{}, &log{}
	var got webhook.Delivery
	var cause error
	s := newSender(t, webhook.Options{
		Queue: q, Logger: logs.logger(), Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)},
		OnUndelivered: func(_ context.Context, d webhook.Delivery, err error) {
			got, cause = d, err
			panic("in a host's function")
		},
	})
	s.Sink(t.Context(), theReset())
	job := q.only(t)
	err := s.Perform(t.Context(), job)
	s.DeadLetter(t.Context(), job, err)
	h := rc.hooks()[0]
	if got.Endpoint != "crm" || got.WebhookID != h.id() || got.Type != "recovery.password_reset" || !bytes.Equal(got.Body, h.body) {
		t.Errorf("told of %+v", got)
	}
	failure, ok := errors.AsType[*webhook.DeliveryError](cause)
	if !ok || failure.Status != 500 || failure.WebhookID != h.id() {
		t.Errorf("cause %v", cause)
	}
	// A delivery that was given up causes no other delivery.
	if len(q.all()) != 1 || one(t, s).Dead != 1 {
		t.Errorf("%d jobs, %+v", len(q.all()), one(t, s))
	}
	// A job that this Sender cannot decrypt is only logged.
	s.DeadLetter(t.Context(), recovery.Job{ID: "alien", Payload: []byte("x")}, errors.New("no"))
	if !strings.Contains(logs.String(), "alien") || one(t, s).Dead != 1 {
		t.Errorf("logged %s", logs)
	}
}
