package riverqueue_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-51359b35/recovery/riverqueue"
)

func TestRiverSpeaksThroughSlog(t *testing.T) {
	payload := strings.Repeat("aZ09-_", 100)
	for _, tt := range []struct {
		name string
		say  func(l *slog.Logger)
		want string
	}{
		{"an error is one", func(l *slog.Logger) { l.Error("producer: Error fetching jobs", "err", "refused") }, "level=ERROR"},
		{"its cause is told", func(l *slog.Logger) { l.Error("producer: Error fetching jobs", "err", "refused") }, "err: refused"},
		{"a warning is one", func(l *slog.Logger) { l.Warn("trouble") }, "level=WARN"},
		{"what River tells of itself is a detail", func(l *slog.Logger) { l.Info("River client started") }, "level=DEBUG"},
		{"a detail is one", func(l *slog.Logger) { l.Debug("Run loop started") }, "level=DEBUG"},
		{"other attributes are left out", func(l *slog.Logger) { l.With("x", payload).WithGroup("g").Warn("trouble", "args", payload) }, "trouble"},
		{"a payload is left out (A39)", func(l *slog.Logger) { l.Error("trouble", "error", "near "+payload) }, "[...]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			tt.say(riverqueue.NewLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), false))
			if got := log.String(); !strings.Contains(got, tt.want) || strings.Contains(got, payload[:100]) {
				t.Errorf("logged %q, want %s", got, tt.want)
			}
		})
	}
	quiet := riverqueue.NewLogger(slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)), false)
	if quiet.Enabled(t.Context(), slog.LevelInfo) || !quiet.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("River writes lines that the host does not want, or none")
	}
}

// While PostgreSQL is down, River logs that several times a second.
func TestRiverDoesNotRepeatItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := riverqueue.NewLogger(slog.New(slog.NewTextHandler(&log, nil)), false)
		for i := range 300 {
			l.Error("producer: Error fetching jobs", "err", fmt.Sprintf("connection %d refused", i))
			l.Warn("another line")
			time.Sleep(250 * time.Millisecond)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines were written in 75 s, want 2", n)
		}
		if !strings.Contains(log.String(), "failures=481") {
			t.Errorf("nobody learns how often:\n%s", log.String())
		}
	})
}

// While the queue tells that PostgreSQL fails, River's lines say nothing more.
func TestRiverIsSilentWhileTheQueueTells(t *testing.T) {
	var log bytes.Buffer
	riverqueue.NewLogger(slog.New(slog.NewTextHandler(&log, nil)), true).Error("producer: Error fetching jobs", "err", "refused")
	if log.Len() > 0 {
		t.Errorf("logged %q", log.String())
	}
}
