package recovery

import (
	"context"
	"time"
)

// An attempt is one call of the host's code by a worker. If it fails, it is made
// again.
type attempt struct {
	job    string    // its ID, or empty
	number int       // from 1 on, or 0 if the queue does not tell
	until  time.Time // when the last one is made
}

// attrs are what the log says of the attempt.
func (a *attempt) attrs() (attrs []any) {
	if a.job != "" {
		attrs = append(attrs, "job", a.job)
	}
	if a.number > 0 {
		attrs = append(attrs, "attempt", a.number)
	}
	return append(attrs, "retried_until", a.until.UTC().Truncate(time.Second))
}

type attemptKey struct{}

func withAttempt(ctx context.Context, a *attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}

// attemptOf returns the attempt that ctx belongs to. It returns nil for the
// context of a request, which nobody repeats.
func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

type attemptNumberKey struct{}

// WithAttempt returns a context that tells [Service.Perform] which attempt at the
// job this is: 1 for the first. For authors of queues; a queue that does not count
// passes its context unchanged. The number stands in [Event].Attempt and in the
// log.
func WithAttempt(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, attemptNumberKey{}, n)
}

func attemptNumber(ctx context.Context) int {
	n, _ := ctx.Value(attemptNumberKey{}).(int)
	return n
}
