package asynqqueue_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/asynqqueue"
	"github.com/seed-51359b35/recovery/internal/redistest"
)

// A53: Start logs a warning if Redis can lose jobs.
func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		client        func(t *testing.T) redis.UniversalClient
		evicts, loses int
	}{
		{"a server as it should be", func(t *testing.T) redis.UniversalClient {
			return redistest.Start(t, "--appendonly", "yes").Client(t)
		}, 0, 0},
		{"one that evicts", func(t *testing.T) redis.UniversalClient {
			return redistest.Start(t, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru").Client(t)
		}, 1, 0},
		{"one that keeps nothing", func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(t) }, 0, 1},
		{"a Cluster that does both", func(t *testing.T) redis.UniversalClient {
			return redistest.StartCluster(t, "--maxmemory-policy", "volatile-ttl").Client(t)
		}, 3, 3},
		{"one that does not say", func(t *testing.T) redis.UniversalClient {
			client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
			t.Cleanup(func() { _ = client.Close() })
			return client
		}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log safeBuffer
			q := newQueue(t, tt.client(t), func(o *asynqqueue.Options) { o.Logger, o.EnqueueOnly, o.Workers = debugLogger(&log), true, 0 })
			start(t, q, &diary{})
			must(t, shutdown(t, q, patience))
			if evicts, loses := strings.Count(log.String(), "eviction policy can drop"), strings.Count(log.String(), "no append-only file"); evicts != tt.evicts || loses != tt.loses {
				t.Errorf("%d and %d warnings, want %d and %d:\n%s", evicts, loses, tt.evicts, tt.loses, log.String())
			}
		})
	}
}

// The package comment names the rights that the client's user needs.
func TestPermissions(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rule := []any{"ACL", "SETUSER", "app", "on", ">secret", "~asynq:*", "resetchannels", "-@all"}
	for name := range strings.FieldsSeq(`eval evalsha sadd smembers sismember zadd zrem info
		del exists expire expireat get hdel hget hset incr llen lpush lrange lrem memory|usage rpoplpush rpush set setex time zcard zrange
		zrangebyscore zremrangebyscore`) {
		rule = append(rule, "+"+name)
	}
	if _, err := server.Do(rule...); err != nil {
		t.Fatal(err)
	}
	var log safeBuffer
	client := server.Client(t, func(o *redis.Options) { o.Username, o.Password, o.DisableIdentity = "app", "secret", true })
	q := newQueue(t, client, func(o *asynqqueue.Options) { o.Logger = debugLogger(&log) })
	enqueue(t, q, newJob())
	if s, err := q.Stats(t.Context()); err != nil || s.Pending != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	works(t, client)
	start(t, q, &diary{})
	empty(t, q)
	must(t, shutdown(t, q, patience))
	if strings.Contains(log.String(), "NOPERM") {
		t.Errorf("the log:\n%s", log.String())
	}
	out, err := server.Do("ACL", "LOG")
	must(t, err)
	if list, ok := out.([]any); !ok || len(list) > 0 {
		t.Errorf("denied: %v", out)
	}
	// Without the right to ask for the depth, nothing bounds the queue. That is
	// logged once, and no job is refused.
	if _, err := server.Do("ACL", "SETUSER", "app", "-memory"); err != nil {
		t.Fatal(err)
	}
	q = newQueue(t, client, func(o *asynqqueue.Options) { o.Logger, o.MaxDepth = debugLogger(&log), 5 })
	for range 20 {
		enqueue(t, q, newJob())
		if _, err := q.Stats(t.Context()); err == nil {
			t.Fatal("Stats succeeded")
		}
	}
	if n := strings.Count(log.String(), "MaxDepth is not enforced"); n != 1 {
		t.Errorf("told of %d times:\n%s", n, log.String())
	}
	// Nor is a job refused without the right to ask for the time, which an earlier
	// version did not need.
	if _, err := server.Do("ACL", "SETUSER", "app", "+memory|usage", "-time"); err != nil {
		t.Fatal(err)
	}
	d := &diary{}
	q = start(t, newQueue(t, client, func(o *asynqqueue.Options) { o.Logger = debugLogger(&log) }), d)
	job := newJob()
	enqueue(t, q, job)
	waitDone(t, d, job)
	if n := strings.Count(log.String(), "It needs TIME"); n != 1 {
		t.Errorf("told of %d times:\n%s", n, log.String())
	}
}
