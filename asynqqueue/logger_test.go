package asynqqueue_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/asynqqueue"
)

func TestAsynqSpeaksThroughSlog(t *testing.T) {
	payload := strings.Repeat("aZ09-_", 100)
	for _, tt := range []struct {
		name string
		say  func(l speaker)
		want string
	}{
		{"an error is one", func(l speaker) { l.Error("Dequeue error: ", "redis") }, "level=ERROR"},
		{"a warning is one", func(l speaker) { l.Warn("recoverer: trouble") }, "level=WARN"},
		{"what asynq tells of itself is a detail", func(l speaker) { l.Info("Starting processing") }, "level=DEBUG"},
		{"a detail is one", func(l speaker) { l.Debug("Syncer done") }, "level=DEBUG"},
		{"nothing ends the process", func(l speaker) { l.Fatal("the end") }, "level=ERROR"},
		{"a dead letter is told of by the Service", func(l speaker) { l.Warn("revoke task id=1") }, "level=DEBUG"},
		{"the subscription that is refused on purpose is no news", func(l speaker) { l.Error("cannot subscribe to cancelation channel: x") }, ""},
		{"a payload is left out (A39)", func(l speaker) { l.Error("unexpected return value from Lua script: [", payload, "]") }, "[...]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			l := asynqqueue.NewLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			tt.say(speaker{l.Debug, l.Info, l.Warn, l.Error, l.Fatal})
			if got := log.String(); !strings.Contains(got, tt.want) || tt.want == "" && got != "" || strings.Contains(got, payload[:100]) {
				t.Errorf("logged %q, want %s", got, tt.want)
			}
		})
	}
}

type speaker = struct{ Debug, Info, Warn, Error, Fatal func(...any) }

// While Redis is down, asynq logs that several times a second.
func TestAsynqDoesNotRepeatItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := asynqqueue.NewLogger(slog.New(slog.NewTextHandler(&log, nil)))
		for i := range 400 {
			l.Error(fmt.Sprintf("Failed to forward scheduled tasks: connection %d refused", i))
			l.Warn("the same, told by another part")
			time.Sleep(250 * time.Millisecond)
		}
		if n := strings.Count(log.String(), "Failed to forward"); n != 2 {
			t.Errorf("the line was written %d times in 100 s, want 2", n)
		}
		if n := strings.Count(log.String(), "another part"); n != 0 {
			t.Errorf("the other line was written %d times in 100 s", n)
		}
		if !strings.Contains(log.String(), "failures=481") {
			t.Errorf("nobody learns how often:\n%s", log.String())
		}
		for i := range 10_000 { // and what is remembered does not grow
			l.Error(fmt.Sprintf("%d: a line of its own", i))
		}
	})
}
