package recovery

import (
	"context"
	"time"
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
