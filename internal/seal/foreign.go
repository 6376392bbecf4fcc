package seal

import (
	"errors"
	"sync/atomic"
	"time"
)

// Patience is how long a job that this instance cannot open is tried again,
// from when it was enqueued or, where that is later, from when the instance
// started. It is long enough for operators to see the log line and to deploy
// what is missing, and for another instance to take the job.
const Patience = 15 * time.Minute

// Foreign keeps account of values that this instance cannot open although
// another one may, because it has other keys or another version. It is safe for
// concurrent use.
type Foreign struct {
	started    time.Time
	key, newer atomic.Bool // one was seen
}

// NewForeign returns a Foreign that starts now.
func NewForeign() *Foreign { return &Foreign{started: time.Now()} }

// TryAgain reports whether a job that Open refused with err should be tried
// again.
func (f *Foreign) TryAgain(err error, notBefore time.Time) bool {
	if !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrNewerVersion) {
		return false
	}
	if notBefore.Before(f.started) {
		notBefore = f.started
	}
	return time.Since(notBefore) < Patience
}

// FirstAdvice returns what an operator should do about err, the first time that
// it is asked about such an error, and nothing from then on: strangers can cause
// some of them, and must not fill the log.
func (f *Foreign) FirstAdvice(err error) string {
	switch {
	case errors.Is(err, ErrUnknownKey) && !f.key.Swap(true):
		return "give all instances the same Keys: deploy a new key everywhere as the last one before it becomes the first, and keep the old one for as long as its documentation says"
	case errors.Is(err, ErrNewerVersion) && !f.newer.Swap(true):
		return "bring all instances to the same version of this library"
	}
	return ""
}
