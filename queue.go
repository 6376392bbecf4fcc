package recovery

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/seed-51359b35/recovery/internal/ascii"
)

// A Job is work that a [Service] does after its answer. For authors of queues:
// a queue stores it, and hands it to a [JobHandler] unchanged.
type Job struct {
	// ID is unique. It is the same in every attempt.
	ID string
	// NotBefore is the earliest start of the job. It lies a short random pause
	// after the request, so that the work of the job does not show in the time
	// of the next answer (A22). Zero means at once.
	NotBefore time.Time
	// NotAfter is the time from which on the job is useless.
	NotAfter time.Time
	// Payload is any bytes, 1 to 16,384 bytes. The Service sealed it, so a queue
	// and its storage see neither identifiers nor tokens. Nobody changes the bytes
	// of the slice once the job is in Enqueue: neither the caller, nor the queue,
	// nor the handler. So a queue need not copy them.
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

// A Queue stores jobs, and has each performed after Enqueue has returned. For
// authors of queues; a host can use [MemoryQueue], or package asynqqueue,
// riverqueue or sqlstore.
//
// A job is performed by [Service.Perform], once or more often, by one worker at
// a time. An attempt that returns an error, panics or is lost in a crash is
// repeated, with pauses that grow, until NotAfter; but not if the error wraps
// [ErrPermanent]. A queue gives a job up earlier only if its next pause would
// outlast NotAfter, and not after a number of attempts. Of the pauses, the
// fourth is on average at least one and a half times the first. They may be
// drawn at random, up to a bound that grows (full jitter). After an error that
// wraps [ErrAwaitingReply] the worker keeps the job and repeats the attempt
// itself: no other worker starts it. A job that waits otherwise, for NotBefore or
// for another attempt, occupies no worker. A job that was not done in the end,
// also because of a Shutdown, goes to [Service.DeadLetter].
//
// A Service has two queues, and hands jobs over from one to the other under the
// same ID. The two may have the same storage, but neither jobs, nor room, nor
// workers in common.
//
// Implementations are safe for concurrent use.
type Queue interface {
	// Enqueue returns nil once the queue is responsible for the job. It does
	// not wait for room: a full queue returns an error that wraps
	// [ErrQueueFull]. A malformed job is an error, and is not performed: see
	// [Job.Validate]. Enqueue returns when ctx ends. The job goes on when ctx has
	// ended.
	Enqueue(ctx context.Context, job Job) error
}

// MaxClockSkew is how far the clock of a queue's storage may differ from that of
// this machine and still count for the times of jobs: see [ClockedQueue]. It is an
// hour, by which clocks are wrong that take summer time for the time of day, and
// half an hour more.
const MaxClockSkew = 90 * time.Minute

// A ClockedQueue is a [Queue] whose storage has a clock that all processes share.
// For authors of queues. A [Service] then seals the times of its jobs by that
// clock: with its own, a worker whose clock is ahead of that of a web node would
// find jobs too old, and one whose clock is behind would perform a stolen job for
// too long. The times of a [Job] stay those of the process that has the job; the
// queue stores them by its clock. The first of [Options].Queue and
// [Options].DeliveryQueue that is a ClockedQueue counts, in all processes alike.
type ClockedQueue interface {
	Queue
	// ClockSkew returns by how much the storage's clock is ahead of that of this
	// machine: 0 if it is not known, or if the difference does not matter. More
	// than [MaxClockSkew] either way counts as 0. So whoever sets the clock of the
	// storage ahead and back again lengthens the life of a job by no more than
	// twice that (A31). ClockSkew may ask the storage for its time, but seldom,
	// and returns when ctx ends.
	ClockSkew(ctx context.Context) time.Duration
}

// A JobHandler performs jobs. For authors of queues: the handler that they get
// is a [*Service].
type JobHandler interface {
	// Perform does a job. An error means that the queue has to try the job
	// again, unless it wraps [ErrPermanent]. If it wraps [ErrAwaitingReply], the
	// same worker has to try. Perform returns when ctx ends, as far
	// as the host's [Notifier] and [LeadStore] do.
	Perform(ctx context.Context, job Job) error
	// DeadLetter learns that the queue gave a job up because of cause.
	DeadLetter(ctx context.Context, job Job, cause error)
}

// A WorkerQueue is a [Queue] with workers in this process. For authors of
// queues: [New] starts those in [Options].Queue and [Options].DeliveryQueue, and
// [Service.Shutdown] shuts them down.
type WorkerQueue interface {
	Queue
	// Start begins to perform jobs. It is called once.
	Start(h JobHandler) error
	// Shutdown refuses new jobs, and finishes as many of the old ones as it can
	// before ctx ends. A queue that would lose them also performs those whose
	// NotBefore has not come, and those that wait for another attempt. Those
	// that are lost in the end become dead letters, also those whose attempt does
	// not return when its context has ended. It returns nil once no worker runs
	// and nothing was lost. Otherwise it returns a [*ShutdownError] that counts,
	// and that wraps the error of ctx if ctx ended first. That is within 10
	// seconds after ctx has ended, whatever the attempts do.
	Shutdown(ctx context.Context) error
}
