package seal

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Patience is how long a job that this instance cannot open is tried again,
// counted from when this instance first saw it. It is long enough for operators
// to see the log line and to deploy what is missing, and for another instance to
// take the job.
const Patience = 15 * time.Minute

// maxForeign bounds what a Foreign remembers. A job that does not fit in is
// tried again until its queue gives it up.
const maxForeign = 4096

// Foreign keeps account of jobs that this instance cannot open although another
// one may, because it has other keys or another version. The zero value is ready
// to use. It is safe for concurrent use.
type Foreign struct {
	Told // for the log

	mu   sync.Mutex
	seen map[string]time.Time // by the job's ID, when it was first seen
}

// TryAgain reports whether a job that Open refused with err should be tried
// again.
func (f *Foreign) TryAgain(err error, id string) bool {
	if !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrNewerVersion) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	first, ok := f.seen[id]
	if !ok {
		if f.seen == nil {
			f.seen = make(map[string]time.Time)
		}
		if len(f.seen) >= maxForeign {
			maps.DeleteFunc(f.seen, func(_ string, first time.Time) bool { return now.Sub(first) > 2*Patience })
		}
		if len(f.seen) < maxForeign {
			f.seen[id] = now
		}
		return true
	}
	return now.Sub(first) < Patience
}

// Told remembers what an operator was told. The zero value is ready to use. It is
// safe for concurrent use.
type Told struct {
	key, newer atomic.Bool
}

// FirstAdvice returns what an operator should do about err, the first time that
// it is asked about such an error, and nothing from then on: strangers can cause
// some of these errors, and must not fill the log.
func (t *Told) FirstAdvice(err error) string {
	switch {
	case errors.Is(err, ErrUnknownKey) && !t.key.Swap(true):
		return "give all instances the same Keys: deploy a new key everywhere as the last one before it becomes the first, and keep the old one for as long as its documentation says"
	case errors.Is(err, ErrNewerVersion) && !t.newer.Swap(true):
		return "bring all instances to the same version of this library"
	}
	return ""
}
