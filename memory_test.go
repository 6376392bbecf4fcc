package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// H7, A59: a million requests from a million addresses for a million people
// leave memory and goroutines where the first tenth left them. In real time,
// with the default limiter, queue, token store and limits.
func TestMemoryIsFlatUnderAMillionClients_H7_A59(t *testing.T) {
	requests := 200_000 // the limiter has all its keys before half of them
	switch {
	case raceDetector:
		requests = 20_000
	case testenv.Long():
		requests = 1_000_000
	}
	queue := recovery.NewMemoryQueue(recovery.MemoryQueueOptions{})
	p := newPortal(t, func(p *portal, o *recovery.Options) {
		p.leads.calls, p.outbox.calls = nil, nil // which would keep every call
		p.tokens = recovery.NewMemoryTokenStore()
		o.Limits, o.Limiter, o.Queue, o.Logger, o.Events = recovery.Limits{}, nil, queue, quiet, nil
	})
	h := p.Handler()
	path := url.URL{Path: "/forgot-password"}
	fields := http.Header{"Content-Type": {"application/json"}}
	before, goroutines := heap(), runtime.NumGoroutine()
	var taken, full atomic.Int64
	start := time.Now()
	most := 0
	var after []int64
	const points = 10
	for point := range points {
		var wg sync.WaitGroup
		for half := range 2 {
			wg.Go(func() {
				for i := half; i < requests/points; i += 2 {
					n := point*(requests/points) + i
					addr := netip.AddrFrom4([4]byte{1 + byte(n>>24), byte(n >> 16), byte(n >> 8), byte(n)})
					body := `{"email":"user` + strconv.Itoa(n) + `@example.com"}`
					// Not httptest.NewRequest, which parses one.
					r := &http.Request{
						Method: http.MethodPost, URL: &path, Header: fields, RemoteAddr: addr.String() + ":1234",
						Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					switch w.Code {
					case http.StatusAccepted:
						taken.Add(1)
					case http.StatusServiceUnavailable: // the queue is full, for everybody
						full.Add(1)
					default:
						// The addresses beyond those that the limiter can tell
						// apart share windows.
						if w.Code != http.StatusTooManyRequests {
							t.Errorf("%d", w.Code)
						}
					}
				}
			})
		}
		wg.Wait()
		most = max(most, runtime.NumGoroutine()-goroutines)
		// How many jobs wait at this instant is chance.
		testenv.Eventually(t, time.Minute, "the queue is empty", func() bool {
			s := queue.Stats()
			return s.Waiting == 0 && s.Running == 0
		})
		after = append(after, heap()-before)
	}
	elapsed := time.Since(start)
	t.Logf("%d requests in %v, %.1f us each; %d taken, %d met a full queue, %d a shared window", requests, elapsed.Round(time.Millisecond),
		elapsed.Seconds()*1e6/float64(requests), taken.Load(), full.Load(), int64(requests)-taken.Load()-full.Load())
	for i, b := range after {
		t.Logf("after %8d: %6d KiB", (i+1)*requests/points, b>>10)
	}
	if most > 64 {
		t.Errorf("%d goroutines more than before", most)
	}
	// Flat: the second half adds nothing to speak of. The bound is the sum of
	// what the limiter's windows and the queue may hold.
	if last, mid := after[points-1], after[points/2-1]; last > 96<<20 || last-mid > 16<<20 {
		t.Errorf("%d bytes half way and %d at the end", mid, last)
	}
	runtime.KeepAlive(h)
}

// heap is the bytes that are in use, signed so that differences may be negative.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer or a pool held in the first
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// No goroutine outlives Shutdown, in a process that serves, resets, fails and
// gives up. The bubbles of all other tests end only when their goroutines
// have; this one looks at a real process.
func TestNoGoroutineOutlivesShutdown(t *testing.T) {
	before := stacks(t)
	var failing atomic.Bool
	p := newPortal(t, func(p *portal, o *recovery.Options) {
		quick := recovery.MemoryQueueOptions{AttemptTimeout: 50 * time.Millisecond, FirstRetry: time.Millisecond}
		o.Queue, o.DeliveryQueue = recovery.NewMemoryQueue(quick), recovery.NewMemoryQueue(quick)
		p.outbox.Intercept(func(ctx context.Context, m recovery.Message) error {
			if failing.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
	})
	server := httptest.NewServer(p.Handler())
	client := server.Client()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 25 {
				failing.Store(n > 15)
				for path, body := range map[string]string{
					"/forgot-password": `{"email":"johnwick@example.com"}`,
					"/check-token":     `{"token":"AAAA"}`,
					"/reset-password":  `{"token":"AAAA","password":"` + goodPassword + strconv.Itoa(i) + `"}`,
				} {
					res, err := client.Post(server.URL+path, "application/json", strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					_ = res.Body.Close()
				}
			}
		})
	}
	wg.Wait()
	client.CloseIdleConnections()
	server.Close()
	ended(t, p.Shutdown(t.Context()))
	wantErr(t, p.check(t.Context(), recovery.TokenProof("AAAA")), recovery.ErrUnavailable)
	// Goroutines that have signalled their end may be a moment short of it.
	of := func(stacks string) int { return strings.Count(stacks, "seed-51359b35/recovery.") }
	var after string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the goroutines that are left:\n%s", after)
		}
	})
	testenv.Eventually(t, 5*time.Second, "no goroutine of the Service is left", func() bool {
		after = stacks(t)
		return of(after) <= of(before)
	})
}

