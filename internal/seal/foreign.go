package seal

import (
	"errors"
	"sync/atomic"
	"time"
)

// Patience is how long a job that this instance cannot open is tried again. The
// time begins when the job was enqueued or, if that is later, when the instance
// started. It is long enough for operators to see the log line and to deploy
// the missing key or version, and for another instance to perform the job.
const Patience = 15 * time.Minute

// A Foreign handles values that this instance cannot open but another instance
// may be able to open, because that has other keys or another version. It is
// safe for concurrent use.
type Foreign struct {
	started    time.Time
	key, newer atomic.Bool // whether such a value was seen
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

// FirstAdvice returns what an operator should do about err. It returns "" if it
// has already given advice about an error of the same kind: strangers can cause
// some of these errors, and must not be able to fill the log.
func (f *Foreign) FirstAdvice(err error) string {
	switch {
	case errors.Is(err, ErrUnknownKey) && !f.key.Swap(true):
		return "give all instances the same Keys: deploy a new key everywhere as the last one before it becomes the first, and keep the old one for as long as its documentation says"
	case errors.Is(err, ErrNewerVersion) && !f.newer.Swap(true):
		return "bring all instances to the same version of this library"
	}
	return ""
}
