package riverqueue_test

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

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/riverqueue"
)

// A31, A39: during a whole request, with attempts that fail, panic and are
// given up, neither the address nor the link gets into PostgreSQL or a log.
func TestSecretsStayAway(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var log safeBuffer
	logger := debugLogger(&log)
	const address = "ada.lovelace@example.com"
	var mu sync.Mutex
	var links []string
	failures := 0
	snapshots := ""
	snapshot := func() {
		mu.Lock()
		defer mu.Unlock()
		snapshots += dump(t, pool)
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
	queue := newQueue(t, pool, func(o *riverqueue.Options) { o.Logger = logger })
	deliveries := newQueue(t, pool, func(o *riverqueue.Options) { o.Logger = logger })
	service, err := recovery.New(leadStore(address), recovery.NewMemoryTokenStore(), notifier, recovery.Options{
		Keys:                    [][]byte{testenv.Key("k")},
		Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
		DangerouslyKeepSessions: true,
		Limits:                  relaxed(),
		Queue:                   queue, DeliveryQueue: deliveries, Logger: slog.New(slog.DiscardHandler),
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
	empty(t, deliveries)
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
				t.Errorf("PostgreSQL holds %q", form)
			}
			if strings.Contains(log.String(), form) {
				t.Errorf("the log holds %q", form)
			}
		}
	}
	if !strings.Contains(snapshots, "recovery:job") || !strings.Contains(log.String(), "an attempt failed") {
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
