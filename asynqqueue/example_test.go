package asynqqueue_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
)

// One process, which only enqueues, accepts a request. Another performs its
// job.
func Example() {
	server, err := miniredis.Run() // yours is a Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = client.Close() }()

	delivered := make(chan recovery.Message, 1)
	mailer := recovery.NotifierFunc(func(_ context.Context, m recovery.Message) error {
		delivered <- m // yours sends it
		return nil
	})
	// Both processes have the same keys, leads and tokens, which are in a
	// redisstore. In this example both run in one process.
	tokens, key := recovery.NewMemoryTokenStore(), recovery.NewKey()
	newService := func(opts asynqqueue.Options) *recovery.Service {
		opts.Logger = slog.New(slog.DiscardHandler)
		queue, err := asynqqueue.New(client, opts)
		if err != nil {
			log.Fatal(err)
		}
		opts.Name = "recovery-deliveries"
		deliveries, err := asynqqueue.New(client, opts)
		if err != nil {
			log.Fatal(err)
		}
		service, err := recovery.New(leadStore("ada@example.com"), tokens, mailer, recovery.Options{
			Keys:                    [][]byte{key},
			Link:                    recovery.Link{URL: "https://portal.example.com/reset"},
			DangerouslyKeepSessions: true,
			Queue:                   queue,
			DeliveryQueue:           deliveries,
			Logger:                  opts.Logger,
		})
		if err != nil {
			log.Fatal(err)
		}
		return service
	}
	web := newService(asynqqueue.Options{EnqueueOnly: true})
	worker := newService(asynqqueue.Options{Workers: 4})

	ctx := context.Background()
	_, err = web.ForgotPassword(ctx, recovery.ForgotRequest{
		Key: recovery.LeadKey{Field: "EmailAddress", Value: "ada@example.com"},
	})
	fmt.Println("accepted:", err == nil)
	m := <-delivered
	fmt.Println("delivered:", m.Kind, "to", m.To)

	grace, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	fmt.Println("shut down:", web.Shutdown(grace) == nil && worker.Shutdown(grace) == nil)
	// Output:
	// accepted: true
	// delivered: reset_link to ada@example.com
	// shut down: true
}

// These are numbers for a dashboard.
func ExampleQueue_Stats() {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = client.Close() }()
	queue, err := asynqqueue.New(client, asynqqueue.Options{EnqueueOnly: true})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	job := recovery.Job{ID: "one", NotAfter: time.Now().Add(time.Hour), Payload: []byte("sealed")}
	if err := queue.Enqueue(ctx, job); err != nil {
		log.Fatal(err)
	}
	stats, err := queue.Stats(ctx)
	fmt.Println(stats.Depth(), stats.Pending, stats.Active, err)
	fmt.Println(queue.Shutdown(ctx))
	// Output:
	// 1 1 0 <nil>
	// <nil>
}
