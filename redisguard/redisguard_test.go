package redisguard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/internal/redistest"
	"github.com/seed-51359b35/recovery/redisguard"
)

var (
	errDown  = errors.New("down")
	errNoise = errors.New("a caller who left")
)

func newGuard(log *bytes.Buffer) *redisguard.Guard {
	return redisguard.New(redisguard.Options{
		Down: errDown, Logger: slog.New(slog.NewTextHandler(log, nil)), WhenDown: "it is down", WhenUp: "it is back",
		Attrs:  []any{"server", "one"},
		Ignore: func(err error) bool { return errors.Is(err, errNoise) },
		Failed: redisguard.IsDown,
	})
}

// call makes a call that ends with an error, and reports whether it was allowed.
func call(t *testing.T, g *redisguard.Guard, result error) bool {
	t.Helper()
	refuses := g.Refuses()
	done, err := g.Allow()
	if (err != nil) != refuses {
		t.Errorf("Refuses is %v, and Allow says %v", refuses, err)
	}
	if err != nil {
		if err != errDown {
			t.Errorf("Allow = %v", err)
		}
		return false
	}
	done(result)
	return true
}

// Five failures in succession open the guard. Then one call at a time tries, and
// the others are refused, until one succeeds.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := newGuard(&log)
		failure := errors.New("no answer")
		for i := range 5 {
			if g.Down() || !call(t, g, failure) {
				t.Fatalf("refused after %d failures", i)
			}
			// These say nothing about Redis, and end no succession.
			call(t, g, context.Canceled)
			call(t, g, fmt.Errorf("wrapped: %w", errNoise))
		}
		if !g.Down() || call(t, g, nil) {
			t.Error("allowed after five failures")
		}
		time.Sleep(101 * time.Millisecond)
		done, err := g.Allow()
		if err != nil {
			t.Fatal("nobody may try")
		}
		if !g.Down() || !g.Refuses() || call(t, g, nil) {
			t.Error("two may try at once")
		}
		done(failure)
		if call(t, g, nil) {
			t.Error("allowed at once after a try that failed")
		}
		time.Sleep(101 * time.Millisecond)
		if !call(t, g, nil) || g.Down() || !call(t, g, nil) {
			t.Error("a try that succeeded did not close the guard")
		}
		if text := log.String(); strings.Count(text, "it is down") != 1 || strings.Count(text, "it is back") != 1 ||
			strings.Count(text, "server=one") != 2 || strings.Count(text, "\n") != 2 {
			t.Errorf("the log is\n%s", text)
		}
	})
}

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
