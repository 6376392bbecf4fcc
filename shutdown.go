package recovery

import (
	"context"
	"errors"
	"sync"
)

// Shutdown refuses new requests with [ErrUnavailable], waits for those that
// are being answered, and shuts a [WorkerQueue] down. It returns nil once no
// goroutine of the Service runs, or an error when ctx ends first.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	err := wait(ctx, &s.inFlight)
	if first {
		close(s.closing)
	}
	err = errors.Join(err, wait(ctx, &s.tasks))
	if q, ok := s.opts.Queue.(WorkerQueue); ok {
		err = errors.Join(err, q.Shutdown(ctx))
	}
	return err
}

// begin counts a request in, unless the Service is shutting down.
func (s *Service) begin() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return unavailable("shutting down", nil)
	}
	s.inFlight.Add(1)
	return nil
}

func wait(ctx context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
