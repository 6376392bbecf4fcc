package recovery

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A Job is work that a [Service] does after its answer.
type Job struct {
	// ID is unique, and the same for every attempt.
	ID string
	// NotBefore is when the job may start: a short random pause after the
	// request, so that its work does not show in the time of the next answer
	// (A22).
	NotBefore time.Time
	// NotAfter is when the job has become pointless.
	NotAfter time.Time
	// Payload is sealed by the Service: a queue and its storage see neither
	// identifiers nor tokens. Any bytes, under 16 KiB.
	Payload []byte
}

// Validate reports what is wrong with the job, or nil. For a [Queue] to call
// first. The ID must be 1 to 128 bytes of printable ASCII without spaces, and
// the payload 1 to 16,384 bytes. NotAfter, and NotBefore unless it is zero,
// must be within 1970 to 2261: such times fit into 64 bits as nanoseconds since
// 1970. The error quotes nothing of the job, so it can be logged.
func (j Job) Validate() error {
	switch {
	case !ascii.IsName(j.ID, 1, 128):
		return errors.New("recovery: a job's ID must be 1 to 128 bytes of printable ASCII without spaces")
	case len(j.Payload) < 1 || len(j.Payload) > 16<<10:
		return errors.New("recovery: a job's Payload must be 1 to 16,384 bytes")
	case !j.NotBefore.IsZero() && !fitsNanoseconds(j.NotBefore):
		return errors.New("recovery: a job's NotBefore must be zero or within 1970 to 2261")
	case !fitsNanoseconds(j.NotAfter):
		return errors.New("recovery: a job's NotAfter must be within 1970 to 2261")
	}
	return nil
}

// fitsNanoseconds reports whether t can be told in nanoseconds since 1970. That
// is so until 11 April 2262.
func fitsNanoseconds(t time.Time) bool {
	return t.Unix() >= 0 && t.Unix() < math.MaxInt64/int64(time.Second)
}

// A Queue takes jobs and has them performed by [Service.Perform], after Enqueue
// has returned, once or more: an attempt that fails with an error, panics or is
// lost in a crash is repeated with growing pauses until NotAfter, unless the
// error wraps [ErrPermanent]. A job that was not done then goes to
// [Service.DeadLetter]. Implementations are safe for concurrent use.
type Queue interface {
	// Enqueue returns nil once the queue is responsible for the job. It does
	// not wait for room: a full queue returns an error that wraps
	// [ErrQueueFull]. It returns when ctx ends; the job outlives ctx.
	Enqueue(ctx context.Context, job Job) error
}

// A JobHandler performs jobs. [*Service] is one.
type JobHandler interface {
	// Perform does a job. It returns when ctx ends, as far as the host's
	// [Notifier] and [LeadStore] do.
	Perform(ctx context.Context, job Job) error
	// DeadLetter is told of a job that is given up, and why.
	DeadLetter(ctx context.Context, job Job, cause error)
}

// A WorkerQueue is a Queue with workers in this process. [New] starts the one
// it is given, and [Service.Shutdown] shuts it down.
type WorkerQueue interface {
	Queue
	// Start begins to perform jobs. It is called once.
	Start(h JobHandler) error
	// Shutdown takes no more jobs, finishes what it can before ctx ends, those
	// before their NotBefore too where they would be lost, and returns once no
	// worker runs, or ctx's error.
	Shutdown(ctx context.Context) error
}
