// Package outage keeps an outage from filling the log. For each cause it writes
// one line when the outage begins, one with a count at growing intervals, and
// one when it is over.
package outage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// firstInterval is how long after its first line an outage is told of again.
	// Each interval is growth times as long as the one before, up to
	// maxInterval: lines come after 1, 5 and 21 min, and then every hour. When
	// Redis is frozen, seven causes fail at once, so lines that come earlier soon
	// are more than anybody reads.
	firstInterval = time.Minute
	growth        = 4
	maxInterval   = time.Hour
	// quiet is how long nothing may fail before a success ends an outage. With a
	// collaborator that fails now and then, each success would end an outage
	// otherwise, and each failure begin one.
	quiet = 5 * time.Second
	// maxCauses bounds the memory. The causes are names in the code, so there
	// are fewer, unless a mistake puts data into them.
	maxCauses = 256
)

// A Log counts failures by cause. It is safe for concurrent use, has no
// goroutine, and writes while nothing is locked.
type Log struct {
	over string
	n    atomic.Int64 // how many outages there are

	mu      sync.Mutex
	outages map[string]*outage
}

type outage struct {
	log      *slog.Logger
	began    time.Time
	last     time.Time // of the last failure
	next     time.Time // when the next line is due
	interval time.Duration
	failures int
}

// New returns a Log. over is the line that says that an outage is over.
func New(over string) *Log { return &Log{over: over, outages: make(map[string]*outage)} }

// Failed counts a failure, and writes a line to log if one is due. The line is
// msg with args, as [slog.Logger.Log] takes them, and with how many failures of
// this cause there were, and since when. An outage of which nothing was heard for
// an hour is over, without a line.
func (l *Log) Failed(ctx context.Context, log *slog.Logger, level slog.Level, cause, msg string, args ...any) {
	now := time.Now()
	l.mu.Lock()
	o := l.outages[cause]
	if o != nil && now.Sub(o.last) > maxInterval {
		// Nothing tells when this cause is over, or nobody asked.
		delete(l.outages, cause)
		l.n.Add(-1)
		o = nil
	}
	if o == nil && len(l.outages) < maxCauses {
		o = &outage{log: log, began: now, next: now, interval: firstInterval}
		l.outages[cause] = o
		l.n.Add(1)
	}
	if o == nil {
		l.mu.Unlock()
		return
	}
	o.failures++
	o.last = now
	due := !now.Before(o.next)
	if due && o.failures > 1 {
		o.interval = min(growth*o.interval, maxInterval)
		args = append(args[:len(args):len(args)], "failures", o.failures, "since", o.began.UTC())
	}
	if due {
		o.next = now.Add(o.interval)
	}
	l.mu.Unlock()
	if due {
		log.Log(ctx, level, msg, args...)
	}
}

// Works says that something worked that would not while there is an outage for
// this cause. If nothing has failed for some seconds, the outage is over. It
// costs next to nothing while there is no outage.
func (l *Log) Works(ctx context.Context, cause string) {
	if l.n.Load() == 0 {
		return
	}
	now := time.Now()
	l.mu.Lock()
	o := l.outages[cause]
	if o == nil || now.Sub(o.last) < quiet {
		l.mu.Unlock()
		return
	}
	delete(l.outages, cause)
	l.n.Add(-1)
	l.mu.Unlock()
	o.log.InfoContext(ctx, l.over, "what", cause, "failures", o.failures, "lasted", o.last.Sub(o.began).Round(time.Millisecond).String())
}
