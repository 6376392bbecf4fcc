package recovery

import (
	"context"
	"errors"
	"sync"
)

// Shutdown makes the Service refuse new requests with [ErrUnavailable], waits
// until those that it is answering are done, and shuts its [WorkerQueue]s down.
// It returns nil once no goroutine of the Service runs. If ctx ends earlier, it
// returns an error that wraps the one of ctx.
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
	for _, queue := range s.queues {
		if q, ok := queue.(WorkerQueue); ok {
			err = errors.Join(err, q.Shutdown(ctx))
		}
	}
	// What the queues' last attempts wanted to be repeated had its last try.
	return errors.Join(err, wait(ctx, &s.tasks))
}

// begin adds a request to s.inFlight, or returns an error if the Service is
// shutting down.
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
