package recoverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-51359b35/recovery"
)

var errSome = errors.New("recoverytest: some failure")

var queueClauses = []clause[*jobs]{
	{"performs", "Queue", "A queue has each job performed, once or more, for which Enqueue returned nil.", func(e *jobs) {
		var ids []string
		for range 40 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
	}},
	{"intact", "Job", "ID, Payload, NotBefore and NotAfter of a job are the same for every attempt, as they were enqueued; a Payload is any bytes under 16 KiB.", func(e *jobs) {
		e.handle(func(_ context.Context, _ recovery.Job, attempt int) error {
			if attempt < 3 {
				return errSome
			}
			return nil
		})
		short, large := e.job(), e.job()
		short.Payload = []byte("x")
		large.Payload = []byte(strings.Repeat("aZ09-_+/=.", 1638))
		every := e.job()
		every.Payload = nil
		for b := range 256 {
			every.Payload = append(every.Payload, byte(b))
		}
		for _, job := range []recovery.Job{e.job(), short, large, every} {
			e.enqueue(job)
			var all []attempt
			e.until("the third attempt of a job whose first two returned an error", func() bool { all = e.attemptsOf(job.ID); return len(all) >= 3 })
			for _, a := range all {
				if !bytes.Equal(a.job.Payload, job.Payload) {
					e.errorf("Perform of a job with a payload of %d bytes: it got another payload, of %d bytes, want the same", len(job.Payload), len(a.job.Payload))
				}
				if !nearlyEqual(a.job.NotAfter, job.NotAfter) || !nearlyEqual(a.job.NotBefore, job.NotBefore) {
					e.errorf("Perform of a job: it got NotBefore %v and NotAfter %v, want %v and %v, or times less than a second away", a.job.NotBefore, a.job.NotAfter, job.NotBefore, job.NotAfter)
				}
			}
		}
	}},
	{"ids-are-apart", "Job.ID", "ID is unique, and up to 128 bytes of printable ASCII: jobs whose IDs look alike are different jobs, and so are jobs with the same payload.", func(e *jobs) {
		name := random()
		long := name + printable(0, 101)
		want := map[string][]byte{}
		for _, id := range []string{
			name, strings.ToLower(name), name + ":", name + ":1", name + "*", ":" + name, "{" + name + "}", name + `\'"%`, name[1:],
			long + "a", long + "A", long + "b", long[:64], long[:65],
		} {
			job := e.job()
			job.ID = id
			want[id] = job.Payload
			e.enqueue(job)
		}
		e.waitPerformed(slices.Collect(maps.Keys(want))...)
		var same []string
		for range 3 {
			job := e.job()
			job.Payload = []byte("the same for all")
			same = append(same, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(same...)
		e.mu.Lock()
		defer e.mu.Unlock()
		for id, payload := range want {
			for _, a := range e.attemptsOf(id) {
				if !bytes.Equal(a.job.Payload, payload) {
					e.errorf("Perform of the job with the ID %q: it got the payload of another job, whose ID looks alike, want its own", id)
				}
			}
		}
	}},
	{"after-enqueue", "Queue", "Jobs are performed after Enqueue has returned: Enqueue does not wait for them.", func(e *jobs) {
		hold := make(chan struct{})
		defer close(hold)
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		for range e.h.Workers + 2 {
			e.within(e.h.Patience, "Enqueue while jobs hang", func() { e.enqueue(e.job()) })
		}
	}},
	{"outlives-request", "Queue.Enqueue", "Enqueue returns nil once the queue is responsible for the job: the end of the request's ctx afterwards does not affect the job.", func(e *jobs) {
		hold, began := make(chan struct{}), make(chan context.Context, 1)
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		job, later := e.job(), e.job()
		later.NotBefore = later.NotBefore.Add(e.h.Quiet / 2)
		e.handle(func(ctx context.Context, j recovery.Job, _ int) error {
			if j.ID == job.ID {
				select {
				case began <- ctx:
				default:
				}
				<-hold
			}
			return nil
		})
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		for _, j := range []recovery.Job{job, later} {
			if err := e.tryEnqueue(ctx, j); err != nil {
				e.fatalf("Enqueue of a job, with a ctx that ends later: it returned %s, want none", outcomeOf(err))
			}
		}
		e.until("a job at work", func() bool { return len(e.attemptsOf(job.ID)) > 0 })
		running := <-began
		cancel()
		time.Sleep(time.Millisecond)
		if err := running.Err(); err != nil {
			e.errorf("Perform, when the ctx that Enqueue had got was cancelled: the ctx of Perform ended too, with %v, want it to go on", err)
		}
		let()
		e.waitPerformed(job.ID, later.ID)
	}},
	{"not-before-zero", "Job.NotBefore", "NotBefore is the earliest start of the job. A job without one may start at once.", func(e *jobs) {
		job := e.job()
		job.NotBefore = time.Time{}
		e.enqueue(job)
		e.waitPerformed(job.ID)
	}},
	{"not-before", "Job.NotBefore", "NotBefore is when the job may start: it does not start earlier (A22).", func(e *jobs) {
		var all []recovery.Job
		for i := range 8 {
			job := e.job()
			job.NotBefore = job.NotBefore.Add(time.Duration(8-i) * e.h.Quiet / 16)
			all = append(all, job)
			e.enqueue(job)
		}
		due := e.job()
		e.enqueue(due)
		e.waitPerformed(due.ID)
		for _, job := range all {
			e.waitPerformed(job.ID)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, job := range all {
			for _, a := range e.attemptsOf(job.ID) {
				if a.at.Before(job.NotBefore) {
					e.errorf("Perform was called %v before the job's NotBefore, want no attempt before it", job.NotBefore.Sub(a.at))
				}
			}
		}
	}},
	{"full", "Queue.Enqueue", "Enqueue does not wait for room: a full queue returns an error that wraps ErrQueueFull, and accepts jobs again when there is room (A59).", func(e *jobs) {
		if e.h.Capacity == 0 {
			e.skip("needs QueueHarness.Capacity")
		}
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		var accepted []string
		var last recovery.Job
		var err error
		for range e.h.Capacity + 2*e.h.Workers + 2 {
			last = e.job()
			e.within(e.h.Patience, "Enqueue into a queue that fills", func() { err = e.tryEnqueue(e.ctx, last) })
			if err != nil {
				break
			}
			accepted = append(accepted, last.ID)
		}
		refused := last.ID
		e.wantError(err, recovery.ErrQueueFull, "Enqueue into a queue of "+fmt.Sprint(e.h.Capacity)+" that holds "+fmt.Sprint(len(accepted)))
		if len(accepted) < e.h.Capacity {
			e.errorf("Enqueue into a queue whose Capacity is %d: it was full with %d jobs, want it to take as many as Capacity", e.h.Capacity, len(accepted))
		}
		let()
		e.waitPerformed(accepted...)
		job := e.job()
		e.enqueue(job)
		e.waitPerformed(job.ID)
		if attempts, deaths := e.history(refused); err != nil && len(attempts)+len(deaths) > 0 {
			e.errorf("a job that Enqueue refused, because the queue was full: %d attempts and %d dead letters, want none", len(attempts), len(deaths))
		}
	}},
	{"workers", "WorkerQueue", "No more jobs run at once than the queue has workers, however many jobs there are.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		e.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
		var ids []string
		for range min(3*e.h.Workers, max(e.h.Workers, 60)) {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.until("as many jobs at work as the queue has workers", func() bool { return e.running >= e.h.Workers })
		e.waitBriefly()
		let()
		e.waitPerformed(ids...)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.mostRunning > e.h.Workers {
			e.errorf("of many jobs that are due, %d ran at once, want at most %d, which is QueueHarness.Workers", e.mostRunning, e.h.Workers)
		}
	}},
	{"slow-one", "Queue", "A job that takes long does not keep the others waiting while there are workers.", func(e *jobs) {
		hold := make(chan struct{})
		let := sync.OnceFunc(func() { close(hold) })
		defer let()
		slow := e.job()
		e.handle(func(_ context.Context, job recovery.Job, _ int) error {
			if job.ID == slow.ID {
				<-hold
			}
			return nil
		})
		e.enqueue(slow)
		// Otherwise a single worker might do the others first.
		e.until("a job at work", func() bool { return e.running > 0 })
		var ids []string
		for range 10 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
	}},
	{"racing", "Queue", "Implementations are safe for concurrent use: no job is lost when many goroutines enqueue at once.", func(e *jobs) {
		ids := make([]string, 60)
		e.race(len(ids), func(i int) {
			job := e.job()
			ids[i] = job.ID
			e.enqueue(job)
		})
		e.waitPerformed(ids...)
	}},
	{"one-at-a-time", "Queue", "An attempt is repeated if it fails, and not while it runs: one worker performs a job, however many have nothing else to do.", func(e *jobs) {
		// These attempts take long, but end before their ctx does: after that a
		// queue may take them for lost.
		var cut sync.Map // the IDs of those whose first attempt's ctx ended before
		e.handle(func(ctx context.Context, job recovery.Job, attempt int) error {
			if job.Payload[0] != 'l' {
				return nil
			}
			long := e.h.Quiet
			if deadline, ok := ctx.Deadline(); ok {
				long = min(long, time.Until(deadline)*9/10)
			}
			select {
			case <-time.After(long):
			case <-ctx.Done():
				if attempt == 1 {
					cut.Store(job.ID, true)
				}
			}
			return nil
		})
		var ids []string
		for range e.h.Workers / 2 {
			job := e.job()
			job.Payload[0] = 'l'
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformedWithin(e.h.Patience+e.h.Quiet, ids...)
		for range 40 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
		e.history("")
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, id := range ids {
			if _, ended := cut.Load(id); ended {
				continue
			}
			if n := len(e.attemptsOf(id)); n != 1 {
				e.errorf("Perform of a job returned nil at the first attempt, after up to %v: the job had %d attempts, want 1", e.h.Quiet, n)
			}
		}
	}},
	{"two-queues", "Queue", "A Service hands jobs over from its Queue to its DeliveryQueue, under the same ID. Each queue performs its own jobs with its own handler, and has workers and room of its own (A96).", func(e *jobs) {
		other := newJobs(e.probe, e.h, "of two queues, the second: ")
		e.name = "of two queues, the first: "
		e.handle(func(ctx context.Context, job recovery.Job, _ int) error {
			job.Payload = []byte("handed over")
			return other.tryEnqueue(ctx, job)
		})
		var ids []string
		for range 10 {
			job := e.job()
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
		other.waitPerformed(ids...)
		for _, id := range ids {
			if len(e.attemptsTold(id, "handed over")) > 0 || len(other.attemptsTold(id, "handed over")) != 1 {
				e.errorf("a job whose Perform by the first queue enqueued it into the second, with the same ID and another payload: the first queue performed that payload %d times and the second %d times, want 0 and 1",
					len(e.attemptsTold(id, "handed over")), len(other.attemptsTold(id, "handed over")))
			}
		}
		e.handle(nil)
		e.wantOwnWorkers(other)
		other.wantOwnWorkers(e)
		if e.h.Capacity > 0 {
			hold := make(chan struct{})
			let := sync.OnceFunc(func() { close(hold) })
			defer let()
			other.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
			var err error
			for range e.h.Capacity + 2*e.h.Workers + 2 {
				e.within(e.h.Patience, "Enqueue into a queue that fills", func() { err = other.tryEnqueue(e.ctx, e.job()) })
				if err != nil {
					break
				}
			}
			e.name = "of two queues, the first, while the second is full: "
			job := e.job()
			e.enqueue(job)
			e.waitPerformed(job.ID)
			let()
		}
		other.shutdown()
		e.name = "of two queues, the first, after Shutdown of the second: "
		job := e.job()
		e.enqueue(job)
		e.waitPerformed(job.ID)
	}},
	{"enqueue-from-a-job", "Queue.Enqueue", "Enqueue does not wait for a worker, so a job may enqueue others, from every worker at once.", func(e *jobs) {
		var mu sync.Mutex
		var children []string
		all := make(chan struct{}, e.h.Workers)
		e.handle(func(ctx context.Context, job recovery.Job, _ int) error {
			if job.Payload[0] != 'p' {
				return nil
			}
			// Each parent waits until as many as possible are at work.
			all <- struct{}{}
			for range 100 {
				if len(all) == cap(all) {
					break
				}
				time.Sleep(e.h.Quiet / 100)
			}
			child := e.job()
			ctx, cancel := context.WithTimeout(ctx, e.h.Patience/8)
			defer cancel()
			if err := e.tryEnqueue(ctx, child); err != nil {
				e.errorf("Enqueue by a job, while every worker performs such a job: it returned %s, want none", outcomeOf(err))
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			children = append(children, child.ID)
			return nil
		})
		var ids []string
		for range e.h.Workers {
			job := e.job()
			job.Payload[0] = 'p'
			ids = append(ids, job.ID)
			e.enqueue(job)
		}
		e.waitPerformed(ids...)
		mu.Lock()
		defer mu.Unlock()
		e.waitPerformed(children...)
	}},
	{"malformed", "Queue.Enqueue", "A malformed job is an error of Enqueue, and is not performed.", func(e *jobs) {
		var ids []string
		for what, change := range map[string]func(job *recovery.Job){
			"no ID":                        func(job *recovery.Job) { job.ID = "" },
			"an ID with a space":           func(job *recovery.Job) { job.ID = "two " + job.ID },
			"an ID of 129 bytes":           func(job *recovery.Job) { job.ID += strings.Repeat("x", 129-len(job.ID)) },
			"no payload":                   func(job *recovery.Job) { job.Payload = nil },
			"a payload of 16,385 bytes":    func(job *recovery.Job) { job.Payload = make([]byte, 16_385) },
			"no NotAfter":                  func(job *recovery.Job) { job.NotAfter = time.Time{} },
			"a NotAfter in the year 2300":  func(job *recovery.Job) { job.NotAfter = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) },
			"a NotBefore in the year 1960": func(job *recovery.Job) { job.NotBefore = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC) },
			"a NotBefore in the year 2300": func(job *recovery.Job) { job.NotBefore = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) },
		} {
			job := e.job()
			change(&job)
			ids = append(ids, job.ID)
			if err := e.tryEnqueue(e.ctx, job); err == nil {
				e.errorf("Enqueue of a job with %s: it returned no error, want one", what)
			}
		}
		e.history("")
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, id := range ids {
			if n := len(e.attemptsOf(id)) + len(e.deathsOf(id)); n > 0 {
				e.errorf("a malformed job (ID %q), which Enqueue must refuse: %d attempts and dead letters, want none", id, n)
			}
		}
	}},
	{"waiting-occupies-none", "Queue", "A job that waits, for NotBefore or for another attempt, occupies no worker: others are performed meanwhile.", func(e *jobs) {
		due := e.job()
		e.handle(func(_ context.Context, job recovery.Job, _ int) error {
			if job.ID != due.ID {
				return errSome
			}
			return nil
		})
		var failing []string
		for range e.h.Workers {
			early, job := e.job(), e.job()
			early.NotBefore = early.NotBefore.Add(50 * e.h.Patience)
			failing = append(failing, job.ID)
			e.enqueue(early, job)
		}
		e.until("as many jobs as there are workers failed twice, while as many others wait for NotBefore", func() bool {
			return !slices.ContainsFunc(failing, func(id string) bool { return len(e.attemptsOf(id)) < 2 })
		})
		e.enqueue(due)
		e.until("a job is performed while as many wait for NotBefore, and as many for another attempt, as there are workers", func() bool { return e.settled(due.ID) })
		e.handle(nil)
	}},
	{"enqueue-context", "Queue.Enqueue", "Enqueue returns when ctx ends, and at once if ctx had ended before.", func(e *jobs) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		job := e.job()
		var err error
		e.within(e.h.Patience, "Enqueue with a ctx that had ended", func() { err = e.tryEnqueue(ctx, job) })
		if err == nil {
			e.waitPerformed(job.ID)
		}
	}},
}

// wantOwnWorkers fails unless a job of this queue is performed while jobs of the
// other occupy as many workers as one queue has.
func (e *jobs) wantOwnWorkers(other *jobs) {
	hold := make(chan struct{})
	let := sync.OnceFunc(func() { close(hold) })
	defer let()
	other.handle(func(context.Context, recovery.Job, int) error { <-hold; return nil })
	var held []string
	for range e.h.Workers {
		job := other.job()
		held = append(held, job.ID)
		other.enqueue(job)
	}
	other.until("as many jobs at work as the queue has workers", func() bool { return other.running >= e.h.Workers })
	job := e.job()
	e.enqueue(job)
	e.until("Perform of a job while all workers of the other queue are busy", func() bool { return e.settled(job.ID) })
	let()
	other.waitPerformed(held...)
	other.handle(nil)
}

// failing returns a handler that fails before attempt n, and then succeeds.
func failing(n int, err error) func(context.Context, recovery.Job, int) error {
	return func(_ context.Context, _ recovery.Job, attempt int) error {
		if attempt < n {
			return err
		}
		return nil
	}
}

// nearlyEqual compares times. A queue may lose the part of a time that is under
// a second.
func nearlyEqual(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Second }

// waitBriefly gives things that must not happen the time to happen. It is
// shorter than an attempt may take.
func (e *jobs) waitBriefly() { time.Sleep(min(e.h.Quiet/10, time.Second)) }

// attemptsTold returns the attempts of a job that got the payload.
func (e *jobs) attemptsTold(id, payload string) (all []attempt) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.attemptsOf(id) {
		if string(a.job.Payload) == payload {
			all = append(all, a)
		}
	}
	return all
}
