package recoverytest

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A watch counts real time for a bubble. Its clock stands still while a
// goroutine waits for a mutex, so a clause could not notice one that waits too
// long.
type watch struct {
	steps atomic.Int64
	end   chan struct{}
}

const watchStep = 5 * time.Millisecond

// newWatch starts a watch. It is called outside of the bubble.
func newWatch() *watch {
	w := &watch{end: make(chan struct{})}
	go func() {
		ticker := time.NewTicker(watchStep)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.steps.Add(1)
			case <-w.end:
				return
			}
		}
	}()
	return w
}

func (w *watch) stop() { close(w.end) }

// soon waits until so reports true, and reports whether it did within the real
// time d. It works also while goroutines of a bubble wait for a mutex.
func (p *probe) soon(d time.Duration, so func() bool) bool {
	if p.watch == nil {
		for end := time.Now().Add(d); !so(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				return false
			}
		}
		return true
	}
	for end := p.watch.steps.Load() + int64(d/watchStep) + 1; !so(); runtime.Gosched() {
		if p.watch.steps.Load() > end {
			return false
		}
	}
	return true
}
