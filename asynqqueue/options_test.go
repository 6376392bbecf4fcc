package asynqqueue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/asynqqueue"
)

func TestOptionsAreChecked(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	for _, tt := range []struct {
		name  string
		opts  asynqqueue.Options
		wrong []string
	}{
		{"zero values are the defaults, and Redis need not be up", asynqqueue.Options{}, nil},
		{"an instance that only enqueues", asynqqueue.Options{EnqueueOnly: true}, nil},
		{"everything at its lower end", asynqqueue.Options{
			Name: "q", Workers: 1, MaxDepth: 1, Timeout: 10 * time.Millisecond, AttemptTimeout: 10 * time.Millisecond, Grace: time.Millisecond,
			FirstRetry: time.Millisecond, MaxRetry: time.Millisecond, PollInterval: 10 * time.Millisecond,
		}, nil},
		{"everything at its upper end", asynqqueue.Options{
			Name: strings.Repeat("Z", 64), Workers: 1024, MaxDepth: 10_000_000, Timeout: time.Minute, AttemptTimeout: time.Hour, Grace: time.Minute,
			FirstRetry: 24 * time.Hour, MaxRetry: 24 * time.Hour, PollInterval: 10 * time.Second,
		}, nil},
		{"a first pause over the default of the longest", asynqqueue.Options{FirstRetry: time.Hour}, nil},
		{"every mistake at once", asynqqueue.Options{
			Name: "a{b}", Workers: -1, MaxDepth: -1, Timeout: time.Millisecond, AttemptTimeout: -1, Grace: -1,
			FirstRetry: -1, MaxRetry: -2, PollInterval: time.Minute,
		}, []string{"Name", "Workers", "MaxDepth", "Timeout", "AttemptTimeout", "Grace", "FirstRetry", "MaxRetry", "PollInterval"}},
		{"too much of everything", asynqqueue.Options{
			Name: strings.Repeat("q", 65), Workers: 1025, MaxDepth: 10_000_001, Timeout: time.Hour, AttemptTimeout: 2 * time.Hour, Grace: time.Hour,
			FirstRetry: 25 * time.Hour, MaxRetry: 26 * time.Hour,
		}, []string{"Name", "Workers", "MaxDepth", "Timeout", "AttemptTimeout", "Grace", "FirstRetry", "MaxRetry"}},
		{"pauses that shrink", asynqqueue.Options{FirstRetry: time.Minute, MaxRetry: time.Second}, []string{"MaxRetry"}},
		{"workers where nothing works", asynqqueue.Options{EnqueueOnly: true, Workers: 1}, []string{"EnqueueOnly"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, err := asynqqueue.New(client, tt.opts)
			if len(tt.wrong) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				must(t, shutdown(t, q, patience))
				return
			}
			for _, option := range tt.wrong {
				if err == nil || !strings.Contains(err.Error(), "option "+option+":") {
					t.Errorf("the error says nothing of %s: %v", option, err)
				}
			}
			if _, ok := errors.AsType[*recovery.OptionError](err); !ok {
				t.Errorf("%v is no OptionError", err)
			}
		})
	}
	if _, err := asynqqueue.New(nil, asynqqueue.Options{Workers: -1}); err == nil || !strings.Contains(err.Error(), "client") || !strings.Contains(err.Error(), "Workers") {
		t.Errorf("without a client: %v", err)
	}
}
