package redisstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisstore"
)

// A Redis that does not answer is told at the start, with its address and the
// cause. Before, the first request was answered with 503, and "no answer in time"
// was all that the log said.
func TestSilenceAtTheStart(t *testing.T) {
	t.Parallel()
	refused := testenv.FreeAddr(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for _, tt := range []struct {
		name   string
		client redis.UniversalClient
		want   []string
	}{
		{"nobody listens", redis.NewClient(&redis.Options{Addr: refused}), []string{"server=" + refused, "connection refused"}},
		{"nobody answers", redis.NewClient(&redis.Options{Addr: silent.Addr().String()}), []string{"server=" + silent.Addr().String(), "error="}},
		{"no Cluster", redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{refused}}), []string{refused, "connection refused"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() { _ = tt.client.Close() }()
			var log bytes.Buffer
			_, err := redisstore.New(tt.client, redisstore.Options{Timeout: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range append(tt.want, "level=WARN", "Redis does not answer") {
				if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), part) {
					t.Errorf("logged %q, want one line with %q", log.String(), part)
				}
			}
		})
	}
}

// A dialer that does not heed its context, as that of go-redis for TLS, does not
// make New wait for longer than Timeout.
func TestDialerThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Dialer: func(context.Context, string, string) (net.Conn, error) {
		<-hold
		return nil, net.ErrClosed
	}})
	defer func() { _ = client.Close() }()
	defer close(hold)
	done := make(chan error, 1)
	go func() {
		_, err := redisstore.New(client, redisstore.Options{Timeout: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(testenv.Patience(20 * time.Second)):
		t.Fatal("New does not return")
	}
}

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
