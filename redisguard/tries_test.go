package redisguard_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-51359b35/recovery/internal/testenv"
	"github.com/seed-51359b35/recovery/redisguard"
)

// newDownGuard returns a Guard of a Redis that counts as down.
func newDownGuard(t *testing.T) *redisguard.Guard {
	t.Helper()
	g := redisguard.New(redisguard.Options{
		Down: errDown, Logger: slog.New(slog.DiscardHandler),
		Ignore: func(err error) bool { return errors.Is(err, errNoise) },
	})
	for range 5 {
		end(t, g, errors.New("no answer"))
	}
	if _, err := g.Allow(); !errors.Is(err, errDown) || !g.Refuses() || !g.Down() {
		t.Fatalf("after five failures: Allow = %v, Refuses = %v, Down = %v", err, g.Refuses(), g.Down())
	}
	return g
}

// end makes a call that ends with err.
func end(t *testing.T, g *redisguard.Guard, err error) {
	t.Helper()
	if g.Refuses() {
		t.Fatal("Refuses = true, so nobody would call")
	}
	done, refused := g.Allow()
	if refused != nil {
		t.Fatalf("Allow = %v", refused)
	}
	done(err)
}

// While one call tries, Refuses says what Allow does. A try that says nothing
// about Redis leaves room for the next one, or nobody would ever try again.
func TestOneCallTriesAtATime(t *testing.T) {
	for name, said := range map[string]error{"cancelled": context.Canceled, "ignored": errNoise} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newDownGuard(t)
				time.Sleep(101 * time.Millisecond)
				done, err := g.Allow()
				if err != nil {
					t.Fatalf("Allow = %v, want a try", err)
				}
				if _, err := g.Allow(); !errors.Is(err, errDown) || !g.Refuses() {
					t.Errorf("beside a try: Allow = %v, Refuses = %v", err, g.Refuses())
				}
				done(said)
				if g.Refuses() || !g.Down() {
					t.Fatalf("after a try that said nothing: Refuses = %v, Down = %v", g.Refuses(), g.Down())
				}
				end(t, g, said)
				end(t, g, nil)
				if g.Refuses() || g.Down() {
					t.Errorf("after an answer: Refuses = %v, Down = %v", g.Refuses(), g.Down())
				}
			})
		})
	}
}

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

// A stuck is a handler of logs that says when it has a line, and blocks.
type stuck struct {
	slog.Handler
	lines   chan string
	release chan struct{}
}

func (h stuck) Enabled(context.Context, slog.Level) bool { return true }

func (h stuck) Handle(_ context.Context, r slog.Record) error {
	h.lines <- r.Level.String() + " " + r.Message
	<-h.release
	return nil
}

// A log that blocks, for example because it goes over the network that failed,
// makes nobody else wait. It gets one line for each change.
func TestLogThatBlocks(t *testing.T) {
	h := stuck{slog.DiscardHandler, make(chan string, 10), make(chan struct{})}
	g := redisguard.New(redisguard.Options{Down: errDown, Logger: slog.New(h), WhenDown: "down", WhenUp: "up"})
	var wg sync.WaitGroup
	defer wg.Wait()
	release := sync.OnceFunc(func() { close(h.release) })
	defer release()
	wg.Go(func() {
		for range 5 {
			if done, err := g.Allow(); err == nil {
				done(errors.New("no answer"))
			}
		}
	})
	if line := <-h.lines; line != "ERROR down" {
		t.Errorf("the log has %q", line)
	}
	refuses := make(chan bool, 1)
	wg.Go(func() { refuses <- g.Refuses() })
	select {
	case got := <-refuses:
		if !got {
			t.Error("Refuses = false")
		}
	case <-time.After(testenv.Patience(5 * time.Second)):
		t.Fatal("another caller waits for the log")
	}
	release()
	wg.Wait()
	testenv.Eventually(t, 10*time.Second, "a try", func() bool {
		done, err := g.Allow()
		if err == nil {
			done(nil)
		}
		return err == nil
	})
	if line := <-h.lines; line != "INFO up" || len(h.lines) > 0 {
		t.Errorf("the log has %q and %d more", line, len(h.lines))
	}
}

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
