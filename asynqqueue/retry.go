package asynqqueue

import (
	"crypto/rand"
	"errors"
	"math"
	"math/big"
	"time"

	"github.com/hibiken/asynq"
)

// maxRetries keeps asynq from counting retries: a job is tried until NotAfter,
// and what is given up is deleted and never archived, because an archive keeps
// payloads for 90 days.
const maxRetries = math.MaxInt32

// again is what asynq is told when a job has to come back. Its text ends up in
// Redis, so it is never the host's: that may quote an address (A31, A39).
type again struct {
	pause  time.Duration
	failed bool // counts as an attempt
}

func (a *again) Error() string {
	if a.failed {
		return "the attempt failed"
	}
	return "handed back"
}

// isFailure tells asynq which errors are failed attempts. Those that are not
// ours are: a lost lease, for one, so that a job that kills its worker comes
// back ever more seldom.
func isFailure(err error) bool {
	a, ok := errors.AsType[*again](err)
	return !ok || a.failed
}

// retryDelay is asynq's question how long a job has to wait that failed for
// the n-th time, counted from 0.
func (q *Queue) retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	pause := time.Duration(0)
	if a, ok := errors.AsType[*again](err); ok {
		pause = a.pause
	} else {
		pause = q.pause(n + 1)
	}
	return time.Until(due(time.Now(), pause))
}

// due is when a pause that begins now ends. asynq keeps whole seconds and cuts
// off the rest, so a pause would end early if it were not rounded up here.
func due(now time.Time, pause time.Duration) time.Time {
	if pause <= 0 {
		return now
	}
	t := now.Add(pause)
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

// pause is the one after the n-th attempt. It doubles with each, less up to a
// quarter so that jobs which failed together do not come back together.
func (q *Queue) pause(n int) (pause time.Duration) {
	defer func() {
		// asynq asks where nobody would recover: a Backoff that panics must
		// not end the process, and neither its value be logged.
		if recover() != nil {
			q.log.Error("asynqqueue: Options.Backoff panics")
			pause = q.opts.MaxRetry
		}
	}()
	if q.opts.Backoff != nil {
		return min(max(0, q.opts.Backoff(n)), 24*time.Hour)
	}
	p := q.opts.MaxRetry
	if shift := max(n, 1) - 1; shift < 63 && q.opts.FirstRetry <= p>>shift {
		p = q.opts.FirstRetry << shift
	}
	return p - randomDuration(p/4)
}

// randomDuration is uniform in [0, d]. Not math/rand: one source of randomness
// is easier to trust than two (A30), and nothing here is hot.
func randomDuration(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(d)+1))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}
