package password

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	defaultGateWaiting = 2048
	defaultGateWait    = 10 * time.Second

	maxGateSlots   = 1 << 12
	maxGateWaiting = 1 << 20
	maxGateWait    = time.Minute
)

// gate lets a fixed number of hashes run at once, and callers wait for a bounded
// time. Without it 64 hashes of argon2 at once on two cores take 2 GB, and five
// times as long as one after the other.
//
// Callers get slots in the order in which they came. A channel gives a free
// slot to the sender that has waited longest, and a new caller finds the
// channel full until no caller waits.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	maxWait    time.Duration
	usual      atomic.Int64 // how long a slot is held, as a moving average in nanoseconds; 0 at first
	promised   atomic.Int64 // when the last caller that was refused was told to come back, in Unix nanoseconds
}

// newGate returns a gate for options that checkGate accepts.
func newGate(maxConcurrent, maxWaiting int, maxWait time.Duration) gate {
	return gate{slots: make(chan struct{}, maxConcurrent), maxWaiting: int64(maxWaiting), maxWait: maxWait}
}

// checkGate reports the mistakes in the options of a hasher that concern its
// gate.
func checkGate(mistake func(format string, args ...any), maxConcurrent, maxWaiting int, maxWait time.Duration) {
	if maxConcurrent < 1 || maxConcurrent > maxGateSlots {
		mistake("MaxConcurrent: %d is not 1 to %d", maxConcurrent, maxGateSlots)
	}
	if maxWaiting < 1 || maxWaiting > maxGateWaiting {
		mistake("MaxWaiting: %d is not 1 to %d", maxWaiting, maxGateWaiting)
	}
	if maxWait < 0 || maxWait > maxGateWait {
		mistake("MaxWait: %v is not 0 to %v", maxWait, maxGateWait)
	}
}

// enter gets a slot, which leave returns. It returns a BusyError if no slot
// becomes free in time, or at once if so many callers wait already that none
// would. It returns the error of ctx if ctx ends first.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case g.slots <- struct{}{}:
		return g.occupied(), nil
	default:
	}

	line := g.waiting.Add(1)
	defer g.waiting.Add(-1)
	if line > g.maxWaiting || g.drain(line) > g.maxWait {
		return nil, g.busy(line)
	}
	timer := time.NewTimer(g.maxWait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return g.occupied(), nil
	case <-timer.C:
		return nil, g.busy(g.waiting.Load())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// occupied returns the function that returns a slot.
func (g *gate) occupied() (leave func()) {
	began := time.Now()
	return func() {
		<-g.slots
		took := int64(time.Since(began))
		if usual := g.usual.Load(); usual > 0 {
			took = usual + (took-usual)/8
		}
		g.usual.Store(max(took, 1)) // two at once may lose one of the measurements
	}
}

// drain returns how long it takes until so many callers have had a slot.
func (g *gate) drain(callers int64) time.Duration {
	return time.Duration(callers * g.usual.Load() / int64(max(1, cap(g.slots))))
}

// busy returns the error of a caller that cannot wait in the line. It is told to
// come back when those in the line have been served, and those who were told so
// before it: otherwise all of them would come back at once.
func (g *gate) busy(line int64) error {
	now := time.Now().UnixNano()
	for {
		promised := g.promised.Load()
		next := max(promised, now+int64(g.drain(line))) + int64(g.drain(1))
		next = min(next, now+int64(maxRetryAfter))
		if g.promised.CompareAndSwap(promised, next) {
			return &BusyError{RetryAfter: max(minRetryAfter, time.Duration(next-now))}
		}
	}
}

// The bounds of [BusyError.RetryAfter].
const (
	minRetryAfter = time.Second
	maxRetryAfter = 2 * time.Minute
)

// A BusyError says that more hashes are requested than the server can compute,
// and when to try again. It matches [ErrBusy].
type BusyError struct {
	// RetryAfter is how long the server needs for those who wait already, and for
	// those who were told to come back, 1 s to 2 min. It grows with their number.
	RetryAfter time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%v, try again in %v", ErrBusy, e.RetryAfter.Round(time.Millisecond))
}

// Is reports whether target is [ErrBusy].
func (e *BusyError) Is(target error) bool { return target == ErrBusy }
