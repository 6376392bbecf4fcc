package asynqqueue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// repeatInterval is how long a line of asynq is not written again. While
	// Redis is down, asynq logs that several times a second.
	repeatInterval = 10 * time.Second
	// maxWord is the longest word that is logged. A payload is one word, and
	// longer than any word that asynq writes.
	maxWord = 80
	maxLine = 400
)

// A logger is an [asynq.Logger] that writes asynq's lines to slog.
type logger struct {
	log *slog.Logger

	mu    sync.Mutex
	lines map[string]lineState
}

// lineState is when a kind of line was last written, and how many lines of the
// kind came since and were not written.
type lineState struct {
	at       time.Time
	repeated int
}

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, lines: make(map[string]lineState)}
}

// Debug implements [asynq.Logger].
func (l *logger) Debug(args ...any) { l.write(slog.LevelDebug, args) }

// Info implements [asynq.Logger], at level Debug. asynq writes there about its
// start and its end, which are details for the host.
func (l *logger) Info(args ...any) { l.write(slog.LevelDebug, args) }

// Warn implements [asynq.Logger].
func (l *logger) Warn(args ...any) { l.write(slog.LevelWarn, args) }

// Error implements [asynq.Logger].
func (l *logger) Error(args ...any) { l.write(slog.LevelError, args) }

// Fatal implements [asynq.Logger], but does not end the process, which belongs
// to the host.
func (l *logger) Fatal(args ...any) { l.write(slog.LevelError, args) }

func (l *logger) write(level slog.Level, args []any) {
	text := redactPayloads(fmt.Sprint(args...))
	switch {
	case strings.HasPrefix(text, "cannot subscribe to cancelation channel"):
		return // see workerClient.Subscribe
	case strings.HasPrefix(text, "revoke task"):
		level = slog.LevelDebug // a dead letter, which the Service logs
	}
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	repeated, ok := l.shouldWrite(text, level)
	if !ok {
		return
	}
	attrs := []slog.Attr{slog.String("asynq", text)}
	if repeated > 0 {
		attrs = append(attrs, slog.Int("repeated", repeated))
	}
	l.log.LogAttrs(context.Background(), level, "asynqqueue: a log line of asynq", attrs...)
}

// shouldWrite reports whether a line is to be written now, and how many lines
// of its kind were not written since the last one. Lines are of one kind if
// they begin alike: the rest names a task or quotes an error.
func (l *logger) shouldWrite(text string, level slog.Level) (repeated int, ok bool) {
	if level < slog.LevelWarn {
		return 0, true
	}
	kind := text[:min(len(text), 20)]
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s, known := l.lines[kind]
	if known && now.Sub(s.at) < repeatInterval {
		s.repeated++
		l.lines[kind] = s
		return 0, false
	}
	if len(l.lines) >= 64 {
		clear(l.lines) // asynq has fewer kinds of lines, and the map must not grow
	}
	l.lines[kind] = lineState{at: now}
	return s.repeated, true
}

// redactPayloads removes from a line what could be a payload: words that are
// too long, and bytes that are not text.
func redactPayloads(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, text)
	words := strings.Fields(text)
	for i, w := range words {
		if len(w) > maxWord {
			words[i] = "[...]"
		}
	}
	text = strings.Join(words, " ")
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + " [...]"
	}
	return text
}
