package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/password"
)

// patience is how long a person sends a reset again that was answered with 503.
const patience = 10 * time.Minute

// resetsAtOnce lets so many people reset in the same instant, and prints how long
// that took, beside what their hashes alone cost. Like the page, people wait for
// Retry-After and send again.
func resetsAtOnce(tb redistest.TB, people int) {
	e := newEnvironment(tb, fault{})
	e.traffic.burst(people)
	var tokens []string
	for limit := time.After(2 * time.Minute); len(tokens) < people; {
		select {
		case token := <-e.relay.tokens:
			tokens = append(tokens, token)
		case <-limit:
			tb.Fatalf("%d links of %d came", len(tokens), people)
		case <-tb.Context().Done():
			return
		}
	}
	hash := hashTime(tb)
	used := e.fleet.cpu()
	began := time.Now()
	var mu sync.Mutex
	answers, slowest := map[int]int{}, time.Duration(0)
	var all sync.WaitGroup
	for n, token := range tokens {
		all.Go(func() {
			for time.Since(began) < patience {
				status, after := e.fleet.reset(tb.Context(), n, token)
				mu.Lock()
				answers[status]++
				if status == http.StatusNoContent {
					slowest = max(slowest, time.Since(began))
				}
				mu.Unlock()
				if status != http.StatusServiceUnavailable {
					return
				}
				pause(tb, after)
			}
		})
	}
	all.Wait()
	took, used := time.Since(began), e.fleet.cpu()-used
	cores := min(runtime.NumCPU(), len(e.fleet.all())*runtime.GOMAXPROCS(0))
	fmt.Printf("%d people reset at once over %d instances: %d succeeded, the last after %v. Answers: %v, in %v.\n",
		people, len(e.fleet.all()), answers[http.StatusNoContent], slowest.Round(10*time.Millisecond), answers, took.Round(10*time.Millisecond))
	fmt.Printf("The instances used %v of CPU. One hash takes %v, so %d take %v on %d cores.\n",
		used.Round(10*time.Millisecond), hash.Round(100*time.Microsecond), people, (hash * time.Duration(people) / time.Duration(cores)).Round(10*time.Millisecond), cores)
	if answers[http.StatusNoContent] != people {
		tb.Errorf("%d of %d people could reset", answers[http.StatusNoContent], people)
	}
}

// reset sends one reset. After a 503 it also returns when to try again.
func (f *fleet) reset(ctx context.Context, n int, token string) (status int, after time.Duration) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.pick(n).base+"/reset-password", strings.NewReader(resetBody(token)))
	if err != nil {
		return 0, 0
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return 0, 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	return res.StatusCode, time.Duration(max(1, seconds)) * time.Second
}

// hashTime returns how much of a core one hash takes.
func hashTime(tb redistest.TB) time.Duration {
	hasher, err := password.NewArgon2id(password.Argon2idOptions{})
	check(tb, err)
	const hashes = 20
	before := cpuOf("self")
	for range hashes {
		_, err := hasher.Hash(tb.Context(), "seven-quiet-herons-over-fen")
		check(tb, err)
	}
	return (cpuOf("self") - before) / hashes
}

// cpu returns the processor time that the instances have used.
func (f *fleet) cpu() (sum time.Duration) {
	for _, i := range f.all() {
		sum += cpuOf(strconv.Itoa(i.cmd.Process.Pid))
	}
	return sum
}

// cpuOf returns the processor time that a process has used, where there is a
// /proc. Linux counts in hundredths of a second.
func cpuOf(pid string) time.Duration {
	stat, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ") // after the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
