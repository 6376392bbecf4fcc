package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// A ShutdownError says what a Shutdown could not finish. [Service.Shutdown] and
// the queues of this module return it. It wraps the error of ctx, if ctx ended
// first.
type ShutdownError struct {
	// Lost is how many jobs became dead letters, and how many calls were given
	// up, because there was no time for another try.
	Lost int
	// Kept is how many jobs a durable queue has kept although this process had
	// begun them. Another process, or the next start, finishes them. Jobs that
	// only waited there are not counted: a shutdown does not concern them.
	Kept int
	// CutShort is how many requests and attempts had not ended when ctx ended.
	// The job of such an attempt also counts as lost or kept, if that is known.
	CutShort int
	// Cause is the error of ctx, and any other error, or nil.
	Cause error
}

// Error names the numbers that are not zero.
func (e *ShutdownError) Error() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{e.Lost, "lost"}, {e.Kept, "kept in the queue"}, {e.CutShort, "cut short"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	text := "recovery: the shutdown was not complete"
	if len(parts) > 0 {
		text += ": jobs and requests: " + strings.Join(parts, ", ")
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns Cause.
func (e *ShutdownError) Unwrap() error { return e.Cause }

// add adds what another Shutdown returned.
func (e *ShutdownError) add(err error) {
	if other, ok := errors.AsType[*ShutdownError](err); ok {
		e.Lost, e.Kept, e.CutShort = e.Lost+other.Lost, e.Kept+other.Kept, e.CutShort+other.CutShort
		err = other.Cause
	}
	// Most of them end with the one error of ctx, which is said once.
	if err != nil && !errors.Is(e.Cause, err) {
		e.Cause = errors.Join(e.Cause, err)
	}
}

// orNil returns e, or nil if everything was finished.
func (e *ShutdownError) orNil() error {
	if e.Lost == 0 && e.Kept == 0 && e.CutShort == 0 && e.Cause == nil {
		return nil
	}
	return e
}

// Shutdown makes the Service refuse new requests with [ErrUnavailable], waits
// until those that it is answering are done, and shuts its [WorkerQueue]s down.
// It returns nil once no goroutine of the Service runs and all work is done. If
// work was lost, or ctx ends earlier, it returns a [*ShutdownError] that counts.
// A host should then exit with a status that is not 0.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	var result ShutdownError
	if err := wait(ctx, &s.inFlight.done); err != nil {
		result.add(err)
		result.CutShort += s.inFlight.count()
	}
	if first {
		close(s.closing)
	}
	result.add(wait(ctx, &s.tasks))
	for _, queue := range s.queues {
		if q, ok := queue.(WorkerQueue); ok {
			result.add(q.Shutdown(ctx))
		}
	}
	// What the queues' last attempts wanted to be repeated had its last try.
	if err := wait(ctx, &s.tasks); err != nil {
		result.add(err)
		result.CutShort += len(s.repeats)
	}
	result.Lost += int(s.lost.Load())
	return result.orNil()
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

// requests are those that a Service is answering. It is a [sync.WaitGroup] that
// can tell how many there are.
type requests struct {
	done sync.WaitGroup
	n    atomic.Int64
}

func (r *requests) Add(n int) { r.n.Add(int64(n)); r.done.Add(n) }
func (r *requests) Done()     { r.n.Add(-1); r.done.Done() }
func (r *requests) count() int {
	return int(r.n.Load())
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
