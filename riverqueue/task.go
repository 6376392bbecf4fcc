package riverqueue

import (
	"encoding/json"
	"math"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// kind is River's kind of every job of this package.
const kind = "recovery:job"

// maxAttempts is the highest number that River has. A job is tried until its
// NotAfter, however often that is.
const maxAttempts = math.MaxInt16

// A task is what River keeps of a job, as JSON. ID is that of the job. Job is
// what durablequeue.Encode writes: a version, times and the sealed payload.
type task struct {
	ID  string `json:"id" river:"unique"`
	Job []byte `json:"job"`

	// pause is how long a job waits that failed. Work sets it for NextRetry.
	pause time.Duration
}

// Kind implements [river.JobArgs].
func (task) Kind() string { return kind }

// UnmarshalJSON implements [json.Unmarshaler]. It never fails: River would repeat
// a job that it cannot read, and store what is wrong with it. Work drops what is
// empty.
func (t *task) UnmarshalJSON(b []byte) error {
	type plain task
	if err := json.Unmarshal(b, (*plain)(t)); err != nil {
		*t = task{}
	}
	return nil
}

// insertOpts returns how River keeps a job that starts at a time, which is stored
// by the clock of PostgreSQL. In one queue there is one job of an ID, until it is
// done.
func (q *Queue) insertOpts(notBefore, stored time.Time) *river.InsertOpts {
	opts := &river.InsertOpts{
		Queue: q.opts.Name, MaxAttempts: maxAttempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}},
	}
	if time.Until(notBefore) > scheduleAhead {
		opts.ScheduledAt = stored
	}
	return opts
}
