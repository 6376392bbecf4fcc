package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// traffic is what people do: of 20 requests, 12 ask for a link and have an
// account, 4 have none, 2 check a token that is none, and 2 reset with a link
// that came.
type traffic struct {
	fleet *fleet
	relay *relay
	next  int // the next person, and the next request

	mu      sync.Mutex
	answers map[int]int // by status; 0 is no answer
	waiting []int       // people who were promised a link
	slowest time.Duration
}

// run sends so many requests a second until stop is closed, and waits for their
// answers.
func (t *traffic) run(rate int, stop <-chan struct{}) {
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		n := t.next
		t.next++
		all.Go(func() { t.request(n) })
	}
}

func (t *traffic) request(n int) {
	switch n % 20 {
	case 0, 1, 2, 3:
		t.say(n, "/forgot-password", fmt.Sprintf(`{"email":"nobody%d@example.com"}`, n))
	case 4, 5:
		t.say(n, "/check-token", `{"token":"AAAA"}`)
	case 6, 7:
		select {
		case token := <-t.relay.tokens:
			t.say(n, "/reset-password", resetBody(token))
		default: // no link has come
		}
	default:
		t.askLink(n)
	}
}

func resetBody(token string) string {
	return fmt.Sprintf(`{"token":%q,"password":"seven-quiet-herons-over-fen"}`, token)
}

// askLink asks for a link for person n.
func (t *traffic) askLink(n int) {
	if t.say(n, "/forgot-password", fmt.Sprintf(`{"email":"p%d@example.com"}`, n)) == http.StatusAccepted {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.waiting = append(t.waiting, n)
	}
}

// say sends the n-th request, and counts the answer.
func (t *traffic) say(n int, path, body string) (status int) {
	began := time.Now()
	status = t.post(t.fleet.pick(n).base+path, body)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers[status]++
	t.slowest = max(t.slowest, time.Since(began))
	return status
}

// burst lets so many people ask for a link, 64 at a time, beside the others.
func (t *traffic) burst(people int) {
	const first = 1_000_000_000 // behind all that run asks for
	var all sync.WaitGroup
	defer all.Wait()
	for caller := range 64 {
		all.Go(func() {
			for n := caller; n < people; n += 64 {
				t.askLink(first + n)
			}
		})
	}
}

func (t *traffic) post(url, body string) (status int) {
	res, err := t.fleet.client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// healthy reports whether every instance takes a request.
func (t *traffic) healthy() bool {
	for _, i := range t.fleet.all() {
		if t.post(i.base+"/forgot-password", `{"email":"nobody@example.com"}`) != http.StatusAccepted {
			return false
		}
	}
	return true
}

// promised returns how many people were promised a link, and those among them
// who have none; and how many mails came twice.
func (t *traffic) promised() (people, missing, doubled int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	missing, doubled = t.relay.came(t.waiting)
	return len(t.waiting), missing, doubled
}

// settle waits until everybody has a link, and returns after what time. After
// limit it gives up.
func (t *traffic) settle(limit time.Duration) time.Duration {
	began := time.Now()
	for time.Since(began) < limit {
		if _, missing, _ := t.promised(); missing == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}

// said returns the answers so far, as "202 x 1000, 503 x 12".
func (t *traffic) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(t.answers)) {
		name := fmt.Sprint(status)
		if status == 0 {
			name = "none"
		}
		parts = append(parts, fmt.Sprintf("%s x %d", name, t.answers[status]))
	}
	return strings.Join(parts, ", ")
}
