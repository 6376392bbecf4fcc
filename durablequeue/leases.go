package durablequeue

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// LeaseTime is after how long without a renewal a job is taken from the
	// process that has it. So a dead worker's job is back within 30 s.
	LeaseTime = 20 * time.Second
	// RenewInterval is how often a process renews the leases of its jobs.
	RenewInterval = 5 * time.Second
)

// Leases are the rights of this process to perform jobs, for a storage that does
// not notice by itself that a worker died. K is what the storage calls a job. The
// zero value is ready to use, and safe for concurrent use.
type Leases[K comparable] struct {
	mu   sync.Mutex
	held map[K]*Lease[K]
}

// A Lease is the right to perform one job.
type Lease[K comparable] struct {
	all     *Leases[K]
	key     K
	ctx     context.Context
	cancel  context.CancelFunc
	renewed time.Time
}

// Begin returns the lease of a job that the storage has just given out.
func (l *Leases[K]) Begin(ctx context.Context, key K) *Lease[K] {
	one := &Lease[K]{all: l, key: key, renewed: time.Now()}
	one.ctx, one.cancel = context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[K]*Lease[K])
	}
	l.held[key] = one
	return one
}

// Context ends when another process may have the job, and with End.
func (l *Lease[K]) Context() context.Context { return l.ctx }

// End gives the lease up. It may be called more than once.
func (l *Lease[K]) End() {
	l.cancel()
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if l.all.held[l.key] == l {
		delete(l.all.held, l.key)
	}
}

// Keys returns the jobs that this process has, in no order. It is never nil.
func (l *Leases[K]) Keys() []K {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.AppendSeq([]K{}, maps.Keys(l.held))
}

// Renew renews all leases. It is called every RenewInterval. ask renews those of
// some jobs in the storage, and returns the jobs that no other process has. If
// ask returns an error, leases live on for a while, but not for so long that
// another process may get their jobs before the next call. Renew returns how many
// leases ended, and the error of ask.
func (l *Leases[K]) Renew(ask func(keys []K) (renewed []K, err error)) (ended int, err error) {
	keys := l.Keys()
	if len(keys) == 0 {
		return 0, nil
	}
	at := time.Now()
	found, err := ask(keys)
	ours := make(map[K]bool, len(found))
	for _, key := range found {
		ours[key] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		one := l.held[key]
		switch {
		case one == nil || !one.renewed.Before(at) || one.ctx.Err() != nil:
			// It ended meanwhile. A lease that began later is of another attempt.
		case err == nil && ours[key]:
			one.renewed = at
		case err == nil || time.Since(one.renewed) >= LeaseTime-RenewInterval:
			one.cancel()
			ended++
		}
	}
	return ended, err
}
