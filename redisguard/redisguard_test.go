package redisguard_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisguard"
)

// A server that refuses one command is not down. One that cannot do its work is.
func TestIsDown(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	refusal := client.Do(t.Context(), "no-such-command").Err()
	for err, want := range map[error]bool{
		nil:                      false,
		refusal:                  false,
		errors.New("EOF"):        true,
		context.DeadlineExceeded: true,
	} {
		if got := redisguard.IsDown(err); got != want {
			t.Errorf("IsDown(%v) = %v", err, got)
		}
	}
	if _, err := server.Do("REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	err := client.Set(t.Context(), "key", "value", 0).Err()
	if !redisguard.IsDown(err) || !redisguard.IsDown(fmt.Errorf("wrapped: %w", err)) {
		t.Errorf("IsDown(%v) = false", err)
	}
}

// Info returns when its context ends, although the client waits for longer.
func TestInfo(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	var values []string
	found := func(server, value string) { values = append(values, server+" "+value) }
	if err := redisguard.Info(t.Context(), client, "server", "redis_mode", found); err != nil {
		t.Fatal(err)
	}
	if want := server.Addr + " standalone"; len(values) != 1 || values[0] != want {
		t.Errorf("found %q, want %q", values, want)
	}
	server.Freeze()
	defer server.Thaw()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := redisguard.Info(ctx, client, "server", "redis_mode", func(string, string) { t.Error("a frozen server answered") })
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
