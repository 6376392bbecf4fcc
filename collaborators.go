package recovery

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// call runs one call of a collaborator under the store timeout. A panic there
// is an error, so that one bad hook does not take the process or, by being
// seen, the secret of who exists.
func (s *Service) call(ctx context.Context, what string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.StoreTimeout)
	defer cancel()
	return s.guard(ctx, what, func() error { return f(ctx) })
}

// guard runs code of the host whose time is the caller's.
func (s *Service) guard(ctx context.Context, what string, f func() error) (err error) {
	defer s.recoverPanic(ctx, what, &err)
	return f()
}

// recoverPanic is deferred around code of the host.
func (s *Service) recoverPanic(ctx context.Context, what string, err *error) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "recovery: panic", "in", what, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		if err != nil {
			*err = fmt.Errorf("recovery: panic in %s", what)
		}
	}
}

// maxRepeats bounds the calls that are being repeated in the background, each
// of which stems from a reset, or a NotMe, that passed its limits.
const maxRepeats = 1024

// repeat runs f in the background with growing pauses until it returns nil, or
// until the time is over. Shutdown gives it one last try.
func (s *Service) repeat(what string, until time.Time, f func(ctx context.Context) error) {
	select {
	case s.repeats <- struct{}{}:
	default:
		s.log.Error("recovery: too much to repeat, given up", "what", what)
		return
	}
	s.tasks.Go(func() {
		defer func() { <-s.repeats }()
		timer := time.NewTimer(0)
		defer timer.Stop()
		last := false
		for pause := 100 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
			select {
			case <-timer.C:
			case <-s.closing:
				last = true
			}
			err := s.call(context.Background(), what, f)
			if err == nil {
				return
			}
			if last || time.Now().After(until) {
				s.log.Error("recovery: given up", "what", what, "error", err)
				return
			}
			timer.Reset(pause)
		}
	})
}
