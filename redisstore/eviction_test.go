package redisstore_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisstore"
)

// A53: a policy that can drop counters and tokens is told of at the start.
func TestEvictionWarning(t *testing.T) {
	t.Parallel()
	servers := []struct {
		name   string
		client func(t *testing.T) redis.UniversalClient
		warns  int
	}{
		{"noeviction", func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(t) }, 0},
		{"allkeys-lru", func(t *testing.T) redis.UniversalClient {
			return redistest.Start(t, "--maxmemory-policy", "allkeys-lru").Client(t)
		}, 1},
		{"volatile-ttl", func(t *testing.T) redis.UniversalClient {
			return redistest.Start(t, "--maxmemory-policy", "volatile-ttl").Client(t)
		}, 1},
		{"a user who may not ask", func(t *testing.T) redis.UniversalClient {
			server := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
			do(t, server, "ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-info", "-config")
			return server.Client(t, func(o *redis.Options) { o.Username, o.Password = "app", "secret" })
		}, 0},
		{"miniredis", func(t *testing.T) redis.UniversalClient {
			client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
			t.Cleanup(func() { _ = client.Close() })
			return client
		}, 0},
		{"a Cluster that evicts", func(t *testing.T) redis.UniversalClient {
			return redistest.StartCluster(t, "--maxmemory-policy", "allkeys-random").Client(t)
		}, 3},
	}
	for _, tt := range servers {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := newStore(t, tt.client(t), func(o *redisstore.Options) {
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			if n := strings.Count(log.String(), "noeviction"); n != tt.warns {
				t.Errorf("%d warnings, want %d:\n%s", n, tt.warns, log.String())
			}
			works(t, s)
		})
	}
}
