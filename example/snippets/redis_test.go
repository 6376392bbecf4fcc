package snippets_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/recoverytest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// onRedis keeps tokens, limits, and mails that wait, on the Redis at a URL.
func onRedis(url string, leads recovery.LeadStore, mailer recovery.Notifier, opts recovery.Options) (*recovery.Service, error) {
	target, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(target)
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		return nil, err
	}
	queue, err := asynqqueue.New(client, asynqqueue.Options{})
	if err != nil {
		return nil, err
	}
	deliveries, err := asynqqueue.New(client, asynqqueue.Options{Name: "recovery-deliveries"})
	if err != nil {
		return nil, err
	}
	opts.Queue, opts.DeliveryQueue = queue, deliveries
	return recovery.New(leads, store, mailer, opts)
}

// A link that one instance sent resets the password on another one.
func TestInstancesShareRedis(t *testing.T) {
	t.Parallel()
	url := "redis://" + redistest.Start(t).Addr
	leads := recoverytest.NewLeads(fields...)
	leads.Add(ada, "")
	links := make(chan string, 9)
	opts := recovery.Options{
		Keys: [][]byte{recovery.NewKey()}, Link: recovery.Link{URL: "https://portal.example.com/account/reset"},
		Fields: fields, DangerouslyKeepSessions: true, Logger: quiet,
	}
	var instances []*recovery.Service
	for range 2 {
		service, err := onRedis(url, leads, toChannel(links), opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := service.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		instances = append(instances, service)
	}
	token := ask(t, instances[0], links)
	if err := reset(instances[1], token); err != nil {
		t.Fatal(err)
	}
	if err := reset(instances[0], token); err == nil {
		t.Error("the link works twice")
	}
}
