package webhook_test

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/webhook"
)

// table is the example of a schedule in Standard Webhooks.
var table = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

func TestRetrySchedule(t *testing.T) {
	var least, most time.Duration
	for i, want := range table {
		seen := map[time.Duration]bool{}
		for range 200 {
			got := webhook.RetrySchedule(i + 1)
			if got > want || got < want-want/10 {
				t.Errorf("after attempt %d: %v, want %v less up to a tenth", i+1, got, want)
			}
			seen[got] = true
		}
		if len(seen) < 100 {
			t.Errorf("after attempt %d: only %d pauses in 200", i+1, len(seen))
		}
		least, most = least+want-want/10, most+want
	}
	// With any random pauses, there are ten attempts and no eleventh.
	const attempts = 10 * 30 * time.Second
	if most+attempts >= webhook.Lifetime {
		t.Errorf("the last attempt may come after %v", most+attempts)
	}
	if least+webhook.RetrySchedule(10) < webhook.Lifetime {
		t.Errorf("an eleventh attempt may come after %v", least)
	}
	for _, n := range []int{10, 11, 1000, math.MaxInt} {
		if got := webhook.RetrySchedule(n); got < 21*time.Hour {
			t.Errorf("after attempt %d: %v", n, got)
		}
	}
	for _, n := range []int{0, -1, math.MinInt} {
		if got := webhook.RetrySchedule(n); got > 5*time.Second {
			t.Errorf("after attempt %d: %v", n, got)
		}
	}
}

// A quick is a receiver for bubbles of synctest. It closes each connection
// after the answer, because an open one would stop the bubble's clock.
func quick(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	rc := newReceiver(t, answer)
	rc.Config.SetKeepAlivesEnabled(false)
	return rc
}

