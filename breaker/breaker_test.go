package breaker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/breaker"
	"github.com/seed-51359b35/recovery/internal/testenv"
)

var (
	errDown  = errors.New("down")
	errNoise = errors.New("a caller who left")
)

func newBreaker(log *bytes.Buffer) *breaker.Breaker {
	return breaker.New(breaker.Options{
		Down: errDown, Logger: slog.New(slog.NewTextHandler(log, nil)), WhenDown: "it is down", WhenUp: "it is back",
		Attrs:  []any{"server", "one"},
		Ignore: func(err error) bool { return errors.Is(err, errNoise) },
	})
}

// call makes a call that ends with an error, and reports whether it was allowed.
func call(t *testing.T, b *breaker.Breaker, result error) bool {
	t.Helper()
	refuses := b.Refuses()
	done, err := b.Allow()
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

// Five failures in succession open the breaker. Then one call at a time tries, and
// the others are refused, until one succeeds.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBreaker(&log)
		failure := errors.New("no answer")
		for i := range 5 {
			if b.Down() || !call(t, b, failure) {
				t.Fatalf("refused after %d failures", i)
			}
			// These say nothing about the server, and end no succession.
			call(t, b, context.Canceled)
			call(t, b, fmt.Errorf("wrapped: %w", errNoise))
		}
		if !b.Down() || call(t, b, nil) {
			t.Error("allowed after five failures")
		}
		time.Sleep(101 * time.Millisecond)
		done, err := b.Allow()
		if err != nil {
			t.Fatal("nobody may try")
		}
		if !b.Down() || !b.Refuses() || call(t, b, nil) {
			t.Error("two may try at once")
		}
		done(failure)
		if call(t, b, nil) {
			t.Error("allowed at once after a try that failed")
		}
		time.Sleep(101 * time.Millisecond)
		if !call(t, b, nil) || b.Down() || !call(t, b, nil) {
			t.Error("a try that succeeded did not close the breaker")
		}
		if text := log.String(); strings.Count(text, "it is down") != 1 || strings.Count(text, "it is back") != 1 ||
			strings.Count(text, "server=one") != 2 || strings.Count(text, "\n") != 2 {
			t.Errorf("the log is\n%s", text)
		}
	})
}

// Where callers have few calls out, two that are not answered in time open the
// breaker. Others between them, that end at once, say that the server answers.
func TestTimeoutsOpenTheBreakerSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		downs := 0
		var log bytes.Buffer
		b := breaker.New(breaker.Options{
			Down: errDown, Logger: slog.New(slog.NewTextHandler(&log, nil)), WhenDown: "it is down", WhenUp: "it is back",
			Failed:      func(err error) bool { return errors.Is(err, context.DeadlineExceeded) },
			MaxTimeouts: 2, Cause: func(error) string { return "no word" }, OnDown: func() { downs++ },
		})
		late := fmt.Errorf("wrapped: %w", context.DeadlineExceeded)
		for _, between := range []error{nil, errors.New("refused")} {
			call(t, b, late)
			call(t, b, between)
		}
		call(t, b, late)
		call(t, b, context.Canceled)
		if b.Down() {
			t.Fatal("down after one timeout in succession")
		}
		if call(t, b, late); !b.Down() || downs != 1 || !strings.Contains(log.String(), `error="no word"`) {
			t.Errorf("after two: down is %v, OnDown ran %d times, the log is %s", b.Down(), downs, &log)
		}
	})
}

// newDown returns a Breaker of a server that counts as down.
func newDown(t *testing.T) *breaker.Breaker {
	t.Helper()
	b := breaker.New(breaker.Options{
		Down: errDown, Logger: slog.New(slog.DiscardHandler),
		Ignore: func(err error) bool { return errors.Is(err, errNoise) },
	})
	for range 5 {
		end(t, b, errors.New("no answer"))
	}
	if _, err := b.Allow(); !errors.Is(err, errDown) || !b.Refuses() || !b.Down() {
		t.Fatalf("after five failures: Allow = %v, Refuses = %v, Down = %v", err, b.Refuses(), b.Down())
	}
	return b
}

// end makes a call that ends with err.
func end(t *testing.T, b *breaker.Breaker, err error) {
	t.Helper()
	if b.Refuses() {
		t.Fatal("Refuses = true, so nobody would call")
	}
	done, refused := b.Allow()
	if refused != nil {
		t.Fatalf("Allow = %v", refused)
	}
	done(err)
}

// While one call tries, Refuses says what Allow does. A try that says nothing
// about the server leaves room for the next one, or nobody would ever try again.
func TestOneCallTriesAtATime(t *testing.T) {
	for name, said := range map[string]error{"cancelled": context.Canceled, "ignored": errNoise} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newDown(t)
				time.Sleep(101 * time.Millisecond)
				done, err := b.Allow()
				if err != nil {
					t.Fatalf("Allow = %v, want a try", err)
				}
				if _, err := b.Allow(); !errors.Is(err, errDown) || !b.Refuses() {
					t.Errorf("beside a try: Allow = %v, Refuses = %v", err, b.Refuses())
				}
				done(said)
				if b.Refuses() || !b.Down() {
					t.Fatalf("after a try that said nothing: Refuses = %v, Down = %v", b.Refuses(), b.Down())
				}
				end(t, b, said)
				end(t, b, nil)
				if b.Refuses() || b.Down() {
					t.Errorf("after an answer: Refuses = %v, Down = %v", b.Refuses(), b.Down())
				}
			})
		})
	}
}

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
	b := breaker.New(breaker.Options{Down: errDown, Logger: slog.New(h), WhenDown: "down", WhenUp: "up"})
	var wg sync.WaitGroup
	defer wg.Wait()
	release := sync.OnceFunc(func() { close(h.release) })
	defer release()
	wg.Go(func() {
		for range 5 {
			if done, err := b.Allow(); err == nil {
				done(errors.New("no answer"))
			}
		}
	})
	if line := <-h.lines; line != "ERROR down" {
		t.Errorf("the log has %q", line)
	}
	refuses := make(chan bool, 1)
	wg.Go(func() { refuses <- b.Refuses() })
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
		done, err := b.Allow()
		if err == nil {
			done(nil)
		}
		return err == nil
	})
	if line := <-h.lines; line != "INFO up" || len(h.lines) > 0 {
		t.Errorf("the log has %q and %d more", line, len(h.lines))
	}
}