func stacks(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestShutdownEndsWhatIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &brokenTokens{TokenStore: recovery.NewMemoryTokenStore()}
		p := newPortal(t, func(p *portal, _ *recovery.Options) { p.tokens = store })
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		store.deleteFails.Store(true)
		if err := p.reset(t.Context(), proof, goodPassword); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // it is being repeated
		before := store.deletes.Load()
		if before < 5 {
			t.Fatalf("%d attempts in 10 min", before)
		}
		begin := time.Now()
		lost(t, p.Shutdown(t.Context()), 1)
		if d := time.Since(begin); d > time.Second {
			t.Errorf("Shutdown took %v", d)
		}
		if n := store.deletes.Load() - before; n != 1 {
			t.Errorf("%d last attempts, want 1", n)
		}
		// The bubble ends only if no goroutine is left.
	})
}

type brokenTokens struct {
	recovery.TokenStore
	deleteFails atomic.Bool
	deletes     atomic.Int64
}

func (s *brokenTokens) Delete(ctx context.Context, slots ...string) error {
	s.deletes.Add(1)
	if s.deleteFails.Load() {
		return errors.New("connection refused")
	}
	return s.TokenStore.Delete(ctx, slots...)
}

func TestShutdownWaitsForRequestsAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPortal(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(context.Context, string, string) error { time.Sleep(3 * time.Second); return nil }})
		done := make(chan error, 1)
		go func() { done <- p.reset(context.Background(), proof, goodPassword) }()
		synctest.Wait()
		begin := time.Now()
		shut := make(chan error, 1)
		go func() { shut <- p.Shutdown(context.Background()) }()
		synctest.Wait()
		for name, call := range publicCalls(p, recovery.Requester{}) {
			if err := call(t.Context()); !errors.Is(err, recovery.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			}
		}
		wantErr(t, issue(p, recovery.Requester{Caller: "crm"})(t.Context()), recovery.ErrUnavailable)
		wantErr(t, p.RevokeTokens(t.Context(), johnID), recovery.ErrUnavailable)
		if err := <-shut; err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("Shutdown took %v, want as long as the request", d)
		}
		if err := <-done; err != nil {
			t.Errorf("the reset: %v", err)
		}
		// The notices that followed were drained too.
		if n := len(p.outbox.OfKind(recovery.MessagePasswordChanged)); n != 3 {
			t.Errorf("%d notices, want 3", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// Not for ever, though.
		p := newPortal(t, nil)
		proof := recovery.TokenProof(token(t, p.forgot(t, byMail(johnMail))))
		p.leads.SetHooks(recoverytest.LeadsHooks{BeforeWrite: func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }})
		done := make(chan error, 1)
		go func() { done <- p.reset(context.Background(), proof, goodPassword) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Shutdown(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if e, ok := errors.AsType[*recovery.ShutdownError](err); !ok || e.CutShort != 1 || e.Lost != 0 {
			t.Errorf("Shutdown: %v, want one request cut short", err)
		}
		wantErr(t, <-done, recovery.ErrOutcomeUnknown)
	})
}

