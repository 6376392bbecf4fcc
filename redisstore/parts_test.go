package redisstore_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery"
	"github.com/seed-51359b35/recovery/redisstore"
)

// Every mistake is told at once.
func TestOptionsAreChecked(t *testing.T) {
	_, err := redisstore.New(nil, redisstore.Options{Timeout: time.Millisecond, Replicas: 17})
	for _, option := range []string{"client", "Timeout", "Replicas"} {
		if err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("the error says nothing of %s: %v", option, err)
		}
	}
	if _, ok := errors.AsType[*recovery.OptionError](err); !ok {
		t.Errorf("%v is no OptionError", err)
	}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	if _, err := redisstore.New(client, redisstore.Options{Timeout: 10 * time.Millisecond}); err != nil {
		t.Errorf("a Redis that is down at the start: %v", err)
	}
}

// WAIT asks about the writes of one connection. A client that spreads its
// commands over several may not promise replicas.
func TestReplicasNeedOneConnection(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { _ = ring.Close() }()
	opts := redisstore.Options{Timeout: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	for _, client := range []redis.UniversalClient{ring, struct{ redis.UniversalClient }{ring}} {
		if _, err := redisstore.New(client, opts); err != nil {
			t.Errorf("without replicas: %v", err)
		}
		with := opts
		with.Replicas = 1
		_, err := redisstore.New(client, with)
		if mistake, ok := errors.AsType[*recovery.OptionError](err); !ok || mistake.Option != "Replicas" {
			t.Errorf("a %T with replicas: %v", client, err)
		}
	}
}

// A list may be empty, and a ctx that has ended is an error all the same.
func TestNothingToDo(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = client.Close() }()
	s := newStore(t, client, func(o *redisstore.Options) { o.Timeout = 10 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	calls := map[string]func() error{
		"Release": func() error { return s.Release(ctx, "id") },
		"Delete":  func() error { return s.Delete(ctx) },
		"Allow":   func() error { _, err := s.Allow(ctx); return err },
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
	cancel()
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s of nothing, with a ctx that has ended: %v", name, err)
		}
	}
}

// FuzzDecision: whatever integers come, a decision is within its policy, or an
// error.
func FuzzDecision(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(-1), int64(-9))
	f.Add(int64(-1)<<63, int64(7))
	policy := recovery.LimitPolicy{Limits: []recovery.Limit{{N: 1, Window: time.Second}, {N: 100_000, Window: 31 * 24 * time.Hour}}}
	f.Fuzz(func(t *testing.T, first, reset int64) {
		d, err := redisstore.ParseDecision(first, reset, policy)
		if err != nil {
			if d != (recovery.Decision{}) {
				t.Errorf("%+v with %v", d, err)
			}
			return
		}
		if d.Reset < 0 || d.RetryAfter < 0 || d.Remaining < 0 || d.Reset > 32*24*time.Hour || d.Allowed && d.RetryAfter != 0 ||
			d.Remaining > d.Limit.N {
			t.Errorf("%d, %d: %+v", first, reset, d)
		}
	})
}

// FuzzReply: only what the script answers gets through.
func FuzzReply(f *testing.F) {
	f.Add("ok", "digest - 1 -")
	f.Add("ok", "digest - 1 1 other state 2 1")
	f.Add("ok", "")
	f.Add("held", "")
	f.Add("newer", "")
	f.Fuzz(func(t *testing.T, word, text string) {
		got, tokens, err := redisstore.ParseReply([]string{word, text}, "slot")
		if err != nil && (tokens != nil || got != "") {
			t.Errorf("%q, %v with %v", got, tokens, err)
		}
		if got != "ok" && tokens != nil {
			t.Errorf("%q: %v", got, tokens)
		}
		for _, token := range tokens {
			if token.Slot != "slot" || token.Digest == "" || token.Expires.IsZero() {
				t.Errorf("%q: %v", got, token)
			}
		}
		ref := recovery.TokenRef{Slot: "slot", Digest: "digest"}
		got, token, err := redisstore.ParseOne([]string{word, text}, ref)
		if err != nil && (token != (recovery.TokenRecord{}) || got != "") {
			t.Errorf("%q, %v with %v", got, token, err)
		}
		if err == nil && (got == "ok") != (token.Slot == "slot" && token.Digest == "digest" && !token.Expires.IsZero()) {
			t.Errorf("%q: %v", got, token)
		}
	})
}