// A receiver that is down for three days gets ten attempts at the times of the
// table: the same ID and the same bytes, with a new signature each time. The
// library accepts each of them when it arrives, and not only the first.
func TestRetriesFollowTheTable(t *testing.T) {
	rc := quick(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	synctest.Test(t, func(t *testing.T) {
		s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
		start := time.Now()
		s.Sink(t.Context(), theReset())
		seen := 0
		var at []time.Time
		for time.Since(start) < 2*webhook.Lifetime {
			hooks := rc.hooks()
			for _, h := range hooks[seen:] {
				if err := verify(secretA, h); err != nil {
					t.Errorf("attempt %d: the receiver's library says %v", len(at)+1, err)
				}
				if h.id() != hooks[0].id() || string(h.body) != string(hooks[0].body) {
					t.Errorf("attempt %d has another id or body", len(at)+1)
				}
				seconds, err := strconv.ParseInt(h.header.Get("webhook-timestamp"), 10, 64)
				if err != nil {
					t.Error(err)
				}
				at = append(at, time.Unix(seconds, 0))
			}
			seen = len(hooks)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if len(at) != 10 {
			t.Fatalf("%d attempts, want 10", len(at))
		}
		if first := at[0].Sub(start); first > time.Second {
			t.Errorf("the first attempt came after %v", first)
		}
		for i, want := range table {
			if got := at[i+1].Sub(at[i]); got > want+time.Second || got < want-want/10-time.Second {
				t.Errorf("attempt %d came after %v, want %v", i+2, got, want)
			}
		}
		if stats := one(t, s); stats.Failed != 10 || stats.Dead != 1 || stats.Delivered != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

func TestDeliveryIsTriedUntilItSucceeds(t *testing.T) {
	rc := quick(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 4 {
			w.WriteHeader(502)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
		s.Sink(t.Context(), theReset())
		time.Sleep(2 * webhook.Lifetime)
		synctest.Wait()
		if stats := one(t, s); stats.Failed != 3 || stats.Delivered != 1 || stats.Dead != 0 || len(rc.hooks()) != 4 {
			t.Errorf("%+v, %d requests", stats, len(rc.hooks()))
		}
	})
}

// An endpoint that asks for a pause gets it, for an hour at most. The
// deliveries of that time come later.
func TestRetryAfterIsHeeded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		field  string
		held   time.Duration
	}{
		{"429 with seconds", 429, "120", 2 * time.Minute},
		{"503 with seconds", 503, "120", 2 * time.Minute},
		{"a date", 503, "Sat, 01 Jan 2000 00:02:00 GMT", 2 * time.Minute},
		{"a week is an hour", 429, "604800", time.Hour},
		{"a date in a week is an hour", 429, "Sat, 08 Jan 2000 00:00:00 GMT", time.Hour},
		{"a number beyond measure is an hour", 429, "99999999999999999999999", time.Hour},
		{"no time", 429, "0", 0},
		{"a date that has passed", 429, "Sat, 01 Jan 1994 00:00:00 GMT", 0},
		{"none", 429, "", 0},
		{"nonsense", 429, "-5", 0},
		{"500 says nothing", 500, "120", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rc := quick(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 1 {
					w.Header().Set("Retry-After", tt.field)
					w.WriteHeader(tt.status)
				}
			})
			synctest.Test(t, func(t *testing.T) { // the bubble's time begins at 2000-01-01
				q := &jobs{}
				s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
				s.Sink(t.Context(), theReset())
				job := q.only(t)
				if s.Perform(t.Context(), job) == nil {
					t.Fatal("the first attempt succeeded")
				}
				if tt.held > 0 {
					time.Sleep(tt.held - time.Second)
					err := s.Perform(t.Context(), job)
					if err == nil || errors.Is(err, recovery.ErrPermanent) || len(rc.hooks()) != 1 || one(t, s).Deferred != 1 {
						t.Errorf("within the time: %v, %d requests, %+v", err, len(rc.hooks()), one(t, s))
					}
					time.Sleep(time.Second)
				}
				if err := s.Perform(t.Context(), job); err != nil || len(rc.hooks()) != 2 {
					t.Errorf("after the time: %v, %d requests", err, len(rc.hooks()))
				}
			})
		})
	}
}

// The answers of concurrent attempts come in any order, and one that asks for
// no pause does not end the pause that another one asked for.
func TestPauseIsNotShortened(t *testing.T) {
	answer := make(chan struct{})
	rc := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		pause := "3600"
		if n == 1 {
			select {
			case <-answer:
			case <-r.Context().Done(): // the test has failed
			}
			pause = "0"
		}
		w.Header().Set("Retry-After", pause)
		w.WriteHeader(429)
	})
	q := &jobs{}
	s := newSender(t, webhook.Options{Queue: q, Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
	s.Sink(t.Context(), theReset())
	job := q.only(t)
	first := make(chan error, 1)
	go func() { first <- s.Perform(t.Context(), job) }()
	rc.wait(t, 1)
	if s.Perform(t.Context(), job) == nil {
		t.Error("the second attempt succeeded")
	}
	close(answer)
	if <-first == nil {
		t.Error("the first attempt succeeded")
	}
	if s.Perform(t.Context(), job) == nil || len(rc.hooks()) != 2 || one(t, s).Deferred != 1 {
		t.Errorf("within the pause: %d requests, %+v", len(rc.hooks()), one(t, s))
	}
}

// A pause of one hour skips at most three of a delivery's ten attempts.
func TestHeldDeliveryStillComes(t *testing.T) {
	rc := quick(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(429)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSender(t, webhook.Options{Endpoints: []webhook.Endpoint{rc.endpoint("crm", secretA)}})
		s.Sink(t.Context(), theReset())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if stats := one(t, s); stats.Failed != 1 || stats.Deferred != 3 || stats.Delivered != 1 {
			t.Errorf("%+v", stats)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "3601", "99999999999999999999", "-1", "+1", " 1", "1.5", "Sat, 01 Jan 2000 00:02:00 GMT", "Sat, 08 Jan 2000 00:00:00 GMT", "Saturday, 01-Jan-00 00:02:00 GMT", "Sat, 01 Jan 1994 00:00:00 GMT"} {
		f.Add(s)
	}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, field string) {
		got := webhook.RetryAfter(field, now)
		if got < 0 || got > time.Hour {
			t.Errorf("%q: %v", field, got)
		}
		if got == 0 {
			return
		}
		// Only a whole number or a date is a valid Retry-After.
		if _, err := http.ParseTime(field); err != nil && strings.Trim(field, "0123456789") != "" {
			t.Errorf("%q: %v", field, got)
		}
	})
}
