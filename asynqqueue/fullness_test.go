package asynqqueue_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

// A96: mail is down, the queues have little room, and somebody asks again and
// again. No request is refused, neither for an account that exists nor for one
// that does not.
func TestFullnessOfTheQueueTellsNothing_A96(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ada@example.com", "nobody@example.com"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			_, client := simulated(t)
			queue := func(name string) *asynqqueue.Queue {
				return newQueue(t, client, func(o *asynqqueue.Options) {
					o.Name, o.MaxDepth, o.Backoff = name, 20, func(int) time.Duration { return 10 * time.Minute }
				})
			}
			mailer := recovery.NotifierFunc(func(context.Context, recovery.Message) error {
				return errors.New("the mail server is down")
			})
			deliveries := queue("deliveries")
			service, err := recovery.New(leadStore("ada@example.com"), recovery.NewMemoryTokenStore(), mailer, recovery.Options{
				Keys:                    [][]byte{testenv.Key("k")},
				Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
				DangerouslyKeepSessions: true,
				Queue:                   queue("requests"),
				DeliveryQueue:           deliveries,
				Limits:                  relaxed(),
				Logger:                  slog.New(slog.DiscardHandler),
			})
			must(t, err)
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_ = service.Shutdown(ctx)
			})
			// Longer than the second for which an answer about the depth holds.
			for range 60 {
				if _, err := service.ForgotPassword(t.Context(), recovery.ForgotRequest{
					Key: recovery.LeadKey{Field: "EmailAddress", Value: address},
				}); err != nil {
					t.Fatalf("refused: %v", err)
				}
				time.Sleep(50 * time.Millisecond)
			}
			if address == "ada@example.com" {
				stats, err := deliveries.Stats(t.Context())
				if err != nil || stats.Depth() < 20 {
					t.Errorf("the delivery queue holds %d jobs, %v: it was never full", stats.Depth(), err)
				}
			}
		})
	}
}
