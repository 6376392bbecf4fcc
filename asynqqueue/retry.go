package asynqqueue

import (
	"errors"
	"math"
	"time"

	"github.com/hibiken/asynq"
)

// maxRetries is so large that asynq never ends a job because of it. A job is
// tried until NotAfter. A job that is given up is deleted and never archived,
// because asynq's archive keeps payloads for 90 days.
const maxRetries = math.MaxInt32

// requeueError tells asynq that a job has to come back, and after which pause.
// asynq writes its text to Redis. So the text never comes from the host's
// errors, which may quote an address (A31, A39).
type requeueError struct {
	pause  time.Duration
	failed bool // whether it counts as a failed attempt
}

func (a *requeueError) Error() string {
	if a.failed {
		return "the attempt failed"
	}
	return "handed back"
}

// isFailure tells asynq which errors are failed attempts. Errors that are not
// of this package are failed attempts. One of these is a lost lease: so the
// pauses grow for a job that kills its worker.
func isFailure(err error) bool {
	a, ok := errors.AsType[*requeueError](err)
	return !ok || a.failed
}

// retryDelay tells asynq how long a job waits after it failed for the n-th
// time, counted from 0.
func (q *Queue) retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	pause := time.Duration(0)
	if a, ok := errors.AsType[*requeueError](err); ok {
		pause = a.pause
	} else {
		pause = q.workers.Pause(n + 1)
	}
	return time.Until(pauseEnd(time.Now(), pause))
}

// pauseEnd returns when a pause that begins now ends. asynq keeps whole seconds
// and drops the rest, so a pause would end too early if it were not rounded up
// here.
func pauseEnd(now time.Time, pause time.Duration) time.Time {
	if pause <= 0 {
		return now
	}
	t := now.Add(pause)
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
