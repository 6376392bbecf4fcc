package redisstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// Two instances that use two databases of one Redis by mistake: the second one,
// which does not know the link of the first, says so, with its database.
func TestLinkOfAnotherDatabaseIsTold(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	key, links := recovery.NewKey(), make(chan string, 1)
	leads := recoverytest.NewLeads()
	leads.Add(recovery.Lead{ID: "1", Fields: map[string]recovery.FieldValue{"EmailAddress": {Value: "ada@example.com", Verified: true}}}, "")
	instance := func(database int) (*recovery.Service, *bytes.Buffer) {
		client := redis.NewClient(&redis.Options{Addr: server.Addr, DB: database})
		t.Cleanup(func() { _ = client.Close() })
		var log bytes.Buffer
		store, err := redisstore.New(client, redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		mailer := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
			links <- m.URL.Reveal()
			return nil
		})
		service, err := recovery.New(leads, store, mailer, recovery.Options{
			Keys: [][]byte{key}, Link: recovery.Link{URL: "https://portal.example.com/reset"}, Limiter: store,
			DangerouslyKeepSessions: true, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
		if err != nil {
			t.Fatal(err)
		}
		return service, &log
	}
	first, firstLog := instance(0)
	second, secondLog := instance(1)
	asked := recovery.ForgotRequest{Key: recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"}}
	if _, err := first.ForgotPassword(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	var link string
	select {
	case link = <-links:
	case <-time.After(testenv.Patience(20 * time.Second)):
		t.Fatal("no link arrived")
	}
	_, token, _ := strings.Cut(link, "token=")
	for _, service := range []*recovery.Service{second, first} {
		_, _ = service.CheckProof(t.Context(), recovery.CheckProofRequest{Proof: recovery.TokenProof(token)})
	}
	for _, service := range []*recovery.Service{first, second} {
		if err := service.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if firstLog.Len() > 0 {
		t.Errorf("the instance that made the link says:\n%s", firstLog)
	}
	for _, part := range []string{"no record of a link that was made with these Keys", "Give all instances the same server and database", "store.server=" + server.Addr, "store.database=1"} {
		if strings.Count(secondLog.String(), "\n") != 1 || !strings.Contains(secondLog.String(), part) {
			t.Errorf("the other instance does not say %q in one line:\n%s", part, secondLog)
		}
	}
}
