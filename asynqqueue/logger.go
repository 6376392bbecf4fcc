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
	// quiet is how long a line of asynq is not repeated: while Redis is down
	// asynq would say so several times a second.
	quiet = 10 * time.Second
	// A payload is one word, and longer than any word that asynq says.
	maxWord = 80
	maxLine = 400
)

// A logger gives what asynq says to slog.
type logger struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]saying
}

type saying struct {
	at     time.Time
	missed int
}

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, said: make(map[string]saying)}
}

// Debug implements [asynq.Logger].
func (l *logger) Debug(args ...any) { l.say(slog.LevelDebug, args) }

// Info implements [asynq.Logger]. What asynq tells of its start and its end is
// no more than a detail of the host's.
func (l *logger) Info(args ...any) { l.say(slog.LevelDebug, args) }

// Warn implements [asynq.Logger].
func (l *logger) Warn(args ...any) { l.say(slog.LevelWarn, args) }

// Error implements [asynq.Logger].
func (l *logger) Error(args ...any) { l.say(slog.LevelError, args) }

// Fatal implements [asynq.Logger], except that no library ends its host.
func (l *logger) Fatal(args ...any) { l.say(slog.LevelError, args) }

func (l *logger) say(level slog.Level, args []any) {
	text := clean(fmt.Sprint(args...))
	switch {
	case strings.HasPrefix(text, "cannot subscribe to cancelation channel"):
		return // see workerClient.Subscribe
	case strings.HasPrefix(text, "revoke task"):
		level = slog.LevelDebug // a dead letter, of which the Service tells
	}
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	missed, ok := l.due(text, level)
	if !ok {
		return
	}
	attrs := []slog.Attr{slog.String("asynq", text)}
	if missed > 0 {
		attrs = append(attrs, slog.Int("repeated", missed))
	}
	l.log.LogAttrs(context.Background(), level, "asynqqueue: asynq says", attrs...)
}

// due reports whether a line has to be written now, and how many of its kind
// were not. Lines are of a kind if they begin alike: what follows is the task
// or the error.
func (l *logger) due(text string, level slog.Level) (missed int, ok bool) {
	if level < slog.LevelWarn {
		return 0, true
	}
	kind := text[:min(len(text), 20)]
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s, known := l.said[kind]
	if known && now.Sub(s.at) < quiet {
		s.missed++
		l.said[kind] = s
		return 0, false
	}
	if len(l.said) >= 64 {
		clear(l.said) // asynq has fewer kinds, and nothing here may grow
	}
	l.said[kind] = saying{at: now}
	return s.missed, true
}

// clean takes out of a line what could be a payload, which is text without
// spaces or no text at all.
func clean(text string) string {
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
