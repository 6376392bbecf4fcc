package durablequeue

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

// upgradeWindow is how long a job of a newer version is left for other
// instances, counted from when this instance first saw the job.
const upgradeWindow = 15 * time.Minute

// leaveForOthers hands back a job that this version cannot read, so that an
// instance that can read it gets it. The job is given up when no instance has
// taken it within the upgrade window, or when it is too old.
func (w *Worker) leaveForOthers(ctx context.Context, job recovery.Job, n int) Result {
	p := w.pool
	if !p.newerVersionSeen.Swap(true) {
		p.opts.Logger.Warn(p.opts.Package+": the queue holds jobs that a newer version of this library enqueued", "advice", "bring all instances to the same version")
	}
	pause := p.Pause(n)
	if p.newerJobs.age(job.ID) >= upgradeWindow || !p.opts.PauseEnd(time.Now(), pause).Before(job.NotAfter) {
		return w.giveUp(ctx, job, ErrNewerVersion)
	}
	return Result{Failed, pause}
}

// maxSightings bounds what a sightings remembers. A job that does not fit in is
// left for other instances until its NotAfter.
const maxSightings = 4096

// sightings remembers when jobs were first seen. The zero value is ready to use.
type sightings struct {
	mu    sync.Mutex
	first map[string]time.Time // by the job's ID
}

// age returns how long ago the job was first seen.
func (s *sightings) age(id string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if first, ok := s.first[id]; ok {
		return now.Sub(first)
	}
	if s.first == nil {
		s.first = make(map[string]time.Time)
	}
	if len(s.first) >= maxSightings {
		maps.DeleteFunc(s.first, func(_ string, first time.Time) bool { return now.Sub(first) > 2*upgradeWindow })
	}
	if len(s.first) < maxSightings {
		s.first[id] = now
	}
	return 0
}
