package redisguard_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/redisguard"
)

// A server that takes a connection is reached, also where closing the
// connection fails, as that of a TLS connection does that the server cut. The
// try after it does not connect again, so that it gets further where to connect
// takes long. Of those that are refused a few go on, and fewer where connecting
// this way has worked before.
func TestReach(t *testing.T) {
	refused := errors.New("refused")
	dial, dials := refused, 0
	client := redis.NewClient(&redis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) {
		dials++
		return cut{}, dial
	}})
	defer func() { _ = client.Close() }()
	g := redisguard.New(redisguard.Options{Down: errDown, Logger: slog.New(slog.DiscardHandler)})
	tries := func(n int) (on int) {
		for range n {
			switch err := g.Reach(t.Context(), client); err {
			case nil:
				on++
			case refused:
			default:
				t.Errorf("Reach = %v", err)
			}
		}
		return on
	}
	if on := tries(600); on != 30 {
		t.Errorf("%d of 600 refused tries went on, want 30", on)
	}
	dial, dials = nil, 0
	if on := tries(10); on != 10 || dials != 5 {
		t.Errorf("%d of 10 tries of a server that is reached went on, with %d connections, want 10 with 5", on, dials)
	}
	dial = refused
	if on := tries(1200); on != 2 {
		t.Errorf("%d of 1,200 tries went on after some had connected, want 2", on)
	}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{})
	defer func() { _ = cluster.Close() }()
	if err := g.Reach(t.Context(), cluster); err != nil {
		t.Errorf("a client whose servers are not known: %v", err)
	}
}

// A cut is a connection that the server closed.
type cut struct{ net.Conn }

func (cut) Close() error { return errors.New("cut") }

// One failure makes the next call connect by itself first, where that has worked
// before. A success ends this, and what Reach found out before it is forgotten.
func TestFailing(t *testing.T) {
	var refused error
	dials := 0
	client := redis.NewClient(&redis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) {
		dials++
		return cut{}, refused
	}})
	defer func() { _ = client.Close() }()
	g := redisguard.New(redisguard.Options{Down: errDown, Logger: slog.New(slog.DiscardHandler)})
	end(t, g, errors.New("no answer"))
	if g.Failing() {
		t.Error("Failing = true, and nobody knows whether connecting without the hooks works")
	}
	if err := g.Reach(t.Context(), client); err != nil || dials != 1 {
		t.Fatalf("Reach = %v after %d connections", err, dials)
	}
	if !g.Failing() {
		t.Error("Failing = false after a failure")
	}
	end(t, g, nil)
	if g.Failing() {
		t.Error("Failing = true after a success")
	}
	end(t, g, errors.New("no answer"))
	refused = errors.New("refused")
	if err := g.Reach(t.Context(), client); err != refused || dials != 2 {
		t.Errorf("Reach = %v after %d connections, want a try of its own", err, dials)
	}
	for range 4 {
		end(t, g, errors.New("no answer"))
	}
	if !g.Down() || !g.Failing() {
		t.Errorf("after five failures: Down = %v, Failing = %v", g.Down(), g.Failing())
	}
}
