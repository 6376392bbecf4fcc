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
	// ownTime is after how long without a renewal a process ends an attempt. So
	// the attempt has a while to return before another process gets the job.
	ownTime = LeaseTime - RenewInterval
)

// Leases are the rights of this process to perform jobs, for a storage that does
// not notice by itself that a worker died. K is what the storage calls a job. The
// zero value is ready to use, and safe for concurrent use.
type Leases[K comparable] struct {
	mu     sync.Mutex
	held   map[K]*Lease[K]
	lapsed int // leases that were not renewed in time, since the last Renew
}

// A Lease is the right to perform one job.
type Lease[K comparable] struct {
	all     *Leases[K]
	key     K
	ctx     context.Context
	cancel  context.CancelFunc
	renewed time.Time
	lapse   *time.Timer // ends ctx
}

// Begin returns the lease of a job that the storage has given out. at is when the
// storage was asked for it.
func (l *Leases[K]) Begin(ctx context.Context, key K, at time.Time) *Lease[K] {
	one := &Lease[K]{all: l, key: key, renewed: at}
	one.ctx, one.cancel = context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	one.lapse = time.AfterFunc(ownTime-time.Since(at), one.lapses)
	if l.held == nil {
		l.held = make(map[K]*Lease[K])
	}
	l.held[key] = one
	return one
}

// Context ends when another process may have the job, and with Cancel and End.
func (l *Lease[K]) Context() context.Context { return l.ctx }

// Cancel ends the context. The job is kept from other processes until End.
func (l *Lease[K]) Cancel() { l.cancel() }

// End gives the lease up. It may be called more than once.
func (l *Lease[K]) End() {
	l.cancel()
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	l.lapse.Stop()
	if l.all.held[l.key] == l {
		delete(l.all.held, l.key)
	}
}

func (l *Lease[K]) lapses() {
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if l.ctx.Err() == nil && time.Since(l.renewed) >= ownTime {
		l.cancel()
		l.all.lapsed++
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
// another process may get their jobs. Renew returns how many ended since the last
// call, and the error of ask.
func (l *Leases[K]) Renew(ask func(keys []K) (renewed []K, err error)) (ended int, err error) {
	keys := l.Keys()
	at := time.Now()
	var found []K
	if len(keys) > 0 {
		found, err = ask(keys)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		one := l.held[key]
		switch {
		case err != nil || one == nil || !one.renewed.Before(at) || one.ctx.Err() != nil:
			// Without an answer, nothing is known. A lease that began meanwhile is of
			// another attempt.
		case slices.Contains(found, key):
			one.renewed = at
			one.lapse.Reset(ownTime - time.Since(at))
		default:
			one.cancel()
			l.lapsed++
		}
	}
	ended, l.lapsed = l.lapsed, 0
	return ended, err
}
