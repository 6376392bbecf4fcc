package asynqqueue_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
)

// A31, A39: during a whole request, with attempts that fail, panic and are
// given up, neither the address nor the link gets into Redis or a log.
func TestSecretsStayAway(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	var log safeBuffer
	logger := debugLogger(&log)
	const address = "ada.lovelace@example.com"
	var mu sync.Mutex
	var links []string
	failures := 0
	attempts := map[string]int{} // the failed ones of each job
	snapshots := ""
	snapshot := func() {
		mu.Lock()
		defer mu.Unlock()
		snapshots += dump(t, client)
	}
	notifier := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		snapshot()
		mu.Lock()
		defer mu.Unlock()
		links = append(links, m.URL.Reveal())
		failures++
		switch failures {
		case 1:
			return errors.New("550 no such user " + m.To + ": " + m.URL.Reveal())
		case 2:
			panic(m.To + m.URL.Reveal())
		case 3:
			return errors.Join(recovery.ErrPermanent, errors.New("to "+m.To))
		}
		return nil
	})
	queue := newQueue(t, client, func(o *asynqqueue.Options) { o.Logger = logger })
	service, err := recovery.New(leadStore(address), recovery.NewMemoryTokenStore(), notifier, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Limits:                  relaxed(),
		Queue:                   queue, Logger: slog.New(slog.DiscardHandler),
		Events: func(_ context.Context, e recovery.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == recovery.EventDeliveryFailed {
				attempts[e.JobID]++
				snapshots += e.Cause
				if e.Attempt != attempts[e.JobID] {
					t.Errorf("failed attempt %d of a job counts as %d", attempts[e.JobID], e.Attempt)
				}
			}
		},
	})
	must(t, err)
	for range 2 {
		_, err := service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: address}})
		must(t, err)
		snapshot()
	}
	eventually(t, "both are done with", func() bool {
		snapshot()
		mu.Lock()
		defer mu.Unlock()
		return failures == 4
	})
	empty(t, queue)
	snapshot()
	must(t, service.Shutdown(t.Context()))
	snapshot()
	secrets := []string{"ada.lovelace", "lovelace@"}
	for _, link := range links {
		u, err := url.Parse(link)
		must(t, err)
		secrets = append(secrets, u.Query().Get("token"), "portal.example.com")
	}
	for _, s := range secrets {
		for _, form := range []string{s, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s))[:8], base64.RawURLEncoding.EncodeToString([]byte(s))[:8]} {
			if strings.Contains(snapshots, form) {
				t.Errorf("Redis holds %q", form)
			}
			if strings.Contains(log.String(), form) {
				t.Errorf("the log holds %q", form)
			}
		}
	}
	if n := len(attempts); n == 0 {
		t.Error("no event tells of a failed attempt")
	}
	if !strings.Contains(snapshots, ":t:") || !strings.Contains(log.String(), "an attempt failed") {
		t.Error("the test looks in the wrong places")
	}
	for line := range strings.Lines(log.String()) {
		for word := range strings.FieldsSeq(line) {
			if len(word) > 200 {
				t.Errorf("a payload in the log? %s", line)
			}
		}
	}
}

// leadStore has one lead, with this address.
func leadStore(address string) recovery.LeadStore {
	leads := recoverytest.NewLeads()
	leads.AddEmail(address, "old")
	return leads
}

func relaxed() recovery.Limits {
	much := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 100_000, Window: time.Hour}}}
	return recovery.Limits{Caller: much, ClientForgot: much, ClientCheck: much, Identifier: much, Lead: much, Recipient: much}
}

// A20 to A23: the questions to Redis during a request do not depend on the
// lead.
func TestEnqueueDoesNotDependOnTheLead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := server.Proxy(t)
	queue := newQueue(t, proxy.Client(t), func(o *asynqqueue.Options) { o.EnqueueOnly, o.Workers = true, 0 })
	const known = "ada.lovelace@example.com"
	service, err := recovery.New(leadStore(known), recovery.NewMemoryTokenStore(), recovery.NotifierFunc(func(context.Context, recovery.Message) error { return nil }), recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true, Limits: relaxed(),
		Queue: queue, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { _ = service.Shutdown(context.Background()) })
	forgot := func(address string) int {
		before := proxy.Commands("EVALSHA")
		_, err := service.ForgotPassword(t.Context(), recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: address}})
		must(t, err)
		return proxy.Commands("EVALSHA") - before
	}
	forgot(known) // asks for the depth too
	eventually(t, "the depth", func() bool { _, err := queue.Stats(t.Context()); return err == nil })
	sizes := map[string]int{}
	watcher := server.Client(t)
	for _, address := range []string{known, "not.lovelace@example.com"} {
		before := strings.Join(watcher.Keys(t.Context(), "asynq:*:t:*").Val(), " ")
		// The queue also asks for the depth once a second, in the background.
		eventually(t, "a request that costs one script", func() bool { return forgot(address) == 1 })
		for _, key := range watcher.Keys(t.Context(), "asynq:*:t:*").Val() {
			if !strings.Contains(before, key) {
				sizes[address] = len(watcher.HGet(t.Context(), key, "msg").Val())
			}
		}
	}
	if a, b := sizes[known], sizes["not.lovelace@example.com"]; a == 0 || a-b > 8 || b-a > 8 {
		t.Errorf("tasks of %d and %d bytes", a, b)
	}
}
