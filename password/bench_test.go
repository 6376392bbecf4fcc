package password_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-51359b35/recovery/password"
)

func BenchmarkHash(b *testing.B) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hasher.Hash(b.Context(), "correct horse battery"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	if err != nil {
		b.Fatal(err)
	}
	current, err := hasher.Hash(b.Context(), "correct horse battery")
	if err != nil {
		b.Fatal(err)
	}
	old, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), 10)
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct{ name, stored string }{
		{"argon2id", current},
		{"nobody", ""},
		{"malformed", "!"},
		{"bcrypt cost 10", string(old)},
		{"argon2id at the ceilings", "$argon2id$v=19$m=262144,t=4,p=1$" + salt16 + "$" + tag32},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				hasher.Verify(b.Context(), password.Attempt{Hash: bb.stored, Password: "wrong horse battery"})
			}
		})
	}
}

// This measures our own part of a hash: everything but argon2.
func BenchmarkOverhead(b *testing.B) {
	b.Run("normalise ASCII", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			password.Normalize("correct horse battery")
		}
	})
	b.Run("normalise the worst 1,024 bytes", func(b *testing.B) {
		worst := strings.Repeat("\ufdfa", 341)
		b.ReportAllocs()
		for b.Loop() {
			password.Normalize(worst)
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			password.ReencodePHC("$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32)
		}
	})
}

func BenchmarkPolicy(b *testing.B) {
	policy, err := password.NewPolicy(password.PolicyOptions{MaxLength: 1024, ContextWords: []string{"Acme", "Road Runner"}})
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct{ name, in string }{
		{"a passphrase", "correct horse battery staple"},
		{"random characters", "xK9$mQ2vL#7pW4nZ"},
		{"a listed word, repeated with substitutions", "P@ssw0rdPa$$word"},
		{"1,024 of a listed word, but the end", strings.Repeat("michael", 146) + "xx"},
		{"1,024 digits and signs for letters", strings.Repeat("1", 1000) + "!7|1!7|1!7|1!7|1!7|1!7|q"},
		{"1,024 letters", strings.Repeat("a", 1023) + "b"},
		{"1,024 digits", strings.Repeat("4815162342", 102) + "1234"},
		{"1,024 of a word", strings.Repeat("jane", 255) + "x"},
		{"1,024 signs and letters", strings.Repeat("a!", 512)},
		{"1,024 of one letter but one", "ab" + strings.Repeat("a", 1022)},
		{"1,024 of one digit but two", strings.Repeat("1", 20) + "lq" + strings.Repeat("1", 1002)},
		{"Fibonacci, the worst of periods", fibonacci(1024)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				policy.CheckFor(b.Context(), bb.in, "jane.doe@example.com", "Jane Doe", "+44 20 7946 0018")
			}
		})
	}
}

func fibonacci(n int) string {
	a, b := "x", "xy"
	for len(b) < n {
		a, b = b, b+a
	}
	return b[:n]
}

// This measures what the first NewPolicy costs, and the memory that stays in
// use.
func BenchmarkReadDictionary(b *testing.B) {
	b.ReportAllocs()
	before := reachableHeap()
	var kept *password.Dictionary
	for b.Loop() {
		var err error
		if kept, err = password.ReadDictionary(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(reachableHeap()-before), "held-B")
	runtime.KeepAlive(kept)
}

// This measures the hashes per second and the peak of the heap, with 64 at
// once.
func BenchmarkBurstOf64(b *testing.B) {
	for _, bb := range []struct {
		name          string
		maxConcurrent int
	}{
		{"GOMAXPROCS slots", 0},
		{"2 slots", 2},
		{"64 slots", 64},
	} {
		b.Run(bb.name, func(b *testing.B) {
			hasher, err := password.NewArgon2id(password.Argon2idOptions{MaxConcurrent: bb.maxConcurrent, MaxWaiting: 64, MaxWait: time.Minute})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var peak uint64
			for b.Loop() {
				var group sync.WaitGroup
				for range 64 {
					group.Go(func() {
						hasher.Hash(b.Context(), "correct horse battery")
					})
				}
				done := make(chan struct{})
				go func() { group.Wait(); close(done) }()
				tick := time.NewTicker(2 * time.Millisecond)
				for running := true; running; {
					select {
					case <-done:
						running = false
					case <-tick.C:
						peak = max(peak, residentHeap())
					}
				}
				tick.Stop()
			}
			b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "hashes/s")
			b.ReportMetric(float64(peak>>20), "peak-MiB")
		})
	}
}

// This measures a refusal as a client sees it, over HTTP, while the slots and
// the queue are full. With a slot for every processor the scheduler takes the
// time, and not the refusal. One slot less shows the difference.
func BenchmarkBusyOverHTTP(b *testing.B) {
	for _, bb := range []struct {
		name  string
		slots int
	}{
		{"GOMAXPROCS slots", runtime.GOMAXPROCS(0)},
		{"one slot fewer", max(1, runtime.GOMAXPROCS(0)-1)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			filler, err := password.NewArgon2id(password.Argon2idOptions{MaxConcurrent: bb.slots})
			if err != nil {
				b.Fatal(err)
			}
			full := password.CheapArgon2id(password.Argon2idOptions{MaxConcurrent: 1, MaxWaiting: 1, MaxWait: time.Minute})
			defer full.Occupy(1)()
			var stop atomic.Bool
			var group sync.WaitGroup
			for range bb.slots {
				group.Go(func() {
					for !stop.Load() {
						filler.Hash(b.Context(), "correct horse battery")
					}
				})
			}
			go full.Hash(b.Context(), "x")
			for full.Waiting() == 0 {
				runtime.Gosched()
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := full.Hash(r.Context(), "x"); err != nil {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			defer server.Close()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				response, err := http.Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				took = append(took, time.Since(start))
			}
			stop.Store(true)
			group.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
