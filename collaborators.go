package recovery

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// call calls code of the host, and ends its context after the store timeout. It
// turns a panic into an error: one faulty store must not end the process, and a
// connection that breaks must not show who has an account.
func (s *Service) call(ctx context.Context, what string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.StoreTimeout)
	defer cancel()
	return s.guard(ctx, what, func() error { return f(ctx) })
}

// guard calls code of the host that runs as long as the caller's context
// allows. It turns a panic into an error.
func (s *Service) guard(ctx context.Context, what string, f func() error) (err error) {
	defer s.recoverPanic(ctx, what, &err)
	return f()
}

// recoverPanic must be deferred around a call of the host's code. It logs a
// panic and, if err is not nil, stores an error there.
func (s *Service) recoverPanic(ctx context.Context, what string, err *error) {
	if p := recover(); p != nil {
		s.log.ErrorContext(ctx, "recovery: panic", "in", what, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		if err != nil {
			*err = fmt.Errorf("recovery: panic in %s", what)
		}
	}
}

// maxRepeats limits the calls that are repeated in the background at one time.
// Each comes from a reset, or from a NotMe, that passed its limits.
const maxRepeats = 1024

// repeat runs f in the background, with pauses that grow, until f returns nil
// or the time until has come. When Shutdown begins, f gets one last try.
func (s *Service) repeat(what string, until time.Time, f func(ctx context.Context) error) {
	select {
	case s.repeats <- struct{}{}:
	default:
		s.log.Error("recovery: too many calls are being repeated, this one is given up", "what", what)
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
			if late := time.Now().After(until); last || late {
				if !late {
					s.lost.Add(1)
				}
				s.log.Error("recovery: call given up", "what", what, "error", err)
				return
			}
			timer.Reset(pause)
		}
	})
}
