package riverqueue

import (
	"context"
	"slices"
	"sync"
	"time"
)

// leases are the jobs that run here. River does not notice a worker's death for
// an hour. So each worker process renews the rows of its jobs, and takes over
// the rows that nobody renews. The zero value is ready to use.
type leases struct {
	mu   sync.Mutex
	held map[int64]*lease // by the row's ID
}

// A lease is the right to perform one job. ctx ends when it may be lost.
type lease struct {
	all     *leases
	id      int64
	ctx     context.Context
	cancel  context.CancelFunc
	renewed time.Time
}

// begin returns the lease of a job that PostgreSQL has just given out.
func (l *leases) begin(ctx context.Context, id int64) *lease {
	one := &lease{all: l, id: id, renewed: time.Now()}
	one.ctx, one.cancel = context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[int64]*lease)
	}
	l.held[id] = one
	return one
}

// end gives the lease up. It may be called more than once.
func (l *lease) end() {
	l.cancel()
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if l.all.held[l.id] == l {
		delete(l.all.held, l.id)
	}
}

// ids returns the rows to renew.
func (l *leases) ids() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]int64, 0, len(l.held))
	for id := range l.held {
		all = append(all, id)
	}
	return all
}

// renew takes the answer of PostgreSQL: of the rows that it was asked for at a
// time, it found those of running jobs. The attempts of the others end, because
// another process has their jobs. renew returns how many ended.
func (l *leases) renew(asked, found []int64, at time.Time) (lost int) {
	slices.Sort(found)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range asked {
		// A lease that began later is of another attempt.
		if one := l.held[id]; one != nil && one.renewed.Before(at) {
			if _, ok := slices.BinarySearch(found, id); ok {
				one.renewed = at
			} else if one.ctx.Err() == nil {
				one.cancel()
				lost++
			}
		}
	}
	return lost
}

// expire ends the attempts whose rows were not renewed for so long that another
// process may get their jobs before expire is called again. It returns how many
// there were.
func (l *leases) expire() (lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.held {
		if time.Since(one.renewed) >= leaseTime-keepEvery && one.ctx.Err() == nil {
			one.cancel()
			lost++
		}
	}
	return lost
}