// The default token store gives back what has expired, while it is used.
func TestMemoryTokenStoreFreesExpiredRecords(t *testing.T) {
	const leads = 50_000
	tests := []struct {
		sentence string
		spec     recovery.TokenSpec // the zero value is for none
		guess    bool
		after    time.Duration
	}{
		{"links", recovery.TokenSpec{Digest: "digest", State: "state", TTL: time.Hour, MaxLive: 3}, false, time.Hour},
		{"codes", recovery.TokenSpec{Digest: "digest", State: "state", TTL: 10 * time.Minute, MaxLive: 1, Code: true, MaxTries: 5, MaxFailures: 20, FailureWindow: 24 * time.Hour}, false, 10 * time.Minute},
		{"codes that were guessed at", recovery.TokenSpec{Digest: "digest", State: "state", TTL: 10 * time.Minute, MaxLive: 1, Code: true, MaxTries: 5, MaxFailures: 20, FailureWindow: 24 * time.Hour}, true, 24 * time.Hour},
		{"guesses where there is no code", recovery.TokenSpec{}, true, time.Minute}, // A95, A97
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := recovery.NewMemoryTokenStore()
				empty := heap()
				for i := range leads {
					slot := "recovery:t:m:" + strconv.Itoa(i)
					if test.spec.TTL > 0 {
						if _, err := s.Put(t.Context(), slot, test.spec); err != nil {
							t.Fatal(err)
						}
					}
					if test.guess {
						_, err := s.Peek(t.Context(), recovery.TokenRef{Slot: slot, Digest: "wrong", Code: true})
						wantErr(t, err, recovery.ErrTokenNotFound)
					}
				}
				full := heap()
				time.Sleep(test.after)
				for range leads { // each call frees a few
					_, err := s.Peek(t.Context(), recovery.TokenRef{Slot: "another", Digest: "another"})
					wantErr(t, err, recovery.ErrTokenNotFound)
				}
				left := heap() - empty
				t.Logf("%d bytes a slot; %d of %d bytes are left after they expired", (full-empty)/leads, left, full-empty)
				if left > (full-empty)/20 {
					t.Errorf("%d of %d bytes are held after every record expired", left, full-empty)
				}
				runtime.KeepAlive(s)
			})
		})
	}
}

// Nor do slots that nobody has, which anybody can ask for, take any room.
func TestMemoryTokenStoreKeepsNothingOfQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recovery.NewMemoryTokenStore()
		empty := heap()
		for i := range 50_000 {
			ref := recovery.TokenRef{Slot: fmt.Sprintf("slot-%d", i), Digest: "d"}
			_, err := s.Peek(t.Context(), ref)
			wantErr(t, err, recovery.ErrTokenNotFound)
			_, err = s.Claim(t.Context(), "id", ref)
			wantErr(t, err, recovery.ErrTokenNotFound)
			wantErr(t, s.Release(t.Context(), "id", ref), nil)
			wantErr(t, s.Delete(t.Context(), ref.Slot), nil)
		}
		if left := heap() - empty; left > 100<<10 {
			t.Errorf("%d bytes are held", left)
		}
		runtime.KeepAlive(s)
	})
}

// A lead that is asked for again and again has one slot of bounded size.
func TestMemoryTokenStoreSlotIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := recovery.NewMemoryTokenStore()
		empty := heap()
		for i := range 100_000 / slower {
			digest := strconv.Itoa(i)
			if _, err := s.Put(t.Context(), "slot", recovery.TokenSpec{Digest: digest, State: "s", TTL: time.Hour, MaxLive: 3}); err != nil {
				t.Fatal(err)
			}
			ref := recovery.TokenRef{Slot: "slot", Digest: digest}
			for j := range 3 {
				wantErr(t, s.Release(t.Context(), fmt.Sprintf("id%d", j), ref), nil)
			}
		}
		if left := heap() - empty; left > 200<<10 {
			t.Errorf("%d bytes in one slot", left)
		}
		runtime.KeepAlive(s)
	})
}

// A34: the wrong guesses of a day are remembered for the day, long after their
// code has expired and the last of them.
func TestMemoryTokenStoreRemembersFailures_A34(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := recovery.NewMemoryTokenStore()
		put := func(digest string) {
			t.Helper()
			if _, err := store.Put(t.Context(), "slot", recovery.TokenSpec{
				Digest: digest, State: "state", TTL: 10 * time.Minute, MaxLive: 1, Code: true, MaxTries: 5, MaxFailures: 7, FailureWindow: 24 * time.Hour,
			}); err != nil {
				t.Fatal(err)
			}
		}
		peek := func(digest string, want error) {
			t.Helper()
			_, err := store.Peek(t.Context(), recovery.TokenRef{Slot: "slot", Digest: digest, Code: true})
			wantErr(t, err, want)
		}
		put("first")
		for range 4 {
			peek("wrong", recovery.ErrTokenNotFound)
		}
		time.Sleep(23 * time.Hour)
		put("second")
		peek("second", nil)
		for range 3 {
			peek("wrong", recovery.ErrTokenNotFound)
		}
		peek("second", recovery.ErrTokenNotFound)
	})
}
