package redistest_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/redistest"
)

func TestServer(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := redistest.Start(t)
	t.Logf("started in %v", time.Since(began))
	c := s.Client(t)
	ctx := t.Context()
	must(t, c.Set(ctx, "k", "v", 0).Err())

	t.Run("forgets over a restart", func(t *testing.T) {
		s.Restart()
		if n, err := c.Exists(ctx, "k").Result(); err != nil || n != 0 {
			t.Errorf("EXISTS = %d, %v; want 0", n, err)
		}
	})
	t.Run("forgets scripts", func(t *testing.T) {
		sha, err := c.ScriptLoad(ctx, "return 1").Result()
		must(t, err)
		s.ScriptFlush()
		if err := c.EvalSha(ctx, sha, nil).Err(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
			t.Errorf("EVALSHA after a flush: %v, want NOSCRIPT", err)
		}
	})
	t.Run("freezes and thaws", func(t *testing.T) {
		s.Freeze()
		if s.Up() {
			t.Error("a frozen server is up")
		}
		bounded := s.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		if err := bounded.Ping(short).Err(); !timedOut(err) { // of ctx, or of the connection
			t.Errorf("PING of a frozen server: %v, want a timeout", err)
		}
		s.Thaw()
		must(t, c.Ping(ctx).Err())
	})
	t.Run("is killed while frozen, and comes back", func(t *testing.T) {
		s.Freeze()
		s.Kill()
		s.Kill() // twice is once
		if err := c.Ping(ctx).Err(); err == nil {
			t.Error("a killed server answered")
		}
		s.Restart()
		must(t, c.Ping(ctx).Err())
	})
	t.Run("stops while frozen", func(t *testing.T) {
		s.Freeze()
		s.Stop()
		if s.Up() {
			t.Error("a stopped server is up")
		}
		s.Restart()
		must(t, c.Ping(ctx).Err())
	})
}

func TestServerPersists(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	c := s.Client(t)
	must(t, c.Set(t.Context(), "k", "v", 0).Err())
	s.Kill()
	s.Restart()
	if v, err := c.Get(t.Context(), "k").Result(); err != nil || v != "v" {
		t.Errorf("GET after a crash = %q, %v", v, err)
	}
}

func TestServerThatCannotStart(t *testing.T) {
	t.Parallel()
	redistest.Require(t)
	err := redistest.Run(t.Context(), "refused", func(tb redistest.TB) {
		redistest.Start(tb, "--no-such-option", "1")
	})
	if err == nil {
		t.Error("a server with an unknown option started")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
